/** One call to the API server over HTTP: credentials, headers, the answer. How calls are repeated and bounded is in `call-runner.ts`. */

import { type Clock, systemClock } from '../core/clock.js';
import { publishApiCall } from '../core/diagnostics.js';
import { linkedAbort } from '../core/linked-abort.js';
import { untilAborted } from '../core/within.js';
import { KubeApiError, KubeConfigError } from '../errors.js';
import { CallRunner, type CallRunnerOptions } from './call-runner.js';
import type { CallPriority } from './flow-control.js';
import type { CallOptions } from './kube-client.js';
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
export interface ApiCallerOptions extends CallRunnerOptions {
  /** Carries requests. */
  readonly transport: Transport;
  /** Who the caller is. @default nobody */
  readonly credentials?: RequestCredentials | undefined;
  /** Name sent to the server; it becomes the field manager. @default 'podwright' */
  readonly userAgent?: string | undefined;
}

/** One call. */
export interface ApiCall extends CallOptions {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  /** Form of the answer. @default JSON */
  readonly accept?: string | undefined;
  /** Whether it may be sent again although the server may have acted. */
  readonly isRepeatable: boolean;
  readonly priority: CallPriority;
  /** For streams: limit between two pieces of the answer, in milliseconds. */
  readonly idleTimeoutMs?: number | undefined;
}

type NamedCall = ApiCall & { readonly name: string };

const MAX_ERROR_BODY = 256 * 1024;

/** What a call is, for messages: neither its query nor its body. */
const named = (call: ApiCall): NamedCall => ({ ...call, name: `${call.method} ${call.path.split('?')[0]}` });

/** Sends calls. */
export class ApiCaller {
  readonly #options: ApiCallerOptions;
  readonly #clock: Clock;
  readonly #runner: CallRunner;
  readonly #serverTime: ServerTime;
  #isClosed = false;
  /** Whether a call has worked, so that the credentials were once good for something. */
  #isProven = false;

  constructor(options: ApiCallerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#serverTime = new ServerTime(this.#clock);
    this.#runner = new CallRunner(options);
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
  json<T>(call: ApiCall): Promise<T> {
    return this.read(call, async (body) => {
      const text = await textOf(body);
      return () => JSON.parse(text) as T;
    });
  }

  /**
   * The answer as `collect` understands it, which takes the bytes of each attempt and returns what makes the result of them.
   * @throws KubeApiError
   */
  async read<T>(given: ApiCall, collect: (body: AsyncIterable<Uint8Array>) => Promise<() => T>): Promise<T> {
    const call = named(given);
    // Once for all attempts; a manifest may be large.
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const result = await this.#runner.repeated(call, async (signal) =>
      collect((await this.#attempt(call, body, signal, false)).body),
    );
    try {
      return result();
    } catch {
      // The parser's message quotes the text.
      throw new KubeApiError(`${call.name}: the answer is no JSON`, { status: 0, reason: 'BadAnswer' });
    }
  }

  /** The answer's body as it comes; repeated only until it begins. Counts as a stream, without a deadline for the body. @throws KubeApiError */
  async body(given: ApiCall, isRepeated: boolean): Promise<AsyncIterable<Uint8Array>> {
    const call = named(given);
    const open = async (limit: AbortSignal) => {
      await this.#runner.untilUnpaused(limit);
      // Once the stream is open only the caller ends it; until then the limit does, too.
      const opening = linkedAbort(limit);
      const signal = call.signal === undefined ? opening.signal : AbortSignal.any([call.signal, opening.signal]);
      try {
        return await this.#attempt(call, undefined, signal, true);
      } finally {
        opening.unlink();
      }
    };
    const response = isRepeated
      ? await this.#runner.repeated(call, open)
      : await this.#runner.once(call, this.#runner.attemptLimitMs(call), open);
    return response.body;
  }

  async #attempt(
    call: NamedCall,
    body: string | undefined,
    signal: AbortSignal,
    isStream: boolean,
  ): Promise<TransportResponse> {
    const { transport, credentials, userAgent = 'podwright' } = this.#options;
    for (let isSecond = false; ; isSecond = true) {
      if (this.#isClosed) throw new KubeApiError(`${call.name}: the client is closed`, { status: 0, reason: 'Closed' });
      const given = await credentials?.headers().catch((error: unknown) => {
        throw this.#withoutProof(call, error);
      });
      // Credentials may have taken their time.
      if (call.gate?.isOpen === false) await untilAborted(call.gate.opened(), signal);
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
          accept: call.accept ?? 'application/json',
          'user-agent': userAgent,
          ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
          ...(call.method === 'GET' && !isStream ? { 'accept-encoding': 'gzip' } : {}),
          ...given,
        },
        body,
        signal,
        stream: isStream,
        idleTimeoutMs: call.idleTimeoutMs,
      });
      const response = await request.catch((error: unknown) => {
        tell(0);
        throw this.#withoutProof(call, error);
      });
      tell(response.status);
      this.#serverTime.note(response.headers.date, startedAt);
      if (response.status >= 200 && response.status < 300) {
        this.#isProven = true;
        return response;
      }
      const error = errorOfResponse(
        call.name,
        response.status,
        await textOf(response.body, MAX_ERROR_BODY),
        response.headers,
      );
      this.#runner.turnedAway(call, error);
      if (error.status !== 401 || credentials === undefined || isSecond) throw error;
      credentials.invalidate(given);
    }
  }

  /** A plugin or a file that has worked before will probably work again: until then it is like a server out of reach, and nothing was sent. */
  #withoutProof({ name }: NamedCall, error: unknown): unknown {
    if (!this.#isProven || !(error instanceof KubeConfigError)) return error;
    const { message } = error;
    return markSent(
      new KubeApiError(`${name}: ${message}`, { status: 0, reason: 'NoCredentials', retryable: true, cause: error }),
      false,
    );
  }
}

async function textOf(body: AsyncIterable<Uint8Array>, maxBytes = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
