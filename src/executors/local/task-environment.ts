/** The environment of a local task. */
import { revealSecret } from '../../core/secret.js';
import type { LocalExecutorConfig } from './local-config.js';
import type { LocalExecutorOptions } from './local-executor.js';
import { type JournalEntry, LAUNCH_VARIABLE } from './task-journal.js';

/** The host's variables, the task's identity, the executor's and then the task's own; a later one wins, and `null` removes. */
export function taskEnvironment(
  options: Pick<LocalExecutorOptions, 'env' | 'inheritEnv' | 'journal'>,
  { key, launchId }: JournalEntry,
  config: LocalExecutorConfig,
): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...(options.inheritEnv === false ? {} : process.env),
    PODWRIGHT_DAG_ID: key.dagId,
    PODWRIGHT_TASK_ID: key.taskId,
    PODWRIGHT_RUN_ID: key.runId,
    PODWRIGHT_TRY_NUMBER: String(key.tryNumber),
    PODWRIGHT_MAP_INDEX: String(key.mapIndex),
    ...(options.journal === undefined ? {} : { [LAUNCH_VARIABLE]: launchId }),
  };
  for (const [name, value] of Object.entries({ ...options.env, ...config.env })) {
    if (value === null) delete env[name];
    else env[name] = typeof value === 'string' ? value : revealSecret(value);
  }
  return env;
}
