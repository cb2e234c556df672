/** Lets one host loop sleep until something has changed. */
import type { Clock } from '../core/clock.js';
import type { ChangedOptions, Executor } from './executor.js';

/** Remembers that something changed until somebody has waited for it. */
export class ChangeSignal {
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  #pending = false;
  #hasEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    this.#pending = true;
    for (const wake of [...this.#waiters]) wake();
  }

  /** Nothing changes any more. The end itself still counts as a change; whoever waits after that without a limit is let go at once. */
  end(): void {
    this.#hasEnded = true;
    this.notify();
  }

  /** Resolves with whether something changed within the limit and before the end. Rejects with `signal.reason`. */
  wait(timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      if (this.#pending) {
        this.#pending = false;
        resolve(true);
        return;
      }
      // A loop that goes on waiting is not to keep everything else from running.
      const limitMs = this.#hasEnded ? (timeoutMs ?? 0) : timeoutMs;
      let cancelTimer = () => {};
      const finish = (settle: () => void) => {
        this.#waiters.delete(wake);
        signal?.removeEventListener('abort', onAbort);
        cancelTimer();
        settle();
      };
      const wake = () =>
        finish(() => {
          this.#pending = false;
          resolve(true);
        });
      const onAbort = () => finish(() => reject(signal?.reason));
      this.#waiters.add(wake);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (limitMs !== undefined) cancelTimer = this.#clock.schedule(limitMs, () => finish(() => resolve(false)));
    });
  }
}

/** Waits for the first change in any of several executors; `false` only once all of them say so, since one may have ended before the others. */
export async function changedInAny(
  executors: readonly Pick<Executor, 'changed'>[],
  options: ChangedOptions,
): Promise<boolean> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  try {
    return await new Promise((resolve, reject) => {
      let waiting = executors.length;
      for (const executor of executors)
        executor.changed({ ...options, signal }).then((hasChanged) => {
          waiting -= 1;
          if (hasChanged || waiting === 0) resolve(hasChanged);
        }, reject);
    });
  } finally {
    stop.abort();
  }
}
