/** Lets one host loop sleep until something has changed. */
import type { Clock } from '../core/clock.js';

/** Remembers that something changed until somebody has waited for it. */
export class ChangeSignal {
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  #pending = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    this.#pending = true;
    for (const wake of [...this.#waiters]) wake();
  }

  /** Resolves with whether something changed within the limit. Rejects with `signal.reason`. */
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
      if (timeoutMs !== undefined) cancelTimer = this.#clock.schedule(timeoutMs, () => finish(() => resolve(false)));
    });
  }
}
