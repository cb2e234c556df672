/** Options of the Kubernetes executor. */
import type { KubernetesConfig, ResolvedKubernetesConfig } from '../../config/kubernetes-config.js';
import type { QueuedTask } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import type { TaskInstanceKey } from '../../core/task-key.js';
import { ConfigError } from '../../errors.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { DEFAULT_POLICY, type LifecyclePolicy } from '../../lifecycle/policy.js';
import type { PodGenerator } from '../../pod/pod-generator.js';
import type { ResourceVersionStore, Watcher } from '../../watch/watcher.js';
import type { Pod } from '../../wire/types.js';
import type { BaseExecutorOptions } from '../base-executor.js';

/** One budget of launches. */
export interface LaunchBudgetOptions {
  /** How many more launches a try may use; an integer of at least 0, or `Infinity`. */
  readonly max?: number | undefined;
}

/** How many more launches a try may use, by what ended the one before. */
export interface RetryOptions {
  /** For faults of the infrastructure, and launches whose main container never started. @default { max: 3 } */
  readonly infra?: LaunchBudgetOptions | undefined;
  /** For out-of-memory. @default { max: 0 } */
  readonly oom?: LaunchBudgetOptions | undefined;
  /** For failures of the task itself; the host's own tries usually do this. @default { max: 0 } */
  readonly task?: LaunchBudgetOptions | undefined;
}

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
  /** Makes pods of workloads. @default from `podTemplate` and `config` */
  readonly podGenerator?: PodGenerator | undefined;
  /** Stream of this executor's pods. @default a list and watch over `kubeClient` */
  readonly watcher?: Watcher | undefined;
  /** Remembers how far the watch has come, for the default watcher. @default in memory */
  readonly resourceVersionStore?: ResourceVersionStore | undefined;
  /** Launches within a try. */
  readonly retry?: RetryOptions | undefined;
  /** With `manual`, the pod of an outcome stays until the outcome's `acknowledge()` was called. @default 'auto' */
  readonly acknowledge?: 'auto' | 'manual' | undefined;
  /** Asked right before a create; `false` cancels the task without a pod. */
  readonly isStillWanted?: ((key: TaskInstanceKey) => boolean | Promise<boolean>) | undefined;
  /** Called last with each finished pod; changes it in place or returns another. */
  readonly mutatePod?: ((pod: Pod, task: QueuedTask) => Pod | undefined) | undefined;
  /** Whether a container that exits with 0 although a process in it was killed for want of memory is a success. @default false */
  readonly treatOomWithExitZeroAsSuccess?: boolean | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
}

function budget(name: keyof RetryOptions, options: RetryOptions | undefined): number {
  const value = options?.[name]?.max ?? DEFAULT_POLICY.budgets[name];
  if (value !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(value) && value >= 0))
    throw new ConfigError([
      { field: `retry.${name}.max`, value, rule: 'must be an integer of at least 0, or Infinity' },
    ]);
  return value;
}

/** The rules of the heart, from options and configuration. */
export function policyOf(options: KubernetesExecutorOptions, config: ResolvedKubernetesConfig): LifecyclePolicy {
  return {
    clocks: {
      unschedulableMs: config.unschedulableTimeoutMs,
      startingMs: config.startingTimeoutMs,
      brokenMs: config.brokenTimeoutMs,
      runningMs: config.runningTimeoutMs,
      terminatingMs: config.terminatingTimeoutMs,
    },
    budgets: {
      infra: budget('infra', options.retry),
      oom: budget('oom', options.retry),
      task: budget('task', options.retry),
    },
    isOomWithExitZeroSuccess: options.treatOomWithExitZeroAsSuccess ?? false,
  };
}
