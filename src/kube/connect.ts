/** From a kubeconfig, a service account or somebody's KubeConfig to a transport with credentials. */
import { existsSync, readFileSync } from 'node:fs';
import { type Clock, systemClock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import { KubeConfigError } from '../errors.js';
import type { RequestCredentials } from './api-caller.js';
import { CachedValue } from './cached-value.js';
import { contextOfKubeConfig, type KubeConfigLike, loadWithClientNode } from './client-node-config.js';
import { type ConnectionCredentials, credentialsOf } from './credentials.js';
import { type FlowControlOptions, mostInFlight } from './flow-control.js';
import { HttpsTransport, type TlsOptions } from './https-transport.js';
import { defaultKubeconfigFiles, inClusterContext, type KubeContext, readKubeconfig } from './kubeconfig.js';
import { proxyFor } from './proxy.js';
import type { Transport } from './transport.js';

/** Options of a connection to the cluster that this process runs in. */
export interface InClusterOptions {
  /** Connections for calls. @default as many as flow control lets through at a time: 20 */
  readonly maxSockets?: number | undefined;
  /**
   * Whether TCP keep-alive is on. Interval and count of its probes are fixed: Node sets 1 s and 10 on every platform, and has no way to
   * change that before version 26.4. @default true
   */
  readonly enableTcpKeepAlive?: boolean | undefined;
  /** First TCP keep-alive probe of an idle connection, in milliseconds. @default 30000 */
  readonly tcpKeepIdleMs?: number | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
  /** Bounds on calls. @default 16 at a time, no rate */
  readonly flowControl?: FlowControlOptions | undefined;
}

/** Whom to trust, where that is not what the kubeconfig or the service account says. */
export interface TrustOptions {
  /** File with the certificates to trust, PEM; read again every minute, so that it may be renewed. */
  readonly caFile?: string | undefined;
  /** Trusts any server, whatever the kubeconfig says: who listens in between sees tokens and secrets. @default false */
  readonly insecureSkipTlsVerify?: boolean | undefined;
}

/** Which cluster to connect to. */
export interface ConnectOptions extends InClusterOptions, TrustOptions {
  /** Path of a kubeconfig file. @default `KUBECONFIG`, else `~/.kube/config`, else the pod's service account */
  readonly kubeconfig?: string | undefined;
  /** Context in it. @default its current one */
  readonly context?: string | undefined;
  /** A `KubeConfig` of @kubernetes/client-node to take server and credentials from, instead of a file. */
  readonly kubeConfig?: KubeConfigLike | undefined;
  /** Where to look: files only, the service account only, or first the one and then the other. @default 'any' */
  readonly source?: 'any' | 'kubeconfig' | 'in-cluster' | undefined;
}

interface Found {
  readonly server: string;
  readonly proxyUrl: string | undefined;
  readonly credentials: ConnectionCredentials;
}

function ofContext(context: KubeContext, clock: Clock): Found {
  return { server: context.server, proxyUrl: context.proxyUrl, credentials: credentialsOf(context, clock) };
}

async function ofFiles(files: readonly string[], name: string | undefined, clock: Clock): Promise<Found> {
  const context = readKubeconfig(files, name);
  if (!context.user.hasAuthProvider) return ofContext(context, clock);
  const config = await loadWithClientNode(
    files.filter((file) => existsSync(file)),
    name,
  );
  const found = contextOfKubeConfig(config, clock);
  // It impersonates by user only.
  const headers = async () => ({ ...(await found.credentials.headers()), ...context.user.impersonate });
  return { ...found, credentials: { ...found.credentials, headers } };
}

async function find({ kubeconfig, context, kubeConfig, source = 'any' }: ConnectOptions, clock: Clock): Promise<Found> {
  if (kubeConfig !== undefined) return contextOfKubeConfig(kubeConfig, clock);
  if (kubeconfig !== undefined) return ofFiles([kubeconfig], context, clock);
  const files = defaultKubeconfigFiles(process.env);
  if (source !== 'in-cluster' && (source === 'kubeconfig' || files.some((file) => existsSync(file))))
    return ofFiles(files, context, clock);
  const inCluster = inClusterContext(process.env);
  if (inCluster !== undefined) return ofContext(inCluster, clock);
  const looked =
    source === 'in-cluster' ? 'this is no pod' : `there is no kubeconfig at ${files.join(', ')}, and this is no pod`;
  throw new KubeConfigError(`No cluster to connect to: ${looked}`, {
    hint: 'Set KUBECONFIG, pass { kubeconfig: file }, or use FakeCluster from podwright/testing.',
  });
}

/** Certificates are renewed well before they expire; a minute is often enough to notice. */
const CA_CHECK_MS = 60_000;

/** TLS material with the trust that was asked for; the same object as long as nothing has changed, since another one ends all connections. */
function trusting(
  tls: () => Promise<TlsOptions>,
  { caFile, insecureSkipTlsVerify }: TrustOptions,
  clock: Clock,
): () => Promise<TlsOptions> {
  if (caFile === undefined && insecureSkipTlsVerify !== true) return tls;
  const trusted = new CachedValue(clock, async () => {
    const value: Pick<TlsOptions, 'ca'> = caFile === undefined ? {} : { ca: readCa(caFile) };
    return { value, expiresAt: clock.now() + CA_CHECK_MS };
  });
  let last: { readonly base: TlsOptions; readonly ca: string | undefined; readonly tls: TlsOptions } | undefined;
  return async () => {
    const [base, { ca = base.ca }] = await Promise.all([tls(), trusted.get()]);
    if (last?.base !== base || last.ca !== ca)
      last = { base, ca, tls: { ...base, ca, ...(insecureSkipTlsVerify === true ? { insecureSkipTlsVerify } : {}) } };
    return last.tls;
  };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new KubeConfigError(`The certificates to trust cannot be read from ${file}`, {
      cause: error,
      hint: 'Check the path, and that the host may read the file.',
    });
  }
}

/**
 * A transport and credentials for a cluster. The environment is read now, and never again.
 * @throws KubeConfigError
 */
export async function connectTransport(
  options: ConnectOptions,
): Promise<{ readonly transport: Transport; readonly credentials: RequestCredentials }> {
  const clock = options.clock ?? systemClock;
  if (options.caFile !== undefined) readCa(options.caFile);
  const { server, proxyUrl, credentials } = await find(options, clock);
  if (options.insecureSkipTlsVerify === true)
    options.logger?.warn({ server }, 'the certificate of the API server is not checked, as was asked for');
  if (server.startsWith('http:')) options.logger?.warn({ server }, 'the API server is spoken to without TLS');
  const transport = new HttpsTransport({
    server,
    tls: trusting(() => credentials.tls(), options, clock),
    proxy: proxyFor(server, proxyUrl, process.env),
    maxSockets: options.maxSockets ?? mostInFlight(options.flowControl),
    enableTcpKeepAlive: options.enableTcpKeepAlive,
    tcpKeepAliveMs: options.tcpKeepIdleMs,
    clock,
  });
  return { transport, credentials };
}
