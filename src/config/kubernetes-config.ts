/** Configuration of the Kubernetes executor: one JSON Schema, checked with ajv, resolved into plain numbers. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type Duration, parseDuration } from '../core/duration.js';
import { nearest } from '../core/nearest.js';
import { ConfigError, type ConfigProblem } from '../errors.js';

/** Configuration of a Kubernetes executor, as a user writes it. Everything is optional. */
export interface KubernetesConfig {
  /** Namespace of pods that name none. @default 'default' */
  readonly namespace?: string | undefined;
  /** Further namespaces in which pods of this executor may be; they are watched too. `'*'` watches all. @default none */
  readonly watchNamespaces?: readonly string[] | '*' | undefined;
  /** Image of the base container where neither template nor task name one. */
  readonly image?: string | undefined;
  /** Name of the container that runs the command. @default 'base' */
  readonly baseContainer?: string | undefined;
  /** Deletes the pods of tasks that succeeded. @default true */
  readonly deleteWorkerPods?: boolean | undefined;
  /** Deletes the pods of tasks that failed, too. @default false */
  readonly deleteWorkerPodsOnFailure?: boolean | undefined;
  /** Creates in flight at a time. @default 16 */
  readonly podCreationConcurrency?: number | undefined;
  /** Attempts after the first that transient errors of a create may cost; -1 for no limit. @default 10 */
  readonly taskPublishMaxRetries?: number | undefined;
  /** Limit for waiting on a full quota. @default '1h' */
  readonly quotaTimeout?: Duration | undefined;
  /** Limit for waiting on a node. @default '10m' */
  readonly unschedulableTimeout?: Duration | undefined;
  /** Limit from a node to running: pulling and starting. @default '10m' */
  readonly startingTimeout?: Duration | undefined;
  /** Limit for states that seldom heal: an image that cannot be pulled, a missing secret. @default '1m' */
  readonly brokenTimeout?: Duration | undefined;
  /** Limit for running. @default none */
  readonly runningTimeout?: Duration | undefined;
  /** After this a pod that does not go away counts as lost with its node. @default '5m' */
  readonly terminatingTimeout?: Duration | undefined;
  /** Seconds between SIGTERM and SIGKILL when a pod is ended. @default the pod's own */
  readonly terminationGracePeriodSeconds?: number | undefined;
  /** Limit for the first list when the executor starts. @default '30s' */
  readonly syncTimeout?: Duration | undefined;
}

/** {@link KubernetesConfig} with all defaults, durations in milliseconds. */
export interface ResolvedKubernetesConfig {
  /** Namespace. */
  readonly namespace: string;
  /** See {@link KubernetesConfig}. */
  readonly watchNamespaces: readonly string[] | '*';
  /** Image. */
  readonly image: string | undefined;
  /** Container that runs the command. */
  readonly baseContainer: string;
  /** See {@link KubernetesConfig}. */
  readonly deleteWorkerPods: boolean;
  /** See {@link KubernetesConfig}. */
  readonly deleteWorkerPodsOnFailure: boolean;
  /** See {@link KubernetesConfig}. */
  readonly podCreationConcurrency: number;
  /** See {@link KubernetesConfig}. */
  readonly taskPublishMaxRetries: number;
  /** Milliseconds. */
  readonly quotaTimeoutMs: number;
  /** Milliseconds. */
  readonly unschedulableTimeoutMs: number;
  /** Milliseconds. */
  readonly startingTimeoutMs: number;
  /** Milliseconds. */
  readonly brokenTimeoutMs: number;
  /** Milliseconds; `undefined` for no limit. */
  readonly runningTimeoutMs: number | undefined;
  /** Milliseconds. */
  readonly terminatingTimeoutMs: number;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly terminationGracePeriodSeconds: number | undefined;
  /** Milliseconds. */
  readonly syncTimeoutMs: number;
}

const DNS_LABEL = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';
const namespace = { type: 'string', pattern: DNS_LABEL };
const duration = { isDuration: true };

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    namespace,
    /** See {@link KubernetesConfig}. */
    watchNamespaces: { anyOf: [{ const: '*' }, { type: 'array', items: namespace }] },
    /** Image. */
    image: { type: 'string', minLength: 1 },
    /** Container that runs the command. */
    baseContainer: { type: 'string', pattern: DNS_LABEL },
    /** See {@link KubernetesConfig}. */
    deleteWorkerPods: { type: 'boolean' },
    /** See {@link KubernetesConfig}. */
    deleteWorkerPodsOnFailure: { type: 'boolean' },
    /** See {@link KubernetesConfig}. */
    podCreationConcurrency: { type: 'integer', minimum: 1, maximum: 256 },
    /** See {@link KubernetesConfig}. */
    taskPublishMaxRetries: { type: 'integer', minimum: -1 },
    quotaTimeout: duration,
    unschedulableTimeout: duration,
    startingTimeout: duration,
    brokenTimeout: duration,
    runningTimeout: duration,
    terminatingTimeout: duration,
    /** Seconds between SIGTERM and SIGKILL. */
    terminationGracePeriodSeconds: { type: 'integer', minimum: 0 },
    syncTimeout: duration,
  },
} as const;

