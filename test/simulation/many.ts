/** Many simulations in a test. */
import { expect } from 'vitest';
import { type SimulationResult, shrink, simulate } from '../../src/testing/index.js';
import { simulationOf } from './executor.js';

/** How many seeds, and for how long at most: a slow machine does fewer of them, never none. */
export interface Many {
  readonly first: number;
  readonly count: number;
  readonly steps: number;
  readonly hosts: number;
  readonly atLeast: number;
  readonly limitMs: number;
}

/** Runs simulations; the first that breaks a promise fails the test with its story. */
export async function simulateMany({
  first,
  count,
  steps,
  hosts,
  atLeast,
  limitMs,
}: Many): Promise<SimulationResult[]> {
  const results: SimulationResult[] = [];
  const started = performance.now();
  for (let seed = first; seed < first + count; seed += 1) {
    if (results.length >= atLeast && performance.now() - started > limitMs) break;
    const options = simulationOf(seed, steps, hosts);
    const result = await simulate(options);
    results.push(result);
    if (result.faults.length === 0) continue;
    const { faults, story } = await shrink(options, result);
    expect({ seed, hosts, faults, story }).toEqual({ seed, hosts, faults: [], story: [] });
  }
  return results;
}
