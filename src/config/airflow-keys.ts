/** Airflow's configuration keys, and what each of them is here: a key of ours, or a reason why it cannot matter. */

/** How the text of a value is read. */
export type AirflowType = 'text' | 'boolean' | 'integer' | 'seconds' | 'list' | 'json' | 'jsonList';

/** One key of Airflow's that has an effect. */
export interface AirflowKey {
  /** Path of our key. */
  readonly to: string;
  /** How its text is read. */
  readonly type: AirflowType;
  /** Whether an empty value means that it is not set. @default true */
  readonly isUnsetWhenEmpty?: boolean;
}

const K = 'kubernetes.';
const text = (to: string): AirflowKey => ({ to: K + to, type: 'text' });
const boolean = (to: string): AirflowKey => ({ to: K + to, type: 'boolean' });
const integer = (to: string): AirflowKey => ({ to: K + to, type: 'integer' });
const seconds = (to: string): AirflowKey => ({ to: K + to, type: 'seconds' });
const list = (to: string): AirflowKey => ({ to: K + to, type: 'list' });
const json = (to: string, type: 'json' | 'jsonList' = 'json'): AirflowKey => ({ to: K + to, type });

/** Keys of `[kubernetes_executor]`, and of `[kubernetes]`, its name before Airflow 2.5. Those that start with `$` are put together later. */
export const KUBERNETES_KEYS: Readonly<Record<string, AirflowKey>> = {
  namespace: text('namespace'),
  pod_template_file: text('podTemplateFile'),
  worker_container_repository: text('workerContainerRepository'),
  worker_container_tag: text('workerContainerTag'),
  worker_container_image: text('image'),
  image_pull_policy: text('imagePullPolicy'),
  image_pull_secrets: list('imagePullSecrets'),
  worker_service_account_name: text('serviceAccountName'),
  worker_resource_request_cpu: text('resources.requests.cpu'),
  worker_resource_request_memory: text('resources.requests.memory'),
  worker_resource_limit_cpu: text('resources.limits.cpu'),
  worker_resource_limit_memory: text('resources.limits.memory'),
  worker_node_selector: json('nodeSelector'),
  worker_tolerations: json('tolerations', 'jsonList'),
  affinity: json('affinity'),
  worker_annotations: json('annotations'),
  worker_labels: json('labels'),
  env_from_secret_ref: list('envFromSecrets'),
  env_from_configmap_ref: list('envFromConfigMaps'),
  run_as_user: integer('runAsUser'),
  fs_group: integer('fsGroup'),
  delete_worker_pods: boolean('deleteWorkerPods'),
  delete_worker_pods_on_failure: boolean('deleteWorkerPodsOnFailure'),
  worker_pods_creation_batch_size: integer('podCreationConcurrency'),
  pod_creation_max_concurrency: integer('$maxConcurrency'),
  multi_namespace_mode: boolean('$multiNamespace'),
  multi_namespace_mode_namespace_list: list('$namespaces'),
  pod_creation_timeout: seconds('startingTimeout'),
  max_pod_pending_timeout: seconds('pendingTimeout'),
  worker_pod_pending_fatal_container_state_reasons: list('fatalContainerReasons'),
  termination_grace_period_seconds: integer('terminationGracePeriodSeconds'),
  delete_option_kwargs: json('$deleteOptions'),
  kube_client_request_args: json('$requestArgs'),
  api_client_retry_configuration: json('$retryConfiguration'),
  task_publish_max_retries: integer('taskPublishMaxRetries'),
  pod_launch_failure_retries: integer('podLaunchFailureRetries'),
  enable_tcp_keepalive: boolean('enableTcpKeepalive'),
  tcp_keep_idle: seconds('tcpKeepIdle'),
  in_cluster: boolean('inCluster'),
  cluster_context: text('clusterContext'),
  config_file: text('configFile'),
  verify_ssl: boolean('verifySsl'),
  ssl_ca_cert: text('sslCaCert'),
};

/** Names of former times within the section, and the ones of today. */
export const RENAMED_KEYS: Readonly<Record<string, string>> = {
  worker_container_image_pull_policy: 'image_pull_policy',
  worker_node_selectors: 'worker_node_selector',
  node_selectors: 'worker_node_selector',
  tolerations: 'worker_tolerations',
  worker_pods_pending_timeout: 'max_pod_pending_timeout',
  worker_pods_queued_timeout: 'max_pod_pending_timeout',
};

const NO_POLLING = 'pods are watched, so that nothing is polled for';
const MOUNT_BY_TEMPLATE = 'volumes, mounts and init containers come from the pod template';
const NO_FACTORY = 'clients are objects here: pass kubeClient';

/** Keys that cannot matter here, and why. A name that ends in `*` stands for all that begin with it. */
export const IGNORED_KEYS: Readonly<Record<string, string>> = {
  dags_in_image: MOUNT_BY_TEMPLATE,
  'dags_volume_*': MOUNT_BY_TEMPLATE,
  'logs_volume_*': MOUNT_BY_TEMPLATE,
  'git_*': MOUNT_BY_TEMPLATE,
  airflow_configmap: MOUNT_BY_TEMPLATE,
  airflow_local_settings_configmap: MOUNT_BY_TEMPLATE,
  gcp_service_account_keys: MOUNT_BY_TEMPLATE,
  worker_dags_folder: MOUNT_BY_TEMPLATE,
  tcp_keep_intvl: 'Node cannot set the interval of keep-alive probes; the system decides',
  tcp_keep_cnt: 'Node cannot set the number of keep-alive probes; the system decides',
  worker_pods_pending_timeout_check_interval: NO_POLLING,
  worker_pods_pending_timeout_batch_size: NO_POLLING,
  worker_pods_queued_check_interval: NO_POLLING,
  async_pod_creation: 'pods are always created side by side',
  logs_task_metadata: 'log lines always carry the key of the task as fields',
  running_pod_log_lines: 'a call that reads logs says itself how many lines it wants',
  pod_launch_failure_excluded_container_reasons:
    'what deserves another launch is decided by verdict: see the option retry.rules',
  client_factory: NO_FACTORY,
  async_client_factory: NO_FACTORY,
};

/** Sections that hold a map of their own, as Airflow 1.10 had them, and what they become. */
export const MAP_SECTIONS: Readonly<Record<string, string>> = {
  kubernetes_node_selectors: 'kubernetes.nodeSelector',
  kubernetes_labels: 'kubernetes.labels',
  kubernetes_annotations: 'kubernetes.annotations',
  kubernetes_environment_variables: 'kubernetes.env',
  kubernetes_secrets: 'kubernetes.secrets',
};

/** Keys of other sections. */
export const OTHER_KEYS: Readonly<Record<string, Readonly<Record<string, AirflowKey>>>> = {
  core: { parallelism: { to: 'parallelism', type: 'integer' } },
  local_kubernetes_executor: { kubernetes_queue: { to: 'kubernetesQueue', type: 'text' } },
};

/** Why a key cannot matter, or `undefined` where it is not such a key. */
export function reasonToIgnore(key: string): string | undefined {
  if (Object.hasOwn(IGNORED_KEYS, key)) return IGNORED_KEYS[key];
  return Object.entries(IGNORED_KEYS).find(([name]) => name.endsWith('*') && key.startsWith(name.slice(0, -1)))?.[1];
}
