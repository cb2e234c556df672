import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, test } from 'vitest';
import { CoreV1KubeClient } from '../../src/kube/core-v1-client.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { HttpsTransport } from '../../src/kube/https-transport.js';
import { type KubeClientUnderTest, kubeClientContract } from '../../src/testing/contract/kube-client-contract.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';

/** client-node's API for a server; it refuses plain HTTP unless certificates go unchecked. */
function apiOf(server: string): CoreV1Api {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server, skipTLSVerify: true }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config.makeApiClient(CoreV1Api);
}

const ways: [string, () => Promise<KubeClientUnderTest>][] = [
  [
    'HttpKubeClient in the process',
    async () => {
      const cluster = await FakeCluster.start({ kubelet: 'none', listen: false });
      return {
        client: new HttpKubeClient({ transport: cluster.transport() }),
        namespace: 'default',
        tooOldVersion: '1',
        close: () => cluster.stop(),
      };
    },
  ],
  [
    'HttpKubeClient over HTTP',
    async () => {
      const cluster = await FakeCluster.start({ kubelet: 'none' });
      const client = new HttpKubeClient({ transport: new HttpsTransport({ server: cluster.url }) });
      return {
        client,
        namespace: 'default',
        tooOldVersion: '1',
        close: async () => {
          await client.close();
          await cluster.stop();
        },
      };
    },
  ],
  [
    'CoreV1KubeClient over client-node',
    async () => {
      const cluster = await FakeCluster.start({ kubelet: 'none' });
      return {
        client: new CoreV1KubeClient({ api: apiOf(cluster.url) }),
        namespace: 'default',
        tooOldVersion: '1',
        close: () => cluster.stop(),
      };
    },
  ],
];

describe.each(ways)('%s', (_, factory) => {
  for (const { name, run } of kubeClientContract(factory)) test(name, run);
});
