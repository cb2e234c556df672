/** Remembers how far a log was read, so that it can be read on after a drop with neither gap nor repeat. */
import type { StampedLine } from './log-lines.js';

/** UTC times with their fraction filled up to nanoseconds, so that texts compare as times do. */
function comparable(time: string): string {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? '';
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : `${new Date(at).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}`;
}

/**
 * The API takes a start in whole seconds and sends everything from there again. So the lines of the newest second are kept, and skipped
 * when they come a second time. Pure.
 */
export class LogResume {
  readonly #isTail: boolean;
  /** Time of the first line of a tail; what is older was not asked for. */
  #first: string | undefined;
  /** The newest second read, as `2026-01-01T00:00:00Z`. */
  #second: string | undefined;
  #secondAt = Number.NEGATIVE_INFINITY;
  readonly #ofSecond = new Map<string, number>();
  #replay: Map<string, number> | undefined;
  /** Lines without a time: all that can be done is to count them. */
  #unstamped = 0;
  #skipUnstamped = 0;

  /** `isTail`: the first request asked for the last lines only. */
  constructor(isTail = false) {
    this.#isTail = isTail;
  }

  /** Where to read on; `undefined` for the start. */
  get sinceTime(): string | undefined {
    return this.#second;
  }

  /** Whether any line was read. */
  get hasLines(): boolean {
    return this.#second !== undefined || this.#unstamped > 0;
  }

  /** The next line read comes from a new request, which begins at {@link sinceTime}. */
  reconnected(): void {
    this.#replay = new Map(this.#ofSecond);
    this.#skipUnstamped = this.#second === undefined ? this.#unstamped : 0;
  }

  /** Whether a line is new. */
  accept(line: StampedLine): boolean {
    if (line.time === undefined) {
      if (this.#skipUnstamped > 0) {
        this.#skipUnstamped -= 1;
        return false;
      }
      this.#unstamped += 1;
      return true;
    }
    if (this.#isTail) {
      const time = comparable(line.time);
      this.#first ??= time;
      if (time < this.#first) return false;
    }
    const key = `${line.time} ${line.text}`;
    const seen = this.#replay?.get(key) ?? 0;
    if (seen > 0) {
      this.#replay?.set(key, seen - 1);
      return false;
    }
    this.#note(line.time, key);
    return true;
  }

  #note(time: string, key: string): void {
    const at = Math.floor(Date.parse(time) / 1_000) * 1_000;
    if (Number.isNaN(at)) return;
    if (at > this.#secondAt) {
      this.#secondAt = at;
      this.#second = `${new Date(at).toISOString().slice(0, 19)}Z`;
      this.#ofSecond.clear();
    }
    // A line stamped before the newest second is not sent again, since the server filters line by line.
    if (at === this.#secondAt) this.#ofSecond.set(key, (this.#ofSecond.get(key) ?? 0) + 1);
  }
}
