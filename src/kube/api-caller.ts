/** One call to the API server with all that goes with it: credentials, deadline, repetition, flow control. */
import { type Clock, systemClock } from '../core/clock.js';
import { publishApiCall } from '../core/diagnostics.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { type Random, systemRandom } from '../core/random.js';
import { KubeApiError } from '../errors.js';
import { type CallPriority, FlowControl, type FlowControlOptions } from './flow-control.js';
import type { CallOptions } from './kube-client.js';
import { DEFAULT_RETRY, type RetryPolicy, repeatDelayMs } from './retry.js';
import { ServerTime } from './server-time.js';
import { errorOfResponse } from './status-errors.js';
import { markSent, type Transport, type TransportRequest, type TransportResponse } from './transport.js';

/** Proves who the caller is. */
export interface RequestCredentials {
  /** Headers to send, `authorization` for one. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** The server has refused what `headers()` gave: forget it, unless there is something newer already. */
  invalidate(refused?: Readonly<Record<string, string>>): void;
}

/** Options of all calls of a client. */
export interface ApiCallerOptions {
  /** Carries requests. */
  readonly transport: Transport;
  /** Who the caller is. @default nobody */
  readonly credentials?: RequestCredentials | undefined;
  /** Retries of calls that may be repeated. @default 10 attempts, 250 ms to 10 s apart */
  readonly retry?: RetryPolicy | undefined;
  /** Bounds on calls. @default 16 at a time, no rate */
  readonly flowControl?: FlowControlOptions | undefined;
  /** Limit for a call with its retries, in milliseconds. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /** Limit for one attempt, in milliseconds. @default 30000 */
  readonly attemptTimeoutMs?: number | undefined;
  /** Name sent to the server; it becomes the field manager. @default 'podwright' */
  readonly userAgent?: string | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

/** One call. */
export interface ApiCall extends CallOptions {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  /** Whether it may be sent again although the server may have acted. */
  readonly isRepeatable: boolean;
  readonly priority: CallPriority;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_ATTEMPT_TIMEOUT_MS = 30_000;
const MAX_ERROR_BODY = 256 * 1024;

/** What a call is, for messages: neither its query nor its body. */
const nameOf = ({ method, path }: ApiCall) => `${method} ${path.split('?')[0]}`;

/** Sends calls. */
export class ApiCaller {
  readonly #options: ApiCallerOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #flow: FlowControl;
  readonly #serverTime = new ServerTime();
  #isClosed = false;

  constructor(options: ApiCallerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
    this.#flow = new FlowControl(options.flowControl, this.#clock);
  }

  /** Milliseconds to add to the host's clock for the server's. */
  get serverTimeOffsetMs(): number | undefined {
    return this.#serverTime.offsetMs;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#options.transport.close?.();
  }

  /** The answer as an object. @throws KubeApiError */
  async json<T>(call: ApiCall): Promise<T> {
    const text = await this.#repeated(call, async (signal) => textOf(await this.#attempt(call, signal, false)));
    try {
      return JSON.parse(text) as T;
    } catch {
      // The parser's message quotes the text.
      throw new KubeApiError(`${nameOf(call)}: the answer is no JSON`, { status: 0, reason: 'BadAnswer' });
    }
  }

  /** The answer's body as it comes; repeated only until it begins. Counts as a stream, without a deadline for the body. @throws KubeApiError */
  async body(call: ApiCall, isRepeated: boolean): Promise<AsyncIterable<Uint8Array>> {
    const open = async (limit: AbortSignal) => {
      await this.#flow.untilUnpaused(limit);
      // Once the stream is open only the caller ends it; until then the limit does, too.
      const opening = new AbortController();
      const onLimit = () => opening.abort(limit.reason);
      limit.addEventListener('abort', onLimit, { once: true });
      const signal = call.signal === undefined ? opening.signal : AbortSignal.any([call.signal, opening.signal]);
      try {
        return await this.#attempt(call, signal, true);
      } finally {
        limit.removeEventListener('abort', onLimit);
      }
    };
    const response = isRepeated
      ? await this.#repeated(call, open)
      : await this.#once(call, this.#attemptLimitMs(call), open);
    return response.body;
  }

