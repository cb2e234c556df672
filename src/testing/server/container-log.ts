/** The log of one run of one container: bounded, with the time of each line, and followed while it grows. */

/** One line with its newline, or the unfinished last one without. */
export interface LogLine {
  readonly at: number;
  readonly text: Buffer;
}

const NEWLINE = 10;
/** Older lines go first when a log grows beyond this. */
const DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024;

/** Collects output and hands it to followers line by line. */
export class ContainerLog {
  #lines: LogLine[] = [];
  #bytes = 0;
  #partial: Buffer = Buffer.alloc(0);
  #closed = false;
  readonly #limit: number;
  readonly #followers = new Set<{ line: (line: LogLine) => void; end: () => void }>();

  constructor(limitBytes: number = DEFAULT_LIMIT_BYTES) {
    this.#limit = limitBytes;
  }

  /** All lines, oldest first. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** Whether the container has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Adds output as it comes from the container, at a time in milliseconds since the epoch. */
  write(output: Uint8Array | string, at: number): void {
    if (this.#closed) return;
    const piece = typeof output === 'string' ? Buffer.from(output) : Buffer.from(output);
    let rest = this.#partial.length === 0 ? piece : Buffer.concat([this.#partial, piece]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#add({ at, text: rest.subarray(0, end + 1) });
      rest = rest.subarray(end + 1);
    }
    // A line without end must not be kept in memory whole.
    if (rest.length > this.#limit / 10) {
      this.#add({ at, text: rest });
      rest = Buffer.alloc(0);
    }
    this.#partial = rest;
  }

  #add(line: LogLine): void {
    this.#lines.push(line);
    this.#bytes += line.text.length;
    let dropped = 0;
    while (this.#bytes > this.#limit && dropped < this.#lines.length - 1)
      this.#bytes -= this.#lines[dropped++]?.text.length ?? 0;
    if (dropped > 0) this.#lines = this.#lines.slice(dropped);
    for (const follower of [...this.#followers]) follower.line(line);
  }

  /** Ends the log; followers are told. */
  close(at: number): void {
    if (this.#closed) return;
    if (this.#partial.length > 0) this.#add({ at, text: this.#partial });
    this.#partial = Buffer.alloc(0);
    this.#closed = true;
    for (const follower of [...this.#followers]) follower.end();
    this.#followers.clear();
  }

  /** Calls back for each further line and once at the end; the returned function stops that. */
  follow(line: (line: LogLine) => void, end: () => void): () => void {
    if (this.#closed) {
      end();
      return () => {};
    }
    const follower = { line, end };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** The last bytes as text, for termination messages. */
  tail(maxBytes: number, maxLines: number): string {
    const text = Buffer.concat(this.#lines.slice(-maxLines).map((line) => line.text));
    return text.subarray(Math.max(0, text.length - maxBytes)).toString('utf8');
  }
}
