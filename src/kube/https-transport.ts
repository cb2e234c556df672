/**
 * Requests over node:http and node:https with keep-alive: the least memory and CPU per call of what Node has against a real API server,
 * and a client that test tools can intercept. Calls and streams use two pools, so that watches never take the calls' connections.
 */
import http from 'node:http';
import https from 'node:https';
import { type Duplex, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Clock, systemClock } from '../core/clock.js';
import { KubeApiError } from '../errors.js';
import { makeAgent, retireAgent, type TlsOptions, tlsOf } from './agents.js';
import { connectionError, isUnsent } from './connection-errors.js';
import { mostInFlight } from './flow-control.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

export type { TlsOptions } from './agents.js';

/** Options of a {@link HttpsTransport}. */
export interface HttpsTransportOptions {
  /** URL of the API server. `http:` is allowed, for proxies on loopback and for tests. */
  readonly server: string;
  /** TLS material, or where to get it; new material means new connections for what follows. */
  readonly tls?: TlsOptions | (() => Promise<TlsOptions>) | undefined;
  /** HTTP proxy to tunnel through. @default none */
  readonly proxy?: URL | undefined;
  /** Connections for calls. @default as many as flow control lets through at a time: 20 */
  readonly maxSockets?: number | undefined;
  /**
   * Whether TCP keep-alive is on. Interval and count of its probes are fixed: Node sets 1 s and 10 on every platform, and has no way to
   * change that before version 26.4. @default true
   */
  readonly enableTcpKeepAlive?: boolean | undefined;
  /** First TCP keep-alive probe of an idle connection, in milliseconds. @default 30000 */
  readonly tcpKeepAliveMs?: number | undefined;
  /** Limit for opening a connection, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
}

interface Pools {
  readonly tls: TlsOptions;
  readonly calls: http.Agent | https.Agent;
  readonly streams: http.Agent | https.Agent;
}

/** One object, since other TLS material means other connections. */
const NO_TLS: TlsOptions = Object.freeze({});
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** What a request is, for messages. */
const nameOf = ({ method, path }: TransportRequest) => `${method} ${path.split('?')[0]}`;

/** A connection that the server closed just as we used it: nothing of an answer had come. */
class StaleSocket {
  constructor(readonly error: KubeApiError) {}
}

/** Groups, and the values of an extra, come one a line and are sent one header each: the server does not split them. */
function headersOf({ headers = {}, body }: TransportRequest): http.OutgoingHttpHeaders {
  const all: http.OutgoingHttpHeaders = { ...headers };
  for (const [name, value] of Object.entries(headers))
    if (name === 'impersonate-group' || name.startsWith('impersonate-extra-')) all[name] = value.split('\n');
  if (body !== undefined) all['content-length'] = Buffer.byteLength(body);
  return all;
}

/** See the module's text. */
export class HttpsTransport implements Transport {
  readonly #options: HttpsTransportOptions;
  readonly #server: URL;
  readonly #isTls: boolean;
  readonly #clock: Clock;
  #pools: Pools | undefined;
  #isClosed = false;

  constructor(options: HttpsTransportOptions) {
    this.#options = options;
    this.#server = new URL(options.server);
    this.#isTls = this.#server.protocol === 'https:';
    this.#clock = options.clock ?? systemClock;
  }

  /** Sends a request. One that met a connection just closed by the server is sent again once, where nothing of an answer had come. */
  async request(request: TransportRequest): Promise<TransportResponse> {
    const pools = await this.#poolsNow();
    const first = await this.#send(request, pools);
    if (!(first instanceof StaleSocket)) return first;
    // A create is not repeated here: the server may have acted. Its caller knows how to find out.
    if (request.method === 'POST') throw first.error;
    const second = await this.#send(request, pools);
    if (second instanceof StaleSocket) throw second.error;
    return second;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#pools?.calls.destroy();
    this.#pools?.streams.destroy();
    return Promise.resolve();
  }

