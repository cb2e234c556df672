/** Configuration of the Kubernetes executor: checked against the published schema, resolved into plain numbers. */
import { type Duration, parseDuration } from '../core/duration.js';
import { ConfigError } from '../errors.js';
import { schemaProblems } from './validate.js';

/** Configuration of a Kubernetes executor, as a user writes it. Everything is optional. */
export interface KubernetesConfig {
  /** Namespace of pods that name none. @default 'default' */
  readonly namespace?: string | undefined;
  /** Further namespaces in which pods of this executor may be; they are watched too. `'*'` watches all. @default none */
  readonly watchNamespaces?: readonly string[] | '*' | undefined;
  /** Image of the base container; comes before the template's, and after what the queue and the task say. */
  readonly image?: string | undefined;
  /** YAML file of the base pod; the option `podTemplate` comes first. */
  readonly podTemplateFile?: string | undefined;
  /** Image without its tag; has effect together with `workerContainerTag`, where `image` is not set. */
  readonly workerContainerRepository?: string | undefined;
  /** Tag of `workerContainerRepository`. */
  readonly workerContainerTag?: string | undefined;
  /** When the image of the base container is pulled. @default Kubernetes' */
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** Names of secrets for pulling images. */
  readonly imagePullSecrets?: readonly string[] | undefined;
  /** Name of the container that runs the command. @default 'base' */
  readonly baseContainer?: string | undefined;
  /** Service account of pods. */
  readonly serviceAccountName?: string | undefined;
  /** Requests and limits of the base container, as Kubernetes quantities. */
  readonly resources?: ConfigResources | undefined;
  /** Labels of pods. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations of pods. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Environment variables of the base container. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Secrets of the base container, as an executor config has them. */
  readonly secrets?: readonly object[] | undefined;
  /** Secrets whose keys all become environment variables. */
  readonly envFromSecrets?: readonly string[] | undefined;
  /** Config maps whose keys all become environment variables. */
  readonly envFromConfigMaps?: readonly string[] | undefined;
  /** Labels that nodes must have. */
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  /** Affinity of pods, as Kubernetes has it. */
  readonly affinity?: object | undefined;
  /** Tolerations of pods, as Kubernetes has them. */
  readonly tolerations?: readonly object[] | undefined;
  /** User id of pods. */
  readonly runAsUser?: number | undefined;
  /** Group id of volumes of pods. */
  readonly fsGroup?: number | undefined;
  /** Deletes the pods of tasks that succeeded. @default true */
  readonly deleteWorkerPods?: boolean | undefined;
  /** Deletes the pods of tasks that failed, too. @default false */
  readonly deleteWorkerPodsOnFailure?: boolean | undefined;
  /** Creates in flight at a time. @default 16 */
  readonly podCreationConcurrency?: number | undefined;
  /** Attempts after the first that transient errors of a create may cost; -1 for no limit. @default 10 */
  readonly taskPublishMaxRetries?: number | undefined;
  /** Launches more after faults of the infrastructure; -1 for no limit. The option `retry.infra.max` comes first. @default 3 */
  readonly podLaunchFailureRetries?: number | undefined;
  /** Waiting reasons of containers that end a launch at once, as the option of this name, which comes first. */
  readonly fatalContainerReasons?: readonly string[] | undefined;
  /** Limit for waiting on a full quota. @default '1h' */
  readonly quotaTimeout?: Duration | undefined;
  /** Limit for each phase before running: without a node, pulling, starting. The more special limits come first. */
  readonly pendingTimeout?: Duration | undefined;
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
  /** Takes the service account of the pod this runs in; `false` takes a kubeconfig. @default whichever is there */
  readonly inCluster?: boolean | undefined;
  /** Context of the kubeconfig. @default its current one */
  readonly clusterContext?: string | undefined;
  /** Path of the kubeconfig. @default `KUBECONFIG`, else `~/.kube/config` */
  readonly configFile?: string | undefined;
  /** Whether the certificate of the API server is checked; `true` leaves it to the kubeconfig. @default true */
  readonly verifySsl?: boolean | undefined;
  /** File with the certificates to trust, PEM. @default what the kubeconfig says */
  readonly sslCaCert?: string | undefined;
  /** Limit of one call to the API with its retries. @default '60s' */
  readonly requestTimeout?: Duration | undefined;
  /** Repetitions of a call to the API that failed and may be repeated. @default 9 */
  readonly requestRetries?: number | undefined;
  /** Delay before the first repetition; it doubles from one to the next. @default '250ms' */
  readonly requestBackoff?: Duration | undefined;
  /** Whether connections to the API have TCP keep-alive. @default true */
  readonly enableTcpKeepalive?: boolean | undefined;
  /** First keep-alive probe of an idle connection. @default '30s' */
  readonly tcpKeepIdle?: Duration | undefined;
}

