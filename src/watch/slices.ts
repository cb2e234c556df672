/** Keeps long work from holding up the event loop: it is cut where a slice of it has lasted long enough. */
import type { Clock } from '../core/clock.js';

/** Others wait no longer than this, give or take one piece of work. */
const SLICE_MS = 10;

/**
 * Slices of one piece of work, or of several that share the event loop's turn. Time is the clock's: where that stands still nothing is
 * cut, so that what happens under a virtual clock does not depend on the machine.
 */
export class Slices {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #startedAt: number | undefined;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Whether it is time for others; ask after each piece of work. */
  get isOver(): boolean {
    const now = this.#clock.monotonic();
    if (this.#startedAt !== undefined) return now - this.#startedAt >= SLICE_MS;
    this.#startedAt = now;
    // The turn ends by itself where the work waits for something, for its next input say.
    setImmediate(() => {
      this.#startedAt = undefined;
    });
    return false;
  }

  /** Resolves when others have had their turn. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
