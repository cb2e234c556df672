/**
 * What a task may say about its pod. Three forms are understood and may be mixed: the flat form of Airflow (`image`, `request_memory`,
 * `env_vars`, …), in snake_case or camelCase; the same below `KubernetesExecutor`; and `podOverride`, a whole pod merged last.
 */
import { nearest } from '../core/nearest.js';
import { type ConfigProblem, InvalidWorkloadError } from '../errors.js';
import type {
  Container,
  EnvVar,
  Pod,
  PodSpec,
  ResourceRequirements,
  Toleration,
  Volume,
  VolumeMount,
} from '../wire/types.js';
import { BARE_AMOUNTS, EXECUTOR_CONFIG_RULES } from './executor-config-rules.js';
import { shortHash } from './names.js';

/** A Kubernetes secret for a task, in Airflow's terms. */
export interface SecretReference {
  /** Whether it becomes an environment variable or files. */
  readonly deployType: 'env' | 'volume';
  /** Name of the variable, or the path to mount at. For a whole secret as environment, left out. */
  readonly deployTarget?: string | undefined;
  /** Name of the secret. */
  readonly secret: string;
  /** Key within the secret; left out, the whole secret. */
  readonly key?: string | undefined;
}

/** Executor config of a task that runs as a pod. */
export interface KubernetesExecutorConfig {
  /** Namespace of the pod. */
  readonly namespace?: string | undefined;
  /** Image of the base container. */
  readonly image?: string | undefined;
  /** When the image is pulled. */
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** CPU request, for example `500m`. */
  readonly requestCpu?: string | undefined;
  /** Memory request, for example `1Gi`. */
  readonly requestMemory?: string | undefined;
  /** CPU limit. */
  readonly limitCpu?: string | undefined;
  /** Memory limit. */
  readonly limitMemory?: string | undefined;
  /** Number of GPUs, as a limit of `nvidia.com/gpu`. */
  readonly limitGpu?: string | number | undefined;
  /**
   * Requests and limits in Kubernetes' form, GPUs included. Bare amounts (`{cpu, memory}`) are requests; a `priority` beside them, as an
   * adaptive allocation returns it, has no meaning for a pod.
   */
  readonly resources?: ResourceRequirements | undefined;
  /** Labels of the pod. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations of the pod. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Environment of the base container: Kubernetes' list, or an object of strings. */
  readonly env?: readonly EnvVar[] | Readonly<Record<string, string>> | undefined;
  /** Secrets of the base container. */
  readonly secrets?: readonly SecretReference[] | undefined;
  /** Volumes of the pod. */
  readonly volumes?: readonly Volume[] | undefined;
  /** Mounts of the base container. */
  readonly volumeMounts?: readonly VolumeMount[] | undefined;
  /** Node selector of the pod. */
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  /** Affinity of the pod. */
  readonly affinity?: object | undefined;
  /** Tolerations of the pod. */
  readonly tolerations?: readonly Toleration[] | undefined;
  /** Service account of the pod. */
  readonly serviceAccountName?: string | undefined;
  /** A template file for this task instead of the executor's. */
  readonly podTemplateFile?: string | undefined;
  /** A pod merged over everything else of this task. */
  readonly podOverride?: Pod | undefined;
}

const RENAMED: Readonly<Record<string, keyof KubernetesExecutorConfig>> = {
  envVars: 'env',
  nodeSelectors: 'nodeSelector',
};
const FIELDS = Object.keys(EXECUTOR_CONFIG_RULES);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Parts for other executors that a hybrid's task may carry. */
const FOREIGN = new Set(['LocalExecutor']);

