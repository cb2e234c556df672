/** From an API server's answer to an error. Messages carry what the server says, never a manifest, a header or a credential. */
import { KubeApiError } from '../errors.js';
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

/** Milliseconds of a Retry-After header in seconds; other forms are ignored. */
export function retryAfterMsOf(header: string | undefined): number | undefined {
  const seconds = header === undefined || header.trim() === '' ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
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
    retryAfterMsOf(headers['retry-after']) ??
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
