/** Checks workloads at the door, so that nothing half-formed is ever queued. */
import type { QueuedTask, Workload } from '../core/outcome.js';
import { taskInstanceKey } from '../core/task-key.js';
import { readTimeouts } from '../core/timeouts.js';
import { type ConfigProblem, InvalidWorkloadError } from '../errors.js';

const FIELDS = ['key', 'command', 'queue', 'priority', 'executorConfig', 'timeouts', 'context'];

function commandProblems(command: unknown): ConfigProblem[] {
  const rule = 'must be a non-empty array of strings, the first of them not empty';
  const hint = 'the program and each of its arguments are separate strings, as in ["python", "load.py"]';
  if (!Array.isArray(command) || command.length === 0)
    return [{ field: 'command', value: command ?? null, rule, hint }];
  const wrong = command.findIndex((part) => typeof part !== 'string');
  if (wrong >= 0) return [{ field: `command[${wrong}]`, value: command[wrong] ?? null, rule: 'must be a string' }];
  if (command[0] === '') return [{ field: 'command[0]', value: '', rule, hint }];
  const nul = command.findIndex((part: string) => part.includes('\0'));
  return nul < 0 ? [] : [{ field: `command[${nul}]`, rule: 'must not contain a NUL character' }];
}

/**
 * Checks a workload and fills in its defaults.
 * @throws InvalidWorkloadError with every problem at once.
 */
export function checkWorkload(workload: Workload): QueuedTask {
  if (typeof workload !== 'object' || workload === null)
    throw new InvalidWorkloadError([
      { field: 'workload', value: workload, rule: 'must be an object with key and command' },
    ]);
  const key = taskInstanceKey(workload.key);
  const problems = commandProblems(workload.command);
  const { queue, priority = 0, executorConfig, context } = workload;
  if (queue !== undefined && (typeof queue !== 'string' || queue === ''))
    problems.push({ field: 'queue', value: queue, rule: 'must be a non-empty string' });
  if (typeof priority !== 'number' || !Number.isFinite(priority))
    problems.push({ field: 'priority', value: priority, rule: 'must be a finite number' });
  if (
    executorConfig !== undefined &&
    (typeof executorConfig !== 'object' || executorConfig === null || Array.isArray(executorConfig))
  )
    problems.push({ field: 'executorConfig', value: executorConfig, rule: 'must be an object' });
  if (context !== undefined && (typeof context !== 'object' || context === null || Array.isArray(context)))
    problems.push({ field: 'context', rule: 'must be an object' });
  const timeouts = readTimeouts(workload.timeouts, 'timeouts', problems);
  for (const field of Object.keys(workload))
    if (!FIELDS.includes(field))
      problems.push({ field, rule: 'is not a field of a workload', hint: `known are ${FIELDS.join(', ')}` });
  if (problems.length > 0) throw new InvalidWorkloadError(problems);
  const command = Object.freeze([...workload.command]);
  return Object.freeze({ key, command, queue, priority, executorConfig, timeouts, context });
}
