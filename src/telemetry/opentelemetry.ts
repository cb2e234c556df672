/**
 * Traces of tasks for OpenTelemetry: one span per try, with a child per phase. Nothing is kept open while a task runs: the spans are
 * written when its outcome is known, with the times that it tells.
 */
import { type Attributes, context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { EventEmitter } from 'eventemitter3';
import type { ExecutorEvents, Outcome } from '../core/outcome.js';
import { keyToString } from '../core/task-key.js';

/** What is needed of an executor. */
export type TracedExecutor = Pick<EventEmitter<ExecutorEvents>, 'on' | 'off'>;

interface Note {
  readonly at: number;
  readonly name: string;
  readonly attributes: Attributes;
}

function attributesOf({ key, queue, executor, ranAs, launches, exitCode, ...outcome }: Outcome): Attributes {
  const verdict = 'verdict' in outcome ? outcome.verdict : undefined;
  return {
    'podwright.dag_id': key.dagId,
    'podwright.task_id': key.taskId,
    'podwright.run_id': key.runId,
    'podwright.try_number': key.tryNumber,
    'podwright.map_index': key.mapIndex,
    'podwright.executor': executor,
    'podwright.launches': launches,
    'podwright.state': outcome.state,
    ...(queue === undefined ? {} : { 'podwright.queue': queue }),
    ...(ranAs === undefined ? {} : { 'podwright.ran_as': ranAs }),
    ...(exitCode === undefined ? {} : { 'process.exit.code': exitCode }),
    ...(verdict === undefined
      ? {}
      : { 'podwright.verdict': verdict.kind, 'podwright.blame': verdict.blame, 'error.type': verdict.kind }),
  };
}

/** Begin and end of each phase that took place, in order. */
function phasesOf({ times, podTimes }: Outcome): [name: string, from: number, to: number][] {
  const { queuedAt, launchedAt, runningAt, endedAt } = times;
  const { createdAt, scheduledAt, sandboxAt, startedAt, finishedAt } = podTimes ?? {};
  const phases: [string, number | undefined, number | undefined][] = [
    ['queued', queuedAt, launchedAt ?? endedAt],
    ['launched', launchedAt, createdAt ?? runningAt ?? endedAt],
    ['scheduled', createdAt, scheduledAt],
    ['pulled', sandboxAt ?? scheduledAt, startedAt],
    ['running', startedAt ?? runningAt, finishedAt ?? endedAt],
    ['collected', finishedAt, endedAt],
  ];
  // The cluster's clock and the host's may differ by a little: a phase never ends before it began.
  return phases.flatMap(([name, from, to]) =>
    from === undefined || to === undefined ? [] : [[name, from, Math.max(from, to)] as [string, number, number]],
  );
}

function writeSpans(tracer: Tracer, outcome: Outcome, notes: readonly Note[]): void {
  const { queuedAt, endedAt } = outcome.times;
  const span: Span = tracer.startSpan(
    `task ${outcome.key.taskId}`,
    { kind: SpanKind.INTERNAL, startTime: queuedAt, attributes: attributesOf(outcome) },
    context.active(),
  );
  for (const { name, at, attributes } of notes) span.addEvent(name, attributes, at);
  for (const warning of outcome.warnings) span.addEvent('warning', { 'podwright.warning': warning }, endedAt);
  const inside = trace.setSpan(context.active(), span);
  for (const [name, startTime, endTime] of phasesOf(outcome))
    tracer.startSpan(name, { startTime }, inside).end(endTime);
  if (outcome.state === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.verdict.message });
  span.end(endedAt);
}

/**
 * Writes a span for every try that ends from now on: `task <taskId>` with the children `queued`, `launched`, `scheduled`, `pulled`,
 * `running` and `collected`, and with an event for each wait and each further launch. Phases inside the cluster carry the cluster's times.
 * @returns a function that ends it.
 */
export function traceExecutor(executor: TracedExecutor, tracer: Tracer): () => void {
  const notes = new Map<string, Note[]>();
  const note = (key: Parameters<typeof keyToString>[0], one: Note) => {
    const id = keyToString(key);
    const list = notes.get(id);
    if (list === undefined) notes.set(id, [one]);
    else if (list.length < 128) list.push(one);
  };
  const onPending: ExecutorEvents['task:pending'] = ({ key, at, reason }) =>
    note(key, { at, name: 'pending', attributes: { 'podwright.reason': reason } });
  const onRelaunch: ExecutorEvents['task:relaunch'] = ({ key, at, verdict, launch }) =>
    note(key, {
      at,
      name: 'relaunch',
      attributes: {
        'podwright.verdict': verdict.kind,
        'podwright.launch': launch,
        'podwright.reason': verdict.message,
      },
    });
  const onOutcome: ExecutorEvents['outcome'] = (outcome) => {
    const id = keyToString(outcome.key);
    const own = notes.get(id) ?? [];
    notes.delete(id);
    writeSpans(tracer, outcome, own);
  };
  executor.on('task:pending', onPending);
  executor.on('task:relaunch', onRelaunch);
  executor.on('outcome', onOutcome);
  return () => {
    executor.off('task:pending', onPending);
    executor.off('task:relaunch', onRelaunch);
    executor.off('outcome', onOutcome);
    notes.clear();
  };
}
