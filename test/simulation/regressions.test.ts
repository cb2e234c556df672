/** Seeds that broke a promise once. What each of them found stands beside it, and in the changelog. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type SimulationOptions, simulate } from '../../src/testing/index.js';
import { simulationOf } from './executor.js';

async function brokenPromises(options: SimulationOptions): Promise<string[]> {
  const { faults, story } = await simulate(options);
  return faults.length === 0 ? [] : [...faults, ...story];
}

it.each([
  [2, 500, 1, 'a pod that was to be removed, and could not be read at that moment, stayed for ever'],
  [1_045, 1_500, 1, 'pods kept by a former self were forgotten where they could not be listed at the start'],
  [1_019, 1_500, 1, 'of two pods of a task, the older one was judged at the start before the newer was seen'],
  [10_014, 1_000, 1, 'a create that came after the outcome of its task gave it a second one'],
  [5_114, 1_500, 1, 'a cancelled create whose answer was lost left its pod to run'],
  [5_304, 1_500, 1, 'a task that had done its work was called cancelled, since its pod had been evicted later'],
  [1_002, 3_000, 3, 'a pod that was ended for its limit freed its name before its outcome was told'],
  [1_043, 3_000, 3, 'launches of different names let two executors run one task'],
  [10_472, 100, 1, 'a second pod, made by a create whose answer was lost, ran beside the next launch'],
  [2_029, 3_000, 3, 'a cancel was told by an executor in doubt of its lease'],
  [3_015, 3_000, 3, 'what a lost term had not cleaned up was left behind'],
  [3_182, 3_000, 3, 'a cancelled task did not hold the name of its pod'],
  [3_209, 3_000, 3, 'a cancel judged by a watch that had gone silent'],
  [100_981, 3_000, 3, 'a single pod was claimed from an executor that could still get up'],
  [3_285, 3_000, 3, 'a launch that waited for quota did not notice that its pod had been taken over'],
])('seed %i, %i steps, %i hosts: %s', async (seed, steps, hosts, _found) => {
  expect(await brokenPromises({ ...simulationOf(seed, steps, hosts, 'even') })).toEqual([]);
});

it('seed 1020195, shrunk: a create on its way when the host died made a second pod beside the one of its successor', async () => {
  const operations = [
    { type: 'queue', annotations: { 'testing.podwright.dev/duration': '51s' } },
    { type: 'wait', ms: 100 },
    { type: 'request', verb: 'create', times: 2, fault: { latencyMs: 3_000 } },
    { type: 'pod', pod: 0, what: 'preempt' },
    { type: 'wait', ms: 1_100 },
    { type: 'kill', host: 0, backAfterMs: 0, atWrite: 0 },
    { type: 'wait', ms: 2_000 },
  ];
  expect(await brokenPromises({ ...simulationOf(1_020_195, 500, 1, 'even'), operations })).toEqual([]);
});

/** A history that broke a promise, shrunk: a file of the folder `stories`. */
interface Story {
  readonly seed: number;
  readonly hosts: number;
  /** @default 'varied' */
  readonly mix?: 'troubled' | 'trusting';
  /** What it found. */
  readonly found: string;
  readonly operations: NonNullable<SimulationOptions['operations']>;
}

const folder = new URL('stories/', import.meta.url);
const stories = readdirSync(folder).map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Story);

it.each(stories)('seed $seed, shrunk: $found', async ({ seed, hosts, mix, operations }) => {
  expect(await brokenPromises({ ...simulationOf(seed, 500, hosts, mix ?? 'varied'), operations })).toEqual([]);
});

it('seed 10126, shrunk: a task was revoked whose create had made a pod that ran, while the answer was still to come', async () => {
  const operations = [
    { type: 'freeze', host: 0, ms: 53_000 },
    { type: 'queue', annotations: { 'testing.podwright.dev/duration': '83s' } },
    { type: 'wait', ms: 33_780 },
    { type: 'revoke', task: 0.9 },
  ];
  expect(await brokenPromises({ ...simulationOf(10_126, 100, 1, 'varied'), operations })).toEqual([]);
});

it('seed 40027, shrunk: a cancel that outlived its lease spoke for the task that was handed over anew', async () => {
  const annotations = { 'testing.podwright.dev/duration': '226s', 'testing.podwright.dev/result': 'ImagePullBackOff' };
  const operations = [
    { type: 'queue', annotations },
    { type: 'wait', ms: 39_137 },
    { type: 'freeze', host: 0.4, ms: 45_000 },
    { type: 'cancel', task: 0.6 },
    { type: 'wait', ms: 47_817 },
  ];
  expect(await brokenPromises({ ...simulationOf(40_027, 3_000, 3, 'varied'), operations })).toEqual([]);
});

it('seed 1044067, shrunk: a revoke that was still reading the pod of one launch took it for that of the next', async () => {
  const operations = [
    { type: 'request', verb: 'get', times: 4, fault: { latencyMs: 3_000 } },
    { type: 'queue', annotations: { 'testing.podwright.dev/duration': '95s' } },
    { type: 'wait', ms: 100 },
    { type: 'pod', pod: 0, what: 'oom' },
    { type: 'wait', ms: 100 },
    { type: 'revoke', task: 0 },
  ];
  expect(await brokenPromises({ ...simulationOf(1_044_067, 500, 1, 'varied'), operations })).toEqual([]);
});
