/** Stops live tasks: queued ones at once, running ones by the executor's own means, each exactly once. */
import type { Logger } from '../core/logger.js';
import type { TaskInstanceKey } from '../core/task-key.js';
import type { Verdict } from '../core/verdict.js';
import { CancelledError } from '../errors.js';
import type { CancelOptions, CancelResult, EndReport } from './executor.js';
import type { EndDetails } from './outcome-hub.js';
import type { TaskBoard, TaskEntry } from './task-board.js';
import { cancelledVerdict } from './verdicts.js';

/** What a {@link TaskStopper} works with. */
export interface TaskStopperOptions {
  readonly board: TaskBoard;
  readonly logger: Logger;
  readonly settle: (entry: TaskEntry, verdict: Verdict, details?: EndDetails) => void;
  /** The executor's own way to end a running task. */
  readonly onCancel: (entry: TaskEntry, options: CancelOptions) => Promise<CancelResult>;
}

/** What a stop tells that saw no end: nobody could prove it, or the task went to another executor meanwhile. */
export const UNSEEN: CancelResult = Object.freeze({ observed: 'unconfirmed', forced: false });

/** See the module's text. */
export class TaskStopper {
  readonly #options: TaskStopperOptions;

  constructor(options: TaskStopperOptions) {
    this.#options = options;
  }

  /** Stops a live task once; further calls wait for the same end. The signal ends only the caller's wait. */
  async stop(entry: TaskEntry, why: string, options: CancelOptions): Promise<CancelResult> {
    entry.stopReason ??= why;
    entry.stopping ??= this.#stopOnce(entry, options);
    const { signal } = options;
    if (signal === undefined) return entry.stopping;
    if (signal.aborted) return UNSEEN;
    let giveUp = () => {};
    const givenUp = new Promise<CancelResult>((resolve) => {
      giveUp = () => resolve(UNSEEN);
    });
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([entry.stopping, givenUp]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Ends everything that waits for a slot; returns the keys. */
  cancelQueued(): TaskInstanceKey[] {
    const { board, settle } = this.#options;
    return board.queued().map((entry) => {
      entry.stopReason ??= 'The executor ended';
      settle(entry, cancelledVerdict('The executor ended before the task was launched', false));
      return entry.key;
    });
  }

  /** Ends everything. */
  async stopAll(): Promise<EndReport> {
    const notStarted = this.cancelQueued();
    const running = this.#options.board.running();
    await Promise.all(running.map((entry) => this.stop(entry, 'The executor was stopped', {})));
    return { finished: [], notStarted, stopped: running.map((entry) => entry.key) };
  }

  async #stopOnce(entry: TaskEntry, options: CancelOptions): Promise<CancelResult> {
    const { settle } = this.#options;
    const why = entry.stopReason as string;
    if (entry.launches === 0) {
      settle(entry, cancelledVerdict(`${why} before it was launched`, false));
      return { observed: 'not_started', forced: false };
    }
    entry.controller.abort(new CancelledError(entry.id, why));
    const result = await this.#endRunning(entry, options);
    settle(entry, cancelledVerdict(why, result.observed === 'not_started' ? false : undefined), {
      exitCode: result.exitCode,
      isUnproven: result.observed === 'unconfirmed',
    });
    // One that was left to another executor meanwhile has no outcome here.
    return entry.state === 'success' ? { ...result, observed: 'finished' } : result;
  }

  /** An executor that cannot end a task must not leave its outcome open for ever: the end then counts as unseen. */
  async #endRunning(entry: TaskEntry, options: CancelOptions): Promise<CancelResult> {
    try {
      return await this.#options.onCancel(entry, options);
    } catch (error) {
      this.#options.logger.error({ err: error, task: entry.id }, 'a task could not be stopped');
      return UNSEEN;
    }
  }
}
