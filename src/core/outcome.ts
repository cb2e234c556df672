/** Workloads, their outcomes, and what an executor tells about them. */
import type { TaskInstanceKey, TaskInstanceKeyInput } from './task-key.js';
import type { TaskTimeouts, TimeoutsMs } from './timeouts.js';
import type { Verdict } from './verdict.js';

/** A task to run, as a host hands it over. */
export interface Workload {
  /** Identity of the try. */
  readonly key: TaskInstanceKeyInput;
  /** Program and arguments; not passed through a shell. At least one string, the first not empty. */
  readonly command: readonly string[];
  /** Name that routes the task in a hybrid executor. */
  readonly queue?: string | undefined;
  /** Higher runs first; equal ones in the order they came. @default 0 */
  readonly priority?: number | undefined;
  /** What is special about this task for its executor: image, resources, environment, …. */
  readonly executorConfig?: object | undefined;
  /** Limits on its phases. @default the executor's */
  readonly timeouts?: TaskTimeouts | undefined;
  /** What templates in its pod may use besides its key: `logical_date`, parameters, whatever the host knows. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
}

/** A checked workload inside an executor. */
export interface QueuedTask {
  /** Identity of the try. */
  readonly key: TaskInstanceKey;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Name that routes the task in a hybrid executor. */
  readonly queue: string | undefined;
  /** Higher runs first. */
  readonly priority: number;
  /** What is special about this task for its executor. */
  readonly executorConfig: object | undefined;
  /** Limits on its phases in milliseconds, as far as it has its own. */
  readonly timeouts?: TimeoutsMs | undefined;
  /** What templates in its pod may use besides its key. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
}

/** State of a task in an executor. */
export type TaskState = 'queued' | 'running' | 'success' | 'failed';

/** When a task's steps happened, in milliseconds since the epoch by the host's clock. */
export interface OutcomeTimes {
  /** Handed to the executor. */
  readonly queuedAt: number;
  /** Given a slot; `undefined` where it never was. */
  readonly launchedAt: number | undefined;
  /** Known to run; `undefined` where it never did, or ran too briefly to be seen. */
  readonly runningAt: number | undefined;
  /** Outcome known. */
  readonly endedAt: number;
}

/** Times of a pod's steps in milliseconds since the epoch, by the cluster's clocks; `undefined` where a step did not happen or is not told. */
export interface PodTimes {
  /** Created. */
  readonly createdAt: number | undefined;
  /** Put on a node. */
  readonly scheduledAt: number | undefined;
  /** Its sandbox stood; from here on images are pulled. */
  readonly sandboxAt: number | undefined;
  /** The base container started: images are there. */
  readonly startedAt: number | undefined;
  /** The base container ended. */
  readonly finishedAt: number | undefined;
}

/** What every outcome has. */
export interface OutcomeBase {
  /** Identity of the try. */
  readonly key: TaskInstanceKey;
  /** Queue that the workload named. */
  readonly queue: string | undefined;
  /** Name of the executor that ran it, for example `LocalExecutor`. */
  readonly executor: string;
  /** Where it ran: a pod's `namespace/name` or a process id. */
  readonly ranAs: string | undefined;
  /** How many pods (or processes) were started for this try. */
  readonly launches: number;
  /** When its steps happened. */
  readonly times: OutcomeTimes;
  /** Of a pod: when the steps of its last launch happened, by the cluster's clocks. */
  readonly podTimes?: PodTimes | undefined;
  /** Of a pod: what it had reserved, as quantities by resource name. */
  readonly requests?: Readonly<Record<string, string>> | undefined;
  /** Labels that the executor config of the task gave it, for telling costs apart. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Exit code of the main container or process, where there was one. */
  readonly exitCode: number | undefined;
  /** What a container left as its termination message, up to 4 KiB; `undefined` where nothing. */
  readonly result: string | undefined;
  /** Oddities that did not decide the outcome, for example a sidecar that died. */
  readonly warnings: readonly string[];
  /**
   * Confirms that the host has stored the outcome. With `acknowledge: 'manual'` the pod is kept, and the outcome repeated after a
   * restart, until this was called; otherwise it does nothing. Resolves when the pod is dealt with.
   * @throws LifecycleError once the executor has ended: the next one repeats the outcome.
   */
  acknowledge(): Promise<void>;
}

/** The task has done its work. */
export interface SuccessOutcome extends OutcomeBase {
  /** Discriminates from a failure. */
  readonly state: 'success';
}

/** The task has not done its work; the verdict says why. */
export interface FailedOutcome extends OutcomeBase {
  /** Discriminates from a success. */
  readonly state: 'failed';
  /** Why. */
  readonly verdict: Verdict;
}

/** The end of one try. */
export type Outcome = SuccessOutcome | FailedOutcome;

/** One line of a task's log. */
export interface LogLine {
  /** The line without its line break, cut at 64 KiB. */
  readonly text: string;
  /** Container or stream (`stdout`, `stderr`) that it came from. */
  readonly source: string;
  /** RFC 3339 time, where the source knows it. */
  readonly time?: string | undefined;
}

/** Options of reading a run's log. */
export interface RunLogOptions {
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
  /** Waits for more until the task ends; otherwise ends with what is there. @default true */
  readonly follow?: boolean | undefined;
  /** Only so many lines from the end to begin with. */
  readonly tailLines?: number | undefined;
}

/** Handle of one task in an executor. */
export interface TaskRun {
  /** Identity of the try. */
  readonly key: TaskInstanceKey;
  /** State right now. */
  readonly state: TaskState;
  /** Resolves with the end of the try. Never rejects, whatever happens to the task. */
  readonly outcome: Promise<Outcome>;
  /** The task's output, line by line; waits for the task to start. Ends with the task. */
  logs(options?: RunLogOptions): AsyncIterable<LogLine>;
}

/** An entry of the event buffer: the latest state of a task that the host has not fetched yet. */
export interface TaskEvent {
  /** State of the task. */
  readonly state: TaskState;
  /** For `running`: where it runs. */
  readonly info?: string | undefined;
  /** For `success` and `failed`: the outcome. */
  readonly outcome?: Outcome | undefined;
}

/** What every event of an executor has. */
export interface TaskEventBase {
  /** Identity of the try. */
  readonly key: TaskInstanceKey;
  /** Queue that the workload named. */
  readonly queue: string | undefined;
  /** Milliseconds since the epoch by the host's clock. */
  readonly at: number;
  /** Name of the executor, for example `LocalExecutor`. */
  readonly executor: string;
}

/** Events of an executor. A listener that throws, or whose promise rejects, is caught and reported as `listener:error`. */
export interface ExecutorEvents {
  /** A task was accepted. */
  'task:queued': (event: TaskEventBase) => void;
  /** A task has got a slot and is being launched. */
  'task:launched': (event: TaskEventBase) => void;
  /** A task is known to run. */
  'task:running': (event: TaskEventBase & { readonly ranAs: string | undefined }) => void;
  /** A launch of a task failed for reasons outside the task, and another is made. */
  'task:relaunch': (event: TaskEventBase & { readonly verdict: Verdict; readonly launch: number }) => void;
  /** A task waits, and why has changed. */
  'task:pending': (event: TaskEventBase & { readonly reason: string }) => void;
  /** Something beside a running task has gone wrong, for example a sidecar that died. */
  'task:warning': (event: TaskEventBase & { readonly warning: string }) => void;
  /** A try has ended. A listener may be async; see {@link ExecutorEvents} for what happens when it fails. */
  outcome: (outcome: Outcome) => void | Promise<void>;
  /** A feature is switched off or works around something, for example a missing permission. */
  notice: (event: { readonly at: number; readonly message: string; readonly hint: string | undefined }) => void;
  /** The lease of an executor is another's now; it has let go of these tasks without an outcome, and begins anew once it has the lease again. */
  'lease:lost': (event: {
    readonly at: number;
    readonly executor: string;
    readonly holder: string;
    readonly keys: readonly TaskInstanceKey[];
  }) => void;
  /** The living executors of the group have changed, or are known for the first time. */
  members: (event: { readonly at: number; readonly executor: string; readonly members: readonly string[] }) => void;
  /** A listener threw. */
  'listener:error': (event: { readonly event: string; readonly error: unknown }) => void;
}
