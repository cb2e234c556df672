/** Options about launches within a try, and their check. */
import type { BackoffPolicy } from '../../core/backoff.js';
import { type Duration, parseDuration } from '../../core/duration.js';
import { VERDICT_KINDS } from '../../core/verdict.js';
import type { ConfigProblem } from '../../errors.js';
import type { InterruptionOverlay, MemoryGrowth } from '../../launch/adapt-launch.js';
import { DEFAULT_POLICY, type LaunchBudgets, type LifecyclePolicy } from '../../lifecycle/policy.js';
import type { RetryRule } from '../../lifecycle/retry-rules.js';
import { parseQuantity } from '../../wire/quantity.js';

/** Delays between launches. */
export interface LaunchBackoffOptions {
  /** First delay. @default '1s' */
  readonly initial?: Duration | undefined;
  /** Longest delay. @default '1m' */
  readonly max?: Duration | undefined;
  /** Growth from one delay to the next. @default 2 */
  readonly factor?: number | undefined;
}

/** One budget of launches. */
export interface LaunchBudgetOptions {
  /** How many more launches a try may use; an integer of at least 0, or `Infinity`. */
  readonly max?: number | undefined;
  /** Delays between them. */
  readonly backoff?: LaunchBackoffOptions | undefined;
}

/** The budget for out-of-memory. */
export interface OomBudgetOptions extends LaunchBudgetOptions {
  /** Factor on the base container's memory request and limit per out-of-memory; 1 leaves them. @default 1.5 */
  readonly memoryFactor?: number | undefined;
  /** Quantity that they never exceed; a launch that ran out of memory with this much is the last. @default none */
  readonly maxMemory?: string | undefined;
}

/** How many more launches a try may use, by what ended the one before. */
export interface RetryOptions {
  /** For faults of the infrastructure, and launches whose main container never started. @default { max: 3 } */
  readonly infra?: LaunchBudgetOptions | undefined;
  /** For out-of-memory. @default { max: 0 } */
  readonly oom?: OomBudgetOptions | undefined;
  /** For failures of the task itself; the host's own tries usually do this. @default { max: 0 } */
  readonly task?: LaunchBudgetOptions | undefined;
  /** Rules that come before the budgets, as Kubernetes' `podFailurePolicy` has them; the first that fits counts. */
  readonly rules?: readonly RetryRule[] | undefined;
  /** Most launches of one try, whatever rules and budgets say. @default 100 */
  readonly maxLaunches?: number | undefined;
  /** A patch of the pod from a number of lost launches on, for example off spot nodes. */
  readonly afterInterruptions?: InterruptionOverlay | undefined;
}

/** {@link RetryOptions}, checked and complete. */
export interface ResolvedRetry {
  readonly budgets: LaunchBudgets;
  readonly rules: LifecyclePolicy['rules'];
  readonly maxLaunches: number;
  readonly backoffs: Readonly<Record<keyof LaunchBudgets, BackoffPolicy>>;
  readonly memory: MemoryGrowth;
  readonly afterInterruptions: InterruptionOverlay | undefined;
}

const BUDGETS = ['infra', 'oom', 'task'] as const;
const ACTIONS: readonly string[] = ['fail', 'retry', 'ignore', 'count'];
const KNOWN_KINDS: ReadonlySet<string> = new Set([
  ...VERDICT_KINDS,
  ...VERDICT_KINDS.filter((kind) => kind.includes('.')).map((kind) => `${kind.split('.')[0]}.*`),
]);
const isCount = (value: unknown) =>
  value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 0);

function readBackoff(
  options: LaunchBackoffOptions | undefined,
  field: string,
  problems: ConfigProblem[],
): BackoffPolicy {
  const { initial = '1s', max = '1m', factor = 2 } = options ?? {};
  const initialMs = parseDuration(initial);
  const maxMs = parseDuration(max);
  if (initialMs === undefined)
    problems.push({ field: `${field}.initial`, value: initial, rule: 'must be a duration, such as "1s"' });
  if (maxMs === undefined)
    problems.push({ field: `${field}.max`, value: max, rule: 'must be a duration, such as "1m"' });
  if (!(factor >= 1))
    problems.push({ field: `${field}.factor`, value: factor, rule: 'must be a number of at least 1' });
  return { initialMs: initialMs ?? 0, maxMs: maxMs ?? 0, factor };
}

