import { expect, it } from 'vitest';
import { type Alarmed, Alarms } from '../../src/core/alarms.js';
import { seededRandom } from '../../src/core/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

interface Item extends Alarmed {
  readonly name: number;
}

const item = (name: number): Item => ({ name, alarmAt: 0, alarmPlace: -1 });

function kit() {
  const clock = new VirtualClock();
  const rung: { name: number; at: number }[] = [];
  const alarms = new Alarms<Item>(clock, ({ name }) => rung.push({ name, at: clock.monotonic() }));
  return { clock, rung, alarms, start: clock.monotonic() };
}

it('rings each at its own time, whatever was set, moved and cancelled in between', async () => {
  const { clock, rung, alarms, start } = kit();
  const random = seededRandom(7);
  const items = Array.from({ length: 300 }, (_, name) => item(name));
  const due = new Map<number, number>();
  for (let step = 0; step < 2_000; step += 1) {
    const one = items[Math.floor(random.next() * items.length)] as Item;
    if (random.next() < 0.3) {
      alarms.cancel(one);
      due.delete(one.name);
    } else {
      const at = start + 1 + Math.floor(random.next() * 10_000);
      alarms.set(one, at);
      due.set(one.name, at);
    }
  }
  await clock.advance(20_000);
  expect(rung.map(({ name, at }) => [name, at]).sort()).toEqual([...due].sort());
  expect(rung.map(({ at }) => at)).toEqual(rung.map(({ at }) => at).sort((a, b) => a - b));
});

it('holds one timer for all, and none once nothing is due', () => {
  const { clock, alarms, start } = kit();
  const items = [3, 1, 2].map(item);
  for (const one of items) alarms.set(one, start + one.name * 1_000);
  expect(clock.nextTimerAt()).toBe(clock.now() + 1_000);
  for (const one of items) alarms.cancel(one);
  expect(clock.nextTimerAt()).toBeUndefined();
});

it('rings once, and again where the ring sets it again', async () => {
  const clock = new VirtualClock();
  const start = clock.monotonic();
  const rung: number[] = [];
  const one = item(1);
  const alarms: Alarms<Item> = new Alarms<Item>(clock, (rings) => {
    rung.push(clock.monotonic() - start);
    if (rung.length < 3) alarms.set(rings, clock.monotonic() + 5);
  });
  alarms.set(one, start + 10);
  await clock.advance(1_000);
  expect(rung).toEqual([10, 15, 20]);
});

it('goes on with the others where one rings badly', async () => {
  const clock = new VirtualClock();
  const start = clock.monotonic();
  const rung: number[] = [];
  const alarms = new Alarms<Item>(clock, ({ name }) => {
    rung.push(name);
    if (name === 1) throw new Error('bad');
  });
  for (const name of [1, 2]) alarms.set(item(name), start + name);
  await clock.advance(10).catch(() => {});
  await clock.advance(10);
  expect(rung).toEqual([1, 2]);
});

it('lets time pass where a ring sets its own deadline into the past', async () => {
  const clock = new VirtualClock();
  let rings = 0;
  const restless = item(1);
  const alarms = new Alarms<Item>(clock, (one) => {
    rings += 1;
    alarms.set(one, clock.monotonic() - 1_000);
  });
  alarms.set(restless, clock.monotonic() + 10);
  await clock.advance(20);
  expect(rings).toBe(11);
});
