/** The contract that every executor meets, ours and yours. */
import type { EventEmitter } from 'eventemitter3';
import type { Duration } from '../core/duration.js';
import type { ExecutorEvents, LogLine, Outcome, TaskEvent, TaskRun, Workload } from '../core/outcome.js';
import type { TaskInstanceKey, TaskInstanceKeyInput } from '../core/task-key.js';

/** How a task ended that was cancelled. */
export interface CancelResult {
  /**
   * What was seen: it never started, it ended because of the cancel, it had ended by itself before, or its end was not seen within
   * the limit.
   */
  readonly observed: 'not_started' | 'terminated' | 'finished' | 'unconfirmed';
  /** Exit code, where one was seen. */
  readonly exitCode?: number | undefined;
  /** Whether it had to be killed after the grace period. */
  readonly forced: boolean;
}

/** Options of a cancel. */
export interface CancelOptions {
  /** Time between the polite signal and the kill. Left out, the executor's default. */
  readonly grace?: Duration | undefined;
  /** Ends the waiting for the end; the cancel itself goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of revoking a task. */
export interface RevokeOptions {
  /** Stops it although its program has started. @default false */
  readonly evenIfRunning?: boolean | undefined;
}

/** Options of ending an executor. */
export interface EndOptions {
  /** Runs what is still queued, too; otherwise it is cancelled. @default false */
  readonly drain?: boolean | undefined;
  /** Limit for waiting; what still runs then is treated as by `terminate()`. @default no limit */
  readonly timeout?: Duration | undefined;
}

/** What became of the tasks when an executor ended. */
export interface EndReport {
  /** Tasks that ended by themselves while the executor was ending. */
  readonly finished: readonly TaskInstanceKey[];
  /** Tasks that were never launched; their outcome is `failed` with verdict `cancelled`. */
  readonly notStarted: readonly TaskInstanceKey[];
  /** Tasks that were stopped; their outcome is `failed` with verdict `cancelled`. */
  readonly stopped: readonly TaskInstanceKey[];
}

/** A task's log, as far as it can be had. */
export interface TaskLog {
  /** What the reader should know about how complete it is. */
  readonly messages: readonly string[];
  /** The lines. */
  readonly lines: readonly LogLine[];
}

/** Options of waiting for changes. */
export interface ChangedOptions {
  /** Limit for the wait. @default no limit */
  readonly timeout?: Duration | undefined;
  /** Ends the wait; it then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** An executor: runs workloads, hands back one outcome per try. */
export interface Executor extends AsyncDisposable, Pick<EventEmitter<ExecutorEvents>, 'on' | 'once' | 'off'> {
  /** Name, for events and logs. */
  readonly name: string;
  /** Most tasks that run at a time. */
  readonly parallelism: number;
  /** Tasks that may still be handed over until all slots are taken: parallelism less what runs and what is queued. */
  readonly slotsAvailable: number;
  /** Tasks running and queued. */
  readonly slotsOccupied: number;
  /** Like `slotsAvailable`, for the side that serves a queue. */
  slotsFor(queue: string | undefined): number;
  /** Starts the executor. Repeated calls give the same promise. */
  start(): Promise<void>;
  /** One beat of a host's loop: fills free slots by priority, then `sync()`. */
  heartbeat(): Promise<void>;
  /** Drives itself, without polling, until the signal aborts. */
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Resolves with `true` once something changed that the host has not been told by an earlier call, with `false` at the timeout. The end of the
   * executor is such a change; after it has been told, a call without a timeout resolves with `false` at once.
   */
  changed(options?: ChangedOptions): Promise<boolean>;
  /** Accepts a task. It runs when a slot is free. */
  queueTask(workload: Workload): TaskRun;
  /** Launches a task at once, past queue and slots: Airflow's entry. */
  executeAsync(key: TaskInstanceKeyInput, command: readonly string[], queue?: string, executorConfig?: object): TaskRun;
  /** Brings the executor's knowledge up to date. */
  sync(): Promise<void>;
  /** Whether a task is queued or running here. */
  hasTask(key: TaskInstanceKeyInput): boolean;
  /** The handle of a task that is queued or running, adopted ones included. */
  getRun(key: TaskInstanceKeyInput): TaskRun | undefined;
  /** Takes the latest state of each task since the last call; with `dagIds`, only of those. */
  getEventBuffer(dagIds?: readonly string[]): Map<TaskInstanceKey, TaskEvent>;
  /** Every outcome from now on; ends with the executor, and at once where that has ended already. */
  outcomes(): AsyncIterableIterator<Outcome>;
  /** Takes over tasks launched by an earlier executor; resolves with those that it could not find. */
  tryAdoptTaskInstances(keys: readonly TaskInstanceKeyInput[]): Promise<TaskInstanceKey[]>;
  /** Takes over one task launched by an earlier executor; resolves with whether it could. */
  adoptLaunchedTask(key: TaskInstanceKeyInput): Promise<boolean>;
  /**
   * Removes a task here and where it waits to run, without an event; its run's outcome is `failed` with verdict `cancelled`. One that has started
   * is left alone unless `evenIfRunning` says otherwise, one that has done its work is told as a success, and one whose end nobody could prove as
   * cancelled. Resolves with whether it was revoked: nothing of it is left here, and no work of it was done.
   */
  revokeTask(key: TaskInstanceKeyInput, options?: RevokeOptions): Promise<boolean>;
  /** Stops a task, waits for its end and tells what was seen. Its outcome is `failed` with verdict `cancelled`. */
  cancel(key: TaskInstanceKeyInput, options?: CancelOptions): Promise<CancelResult>;
  /** A task's log, as far as it can be had; never rejects for want of one. */
  getTaskLog(key: TaskInstanceKeyInput): Promise<TaskLog>;
  /** Lets what runs finish, then stops. */
  end(options?: EndOptions): Promise<EndReport>;
  /** Stops now: what runs is ended. */
  terminate(): Promise<EndReport>;
  /** Stops without touching what runs, for a successor that takes it over; resolves with the tasks left running. Not every executor can. */
  detach?(): Promise<TaskInstanceKey[]>;
}
