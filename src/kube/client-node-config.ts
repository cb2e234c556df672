/**
 * Credentials by way of @kubernetes/client-node: it alone knows the old auth providers and OIDC, and many programs hold a `KubeConfig`
 * of its already. The only file that loads it, and only when it is needed.
 */
import type { Clock } from '../core/clock.js';
import { KubeConfigError } from '../errors.js';
import { CachedValue } from './cached-value.js';
import type { ConnectionCredentials } from './credentials.js';
import type { TlsOptions } from './https-transport.js';

/** A cluster of a {@link KubeConfigLike}. */
export interface ClusterLike {
  /** URL of the API server. */
  readonly server: string;
  /** Whether the server's certificate goes unchecked. */
  readonly skipTLSVerify?: boolean | undefined;
  /** The name the server's certificate must carry, where it is not the URL's host. */
  readonly tlsServerName?: string | undefined;
  /** URL of the proxy on the way to the server. */
  readonly proxyUrl?: string | undefined;
}

/** A `KubeConfig` of @kubernetes/client-node 1.x, as far as it is used: any object of this shape will do. */
export interface KubeConfigLike {
  /** The cluster of the current context. */
  getCurrentCluster(): ClusterLike | null;
  /** Fills in credentials. */
  applyToHTTPSOptions(options: never): Promise<void>;
}

/** What `applyToHTTPSOptions` fills in. */
interface FilledOptions {
  headers: Record<string, string | string[] | undefined>;
  auth?: string;
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
}

interface Filled {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
}

/** How long what it has filled in is used: it keeps caches of its own, and refreshes tokens as they end. */
const REFRESH_MS = 30_000;

const pemText = (value: string | Buffer | undefined) => (value === undefined ? undefined : value.toString());

/** Server, proxy and credentials of somebody's `KubeConfig`. @throws KubeConfigError where it has no current cluster. */
export function contextOfKubeConfig(
  config: KubeConfigLike,
  clock: Clock,
): { readonly server: string; readonly proxyUrl: string | undefined; readonly credentials: ConnectionCredentials } {
  const cluster = config.getCurrentCluster();
  if (cluster === null || cluster === undefined)
    throw new KubeConfigError('The given KubeConfig has no current cluster');
  const { server, proxyUrl, tlsServerName, skipTLSVerify } = cluster;
  let last: TlsOptions | undefined;
  const filled = new CachedValue<Filled>(clock, async () => {
    const options: FilledOptions = { headers: {} };
    await config.applyToHTTPSOptions(options as never).catch((error: unknown) => {
      // Its errors quote headers and answers of token endpoints.
      throw new KubeConfigError('The given KubeConfig gave no credentials', { cause: error });
    });
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers))
      if (value !== undefined) headers[name.toLowerCase()] = String(value);
    if (options.auth !== undefined) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    const tls: TlsOptions = {
      ca: pemText(options.ca),
      cert: pemText(options.cert),
      key: pemText(options.key),
      servername: tlsServerName,
      insecureSkipTlsVerify: skipTLSVerify,
    };
    if (last === undefined || last.ca !== tls.ca || last.cert !== tls.cert || last.key !== tls.key) last = tls;
    return { value: { headers, tls: last }, expiresAt: clock.now() + REFRESH_MS };
  });
  const credentials: ConnectionCredentials = {
    headers: async () => (await filled.get()).headers,
    tls: async () => (await filled.get()).tls,
    invalidate: () => filled.forget(),
  };
  return { server, proxyUrl, credentials };
}

/** Reads kubeconfig files with @kubernetes/client-node. @throws KubeConfigError where it cannot. */
export async function loadWithClientNode(
  files: readonly string[],
  context: string | undefined,
): Promise<KubeConfigLike> {
  const { KubeConfig } = await import('@kubernetes/client-node').catch((error: unknown) => {
    throw new KubeConfigError('This kubeconfig needs @kubernetes/client-node, which cannot be loaded', {
      cause: error,
    });
  });
  const config = new KubeConfig();
  try {
    for (const [index, file] of files.entries()) {
      if (index === 0) {
        config.loadFromFile(file);
        continue;
      }
      const other = new KubeConfig();
      other.loadFromFile(file);
      config.mergeConfig(other, true);
    }
    if (context !== undefined) config.setCurrentContext(context);
  } catch (error) {
    throw new KubeConfigError(`@kubernetes/client-node cannot read ${files.join(', ')}`, { cause: error });
  }
  return config;
}
