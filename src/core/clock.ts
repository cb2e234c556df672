/** The two clocks a program has, injectable so that tests and simulations can stand in for both. */

/** Options of {@link Clock.delay}. */
export interface DelayOptions {
  /** Ends the delay early; the promise then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Source of time. Everything in podwright that waits or measures asks a clock, never `Date` or `setTimeout` directly. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  now(): number;
  /** Monotonic time in milliseconds; only differences mean anything. */
  monotonic(): number;
  /** Calls `callback` once after `ms` milliseconds; the returned function cancels it and may be called more than once. */
  schedule(ms: number, callback: () => void): () => void;
  /** Resolves after `ms` milliseconds, or rejects with `signal.reason` when the signal aborts first. */
  delay(ms: number, options?: DelayOptions): Promise<void>;
}

/** Node keeps timers as 32-bit integers; a longer wait is made of several. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Implements {@link Clock.delay} on top of a clock's `schedule`, so that each clock writes only the latter. */
export function delayOn(clock: Pick<Clock, 'schedule'>, ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.schedule(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The machine's own clock. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (ms: number, callback: () => void) => {
    if (ms <= MAX_TIMER_MS) {
      const timer = setTimeout(callback, Math.max(0, ms));
      return () => clearTimeout(timer);
    }
    let cancel = () => {};
    const timer = setTimeout(() => {
      cancel = systemClock.schedule(ms - MAX_TIMER_MS, callback);
    }, MAX_TIMER_MS);
    return () => {
      clearTimeout(timer);
      cancel();
    };
  },
  delay: (ms: number, options?: DelayOptions) => delayOn(systemClock, ms, options),
});
