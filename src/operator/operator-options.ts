/** What a pod operator is told, in our words and in Airflow's. */
import type { Clock } from '../core/clock.js';
import type { Duration } from '../core/duration.js';
import type { Logger } from '../core/logger.js';
import type { LogLine } from '../core/outcome.js';
import type { Random } from '../core/random.js';
import type { SecretValue } from '../core/secret.js';
import type { RetryOptions } from '../executors/kubernetes/retry-options.js';
import type { KubeClient } from '../kube/kube-client.js';
import type { PodCheckOptions } from '../pod/check/pod-check.js';
import type { KubernetesExecutorConfig, SecretReference } from '../pod/executor-config.js';
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

/** What becomes of a pod that has ended. */
export type OnFinishAction = 'delete_pod' | 'delete_succeeded_pod' | 'keep_pod';

/** Where a result comes from and what it must be. */
export interface PodResultOptions {
  /**
   * `message`: what the container writes to its termination message (`/dev/termination-log`). `file`: what it writes to `path`, which the
   * kubelet hands over in the same way, so that no sidecar is needed. Both are limited to 4096 bytes by Kubernetes. `log`: the last
   * line of its log of the form `podwright-result:<bytes>:<result>`, up to 60 KiB. @default 'message'
   */
  readonly from?: 'message' | 'file' | 'log' | undefined;
  /** File of `from: 'file'`, an absolute path. @default '/airflow/xcom/return.json' */
  readonly path?: string | undefined;
  /** Whether the result is JSON, or any text. @default 'json' */
  readonly format?: 'json' | 'text' | undefined;
  /** Most bytes of it. @default 4096 for a message or file, 61440 for a line of the log */
  readonly maxBytes?: number | undefined;
  /** JSON Schema (draft-07) that it must meet. @default any */
  readonly schema?: object | undefined;
}

