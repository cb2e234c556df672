/** Splits a stream of bytes into lines, in bounded memory. */

/** A line above this is no watch event of a sane server. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const NEWLINE = 10;

/** A line: the bytes of `source` from `start` to `end`. Good until the next one is taken. */
export interface LineBytes {
  readonly source: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Takes chunks and gives complete lines, without waiting for anything, and without a copy or an object for each. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #line: { source: Buffer; start: number; end: number } = { source: Buffer.alloc(0), start: 0, end: 0 };
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(maxBytes = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Adds the next chunk; the lines of the one before must have been taken. @throws RangeError where a line is too long. */
  push(chunk: Uint8Array): void {
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
  }

  /**
   * The next complete line, without its line break; empty lines are skipped, and a partial line waits for the next chunk. One at the end
   * of the stream is never given, since it may be half an object.
   */
  take(): LineBytes | undefined {
    while (this.#at < this.#chunk.length) {
      const start = this.#at;
      const end = this.#chunk.indexOf(NEWLINE, start);
      if (end < 0) {
        this.#keep(this.#chunk.subarray(start));
        this.#at = this.#chunk.length;
        return undefined;
      }
      this.#at = end + 1;
      if (this.#pendingBytes > 0) return this.#joined(this.#chunk.subarray(start, end));
      if (end > start) return this.#set(this.#chunk, start, end);
    }
    return undefined;
  }

  #joined(rest: Buffer): LineBytes {
    const whole = Buffer.concat([...this.#pending, rest]);
    this.#pending = [];
    this.#pendingBytes = 0;
    return this.#set(whole, 0, whole.length);
  }

  #set(source: Buffer, start: number, end: number): LineBytes {
    this.#line.source = source;
    this.#line.start = start;
    this.#line.end = end;
    return this.#line;
  }

  #keep(part: Buffer): void {
    this.#pending.push(part);
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > this.#maxBytes)
      throw new RangeError(`a line of the stream is longer than ${this.#maxBytes} bytes`);
  }
}
