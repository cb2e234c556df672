/** Whether a failed launch is followed by another, and what that costs: rules first, then budgets. */
import type { Verdict, VerdictKind } from '../core/verdict.js';
import type { PodObservation } from './observation.js';
import { FINAL_KINDS, type LaunchBudgets, type LifecyclePolicy, type SpentLaunches } from './policy.js';

/**
 * What a rule does: `fail` ends the try; `retry` launches again and spends its budget; `ignore` launches again at no cost (up to
 * `maxLaunches`); `count` leaves it to the budgets, as if no rule had fitted.
 */
export type RetryAction = 'fail' | 'retry' | 'ignore' | 'count';

/** Criterion on the exit code of a container, as in Kubernetes' `podFailurePolicy`. */
export interface ExitCodeCriterion {
  /** Whether the code must be among the values. @default 'In' */
  readonly operator?: 'In' | 'NotIn' | undefined;
  /** Exit codes; 0 is never one. */
  readonly values: readonly number[];
  /** Container that is meant. @default the base container */
  readonly containerName?: string | undefined;
}

/** Criterion on a condition of the pod. */
export interface PodConditionCriterion {
  /** Type, for example `DisruptionTarget`. */
  readonly type: string;
  /** Status. @default 'True' */
  readonly status?: string | undefined;
}

/** One rule. All criteria that it has must fit; of several rules the first that fits counts. */
export interface RetryRule {
  /** What to do. */
  readonly action: RetryAction;
  /** Exit codes. */
  readonly onExitCodes?: ExitCodeCriterion | undefined;
  /** Kinds of verdict; `image_pull.*` stands for all kinds of that group. */
  readonly onVerdicts?: readonly (VerdictKind | `${string}.*`)[] | undefined;
  /** Conditions; one of them must hold. */
  readonly onPodConditions?: readonly PodConditionCriterion[] | undefined;
  /** Budget that `retry` spends. @default 'task' */
  readonly budget?: keyof LaunchBudgets | undefined;
}

const fitsExitCode = (
  { operator = 'In', values, containerName }: ExitCodeCriterion,
  pod: PodObservation | undefined,
) => {
  const container =
    containerName === undefined ? pod?.base : pod?.containers.find(({ name }) => name === containerName);
  const exitCode = container?.state === 'terminated' ? container.exitCode : undefined;
  return exitCode !== undefined && exitCode !== 0 && values.includes(exitCode) === (operator === 'In');
};

const fitsKind = (patterns: readonly string[], kind: VerdictKind) =>
  patterns.some((pattern) => (pattern.endsWith('.*') ? kind.startsWith(pattern.slice(0, -1)) : kind === pattern));

function fits(rule: RetryRule, verdict: Verdict, pod: PodObservation | undefined): boolean {
  const { onExitCodes, onVerdicts, onPodConditions } = rule;
  if (onExitCodes !== undefined && !fitsExitCode(onExitCodes, pod)) return false;
  if (onVerdicts !== undefined && !fitsKind(onVerdicts, verdict.kind)) return false;
  return (
    onPodConditions === undefined ||
    onPodConditions.some(({ type, status = 'True' }) =>
      pod?.conditions.some((condition) => condition.type === type && condition.status === status),
    )
  );
}

/** The budget that a failed launch is put down to, or `undefined` where no launch may follow. */
export function budgetOf(verdict: Verdict): keyof LaunchBudgets | undefined {
  if (FINAL_KINDS.has(verdict.kind)) return undefined;
  if (verdict.kind === 'oom_killed') return 'oom';
  if (verdict.blame === 'infra') return 'infra';
  return verdict.blame === 'task' ? 'task' : undefined;
}

/** What is spent after one more launch, or `undefined` where none may follow. */
export function nextLaunch(
  verdict: Verdict,
  pod: PodObservation | undefined,
  { launch, spent }: { readonly launch: number; readonly spent: SpentLaunches },
  { rules, budgets, maxLaunches }: Pick<LifecyclePolicy, 'rules' | 'budgets' | 'maxLaunches'>,
): SpentLaunches | undefined {
  if (verdict.kind === 'cancelled' || launch >= maxLaunches || pod?.toldVerdict !== undefined) return undefined;
  const rule = rules.find((one) => fits(one, verdict, pod));
  const action = rule?.action ?? 'count';
  if (action === 'fail') return undefined;
  if (action === 'ignore') return spent;
  const budget = action === 'retry' ? (rule?.budget ?? 'task') : budgetOf(verdict);
  if (budget === undefined || spent[budget] >= budgets[budget]) return undefined;
  return { ...spent, [budget]: spent[budget] + 1 };
}
