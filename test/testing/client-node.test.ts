/** The official JavaScript client against the embedded server. */
import { CoreV1Api, KubeConfig, type KubernetesObject, makeInformer, type V1Pod, Watch } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from '../../src/testing/index.js';

const pod = (name: string): V1Pod => ({
  metadata: { name, labels: { app: 'demo' } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'base', image: 'busybox:1.36' }] },
});

/** Collects events and tells when the awaited one has come. */
function collector() {
  const seen: string[] = [];
  let check = () => {};
  return {
    seen,
    add(text: string) {
      seen.push(text);
      check();
    },
    until: (text: string) =>
      new Promise<void>((resolve) => {
        check = () => {
          if (seen.includes(text)) resolve();
        };
        check();
      }),
  };
}

describe('@kubernetes/client-node against the embedded server', () => {
  let cluster: FakeCluster;
  let config: KubeConfig;
  let api: CoreV1Api;
  beforeAll(async () => {
    cluster = await FakeCluster.start({ kubelet: 'none' });
    config = new KubeConfig();
    config.loadFromString(cluster.kubeconfigText);
    api = config.makeApiClient(CoreV1Api);
  });
  afterAll(() => cluster.stop());

  it('creates, lists by selector in pages, and deletes', async () => {
    for (const name of ['a', 'b', 'c']) await api.createNamespacedPod({ namespace: 'default', body: pod(name) });
    const first = await api.listNamespacedPod({ namespace: 'default', labelSelector: 'app=demo', limit: 2 });
    expect(first.items.map(({ metadata }) => metadata?.name)).toEqual(['a', 'b']);
    const rest = await api.listNamespacedPod({
      namespace: 'default',
      labelSelector: 'app=demo',
      limit: 2,
      _continue: first.metadata?._continue ?? '',
    });
    expect(rest.items.map(({ metadata }) => metadata?.name)).toEqual(['c']);
    await api.deleteCollectionNamespacedPod({ namespace: 'default', labelSelector: 'app=demo' });
    expect((await api.listNamespacedPod({ namespace: 'default' })).items).toEqual([]);
    await expect(api.readNamespacedPod({ namespace: 'default', name: 'a' })).rejects.toMatchObject({ code: 404 });
  });

  it('watches from the version of a list', async () => {
    const { metadata } = await api.listNamespacedPod({ namespace: 'default' });
    const events = collector();
    const watch = await new Watch(config).watch(
      '/api/v1/namespaces/default/pods',
      { resourceVersion: metadata?.resourceVersion ?? '' },
      (type: string, object: KubernetesObject) => events.add(`${type} ${object.metadata?.name}`),
      () => {},
    );
    await api.createNamespacedPod({ namespace: 'default', body: pod('seen') });
    await events.until('ADDED seen');
    await api.deleteNamespacedPod({ namespace: 'default', name: 'seen' });
    await events.until('DELETED seen');
    expect(events.seen).toEqual(['ADDED seen', 'MODIFIED seen', 'DELETED seen']);
    watch.abort();
  });

  it('keeps an informer up to date, also after versions have expired', async () => {
    await api.createNamespacedPod({ namespace: 'default', body: pod('before') });
    const informer = makeInformer(config, '/api/v1/namespaces/default/pods', () =>
      api.listNamespacedPod({ namespace: 'default' }),
    );
    const events = collector();
    informer.on('add', (item) => events.add(`add ${item.metadata?.name}`));
    informer.on('delete', (item) => events.add(`delete ${item.metadata?.name}`));
    await informer.start();
    await events.until('add before');
    await api.createNamespacedPod({ namespace: 'default', body: pod('after') });
    await events.until('add after');
    cluster.dropWatches({ clean: true });
    cluster.compact();
    await api.deleteNamespacedPod({ namespace: 'default', name: 'before' });
    await events.until('delete before');
    expect(informer.list().map(({ metadata }) => metadata?.name)).toEqual(['after']);
    await informer.stop();
  });
});
