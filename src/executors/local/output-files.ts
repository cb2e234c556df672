/**
 * What a task prints, by way of files: they outlive the host, whose successor reads on, and a task that prints does not die with its reader, as it
 * would of a pipe.
 */
import { closeSync, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '../../core/clock.js';
import type { Source, TaskOutput } from './task-output.js';

/** Where a task's output goes, by stream. */
export type OutputFiles = Readonly<Record<Source, string>>;

/** How long to wait for more: less where there was some just now. */
const FIRST_WAIT_MS = 25;
const LONGEST_WAIT_MS = 400;
const CHUNK_BYTES = 64 * 1024;
/** A file is cut to nothing when so much of it was read: a task that prints without end must not fill the disk while somebody reads. */
const CUT_BYTES = 64 * 1024 * 1024;

/** Opens the files for a process to write to. What is there stays: somebody may write it at this moment. */
export function openForWriting(files: OutputFiles): { readonly stdout: number; readonly stderr: number } {
  const stdout = openSync(files.stdout, 'a', 0o600);
  try {
    return { stdout, stderr: openSync(files.stderr, 'a', 0o600) };
  } catch (error) {
    closeSync(stdout);
    throw error;
  }
}

/** Reads what comes into the files of a task, until it is told that no more will. */
export class OutputReader {
  readonly #clock: Clock;
  readonly #output: TaskOutput;
  readonly #wake = new AbortController();
  readonly #done: Promise<unknown>;
  #isClosed = false;

  constructor(files: OutputFiles, output: TaskOutput, clock: Clock) {
    this.#clock = clock;
    this.#output = output;
    const sources = ['stdout', 'stderr'] as const;
    this.#done = Promise.all(sources.map((source) => this.#follow(source, files[source]).catch(() => {})));
  }

  /** Reads what is there still, and ends. */
  async finish(): Promise<void> {
    this.#wake.abort();
    await this.#done;
  }

  /** Ends without reading any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.finish();
  }

  async #follow(source: Source, path: string): Promise<void> {
    const file = await open(path, 'r+');
    try {
      let position = 0;
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        // Whatever is written before that is read after it.
        const isLast = this.#wake.signal.aborted;
        if (this.#isClosed) return;
        const before = position;
        position = await this.#read(source, file, position);
        if (isLast) return;
        if (position !== before) waitMs = FIRST_WAIT_MS;
        await this.#clock.delay(waitMs, { signal: this.#wake.signal }).catch(() => {});
      }
    } finally {
      await file.close();
    }
  }

  /** Reads from a position to the end, as it is at that time; resolves with the position where more will come. */
  async #read(source: Source, file: FileHandle, from: number): Promise<number> {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let position = from;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
      if (bytesRead === 0 || this.#isClosed) return position;
      this.#output.write(source, buffer.subarray(0, bytesRead));
      position += bytesRead;
      if (position < CUT_BYTES) continue;
      const { size } = await file.stat();
      // Whoever writes appends, wherever that is.
      await file.truncate(0);
      if (size > position) this.#output.skip(source, size - position);
      position = 0;
    }
  }
}
