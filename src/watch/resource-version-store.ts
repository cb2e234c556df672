/** Stores of how far a watch has come. What they hold is a hint: a version that is no longer good makes the watch list again. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '../errors.js';
import type { ResourceVersionStore } from './watcher.js';

/** Keeps versions in memory. */
export class MemoryResourceVersionStore implements ResourceVersionStore {
  readonly #versions = new Map<string, string>();

  get(scope: string): string | undefined {
    return this.#versions.get(scope);
  }

  set(scope: string, resourceVersion: string | undefined): void {
    if (resourceVersion === undefined) this.#versions.delete(scope);
    else this.#versions.set(scope, resourceVersion);
  }
}

function versionsOf(text: string): Map<string, string> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map();
    return new Map(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    return new Map();
  }
}

/**
 * Keeps versions in a JSON file, written beside and renamed, so that a crash leaves the old or the new one. A corrupt file counts as
 * empty. One process at a time: two which share a file overwrite each other.
 */
export class FileResourceVersionStore implements ResourceVersionStore {
  readonly #file: string;
  #loading: Promise<Map<string, string>> | undefined;
  #writing: Promise<void> | undefined;
  #isDirty = false;

  /** `file` is created together with its folder where it does not exist. */
  constructor(file: string) {
    this.#file = file;
  }

  async get(scope: string): Promise<string | undefined> {
    return (await this.#load()).get(scope);
  }

  /** Resolves when the version is on disk. @throws StoreError where it cannot be written. */
  async set(scope: string, resourceVersion: string | undefined): Promise<void> {
    const versions = await this.#load();
    if (versions.get(scope) === resourceVersion) return;
    if (resourceVersion === undefined) versions.delete(scope);
    else versions.set(scope, resourceVersion);
    this.#isDirty = true;
    // One write at a time; whoever comes meanwhile is served by the next one.
    this.#writing ??= this.#writeAll(versions).finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  #load(): Promise<Map<string, string>> {
    this.#loading ??= readFile(this.#file, 'utf8').then(versionsOf, (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return new Map<string, string>();
      this.#loading = undefined;
      throw new StoreError(`The version store ${this.#file} cannot be read: ${error.code}`, { cause: error });
    });
    return this.#loading;
  }

  async #writeAll(versions: ReadonlyMap<string, string>): Promise<void> {
    const beside = `${this.#file}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.#file), { recursive: true });
      while (this.#isDirty) {
        this.#isDirty = false;
        await writeFile(beside, `${JSON.stringify(Object.fromEntries(versions))}\n`, { mode: 0o600 });
        await rename(beside, this.#file);
      }
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {});
      const { code } = error as NodeJS.ErrnoException;
      throw new StoreError(`The version store ${this.#file} cannot be written: ${code}`, { cause: error });
    }
  }
}
