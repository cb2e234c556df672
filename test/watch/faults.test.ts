/** Rows 25 to 32 of the table of faults, those that concern watches, connections and logs; each by its number. */
import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import type { RequestCredentials } from '../../src/kube/api-caller.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { followLog } from '../../src/kube/log-follower.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';
import { ListWatcher, type ListWatcherOptions } from '../../src/watch/list-watch.js';
import type { Pod } from '../../src/wire/types.js';
import { collect, Model } from './watch-kit.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const podNamed = (name: string): Pod => ({
  metadata: { name },
  spec: { containers: [{ name: 'base', image: 'i' }], restartPolicy: 'Never' },
});

/** A cluster with a watch and a consumer that believes what it is told. */
async function start(options: Partial<ListWatcherOptions> = {}) {
  const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none', seed: 1 });
  cleanups.push(() => cluster.stop());
  const client = new HttpKubeClient({ transport: cluster.transport(), clock: cluster.clock, random: seededRandom(2) });
  const random = seededRandom(3);
  const watcher = new ListWatcher({
    client,
    namespace: 'default',
    clock: cluster.clock,
    random,
    resyncIntervalMs: 0,
    ...options,
  });
  const collected = collect(watcher);
  cleanups.push(collected.stop);
  await client.createPod('default', podNamed('before'));
  await cluster.clock.advance('1s');
  const model = () => {
    const made = new Model();
    for (const event of collected.events) made.take(event);
    return made.state;
  };
  return { cluster, client, clock: cluster.clock, watcher, collected, model };
}

/** Follows the log of pod `a` to its end. */
async function linesOfA(cluster: FakeCluster<VirtualClock>, client: HttpKubeClient): Promise<string[]> {
  const lines: string[] = [];
  let isOver = false;
  const reading = (async () => {
    const options = { namespace: 'default', pod: 'a', clock: cluster.clock, random: seededRandom(1) };
    for await (const { text } of followLog(client, options)) lines.push(text);
    isOver = true;
  })();
  await cluster.clock.advanceUntil(() => isOver);
  await reading;
  return lines;
}

