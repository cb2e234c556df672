/** Options of the Kubernetes executor. */
import type { KubernetesConfig, ResolvedKubernetesConfig } from '../../config/kubernetes-config.js';
import { type Duration, parseDuration } from '../../core/duration.js';
import type { QueuedTask } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import type { TaskInstanceKey } from '../../core/task-key.js';
import { readTimeouts } from '../../core/timeouts.js';
import { ConfigError, type ConfigProblem } from '../../errors.js';
import type { KubeClient } from '../../kube/kube-client.js';
import {
  DEFAULT_POLICY,
  HOPELESS_REASONS,
  type LifecycleClocks,
  type LifecyclePolicy,
  withTimeouts,
} from '../../lifecycle/policy.js';
import type { PodGenerator, PodLayerOptions } from '../../pod/pod-generator.js';
import type { ResourceVersionStore, Watcher } from '../../watch/watcher.js';
import type { Pod } from '../../wire/types.js';
import type { BaseExecutorOptions } from '../base-executor.js';
import type { IncidentOptions } from './incident-log.js';
import type { LeaseOptions } from './lease-options.js';
import type { LogSink } from './log-sink.js';
import { type KeepPodsOptions, resolveKeepPods } from './pod-keeper.js';
import { type ResolvedRetry, type RetryOptions, resolveRetry } from './retry-options.js';

/** Options of a {@link KubernetesExecutor}. */
export interface KubernetesExecutorOptions extends BaseExecutorOptions {
  /** The API; `connect()` makes one from the kubeconfig where none is given. */
  readonly kubeClient: KubeClient;
  /** Configuration. */
  readonly config?: KubernetesConfig | undefined;
  /** Base pod: a YAML file's path, or a pod. */
  readonly podTemplate?: string | object | undefined;
  /**
   * Identity of this executor over restarts: the same id finds its pods again. Two executors that run at the same time need two ids.
   * @default a random one, which finds pods of former runs only when their tasks are queued again
   */
  readonly executorId?: string | undefined;
  /**
   * Holds a lease while it runs, so that two processes never act for one id, and executors of one group take over each other's pods. Needs
   * the right to read and write leases (`podwright rbac --features leases`).
   * @default false
   */
  readonly lease?: boolean | LeaseOptions | undefined;
  /** More about pods: a cluster default, templates and layers by queue, Airflow's labels. */
  readonly pods?: PodLayerOptions | undefined;
  /** Makes pods of workloads. @default from `podTemplate` and `config` */
  readonly podGenerator?: PodGenerator | undefined;
  /** Stream of this executor's pods. @default a list and watch over `kubeClient` */
  readonly watcher?: Watcher | undefined;
  /** Remembers how far the watch has come, for the default watcher. @default in memory */
  readonly resourceVersionStore?: ResourceVersionStore | undefined;
  /** Launches within a try. */
  readonly retry?: RetryOptions | undefined;
  /** Waiting reasons of containers that end a launch at once, besides `InvalidImageName` and `ErrImageNeverPull`. */
  readonly fatalContainerReasons?: readonly string[] | undefined;
  /** What it means when a container beside the base container fails for good while the task runs: an event and a warning, or the end. @default 'warn' */
  readonly sidecarFailure?: 'warn' | 'fail' | undefined;
  /**
   * How long after its node was called lost a pod is removed by force and counts as dead, so that another launch may follow. The lost node may
   * still run it: set this only where lost nodes are surely gone by then (cloud machines that are deleted, fencing in the rack), or where two
   * runs at a time do no harm.
   * @default 'never'
   */
  readonly nodeLostFence?: Duration | 'never' | undefined;
  /**
   * With `manual`, the pod of an outcome stays until the outcome's `acknowledge()` was called, and the next process of the same id tells it again.
   * A cancel ends its pod, whose object stays only where pods have a finalizer (`trackWithFinalizer`, `lease`): otherwise cancel again after a crash.
   * @default 'auto'
   */
  readonly acknowledge?: 'auto' | 'manual' | undefined;
  /**
   * Puts a finalizer on each pod, so that its object stays until its outcome was told, even when a drain, a garbage collector or a person deletes
   * it. Costs one more patch per task. Finalizers that were left behind by a host that is no more are released with
   * `podwright release-finalizers`.
   * @default false
   */
  readonly trackWithFinalizer?: boolean | undefined;
  /**
   * Asked right before a create; `false` cancels the task without a pod. One that throws, rejects, or says nothing for 30 seconds is asked again, as
   * often as a create that fails. Without it a task whose outcome was told can be launched again by the next life of a host that died right
   * then, where the server had taken no note on its pod for ten seconds.
   */
  readonly isStillWanted?: ((key: TaskInstanceKey) => boolean | Promise<boolean>) | undefined;
  /** Called last with each finished pod; changes it in place or returns another. */
  readonly mutatePod?: ((pod: Pod, task: QueuedTask) => Pod | undefined) | undefined;
  /** Whether a container that exits with 0 although a process in it was killed for want of memory is a success. @default false */
  readonly treatOomWithExitZeroAsSuccess?: boolean | undefined;
  /** Takes the whole log of each container of a pod that has ended, before the pod goes. @default none; logs are read on demand */
  readonly logSink?: LogSink | undefined;
  /** Remembers of each task what was seen and decided, and writes it down where the task fails. @default off */
  readonly incidents?: IncidentOptions | undefined;
  /** Which finished pods are kept, and how long. @default as `deleteWorkerPods` and `deleteWorkerPodsOnFailure` say */
  readonly keepPods?: KeepPodsOptions | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
}

