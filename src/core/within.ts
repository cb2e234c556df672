/** Waiting for work with a limit, by a clock. */
import type { Clock } from './clock.js';
import { linkedAbort } from './linked-abort.js';

/**
 * Waits for some work, but no longer than `ms`, nor once the signal has aborted; which of them it was, the caller can see by what the work has done.
 * The work itself is not stopped. Rejects as the work does, if it does so in time.
 */
export async function waitWithin(
  clock: Clock,
  ms: number,
  work: Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const over = linkedAbort(signal);
  try {
    await Promise.race([work, clock.delay(ms, { signal: over.signal }).catch(() => {})]);
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
