/** Wakes those who wait until an executor has nothing left to do, or has ended. */
import type { Clock } from '../core/clock.js';

/** See the module's text. */
export class IdleGate {
  readonly #clock: Clock;
  readonly #checks = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something has changed that may let somebody through. */
  check(): void {
    for (const check of [...this.#checks]) check();
  }

  /** Resolves once the condition holds, at the limit, or when the signal aborts. */
  until(
    holds: () => boolean,
    { timeoutMs, signal }: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined },
  ): Promise<void> {
    return new Promise((resolve) => {
      let cancelTimer = () => {};
      const finish = () => {
        this.#checks.delete(check);
        signal?.removeEventListener('abort', finish);
        cancelTimer();
        resolve();
      };
      const check = () => {
        if (holds()) finish();
      };
      this.#checks.add(check);
      signal?.addEventListener('abort', finish, { once: true });
      if (timeoutMs !== undefined) cancelTimer = this.#clock.schedule(timeoutMs, finish);
      check();
    });
  }
}
