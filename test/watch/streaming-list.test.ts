import { afterEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { ListWatcher } from '../../src/watch/list-watch.js';
import type { Pod } from '../../src/wire/types.js';
import { collect, pod, ScriptedReader } from './watch-kit.js';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function start() {
  const clock = new VirtualClock();
  const client = Object.assign(new ScriptedReader(), { canStreamLists: true });
  const watcher = new ListWatcher({ client, clock, random: seededRandom(1), resyncIntervalMs: 0 });
  const collected = collect(watcher);
  stops.push(collected.stop);
  const send = (type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: Pod) =>
    client.stream.do({ send: { type, object } });
  const end = (version: number) =>
    send('BOOKMARK', {
      metadata: { resourceVersion: String(version), annotations: { 'k8s.io/initial-events-end': 'true' } },
    });
  return { clock, client, watcher, collected, send, end };
}

describe('a list by stream', () => {
  test('comes before what follows, in one request', async () => {
    const { clock, client, watcher, collected, send, end } = start();
    await clock.settle();
    send('ADDED', pod('a', 5));
    send('ADDED', pod('b', 3));
    await clock.settle();
    expect(watcher.status().synced).toBe(false);
    end(100);
    send('MODIFIED', pod('a', 101));
    await clock.settle();
    expect(collected.shown).toEqual(['init', 'init-apply a@5', 'init-apply b@3', 'init-done 100', 'apply a@101']);
    expect(client.stream.options).toMatchObject({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' });
    expect(client.stream.options.resourceVersion).toBeUndefined();
    expect(client.lists).toHaveLength(0);
    expect(watcher.status()).toMatchObject({ synced: true, lists: 1, pods: 2 });
  });

  test('begins anew where it breaks off; what follows is resumed from its version', async () => {
    const { clock, client, collected, send, end } = start();
    await clock.settle();
    send('ADDED', pod('a', 5));
    client.stream.do({ fail: new KubeApiError('reset', { status: 0 }) });
    await clock.advance('2s');
    send('ADDED', pod('b', 3));
    end(100);
    client.stream.do({ end: true });
    await clock.settle();
    expect(collected.shown).toEqual(['init', 'init-apply a@5', 'init', 'init-apply b@3', 'init-done 100']);
    expect(client.streams).toHaveLength(3);
    expect(client.stream.options).toMatchObject({ resourceVersion: '100' });
    expect(client.stream.options.sendInitialEvents).toBeUndefined();
  });

  test.each<[string, (kit: ReturnType<typeof start>) => void]>([
    ['refuses it', ({ client }) => client.stream.do({ fail: new KubeApiError('invalid', { status: 422 }) })],
    ['sends a plain bookmark instead', ({ send }) => send('BOOKMARK', { metadata: { resourceVersion: '9' } })],
    ['says nothing for long', () => {}],
  ])('gives way to pages where the server %s', async (_, act) => {
    const kit = start();
    await kit.clock.settle();
    act(kit);
    await kit.clock.advance('40s');
    expect(kit.client.lists).toHaveLength(1);
    expect(kit.collected.shown.slice(-2)).toEqual(['init', 'init-done 100']);
    expect(kit.client.stream.options).toMatchObject({ resourceVersion: '100' });
  });
});
