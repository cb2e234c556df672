/** What a task may say about itself to a LocalExecutor. */
import { parseDuration } from '../../core/duration.js';
import { nearest } from '../../core/nearest.js';
import { isSecret, type SecretValue } from '../../core/secret.js';
import { type ConfigProblem, InvalidWorkloadError } from '../../errors.js';

/** Executor config of a local task. */
export interface LocalExecutorConfig {
  /** Environment variables on top of the executor's; `null` removes one. A {@link secret} is given to the process only. */
  readonly env?: Readonly<Record<string, string | SecretValue | null>> | undefined;
  /** Working directory. @default the executor's */
  readonly cwd?: string | undefined;
  /** Limit for the run; then the process tree is ended and the task fails with `deadline.running`. @default the executor's */
  readonly timeout?: number | string | undefined;
}

const FIELDS = ['env', 'cwd', 'timeout'];
/** Parts for other executors that a hybrid's task may carry; they do not concern this one. */
const FOREIGN = new Set(['KubernetesExecutor', 'pod_override', 'podOverride']);

function envProblems(env: unknown): ConfigProblem[] {
  if (env === undefined) return [];
  if (typeof env !== 'object' || env === null || Array.isArray(env))
    return [{ field: 'executorConfig.env', value: env, rule: 'must be an object of strings' }];
  return Object.entries(env)
    .filter(
      ([name, value]) =>
        (value !== null && typeof value !== 'string' && !isSecret(value)) || name === '' || /[=\0]/.test(name),
    )
    .map(([name]) => ({
      field: `executorConfig.env.${name}`,
      rule: 'must be a string, or null to remove the variable',
    }));
}

/**
 * Reads the executor config of a local task; fields may also stand under `LocalExecutor`.
 * @throws InvalidWorkloadError (`ERR_PODWRIGHT_EXECUTOR_CONFIG`) with every problem.
 */
export function localConfigOf(executorConfig: object | undefined): LocalExecutorConfig {
  const outer = { ...executorConfig } as Record<string, unknown>;
  const nested = outer.LocalExecutor;
  delete outer.LocalExecutor;
  for (const name of FOREIGN) delete outer[name];
  const problems: ConfigProblem[] = [];
  if (nested !== undefined && (typeof nested !== 'object' || nested === null))
    problems.push({ field: 'executorConfig.LocalExecutor', value: nested, rule: 'must be an object' });
  const config = { ...outer, ...(nested as object | undefined) } as Record<string, unknown>;
  for (const field of Object.keys(config))
    if (!FIELDS.includes(field))
      problems.push({
        field: `executorConfig.${field}`,
        rule: 'is not known to LocalExecutor',
        hint: `did you mean ${nearest(field, FIELDS)}?`,
      });
  problems.push(...envProblems(config.env));
  if (config.cwd !== undefined && typeof config.cwd !== 'string')
    problems.push({ field: 'executorConfig.cwd', value: config.cwd, rule: 'must be a string' });
  if (config.timeout !== undefined && parseDuration(config.timeout) === undefined)
    problems.push({
      field: 'executorConfig.timeout',
      value: config.timeout,
      rule: 'must be a duration such as "30s" or a number of milliseconds',
    });
  if (problems.length > 0) throw new InvalidWorkloadError(problems, { code: 'ERR_PODWRIGHT_EXECUTOR_CONFIG' });
  return config as LocalExecutorConfig;
}