  async #attempt(call: ApiCall, signal: AbortSignal, isStream: boolean): Promise<TransportResponse> {
    const { transport, credentials, userAgent = 'podwright' } = this.#options;
    for (let isSecond = false; ; isSecond = true) {
      if (this.#isClosed)
        throw new KubeApiError(`${nameOf(call)}: the client is closed`, { status: 0, reason: 'Closed' });
      const given = await credentials?.headers();
      const sentAt = this.#clock.now();
      const startedAt = this.#clock.monotonic();
      const tell = (status: number) =>
        publishApiCall(() => ({
          method: call.method,
          path: call.path.split('?')[0] as string,
          status,
          durationMs: this.#clock.monotonic() - startedAt,
        }));
      const request = transport.request({
        method: call.method,
        path: call.path,
        headers: {
          accept: 'application/json',
          'user-agent': userAgent,
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
          ...(call.method === 'GET' && !isStream ? { 'accept-encoding': 'gzip' } : {}),
          ...given,
        },
        body: call.body === undefined ? undefined : JSON.stringify(call.body),
        signal,
        stream: isStream,
      });
      const response = await request.catch((error: unknown) => {
        tell(0);
        throw error;
      });
      tell(response.status);
      this.#serverTime.note(response.headers.date, sentAt, this.#clock.now());
      if (response.status >= 200 && response.status < 300) return response;
      const error = errorOfResponse(
        nameOf(call),
        response.status,
        await textOf(response, MAX_ERROR_BODY),
        response.headers,
      );
      if (error.status === 429) this.#flow.throttled(error.retryAfterMs);
      if (error.status !== 401 || credentials === undefined || isSecond) throw error;
      credentials.invalidate(given);
    }
  }

  #attemptLimitMs(call: ApiCall): number {
    return Math.min(
      call.timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      this.#options.attemptTimeoutMs ?? DEFAULT_ATTEMPT_TIMEOUT_MS,
    );
  }

  async #repeated<T>(call: ApiCall, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { retry = DEFAULT_RETRY, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const deadline = this.#clock.monotonic() + (call.timeoutMs ?? timeoutMs);
    for (let attempts = 1; ; attempts += 1) {
      const release = await this.#admitted(call, deadline);
      let failure: unknown;
      try {
        const leftMs = deadline - this.#clock.monotonic();
        const result = await this.#once(call, Math.min(leftMs, this.#attemptLimitMs(call)), work);
        this.#flow.succeeded();
        return result;
      } catch (error) {
        if (call.signal?.aborted) throw call.signal.reason;
        failure = withAttempts(error, attempts);
      } finally {
        release();
      }
      const delayMs = repeatDelayMs(call, failure, attempts, retry, this.#random);
      // A wait that outlasts the deadline would only delay the bad news.
      if (delayMs === undefined || this.#clock.monotonic() + delayMs >= deadline) throw failure;
      this.#logger.debug({ err: failure, attempts, delayMs }, 'a call to the API server is repeated');
      await this.#clock.delay(delayMs, { signal: call.signal });
    }
  }

  #admitted(call: ApiCall, deadline: number): Promise<() => void> {
    const leftMs = deadline - this.#clock.monotonic();
    return this.#once(call, leftMs, (signal) => this.#flow.acquire(call.priority, signal), false);
  }

  /** Runs work with a limit; both the limit and the caller's signal abort it. */
  async #once<T>(call: ApiCall, limitMs: number, work: (signal: AbortSignal) => Promise<T>, isSent = true): Promise<T> {
    const { signal } = call;
    signal?.throwIfAborted();
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal?.reason);
    const onLimit = () => {
      const waited = isSent ? 'no answer within' : 'still waiting for its turn after';
      const error = new KubeApiError(`${nameOf(call)}: ${waited} ${Math.round(limitMs)} ms`, {
        status: 0,
        reason: 'Timeout',
        retryable: true,
      });
      stop.abort(markSent(error, isSent));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel = this.#clock.schedule(Math.max(0, limitMs), onLimit);
    try {
      return await work(stop.signal);
    } finally {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

function withAttempts(error: unknown, attempts: number): unknown {
  if (!(error instanceof KubeApiError) || attempts === 1) return error;
  const { message, status, reason, retryAfterMs, retryable, causes, requestId, cause } = error;
  const counted = new KubeApiError(message, {
    status,
    reason,
    retryAfterMs,
    retryable,
    causes,
    requestId,
    cause,
    attempts,
  });
  const { mayHaveBeenSent } = error as { mayHaveBeenSent?: boolean };
  return mayHaveBeenSent === undefined ? counted : markSent(counted, mayHaveBeenSent);
}

async function textOf(response: TransportResponse, maxBytes = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
