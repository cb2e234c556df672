/** Growing delays between attempts. */
import type { Random } from './random.js';

/** How delays grow. */
export interface BackoffPolicy {
  /** First delay in milliseconds. */
  readonly initialMs: number;
  /** Longest delay in milliseconds, before jitter. */
  readonly maxMs: number;
  /** Growth from one delay to the next. @default 2 */
  readonly factor?: number | undefined;
}

/** The longest that a server's `Retry-After` is heeded: pages of maintenance name hours, and are gone in minutes. */
const LONGEST_HEEDED_MS = 60_000;

/** How long to wait because a server asked for it, in milliseconds. */
export const heededMs = (retryAfterMs: number): number => Math.min(retryAfterMs, LONGEST_HEEDED_MS);

/** Delay before attempt `attempt + 1` (attempts count from 1), with jitter over the upper half so that many clients spread out. */
export function backoffMs({ initialMs, maxMs, factor = 2 }: BackoffPolicy, attempt: number, random: Random): number {
  const full = Math.min(maxMs, initialMs * factor ** Math.max(0, attempt - 1));
  return full / 2 + (full / 2) * random.next();
}

/** How long to wait after a failure: as long as the server asks for, where it does, or a growing delay. */
export const askedOrBackoffMs = (
  { retryAfterMs }: { readonly retryAfterMs?: number | undefined },
  policy: BackoffPolicy,
  attempt: number,
  random: Random,
): number => (retryAfterMs === undefined ? backoffMs(policy, attempt, random) : heededMs(retryAfterMs));