  async #poolsNow(): Promise<Pools> {
    const {
      tls: source = NO_TLS,
      proxy,
      maxSockets = mostInFlight(),
      enableTcpKeepAlive = true,
      tcpKeepAliveMs = 30_000,
    } = this.#options;
    const tls = typeof source === 'function' ? await source() : source;
    if (this.#isClosed)
      throw new KubeApiError('The connection to the API server is closed', { status: 0, reason: 'Closed' });
    if (this.#pools?.tls === tls) return this.#pools;
    if (this.#pools !== undefined) {
      retireAgent(this.#pools.calls);
      retireAgent(this.#pools.streams);
    }
    const shared = { isTls: this.#isTls, tls, proxy, enableTcpKeepAlive, tcpKeepAliveMs };
    this.#pools = {
      tls,
      calls: makeAgent({ ...shared, maxSockets, maxFreeSockets: maxSockets }),
      streams: makeAgent({ ...shared, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 0 }),
    };
    return this.#pools;
  }

  #send(request: TransportRequest, pools: Pools): Promise<TransportResponse | StaleSocket> {
    const { signal, headersTimeoutMs, body } = request;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const options: https.RequestOptions = {
        ...(this.#isTls ? tlsOf(pools.tls) : {}),
        method: request.method,
        host: this.#server.hostname.replace(/^\[|\]$/g, ''),
        port: this.#server.port === '' ? (this.#isTls ? 443 : 80) : Number(this.#server.port),
        path: `${this.#server.pathname.replace(/\/$/, '')}${request.path}`,
        agent: request.stream === true ? pools.streams : pools.calls,
        headers: headersOf(request),
      };
      const outgoing = (this.#isTls ? https : http).request(options);
      let isConnecting = false;
      let hasFailed = false;
      const timers: (() => void)[] = [];
      const settle = () => {
        for (const cancel of timers.splice(0)) cancel();
      };
      const onAbort = () => outgoing.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      const limit = (ms: number, what: string) =>
        timers.push(this.#clock.schedule(ms, () => outgoing.destroy(new Error(`${what} within ${ms} ms`))));
      if (headersTimeoutMs !== undefined) limit(headersTimeoutMs, 'no answer');
      signal?.addEventListener('abort', onAbort, { once: true });
      outgoing.once('socket', (socket) => {
        survive(socket);
        isConnecting = socket.connecting;
        if (!isConnecting) return;
        const { connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = this.#options;
        const cancel = this.#clock.schedule(connectTimeoutMs, () =>
          outgoing.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
        );
        timers.push(cancel);
        socket.once(this.#isTls ? 'secureConnect' : 'connect', () => {
          isConnecting = false;
          cancel();
        });
      });
      outgoing.once('close', () => {
        settle();
        signal?.removeEventListener('abort', onAbort);
      });
      outgoing.on('error', (error: NodeJS.ErrnoException & { mayHaveBeenSent?: boolean }) => {
        if (hasFailed) return;
        hasFailed = true;
        settle();
        if (signal?.aborted) return reject(signal.reason);
        const code = error.code ?? '';
        const isSent = error.mayHaveBeenSent ?? !isUnsent(error, isConnecting);
        const lost = connectionError(nameOf(request), {
          message: error.message === '' ? code : error.message,
          cause: error,
          isSent,
        });
        if (outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')) resolve(new StaleSocket(lost));
        else reject(lost);
      });
      outgoing.once('response', (incoming) => {
        settle();
        resolve({
          status: incoming.statusCode ?? 0,
          headers: flat(incoming.headers),
          body: readBody(request, incoming),
        });
      });
      outgoing.end(body);
    });
  }
}

const survivors = new WeakSet<Duplex>();

/** A request that is given up as its answer ends takes node's listener off its connection before the error comes, which must not end the process. */
function survive(socket: Duplex): void {
  if (survivors.has(socket)) return;
  survivors.add(socket);
  socket.on('error', () => {});
}

function flat(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  const all: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) all[name] = Array.isArray(value) ? value.join(', ') : value;
  return all;
}

/** The body of an answer; breaking off destroys the connection, an early end is an error. */
async function* readBody(request: TransportRequest, incoming: http.IncomingMessage): AsyncGenerator<Uint8Array> {
  const { idleTimeoutMs, signal } = request;
  if (idleTimeoutMs !== undefined)
    incoming.setTimeout(idleTimeoutMs, () => incoming.destroy(new Error(`silent for ${idleTimeoutMs} ms`)));
  const isZipped = incoming.headers['content-encoding'] === 'gzip';
  const source: Readable = isZipped ? pipeline(incoming, createGunzip(), () => {}) : incoming;
  try {
    for await (const chunk of source) yield chunk as Uint8Array;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const message = `the answer broke off: ${error instanceof Error ? error.message : String(error)}`;
    throw connectionError(nameOf(request), { message, cause: error, isSent: true });
  }
}
