/** Errors of connections: whether the server may have acted, and whether another attempt has a chance. */
import { KubeApiError } from '../errors.js';
import { markSent } from './transport.js';

/** Errors of a connection that never came about. */
const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENOENT',
]);
/** Errors of a certificate: trying again changes nothing. */
const isTlsRefusal = (code: string) =>
  code.startsWith('ERR_TLS') || code.includes('CERT') || code.startsWith('UNABLE_TO_');

/** Whether an error proves that nothing of a request was sent. A reset proves it only where TLS had not begun. */
export function isUnsent({ code = '', message }: NodeJS.ErrnoException, isConnecting: boolean): boolean {
  if (UNREACHED.has(code) || isTlsRefusal(code)) return true;
  if (code === 'ECONNRESET' || code === 'EPIPE') return message.includes('before secure TLS connection');
  return isConnecting;
}

/** What happened to a request that got no answer. */
export interface Lost {
  readonly message: string;
  readonly cause: unknown;
  readonly isSent: boolean;
}

/** The error of a request that got no answer, or half of one. `what` is its method and path, without the query. */
export function connectionError(what: string, { message, cause, isSent }: Lost): KubeApiError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const error = new KubeApiError(`${what}: ${message}`, {
    status: 0,
    reason: code === '' ? 'ConnectionError' : code,
    retryable: !isTlsRefusal(code),
    cause,
  });
  return markSent(error, isSent);
}
