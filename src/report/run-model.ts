/** What a recorded run amounts to: its tries with their phases, and the slots in use over time. */
import type { Outcome } from '../core/outcome.js';
import type { TaskInstanceKey } from '../core/task-key.js';
import type { Verdict } from '../core/verdict.js';
import { type RunRecord, tryId } from './run-record.js';

/** One try of a task. */
export interface TryModel {
  /** Identity of the try. */
  readonly key: TaskInstanceKey;
  /** Executor that ran it. */
  executor: string;
  /** Queue that the workload named. */
  queue: string | undefined;
  /** `unfinished` where the record ends before the try does. */
  state: 'success' | 'failed' | 'unfinished';
  /** Where it ran. */
  ranAs: string | undefined;
  /** When its steps happened, in milliseconds since the epoch. */
  queuedAt: number;
  launchedAt: number | undefined;
  runningAt: number | undefined;
  endedAt: number | undefined;
  /** Pods or processes that were started for it. */
  launches: number;
  exitCode: number | undefined;
  /** Of a pod: when the steps of its last launch happened, by the cluster's clocks. */
  podTimes: Outcome['podTimes'];
  /** Of a pod: what it had reserved. */
  requests: Outcome['requests'];
  /** Labels of the task. */
  labels: Outcome['labels'];
  /** Why it failed. */
  verdict: Verdict | undefined;
  warnings: readonly string[];
  /** Why it waited, newest last. */
  readonly waits: { readonly at: number; readonly reason: string }[];
  /** Launches lost on the way. */
  readonly relaunches: { readonly at: number; readonly launch: number; readonly verdict: Verdict }[];
}

/** Slots in use from a moment on. */
export interface SlotPoint {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Tasks that hold a slot. */
  readonly used: number;
}

/** A recorded run, digested. */
export interface RunModel {
  /** What the run is called. */
  readonly title: string;
  /** Slots of the executor, where known. */
  readonly slots: number | undefined;
  /** First moment of the record. */
  readonly startedAt: number;
  /** Last moment of the record. */
  readonly endedAt: number;
  /** Every try, by the time it was queued. */
  readonly tries: readonly TryModel[];
  /** Slots in use, by time. */
  readonly slotsUsed: readonly SlotPoint[];
  /** What the executor worked around. */
  readonly notices: readonly { readonly at: number; readonly message: string; readonly hint?: string | undefined }[];
}

function newTry(record: Extract<RunRecord, { key: TaskInstanceKey }>): TryModel {
  return {
    key: record.key,
    executor: record.executor,
    queue: record.queue,
    state: 'unfinished',
    ranAs: undefined,
    queuedAt: record.at,
    launchedAt: undefined,
    runningAt: undefined,
    endedAt: undefined,
    launches: 0,
    exitCode: undefined,
    podTimes: undefined,
    requests: undefined,
    labels: undefined,
    verdict: undefined,
    warnings: [],
    waits: [],
    relaunches: [],
  };
}

function apply(model: TryModel, record: Extract<RunRecord, { key: TaskInstanceKey }>): void {
  model.executor = record.executor;
  switch (record.type) {
    case 'queued':
      model.queuedAt = Math.min(model.queuedAt, record.at);
      break;
    case 'launched':
      model.launchedAt ??= record.at;
      break;
    case 'running':
      model.runningAt ??= record.at;
      model.ranAs = record.ranAs ?? model.ranAs;
      break;
    case 'pending':
      model.waits.push({ at: record.at, reason: record.reason });
      break;
    case 'relaunch':
      model.relaunches.push({ at: record.at, launch: record.launch, verdict: record.verdict });
      break;
    case 'outcome':
      model.state = record.state;
      model.ranAs = record.ranAs ?? model.ranAs;
      model.queuedAt = Math.min(model.queuedAt, record.times.queuedAt);
      model.launchedAt ??= record.times.launchedAt;
      model.runningAt ??= record.times.runningAt;
      model.endedAt = record.times.endedAt;
      model.launches = record.launches;
      model.exitCode = record.exitCode;
      model.podTimes = record.podTimes;
      model.requests = record.requests;
      model.labels = record.labels;
      model.verdict = record.verdict;
      model.warnings = record.warnings ?? [];
      break;
    default:
      record satisfies never;
  }
}

function slotsOverTime(tries: readonly TryModel[]): SlotPoint[] {
  const changes = tries.flatMap(({ launchedAt, endedAt }) =>
    launchedAt === undefined
      ? []
      : [{ at: launchedAt, by: 1 }, ...(endedAt === undefined ? [] : [{ at: Math.max(endedAt, launchedAt), by: -1 }])],
  );
  // At one instant a slot is given back before it is taken again, so that the area never rises above what was in use.
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  const points: SlotPoint[] = [];
  let used = 0;
  for (const { at, by } of changes) {
    used = Math.max(0, used + by);
    if (points.at(-1)?.at === at) points.pop();
    points.push({ at, used });
  }
  return points;
}

/** Digests records. They may come from several hosts in a row, as after a restart: a try's steps are joined by its key. */
export function buildRunModel(records: readonly RunRecord[]): RunModel {
  const tries = new Map<string, TryModel>();
  const notices: { at: number; message: string; hint?: string | undefined }[] = [];
  let title = 'podwright run';
  let slots: number | undefined;
  let startedAt = Number.POSITIVE_INFINITY;
  let endedAt = Number.NEGATIVE_INFINITY;
  for (const record of records) {
    startedAt = Math.min(startedAt, record.type === 'outcome' ? record.times.queuedAt : record.at);
    endedAt = Math.max(endedAt, record.at);
    if (record.type === 'run') {
      title = record.title;
      slots = record.slots ?? slots;
    } else if (record.type === 'notice') notices.push({ at: record.at, message: record.message, hint: record.hint });
    else {
      const id = tryId(record.key);
      const model = tries.get(id) ?? newTry(record);
      tries.set(id, model);
      apply(model, record);
    }
  }
  if (startedAt > endedAt) startedAt = endedAt = 0;
  const sorted = [...tries.values()].sort((a, b) => a.queuedAt - b.queuedAt);
  return { title, slots, startedAt, endedAt, tries: sorted, slotsUsed: slotsOverTime(sorted), notices };
}
