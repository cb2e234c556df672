/** A clock that stands still until it is told to go on: an hour of waiting passes in the time its timers take to run. */
import { type Clock, type DelayOptions, delayOn } from '../core/clock.js';
import { type Duration, durationMs } from '../core/duration.js';
import { ClusterError } from '../errors.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Where virtual time begins unless told otherwise: 2026-01-01T00:00:00Z. */
const DEFAULT_START = Date.UTC(2026, 0, 1);

/** How many turns of the event loop count as quiet: promise chains end within one, stream and abort callbacks within two. */
const QUIET_TURNS = 3;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A {@link Clock} whose time moves only through {@link VirtualClock.advance}. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #start: number;
  #order = 0;
  /** A binary heap by time, then by order of scheduling. */
  readonly #heap: Timer[] = [];
  readonly #cancelled = new Set<Timer>();
  #busy: Promise<unknown> = Promise.resolve();

  /** `startMs` is the first moment, in milliseconds since the epoch; left out, 2026-01-01T00:00:00Z. */
  constructor(startMs: number = DEFAULT_START) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  schedule(ms: number, callback: () => void): () => void {
    let done = false;
    const run = () => {
      done = true;
      callback();
    };
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#push(timer);
    return () => {
      if (done) return;
      done = true;
      this.#cancelled.add(timer);
    };
  }

  delay(ms: number, options?: DelayOptions): Promise<void> {
    return delayOn(this, ms, options);
  }

  /** How many timers are waiting. */
  get pending(): number {
    this.#dropCancelled();
    return this.#heap.length - this.#cancelled.size;
  }

  /** When the next timer is due, in milliseconds since the epoch; `undefined` where none waits. */
  nextTimerAt(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.at;
  }

  /**
   * Moves time on by `duration`. Due timers run one after the other in order, each at its own time, and everything they set off is
   * given the chance to settle before the next one runs. Calls made at the same time run one after the other.
   */
  advance(duration: Duration): Promise<void> {
    const ms = durationMs(duration, 'duration');
    return this.#exclusive(async () => {
      const target = this.#now + ms;
      await this.settle();
      while (await this.#step(target));
      this.#now = target;
      await this.settle();
    });
  }

  /**
   * Moves time on, timer by timer, until `condition` holds.
   * @throws ClusterError where `limit` (default one day) passes first, or no timer is left.
   */
  advanceUntil(condition: () => boolean, limit: Duration = '1d'): Promise<void> {
    const ms = durationMs(limit, 'limit');
    return this.#exclusive(async () => {
      const target = this.#now + ms;
      await this.settle();
      while (!condition()) {
        if (!(await this.#step(target)))
          throw new ClusterError('The awaited state was not reached: virtual time has nothing left to run');
      }
    });
  }

  /** Lets promises, callbacks and immediates run until they come to rest, without moving time. */
  async settle(): Promise<void> {
    for (let i = 0; i < QUIET_TURNS; i++) await turn();
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(work);
    this.#busy = result.catch(() => undefined);
    return result;
  }

  async #step(target: number): Promise<boolean> {
    this.#dropCancelled();
    const next = this.#heap[0];
    if (next === undefined || next.at > target) return false;
    this.#pop();
    this.#now = Math.max(this.#now, next.at);
    next.run();
    await this.settle();
    return true;
  }

  #dropCancelled(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#cancelled.delete(top); top = this.#heap[0]) this.#pop();
    if (this.#heap.length === 0) this.#cancelled.clear();
  }

  #before(left: Timer, right: Timer): boolean {
    return left.at < right.at || (left.at === right.at && left.order < right.order);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(timer, heap[parent] as Timer)) break;
      heap[at] = heap[parent] as Timer;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (!this.#before(heap[child] as Timer, last)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = last;
  }
}
