/** The identity of one try of one task: Airflow's TaskInstanceKey. */
import { type ConfigProblem, InvalidWorkloadError } from '../errors.js';

/** Identity of one try of one task. Two tries of a task have two keys. */
export interface TaskInstanceKey {
  /** The workflow. */
  readonly dagId: string;
  /** The task within the workflow. */
  readonly taskId: string;
  /** The run of the workflow. */
  readonly runId: string;
  /** The host's attempt, from 1. */
  readonly tryNumber: number;
  /** Index of a mapped task; -1 for an unmapped one. */
  readonly mapIndex: number;
}

/** A key as a caller writes it. */
export interface TaskInstanceKeyInput {
  /** The workflow. */
  readonly dagId: string;
  /** The task within the workflow. */
  readonly taskId: string;
  /** The run of the workflow. */
  readonly runId: string;
  /** The host's attempt, an integer of at least 1. @default 1 */
  readonly tryNumber?: number | undefined;
  /** Index of a mapped task. @default -1 */
  readonly mapIndex?: number | undefined;
}

const KEY_FIELDS = new Set(['dagId', 'taskId', 'runId', 'tryNumber', 'mapIndex']);
/** Longer identifiers would crowd out the other annotations of a pod. */
const MAX_ID_LENGTH = 2048;

function problemsOf(input: Record<string, unknown>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const field of ['dagId', 'taskId', 'runId'] as const) {
    const value = input[field];
    if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH)
      problems.push({
        field: `key.${field}`,
        value,
        rule: `must be a non-empty string of at most ${MAX_ID_LENGTH} characters`,
      });
  }
  const { tryNumber = 1, mapIndex = -1 } = input;
  if (!Number.isSafeInteger(tryNumber) || (tryNumber as number) < 1)
    problems.push({ field: 'key.tryNumber', value: tryNumber, rule: 'must be an integer of at least 1' });
  if (!Number.isSafeInteger(mapIndex) || (mapIndex as number) < -1)
    problems.push({ field: 'key.mapIndex', value: mapIndex, rule: 'must be an integer of at least -1' });
  for (const field of Object.keys(input))
    if (!KEY_FIELDS.has(field))
      problems.push({
        field: `key.${field}`,
        rule: 'is not a field of a task instance key',
        hint: `known are ${[...KEY_FIELDS].join(', ')}`,
      });
  return problems;
}

/**
 * Checks a key and fills in its defaults.
 * @throws InvalidWorkloadError (`ERR_PODWRIGHT_INVALID_KEY`) with every field that is wrong.
 */
export function taskInstanceKey(input: TaskInstanceKeyInput): TaskInstanceKey {
  if (typeof input !== 'object' || input === null)
    throw new InvalidWorkloadError(
      [{ field: 'key', value: input, rule: 'must be an object with dagId, taskId and runId' }],
      {
        code: 'ERR_PODWRIGHT_INVALID_KEY',
      },
    );
  const problems = problemsOf(input as unknown as Record<string, unknown>);
  if (problems.length > 0) throw new InvalidWorkloadError(problems, { code: 'ERR_PODWRIGHT_INVALID_KEY' });
  const { dagId, taskId, runId, tryNumber = 1, mapIndex = -1 } = input;
  return Object.freeze({ dagId, taskId, runId, tryNumber, mapIndex });
}

/** One string per key, the same for equal keys and different for different ones; usable as a map key and readable by people. */
export function keyToString(key: TaskInstanceKeyInput): string {
  const escaped = (id: string) =>
    id.replace(/[%/[\]#]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  const mapped = (key.mapIndex ?? -1) >= 0 ? `[${key.mapIndex}]` : '';
  // A joined text is one piece of memory; one of template parts is a tree of them, and there are tens of thousands of keys.
  return [escaped(key.dagId), '/', escaped(key.runId), '/', escaped(key.taskId), mapped, '#', key.tryNumber ?? 1].join(
    '',
  );
}
