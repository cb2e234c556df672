/**
 * A recorded run: what an executor told about its tasks, as JSON lines, one event each. Everything in this folder reads
 * records and gives text back; nothing asks a clock, a disk or an executor.
 */
import type { Outcome } from '../core/outcome.js';
import type { TaskInstanceKey } from '../core/task-key.js';
import { keyToString } from '../core/task-key.js';
import type { Verdict } from '../core/verdict.js';

/** Version of the record format. Raised when a reader of the older one could misread the newer one. */
export const RUN_RECORD_VERSION = 1;

/** What every record about a task has. */
interface TaskRecordBase {
  /** Milliseconds since the epoch by the host's clock. */
  readonly at: number;
  /** Identity of the try. */
  readonly key: TaskInstanceKey;
  /** Name of the executor. */
  readonly executor: string;
  /** Queue that the workload named. */
  readonly queue?: string | undefined;
}

/** First record of a run. */
export interface RunStartRecord {
  /** Discriminates. */
  readonly type: 'run';
  /** {@link RUN_RECORD_VERSION}. */
  readonly version: number;
  /** When the recording began. */
  readonly at: number;
  /** What the run is called. */
  readonly title: string;
  /** Slots of the executor, where known. */
  readonly slots?: number | undefined;
}

/** A task moved on. */
export interface TaskStepRecord extends TaskRecordBase {
  /** Discriminates. */
  readonly type: 'queued' | 'launched' | 'running';
  /** Where it runs, where known. */
  readonly ranAs?: string | undefined;
}

/** A task waits, and why. */
export interface TaskPendingRecord extends TaskRecordBase {
  /** Discriminates. */
  readonly type: 'pending';
  /** Why. */
  readonly reason: string;
}

/** A launch was lost to its surroundings, and another was made within the same try. */
export interface TaskRelaunchRecord extends TaskRecordBase {
  /** Discriminates. */
  readonly type: 'relaunch';
  /** Number of the new launch. */
  readonly launch: number;
  /** What happened to the one before. */
  readonly verdict: Verdict;
}

/** A try ended. */
export interface TaskOutcomeRecord extends TaskRecordBase {
  /** Discriminates. */
  readonly type: 'outcome';
  /** How. */
  readonly state: 'success' | 'failed';
  /** Where it ran. */
  readonly ranAs?: string | undefined;
  /** Pods or processes that were started for it. */
  readonly launches: number;
  /** Exit code, where there was one. */
  readonly exitCode?: number | undefined;
  /** When its steps happened. */
  readonly times: Outcome['times'];
  /** Of a pod: when its steps happened, by the cluster's clocks. */
  readonly podTimes?: Outcome['podTimes'];
  /** Of a pod: what it had reserved. */
  readonly requests?: Outcome['requests'];
  /** Labels of the task. */
  readonly labels?: Outcome['labels'];
  /** Why it failed. */
  readonly verdict?: Verdict | undefined;
  /** Oddities. */
  readonly warnings?: readonly string[] | undefined;
}

/** The executor worked around something. */
export interface NoticeRecord {
  /** Discriminates. */
  readonly type: 'notice';
  /** Milliseconds since the epoch by the host's clock. */
  readonly at: number;
  /** What. */
  readonly message: string;
  /** What to do. */
  readonly hint?: string | undefined;
}

/** One line of a recorded run. */
export type RunRecord =
  | RunStartRecord
  | TaskStepRecord
  | TaskPendingRecord
  | TaskRelaunchRecord
  | TaskOutcomeRecord
  | NoticeRecord;

const RECORD_TYPES = new Set(['run', 'queued', 'launched', 'running', 'pending', 'relaunch', 'outcome', 'notice']);

/** What {@link parseRunRecords} has found. */
export interface ParsedRun {
  /** The records, in the order of the lines. */
  readonly records: readonly RunRecord[];
  /** Numbers (from 1) of the lines that are no records: a host that was killed may leave a torn last line. */
  readonly skippedLines: readonly number[];
}

const isKey = (key: unknown): boolean =>
  typeof key === 'object' &&
  key !== null &&
  ['dagId', 'taskId', 'runId'].every((field) => typeof (key as Record<string, unknown>)[field] === 'string');

/** Whether a value is a record of a run. */
export function isRunRecord(value: unknown): value is RunRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { type, at, key, times } = value as Record<string, unknown>;
  if (typeof type !== 'string' || !RECORD_TYPES.has(type) || typeof at !== 'number') return false;
  if (type === 'outcome' && (typeof times !== 'object' || times === null)) return false;
  return type === 'run' || type === 'notice' || isKey(key);
}

/** Reads a recorded run. Lines that are no records are skipped and reported, never thrown at the reader. */
export function parseRunRecords(text: string): ParsedRun {
  const records: RunRecord[] = [];
  const skippedLines: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      value = undefined;
    }
    if (isRunRecord(value)) records.push(value);
    else skippedLines.push(index + 1);
  }
  return { records, skippedLines };
}

/** Short name of a task for people: the task with its map index, without the workflow and the run. */
export function taskLabel(key: TaskInstanceKey): string {
  return key.mapIndex >= 0 ? `${key.taskId}[${key.mapIndex}]` : key.taskId;
}

/** One string per try. */
export const tryId = (key: TaskInstanceKey): string => keyToString(key);
