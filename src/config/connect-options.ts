/** What a configuration says about the connection to the API. */
import { parseDuration } from '../core/duration.js';
import type { HttpKubeClientConnectOptions } from '../kube/http-kube-client.js';
import { DEFAULT_RETRY } from '../kube/retry.js';
import type { KubernetesConfig } from './kubernetes-config.js';

/** Options of {@link HttpKubeClient}.connect() from a configuration. */
export function connectOptionsOf(config: KubernetesConfig): HttpKubeClientConnectOptions {
  const { inCluster, clusterContext, configFile, requestTimeout, requestRetries, requestBackoff } = config;
  const { enableTcpKeepalive, tcpKeepIdle, verifySsl, sslCaCert } = config;
  const isFile = inCluster === false || (inCluster === undefined && (configFile ?? clusterContext) !== undefined);
  return {
    ...(inCluster === true ? { source: 'in-cluster' as const } : {}),
    ...(isFile ? { source: 'kubeconfig' as const, kubeconfig: configFile, context: clusterContext } : {}),
    ...(verifySsl === false ? { insecureSkipTlsVerify: true } : {}),
    ...(sslCaCert === undefined ? {} : { caFile: sslCaCert }),
    ...(requestTimeout === undefined ? {} : { timeoutMs: parseDuration(requestTimeout) }),
    ...(requestRetries === undefined && requestBackoff === undefined
      ? {}
      : {
          retry: {
            ...DEFAULT_RETRY,
            maxAttempts: requestRetries === undefined ? DEFAULT_RETRY.maxAttempts : requestRetries + 1,
            initialMs: parseDuration(requestBackoff) ?? DEFAULT_RETRY.initialMs,
          },
        }),
    ...(enableTcpKeepalive === undefined ? {} : { enableTcpKeepAlive: enableTcpKeepalive }),
    ...(tcpKeepIdle === undefined ? {} : { tcpKeepIdleMs: parseDuration(tcpKeepIdle) }),
  };
}