/** The rules of the heart, from options and configuration; problems are added to the list. */
function policyOf(
  options: KubernetesExecutorOptions,
  config: ResolvedKubernetesConfig,
  retry: ResolvedRetry,
  problems: ConfigProblem[],
): LifecyclePolicy {
  const { sidecarFailure = DEFAULT_POLICY.sidecarFailure } = options;
  const fatalContainerReasons = options.fatalContainerReasons ?? config.fatalContainerReasons;
  if (sidecarFailure !== 'warn' && sidecarFailure !== 'fail')
    problems.push({ field: 'sidecarFailure', value: sidecarFailure, rule: 'must be warn or fail' });
  const clocks: LifecycleClocks = {
    ...DEFAULT_POLICY.clocks,
    unschedulableMs: config.unschedulableTimeoutMs,
    pullingMs: config.startingTimeoutMs,
    startingMs: config.startingTimeoutMs,
    brokenMs: config.brokenTimeoutMs,
    runningMs: config.runningTimeoutMs ?? Number.POSITIVE_INFINITY,
    terminatingMs: config.terminatingTimeoutMs,
  };
  return {
    clocks: withTimeouts(clocks, readTimeouts(options.timeouts, 'timeouts', problems)),
    budgets: retry.budgets,
    rules: retry.rules,
    maxLaunches: retry.maxLaunches,
    fatalReasons:
      fatalContainerReasons === undefined ? HOPELESS_REASONS : new Set([...HOPELESS_REASONS, ...fatalContainerReasons]),
    sidecarFailure,
    isOomWithExitZeroSuccess: options.treatOomWithExitZeroAsSuccess ?? false,
  };
}

/** What a replay of an incident needs of the options. */
export function incidentRules(options: KubernetesExecutorOptions): Readonly<Record<string, unknown>> {
  const { retry, timeouts, sidecarFailure, nodeLostFence, fatalContainerReasons } = options;
  const { treatOomWithExitZeroAsSuccess, trackWithFinalizer, config = {} } = options;
  const { podLaunchFailureRetries, quotaTimeout, pendingTimeout, unschedulableTimeout, startingTimeout } = config;
  const { brokenTimeout, runningTimeout, terminatingTimeout, terminationGracePeriodSeconds } = config;
  return {
    retry: retry === undefined ? undefined : { ...retry, afterInterruptions: undefined },
    timeouts,
    sidecarFailure,
    nodeLostFence,
    fatalContainerReasons,
    treatOomWithExitZeroAsSuccess,
    trackWithFinalizer,
    config: {
      podLaunchFailureRetries,
      fatalContainerReasons: config.fatalContainerReasons,
      quotaTimeout,
      pendingTimeout,
      unschedulableTimeout,
      startingTimeout,
      brokenTimeout,
      runningTimeout,
      terminatingTimeout,
      terminationGracePeriodSeconds,
    },
  };
}

/** The configured number of launches counts where the options say nothing. */
function withConfiguredRetries(
  retry: RetryOptions | undefined,
  { podLaunchFailureRetries: max }: ResolvedKubernetesConfig,
): RetryOptions | undefined {
  if (max === undefined || retry?.infra?.max !== undefined) return retry;
  return { ...retry, infra: { ...retry?.infra, max } };
}

/** What the options say about the life of pods. */
export interface LifecycleSettings {
  readonly policy: LifecyclePolicy;
  readonly retry: ResolvedRetry;
  /** How long after its node was called lost a pod counts as dead without proof; `undefined` for never. */
  readonly nodeLostFenceMs: number | undefined;
  readonly keep: ReturnType<typeof resolveKeepPods>;
  readonly deletesOnSuccess: boolean;
  readonly deletesOnFailure: boolean;
}

/**
 * Checks the options about the life of pods.
 * @throws ConfigError with every problem.
 */
export function lifecycleSettings(
  options: KubernetesExecutorOptions,
  config: ResolvedKubernetesConfig,
): LifecycleSettings {
  const problems: ConfigProblem[] = [];
  const retry = resolveRetry(withConfiguredRetries(options.retry, config), problems);
  const policy = policyOf(options, config, retry, problems);
  const { nodeLostFence = 'never' } = options;
  const nodeLostFenceMs = nodeLostFence === 'never' ? undefined : parseDuration(nodeLostFence);
  if (nodeLostFence !== 'never' && nodeLostFenceMs === undefined)
    problems.push({ field: 'nodeLostFence', value: nodeLostFence, rule: 'must be a duration, or never' });
  const keep = resolveKeepPods(options.keepPods, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const { deleteWorkerPods, deleteWorkerPodsOnFailure } = config;
  return {
    policy,
    retry,
    nodeLostFenceMs,
    keep,
    deletesOnSuccess: deleteWorkerPods && options.keepPods?.succeeded === undefined,
    deletesOnFailure: deleteWorkerPods && deleteWorkerPodsOnFailure && options.keepPods?.failed === undefined,
  };
}
