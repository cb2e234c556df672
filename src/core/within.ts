/** Waiting for work with a limit, by a clock. */
import type { Clock } from './clock.js';
import { linkedAbort } from './linked-abort.js';

/**
 * Waits for some work, but no longer than `ms`, nor once the signal has aborted. Resolves with what the work does, if it does so in time, else with
 * `undefined`; rejects likewise. The work itself is not stopped.
 */
export async function waitWithin<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const over = linkedAbort(signal);
  try {
    const limit = clock.delay(ms, { signal: over.signal }).then(
      () => undefined,
      () => undefined,
    );
    return await Promise.race([work, limit]);
  } finally {
    over.unlink();
    over.abort();
  }
}

/** Waits for some work, but no longer than the signal, with whose reason it rejects. The work itself is not stopped. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
