/** Builds outcomes and hands them to everybody who listens: run, event buffer, streams, waiting host loops. */
import type { AsyncQueue } from '../core/async-queue.js';
import type { Clock } from '../core/clock.js';
import type { Outcome, OutcomeBase, PodTimes, TaskEvent } from '../core/outcome.js';
import type { TaskInstanceKey } from '../core/task-key.js';
import type { Verdict } from '../core/verdict.js';
import { ChangeSignal } from './change-signal.js';
import { type BufferedTask, EventBuffer } from './event-buffer.js';
import { OutcomeStreams } from './outcome-streams.js';
import type { TaskEntry } from './task-board.js';

/** What is known of a task's end besides its state. */
export interface EndDetails {
  /** Exit code of the main process or container. */
  readonly exitCode?: number | undefined;
  /** What the task left as its result. */
  readonly result?: string | undefined;
  /** Oddities that did not decide. */
  readonly warnings?: readonly string[] | undefined;
  /** Where it ran. */
  readonly ranAs?: string | undefined;
  /** How often it was launched. */
  readonly launches?: number | undefined;
  /** When it began to run, where that was not reported before. */
  readonly runningAt?: number | undefined;
  /** When the steps of its pod happened. */
  readonly podTimes?: PodTimes | undefined;
  /** What its pod had reserved. */
  readonly requests?: OutcomeBase['requests'];
  /** Whether nobody has seen that it has ended, so that it may still run: then it is told even where it was revoked. @default false */
  readonly isUnproven?: boolean | undefined;
  /** Whether it had ended like that before it was met here, so that somebody may have told it: a stop does not change its verdict. @default false */
  readonly hadEnded?: boolean | undefined;
  /** Called by the outcome's `acknowledge()`. */
  readonly acknowledge?: (() => Promise<void>) | undefined;
}

const noop = () => Promise.resolve();

/** The labels in an executor config, flat or below the name of its executor. */
function labelsOf(executorConfig: object | undefined): Pick<OutcomeBase, 'labels'> {
  const config = executorConfig as { labels?: unknown; KubernetesExecutor?: { labels?: unknown } } | undefined;
  const labels = config?.labels ?? config?.KubernetesExecutor?.labels;
  return typeof labels === 'object' && labels !== null ? { labels: labels as Record<string, string> } : {};
}

/** The outcome of a task; without a verdict it is a success. */
export function makeOutcome(
  entry: TaskEntry,
  executor: string,
  endedAt: number,
  verdict: Verdict | undefined,
  details: EndDetails,
): Outcome {
  const base = {
    key: entry.key,
    queue: entry.task.queue,
    executor,
    ranAs: details.ranAs ?? entry.ranAs,
    launches: details.launches ?? entry.launches,
    times: Object.freeze({
      queuedAt: entry.queuedAt,
      launchedAt: entry.launchedAt,
      runningAt: entry.runningAt ?? details.runningAt,
      endedAt,
    }),
    ...(details.podTimes === undefined ? {} : { podTimes: details.podTimes }),
    ...(details.requests === undefined ? {} : { requests: details.requests }),
    ...labelsOf(entry.task.executorConfig),
    exitCode: details.exitCode,
    result: details.result,
    warnings: details.warnings ?? [],
    acknowledge: details.acknowledge ?? noop,
  };
  return Object.freeze(
    verdict === undefined ? { ...base, state: 'success' as const } : { ...base, state: 'failed' as const, verdict },
  );
}

/** Where news of one executor's tasks goes. */
export class OutcomeHub {
  readonly #buffer: EventBuffer;
  readonly #changes: ChangeSignal;
  readonly #streams = new OutcomeStreams();

  constructor(clock: Clock, bufferLimit: number, onOverflow: () => void) {
    this.#buffer = new EventBuffer(bufferLimit, onOverflow);
    this.#changes = new ChangeSignal(clock);
  }

  /** Puts a task's latest state into the buffer. */
  note(task: BufferedTask, event: TaskEvent): void {
    this.#buffer.set(task, event);
    this.#changes.notify();
  }

  /** Drops what the buffer holds of a task. */
  forget(task: BufferedTask): void {
    this.#buffer.delete(task);
    this.#changes.notify();
  }

  /** Hands an outcome to the buffer and to the streams. */
  publish(task: BufferedTask, outcome: Outcome): void {
    this.note(task, { state: outcome.state, info: outcome.ranAs, outcome });
    this.#streams.push(outcome);
  }

  take(dagIds: readonly string[] | undefined): Map<TaskInstanceKey, TaskEvent> {
    return this.#buffer.take(dagIds);
  }

  stream(): AsyncQueue<Outcome> {
    return this.#streams.open();
  }

  changed(timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    return this.#changes.wait(timeoutMs, signal);
  }

  close(): void {
    this.#streams.end();
    this.#changes.end();
  }
}
