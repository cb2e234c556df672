/**
 * Remembers on disk which local tasks were started, so that a host that was killed does not run them twice. One small file per task,
 * written before the process is started and removed once its outcome is with the host; what the task prints goes into files beside it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyToString, type TaskInstanceKey, taskInstanceKey } from '../../core/task-key.js';
import type { Verdict } from '../../core/verdict.js';
import { StoreError } from '../../errors.js';
import type { OutputFiles } from './output-files.js';
import { findByEnvironment, processStartTicks } from './process-tree.js';

/** Environment variable that tells the processes of one launch. */
export const LAUNCH_VARIABLE = 'PODWRIGHT_LAUNCH';

/** What is remembered of a started task. Its command is not: it may hold secrets. */
export interface JournalEntry {
  readonly key: TaskInstanceKey;
  readonly queue: string | undefined;
  /** Value of `PODWRIGHT_LAUNCH` in the environment of its process: it is found by that where the host died before it knew the process id. */
  readonly launchId?: string | undefined;
  /** When its time is up, in milliseconds since the epoch, and how long it had. */
  readonly deadline?: { readonly at: number; readonly afterMs: number } | undefined;
  /** Process id; left out while the process is being started. */
  readonly pid?: number | undefined;
  /** Start of that process, which tells it from a later one with the same id. */
  readonly startTicks?: string | undefined;
  /** Its outcome, as the host was or should have been told; without a verdict it is a success. */
  readonly outcome?: { readonly exitCode?: number | undefined; readonly verdict?: Verdict | undefined } | undefined;
}

const SUFFIX = '.task.json';
const HALF_SUFFIX = `${SUFFIX}.tmp`;
const OUTPUT_SUFFIXES = { stdout: '.stdout.log', stderr: '.stderr.log' };

/** A folder of entries, for one executor at a time. */
export class TaskJournal {
  readonly #folder: string;
  readonly #held = new Set<string>();

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
    this.#held.add(keyToString(entry.key));
  }

  /** Forgets a task with its output. */
  remove(key: TaskInstanceKey): void {
    this.#guard(() => {
      this.#removeOutput(key);
      rmSync(this.#fileOf(key), { force: true });
    });
    this.#held.delete(keyToString(key));
  }

  /** Where the output of a task goes. */
  outputFilesOf(key: TaskInstanceKey): OutputFiles {
    const base = this.#baseOf(key);
    return { stdout: `${base}${OUTPUT_SUFFIXES.stdout}`, stderr: `${base}${OUTPUT_SUFFIXES.stderr}` };
  }

  /** The same for a task that is about to be launched, whose output begins anew. */
  newOutputFilesOf(key: TaskInstanceKey): OutputFiles {
    this.#guard(() => this.#removeOutput(key));
    return this.outputFilesOf(key);
  }

  #removeOutput(key: TaskInstanceKey): void {
    for (const file of Object.values(this.outputFilesOf(key))) rmSync(file, { force: true });
  }

  /** Whether there is an entry of a task. */
  has(key: TaskInstanceKey): boolean {
    return this.#held.has(keyToString(key));
  }

  /** All entries that can be read, of one executor that begins; a file that was cut off in the middle belongs to a task that was never started. */
  entries(): JournalEntry[] {
    const files = this.#guard(() => readdirSync(this.#folder));
    for (const name of files)
      if (name.endsWith(HALF_SUFFIX)) this.#guard(() => rmSync(join(this.#folder, name), { force: true }));
    const names = files.filter((name) => name.endsWith(SUFFIX));
    const bases = new Set(names.map((name) => name.slice(0, -SUFFIX.length)));
    for (const suffix of Object.values(OUTPUT_SUFFIXES))
      for (const name of files)
        if (name.endsWith(suffix) && !bases.has(name.slice(0, -suffix.length)))
          this.#guard(() => rmSync(join(this.#folder, name), { force: true }));
    return names.flatMap((name) => {
      try {
        const entry = JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as JournalEntry;
        const key = taskInstanceKey(entry.key);
        this.#held.add(keyToString(key));
        return [{ ...entry, key }];
      } catch {
        return [];
      }
    });
  }

  #fileOf(key: TaskInstanceKey): string {
    return `${this.#baseOf(key)}${SUFFIX}`;
  }

  #baseOf(key: TaskInstanceKey): string {
    return join(this.#folder, createHash('sha256').update(keyToString(key)).digest('hex').slice(0, 32));
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

/** The entry with its process, where the host died between starting it and writing that down. */
export async function withProcess(entry: JournalEntry): Promise<JournalEntry> {
  const { pid, launchId, outcome } = entry;
  if (pid !== undefined || launchId === undefined || outcome !== undefined) return entry;
  const found = await findByEnvironment(LAUNCH_VARIABLE, launchId);
  return found === undefined ? entry : { ...entry, ...found };
}

/** Whether the process of an entry still runs. */
export async function isStillRunning({ pid, startTicks }: JournalEntry): Promise<boolean> {
  if (pid === undefined) return false;
  const now = await processStartTicks(pid);
  return now !== undefined && now === startTicks;
}
