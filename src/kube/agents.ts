/** Connection pools over node:http and node:https. */
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { openTunnel } from './proxy.js';

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

/** The server closes idle connections after 90 s; ours go before, so that no request meets a closing socket. */
const IDLE_SOCKET_MS = 60_000;
/** Connections are renewed now and then, so that they spread over API servers that have come back. */
const MAX_SOCKET_AGE_MS = 600_000;

type Agent = http.Agent | https.Agent;

/** Parts of an agent that node documents, or has kept for as long as there are agents, and its types leave out. */
interface AgentInside {
  keepSocketAlive(socket: Duplex): boolean;
  createConnection(
    options: ConnectionOptions,
    done: (error: Error | null, socket?: Duplex) => void,
  ): Duplex | undefined;
}

interface ConnectionOptions extends tls.ConnectionOptions {
  readonly host: string;
  readonly port: number;
}

/** What an agent is made of. */
export interface AgentOptions {
  readonly isTls: boolean;
  readonly tls: TlsOptions;
  readonly proxy: URL | undefined;
  readonly maxSockets: number;
  /** Idle connections to keep. */
  readonly maxFreeSockets: number;
  readonly enableTcpKeepAlive: boolean;
  readonly tcpKeepAliveMs: number;
}

/** Leaves out what is not set: node tells `undefined` from nothing. */
export function tlsOf({ ca, cert, key, servername, insecureSkipTlsVerify = false }: TlsOptions): https.AgentOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: !insecureSkipTlsVerify,
  };
}

/** Makes a pool. */
export function makeAgent(options: AgentOptions): Agent {
  const { isTls, proxy, maxSockets, maxFreeSockets, enableTcpKeepAlive, tcpKeepAliveMs } = options;
  const shared: http.AgentOptions = {
    keepAlive: true,
    // Node sets TCP keep-alive on pooled sockets by itself; the longest delay that Linux takes is its only way not to.
    keepAliveMsecs: enableTcpKeepAlive ? tcpKeepAliveMs : 32_767_000,
    timeout: IDLE_SOCKET_MS,
    scheduling: 'lifo',
    maxSockets,
    maxFreeSockets,
  };
  const agent: Agent = isTls ? new https.Agent({ ...shared, ...tlsOf(options.tls) }) : new http.Agent(shared);
  const inside = agent as unknown as AgentInside;
  const births = new WeakMap<Duplex, number>();
  const keepAlive = inside.keepSocketAlive.bind(agent);
  inside.keepSocketAlive = (socket) => {
    const bornAt = births.get(socket) ?? performance.now();
    births.set(socket, bornAt);
    return performance.now() - bornAt < MAX_SOCKET_AGE_MS && keepAlive(socket);
  };
  if (proxy !== undefined) inside.createConnection = (to, done) => connectThrough(proxy, isTls, to, done);
  return agent;
}

function connectThrough(
  proxy: URL,
  isTls: boolean,
  to: ConnectionOptions,
  done: (error: Error | null, socket?: Duplex) => void,
): undefined {
  openTunnel(proxy, to.host, to.port).then(
    (socket) => done(null, isTls ? tls.connect({ ...to, socket }) : socket),
    (error: Error) => done(error),
  );
}

/** Lets an agent's connections end with the requests on them. */
export function retireAgent(agent: Agent): void {
  (agent as unknown as AgentInside).keepSocketAlive = () => false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
