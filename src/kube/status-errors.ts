/** From an API server's answer to an error. Messages carry what the server says, never a manifest, a header or a credential. */
import { KubeApiError, PodwrightError } from '../errors.js';
import type { KubeStatus } from '../wire/types.js';

/** Longer messages of a server are cut; webhooks have been seen to echo whole objects. */
const MAX_MESSAGE = 2_000;

function parseStatus(body: string): Partial<KubeStatus> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && (value as KubeStatus).kind === 'Status'
      ? (value as KubeStatus)
      : {};
  } catch {
    return {};
  }
}

/** Statuses that may be answered otherwise a moment later. */
export const isRetryableStatus = (status: number) => status === 429 || status === 408 || status >= 500;

/**
 * Milliseconds of a Retry-After header: seconds, or a date as gateways in front of a server send it, which is judged by the Date header
 * of the same answer and not by the host's clock.
 */
export function retryAfterMsOf(header: string | undefined, date: string | undefined): number | undefined {
  const text = header?.trim() ?? '';
  if (text === '') return undefined;
  const ms = Number.isNaN(Number(text)) ? Date.parse(text) - Date.parse(date ?? '') : Number(text) * 1_000;
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

/** The error of an answer that is no success. */
export function errorOfResponse(
  what: string,
  status: number,
  body: string,
  headers: Readonly<Record<string, string | undefined>>,
): KubeApiError {
  const { message, reason, details } = parseStatus(body);
  const text = (message ?? (body.length < 200 ? body.trim() : '')).slice(0, MAX_MESSAGE);
  const retryAfterMs =
    retryAfterMsOf(headers['retry-after'], headers.date) ??
    (details?.retryAfterSeconds === undefined ? undefined : details.retryAfterSeconds * 1_000);
  return new KubeApiError(
    `${what} failed with ${status}${reason === undefined ? '' : ` ${reason}`}${text === '' ? '' : `: ${text}`}`,
    {
      status,
      reason,
      retryAfterMs,
      retryable: isRetryableStatus(status),
      causes: details?.causes,
      requestId: headers['audit-id'],
    },
  );
}

/** Whether it makes sense to ask again what has failed with an error: not where it is forbidden, or a client of another make says anything else. */
export function mayAnswerLater(error: unknown): boolean {
  return (
    error instanceof PodwrightError && (error.retryable || (error instanceof KubeApiError && error.status === 401))
  );
}
