/** A {@link Transport} that calls the embedded server directly: no socket, no real clock. */
import { KubeApiError } from '../../errors.js';
import type { Transport, TransportRequest, TransportResponse } from '../../kube/transport.js';
import type { ApiServer } from './api-server.js';
import { ConnectionDropped } from './connection-dropped.js';
import type { UserInfo } from './request.js';
import type { Answer } from './respond.js';
import { ByteStream } from './stream.js';

function lost(sent: boolean): KubeApiError {
  const error = new KubeApiError('The connection to the API server was lost (ECONNRESET)', {
    status: 0,
    reason: 'ECONNRESET',
    retryable: true,
    cause: Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }),
  });
  return Object.assign(error, { mayHaveBeenSent: sent });
}

async function* once(piece: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (piece.length > 0) yield piece;
}

async function* readable(stream: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* stream;
  } catch (error) {
    throw error instanceof ConnectionDropped ? lost(true) : error;
  }
}

/** The stream's bytes, until the signal aborts: that ends it on the server too, whether it is read or not. */
function streamed(stream: ByteStream, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  if (signal === undefined) return readable(stream);
  const onAbort = () => stream.fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  stream.onClose(() => signal.removeEventListener('abort', onAbort));
  return readable(stream);
}

/** Rejects with the signal's reason as soon as it aborts; an answer that comes too late is thrown away. */
function untilAborted(work: Promise<Answer>, signal: AbortSignal | undefined): Promise<Answer> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason);
      const discard = ({ body }: Answer) => body instanceof ByteStream && body.end();
      work.then(discard, () => {});
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Carries requests into an embedded server of the same process. */
export class InProcessTransport implements Transport {
  readonly #server: ApiServer;
  readonly #token: string | undefined;
  readonly #isInternal: boolean;
  readonly #user: UserInfo | undefined;
  #closed = false;

  /** `isInternal` marks the cluster's own parts, which meet no faults; `user` is who sends, where there is no token. */
  constructor(server: ApiServer, token: string | undefined, isInternal = false, user?: UserInfo) {
    this.#isInternal = isInternal;
    this.#user = user;
    this.#server = server;
    this.#token = token;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const { signal } = request;
    signal?.throwIfAborted();
    if (this.#closed) throw lost(false);
    const headers = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...request.headers,
    };
    // Answers never come in the same turn as the request, as over a socket.
    await Promise.resolve();
    try {
      const answer = await untilAborted(
        this.#server.handle({ ...request, headers }, this.#isInternal, this.#user),
        signal,
      );
      const { body } = answer;
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      return {
        status: answer.status,
        headers: answer.headers,
        body: bytes instanceof ByteStream ? streamed(bytes, signal) : once(bytes),
      };
    } catch (error) {
      throw error instanceof ConnectionDropped ? lost(true) : error;
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
