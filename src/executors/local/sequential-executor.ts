/** Runs one task after the other. */
import { LocalExecutor, type LocalExecutorOptions } from './local-executor.js';

/** A {@link LocalExecutor} with a single slot, for debugging and for tasks that must not overlap. */
export class SequentialExecutor extends LocalExecutor {
  constructor(options: Omit<LocalExecutorOptions, 'parallelism'> = {}) {
    super({ ...options, parallelism: 1 });
  }
}
