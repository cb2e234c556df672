/**
 * Remembers on disk which local tasks were started, so that a host that was killed does not run them twice. One small file per task,
 * written before the process is started and removed once its outcome is with the host.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyToString, type TaskInstanceKey, taskInstanceKey } from '../../core/task-key.js';
import { StoreError } from '../../errors.js';
import { processStartTicks } from './process-tree.js';

/** What is remembered of a started task. Its command is not: it may hold secrets. */
export interface JournalEntry {
  readonly key: TaskInstanceKey;
  readonly queue: string | undefined;
  /** Process id; left out while the process is being started. */
  readonly pid?: number | undefined;
  /** Start of that process, which tells it from a later one with the same id. */
  readonly startTicks?: string | undefined;
  /** Its end, where the host saw it. */
  readonly end?: { readonly exitCode?: number | undefined; readonly signal?: string | undefined } | undefined;
}

const SUFFIX = '.task.json';

/** A folder of entries, for one executor at a time. */
export class TaskJournal {
  readonly #folder: string;

  /** @throws StoreError where the folder cannot be made. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#guard(() => mkdirSync(folder, { recursive: true }));
  }

  /** Writes an entry, whole or not at all. */
  write(entry: JournalEntry): void {
    const file = this.#fileOf(entry.key);
    this.#guard(() => {
      writeFileSync(`${file}.tmp`, JSON.stringify(entry));
      renameSync(`${file}.tmp`, file);
    });
  }

  remove(key: TaskInstanceKey): void {
    this.#guard(() => rmSync(this.#fileOf(key), { force: true }));
  }

  /** All entries that can be read; a file that was cut off in the middle belongs to a task that was never started. */
  entries(): JournalEntry[] {
    const names = this.#guard(() => readdirSync(this.#folder)).filter((name) => name.endsWith(SUFFIX));
    return names.flatMap((name) => {
      try {
        const entry = JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as JournalEntry;
        return [{ ...entry, key: taskInstanceKey(entry.key) }];
      } catch {
        return [];
      }
    });
  }

  #fileOf(key: TaskInstanceKey): string {
    return join(this.#folder, `${createHash('sha256').update(keyToString(key)).digest('hex').slice(0, 32)}${SUFFIX}`);
  }

  #guard<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw new StoreError(
        `The journal in ${this.#folder} cannot be used: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`,
        {
          cause: error,
          hint: 'Give the host a folder that it may write to.',
        },
      );
    }
  }
}

/** Whether the process of an entry still runs. */
export async function isStillRunning({ pid, startTicks }: JournalEntry): Promise<boolean> {
  if (pid === undefined) return false;
  const now = await processStartTicks(pid);
  return now !== undefined && now === startTicks;
}
