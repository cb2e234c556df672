/** Metrics of executors for Prometheus, by prom-client: Airflow's names where Airflow has them, ours otherwise. */
import { channel } from 'node:diagnostics_channel';
import type { EventEmitter } from 'eventemitter3';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type ApiCallMessage, DIAGNOSTICS_CHANNELS } from '../core/diagnostics.js';
import type { ExecutorEvents } from '../core/outcome.js';
import { keyToString, type TaskInstanceKey } from '../core/task-key.js';

/** What is needed of a watch. */
export interface MeasuredWatch {
  /** Milliseconds since its last sign of life. */
  readonly silentMs: number | undefined;
  /** How often it was opened again, by reason. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** What is needed of an executor. */
export interface MeasuredExecutor extends Pick<EventEmitter<ExecutorEvents>, 'on' | 'off'> {
  /** Name, for the label `executor`. */
  readonly name: string;
  /** Slots that are free. */
  readonly slotsAvailable: number;
  /** Tasks running and queued. */
  readonly slotsOccupied: number;
  /** Whether a task is queued or running there. */
  hasTask(key: TaskInstanceKey): boolean;
  /** How the watch over its pods is doing, where it has one. */
  watchStatus?(): MeasuredWatch;
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

/** Objects in a path are left out of labels: their names have no end. */
function resourceOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  const rest = parts[0] === 'api' ? parts.slice(2) : parts.slice(3);
  const scoped = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  return scoped[2] === undefined ? (scoped[0] ?? 'other') : `${scoped[0]}/${scoped[2]}`;
}

function instruments(registry: Registry, collect: () => void) {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[]) => new Gauge({ name, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: string[]) =>
    new Histogram({ name, help, labelNames, registers, buckets: SECONDS });
  return {
    // Gauges are read when somebody asks, so that nothing ticks while nobody does; the first of them reads all.
    openSlots: new Gauge({
      name: 'airflow_executor_open_slots',
      help: 'Free slots',
      labelNames: ['executor'],
      registers,
      collect,
    }),
    queuedTasks: gauge('airflow_executor_queued_tasks', 'Tasks that wait for a slot', ['executor']),
    runningTasks: gauge('airflow_executor_running_tasks', 'Tasks that hold a slot', ['executor']),
    pendingTasks: gauge('podwright_pending_tasks', 'Tasks that hold a slot and do not run yet', ['executor']),
    queueWait: histogram('podwright_queue_wait_seconds', 'From queued to launched', ['executor']),
    launchLatency: histogram('podwright_launch_latency_seconds', 'From launched to running', ['executor']),
    collectLatency: histogram(
      'podwright_collect_latency_seconds',
      'From the end of the container, by the cluster’s clock, to the outcome, by the host’s',
      ['executor'],
    ),
    outcomes: counter('podwright_outcomes_total', 'Tries that have ended', ['executor', 'state', 'verdict', 'blame']),
    relaunches: counter('podwright_relaunches_total', 'Launches beyond the first of a try', ['executor', 'verdict']),
    watchSilence: gauge('podwright_watch_silence_seconds', 'Since the last sign of life of the watch', ['executor']),
    watchRestarts: gauge('podwright_watch_restarts', 'Watches that were opened again', ['executor', 'reason']),
    apiCalls: histogram('podwright_api_call_seconds', 'Calls to the API server, to the head of the answer', [
      'method',
      'resource',
      'status',
    ]),
  };
}

/**
 * Measures executors into a registry of prom-client.
 * @example
 * ```ts
 * const metrics = new ExecutorMetrics(register);
 * metrics.add(executor);
 * ```
 */
export class ExecutorMetrics {
  readonly #metrics: ReturnType<typeof instruments>;
  readonly #readers = new Set<() => void>();
  readonly #removals = new Map<MeasuredExecutor, () => void>();
  readonly #onApiCall = (message: unknown): void => {
    const { method, path, status, durationMs } = message as ApiCallMessage;
    this.#metrics.apiCalls.observe({ method, resource: resourceOf(path), status: String(status) }, durationMs / 1_000);
  };

