/**
 * What the demo's host remembers across a crash: which tries it has handed over and how they ended, one JSON line each.
 * An outcome is acknowledged to the executor only after its line is on disk, so that a pod is kept until then.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TaskInstanceKey } from '../../core/task-key.js';
import { CommandFailure, EXIT } from '../failure.js';

/** How far a task has come. */
export interface TaskProgress {
  /** Latest try. */
  readonly tryNumber: number;
  /** `open`: handed over, and its end is not known. */
  readonly state: 'open' | 'success' | 'failed';
}

/** Name of a step in the journal and on the screen. */
export const stepName = ({ taskId, mapIndex }: Pick<TaskInstanceKey, 'taskId' | 'mapIndex'>): string =>
  mapIndex >= 0 ? `${taskId}[${mapIndex}]` : taskId;

interface JournalLine extends TaskProgress {
  readonly task: string;
}

interface JournalHead {
  readonly runId: string;
  readonly seed: number;
}

/** The host's memory; see the module's text. */
export class Journal {
  /** Identity of the run. */
  readonly head: JournalHead;
  /** Whether an earlier host has written here. */
  readonly isResumed: boolean;
  readonly #file: string;
  readonly #progress = new Map<string, TaskProgress>();
  #isClosed = false;

  /** Opens the journal at `file`, or begins it with `head`. */
  constructor(file: string, head: JournalHead) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const [first, ...lines] = text.split('\n').flatMap(parsed);
    this.isResumed = first !== undefined;
    this.head = (first as JournalHead | undefined) ?? head;
    if (!this.isResumed) writeFileSync(file, `${JSON.stringify(head)}\n`);
    // A crash can leave half a line; what follows must begin on a line of its own.
    else if (!text.endsWith('\n')) appendFileSync(file, '\n');
    for (const line of lines as JournalLine[]) this.#progress.set(line.task, line);
  }

  /** How far a step has come, or `undefined` where it was never handed over. */
  progressOf(step: Pick<TaskInstanceKey, 'taskId' | 'mapIndex'>): TaskProgress | undefined {
    return this.#progress.get(stepName(step));
  }

  /** Nothing is written any more: a host on its way out acknowledges nothing, so that the next one is told again what comes now. */
  close(): void {
    this.#isClosed = true;
  }

  /** Notes how far a step has come; returns once the line is written. @throws CommandFailure after {@link Journal.close} */
  note(step: Pick<TaskInstanceKey, 'taskId' | 'mapIndex'>, progress: TaskProgress): void {
    if (this.#isClosed) throw new CommandFailure('The journal is closed', EXIT.tasksFailed);
    const line: JournalLine = { task: stepName(step), ...progress };
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#progress.set(line.task, line);
  }
}

function parsed(line: string): unknown[] {
  if (line === '') return [];
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
