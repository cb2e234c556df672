/** Numbers of executors: for KEDA's metrics-api trigger as JSON, and for Prometheus as text. */
import { channel } from 'node:diagnostics_channel';
import { type ApiCallMessage, DIAGNOSTICS_CHANNELS } from '../core/diagnostics.js';
import type { ExecutorEvents } from '../core/outcome.js';
import { keyToString, type TaskInstanceKey } from '../core/task-key.js';

/** How the watch of an executor is doing. */
export interface ScalableWatch {
  /** Milliseconds since its last sign of life. */
  readonly silentMs: number | undefined;
  /** How long the oldest event has waited, in milliseconds. */
  readonly lagMs?: number | undefined;
}

/** What is needed of an executor. */
export interface ScalableExecutor {
  /** Name, for labels. */
  readonly name: string;
  /** Most tasks at a time. */
  readonly parallelism: number;
  /** Tasks running and queued. */
  readonly slotsOccupied: number;
  /** Whether a task is queued or running there. */
  hasTask(key: TaskInstanceKey): boolean;
  /** Subscribes to an event. */
  // biome-ignore lint/suspicious/noExplicitAny: no other parameter type accepts the listeners of every typing of emitters
  on(event: keyof ExecutorEvents, listener: (payload: any) => unknown): unknown;
  /** Unsubscribes. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(event: keyof ExecutorEvents, listener: (payload: any) => unknown): unknown;
  /** How the watch over its pods is doing, where it has one. */
  watchStatus?(): ScalableWatch;
}

/** What KEDA reads. */
export interface ScalingNumbers {
  /** Tasks queued and running. */
  readonly tasks: number;
  /** Tasks that wait for a slot. */
  readonly queued: number;
  /** Tasks that hold a slot. */
  readonly running: number;
  /** Slots in all. */
  readonly slots: number;
  /** Tasks that hold a slot and do not run yet, by what they wait for. */
  readonly pending: Readonly<Record<string, number>>;
}

const BUCKETS = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** Reasons have counts and names in them; a label has a few values only. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/autoscaler/i, 'scale_up'],
  [/quota/i, 'quota'],
  [/scheduling gates/i, 'gated'],
  [/^unschedulable/i, 'unschedulable'],
  [/not yet looked at/i, 'unscheduled'],
  [/image|pull/i, 'image'],
  [/^container .* waits/i, 'container'],
  [/^scheduled on/i, 'starting'],
  [/does not report/i, 'unreachable'],
];

/** The class of a reason why a task waits. */
export const reasonClass = (reason: string): string => REASONS.find(([shape]) => shape.test(reason))?.[1] ?? 'other';

class Measured {
  readonly executor: ScalableExecutor;
  readonly queued = new Map<string, TaskInstanceKey>();
  readonly launchedAt = new Map<string, number>();
  readonly pending = new Map<string, { readonly key: TaskInstanceKey; reason: string }>();
  readonly buckets: number[] = BUCKETS.map(() => 0);
  latencySum = 0;
  latencyCount = 0;
  readonly outcomes = { success: 0, failed: 0 };
  readonly #listeners: readonly Parameters<ScalableExecutor['on']>[];

  constructor(executor: ScalableExecutor) {
    this.executor = executor;
    const onQueued: ExecutorEvents['task:queued'] = ({ key }) => void this.queued.set(keyToString(key), key);
    const onLaunched: ExecutorEvents['task:launched'] = ({ key, at }) => {
      const id = keyToString(key);
      this.queued.delete(id);
      this.launchedAt.set(id, at);
      this.pending.set(id, { key, reason: 'launching' });
    };
    const onPending: ExecutorEvents['task:pending'] = ({ key, reason }) => {
      const id = keyToString(key);
      if (!this.queued.has(id)) this.pending.set(id, { key, reason: reasonClass(reason) });
    };
    const onRunning: ExecutorEvents['task:running'] = ({ key, at }) => {
      const id = keyToString(key);
      this.pending.delete(id);
      const launched = this.launchedAt.get(id);
      if (launched !== undefined) this.#latency((at - launched) / 1_000);
      this.launchedAt.delete(id);
    };
    const onOutcome: ExecutorEvents['outcome'] = ({ key, state }) => {
      const id = keyToString(key);
      for (const map of [this.queued, this.pending, this.launchedAt]) map.delete(id);
      this.outcomes[state] += 1;
    };
    this.#listeners = [
      ['task:queued', onQueued],
      ['task:launched', onLaunched],
      ['task:pending', onPending],
      ['task:running', onRunning],
      ['outcome', onOutcome],
    ];
    for (const [event, listener] of this.#listeners) executor.on(event, listener);
  }

  /** Forgets tasks that have left without an outcome, as revoked ones do. */
  settle(): void {
    for (const [id, key] of this.queued) if (!this.executor.hasTask(key)) this.queued.delete(id);
    for (const [id, { key }] of this.pending)
      if (!this.executor.hasTask(key)) {
        this.pending.delete(id);
        this.launchedAt.delete(id);
      }
  }

