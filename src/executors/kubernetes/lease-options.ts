/** The options of an executor's lease. */
import type { ResolvedKubernetesConfig } from '../../config/kubernetes-config.js';
import { type Duration, durationMs, parseDuration } from '../../core/duration.js';
import { ConfigError, type ConfigProblem } from '../../errors.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { canLease, leaseDurationMs } from '../../lease/leader-elector.js';
import { makeSafeLabelValue } from '../../pod/names.js';

/**
 * The lease of an executor. With it, a process writes only while nobody else can have its id, and executors of one group take over each
 * other's pods when one dies. It costs one request every third of the duration, one list of leases per adoption interval, and one patch per task.
 */
export interface LeaseOptions {
  /** Namespace of the leases; the same for the whole group. @default the namespace of the pods */
  readonly namespace?: string | undefined;
  /** How long an executor that has gone silent keeps its pods: at least 3 s, in whole seconds. @default '15s' */
  readonly duration?: Duration | undefined;
  /**
   * Who this process is. A name that only one process can have at a time, such as a StatefulSet's pod name, lets a restart take its lease up at
   * once; any other must wait until the lease of its former self has run out.
   * @default a random one
   */
  readonly identity?: string | undefined;
  /** Executors of one group take over each other's pods. @default 'default' */
  readonly group?: string | undefined;
  /** How often the leases of the group are looked at. @default the duration */
  readonly adoptionInterval?: Duration | 'never' | undefined;
  /**
   * How long a pod whose outcome was told stays, so that a create that comes late finds the name taken. No create takes longer: it is given up
   * by then. Above 0. @default '1m'
   */
  readonly holdNames?: Duration | undefined;
}

/** {@link LeaseOptions}, checked. */
export interface ResolvedLease {
  readonly namespace: string;
  readonly durationMs: number;
  readonly identity: string | undefined;
  readonly group: string;
  /** `undefined` for never. */
  readonly adoptionIntervalMs: number | undefined;
  readonly holdNamesMs: number;
}

/**
 * Checks the options.
 * @throws ConfigError with every problem.
 */
export function resolveLease(
  options: boolean | LeaseOptions | undefined,
  { namespace }: ResolvedKubernetesConfig,
  client: KubeClient,
): ResolvedLease | undefined {
  if (options === undefined || options === false) return undefined;
  const given = options === true ? {} : options;
  const problems: ConfigProblem[] = [];
  if (typeof given !== 'object' || given === null)
    throw new ConfigError([{ field: 'lease', value: options, rule: 'must be a boolean, or an object' }]);
  if (!canLease(client))
    problems.push({
      field: 'kubeClient',
      value: undefined,
      rule: 'must have the methods of LeaseClient where lease is set',
      hint: 'use HttpKubeClient, or add readLease, listLeases, createLease, replaceLease and deleteLease',
    });
  const leaseMs = leaseDurationMs(given.duration, 'lease.duration', problems);
  const { adoptionInterval = leaseMs, holdNames = '1m', group = 'default', identity } = given;
  const intervalMs = adoptionInterval === 'never' ? undefined : parseDuration(adoptionInterval);
  if (adoptionInterval !== 'never' && !(intervalMs !== undefined && intervalMs > 0))
    problems.push({ field: 'lease.adoptionInterval', value: adoptionInterval, rule: 'must be a duration, or never' });
  if (!((parseDuration(holdNames) ?? 0) > 0))
    problems.push({ field: 'lease.holdNames', value: holdNames, rule: 'must be a duration above 0, such as "1m"' });
  for (const [field, text] of Object.entries({ group, identity }))
    if (text !== undefined && (typeof text !== 'string' || text === ''))
      problems.push({ field: `lease.${field}`, value: text, rule: 'must be a text that is not empty' });
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    namespace: given.namespace ?? namespace,
    durationMs: leaseMs,
    identity,
    group: makeSafeLabelValue(group),
    adoptionIntervalMs: intervalMs,
    holdNamesMs: durationMs(holdNames, 'lease.holdNames'),
  };
}
