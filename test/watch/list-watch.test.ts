import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { ListWatcher, type ListWatcherOptions } from '../../src/watch/list-watch.js';
import { MemoryResourceVersionStore } from '../../src/watch/resource-version-store.js';
import { collect, pod, ScriptedReader } from './watch-kit.js';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function start(options: Partial<ListWatcherOptions> = {}) {
  const clock = new VirtualClock();
  const client = new ScriptedReader();
  const watcher = new ListWatcher({ client, clock, random: seededRandom(1), ...options });
  const begin = () => {
    const collected = collect(watcher);
    stops.push(collected.stop);
    return collected;
  };
  return { clock, client, watcher, begin };
}

const list = (version: number, items: ReturnType<typeof pod>[], next?: string) => ({
  metadata: { resourceVersion: String(version), ...(next === undefined ? {} : { continue: next }) },
  items,
});
const gone = () => new KubeApiError('GET pods: too old', { status: 410, reason: 'Expired' });

describe('a list watcher', () => {
  test('lists by pages and watches from the version of the list', async () => {
    const { clock, client, watcher, begin } = start({ pageSize: 1, labelSelector: 'a=b', namespace: 'ns' });
    client.onList = ({ continue: token }) =>
      token === undefined ? list(100, [pod('a', 1)], 'next') : list(100, [pod('b', 2)]);
    expect(watcher.status().synced).toBe(false);
    const { shown } = begin();
    await clock.settle();
    client.stream.do(
      { send: { type: 'ADDED', object: pod('c', 101) } },
      { send: { type: 'DELETED', object: pod('a', 102) } },
    );
    await clock.settle();
    expect(shown).toEqual(['init', 'init-apply a@1', 'init-apply b@2', 'init-done 100', 'apply c@101', 'delete a@102']);
    expect(client.lists.map(({ limit, continue: token }) => [limit, token])).toEqual([
      [1, undefined],
      [1, 'next'],
    ]);
    expect(client.stream.options).toMatchObject({
      resourceVersion: '100',
      labelSelector: 'a=b',
      namespace: 'ns',
      allowWatchBookmarks: true,
    });
    expect(client.stream.options.timeoutSeconds).toBeGreaterThanOrEqual(300);
    expect(watcher.status()).toMatchObject({ synced: true, lists: 1 });
  });

  test('resumes at once from the newest version after an end in good order', async () => {
    const { clock, client, begin, watcher } = start();
    begin();
    await clock.settle();
    client.stream.do({ send: { type: 'BOOKMARK', object: { metadata: { resourceVersion: '170' } } } }, { end: true });
    await clock.settle();
    expect(client.streams).toHaveLength(2);
    expect(client.stream.options.resourceVersion).toBe('170');
    expect(client.lists).toHaveLength(1);
    expect(watcher.status().restarts).toEqual({ ended: 1 });
  });

  test('waits and resumes after a connection that broke off', async () => {
    const { clock, client, begin } = start();
    begin();
    await clock.settle();
    client.stream.do(
      { send: { type: 'ADDED', object: pod('c', 101) } },
      { fail: new KubeApiError('reset', { status: 0 }) },
    );
    await clock.settle();
    expect(client.streams).toHaveLength(1);
    await clock.advance('2s');
    expect(client.streams).toHaveLength(2);
    expect(client.stream.options.resourceVersion).toBe('101');
  });

  test.each([
    ['as a rejection', { fail: gone() }],
    ['in the stream', { send: { type: 'ERROR', status: 410, reason: 'Expired', message: 'too old' } as const }],
  ])('lists again at once when its version is too old, told %s', async (_, act) => {
    const { clock, client, begin } = start();
    client.onList = (_options, count) =>
      count === 1 ? list(100, [pod('a', 1), pod('b', 2)]) : list(200, [pod('b', 2)]);
    const { shown } = begin();
    await clock.settle();
    client.stream.do(act);
    await clock.settle();
    expect(shown.slice(4)).toEqual(['init', 'init-apply b@2', 'init-done 200']);
    expect(client.stream.options.resourceVersion).toBe('200');
  });

  test('does not answer a storm of 410 with a storm of lists', async () => {
    const { clock, client, begin } = start({ resyncIntervalMs: 0 });
    client.watchPods = (options = {}) => {
      client.streams.push({ options } as never);
      // biome-ignore lint/correctness/useYield: it fails before the first event
      return (async function* () {
        throw gone();
      })();
    };
    begin();
    await clock.advance('10m');
    expect(client.lists.length).toBeLessThan(40);
    expect(client.lists.length).toBeGreaterThan(10);
  });

  test('begins the list anew when its snapshot is lost between pages', async () => {
    const { clock, client, begin } = start();
    client.onList = ({ continue: token }, count) => {
      if (token !== undefined && count === 2) throw gone();
      return token === undefined ? list(100 + count, [pod('a', 1)], 'x') : list(100 + count, [pod('b', 2)]);
    };
    const { shown } = begin();
    await clock.settle();
    expect(shown).toEqual(['init', 'init-apply a@1', 'init', 'init-apply a@1', 'init-apply b@2', 'init-done 104']);
  });

  test('opens a new connection when a stream that had bookmarks falls silent', async () => {
    const { clock, client, begin, watcher } = start({ resyncIntervalMs: 0 });
    begin();
    await clock.settle();
    client.stream.do({ send: { type: 'BOOKMARK', object: { metadata: { resourceVersion: '150' } } } });
    await clock.advance('149s');
    expect(client.streams).toHaveLength(1);
    await clock.advance('4s');
    expect(client.streams).toHaveLength(2);
    expect(client.stream.options.resourceVersion).toBe('150');
    expect(watcher.status()).toMatchObject({ restarts: { silent: 1 }, lastError: 'nothing has come for 150 s' });
  });

  test('waits until after the agreed end of a stream that has sent no bookmark', async () => {
    const { clock, client, begin } = start({ resyncIntervalMs: 0 });
    begin();
    await clock.settle();
    const seconds = client.stream.options.timeoutSeconds ?? 0;
    await clock.advance(`${seconds + 29}s`);
    expect(client.streams).toHaveLength(1);
    await clock.advance('4s');
    expect(client.streams).toHaveLength(2);
  });

  test('gives up a silent stream whose client heeds no signal', async () => {
    const { clock, client, begin } = start({ resyncIntervalMs: 0 });
    client.watchPods = (options = {}) => {
      client.streams.push({ options } as never);
      return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    };
    begin();
    await clock.advance('12m');
    expect(client.streams.length).toBeGreaterThan(1);
  });

  test('never goes back in time, whatever the server repeats', async () => {
    const { clock, client, begin } = start();
    client.onList = () => list(100, [pod('a', 90)]);
    const { shown } = begin();
    await clock.settle();
    const send = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: ReturnType<typeof pod>) =>
      client.stream.do({ send: { type, object } });
    send('MODIFIED', pod('a', 120));
    send('MODIFIED', pod('a', 120));
    send('MODIFIED', pod('a', 99));
    send('ADDED', pod('old', 95));
    send('DELETED', pod('older', 96));
    send('DELETED', pod('a', 95));
    send('MODIFIED', pod('a', '1000000000000000000000'));
    send('MODIFIED', pod('a', '999999999999999999999'));
    await clock.settle();
    expect(shown.slice(3)).toEqual(['apply a@120', 'apply a@1000000000000000000000']);
  });

  test('reports both where a name has passed to another pod', async () => {
    const { clock, client, begin } = start();
    client.onList = () => list(100, [pod('a', 90)]);
    const { events, shown } = begin();
    await clock.settle();
    client.stream.do({ send: { type: 'ADDED', object: pod('a', 130, 'another') } });
    await clock.settle();
    expect(shown.slice(3)).toEqual(['delete a@130', 'apply a@130']);
    expect(events.slice(3).map((event) => 'pod' in event && event.pod.metadata?.uid)).toEqual(['uid-a', 'another']);
  });

  test('refuses a list that is older than what it has seen', async () => {
    const { clock, client, begin, watcher } = start({ resyncIntervalMs: 0 });
    client.onList = (_options, count) => (count === 2 ? list(90, []) : list(100 * count, [pod('a', 95)]));
    const { shown } = begin();
    await clock.settle();
    client.stream.do({ send: { type: 'ERROR', status: 410, reason: 'Expired', message: '' } });
    await clock.advance('2s');
    expect(shown.slice(3)).toEqual(['init', 'init-apply a@95', 'init-done 300']);
    expect(watcher.status().restarts).toEqual({ gone: 1, stale: 1 });
  });

  test('reports a refusal and goes on trying', async () => {
    const troubles: number[] = [];
    const { clock, client, begin, watcher } = start({ onTrouble: ({ status }) => troubles.push(status) });
    let isForbidden = true;
    client.onList = () => {
      if (isForbidden) throw new KubeApiError('GET pods failed with 403', { status: 403, reason: 'Forbidden' });
      return list(100, []);
    };
    const { shown } = begin();
    await clock.advance('1m');
    expect(troubles.length).toBeGreaterThan(2);
    expect(watcher.status()).toMatchObject({ synced: false, lastError: 'GET pods failed with 403' });
    isForbidden = false;
    await clock.advance('1m');
    expect(shown).toEqual(['init', 'init-done 100']);
  });

  test('finds by a list beside the stream what the stream has lost', async () => {
    const { clock, client, begin } = start({ resyncIntervalMs: 60_000 });
    client.onList = (_options, count) =>
      count === 1 ? list(100, [pod('a', 1), pod('b', 2)]) : list(300, [pod('b', 2), pod('lost', 250), pod('c', 260)]);
    const { shown } = begin();
    await clock.advance('50s');
    await clock.advanceUntil(() => client.lists.length === 2);
    client.stream.do(
      { send: { type: 'MODIFIED', object: pod('c', 301) } },
      { send: { type: 'DELETED', object: pod('b', 302) } },
      { send: { type: 'ADDED', object: pod('new', 303) } },
    );
    await clock.advance('3s');
    expect(shown.slice(4)).toEqual([
      'apply c@301',
      'delete b@302',
      'apply new@303',
      'init',
      'init-apply lost@250',
      'init-apply c@301',
      'init-apply new@303',
      'init-done 300',
    ]);
    expect(client.streams).toHaveLength(1);
  });

  test('replaces news that nobody has taken by later news of the same pod', async () => {
    const { clock, client, watcher } = start({ resyncIntervalMs: 0 });
    const stop = new AbortController();
    const events = watcher.watch(stop.signal)[Symbol.asyncIterator]();
    await events.next();
    await events.next();
    await clock.settle();
    for (let version = 101; version < 5_000; version += 1)
      client.stream.do({ send: { type: 'MODIFIED', object: pod(`p${version % 3}`, version) } });
    await clock.settle();
    expect(watcher.status().queued).toBeLessThanOrEqual(3);
    stop.abort();
    await events.return?.();
  });

  test('saves a version only once its consumer is through with it', async () => {
    const store = new MemoryResourceVersionStore();
    const { clock, client, watcher } = start({ store, storeKey: 'k', resyncIntervalMs: 0 });
    const stop = new AbortController();
    const events = watcher.watch(stop.signal)[Symbol.asyncIterator]();
    await events.next();
    await events.next();
    await clock.settle();
    expect(store.get('k')).toBeUndefined();
    client.stream.do({ send: { type: 'BOOKMARK', object: { metadata: { resourceVersion: '180' } } } });
    await events.next();
    await clock.settle();
    expect(store.get('k')).toBe('100');
    stop.abort();
    await events.return?.();
  });

  test('resumes from the store without a list where it is told to', async () => {
    const store = new MemoryResourceVersionStore();
    store.set('k', '77');
    const { clock, client, begin } = start({ store, storeKey: 'k', resume: true, resyncIntervalMs: 0 });
    begin();
    await clock.settle();
    expect(client.lists).toHaveLength(0);
    expect(client.stream.options.resourceVersion).toBe('77');
  });

  test('makes fewer than two requests a minute when nothing happens', async () => {
    const { clock, client, begin } = start();
    client.watchPods = (options = {}) => {
      client.streams.push({ options } as never);
      return (async function* () {
        const ms = (options.timeoutSeconds ?? 0) * 1_000;
        for (let at = 60_000; at < ms; at += 60_000) {
          await clock.delay(60_000, { signal: options.signal });
          yield { type: 'BOOKMARK' as const, object: { metadata: { resourceVersion: '100' } } };
        }
        await clock.delay(ms % 60_000, { signal: options.signal });
      })();
    };
    begin();
    await clock.advance('2h');
    expect(client.lists.length + client.streams.length).toBeLessThan(60);
  });

  test('ends when its signal aborts, also in the middle of a wait', async () => {
    const { clock, client, begin } = start();
    client.onList = () => {
      throw new KubeApiError('no', { status: 503 });
    };
    const { stop } = begin();
    await clock.settle();
    await stop();
    expect(clock.pending).toBe(0);
  });
});