  close(): void {
    for (const [event, listener] of this.#listeners) this.executor.off(event, listener);
  }

  #latency(seconds: number): void {
    this.latencySum += seconds;
    this.latencyCount += 1;
    for (const [index, limit] of BUCKETS.entries())
      if (seconds <= limit) this.buckets[index] = (this.buckets[index] ?? 0) + 1;
  }
}

const escaped = (text: string) => text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`));
const labelled = (name: string, labels: Readonly<Record<string, string>>, value: number) =>
  `${name}{${Object.entries(labels)
    .map(([key, text]) => `${key}="${escaped(text)}"`)
    .join(',')}} ${value}`;

/** Measures executors from its making on. */
export class HostMetrics {
  readonly #measured: readonly Measured[];
  readonly #calls = new Map<string, { readonly method: string; readonly status: string; count: number }>();
  readonly #onCall = (message: unknown) => {
    const { method, status } = message as ApiCallMessage;
    const id = `${method} ${status}`;
    const known = this.#calls.get(id) ?? { method, status: String(status), count: 0 };
    known.count += 1;
    this.#calls.set(id, known);
  };

  constructor(executors: readonly ScalableExecutor[]) {
    this.#measured = executors.map((executor) => new Measured(executor));
    channel(DIAGNOSTICS_CHANNELS.apiCall).subscribe(this.#onCall);
  }

  /** All executors together. */
  numbers(): ScalingNumbers {
    let [tasks, queued, slots] = [0, 0, 0];
    const pending: Record<string, number> = {};
    for (const one of this.#measured) {
      one.settle();
      tasks += one.executor.slotsOccupied;
      queued += one.queued.size;
      slots += one.executor.parallelism;
      for (const { reason } of one.pending.values()) pending[reason] = (pending[reason] ?? 0) + 1;
    }
    return { tasks, queued, running: Math.max(0, tasks - queued), slots, pending };
  }

  /** Prometheus' text format. */
  text(): string {
    const lines: string[] = [];
    const head = (name: string, type: string, help: string) =>
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    const each = (
      name: string,
      type: string,
      help: string,
      values: (one: Measured) => [Record<string, string>, number][],
    ) => {
      head(name, type, help);
      for (const one of this.#measured)
        for (const [labels, value] of values(one))
          lines.push(labelled(name, { executor: one.executor.name, ...labels }, value));
    };
    for (const one of this.#measured) one.settle();
    each('podwright_queued_tasks', 'gauge', 'Tasks that wait for a slot', (one) => [[{}, one.queued.size]]);
    each('podwright_running_tasks', 'gauge', 'Tasks that hold a slot', (one) => [
      [{}, Math.max(0, one.executor.slotsOccupied - one.queued.size)],
    ]);
    each('podwright_slots', 'gauge', 'Slots in all', (one) => [[{}, one.executor.parallelism]]);
    each('podwright_pending_tasks', 'gauge', 'Tasks that hold a slot and do not run yet', (one) => {
      const counts = new Map<string, number>();
      for (const { reason } of one.pending.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
      return [...counts].map(([reason, count]) => [{ reason }, count]);
    });
    each('podwright_outcomes_total', 'counter', 'Tries that have ended', (one) =>
      Object.entries(one.outcomes).map(([state, count]) => [{ state }, count]),
    );
    head('podwright_launch_latency_seconds', 'histogram', 'From launched to running');
    for (const one of this.#measured) {
      const executor = one.executor.name;
      for (const [index, limit] of BUCKETS.entries())
        lines.push(
          labelled('podwright_launch_latency_seconds_bucket', { executor, le: String(limit) }, one.buckets[index] ?? 0),
        );
      lines.push(labelled('podwright_launch_latency_seconds_bucket', { executor, le: '+Inf' }, one.latencyCount));
      lines.push(labelled('podwright_launch_latency_seconds_sum', { executor }, one.latencySum));
      lines.push(labelled('podwright_launch_latency_seconds_count', { executor }, one.latencyCount));
    }
    each('podwright_watch_lag_seconds', 'gauge', 'How long the oldest news of a pod has waited', (one) => {
      const lagMs = one.executor.watchStatus?.().lagMs;
      return lagMs === undefined ? [] : [[{}, lagMs / 1_000]];
    });
    each('podwright_watch_silence_seconds', 'gauge', 'Since the last sign of life of the watch', (one) => {
      const silentMs = one.executor.watchStatus?.().silentMs;
      return silentMs === undefined ? [] : [[{}, silentMs / 1_000]];
    });
    head('podwright_api_calls_total', 'counter', 'Calls to the API server');
    for (const { method, status, count } of this.#calls.values())
      lines.push(labelled('podwright_api_calls_total', { method, status }, count));
    return `${lines.join('\n')}\n`;
  }

  /** Measures no more. */
  close(): void {
    for (const one of this.#measured) one.close();
    channel(DIAGNOSTICS_CHANNELS.apiCall).unsubscribe(this.#onCall);
  }
}
