import { AuthorizationV1Api, CoordinationV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, expect, it, test } from 'vitest';
import { CoreV1KubeClient } from '../../src/kube/core-v1-client.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { HttpsTransport } from '../../src/kube/https-transport.js';
import { type KubeClientUnderTest, kubeClientContract } from '../../src/testing/contract/kube-client-contract.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';

/** client-node's configuration for a server; it refuses plain HTTP unless certificates go unchecked. */
function configOf(server: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server, skipTLSVerify: true }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
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
      const config = configOf(cluster.url);
      return {
        client: new CoreV1KubeClient({
          api: config.makeApiClient(CoreV1Api),
          authorization: config.makeApiClient(AuthorizationV1Api),
          coordination: config.makeApiClient(CoordinationV1Api),
        }),
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

describe('CoreV1KubeClient', () => {
  test('lacks what its APIs lack, so that what needs it is off', () => {
    const config = configOf('http://127.0.0.1:1');
    const api = config.makeApiClient(CoreV1Api);
    const alone = new CoreV1KubeClient({ api });
    expect(alone.createSecret).toBeTypeOf('function');
    expect(alone.canI).toBeUndefined();
    expect(alone.readLease).toBeUndefined();
    const without = new CoreV1KubeClient({
      api: Object.assign(Object.create(api), { createNamespacedSecret: undefined }),
    });
    expect(without.createSecret).toBeUndefined();
    expect(without.deleteSecret).toBeUndefined();
  });

  test('has every optional feature of a KubeClient but the metrics where all APIs are given', () => {
    const config = configOf('http://127.0.0.1:1');
    const client = new CoreV1KubeClient({
      api: config.makeApiClient(CoreV1Api),
      authorization: config.makeApiClient(AuthorizationV1Api),
      coordination: config.makeApiClient(CoordinationV1Api),
    });
    for (const name of ['createSecret', 'listSecrets', 'patchSecret', 'deleteSecret', 'canI'] as const)
      expect(client[name], name).toBeTypeOf('function');
    for (const name of ['readLease', 'listLeases', 'createLease', 'replaceLease', 'deleteLease'] as const)
      expect(client[name], name).toBeTypeOf('function');
  });
});

describe.each(ways)('%s', (_way, make) => {
  it('asks the gate of every write', async () => {
    const { client, namespace, close = async () => {} } = await make();
    const over = new Error('the lease is lost');
    const gate = { isOpen: false, opened: () => Promise.reject(over) };
    const object = { metadata: { name: 'a' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const writes = [
      client.createPod(namespace, object, { gate }),
      client.patchPod(namespace, 'a', {}, { gate }),
      client.deletePod(namespace, 'a', { gate }),
      client.deletePods?.({ namespace, gate }),
      client.createSecret?.(namespace, object, { gate }),
      client.patchSecret?.(namespace, 'a', {}, { gate }),
      client.deleteSecret?.(namespace, 'a', { gate }),
    ];
    await Promise.all(writes.map((write) => expect(write).rejects.toBe(over)));
    await close();
  });
});
