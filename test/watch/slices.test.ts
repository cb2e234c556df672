import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { ListWatcher } from '../../src/watch/list-watch.js';
import { Slices } from '../../src/watch/slices.js';
import { pod, ScriptedReader } from './watch-kit.js';

describe('slices of long work', () => {
  test('are over after ten milliseconds without a turn of the event loop, and not before', async () => {
    let now = 0;
    const slices = new Slices({ monotonic: () => now });
    expect(slices.isOver).toBe(false);
    now = 9;
    expect(slices.isOver).toBe(false);
    now = 10;
    expect(slices.isOver).toBe(true);
    await slices.turn();
    expect(slices.isOver).toBe(false);
    now = 1_000;
    await new Promise((resolve) => setImmediate(resolve));
    expect(slices.isOver).toBe(false);
  });

  test('let others have their turn while a slow consumer goes through a long list', async () => {
    const client = new ScriptedReader();
    const items = Array.from({ length: 300 }, (_, index) => pod(`p${index}`, index + 1));
    client.onList = () => ({ metadata: { resourceVersion: '1000' }, items });
    // Each look at the clock makes a millisecond of work.
    let now = 0;
    const clock = { ...systemClock, monotonic: () => (now += 1) };
    const watcher = new ListWatcher({ client, clock, resyncIntervalMs: 0 });
    const stop = new AbortController();
    let turns = 0;
    let isListed = false;
    const count = () => {
      turns += 1;
      if (!isListed) setImmediate(count);
    };
    for await (const event of watcher.watch(stop.signal)) {
      if (event.type === 'init') setImmediate(count);
      if (event.type !== 'init-done') continue;
      isListed = true;
      stop.abort();
    }
    expect(turns).toBeGreaterThan(20);
  });
});
