/**
 * How many calls are under way at a time. The number is bounded, halved when the server says that it is too many, and grows back with
 * success. Deletes go first, and creates leave a few places free, so that a flood of creates never holds them up. Leases have places of
 * their own and wait for no pause: what one call was refused for, or hangs on, must not cost an executor all its tasks.
 */
import { type Clock, systemClock } from '../core/clock.js';
import { PriorityQueue } from '../core/priority-queue.js';

/** Bounds on calls. */
export interface FlowControlOptions {
  /** Calls under way at a time. @default 16 */
  readonly maxInFlight?: number | undefined;
  /** Calls a second in the long run; 0 = unlimited, which leaves it to the server. @default 0 */
  readonly rate?: number | undefined;
  /** Calls that may be sent at once after a quiet time, where there is a rate. @default 10 */
  readonly burst?: number | undefined;
}

/** `lease`: reads and writes of one; `high`: deletes; `low`: creates; `normal`: the rest. */
export type CallPriority = 'lease' | 'high' | 'normal' | 'low';

interface Waiter {
  readonly start: () => void;
}

const DEFAULT_IN_FLIGHT = 16;
/** Calls for leases under way at a time, beside all others. */
const LEASES_IN_FLIGHT = 4;
const DEFAULT_BURST = 10;
/** Answers of one overload come together: they count as one. */
const HALVE_AT_MOST_EVERY_MS = 1_000;
/** A server that names an hour, as pages of maintenance do, is asked again sooner, by one call or another. */
const LONGEST_PAUSE_MS = 30_000;

/** As many calls as there may ever be under way at a time. */
export const mostInFlight = ({ maxInFlight = DEFAULT_IN_FLIGHT }: FlowControlOptions = {}): number =>
  Math.max(1, maxInFlight) + LEASES_IN_FLIGHT;

