/** The formulas of scaling: how many pods or workers, how well used. Pure. */
import { ConfigError, type ConfigProblem } from '../errors.js';
import { amountsOf } from '../wire/pod-requests.js';

/** Bounds of {@link desiredPods} and {@link replicas}. */
export interface ScalingBounds {
  /** Least. @default 0 */
  readonly min?: number | undefined;
  /** Most. @default no bound */
  readonly max?: number | undefined;
}

const isCount = (value: unknown) =>
  value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 0);

function bounded(
  value: number,
  { min = 0, max = Number.POSITIVE_INFINITY }: ScalingBounds,
  problems: ConfigProblem[],
): number {
  if (!isCount(min) || min === Number.POSITIVE_INFINITY)
    problems.push({ field: 'min', value: min, rule: 'must be an integer of at least 0' });
  if (!isCount(max)) problems.push({ field: 'max', value: max, rule: 'must be an integer of at least 0, or Infinity' });
  else if (isCount(min) && max < min)
    problems.push({ field: 'max', value: max, rule: `must not be below min, ${min}` });
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'scaling' });
  return Math.min(max, Math.max(min, value));
}

/**
 * Pods that are wanted while so many tasks wait: P(t) = min(Pmax, max(Pmin, T(t))). One pod per task, within the bounds.
 * @throws ConfigError where a number is none, or the bounds cross.
 * @example
 * desiredPods(7, { min: 2, max: 5 }); // 5
 */
export function desiredPods(pending: number, bounds: ScalingBounds = {}): number {
  const problems: ConfigProblem[] = [];
  if (!isCount(pending)) problems.push({ field: 'pending', value: pending, rule: 'must be an integer of at least 0' });
  return bounded(pending, bounds, problems);
}

/**
 * Workers that are wanted for so many tasks, queued and running, when each takes `perWorker` at a time: ⌈tasks ∕ perWorker⌉, within the bounds.
 * @throws ConfigError where a number is none, or the bounds cross.
 * @example
 * replicas(queued + running, 4, { max: 10 });
 */
export function replicas(tasks: number, perWorker: number, bounds: ScalingBounds = {}): number {
  const problems: ConfigProblem[] = [];
  if (!isCount(tasks)) problems.push({ field: 'tasks', value: tasks, rule: 'must be an integer of at least 0' });
  if (!(typeof perWorker === 'number' && perWorker > 0))
    problems.push({ field: 'perWorker', value: perWorker, rule: 'must be a number above 0' });
  return bounded(Math.ceil(tasks / perWorker), bounds, problems);
}

/** Quantities, or plain numbers, by resource name. */
export type ResourceUse = Readonly<Record<string, string | number>>;

/**
 * What part of its requests a pod uses, by resource: U = used ∕ requested. Resources that were not requested are left out; above 1 it
 * uses more than it has reserved.
 * @example
 * podUtilization({ cpu: '250m', memory: '1Gi' }, { cpu: '500m', memory: '2Gi' }); // { cpu: 0.5, memory: 0.5 }
 */
export function podUtilization(used: ResourceUse, requested: ResourceUse): Readonly<Record<string, number>> {
  const problems: ConfigProblem[] = [];
  for (const [part, given] of [
    ['used', used],
    ['requested', requested],
  ] as const) {
    const known = amountsOf(given);
    for (const [name, value] of Object.entries(given ?? {}))
      if (!known.has(name))
        problems.push({ field: `${part}.${name}`, value, rule: 'must be a quantity, such as "500m"' });
  }
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'utilization' });
  const uses = amountsOf(used);
  return Object.fromEntries(
    [...amountsOf(requested)]
      .filter(([, nano]) => nano > 0n)
      .map(([name, nano]) => [name, Number(uses.get(name) ?? 0n) / Number(nano)]),
  );
}