const truth = (cluster: FakeCluster<VirtualClock>) =>
  cluster
    .pods()
    .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name} ${metadata?.uid} ${metadata?.resourceVersion}`)
    .sort();

/** Requests for pods by verb since some moment. */
const requestsOf = (cluster: FakeCluster<VirtualClock>, from: number) =>
  cluster.requests
    .slice(from)
    .filter(({ resource, verb }) => resource === 'pods' && (verb === 'list' || verb === 'watch'));

describe.each([true, false])('faults of a watch, listing by stream: %s', (streamingList) => {
  test.each<[string, (cluster: FakeCluster<VirtualClock>) => void, string, string]>([
    ['25: a clean close is resumed', (cluster) => cluster.dropWatches({ clean: true }), '5s', 'ended'],
    ['25: a reset is resumed', (cluster) => cluster.dropWatches(), '5s', 'error'],
    ['28: a server that rotates is resumed from', (cluster) => cluster.restartApiServer(), '5s', 'error'],
    ['25: silence is noticed', (cluster) => cluster.silenceWatches(), '12m', 'silent'],
  ])('%s, and nothing is lost', async (_, fault, patience, reason) => {
    // What a silent connection has swallowed only a list can find.
    const resyncIntervalMs = reason === 'silent' ? 300_000 : 0;
    const { cluster, client, clock, watcher, collected, model } = await start({ streamingList, resyncIntervalMs });
    await clock.advance('2m');
    const from = cluster.requests.length;
    fault(cluster);
    await client.createPod('default', podNamed('while'));
    await client.deletePod('default', 'before', { gracePeriodSeconds: 0 });
    await clock.advance(patience);
    expect(model()).toEqual(truth(cluster));
    expect(Object.keys(watcher.status().restarts)).toContain(reason);
    expect(requestsOf(cluster, from).length).toBeLessThanOrEqual(reason === 'silent' ? 12 : 6);
    expect(collected.shown.filter((line) => line.startsWith('apply while'))).toHaveLength(reason === 'silent' ? 0 : 1);
  });

  test('25: a storm of 410 is no storm of requests', async () => {
    const { cluster, clock, client, model } = await start({ streamingList });
    const from = cluster.requests.length;
    const end = cluster.faults.add({ verb: 'watch', resource: 'pods', status: 410, reason: 'Expired' });
    cluster.dropWatches();
    await clock.advance('10m');
    expect(requestsOf(cluster, from).length).toBeLessThan(80);
    end();
    await client.createPod('default', podNamed('after'));
    await clock.advance('1m');
    expect(model()).toEqual(truth(cluster));
  });

  test('26: a pod that lived and died between two connections does not run for ever', async () => {
    const { cluster, client, clock, model } = await start({ streamingList });
    cluster.dropWatches();
    await client.createPod('default', podNamed('short'));
    await client.deletePod('default', 'short', { gracePeriodSeconds: 0 });
    cluster.compact();
    await clock.advance('10s');
    expect(model()).toEqual(truth(cluster));
  });

  test('27: a list from before newer events takes nothing back', async () => {
    const resyncIntervalMs = 60_000;
    const { cluster, client, clock, model, watcher } = await start({ streamingList, resyncIntervalMs });
    const fresh = client.listPods.bind(client);
    const stale = await fresh({ namespace: 'default' });
    client.listPods = async () => stale;
    await client.createPod('default', podNamed('while'));
    await client.deletePod('default', 'before', { gracePeriodSeconds: 0 });
    await clock.advance('1s');
    await clock.advance('3m');
    expect(watcher.status().lastError).toMatch(/older than what the stream has told/);
    expect(model()).toEqual(truth(cluster));
    // Nor does it where the stream is lost, and a list all there is to know.
    cluster.dropWatches();
    cluster.compact();
    await clock.advance('5s');
    expect(model()).toEqual(truth(cluster));
    client.listPods = fresh;
    await client.createPod('default', podNamed('after'));
    await clock.advance('2m');
    expect(model()).toEqual(truth(cluster));
  });

  test('29: 429, 500 and 503 are waited for as told, and resumed from', async () => {
    const { cluster, client, clock, model, watcher } = await start({ streamingList });
    const from = cluster.requests.length;
    cluster.faults.add({ verb: 'watch', resource: 'pods', status: 429, retryAfter: 20, times: 1 });
    cluster.dropWatches();
    await client.createPod('default', podNamed('while'));
    await clock.advance('19s');
    expect(requestsOf(cluster, from).filter(({ verb }) => verb === 'watch')).toHaveLength(1);
    await clock.advance('15s');
    expect(model()).toEqual(truth(cluster));
    for (const status of [500, 503]) {
      cluster.faults.add({ verb: 'watch', resource: 'pods', status, message: 'etcdserver: leader changed', times: 2 });
      cluster.dropWatches();
      await client.createPod('default', podNamed(`at-${status}`));
      await clock.advance('3m');
      expect(model()).toEqual(truth(cluster));
    }
    expect(watcher.status().lists).toBe(1);
  });
});

test('30: a token that was rotated is read again, and the call repeated', async () => {
  const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none', token: 'one' });
  cleanups.push(() => cluster.stop());
  let token = 'one';
  let known = token;
  const credentials: RequestCredentials = {
    headers: async () => ({ authorization: `Bearer ${known}` }),
    invalidate: () => {
      known = token;
    },
  };
  // The cluster's own transport brings its first token along; ours takes its place.
  const transport = cluster.transport();
  const client = new HttpKubeClient({ transport, credentials, clock: cluster.clock });
  await client.createPod('default', podNamed('a'));
  token = 'two';
  cluster.rotateToken(token);
  expect((await client.readPod('default', 'a'))?.metadata?.name).toBe('a');
  expect(known).toBe('two');
});

describe('faults of logs', () => {
  test.each([400, 502])('31: a kubelet that is not ready and answers %i is asked again', async (status) => {
    const cluster = await FakeCluster.start({ clock: 'virtual', seed: 1 });
    cleanups.push(() => cluster.stop());
    const client = cluster.kubeClient();
    cluster.faults.add({ resource: 'pods/log', status, times: 3 });
    await client.createPod('default', podNamed('a'));
    await linesOfA(cluster, client);
    expect(cluster.requests.filter(({ resource }) => resource === 'pods/log').length).toBeGreaterThan(3);
  });

  test('32: a stream that ends early, in good order or not, is taken up with neither gap nor repeat', async () => {
    const cluster = await FakeCluster.start({ clock: 'virtual', seed: 1 });
    cleanups.push(() => cluster.stop());
    const client = cluster.kubeClient();
    const wanted = Array.from({ length: 12 }, (_, index) => `line ${index % 3}`);
    const script = { 'testing.podwright.dev/log': wanted.join('\n'), 'testing.podwright.dev/duration': '30s' };
    await client.createPod('default', { ...podNamed('a'), metadata: { name: 'a', annotations: script } });
    const readLog = client.readLog.bind(client);
    let requests = 0;
    client.readLog = async function* (...args) {
      requests += 1;
      let left = requests * 97;
      for await (const bytes of readLog(...args)) {
        yield bytes.subarray(0, left);
        left -= bytes.length;
        if (left > 0) continue;
        if (requests % 2 === 1) return;
        throw new KubeApiError('reset', { status: 0, retryable: true });
      }
    };
    const lines = await linesOfA(cluster, client);
    expect(requests).toBeGreaterThan(2);
    expect(lines).toEqual(wanted);
  });
});
