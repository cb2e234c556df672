/** What the watches of others are known to have done wrong, by the number of the report (Airflow's) where there is one. */
import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';
import { ListWatcher, type ListWatcherOptions } from '../../src/watch/list-watch.js';
import { MemoryResourceVersionStore } from '../../src/watch/resource-version-store.js';
import type { Pod } from '../../src/wire/types.js';
import { collect, Model } from './watch-kit.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const podNamed = (name: string, more: Pod['metadata'] = {}): Pod => ({
  metadata: { name, ...more },
  spec: { containers: [{ name: 'base', image: 'i' }], restartPolicy: 'Never' },
});

async function start() {
  const cluster: FakeCluster<VirtualClock> = await FakeCluster.start({ clock: 'virtual', kubelet: 'none', seed: 1 });
  cleanups.push(() => cluster.stop());
  const transport = cluster.transport();
  const client = new HttpKubeClient({ transport, clock: cluster.clock, random: seededRandom(2) });
  const watch = (options: Partial<ListWatcherOptions> = {}) => {
    const shared = { client, namespace: 'default', clock: cluster.clock, random: seededRandom(3) };
    const watcher = new ListWatcher({ ...shared, ...options });
    const collected = collect(watcher);
    cleanups.push(collected.stop);
    const model = () => {
      const made = new Model();
      for (const event of collected.events) made.take(event);
      return [...made.pods.values()].map(({ metadata }) => metadata?.name).sort();
    };
    return { watcher, collected, model };
  };
  const remove = (name: string) => client.deletePod('default', name, { gracePeriodSeconds: 0 });
  await client.createPod('default', podNamed('known'));
  return { cluster, client, clock: cluster.clock, watch, remove };
}

/** What is told from some moment on, but for bookmarks. */
const toldSince = (shown: readonly string[], from: number) =>
  shown.slice(from).filter((line) => !line.startsWith('bookmark'));

describe('a watch', () => {
  test('36998, 33402: that is alive but silent gives no slot away for ever: what it missed is found within minutes', async () => {
    const { cluster, clock, client, remove, watch } = await start();
    const { model, watcher } = watch();
    await clock.advance('2m');
    cluster.silenceWatches();
    await remove('known');
    await client.createPod('default', podNamed('new'));
    await clock.advance('6m');
    expect(model()).toEqual(['new']);
    expect(watcher.status().restarts.silent).toBeGreaterThan(0);
  });

  test('21087, 12229, 30400, 37369: that is told its version is too old lists once, and goes on from the list', async () => {
    const { cluster, clock, client, watch } = await start();
    const { model, watcher } = watch({ resyncIntervalMs: 0 });
    await clock.advance('1m');
    const { lists } = watcher.status();
    // Compaction while the watch is away.
    cluster.dropWatches();
    for (const name of ['a', 'b']) await client.createPod('default', podNamed(name));
    cluster.compact();
    await clock.advance('10s');
    const from = cluster.requests.length;
    await client.createPod('default', podNamed('c'));
    await clock.advance('10m');
    expect(model()).toEqual(['a', 'b', 'c', 'known']);
    expect(watcher.status()).toMatchObject({ lists: lists + 1, restarts: { gone: 1 } });
    const after = cluster.requests.slice(from).filter(({ verb }) => verb === 'list' || verb === 'watch');
    expect(after.length).toBeLessThan(4);
  });

  test('12644: goes on after ten minutes without a network, and has not knocked more often than twice a minute', async () => {
    const { cluster, clock, client, remove, watch } = await start();
    let tries = 0;
    let isDown = false;
    const [list, open] = [client.listPods.bind(client), client.watchPods.bind(client)];
    const lost = () => {
      tries += 1;
      throw new KubeApiError('connect ETIMEDOUT', { status: 0, reason: 'ConnectionFailed', retryable: true });
    };
    client.listPods = async (options) => (isDown ? lost() : list(options));
    client.watchPods = (options) =>
      isDown ? { [Symbol.asyncIterator]: () => ({ next: async () => lost() }) } : open(options);
    const { model, watcher } = watch();
    await clock.advance('1m');
    isDown = true;
    cluster.dropWatches();
    await clock.advance('10m');
    expect(watcher.status().lastError).toContain('ETIMEDOUT');
    expect(tries).toBeLessThan(35);
    await remove('known');
    await client.createPod('default', podNamed('new'));
    isDown = false;
    await clock.advance('31s');
    expect(model()).toEqual(['new']);
  });

  test('52284: ends at once when it is told to, in the middle of a request and of a wait', async () => {
    const { cluster, clock, client, watch } = await start();
    const open = watch();
    await clock.advance('1s');
    await open.collected.stop();
    cluster.faults.add({ verb: 'list', resource: 'pods', status: 503, reason: 'ServiceUnavailable' });
    const waiting = watch({ streamingList: false });
    await clock.advance('1s');
    await waiting.collected.stop();
    client.watchPods = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
    const hanging = watch({ streamingList: true });
    await clock.advance('1s');
    await hanging.collected.stop();
    expect(cluster.openWatches).toBe(0);
  });

  test('52284, 21087: tells nothing again of pods that nothing happens to, however often it is opened anew', async () => {
    const { cluster, clock, watch } = await start();
    const { collected, watcher } = watch({ resyncIntervalMs: 0 });
    await clock.advance('1m');
    const from = collected.shown.length;
    for (let count = 0; count < 20; count += 1) {
      cluster.dropWatches({ clean: count % 2 === 0 });
      await clock.advance('40s');
    }
    expect(toldSince(collected.shown, from)).toEqual([]);
    expect(Object.values(watcher.status().restarts).reduce((sum, some) => sum + some, 0)).toBeGreaterThanOrEqual(20);
  });

  test('that was down while a pod was deleted tells so when it is back, by the version it had kept', async () => {
    const { clock, client, remove, watch } = await start();
    const store = new MemoryResourceVersionStore();
    const before = watch({ store, resume: true });
    await clock.advance('2m');
    await before.collected.stop();
    await remove('known');
    await client.createPod('default', podNamed('new'));
    const after = watch({ store, resume: true });
    await clock.advance('1s');
    expect(after.collected.shown.map((line) => line.split('@')[0])).toEqual(['delete known', 'apply new']);
  });

  test('that is shown a foreign pod with our label and without annotations goes on, and tells of the others', async () => {
    const { clock, client, watch } = await start();
    const { model, watcher } = watch({ labelSelector: 'ours=yes' });
    await clock.advance('1s');
    await client.createPod('default', podNamed('foreign', { labels: { ours: 'yes' } }));
    await client.createPod('default', podNamed('mine', { labels: { ours: 'yes' }, annotations: { key: 'value' } }));
    await clock.advance('1s');
    expect(model()).toEqual(['foreign', 'mine']);
    expect(watcher.status().restarts).toEqual({});
  });
});
