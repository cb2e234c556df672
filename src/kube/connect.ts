/** From a kubeconfig or a service account to a transport with credentials. */
import { existsSync } from 'node:fs';
import { type Clock, systemClock } from '../core/clock.js';
import { KubeConfigError } from '../errors.js';
import { credentialsOf } from './credentials.js';
import type { RequestCredentials } from './http-kube-client.js';
import { HttpsTransport } from './https-transport.js';
import { defaultKubeconfigFiles, inClusterContext, type KubeContext, readKubeconfig } from './kubeconfig.js';
import type { Transport } from './transport.js';

/** Which cluster to connect to. */
export interface ConnectOptions {
  /** Path of a kubeconfig file. @default `KUBECONFIG`, else `~/.kube/config`, else the pod's service account */
  readonly kubeconfig?: string | undefined;
  /** Context in it. @default its current one */
  readonly context?: string | undefined;
  /** Connections for calls. @default 16 */
  readonly maxSockets?: number | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
}

function findContext({ kubeconfig, context }: ConnectOptions): KubeContext {
  if (kubeconfig !== undefined) return readKubeconfig([kubeconfig], context);
  const files = defaultKubeconfigFiles(process.env);
  if (files.some((file) => existsSync(file))) return readKubeconfig(files, context);
  const inCluster = inClusterContext(process.env);
  if (inCluster !== undefined) return inCluster;
  throw new KubeConfigError(
    `No cluster to connect to: there is no kubeconfig at ${files.join(', ')}, and this is no pod`,
    {
      hint: 'Set KUBECONFIG, pass { kubeconfig: file }, or use FakeCluster from podwright/testing.',
    },
  );
}

/** Headers that @kubernetes/client-node makes; it alone knows the old auth providers. Loaded only when one is needed. */
async function clientNodeCredentials({ kubeconfig, context }: ConnectOptions): Promise<RequestCredentials> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) config.setCurrentContext(context);
  return {
    async headers() {
      const request: { headers: Record<string, string> } = { headers: {} };
      await config.applyToHTTPSOptions(request as never);
      const { Authorization: authorization = request.headers.authorization } = request.headers;
      return authorization === undefined ? {} : { authorization };
    },
    invalidate() {},
  };
}

/**
 * A transport and credentials for a cluster.
 * @throws KubeConfigError
 */
export async function connectTransport(
  options: ConnectOptions,
): Promise<{ transport: Transport; credentials: RequestCredentials }> {
  const { server, tls, user } = findContext(options);
  const transport = new HttpsTransport({ server, tls, maxSockets: options.maxSockets });
  const credentials = user.hasAuthProvider
    ? await clientNodeCredentials(options)
    : credentialsOf(user, options.clock ?? systemClock);
  return { transport, credentials };
}
