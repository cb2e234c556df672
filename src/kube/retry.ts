/** Which failed calls are sent again, and when. Pure. */
import { type BackoffPolicy, backoffMs } from '../core/backoff.js';
import type { Random } from '../core/random.js';
import { KubeApiError } from '../errors.js';
import { mayHaveBeenSent, sentMark } from './transport.js';

/** How often and how far apart calls are repeated. */
export interface RetryPolicy extends BackoffPolicy {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
}

/** Ten attempts, 250 ms to 10 s apart; the deadline of the call usually comes first. */
export const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 10, initialMs: 250, maxMs: 10_000 };

/** What a decision needs to know of a call. */
export interface RepeatableCall {
  /** Whether sending it twice does no harm: reads, and writes that name what they expect. */
  readonly isRepeatable: boolean;
}

/** A cluster that is behind the version asked for; waiting inside the call would only hide it from the watch, which knows better. */
const isTooNew = ({ status, message }: KubeApiError) =>
  status === 504 && message.includes('Too large resource version');

/** Whether the server has certainly not acted: it was not reached, or it turned the call away at the door. */
export function isUntouched(error: KubeApiError): boolean {
  if (error.status === 0 || sentMark(error) !== undefined) return !mayHaveBeenSent(error);
  return error.status === 429 || (error.status === 503 && error.retryAfterMs !== undefined);
}

/**
 * Milliseconds until a failed call is sent again, or `undefined` where it is not.
 * @param attempts - how often it was sent so far
 */
export function repeatDelayMs(
  call: RepeatableCall,
  error: unknown,
  attempts: number,
  policy: RetryPolicy,
  random: Random,
): number | undefined {
  if (!(error instanceof KubeApiError) || !error.retryable || attempts >= policy.maxAttempts || isTooNew(error))
    return undefined;
  if (!call.isRepeatable && !isUntouched(error)) return undefined;
  const delayMs = backoffMs(policy, attempts, random);
  // Never earlier than asked, and spread out a little, since everybody was told the same.
  return error.retryAfterMs === undefined ? delayMs : error.retryAfterMs + delayMs / 4;
}