function ruleProblems(rule: RetryRule, field: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { action, onExitCodes, onVerdicts, onPodConditions, budget } = rule;
  if (!ACTIONS.includes(action))
    problems.push({ field: `${field}.action`, value: action, rule: `must be one of ${ACTIONS.join(', ')}` });
  if (onExitCodes === undefined && onVerdicts === undefined && onPodConditions === undefined)
    problems.push({ field, rule: 'must have onExitCodes, onVerdicts or onPodConditions' });
  const codes: unknown = onExitCodes?.values;
  if (
    onExitCodes !== undefined &&
    !(Array.isArray(codes) && codes.length > 0 && codes.every((code) => Number.isSafeInteger(code) && code > 0))
  )
    problems.push({ field: `${field}.onExitCodes.values`, value: codes, rule: 'must be a list of exit codes above 0' });
  if (onExitCodes?.operator !== undefined && !['In', 'NotIn'].includes(onExitCodes.operator))
    problems.push({ field: `${field}.onExitCodes.operator`, value: onExitCodes.operator, rule: 'must be In or NotIn' });
  for (const [index, kind] of (onVerdicts ?? []).entries())
    if (!KNOWN_KINDS.has(kind))
      problems.push({
        field: `${field}.onVerdicts[${index}]`,
        value: kind,
        rule: 'is not a kind of verdict',
        hint: 'see docs/verdicts.md for all of them; "image_pull.*" stands for a group',
      });
  if (budget !== undefined && !BUDGETS.includes(budget))
    problems.push({ field: `${field}.budget`, value: budget, rule: `must be one of ${BUDGETS.join(', ')}` });
  return problems;
}

function readMemory({ memoryFactor = 1.5, maxMemory }: OomBudgetOptions, problems: ConfigProblem[]): MemoryGrowth {
  if (!(memoryFactor >= 1 && memoryFactor <= 100))
    problems.push({ field: 'retry.oom.memoryFactor', value: memoryFactor, rule: 'must be a number from 1 to 100' });
  if (maxMemory !== undefined && parseQuantity(maxMemory) === undefined)
    problems.push({ field: 'retry.oom.maxMemory', value: maxMemory, rule: 'must be a quantity, such as "16Gi"' });
  return { factor: memoryFactor, max: maxMemory };
}

function overlayProblems(options: InterruptionOverlay): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { count, overlay } = options;
  if (!Number.isSafeInteger(count) || count < 1)
    problems.push({ field: 'retry.afterInterruptions.count', value: count, rule: 'must be an integer of at least 1' });
  if (typeof overlay !== 'object' || overlay === null || Array.isArray(overlay))
    problems.push({
      field: 'retry.afterInterruptions.overlay',
      value: overlay,
      rule: 'must be a patch of a pod',
      hint: 'for example { spec: { nodeSelector: { "example.com/capacity": "on-demand" } } }',
    });
  return problems;
}

/** Checks the options and fills in defaults; problems are added to the list. */
export function resolveRetry(options: RetryOptions = {}, problems: ConfigProblem[] = []): ResolvedRetry {
  const { rules = [], maxLaunches = DEFAULT_POLICY.maxLaunches, afterInterruptions } = options;
  const budget = (name: keyof LaunchBudgets) => {
    const max = options[name]?.max ?? DEFAULT_POLICY.budgets[name];
    if (!isCount(max))
      problems.push({ field: `retry.${name}.max`, value: max, rule: 'must be an integer of at least 0, or Infinity' });
    return max;
  };
  const backoff = (name: keyof LaunchBudgets) => readBackoff(options[name]?.backoff, `retry.${name}.backoff`, problems);
  if (!Number.isSafeInteger(maxLaunches) || maxLaunches < 1)
    problems.push({ field: 'retry.maxLaunches', value: maxLaunches, rule: 'must be an integer of at least 1' });
  for (const [index, rule] of rules.entries()) problems.push(...ruleProblems(rule, `retry.rules[${index}]`));
  if (afterInterruptions !== undefined) problems.push(...overlayProblems(afterInterruptions));
  return {
    budgets: { infra: budget('infra'), oom: budget('oom'), task: budget('task') },
    backoffs: { infra: backoff('infra'), oom: backoff('oom'), task: backoff('task') },
    rules,
    maxLaunches,
    memory: readMemory(options.oom ?? {}, problems),
    afterInterruptions,
  };
}
