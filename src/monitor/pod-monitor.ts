/** Looks at worker pods, whoever runs them, and cleans up after them. */
import { type Clock, systemClock } from '../core/clock.js';
import { type Duration, durationMs } from '../core/duration.js';
import type { Logger } from '../core/logger.js';
import { ConfigError } from '../errors.js';
import { eachPod } from '../kube/each-pod.js';
import type { CallOptions, KubeClient } from '../kube/kube-client.js';
import { explainPod, type PodExplanation } from '../lifecycle/explain.js';
import { ListWatcher } from '../watch/list-watch.js';
import { LABELS, MANAGED_BY } from '../wire/names.js';
import type { Pod } from '../wire/types.js';
import { type CleanupOptions, type CleanupReport, cleanupCompletedPods } from './cleanup.js';
import { countPods, type PodMetrics } from './pod-metrics.js';

/** Options of a {@link PodMonitor}. */
export interface PodMonitorOptions {
  /** The API. */
  readonly kubeClient: KubeClient;
  /** Namespace; `'*'` for all. @default 'default' */
  readonly namespace?: string | undefined;
  /** Which pods are workers, as a label selector; Airflow's carry `component=worker`. @default the pods of podwright */
  readonly labelSelector?: string | undefined;
  /** Source of time for waits. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Where log lines of a watch go. @default nowhere */
  readonly logger?: Logger | undefined;
}

/** How a pod stands. */
export interface PodStatusReport {
  /** Name. */
  readonly name: string;
  /** Namespace. */
  readonly namespace: string;
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  readonly status: string;
  /** When the kubelet took it up, RFC 3339. */
  readonly startTime: string | undefined;
  /** Its node. */
  readonly nodeName: string | undefined;
  /** What that means, and why. */
  readonly explanation: PodExplanation;
}

/** Options of {@link PodMonitor.cleanupOldPods}. */
export interface CleanupOldPodsOptions extends Omit<CleanupOptions, 'namespaces' | 'labelSelector' | 'completedAge'> {
  /** How long ago a pod must have ended. @default '24h' */
  readonly maxAge?: Duration | undefined;
}

/** Options of {@link PodMonitor.watch}. */
export interface PodMonitorWatchOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal | undefined;
  /** Metrics are given at most this often, and only when a pod has changed. @default '1s' */
  readonly interval?: Duration | undefined;
}

/**
 * Watches over the worker pods of a namespace.
 * @example
 * const monitor = new PodMonitor({ kubeClient, namespace: 'airflow', labelSelector: 'component=worker' });
 * const { running, failed } = await monitor.getPodMetrics();
 */
export class PodMonitor {
  readonly #options: PodMonitorOptions;
  readonly #clock: Clock;
  readonly #namespace: string | undefined;
  readonly #labelSelector: string;

  /** @throws ConfigError */
  constructor(options: PodMonitorOptions) {
    if (typeof options?.kubeClient?.listPods !== 'function')
      throw new ConfigError(
        [{ field: 'kubeClient', rule: 'must be a KubeClient', hint: 'pass await HttpKubeClient.connect()' }],
        { subject: 'pod monitor' },
      );
    const { namespace = 'default' } = options;
    if (typeof namespace !== 'string' || namespace === '')
      throw new ConfigError([{ field: 'namespace', value: namespace, rule: "must be a name, or '*'" }]);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#namespace = namespace === '*' ? undefined : namespace;
    this.#labelSelector = options.labelSelector ?? `${LABELS.managedBy}=${MANAGED_BY}`;
  }