/** Requests and limits, as Kubernetes quantities by resource name. */
export interface ConfigResources {
  /** What is set aside. */
  readonly requests?: Readonly<Record<string, string | number>> | undefined;
  /** What may be used at most. */
  readonly limits?: Readonly<Record<string, string | number>> | undefined;
}

/** What a configuration says about every pod; see the fields of {@link KubernetesConfig}. */
export type PodDefaults = Pick<
  KubernetesConfig,
  | 'imagePullPolicy'
  | 'imagePullSecrets'
  | 'serviceAccountName'
  | 'resources'
  | 'labels'
  | 'annotations'
  | 'env'
  | 'secrets'
  | 'envFromSecrets'
  | 'envFromConfigMaps'
  | 'nodeSelector'
  | 'affinity'
  | 'tolerations'
  | 'runAsUser'
  | 'fsGroup'
>;

/** {@link KubernetesConfig} with all defaults, durations in milliseconds. */
export interface ResolvedKubernetesConfig {
  /** Namespace. */
  readonly namespace: string;
  /** See {@link KubernetesConfig}. */
  readonly watchNamespaces: readonly string[] | '*';
  /** Image, put together from repository and tag where it was not given. */
  readonly image: string | undefined;
  /** YAML file of the base pod. */
  readonly podTemplateFile: string | undefined;
  /** What holds for every pod. */
  readonly podDefaults: PodDefaults;
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
  /** Launches more after faults of the infrastructure; `undefined` where it was not given. */
  readonly podLaunchFailureRetries: number | undefined;
  /** See {@link KubernetesConfig}. */
  readonly fatalContainerReasons: readonly string[] | undefined;
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

/** The object without keys that are undefined, which is how JavaScript writes "left out". */
const withoutUndefined = (input: object): object =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));

function podDefaultsOf(config: KubernetesConfig): PodDefaults {
  const { imagePullPolicy, imagePullSecrets, serviceAccountName, resources, labels, annotations, env, secrets } =
    config;
  const { envFromSecrets, envFromConfigMaps, nodeSelector, affinity, tolerations, runAsUser, fsGroup } = config;
  return withoutUndefined({
    ...{ imagePullPolicy, imagePullSecrets, serviceAccountName, resources, labels, annotations, env, secrets },
    ...{ envFromSecrets, envFromConfigMaps, nodeSelector, affinity, tolerations, runAsUser, fsGroup },
  }) as PodDefaults;
}

/** Image from its parts: a repository or a tag alone says nothing, as in Airflow. */
function imageOf({ image, workerContainerRepository, workerContainerTag }: KubernetesConfig): string | undefined {
  if (image !== undefined) return image;
  if (workerContainerRepository === undefined || workerContainerTag === undefined) return undefined;
  return `${workerContainerRepository}:${workerContainerTag}`;
}

/**
 * Checks a configuration and fills in its defaults. The input is not changed.
 * @throws ConfigError with every problem at once.
 */
export function resolveKubernetesConfig(input: KubernetesConfig = {}): ResolvedKubernetesConfig {
  const given =
    typeof input === 'object' && input !== null && !Array.isArray(input) ? withoutUndefined(input) : (input as unknown);
  const problems = schemaProblems('kubernetes', given, 'config');
  if (problems.length > 0) throw new ConfigError(problems);
  const config = given as KubernetesConfig;
  const ms = (value: Duration | undefined, fallback: Duration) => parseDuration(value ?? fallback) as number;
  const { pendingTimeout = '10m', podLaunchFailureRetries: retries } = config;
  return Object.freeze({
    namespace: config.namespace ?? 'default',
    watchNamespaces: config.watchNamespaces ?? [],
    image: imageOf(config),
    podTemplateFile: config.podTemplateFile,
    podDefaults: podDefaultsOf(config),
    baseContainer: config.baseContainer ?? 'base',
    deleteWorkerPods: config.deleteWorkerPods ?? true,
    deleteWorkerPodsOnFailure: config.deleteWorkerPodsOnFailure ?? false,
    podCreationConcurrency: config.podCreationConcurrency ?? 16,
    taskPublishMaxRetries: config.taskPublishMaxRetries ?? 10,
    podLaunchFailureRetries: retries === -1 ? Number.POSITIVE_INFINITY : retries,
    fatalContainerReasons: config.fatalContainerReasons,
    quotaTimeoutMs: ms(config.quotaTimeout, '1h'),
    unschedulableTimeoutMs: ms(config.unschedulableTimeout, pendingTimeout),
    startingTimeoutMs: ms(config.startingTimeout, pendingTimeout),
    brokenTimeoutMs: ms(config.brokenTimeout, '1m'),
    runningTimeoutMs: config.runningTimeout === undefined ? undefined : parseDuration(config.runningTimeout),
    terminatingTimeoutMs: ms(config.terminatingTimeout, '5m'),
    terminationGracePeriodSeconds: config.terminationGracePeriodSeconds,
    syncTimeoutMs: ms(config.syncTimeout, '30s'),
  });
}