  constructor(registry: Registry) {
    this.#metrics = instruments(registry, () => {
      for (const read of this.#readers) read();
    });
    channel(DIAGNOSTICS_CHANNELS.apiCall).subscribe(this.#onApiCall);
  }

  /** Measures an executor from now on. */
  add(executor: MeasuredExecutor): void {
    if (this.#removals.has(executor)) return;
    const m = this.#metrics;
    const labels = { executor: executor.name };
    const queued = new Map<string, TaskInstanceKey>();
    const pending = new Map<string, TaskInstanceKey>();
    const read = () => {
      // A task that was revoked goes without an outcome.
      for (const tasks of [queued, pending])
        for (const [id, key] of tasks) if (!executor.hasTask(key)) tasks.delete(id);
      m.openSlots.set(labels, executor.slotsAvailable);
      m.queuedTasks.set(labels, queued.size);
      m.runningTasks.set(labels, Math.max(0, executor.slotsOccupied - queued.size));
      m.pendingTasks.set(labels, pending.size);
      const watch = executor.watchStatus?.();
      if (watch?.silentMs !== undefined) m.watchSilence.set(labels, watch.silentMs / 1_000);
      for (const [reason, count] of Object.entries(watch?.restarts ?? {}))
        m.watchRestarts.set({ ...labels, reason }, count);
    };
    const onQueued: ExecutorEvents['task:queued'] = ({ key }) => void queued.set(keyToString(key), key);
    const onLaunched: ExecutorEvents['task:launched'] = ({ key }) => {
      queued.delete(keyToString(key));
      pending.set(keyToString(key), key);
    };
    const onRunning: ExecutorEvents['task:running'] = ({ key }) => void pending.delete(keyToString(key));
    const onRelaunch: ExecutorEvents['task:relaunch'] = ({ verdict }) =>
      m.relaunches.inc({ ...labels, verdict: verdict.kind });
    const onOutcome: ExecutorEvents['outcome'] = (outcome) => {
      const { key, state, times, podTimes } = outcome;
      queued.delete(keyToString(key));
      pending.delete(keyToString(key));
      const verdict = outcome.state === 'failed' ? outcome.verdict : undefined;
      m.outcomes.inc({ ...labels, state, verdict: verdict?.kind ?? '', blame: verdict?.blame ?? '' });
      if (times.launchedAt === undefined) return;
      m.queueWait.observe(labels, (times.launchedAt - times.queuedAt) / 1_000);
      if (times.runningAt !== undefined) m.launchLatency.observe(labels, (times.runningAt - times.launchedAt) / 1_000);
      const ended = podTimes?.finishedAt;
      if (ended !== undefined) m.collectLatency.observe(labels, Math.max(0, times.endedAt - ended) / 1_000);
    };
    executor.on('task:queued', onQueued);
    executor.on('task:launched', onLaunched);
    executor.on('task:running', onRunning);
    executor.on('task:relaunch', onRelaunch);
    executor.on('outcome', onOutcome);
    this.#readers.add(read);
    this.#removals.set(executor, () => {
      executor.off('task:queued', onQueued);
      executor.off('task:launched', onLaunched);
      executor.off('task:running', onRunning);
      executor.off('task:relaunch', onRelaunch);
      executor.off('outcome', onOutcome);
      this.#readers.delete(read);
    });
  }

  /** Measures an executor no more; what was counted stays. */
  remove(executor: MeasuredExecutor): void {
    this.#removals.get(executor)?.();
    this.#removals.delete(executor);
  }

  /** Ends all measuring. */
  close(): void {
    for (const executor of [...this.#removals.keys()]) this.remove(executor);
    channel(DIAGNOSTICS_CHANNELS.apiCall).unsubscribe(this.#onApiCall);
  }
}