const KEYS = Object.keys(SCHEMA.properties);

/** Compiled on first use, since that costs more than everything else at the start of a program. */
function makeValidator(): () => ValidateFunction {
  let validate: ValidateFunction | undefined;
  return () => {
    if (validate !== undefined) return validate;
    const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, verbose: true });
    ajv.addKeyword({
      keyword: 'isDuration',
      validate: (_: unknown, value: unknown) => parseDuration(value) !== undefined,
      errors: false,
    });
    validate = ajv.compile(SCHEMA);
    return validate;
  };
}
const validator = makeValidator();

function problemOf({ instancePath, keyword, params, message, data }: ErrorObject): ConfigProblem {
  const field = `config${instancePath.replace(/\/(\d+)/g, '[$1]').replace(/\//g, '.')}`;
  if (keyword === 'additionalProperties') {
    const name = (params as { additionalProperty: string }).additionalProperty;
    return { field: `${field}.${name}`, rule: 'is not a known key', hint: `did you mean ${nearest(name, KEYS)}?` };
  }
  if (keyword === 'isDuration')
    return { field, value: data, rule: 'must be a duration, such as "30s", "10m" or a number of milliseconds' };
  if (keyword === 'pattern')
    return { field, value: data, rule: 'must be a DNS label: lower-case letters, digits and -, at most 63' };
  return { field, value: data, rule: message ?? 'is invalid' };
}

/**
 * Checks a configuration and fills in its defaults. The input is not changed.
 * @throws ConfigError with every problem at once.
 */
export function resolveKubernetesConfig(input: KubernetesConfig = {}): ResolvedKubernetesConfig {
  const given =
    typeof input === 'object' && input !== null && !Array.isArray(input)
      ? Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
      : input;
  const validate = validator();
  if (!validate(given))
    throw new ConfigError((validate.errors ?? []).filter(({ keyword }) => keyword !== 'anyOf').map(problemOf));
  const config = given as KubernetesConfig;
  const ms = (value: Duration | undefined, fallback: string) => parseDuration(value ?? fallback) as number;
  return Object.freeze({
    /** Namespace. */
    namespace: config.namespace ?? 'default',
    /** See {@link KubernetesConfig}. */
    watchNamespaces: config.watchNamespaces ?? [],
    /** Image. */
    image: config.image,
    /** Container that runs the command. */
    baseContainer: config.baseContainer ?? 'base',
    /** See {@link KubernetesConfig}. */
    deleteWorkerPods: config.deleteWorkerPods ?? true,
    /** See {@link KubernetesConfig}. */
    deleteWorkerPodsOnFailure: config.deleteWorkerPodsOnFailure ?? false,
    /** See {@link KubernetesConfig}. */
    podCreationConcurrency: config.podCreationConcurrency ?? 16,
    /** See {@link KubernetesConfig}. */
    taskPublishMaxRetries: config.taskPublishMaxRetries ?? 10,
    /** Milliseconds. */
    quotaTimeoutMs: ms(config.quotaTimeout, '1h'),
    /** Milliseconds. */
    unschedulableTimeoutMs: ms(config.unschedulableTimeout, '10m'),
    /** Milliseconds. */
    startingTimeoutMs: ms(config.startingTimeout, '10m'),
    /** Milliseconds. */
    brokenTimeoutMs: ms(config.brokenTimeout, '1m'),
    /** Milliseconds; `undefined` for no limit. */
    runningTimeoutMs: config.runningTimeout === undefined ? undefined : parseDuration(config.runningTimeout),
    /** Milliseconds. */
    terminatingTimeoutMs: ms(config.terminatingTimeout, '5m'),
    /** Seconds between SIGTERM and SIGKILL. */
    terminationGracePeriodSeconds: config.terminationGracePeriodSeconds,
    /** Milliseconds. */
    syncTimeoutMs: ms(config.syncTimeout, '30s'),
  });
}