/** Options of a {@link KubernetesPodOperator}. */
export interface PodOperatorOptions {
  /** Image of the base container; needed unless a template has one. */
  readonly image?: string | undefined;
  /** Entry point, instead of the image's; not passed through a shell. */
  readonly cmds?: readonly string[] | undefined;
  /** Arguments, instead of the image's. */
  readonly arguments?: readonly string[] | undefined;
  /** Beginning of the pod's name; a hash of the step follows. @default the task's id */
  readonly name?: string | undefined;
  /** Name of the step, for its key. @default `name`, or `pod` */
  readonly taskId?: string | undefined;
  /** Namespace. @default the template's, or 'default' */
  readonly namespace?: string | undefined;
  /** Labels of the pod. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations of the pod. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Environment of the base container; a value may be a `secret('…')`. */
  readonly envVars?: readonly EnvVar[] | Readonly<Record<string, string | SecretValue>> | undefined;
  /** Secrets and config maps that become environment variables, as Kubernetes has them. */
  readonly envFrom?: readonly object[] | undefined;
  /** Secrets as environment variables or files. */
  readonly secrets?: readonly SecretReference[] | undefined;
  /** Volumes. */
  readonly volumes?: readonly Volume[] | undefined;
  /** Mounts of the base container. */
  readonly volumeMounts?: readonly VolumeMount[] | undefined;
  /** Requests and limits of the base container. */
  readonly resources?: ResourceRequirements | undefined;
  /** Ports of the base container. */
  readonly ports?: readonly object[] | undefined;
  /** Containers that run before the others, and native sidecars. */
  readonly initContainers?: readonly Container[] | undefined;
  /** When the image is pulled. */
  readonly imagePullPolicy?: KubernetesExecutorConfig['imagePullPolicy'];
  /** Names of secrets for pulling images. */
  readonly imagePullSecrets?: readonly (string | NonNullable<PodSpec['imagePullSecrets']>[number])[] | undefined;
  /** Service account of the pod. */
  readonly serviceAccountName?: string | undefined;
  /** Security settings of the pod. */
  readonly securityContext?: object | undefined;
  /** Security settings of the base container. */
  readonly containerSecurityContext?: object | undefined;
  /** Labels that its node must have. */
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  /** Rules for placing it. */
  readonly affinity?: object | undefined;
  /** Taints that it tolerates. */
  readonly tolerations?: readonly Toleration[] | undefined;
  /** Priority class. */
  readonly priorityClassName?: string | undefined;
  /** Scheduler that places it. */
  readonly schedulerName?: string | undefined;
  /** Runtime class. */
  readonly runtimeClassName?: string | undefined;
  /** Whether it shares its node's network. @default false */
  readonly hostNetwork?: boolean | undefined;
  /** How it resolves names. */
  readonly dnsPolicy?: string | undefined;
  /** Seconds that Kubernetes lets it run. @default no limit */
  readonly activeDeadlineSeconds?: number | undefined;
  /** Time between SIGTERM and SIGKILL when it is ended; whole seconds. @default the pod's own */
  readonly terminationGracePeriod?: Duration | undefined;
  /** YAML file of a pod under everything else. */
  readonly podTemplateFile?: string | undefined;
  /** A pod under everything else; goes before `podTemplateFile`. */
  readonly fullPodSpec?: Pod | undefined;
  /** Container that does the work. @default 'base' */
  readonly baseContainerName?: string | undefined;
  /** What becomes of the pod when it has ended. A pod that was cancelled is always deleted. @default 'delete_pod' */
  readonly onFinishAction?: OnFinishAction | undefined;
  /** Whether the log is given to `onLog`. @default true */
  readonly getLogs?: boolean | undefined;
  /** Takes each line of the base container's log, as it comes; with `deferrable`, at the end. @default the logger, at level info */
  readonly onLog?: ((line: LogLine) => void) | undefined;
  /** Limit for each step until it runs: finding a node, pulling, starting. @default '10m' */
  readonly startupTimeout?: Duration | undefined;
  /** Limit for running. @default none */
  readonly executionTimeout?: Duration | undefined;
  /**
   * Whether the pod of the same step (same context) from a former process is taken up; otherwise a new one is made each time.
   * @default true
   */
  readonly reattachOnRestart?: boolean | undefined;
  /** Exit codes of the base container that mean that there was nothing to do: the state is then `skipped`. */
  readonly skipOnExitCode?: number | readonly number[] | undefined;
  /** Waits with nothing but a watch: the log is not followed, but read at the end. @default false */
  readonly deferrable?: boolean | undefined;
  /** The result that the pod leaves; `true` for JSON from its termination message. @default none */
  readonly result?: PodResultOptions | boolean | undefined;
  /** Launches within the step when the infrastructure fails it, or memory runs out. @default 3 for infrastructure */
  readonly retry?: RetryOptions | undefined;
  /** Rules that the finished pod is checked by before it is sent; `false` leaves them to the server. @default every rule */
  readonly checks?: PodCheckOptions | false | undefined;
  /** The API. @default made from the three options below */
  readonly kubeClient?: KubeClient | undefined;
  /** Takes the service account of the pod that the host runs in; `false` takes a kubeconfig. @default whichever is there */
  readonly inCluster?: boolean | undefined;
  /** Path of the kubeconfig. @default `KUBECONFIG`, else `~/.kube/config` */
  readonly configFile?: string | undefined;
  /** Context of the kubeconfig. @default its current one */
  readonly clusterContext?: string | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

/** The names that Airflow's operator has, where they differ; both may be mixed. */
export interface AirflowPodOperatorOptions {
  /** See {@link PodOperatorOptions.taskId}. */
  readonly task_id?: string | undefined;
  /** `true` is `onFinishAction: 'delete_pod'`, `false` is `'keep_pod'`. */
  readonly is_delete_operator_pod?: boolean | undefined;
  /** See {@link PodOperatorOptions.onFinishAction}. */
  readonly on_finish_action?: OnFinishAction | undefined;
  /** See {@link PodOperatorOptions.inCluster}. */
  readonly in_cluster?: boolean | undefined;
  /** See {@link PodOperatorOptions.configFile}. */
  readonly config_file?: string | undefined;
  /** See {@link PodOperatorOptions.clusterContext}. */
  readonly cluster_context?: string | undefined;
  /** See {@link PodOperatorOptions.envVars}. */
  readonly env_vars?: PodOperatorOptions['envVars'];
  /** See {@link PodOperatorOptions.envFrom}. */
  readonly env_from?: PodOperatorOptions['envFrom'];
  /** See {@link PodOperatorOptions.volumeMounts}. */
  readonly volume_mounts?: PodOperatorOptions['volumeMounts'];
  /** See {@link PodOperatorOptions.resources}. */
  readonly container_resources?: PodOperatorOptions['resources'];
  /** See {@link PodOperatorOptions.initContainers}. */
  readonly init_containers?: PodOperatorOptions['initContainers'];
  /** See {@link PodOperatorOptions.imagePullPolicy}. */
  readonly image_pull_policy?: PodOperatorOptions['imagePullPolicy'];
  /** See {@link PodOperatorOptions.imagePullSecrets}. */
  readonly image_pull_secrets?: PodOperatorOptions['imagePullSecrets'];
  /** See {@link PodOperatorOptions.serviceAccountName}. */
  readonly service_account_name?: string | undefined;
  /** See {@link PodOperatorOptions.securityContext}. */
  readonly security_context?: object | undefined;
  /** See {@link PodOperatorOptions.containerSecurityContext}. */
  readonly container_security_context?: object | undefined;
  /** See {@link PodOperatorOptions.nodeSelector}. */
  readonly node_selector?: PodOperatorOptions['nodeSelector'];
  /** See {@link PodOperatorOptions.priorityClassName}. */
  readonly priority_class_name?: string | undefined;
  /** See {@link PodOperatorOptions.activeDeadlineSeconds}. */
  readonly active_deadline_seconds?: number | undefined;
  /** Seconds; see {@link PodOperatorOptions.terminationGracePeriod}. */
  readonly termination_grace_period?: number | undefined;
  /** See {@link PodOperatorOptions.podTemplateFile}. */
  readonly pod_template_file?: string | undefined;
  /** See {@link PodOperatorOptions.fullPodSpec}. */
  readonly full_pod_spec?: Pod | undefined;
  /** See {@link PodOperatorOptions.baseContainerName}. */
  readonly base_container_name?: string | undefined;
  /** See {@link PodOperatorOptions.getLogs}. */
  readonly get_logs?: boolean | undefined;
  /** Seconds; see {@link PodOperatorOptions.startupTimeout}. */
  readonly startup_timeout_seconds?: number | undefined;
  /** See {@link PodOperatorOptions.reattachOnRestart}. */
  readonly reattach_on_restart?: boolean | undefined;
  /** See {@link PodOperatorOptions.skipOnExitCode}. */
  readonly skip_on_exit_code?: PodOperatorOptions['skipOnExitCode'];
  /** `true` is a result from the file `/airflow/xcom/return.json`. */
  readonly do_xcom_push?: boolean | undefined;
}
