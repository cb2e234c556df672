/**
 * Who is queued, who runs, who has ended. Slots are derived from membership here and never counted up and down, so that they
 * cannot leak.
 *
 * A task moves one way: queued → running → ended; an entry is in exactly one of the live sets, or in neither once it has ended.
 */
import type { LogLine, Outcome, QueuedTask, RunLogOptions, TaskRun, TaskState } from '../core/outcome.js';
import { PriorityQueue } from '../core/priority-queue.js';
import type { TaskInstanceKey } from '../core/task-key.js';
import { DuplicateTaskError } from '../errors.js';
import type { CancelResult } from './executor.js';

/** Reads the log of a task; one for all tasks of an executor. */
export type LogReader = (task: QueuedTask, options: RunLogOptions) => AsyncIterable<LogLine>;

const NOTHING = () => {};

/**
 * One task inside an executor; what the host holds of it is its {@link TaskRun}. There are many of them, so that what few are asked for is made
 * when it is.
 */
export class TaskEntry implements TaskRun {
  readonly id: string;
  readonly task: QueuedTask;
  readonly queuedAt: number;
  launchedAt: number | undefined;
  runningAt: number | undefined;
  ranAs: string | undefined;
  launches = 0;
  state: TaskState = 'queued';
  /** Why the task was asked to stop; whatever failure follows is put down to it. */
  stopReason: string | undefined;
  /** The stop under way. */
  stopping: Promise<CancelResult> | undefined;
  /** Whether it was found running instead of being queued here; queueing its key then claims it instead of failing. */
  isUnclaimed = false;
  /** Whether its end is kept from event buffer and listeners (a revoked task). */
  isSilent = false;
  /** Whether it was left to somebody else, who may be at work on it. */
  isHandedOver = false;
  #cancelTimer = NOTHING;
  #controller: AbortController | undefined;
  #result: Outcome | undefined;
  #outcome: Promise<Outcome> | undefined;
  #resolve: ((outcome: Outcome) => void) | undefined;
  readonly #readLog: LogReader;

  constructor(id: string, task: QueuedTask, queuedAt: number, readLog: LogReader) {
    this.id = id;
    this.task = task;
    this.queuedAt = queuedAt;
    this.#readLog = readLog;
  }

  get outcome(): Promise<Outcome> {
    this.#outcome ??=
      this.#result === undefined
        ? new Promise((resolve) => {
            this.#resolve = resolve;
          })
        : Promise.resolve(this.#result);
    return this.#outcome;
  }

  get key(): TaskInstanceKey {
    return this.task.key;
  }

  /** Aborts when the task is to stop; made on first use, since most tasks never need it. */
  get controller(): AbortController {
    this.#controller ??= new AbortController();
    return this.#controller;
  }

  /** Whether it has ended because it was asked to. */
  get wasStopped(): boolean {
    return this.stopReason !== undefined && this.state === 'failed';
  }

  /** Sets the clock that runs while it is queued. */
  limitBy(cancelTimer: () => void): void {
    this.#cancelTimer = cancelTimer;
  }

  /** Ends that clock, and forgets it. */
  cancelTimer(): void {
    this.#cancelTimer();
    this.#cancelTimer = NOTHING;
  }

  settle(outcome: Outcome): void {
    this.state = outcome.state;
    this.#result = outcome;
    this.#resolve?.(outcome);
  }

  logs(options: RunLogOptions = {}): AsyncIterable<LogLine> {
    return this.#readLog(this.task, options);
  }
}

/** How many ended keys are remembered in order to refuse their reuse. */
const ENDED_KEYS_KEPT = 10_000;

/** The live tasks of one executor. */
export class TaskBoard {
  readonly #queue = new PriorityQueue<TaskEntry>();
  readonly #queued = new Map<string, TaskEntry>();
  readonly #running = new Map<string, TaskEntry>();
  /** Tasks found ended, whose outcome is not told yet: live, without a slot. */
  readonly #ending = new Map<string, TaskEntry>();
  readonly #ended = new Set<string>();
  /** Adopted tasks that ended before anybody asked for them. */
  readonly #unclaimed = new Map<string, TaskEntry>();

  get queuedCount(): number {
    return this.#queued.size;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  get endingCount(): number {
    return this.#ending.size;
  }

  /** @throws DuplicateTaskError where the key is live or has ended lately. */
  assertNew(id: string): void {
    if (this.#queued.has(id)) throw new DuplicateTaskError(id, 'queued');
    if (this.#running.has(id) || this.#ending.has(id)) throw new DuplicateTaskError(id, 'running');
    if (this.#ended.has(id)) throw new DuplicateTaskError(id, 'finished');
  }

  addQueued(entry: TaskEntry): void {
    this.#queued.set(entry.id, entry);
    this.#queue.push(entry.id, entry, entry.task.priority);
  }

  addRunning(entry: TaskEntry): void {
    this.#running.set(entry.id, entry);
    entry.state = 'running';
  }

  addEnding(entry: TaskEntry): void {
    this.#ending.set(entry.id, entry);
    entry.state = 'running';
  }

  /** Gives a slot to a task that was found ended and is launched again. */
  occupy(entry: TaskEntry): void {
    if (this.#ending.delete(entry.id)) this.addRunning(entry);
  }

  /** Moves the first queued task to the running ones. */
  takeNext(): TaskEntry | undefined {
    const entry = this.#queue.shift();
    if (entry === undefined) return undefined;
    this.#queued.delete(entry.id);
    this.addRunning(entry);
    return entry;
  }

  /** Takes a task out of the queue, if it is there. */
  takeQueued(id: string): TaskEntry | undefined {
    const entry = this.#queued.get(id);
    if (entry === undefined) return undefined;
    this.#queued.delete(id);
    this.#queue.remove(id);
    return entry;
  }

  get(id: string): TaskEntry | undefined {
    return this.#running.get(id) ?? this.#queued.get(id) ?? this.#ending.get(id);
  }

  /** Whether a task of this key has ended here lately. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  /** The adopted task of this key that nobody has asked for yet, live or ended; from now on it is claimed. */
  claim(id: string): TaskEntry | undefined {
    const entry = this.get(id) ?? this.#unclaimed.get(id);
    if (entry === undefined || !entry.isUnclaimed) return undefined;
    entry.isUnclaimed = false;
    this.#unclaimed.delete(id);
    return entry;
  }

  isQueued(id: string): boolean {
    return this.#queued.has(id);
  }

  /** Takes a live task off the board; with `remember`, its key is refused from then on. */
  remove(entry: TaskEntry, remember: boolean): void {
    this.takeQueued(entry.id);
    this.#running.delete(entry.id);
    this.#ending.delete(entry.id);
    if (!remember) return;
    if (entry.isUnclaimed) this.#unclaimed.set(entry.id, entry);
    this.#ended.add(entry.id);
    if (this.#ended.size <= ENDED_KEYS_KEPT) return;
    const oldest = this.#ended.values().next().value as string;
    this.#ended.delete(oldest);
    this.#unclaimed.delete(oldest);
  }

  queued(): TaskEntry[] {
    return [...this.#queued.values()];
  }

  /** All that were launched and have no outcome yet. */
  running(): TaskEntry[] {
    return [...this.#running.values(), ...this.#ending.values()];
  }
}
