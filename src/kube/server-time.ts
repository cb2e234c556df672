/** The API server's clock, as its answers show it. */
import type { Clock } from '../core/clock.js';

/**
 * A Date header has whole seconds, and the answer took a while to come: each leaves a range for the offset between the two clocks. The
 * ranges of many answers are cut with each other, so that the offset is soon known to a few milliseconds. It is kept for the monotonic
 * clock: should somebody set the other one, no pod is any older for that.
 */
export class ServerTime {
  readonly #clock: Clock;
  #low = Number.NEGATIVE_INFINITY;
  #high = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes an answer that has just come; `sentAt`: when it was asked for, on the monotonic clock. */
  note(dateHeader: string | undefined, sentAt: number): void {
    const date = Date.parse(dateHeader ?? '');
    if (Number.isNaN(date)) return;
    const low = date - this.#clock.monotonic();
    const high = date + 1_000 - sentAt;
    const [nextLow, nextHigh] = [Math.max(this.#low, low), Math.min(this.#high, high)];
    // No offset fits all answers: the server's clock was set, or ours stood still, and only the newest answer counts.
    [this.#low, this.#high] = nextLow <= nextHigh ? [nextLow, nextHigh] : [low, high];
  }

  /**
   * Milliseconds to add to the host's clock for the server's; `undefined` before the first answer. Never more than it is, so that after slow answers nothing
   * counts as older than it can be: no program is ended before its time.
   */
  get offsetMs(): number | undefined {
    if (!Number.isFinite(this.#low)) return undefined;
    return this.#low + this.#clock.monotonic() - this.#clock.now();
  }
}