  /** All worker pods, fetched by pages. @throws KubeApiError */
  async listWorkerPods({ signal }: CallOptions = {}): Promise<Pod[]> {
    const pods: Pod[] = [];
    for await (const pod of this.#each(signal)) pods.push(pod);
    return pods;
  }

  /** How a pod stands and why, or `undefined` where there is none. @throws KubeApiError */
  async getPodStatus(name: string, { signal }: CallOptions = {}): Promise<PodStatusReport | undefined> {
    if (typeof name !== 'string' || name === '')
      throw new ConfigError([{ field: 'name', value: name, rule: 'must be the name of a pod' }]);
    if (this.#namespace === undefined)
      throw new ConfigError([
        { field: 'namespace', value: '*', rule: 'must be one namespace to read a pod by its name' },
      ]);
    const pod = await this.#options.kubeClient.readPod(this.#namespace, name, { signal });
    if (pod === undefined) return undefined;
    const { phase = 'Unknown', startTime } = pod.status ?? {};
    const explanation = explainPod(pod, []);
    return { name, namespace: this.#namespace, status: phase, startTime, nodeName: pod.spec?.nodeName, explanation };
  }

  /** Worker pods counted by phase, namespace and queue, with ages. @throws KubeApiError */
  async getPodMetrics({ signal }: CallOptions = {}): Promise<PodMetrics> {
    const pods = await this.listWorkerPods({ signal });
    return countPods(pods, this.#now());
  }

  /**
   * Deletes worker pods that ended long ago, as {@link cleanupCompletedPods} does.
   * @throws ConfigError, UnsupportedError. Failures of single pods are part of the report.
   */
  cleanupOldPods({ maxAge, ...options }: CleanupOldPodsOptions = {}): Promise<CleanupReport> {
    return cleanupCompletedPods(this.#options.kubeClient, {
      clock: this.#clock,
      ...options,
      ...(maxAge === undefined ? {} : { completedAge: maxAge }),
      namespaces: this.#namespace === undefined ? '*' : [this.#namespace],
      labelSelector: this.#labelSelector,
    });
  }

  /** Metrics as a stream: once when the first list is through, then whenever a pod has changed. Heals itself; ends with the signal. */
  async *watch({ signal, interval = '1s' }: PodMonitorWatchOptions = {}): AsyncGenerator<PodMetrics, void, undefined> {
    const intervalMs = durationMs(interval, 'interval');
    const stop = new AbortController();
    const ends = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const pods = new Map<string, Pod>();
    let isDirty = false;
    let wake = () => {};
    const following = this.#follow(pods, ends, () => {
      isDirty = true;
      wake();
    }).finally(() => wake());
    try {
      while (!ends.aborted) {
        if (!isDirty)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        if (ends.aborted) return;
        isDirty = false;
        yield countPods(pods.values(), this.#now());
        await this.#clock.delay(intervalMs, { signal: ends }).catch(() => {});
      }
    } finally {
      stop.abort(new Error('the metrics are no longer read'));
      await following;
    }
  }

  async #follow(pods: Map<string, Pod>, signal: AbortSignal, onChange: () => void): Promise<void> {
    const { kubeClient: client, logger } = this.#options;
    const watcher = new ListWatcher({
      client,
      namespace: this.#namespace,
      labelSelector: this.#labelSelector,
      clock: this.#clock,
      logger,
    });
    const listed = new Set<string>();
    let isListing = false;
    for await (const event of watcher.watch(signal)) {
      if (event.type === 'bookmark') continue;
      if (event.type === 'init') {
        isListing = true;
        listed.clear();
      } else if (event.type === 'init-done') {
        isListing = false;
        for (const id of pods.keys()) if (!listed.has(id)) pods.delete(id);
      } else {
        const { namespace, name } = event.pod.metadata ?? {};
        const id = `${namespace}/${name}`;
        if (event.type === 'delete') pods.delete(id);
        else pods.set(id, event.pod);
        listed.add(id);
      }
      // Half a list is no truth to tell.
      if (!isListing) onChange();
    }
  }

  #each(signal: AbortSignal | undefined): AsyncGenerator<Pod, void, undefined> {
    const { kubeClient } = this.#options;
    const scope = { namespace: this.#namespace, labelSelector: this.#labelSelector };
    return eachPod(kubeClient, { ...scope, omitManagedFields: true, signal });
  }

  #now(): number | undefined {
    const offset = this.#options.kubeClient.serverTimeOffsetMs?.();
    return offset === undefined ? undefined : this.#clock.now() + offset;
  }
}
