/** Why local tasks fail, beside their exit codes and signals. */
import type { QueuedTask } from '../../core/outcome.js';
import type { Evidence, Verdict } from '../../core/verdict.js';
import { makeVerdict } from '../verdicts.js';
import type { LocalExecutorConfig } from './local-config.js';

/** A local task that was running, or being started, when its host died. */
export function unseenVerdict(evidence: Evidence = {}): Verdict {
  return makeVerdict({
    kind: 'unknown',
    blame: 'infra',
    confidence: 'certain',
    message: 'The host died while the task ran, and nobody saw how it ended',
    hint: 'Look at what the task has left behind, and queue its next try if it has to run again.',
    evidence,
  });
}

/** It ran longer than it may. */
export function lateVerdict(timeoutMs: number, evidence: Evidence = {}): Verdict {
  return makeVerdict({
    kind: 'deadline.running',
    blame: 'task',
    mainStarted: true,
    message: `The task ran longer than its timeout of ${timeoutMs} ms and was ended`,
    hint: 'Raise `timeout`, or look at the end of its log for what it was busy with.',
    evidence,
  });
}

/** The operating system refused to start its program. */
export function spawnVerdict(error: NodeJS.ErrnoException, task: QueuedTask, config: LocalExecutorConfig): Verdict {
  const program = task.command[0] as string;
  const isMissing = error.code === 'ENOENT';
  return makeVerdict({
    kind: 'spawn_failed',
    blame: isMissing || error.code === 'EACCES' ? 'config' : 'infra',
    mainStarted: false,
    message: `The program ${JSON.stringify(program)} could not be started: ${error.code ?? error.message}`,
    hint: isMissing
      ? config.cwd === undefined
        ? 'Check that it is installed and on the PATH of the host; a command is not passed through a shell.'
        : 'Check that both the program and the working directory exist.'
      : 'Check the rights of the file, and the limits of the host (processes, memory).',
    evidence: { message: error.message },
  });
}
