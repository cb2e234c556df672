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
