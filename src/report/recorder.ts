/** Records what an executor tells about its tasks. */
import type { ExecutorEvents, Outcome } from '../core/outcome.js';
import { RUN_RECORD_VERSION, type RunRecord } from './run-record.js';

/** What is recorded: any executor, or anything else with its events. What each event carries stands in {@link ExecutorEvents}. */
export interface RecordableSource {
  /** Subscribes to an event. */
  // biome-ignore lint/suspicious/noExplicitAny: no other parameter type accepts the listeners of every typing of emitters
  on(event: keyof ExecutorEvents, listener: (payload: any) => unknown): unknown;
  /** Unsubscribes. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(event: keyof ExecutorEvents, listener: (payload: any) => unknown): unknown;
}

/** Options of {@link recordRun}. */
export interface RecordRunOptions {
  /** Called with each record as one line of JSON that ends with a line break, in the order of the events. */
  readonly write: (line: string) => void;
  /** What the run is called. @default 'podwright run' */
  readonly title?: string | undefined;
  /** Slots of the executor, drawn as the ceiling of the slot area. */
  readonly slots?: number | undefined;
  /** Time of the first record, in milliseconds since the epoch. @default the machine's */
  readonly startedAt?: number | undefined;
}

function outcomeRecord(outcome: Outcome): RunRecord {
  const { key, queue, executor, state, ranAs, launches, exitCode, times, warnings } = outcome;
  const { podTimes, requests, labels } = outcome;
  return {
    type: 'outcome',
    at: times.endedAt,
    key,
    queue,
    executor,
    state,
    ranAs,
    launches,
    exitCode,
    times,
    podTimes,
    requests,
    labels,
    verdict: outcome.state === 'failed' ? outcome.verdict : undefined,
    warnings: warnings.length > 0 ? warnings : undefined,
  };
}

/**
 * Records a run as JSON lines from now on.
 * @returns a function that ends the recording; it may be called more than once.
 * @example
 * ```ts
 * const file = createWriteStream('run.jsonl');
 * const stop = recordRun(executor, { write: (line) => file.write(line), title: 'nightly' });
 * ```
 */
export function recordRun(source: RecordableSource, options: RecordRunOptions): () => void {
  const put = (record: RunRecord) => options.write(`${JSON.stringify(record)}\n`);
  const { title = 'podwright run', slots, startedAt = Date.now() } = options;
  put({ type: 'run', version: RUN_RECORD_VERSION, at: startedAt, title, slots });

  const onQueued: ExecutorEvents['task:queued'] = ({ at, key, queue, executor }) =>
    put({ type: 'queued', at, key, queue, executor });
  const onLaunched: ExecutorEvents['task:launched'] = ({ at, key, queue, executor }) =>
    put({ type: 'launched', at, key, queue, executor });
  const onRunning: ExecutorEvents['task:running'] = ({ at, key, queue, executor, ranAs }) =>
    put({ type: 'running', at, key, queue, executor, ranAs });
  const onPending: ExecutorEvents['task:pending'] = ({ at, key, queue, executor, reason }) =>
    put({ type: 'pending', at, key, queue, executor, reason });
  const onRelaunch: ExecutorEvents['task:relaunch'] = ({ at, key, queue, executor, launch, verdict }) =>
    put({ type: 'relaunch', at, key, queue, executor, launch, verdict });
  const onOutcome: ExecutorEvents['outcome'] = (outcome) => put(outcomeRecord(outcome));
  const onNotice: ExecutorEvents['notice'] = ({ at, message, hint }) => put({ type: 'notice', at, message, hint });

  source.on('task:queued', onQueued);
  source.on('task:launched', onLaunched);
  source.on('task:running', onRunning);
  source.on('task:pending', onPending);
  source.on('task:relaunch', onRelaunch);
  source.on('outcome', onOutcome);
  source.on('notice', onNotice);
  return () => {
    source.off('task:queued', onQueued);
    source.off('task:launched', onLaunched);
    source.off('task:running', onRunning);
    source.off('task:pending', onPending);
    source.off('task:relaunch', onRelaunch);
    source.off('outcome', onOutcome);
    source.off('notice', onNotice);
  };
}
