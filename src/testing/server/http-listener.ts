/** Puts the embedded server on HTTP or HTTPS, on the loopback interface only. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { TransportRequest } from '../../kube/transport.js';
import type { ApiServer } from './api-server.js';
import { ConnectionDropped } from './connection-dropped.js';
import type { UserInfo } from './request.js';
import type { Answer } from './respond.js';
import { ByteStream } from './stream.js';

const GZIP_FROM_BYTES = 128 * 1024;
const compress = promisify(gzip);

async function readAll(message: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

function flatHeaders(message: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(',') : value;
  return headers;
}

/** Resolves when more can be written, or nothing ever will. Leaves no listener behind, however often a long watch fills its buffer. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

async function sendStream(response: ServerResponse, stream: ByteStream): Promise<void> {
  response.on('close', () => stream.end());
  response.flushHeaders();
  try {
    for await (const piece of stream) {
      if (response.destroyed) return;
      if (!response.write(piece)) await drained(response);
    }
    response.end();
  } catch {
    // A dropped watch is a reset connection to its reader.
    response.socket?.resetAndDestroy();
  }
}

async function send(message: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { status, headers, body } = answer;
  if (body instanceof ByteStream) {
    response.writeHead(status, headers);
    await sendStream(response, body);
    return;
  }
  let bytes: Uint8Array = typeof body === 'string' ? Buffer.from(body) : body;
  if (bytes.length > GZIP_FROM_BYTES && /\bgzip\b/.test(message.headers['accept-encoding'] ?? '')) {
    bytes = await compress(bytes, { level: 1 });
    headers['content-encoding'] = 'gzip';
    headers.vary = 'Accept-Encoding';
  }
  if (status !== 204) headers['content-length'] = String(bytes.length);
  response.writeHead(status, headers);
  response.end(status === 204 ? undefined : bytes);
}

/** What a server needs to speak TLS, as PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** The user whom a certificate names: its common name, in the groups that are its organizations. */
function peerOf(message: IncomingMessage): UserInfo | undefined {
  const socket = message.socket as Partial<TLSSocket>;
  if (socket.authorized !== true) return undefined;
  const { CN: name, O: organizations = [] } = socket.getPeerCertificate?.().subject ?? {};
  if (name === undefined) return undefined;
  const groups: string[] = [organizations].flat();
  return { name: String(name), groups: [...groups, 'system:authenticated'] };
}

/** An embedded server that listens. */
export class HttpListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Ports of the clients that wait for the answer of a control request. */
  readonly #controlling = new Set<number | undefined>();

  /** With `tls`, clients may show a certificate of its authority, which says who they are. */
  constructor(api: ApiServer, tls?: TlsFiles) {
    const serve = (message: IncomingMessage, response: ServerResponse) => {
      this.#serve(api, message, response).catch(() => response.destroy());
    };
    this.#server =
      tls === undefined
        ? createServer(serve)
        : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, serve);
    // A client that does not trust the authority ends its handshake, which is its own business.
    this.#server.on('tlsClientError', () => {});
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.keepAliveTimeout = 90_000;
    this.#server.requestTimeout = 0;
  }

  async #serve(api: ApiServer, message: IncomingMessage, response: ServerResponse): Promise<void> {
    if (message.url?.startsWith('/_podwright/') === true) {
      // Who orders a restart is told that it was done; behind TLS only the port says whose connection it is.
      const port = message.socket.remotePort;
      this.#controlling.add(port);
      response.on('close', () => this.#controlling.delete(port));
    }
    const body = await readAll(message);
    const request: TransportRequest = {
      method: (message.method ?? 'GET') as TransportRequest['method'],
      path: message.url ?? '/',
      headers: flatHeaders(message),
      body,
    };
    try {
      await send(message, response, await api.handle(request, false, peerOf(message)));
    } catch (error) {
      if (!(error instanceof ConnectionDropped)) throw error;
      message.socket.resetAndDestroy();
    }
  }

  /** Starts to listen on 127.0.0.1; port 0 takes a free one. Resolves with the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Drops every connection at once, as a restarting server does; one that waits for a control request's answer gets it first. */
  dropConnections(): void {
    for (const socket of this.#sockets) if (!this.#controlling.has(socket.remotePort)) socket.resetAndDestroy();
  }

  /** Stops listening and closes all connections. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
