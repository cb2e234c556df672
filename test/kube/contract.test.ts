import { describe, test } from 'vitest';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { HttpsTransport } from '../../src/kube/https-transport.js';
import { type KubeClientUnderTest, kubeClientContract } from '../../src/testing/contract/kube-client-contract.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';

const ways: [string, () => Promise<KubeClientUnderTest>][] = [
  [
    'in the process',
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
    'over HTTP',
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
];

describe.each(ways)('HttpKubeClient %s', (_, factory) => {
  for (const { name, run } of kubeClientContract(factory)) test(name, run);
});
