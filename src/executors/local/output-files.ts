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
const CUT_BYTES = 16 * 1024 * 1024;

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

/** A file that is read, and how far it was read. */
interface Stream {
  readonly source: Source;
  readonly file: FileHandle;
  position: number;
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
    this.#done = this.#follow(files).catch(() => {});
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

  /** One stream after the other: what was written to both between two looks is not in the order in which it was written. */
  async #follow(files: OutputFiles): Promise<void> {
    const streams: Stream[] = [];
    try {
      for (const source of ['stdout', 'stderr'] as const) {
        const file = await open(files[source], 'r+').catch(() => undefined);
        if (file !== undefined) streams.push({ source, file, position: 0 });
      }
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        // Whatever is written before that is read after it.
        const isLast = this.#wake.signal.aborted;
        for (const stream of streams) {
          if (this.#isClosed) return;
          if (await this.#read(stream)) waitMs = FIRST_WAIT_MS;
        }
        if (isLast || streams.length === 0) return;
        await this.#clock.delay(waitMs, { signal: this.#wake.signal }).catch(() => {});
      }
    } finally {
      await Promise.all(streams.map(({ file }) => file.close()));
    }
  }

  /** Reads a stream to where its end was a moment ago, however fast it grows; tells whether there was anything new. */
  async #read(stream: Stream): Promise<boolean> {
    const { source, file } = stream;
    const { size } = await file.stat();
    const isNew = stream.position < size;
    // Who is that far behind will not catch up; the end of it is what counts.
    if (size - stream.position > CUT_BYTES) this.#skip(stream, size - CUT_BYTES / 4);
    const buffer = Buffer.allocUnsafe(isNew ? CHUNK_BYTES : 0);
    while (stream.position < size && !this.#isClosed) {
      const length = Math.min(CHUNK_BYTES, size - stream.position);
      const { bytesRead } = await file.read(buffer, 0, length, stream.position);
      if (bytesRead === 0) break;
      this.#output.write(source, buffer.subarray(0, bytesRead));
      stream.position += bytesRead;
    }
    if (stream.position >= CUT_BYTES && !this.#isClosed) await this.#cut(stream);
    return isNew;
  }

  /** Cuts a file of which all was read; of one that grows faster than that the rest goes, too, before the disk is full. */
  async #cut(stream: Stream): Promise<void> {
    const { size } = await stream.file.stat();
    if (size > stream.position && size < 4 * CUT_BYTES) return;
    this.#skip(stream, size);
    // Whoever writes appends, wherever that is.
    await stream.file.truncate(0);
    stream.position = 0;
  }

  #skip(stream: Stream, to: number): void {
    if (to > stream.position) this.#output.skip(stream.source, to - stream.position);
    stream.position = to;
  }
}
