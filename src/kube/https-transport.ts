/**
 * Requests over node:http and node:https with keep-alive: the least memory and CPU per call of what Node has against a real API server,
 * and a client that test tools can intercept. Calls and streams use two pools, so that watches never take the calls' connections.
 */
import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { KubeApiError } from '../errors.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** TLS material of a connection. */
export interface TlsOptions {
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** Client certificate, PEM. */
  readonly cert?: string | undefined;
  /** Key of the client certificate, PEM. */
  readonly key?: string | undefined;
  /** Name to check the server's certificate against. @default the URL's host */
  readonly servername?: string | undefined;
  /** Trusts any server. Only when asked for. @default false */
  readonly insecureSkipTlsVerify?: boolean | undefined;
}

/** Options of a {@link HttpsTransport}. */
export interface HttpsTransportOptions {
  /** URL of the API server. `http:` is allowed, for proxies on loopback and for tests. */
  readonly server: string;
  /** TLS material. */
  readonly tls?: TlsOptions | undefined;
  /** Connections for calls. @default 16 */
  readonly maxSockets?: number | undefined;
  /** First TCP keep-alive probe of an idle connection, in milliseconds. @default 30000 */
  readonly tcpKeepAliveMs?: number | undefined;
}

/** The server closes idle connections after 90 s; ours go before, so that no request meets a closing socket. */
const IDLE_SOCKET_MS = 60_000;

function connectionError(request: TransportRequest, message: string, cause: unknown): KubeApiError {
  return new KubeApiError(`${request.method} ${request.path.split('?')[0]}: ${message}`, {
    status: 0,
    reason: 'ConnectionError',
    retryable: true,
    cause,
  });
}

/** See the module's text. */
export class HttpsTransport implements Transport {
  readonly #server: URL;
  readonly #tls: https.RequestOptions;
  readonly #calls: http.Agent | https.Agent;
  readonly #streams: http.Agent | https.Agent;

  constructor({ server, tls = {}, maxSockets = 16, tcpKeepAliveMs = 30_000 }: HttpsTransportOptions) {
    this.#server = new URL(server);
    const { ca, cert, key, servername, insecureSkipTlsVerify = false } = tls;
    this.#tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      rejectUnauthorized: !insecureSkipTlsVerify,
    };
    const Agent = this.#isTls ? https.Agent : http.Agent;
    const keepAlive = {
      keepAlive: true,
      keepAliveMsecs: tcpKeepAliveMs,
      timeout: IDLE_SOCKET_MS,
      scheduling: 'lifo' as const,
    };
    this.#calls = new Agent({ ...keepAlive, maxSockets, maxFreeSockets: maxSockets });
    this.#streams = new Agent({ keepAlive: true, keepAliveMsecs: tcpKeepAliveMs, maxFreeSockets: 0 });
  }

  get #isTls(): boolean {
    return this.#server.protocol === 'https:';
  }

  /** Sends a request. One that met a connection just closed by the server is sent again once, where nothing of an answer had come. */
  async request(request: TransportRequest): Promise<TransportResponse> {
    try {
      return await this.#send(request);
    } catch (error) {
      const isStale =
        error instanceof KubeApiError &&
        (error.cause as { isStaleSocket?: boolean } | undefined)?.isStaleSocket === true;
      // A create is not repeated here: the server may have acted. Its caller knows how to find out.
      if (!isStale || request.method === 'POST') throw error;
      return this.#send(request);
    }
  }

  async close(): Promise<void> {
    this.#calls.destroy();
    this.#streams.destroy();
  }

  #send(request: TransportRequest): Promise<TransportResponse> {
    const { signal, headersTimeoutMs, body } = request;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const options: https.RequestOptions = {
        ...(this.#isTls ? this.#tls : {}),
        method: request.method,
        host: this.#server.hostname.replace(/^\[|\]$/g, ''),
        port: this.#server.port === '' ? (this.#isTls ? 443 : 80) : Number(this.#server.port),
        path: `${this.#server.pathname.replace(/\/$/, '')}${request.path}`,
        agent: request.stream === true ? this.#streams : this.#calls,
        headers: {
          ...request.headers,
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
        },
      };
      const outgoing = this.#isTls ? https.request(options) : http.request(options);
      const limit =
        headersTimeoutMs === undefined
          ? undefined
          : setTimeout(() => outgoing.destroy(new Error(`no answer within ${headersTimeoutMs} ms`)), headersTimeoutMs);
      const onAbort = () => outgoing.destroy(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = () => clearTimeout(limit);
      outgoing.once('close', () => signal?.removeEventListener('abort', onAbort));
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        settle();
        if (signal?.aborted) return reject(signal.reason);
        const isStaleSocket = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(connectionError(request, error.message, Object.assign(error, { isStaleSocket })));
      });
      outgoing.once('response', (incoming) => {
        settle();
        const headers: Record<string, string | undefined> = {};
        for (const [name, value] of Object.entries(incoming.headers))
          headers[name] = Array.isArray(value) ? value.join(', ') : value;
        resolve({ status: incoming.statusCode ?? 0, headers, body: readBody(request, incoming) });
      });
      outgoing.end(body);
    });
  }
}

/** The body of an answer; breaking off destroys the connection, an early end is an error. */
async function* readBody(request: TransportRequest, incoming: http.IncomingMessage): AsyncGenerator<Uint8Array> {
  const { idleTimeoutMs, signal } = request;
  if (idleTimeoutMs !== undefined)
    incoming.setTimeout(idleTimeoutMs, () => incoming.destroy(new Error(`silent for ${idleTimeoutMs} ms`)));
  const isZipped = incoming.headers['content-encoding'] === 'gzip';
  const source = isZipped ? pipeline(incoming, createGunzip(), () => {}) : incoming;
  try {
    for await (const chunk of source) yield chunk as Uint8Array;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw connectionError(
      request,
      `the answer broke off: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}
