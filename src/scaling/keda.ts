/** KEDA's ScaledObject and ScaledJob (`keda.sh/v1alpha1`): typed builders. */
import { type Duration, parseDuration } from '../core/duration.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import type { KubeObject, Pod } from '../wire/types.js';
import { checkScaler } from './keda-check.js';

/** The TriggerAuthentication of a trigger. */
export interface KedaAuthentication {
  /** Name. */
  readonly name: string;
  /** `TriggerAuthentication` or `ClusterTriggerAuthentication`. @default the former */
  readonly kind?: string | undefined;
}

/** What is scaled. */
export interface KedaTarget {
  /** Name. */
  readonly name: string;
  /** Kind. @default 'Deployment' */
  readonly kind?: string | undefined;
  /** Group and version of its kind. @default 'apps/v1' */
  readonly apiVersion?: string | undefined;
}

/** What holds while a trigger cannot be read. */
export interface KedaFallback {
  /** Failures in a row before it holds. */
  readonly failureThreshold: number;
  /** Workers. */
  readonly replicas: number;
}

/** A trigger of KEDA: where the number comes from that is scaled by. */
export interface KedaTrigger {
  /** Kind, for example `postgresql`. */
  readonly type: string;
  /** Name, for reference within the object. */
  readonly name?: string | undefined;
  /** What the kind needs; KEDA takes texts only. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The TriggerAuthentication with its secrets. */
  readonly authenticationRef?: KedaAuthentication | undefined;
  /** How the number is compared. @default 'AverageValue', the number per worker */
  readonly metricType?: 'AverageValue' | 'Value' | undefined;
}

/** What the two kinds of object have in common. */
export interface ScalerOptions {
  /** Name. */
  readonly name: string;
  /** Namespace. @default 'default' */
  readonly namespace?: string | undefined;
  /** Labels. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** How often the triggers are asked; whole seconds. @default '30s', KEDA's */
  readonly pollingInterval?: Duration | undefined;
  /** Least workers. @default 0 */
  readonly minReplicaCount?: number | undefined;
  /** Most workers. @default 100, KEDA's */
  readonly maxReplicaCount?: number | undefined;
  /** At least one. */
  readonly triggers: readonly KedaTrigger[];
}

/** Options of {@link scaledObject}. */
export interface ScaledObjectOptions extends ScalerOptions {
  /** Deployment that is scaled, or anything else with a scale. */
  readonly target: string | KedaTarget;
  /** How long nothing must be active before it goes down to none; whole seconds. @default '300s', KEDA's */
  readonly cooldownPeriod?: Duration | undefined;
  /** Workers that are kept when a trigger cannot be read so many times in a row. */
  readonly fallback?: KedaFallback | undefined;
  /** How long the autoscaler looks back before it takes workers away; whole seconds. @default '300s', Kubernetes' */
  readonly scaleDownStabilization?: Duration | undefined;
}

/** Options of {@link scaledJob}. */
export interface ScaledJobOptions extends ScalerOptions {
  /** Pod of each job; its restart policy is `Never` unless it says otherwise. */
  readonly pod: Pod;
  /** Failures of a job before it is given up. @default 0 */
  readonly backoffLimit?: number | undefined;
  /** Jobs that are kept after a success. @default 10 */
  readonly successfulJobsHistoryLimit?: number | undefined;
  /** Jobs that are kept after a failure. @default 10 */
  readonly failedJobsHistoryLimit?: number | undefined;
  /** How many jobs are made of what waits. @default 'default' */
  readonly strategy?: 'default' | 'custom' | 'accurate' | 'eager' | undefined;
}

/** An object of KEDA. */
export interface KedaObject extends KubeObject {
  /** What it asks for. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** API version of both kinds. */
export const KEDA_API_VERSION = 'keda.sh/v1alpha1';

function assertOptions(options: unknown, subject: string): void {
  if (typeof options !== 'object' || options === null)
    throw new ConfigError([{ field: 'options', value: options, rule: 'must be an object' }], { subject });
}

const defined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

function secondsOf(value: Duration | undefined, field: string, problems: ConfigProblem[]): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseDuration(value);
  if (ms === undefined || ms % 1_000 !== 0)
    problems.push({ field, value, rule: 'must be a duration of whole seconds', hint: 'such as "30s"' });
  return (ms ?? 0) / 1_000;
}

function objectOf(
  kind: 'ScaledObject' | 'ScaledJob',
  { name, namespace, labels }: ScalerOptions,
  spec: Record<string, unknown>,
  problems: ConfigProblem[],
): KedaObject {
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
  };
  const object: KedaObject = { apiVersion: KEDA_API_VERSION, kind, metadata, spec: defined(spec) };
  problems.push(...checkScaler(object));
  if (problems.length > 0) throw new ConfigError(problems, { subject: kind });
  return object;
}

const triggersOf = (triggers: readonly KedaTrigger[] | undefined) =>
  Array.isArray(triggers) ? (triggers as readonly KedaTrigger[]).map((trigger) => defined({ ...trigger })) : triggers;

/**
 * A ScaledObject: scales a Deployment of workers.
 * @throws ConfigError with every problem.
 * @example
 * scaledObject({ name: 'worker', target: 'worker', maxReplicaCount: 10, triggers: [metricsApiTrigger({ url, valueLocation: 'tasks', targetValue: 4 })] });
 */
export function scaledObject(options: ScaledObjectOptions): KedaObject {
  assertOptions(options, 'ScaledObject');
  const problems: ConfigProblem[] = [];
  const { target, minReplicaCount, maxReplicaCount, fallback } = options;
  const window = secondsOf(options.scaleDownStabilization, 'scaleDownStabilization', problems);
  const behavior = { scaleDown: { stabilizationWindowSeconds: window } };
  const spec = {
    scaleTargetRef: typeof target === 'string' ? { name: target } : defined({ ...target }),
    pollingInterval: secondsOf(options.pollingInterval, 'pollingInterval', problems),
    cooldownPeriod: secondsOf(options.cooldownPeriod, 'cooldownPeriod', problems),
    minReplicaCount,
    maxReplicaCount,
    fallback,
    advanced: window === undefined ? undefined : { horizontalPodAutoscalerConfig: { behavior } },
    triggers: triggersOf(options.triggers),
  };
  return objectOf('ScaledObject', options, spec, problems);
}

/**
 * A ScaledJob: makes one job per so much work.
 * @throws ConfigError with every problem.
 */
export function scaledJob(options: ScaledJobOptions): KedaObject {
  assertOptions(options, 'ScaledJob');
  const problems: ConfigProblem[] = [];
  const { pod, backoffLimit = 0, strategy } = options;
  const { labels, annotations } = pod?.metadata ?? {};
  const template = {
    ...(labels === undefined && annotations === undefined ? {} : { metadata: defined({ labels, annotations }) }),
    spec: { restartPolicy: 'Never', ...pod?.spec },
  };
  const spec = {
    jobTargetRef: { backoffLimit, template },
    pollingInterval: secondsOf(options.pollingInterval, 'pollingInterval', problems),
    minReplicaCount: options.minReplicaCount,
    maxReplicaCount: options.maxReplicaCount,
    successfulJobsHistoryLimit: options.successfulJobsHistoryLimit,
    failedJobsHistoryLimit: options.failedJobsHistoryLimit,
    scalingStrategy: strategy === undefined ? undefined : { strategy },
    triggers: triggersOf(options.triggers),
  };
  return objectOf('ScaledJob', options, spec, problems);
}
