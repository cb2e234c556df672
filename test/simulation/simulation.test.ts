import { expect, it } from 'vitest';
import { simulate } from '../../src/testing/index.js';
import { simulationOf } from './executor.js';
import { simulateMany } from './many.js';

it('holds the promises under faults drawn from seeds', { timeout: 240_000 }, async () => {
  const short = { first: 10_000, count: 1_000, steps: 100, hosts: 1, atLeast: 60, limitMs: 30_000 };
  const results = await simulateMany(short);
  results.push(
    ...(await simulateMany({ ...short, first: 30_000, count: 30, steps: 1_500, atLeast: 10, limitMs: 10_000 })),
  );
  const kinds = new Set(results.flatMap(({ ends }) => Object.keys(ends)));
  // A simulation that meets no faults proves nothing.
  expect([...kinds]).toEqual(expect.arrayContaining(['success', 'app_exit', 'cancelled', 'oom_killed']));
});

it('is the same for the same seed', async () => {
  expect(await simulate(simulationOf(7, 500, 2))).toEqual(await simulate(simulationOf(7, 500, 2)));
});
