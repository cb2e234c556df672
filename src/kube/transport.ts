/**
 * The seam below {@link HttpKubeClient}: one request, one answer. Production uses node:https with keep-alive; simulations call
 * straight into the embedded server, so that retry, paging and watch code run there too, with no socket and no real clock.
 */

/** A request to an API server. */
export interface TransportRequest {
  /** HTTP method, upper case. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with query, as it goes on the wire. */
  readonly path: string;
  /** Header names in lower case. Of `impersonate-group` and `impersonate-extra-*` each line of the value is sent as a header of its own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Body as text. */
  readonly body?: string | undefined;
  /** Ends the request, also while its body streams. */
  readonly signal?: AbortSignal | undefined;
  /** A stream (watch, followed log): taken from a pool of its own, without a body deadline. @default false */
  readonly stream?: boolean | undefined;
  /** Limit from the start until the headers of the answer, in milliseconds. */
  readonly headersTimeoutMs?: number | undefined;
  /** Limit between two pieces of the body, in milliseconds. */
  readonly idleTimeoutMs?: number | undefined;
}

/** An API server's answer. */
export interface TransportResponse {
  /** HTTP status. */
  readonly status: number;
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body, decoded of any content encoding. Breaking off the iteration ends the request. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Carries requests to an API server. */
export interface Transport {
  /** Rejects with a {@link KubeApiError} of status 0 where no answer came; `mayHaveBeenSent` there tells whether the server may have acted. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Closes connections. */
  close?(): Promise<void>;
}

/** Whether the server may have acted, as {@link markSent} has noted it; `undefined` where nobody has. */
export const sentMark = (error: unknown): boolean | undefined =>
  (error as { mayHaveBeenSent?: boolean } | undefined)?.mayHaveBeenSent;

/** Whether the server may have acted on a request that got no answer. What a transport does not say counts as "may have". */
export const mayHaveBeenSent = (error: unknown): boolean => sentMark(error) !== false;

/** Notes on an error whether the server may have acted; returns the error. */
export function markSent<E extends object>(error: E, isSent: boolean): E {
  return Object.assign(error, { mayHaveBeenSent: isSent });
}
