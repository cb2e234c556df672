/**
 * podwright runs task instances as Kubernetes pods, as local processes, or as whichever their queue names, and hands back one outcome
 * per try, with the reason.
 *
 * Start with {@link KubernetesExecutor}, {@link LocalExecutor} or {@link LocalKubernetesExecutor}; extend {@link BaseExecutor} for an
 * executor of your own. Tests need no cluster: see `podwright/testing`.
 *
 * @packageDocumentation
 */
export {
  type Allocation,
  type AllocationTier,
  adaptiveAllocation,
  DEFAULT_TIERS,
  type FreeAmounts,
  type FreeResources,
  type FreeTotals,
} from './capacity/adaptive-allocation.js';
export { AdaptiveRequests, type AdaptiveRequestsOptions } from './capacity/adaptive-requests.js';
export type { ResourceAmounts } from './capacity/amounts.js';
export type { RunAnswer } from './capacity/can-run.js';
export {
  type CapacityClient,
  ClusterResources,
  type ClusterState,
  type NodeResources,
  type ReadResourcesOptions,
  type ResourceBalance,
} from './capacity/cluster-resources.js';
export type { NodeState } from './capacity/node-view.js';
export type { ConfigNotice } from './config/airflow-import.js';
export {
  type ConfigResources,
  type KubernetesConfig,
  type PodDefaults,
  type ResolvedKubernetesConfig,
  resolveKubernetesConfig,
} from './config/kubernetes-config.js';
export {
  type LoadConfigOptions,
  type LoadedConfig,
  type LoadedExecutorOptions,
  loadConfig,
  type PodwrightConfig,
} from './config/load-config.js';
export type { BackoffPolicy } from './core/backoff.js';
export { type Clock, type DelayOptions, systemClock } from './core/clock.js';
export { type ApiCallMessage, DIAGNOSTICS_CHANNELS, type ExecutorMessage } from './core/diagnostics.js';
export type { Duration } from './core/duration.js';
export { GuardedEmitter } from './core/guarded-emitter.js';
export { type Logger, silentLogger } from './core/logger.js';
export type {
  ExecutorEvents,
  FailedOutcome,
  LogLine,
  Outcome,
  OutcomeBase,
  OutcomeTimes,
  PodTimes,
  QueuedTask,
  RunLogOptions,
  SuccessOutcome,
  TaskEvent,
  TaskEventBase,
  TaskRun,
  TaskState,
  Workload,
} from './core/outcome.js';
export { type Random, seededRandom, systemRandom } from './core/random.js';
export { DEFAULT_SECRET_PATTERNS } from './core/redact.js';
export { isSecret, revealSecret, type SecretValue, secret } from './core/secret.js';
export { keyToString, type TaskInstanceKey, type TaskInstanceKeyInput, taskInstanceKey } from './core/task-key.js';
export { type TaskTimeouts, TIMEOUT_PHASES, type TimeoutPhase, type TimeoutsMs } from './core/timeouts.js';
export { type Blame, type Evidence, VERDICT_KINDS, type Verdict, type VerdictKind } from './core/verdict.js';
export { type DoctorCheck, type DoctorOptions, type DoctorState, diagnose } from './deploy/doctor.js';
export { deployManifests, type HostResources, type ManifestOptions } from './deploy/manifests.js';
export { DEPLOY_FEATURES, type DeployFeature } from './deploy/permissions.js';
export { type PolicyRule, type RbacObject, type RbacOptions, rbacManifests } from './deploy/rbac.js';
export {
  CancelledError,
  ClusterError,
  ConfigError,
  type ConfigProblem,
  DuplicateTaskError,
  InvalidPodError,
  InvalidWorkloadError,
  KubeApiError,
  type KubeApiErrorFields,
  KubeConfigError,
  type KubeErrorCause,
  LeaseHeldError,
  LeaseLostError,
  LifecycleError,
  LogError,
  PodTemplateError,
  PodTemplatingError,
  PodwrightError,
  type PodwrightErrorCode,
  type PodwrightErrorOptions,
  StoreError,
  TimeoutError,
  UnknownTaskError,
  UnsupportedError,
  WatchError,
} from './errors.js';
export { BaseExecutor, type BaseExecutorOptions, type QueueWait } from './executors/base-executor.js';
export type {
  CancelOptions,
  CancelResult,
  ChangedOptions,
  EndOptions,
  EndReport,
  Executor,
  RevokeOptions,
  TaskLog,
} from './executors/executor.js';
export { HybridExecutor, type HybridExecutorOptions } from './executors/hybrid-executor.js';
export type { IncidentOptions } from './executors/kubernetes/incident-log.js';
export { KubernetesExecutor } from './executors/kubernetes/kubernetes-executor.js';
export type { KubernetesExecutorOptions } from './executors/kubernetes/kubernetes-options.js';
export type { LeaseOptions } from './executors/kubernetes/lease-options.js';
export type { LogSink, LogSource } from './executors/kubernetes/log-sink.js';
export type { ExecutorPeer } from './executors/kubernetes/peers.js';
export type { PendingReason } from './executors/kubernetes/pending.js';
export type { KeepPodsOptions, KeepRule } from './executors/kubernetes/pod-keeper.js';
export type {
  LaunchBackoffOptions,
  LaunchBudgetOptions,
  OomBudgetOptions,
  RetryOptions,
} from './executors/kubernetes/retry-options.js';
export type { LocalExecutorConfig } from './executors/local/local-config.js';
export { LocalExecutor, type LocalExecutorOptions } from './executors/local/local-executor.js';
export { SequentialExecutor } from './executors/local/sequential-executor.js';
export { LocalKubernetesExecutor, type LocalKubernetesExecutorOptions } from './executors/local-kubernetes-executor.js';
export type { EndDetails } from './executors/outcome-hub.js';
export { makeVerdict, type VerdictParts } from './executors/verdicts.js';
export type { ApiCallerOptions } from './kube/api-caller.js';
export type { CallRunnerOptions } from './kube/call-runner.js';
export type { ClusterLike, KubeConfigLike } from './kube/client-node-config.js';
export type { ConnectOptions, InClusterOptions, TrustOptions } from './kube/connect.js';
export { CoreV1KubeClient, type CoreV1KubeClientOptions } from './kube/core-v1-client.js';
export type { AuthorizationV1ApiLike, CoordinationV1ApiLike, CoreV1ApiLike } from './kube/core-v1-shapes.js';
export { type EachPodOptions, eachPod } from './kube/each-pod.js';
export type { FlowControlOptions } from './kube/flow-control.js';
export {
  HttpKubeClient,
  type HttpKubeClientConnectOptions,
  type HttpKubeClientOptions,
  type RequestCredentials,
  type RetryPolicy,
} from './kube/http-kube-client.js';
export { HttpsTransport, type HttpsTransportOptions, type TlsOptions } from './kube/https-transport.js';
export type {
  AccessQuestion,
  AccessReviewer,
  CallGate,
  CallOptions,
  CreateOptions,
  DeleteCollectionOptions,
  DeleteOptions,
  EventReader,
  KubeClient,
  LeaseClient,
  ListOptions,
  ListScope,
  LogOptions,
  LogReader,
  NamespaceReader,
  NodeReader,
  PatchOptions,
  PatchType,
  PodCollectionWriter,
  PodReader,
  PodUsage,
  PodWatchChange,
  PodWatchError,
  PodWatchEvent,
  PodWriter,
  QuotaReader,
  ReadShape,
  SecretClient,
  ServerClock,
  UsageReader,
  WatchOptions,
} from './kube/kube-client.js';
export { type FollowLogOptions, followLog } from './kube/log-follower.js';
export { type FollowPodLogsOptions, followPodLogs } from './kube/pod-logs.js';
export type { Transport, TransportRequest, TransportResponse } from './kube/transport.js';
export type { InterruptionOverlay } from './launch/adapt-launch.js';
export { type ReleasedPod, type ReleaseFinalizersOptions, releaseFinalizers } from './launch/release-finalizers.js';
export { LeaderElector, type LeaderElectorOptions } from './lease/leader-elector.js';
export { rendezvousOwner } from './lease/rendezvous.js';
export type { PodEnd, PodFailure, PodSuccess } from './lifecycle/classify.js';
export {
  type Decided,
  decide,
  decideGone,
  type FinalDecision,
  FRESH_RECORD,
  type PodDecision,
  type PodEnded,
  type PodExpired,
  type PodRecord,
  type PodWait,
  type RecordedWait,
} from './lifecycle/decide.js';
export { explainPod, type PodExplanation } from './lifecycle/explain.js';
export {
  type ContainerObservation,
  type ContainerRole,
  observe,
  type PodObservation,
  type PodPhase,
} from './lifecycle/observation.js';
export {
  DEFAULT_POLICY,
  type LaunchBudgets,
  type LifecycleClocks,
  type LifecyclePolicy,
  type SpentLaunches,
} from './lifecycle/policy.js';
export type { ExitCodeCriterion, PodConditionCriterion, RetryAction, RetryRule } from './lifecycle/retry-rules.js';
export type { WaitClock } from './lifecycle/waiting.js';
export {
  type CleanedPod,
  type CleanupClient,
  type CleanupFailure,
  type CleanupOptions,
  type CleanupProgress,
  type CleanupReport,
  cleanupCompletedPods,
} from './monitor/cleanup.js';
export type { CleanupReason, KeptReason } from './monitor/cleanup-rules.js';
export type { PodAges, PodCounts, PodMetrics } from './monitor/pod-metrics.js';
export {
  type CleanupOldPodsOptions,
  PodMonitor,
  type PodMonitorOptions,
  type PodMonitorWatchOptions,
  type PodStatusReport,
} from './monitor/pod-monitor.js';
export {
  PodFailedError,
  PodResultError,
  type ResultProblem,
} from './operator/operator-errors.js';
export type {
  AirflowPodOperatorOptions,
  OnFinishAction,
  PodOperatorOptions,
  PodResultOptions,
} from './operator/operator-options.js';
export {
  type ExecuteOptions,
  KubernetesPodOperator,
  type OperatorContext,
  type PodOperatorResult,
} from './operator/pod-operator.js';
export { lintPod, POD_LINTS, type PodLint, type PodLintName, type PodLintOptions } from './pod/check/lint.js';
export { assertPod, checkPod, type PodCheckOptions } from './pod/check/pod-check.js';
export { POD_SCHEMA_VERSION } from './pod/check/pod-schema.generated.js';
export { assertPodPolicy, checkOverridePolicy, checkPodPolicy, type PodPolicy } from './pod/check/policy.js';
export { withRestrictedDefaults } from './pod/check/restricted.js';
export type { KubernetesExecutorConfig, SecretReference } from './pod/executor-config.js';
export { annotationsToKey, makeSafeLabelValue, makeSafePodName } from './pod/names.js';
export {
  type PodGenerator,
  type PodLayerOptions,
  type RenderedPod,
  type RenderOptions,
  TemplatePodGenerator,
  type TemplatePodGeneratorOptions,
} from './pod/pod-generator.js';
export { deserializePod, getBasePodFromTemplate, serializePod } from './pod/pod-template.js';
export type { Provenance } from './pod/provenance.js';
export { reconcilePods } from './pod/reconcile.js';
export type { LaunchContext } from './pod/system-fields.js';
export {
  type NoticeRecord,
  type ParsedRun,
  parseRunRecords,
  type RecordableSource,
  type RecordRunOptions,
  RUN_RECORD_VERSION,
  type RunRecord,
  type RunStartRecord,
  recordRun,
  renderFailures,
  renderSummary,
  renderTimeline,
  type TaskOutcomeRecord,
  type TaskPendingRecord,
  type TaskRelaunchRecord,
  type TaskStepRecord,
} from './report/index.js';
export { renderScalingChart, renderScalingSvg } from './scaling/chart.js';
export { advertiseDeletionCost, DELETION_COST_ANNOTATION, type DeletionCostOptions } from './scaling/deletion-cost.js';
export {
  desiredPods,
  podUtilization,
  type ResourceUse,
  replicas,
  type ScalingBounds,
} from './scaling/formulas.js';
export type { ScalableExecutor, ScalableWatch, ScalingNumbers } from './scaling/host-metrics.js';
export {
  KEDA_API_VERSION,
  type KedaAuthentication,
  type KedaFallback,
  type KedaObject,
  type KedaTarget,
  type KedaTrigger,
  type ScaledJobOptions,
  type ScaledObjectOptions,
  type ScalerOptions,
  scaledJob,
  scaledObject,
} from './scaling/keda.js';
export {
  type MetricsApiTriggerOptions,
  metricsApiTrigger,
  type PostgresqlTriggerOptions,
  type PrometheusTriggerOptions,
  postgresqlTrigger,
  prometheusTrigger,
} from './scaling/keda-triggers.js';
export { type UpgradedScaler, upgradeScaler } from './scaling/keda-upgrade.js';
export { clusterCost, DEFAULT_PRICES, type PodClass, type PodHours, type PriceTable } from './scaling/prices.js';
export { type Cost, costOfRun, type RunCost, type RunCostOptions } from './scaling/run-cost.js';
export { type MetricsEndpoint, type ServeMetricsOptions, serveMetrics } from './scaling/serve-metrics.js';
export {
  type ScalingPoint,
  type ScalingSetting,
  type ScalingSimulation,
  type ScalingWait,
  simulateScaling,
} from './scaling/simulate.js';
export {
  type PodUtilization,
  type ReadUtilizationOptions,
  readUtilization,
  type Utilization,
} from './scaling/utilization.js';
export { KubernetesJobWatcher, type KubernetesJobWatcherOptions } from './watch/job-watcher.js';
export { ListWatcher, type ListWatcherOptions } from './watch/list-watch.js';
export { FileResourceVersionStore, MemoryResourceVersionStore } from './watch/resource-version-store.js';
export type {
  ResourceVersionStore,
  WatchBookmarkEvent,
  WatchEvent,
  Watcher,
  WatchInitApplyEvent,
  WatchInitDoneEvent,
  WatchInitEvent,
  WatchPodEvent,
  WatchStatus,
} from './watch/watcher.js';
export type { WatcherOptions, WatchTrouble } from './watch/watcher-options.js';
export { ANNOTATIONS, FINALIZER, LABELS } from './wire/names.js';
export type {
  Condition,
  Container,
  ContainerState,
  ContainerStateRunning,
  ContainerStateTerminated,
  ContainerStateWaiting,
  ContainerStatus,
  EnvVar,
  KubeEvent,
  KubeList,
  KubeObject,
  Lease,
  Namespace,
  Node,
  ObjectMeta,
  OwnerReference,
  Pod,
  PodSpec,
  PodStatus,
  ResourceQuota,
  ResourceRequirements,
  Secret,
  Toleration,
  Volume,
  VolumeMount,
} from './wire/types.js';