/** Lets calls through. */
export class FlowControl {
  readonly #clock: Clock;
  readonly #maxInFlight: number;
  readonly #rate: number;
  readonly #burst: number;
  readonly #leases = new PriorityQueue<Waiter>();
  readonly #urgent = new PriorityQueue<Waiter>();
  readonly #creates = new PriorityQueue<Waiter>();
  #limit: number;
  #inFlight = 0;
  #createsInFlight = 0;
  #leasesInFlight = 0;
  #successes = 0;
  #served = 0;
  #halvedAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #tokens: number;
  #tokensAt: number;
  #calls = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: FlowControlOptions = {}, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#maxInFlight = Math.max(1, options.maxInFlight ?? DEFAULT_IN_FLIGHT);
    this.#rate = Math.max(0, options.rate ?? 0);
    this.#burst = Math.max(1, options.burst ?? DEFAULT_BURST);
    this.#limit = this.#maxInFlight;
    this.#tokens = this.#burst;
    this.#tokensAt = clock.monotonic();
  }

  /** Calls that may be under way at present. */
  get limit(): number {
    return this.#limit;
  }

  /** Calls under way, but for leases. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls that went well so far, but for leases, which a server may serve when it serves nothing else. */
  get served(): number {
    return this.#served;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#leases.size + this.#urgent.size + this.#creates.size;
  }

  /** Lets a call through at once where that is possible; gives the function that ends it. */
  tryAcquire(priority: CallPriority): (() => void) | undefined {
    const ahead = priority === 'low' ? this.waiting - this.#leases.size : this.#queueOf(priority).size;
    if (ahead > 0 || !this.#hasRoom(priority) || (priority !== 'lease' && this.#pauseMs() > 0)) return undefined;
    this.#take(priority);
    return this.#releaser(priority);
  }

  /** Resolves when a call may be sent, with the function that ends it. Rejects with `signal.reason` when the signal aborts first. */
  async acquire(priority: CallPriority, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const release = this.tryAcquire(priority);
    if (release !== undefined) return release;
    await this.#wait(priority, signal);
    return this.#releaser(priority);
  }

  #releaser(priority: CallPriority): () => void {
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#count(priority, -1);
      this.#pump();
    };
  }

  /** Resolves when no pause is on; for streams, which are not counted. */
  async untilUnpaused(signal?: AbortSignal): Promise<void> {
    for (;;) {
      const ms = this.#pausedUntil - this.#clock.monotonic();
      if (ms <= 0) return;
      await this.#clock.delay(ms, { signal });
    }
  }

  /** All calls but those for leases wait for so long, though no longer than half a minute. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock.monotonic() + Math.min(ms, LONGEST_PAUSE_MS));
  }

  /** The server was asked too much. All calls wait for as long as it says. */
  throttled(retryAfterMs: number | undefined): void {
    const now = this.#clock.monotonic();
    this.pause(retryAfterMs ?? 0);
    this.#successes = 0;
    if (now - this.#halvedAt < HALVE_AT_MOST_EVERY_MS) return;
    this.#halvedAt = now;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
  }

  /** A call went well. After as many of them as fit at a time, there is room for one more. */
  succeeded(priority: CallPriority): void {
    if (priority !== 'lease') this.#served += 1;
    if (this.#limit >= this.#maxInFlight) return;
    this.#successes += 1;
    if (this.#successes < this.#limit) return;
    this.#successes = 0;
    this.#limit += 1;
    this.#pump();
  }

  #wait(priority: CallPriority, signal: AbortSignal | undefined): Promise<void> {
    const queue = this.#queueOf(priority);
    this.#calls += 1;
    const id = String(this.#calls);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        queue.remove(id);
        reject(signal?.reason);
      };
      const start = () => {
        signal?.removeEventListener('abort', onAbort);
        this.#take(priority);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(id, { start }, priority === 'high' ? 1 : 0);
      this.#pump();
    });
  }

  #queueOf(priority: CallPriority): PriorityQueue<Waiter> {
    return priority === 'lease' ? this.#leases : priority === 'low' ? this.#creates : this.#urgent;
  }

  #take(priority: CallPriority): void {
    this.#count(priority, 1);
    if (this.#rate > 0) this.#tokens -= 1;
  }

  #count(priority: CallPriority, by: 1 | -1): void {
    if (priority === 'lease') this.#leasesInFlight += by;
    else this.#inFlight += by;
    if (priority === 'low') this.#createsInFlight += by;
  }

  #hasRoom(priority: CallPriority): boolean {
    if (priority === 'lease') return this.#leasesInFlight < LEASES_IN_FLIGHT;
    if (this.#inFlight >= this.#limit) return false;
    const reserved = this.#limit >= 8 ? 2 : this.#limit >= 2 ? 1 : 0;
    return priority !== 'low' || this.#createsInFlight < this.#limit - reserved;
  }

  /** How long nothing but leases may be sent: the server's wish, or the rate. */
  #pauseMs(): number {
    const now = this.#clock.monotonic();
    const asked = this.#pausedUntil - now;
    if (this.#rate === 0) return asked;
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#tokensAt) / 1_000) * this.#rate);
    this.#tokensAt = now;
    // A thousandth of a token is rounding, not a reason for one more timer.
    return Math.max(asked, this.#tokens >= 0.999 ? 0 : ((1 - this.#tokens) / this.#rate) * 1_000);
  }

  #pump(): void {
    while (this.#leases.size > 0 && this.#hasRoom('lease')) this.#leases.shift()?.start();
    while (this.#urgent.size + this.#creates.size > 0) {
      const pauseMs = this.#pauseMs();
      if (pauseMs > 0) {
        this.#cancelTimer ??= this.#clock.schedule(pauseMs, () => {
          this.#cancelTimer = undefined;
          this.#pump();
        });
        return;
      }
      const next =
        (this.#hasRoom('normal') ? this.#urgent.shift() : undefined) ??
        (this.#hasRoom('low') ? this.#creates.shift() : undefined);
      if (next === undefined) return;
      next.start();
    }
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
