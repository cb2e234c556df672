/**
 * A process' output in bounded memory. Readers pull from one shared ring of lines, so that a slow reader costs nothing: it is told
 * how many lines it has missed.
 */
import { StringDecoder } from 'node:string_decoder';
import type { LogLine, RunLogOptions } from '../../core/outcome.js';

/** Longer lines are cut: one line must not be able to fill the memory. */
const MAX_LINE_LENGTH = 64 * 1024;
/** What a line takes beside its text: empty ones must not be able to fill the memory either. */
const LINE_COST = 64;

/** Stream of a process. */
export type Source = 'stdout' | 'stderr';

/** Collects lines from both streams of a process and keeps the last `maxBytes` of them. */
export class TaskOutput {
  readonly #maxBytes: number;
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  readonly #partial = { stdout: '', stderr: '' };
  readonly #isCut = { stdout: false, stderr: false };
  #lines: LogLine[] = [];
  /** Where the lines that are kept begin; those before are cut off from time to time, since that copies the rest. */
  #first = 0;
  /** Number of lines that were cut off: the absolute index of `#lines[0]`. */
  #cutOff = 0;
  #bytes = 0;
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  write(source: Source, chunk: Uint8Array): void {
    this.#text(source, this.#decoders[source].write(chunk as Buffer));
    this.#notify();
  }

  /** Says that some of it is missing. */
  skip(source: Source, bytes: number): void {
    this.#keep({ text: `[${bytes} bytes of ${source} were not read in time]`, source: 'podwright' });
    this.#notify();
  }

  end(): void {
    for (const source of ['stdout', 'stderr'] as const) {
      this.#text(source, this.#decoders[source].end());
      if (this.#partial[source] !== '') this.#push(source, this.#partial[source]);
    }
    this.#ended = true;
    this.#notify();
  }

  /** The last lines as one text, at most `maxLines` and `maxChars`. */
  tail(maxLines: number, maxChars: number): string {
    const text = this.#lines
      .slice(Math.max(this.#first, this.#lines.length - maxLines))
      .map((line) => line.text)
      .join('\n');
    return text.length > maxChars ? text.slice(-maxChars) : text;
  }

  async *read({ follow = true, tailLines, signal }: RunLogOptions): AsyncGenerator<LogLine> {
    let next = tailLines === undefined ? 0 : Math.max(0, this.#cutOff + this.#lines.length - tailLines);
    for (;;) {
      signal?.throwIfAborted();
      const kept = this.#cutOff + this.#first;
      if (next < kept) {
        yield { text: `[${kept - next} lines are no longer kept]`, source: 'podwright' };
        next = kept;
        // More may have gone while the reader looked at that.
        continue;
      }
      const line = this.#lines[next - this.#cutOff];
      if (line !== undefined) {
        next += 1;
        yield line;
      } else if (this.#ended || !follow) return;
      else await this.#more(signal);
    }
  }

  #text(source: Source, text: string): void {
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const rest = text.slice(start, end);
      if (!this.#isCut[source]) this.#push(source, (this.#partial[source] + rest).slice(0, MAX_LINE_LENGTH));
      this.#isCut[source] = false;
      this.#partial[source] = '';
      start = end + 1;
    }
    if (this.#isCut[source]) return;
    this.#partial[source] += text.slice(start);
    if (this.#partial[source].length < MAX_LINE_LENGTH) return;
    this.#push(source, this.#partial[source].slice(0, MAX_LINE_LENGTH));
    this.#partial[source] = '';
    this.#isCut[source] = true;
  }

  #push(source: Source, text: string): void {
    this.#keep({ text: text.endsWith('\r') ? text.slice(0, -1) : text, source });
  }

  #keep(line: LogLine): void {
    this.#lines.push(line);
    this.#bytes += line.text.length + LINE_COST;
    while (this.#bytes > this.#maxBytes && this.#first < this.#lines.length - 1) {
      this.#bytes -= (this.#lines[this.#first] as LogLine).text.length + LINE_COST;
      this.#first += 1;
    }
    if (this.#first <= this.#lines.length / 2) return;
    this.#lines = this.#lines.slice(this.#first);
    this.#cutOff += this.#first;
    this.#first = 0;
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #more(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#wake.push(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
