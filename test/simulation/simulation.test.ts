import { expect, it } from 'vitest';
import { type SimulationResult, shrink, simulate } from '../../src/testing/index.js';
import { simulationOf } from './executor.js';

/** Runs simulations until the time is up, at least one of them; the first that breaks a promise fails the test with its story. */
async function simulateMany(first: number, count: number, steps: number, hosts: number): Promise<SimulationResult[]> {
  const results: SimulationResult[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const options = simulationOf(seed, steps, hosts);
    const result = await simulate(options);
    results.push(result);
    if (result.faults.length === 0) continue;
    const { faults, story } = await shrink(options, result);
    expect({ seed, hosts, faults, story }).toEqual({ seed, hosts, faults: [], story: [] });
  }
  return results;
}

it('holds the promises under faults drawn from seeds', { timeout: 240_000 }, async () => {
  const results = await simulateMany(10_000, 40, 1_000, 1);
  const kinds = new Set(results.flatMap(({ ends }) => Object.keys(ends)));
  // A simulation that meets no faults proves nothing.
  expect([...kinds]).toEqual(expect.arrayContaining(['success', 'app_exit', 'cancelled', 'oom_killed']));
});

it('holds them with several hosts', { timeout: 240_000 }, async () => {
  await simulateMany(20_000, 30, 2_000, 3);
});

it('is the same for the same seed', async () => {
  expect(await simulate(simulationOf(7, 500, 2))).toEqual(await simulate(simulationOf(7, 500, 2)));
});
