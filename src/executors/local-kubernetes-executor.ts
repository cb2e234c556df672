/** Airflow's LocalKubernetesExecutor: one queue goes to Kubernetes, all others stay local. */
import type { Logger } from '../core/logger.js';
import { ConfigError } from '../errors.js';
import type { Executor } from './executor.js';
import { HybridExecutor } from './hybrid-executor.js';

/** Options of a {@link LocalKubernetesExecutor}. */
export interface LocalKubernetesExecutorOptions {
  /** Runs everything but the Kubernetes queue. */
  readonly local: Executor;
  /** Runs the Kubernetes queue. */
  readonly kubernetes: Executor;
  /** Name of the queue that goes to Kubernetes. @default 'kubernetes' */
  readonly kubernetesQueue?: string | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

/** A {@link HybridExecutor} with two sides. */
export class LocalKubernetesExecutor extends HybridExecutor {
  /** The local side. */
  readonly local: Executor;
  /** The Kubernetes side. */
  readonly kubernetes: Executor;
  /** Name of the queue that goes to Kubernetes. */
  readonly kubernetesQueue: string;

  /** @throws ConfigError where the queue's name is empty or a side is no executor. */
  constructor({ local, kubernetes, kubernetesQueue = 'kubernetes', logger }: LocalKubernetesExecutorOptions) {
    if (typeof kubernetesQueue !== 'string' || kubernetesQueue === '')
      throw new ConfigError([{ field: 'kubernetesQueue', value: kubernetesQueue, rule: 'must be a non-empty string' }]);
    super({ default: local, queues: { [kubernetesQueue]: kubernetes }, logger });
    this.local = local;
    this.kubernetes = kubernetes;
    this.kubernetesQueue = kubernetesQueue;
  }
}
