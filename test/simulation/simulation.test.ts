import { expect, it } from 'vitest';
import { simulate } from './world.js';

const SEEDS = Array.from({ length: 60 }, (_, index) => 10_000 + index);

it('holds the promises under faults drawn from seeds', { timeout: 120_000 }, async () => {
  const kinds = new Set<string>();
  for (const seed of SEEDS) {
    const { faults, log, ends } = await simulate(seed, 60);
    if (faults.length > 0) expect({ seed, faults, log }).toEqual({ seed, faults: [], log: [] });
    for (const kind of Object.keys(ends)) kinds.add(kind);
  }
  // A simulation that meets no faults proves nothing.
  expect([...kinds]).toEqual(expect.arrayContaining(['success', 'app_exit', 'cancelled', 'oom_killed', 'node_lost']));
});

it('is the same for the same seed', async () => {
  expect(await simulate(7, 40)).toEqual(await simulate(7, 40));
});
