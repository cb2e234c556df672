/** The clock of one life of a host: it may be wrong, stands still while the host is frozen, and for ever once it is dead. */
import { type Clock, delayOn } from '../../core/clock.js';
import type { VirtualClock } from '../virtual-clock.js';

/** What a {@link HostClock} works with. */
export interface HostClockOptions {
  readonly clock: VirtualClock;
  /** How far the host's wall clock is ahead of the cluster's, in milliseconds. */
  readonly skewMs: number;
  /** Whether a frozen host is a machine that sleeps, so that its monotonic clock stands still, too; otherwise only the process is stopped. */
  readonly sleeps: boolean;
  readonly isAlive: () => boolean;
  /** Told of each timer. */
  readonly onRing: () => void;
}

/** See the module's text. */
export class HostClock implements Clock {
  readonly #options: HostClockOptions;
  #waiting: (() => void)[] | undefined;
  #frozenAt = 0;
  #sleptMs = 0;

  constructor(options: HostClockOptions) {
    this.#options = options;
  }

  /** Whether the host is frozen. */
  get isFrozen(): boolean {
    return this.#waiting !== undefined;
  }

  /** SIGSTOP, or a lid that is closed. */
  freeze(): void {
    if (this.#waiting !== undefined) return;
    this.#waiting = [];
    this.#frozenAt = this.#options.clock.monotonic();
  }

  /** What came meanwhile comes now. */
  thaw(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    if (this.#options.sleeps) this.#sleptMs += this.#options.clock.monotonic() - this.#frozenAt;
    for (const go of waiting) go();
  }

  /** Calls back now, or when the host is no longer frozen. */
  whenAwake(go: () => void): void {
    if (this.#waiting === undefined) go();
    else this.#waiting.push(go);
  }

  now(): number {
    return this.#options.clock.now() + this.#options.skewMs;
  }

  monotonic(): number {
    const { clock, sleeps } = this.#options;
    const isAsleep = sleeps && this.#waiting !== undefined;
    return (isAsleep ? this.#frozenAt : clock.monotonic()) - this.#sleptMs;
  }

  schedule(ms: number, callback: () => void): () => void {
    const { clock, sleeps, isAlive, onRing } = this.#options;
    const due = this.monotonic() + ms;
    let isCancelled = false;
    let cancel = () => {};
    const ring = () => {
      if (isCancelled || !isAlive()) return;
      if (this.#waiting !== undefined) {
        this.#waiting.push(ring);
        return;
      }
      // A timer that slept, too, has as much left as it had before; less than a millisecond is rounding.
      const leftMs = due - this.monotonic();
      if (sleeps && leftMs >= 1) {
        cancel = clock.schedule(leftMs, ring);
        return;
      }
      onRing();
      callback();
    };
    cancel = clock.schedule(ms, ring);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  delay(ms: number, options?: Parameters<Clock['delay']>[1]): Promise<void> {
    return delayOn(this, ms, options);
  }
}