const camel = (name: string) =>
  name.replace(/(?<=[a-zA-Z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Our name of a field, from any of its forms. */
function nameOf(given: string): string {
  const name = camel(given);
  return Object.hasOwn(RENAMED, name) ? (RENAMED[name] as string) : name;
}

/** Flattens the nested forms into one list of fields; later ones win. */
function fieldsOf(config: Record<string, unknown>): [string, unknown][] {
  return Object.entries(config).flatMap(([name, value]): [string, unknown][] => {
    if (FOREIGN.has(name)) return [];
    if ((name === 'KubernetesExecutor' || camel(name) === 'kubernetesConfig') && isObject(value))
      return fieldsOf(value as Record<string, unknown>);
    return [[nameOf(name), value]];
  });
}

/**
 * Reads the executor config of a task.
 * @throws InvalidWorkloadError (`ERR_PODWRIGHT_EXECUTOR_CONFIG`) with every problem.
 */
export function kubernetesConfigOf(executorConfig: object | undefined): KubernetesExecutorConfig {
  const problems: ConfigProblem[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, value] of fieldsOf({ ...executorConfig } as Record<string, unknown>)) {
    const field = `executorConfig.${name}`;
    const rule = Object.hasOwn(EXECUTOR_CONFIG_RULES, name)
      ? EXECUTOR_CONFIG_RULES[name as keyof KubernetesExecutorConfig]
      : undefined;
    if (rule === undefined)
      problems.push({
        field,
        rule: 'is not known to KubernetesExecutor',
        hint: `did you mean ${nearest(name, FIELDS)}?`,
      });
    else if (value !== undefined && value !== null) {
      problems.push(...rule(value, field));
      config[name] = value;
    }
  }
  if (problems.length > 0) throw new InvalidWorkloadError(problems, { code: 'ERR_PODWRIGHT_EXECUTOR_CONFIG' });
  return config as KubernetesExecutorConfig;
}

function secretParts(secrets: readonly SecretReference[]): {
  env: EnvVar[];
  envFrom: object[];
  volumes: Volume[];
  mounts: VolumeMount[];
} {
  const parts = { env: [] as EnvVar[], envFrom: [] as object[], volumes: [] as Volume[], mounts: [] as VolumeMount[] };
  for (const raw of secrets) {
    const given = raw as unknown as Record<string, string | undefined>;
    const type = given.deployType ?? given.deploy_type;
    const target = given.deployTarget ?? given.deploy_target;
    const { secret, key } = raw;
    if (type === 'volume') {
      // By what it holds, so that volumes of several layers neither meet by accident nor stand there twice.
      const name = `secret-${shortHash(JSON.stringify([secret, key, target]), 10)}`;
      parts.volumes.push({
        name,
        secret: { secretName: secret, ...(key === undefined ? {} : { items: [{ key, path: key }] }) },
      });
      parts.mounts.push({ name, mountPath: target ?? `/var/run/secrets/${secret}`, readOnly: true });
    } else if (target === undefined || key === undefined) parts.envFrom.push({ secretRef: { name: secret } });
    else parts.env.push({ name: target, valueFrom: { secretKeyRef: { name: secret, key } } });
  }
  return parts;
}

const envList = (env: KubernetesExecutorConfig['env']): EnvVar[] =>
  Array.isArray(env)
    ? [...(env as EnvVar[])]
    : Object.entries((env as Record<string, string> | undefined) ?? {}).map(([name, value]) => ({ name, value }));

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== undefined && !(isObject(value) && Object.keys(value).length === 0),
    ),
  ) as Partial<T>;

const bareAmounts = (resources: KubernetesExecutorConfig['resources']): Record<string, unknown> =>
  Object.fromEntries(Object.entries(resources ?? {}).filter(([name]) => BARE_AMOUNTS.has(name)));

/** The pod that an executor config describes, without its `podOverride`, to be merged over a template. */
export function podOfConfig(config: KubernetesExecutorConfig, baseContainer: string): Pod {
  const secrets = secretParts(config.secrets ?? []);
  const gpu = config.limitGpu === undefined ? {} : { 'nvidia.com/gpu': String(config.limitGpu) };
  const requests = {
    ...bareAmounts(config.resources),
    ...defined({ cpu: config.requestCpu, memory: config.requestMemory }),
    ...config.resources?.requests,
  };
  const limits = {
    ...defined({ cpu: config.limitCpu, memory: config.limitMemory }),
    ...gpu,
    ...config.resources?.limits,
  };
  const orNone = <T>(list: readonly T[]) => (list.length === 0 ? undefined : [...list]);
  const container = defined({
    image: config.image,
    imagePullPolicy: config.imagePullPolicy,
    env: orNone([...envList(config.env), ...secrets.env]),
    envFrom: orNone(secrets.envFrom),
    resources: defined({ requests, limits, claims: config.resources?.claims }),
    volumeMounts: orNone([...(config.volumeMounts ?? []), ...secrets.mounts]),
  });
  const spec = defined({
    volumes: orNone([...(config.volumes ?? []), ...secrets.volumes]),
    nodeSelector: config.nodeSelector,
    affinity: config.affinity,
    tolerations: config.tolerations === undefined ? undefined : [...config.tolerations],
    serviceAccountName: config.serviceAccountName,
  });
  return {
    metadata: defined({
      namespace: config.namespace,
      labels: config.labels,
      annotations: config.annotations,
    }) as Pod['metadata'] & object,
    spec: { ...spec, containers: [{ name: baseContainer, ...container } as Container] } as PodSpec,
  };
}
