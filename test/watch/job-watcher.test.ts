import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';
import { KubernetesJobWatcher, type KubernetesJobWatcherOptions } from '../../src/watch/job-watcher.js';
import type { Pod } from '../../src/wire/types.js';
import { collect, Model } from './watch-kit.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(namespaces?: readonly string[], options: Partial<KubernetesJobWatcherOptions> = {}) {
  const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none', seed: 1 });
  cleanups.push(() => cluster.stop());
  const client = new HttpKubeClient({ transport: cluster.transport(), clock: cluster.clock, random: seededRandom(2) });
  for (const name of ['one', 'two', 'three']) await createNamespace(cluster, name);
  const watcher = new KubernetesJobWatcher({
    client,
    namespaces,
    clock: cluster.clock,
    random: seededRandom(3),
    pageSize: 2,
    ...options,
  });
  return { cluster, client, watcher, clock: cluster.clock };
}

async function createNamespace(cluster: FakeCluster, name: string): Promise<void> {
  const response = await cluster.transport().request({
    method: 'POST',
    path: '/api/v1/namespaces',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { name } }),
  });
  expect(response.status).toBe(201);
}

const podNamed = (name: string): Pod => ({
  metadata: { name, labels: { app: 'x' } },
  spec: { containers: [{ name: 'base', image: 'i' }], restartPolicy: 'Never' },
});

const truth = (cluster: FakeCluster<VirtualClock>) =>
  cluster
    .pods()
    .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name} ${metadata?.uid} ${metadata?.resourceVersion}`)
    .sort();

describe('a job watcher', () => {
  test('uses one connection for all namespaces', async () => {
    const { cluster, client, watcher, clock } = await start();
    await client.createPod('one', podNamed('a'));
    const collected = collect(watcher);
    cleanups.push(collected.stop);
    await clock.settle();
    await client.createPod('two', podNamed('b'));
    await clock.settle();
    expect(collected.shown.map((line) => line.split(/[@ ]/).slice(0, 2).join(' ').replace(/ \d+$/, ''))).toEqual([
      'init',
      'init-apply a',
      'init-done',
      'apply b',
    ]);
    expect(cluster.openWatches).toBe(1);
  });

  test.each([
    ['pages', ['list'], false],
    ['a stream', ['list', 'watch'], true],
  ] as const)(
    'goes on while one of its namespaces is forbidden, listing by %s, and takes it up when it is allowed',
    async (_, verbs, streamingList) => {
      const { cluster, client, watcher, clock } = await start(['one', 'two'], { streamingList });
      const allowed = verbs.map((verb) => cluster.forbid({ namespace: 'two', verb }));
      const collected = collect(watcher);
      cleanups.push(collected.stop);
      await client.createPod('two', podNamed('b'));
      await clock.advance('3s');
      await client.createPod('one', podNamed('a'));
      await clock.advance('1s');
      expect(collected.events.filter(({ type }) => type === 'apply')).toHaveLength(1);
      expect(watcher.status().synced).toBe(false);
      expect(watcher.status().lastError).toContain('two');
      expect(watcher.statusByNamespace().one?.synced).toBe(true);
      for (const allow of allowed) allow();
      await clock.advance('1m');
      expect(watcher.status().synced).toBe(true);
      expect(collected.events.filter((event) => event.type === 'init-apply').map(({ scope }) => scope)).toEqual([
        'two',
      ]);
    },
  );

  test('watches several namespaces over one connection where it may, and shows nothing of the others', async () => {
    const { cluster, client, watcher, clock } = await start(['one', 'two'], { labelSelector: 'app=x' });
    await client.createPod('one', podNamed('a'));
    await client.createPod('three', podNamed('other'));
    const collected = collect(watcher);
    cleanups.push(collected.stop);
    await clock.advance('1s');
    await client.createPod('two', podNamed('b'));
    await client.createPod('three', podNamed('another'));
    await clock.advance('1s');
    expect(cluster.openWatches).toBe(1);
    expect(collected.shown.map((line) => line.split('@')[0]?.replace(/ \d+$/, ''))).toEqual([
      'init',
      'init-apply a',
      'init-done',
      'apply b',
    ]);
    expect(watcher.statusByNamespace()).toHaveProperty('*');
  });

  test('watches them one by one where the right to all is missing, or is taken away', async () => {
    const { cluster, client, watcher, clock } = await start(['one', 'two'], {
      labelSelector: 'app=x',
      resyncIntervalMs: 0,
    });
    const collected = collect(watcher);
    cleanups.push(collected.stop);
    await clock.advance('1s');
    expect(cluster.openWatches).toBe(1);
    const allow = cluster.forbid({ resource: 'pods', verb: 'watch' });
    cluster.dropWatches();
    await clock.advance('3s');
    allow();
    await client.createPod('two', podNamed('b'));
    await clock.advance('1m');
    expect(cluster.openWatches).toBe(2);
    expect(Object.keys(watcher.statusByNamespace())).toEqual(['one', 'two']);
    expect(collected.shown.some((line) => line.includes('apply b@'))).toBe(true);
  });

  test('a namespace that does not exist is empty', async () => {
    const { watcher, clock } = await start(['one', 'nowhere']);
    const collected = collect(watcher);
    cleanups.push(collected.stop);
    await clock.advance('1s');
    expect(watcher.status().synced).toBe(true);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    'ends up knowing the truth through faults of every kind (seed %i)',
    async (seed) => {
      const { cluster, client, watcher, clock } = await start(seed % 2 === 0 ? undefined : ['one', 'two', 'three'], {
        streamingList: seed % 3 !== 0,
      });
      const random = seededRandom(seed);
      const model = new Model();
      const stop = new AbortController();
      const running = (async () => {
        for await (const event of watcher.watch(stop.signal)) model.take(event);
      })();
      cleanups.push(() => {
        stop.abort();
        return running;
      });
      const pick = <T>(all: readonly T[]): T => all[Math.floor(random.next() * all.length)] as T;
      const faults = [
        () => cluster.dropWatches(),
        () => cluster.dropWatches({ clean: true }),
        () => cluster.compact(),
        () => cluster.restartApiServer(),
        () => cluster.silenceWatches(),
        () => cluster.silenceWatches(false),
        () =>
          cluster.faults.add({
            verb: pick(['list', 'watch']),
            resource: 'pods',
            status: pick([410, 429, 500, 503, 504]),
            times: 2,
          }),
        () => cluster.faults.add({ verb: pick(['list', 'watch']), resource: 'pods', drop: true, times: 2 }),
      ];
      for (let round = 0; round < 60; round += 1) {
        const namespace = pick(['one', 'two', 'three']);
        const name = `p${Math.floor(random.next() * 8)}`;
        const act = random.next();
        if (act < 0.4) await client.createPod(namespace, podNamed(name)).catch(() => {});
        else if (act < 0.6)
          await client.patchPod(namespace, name, { metadata: { labels: { n: String(round) } } }).catch(() => {});
        else if (act < 0.8) await client.deletePod(namespace, name).catch(() => false);
        else pick(faults)();
        await clock.advance(Math.floor(random.next() * 20_000));
      }
      cluster.silenceWatches(false);
      cluster.faults.clear();
      await clock.advance('6m');
      expect(model.state).toEqual(truth(cluster));
    },
  );
});
