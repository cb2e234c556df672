/**
 * `npm run simulate -- [--seed N] [--count N] [--steps N] [--hosts N] [--log] [--whole] [--first]`: runs simulations and tells the story of
 * each that broke a promise, shrunk unless `--whole`; `--first` ends with the first one, untold.
 * Exit code 1 where one did.
 */
import { parseArgs } from 'node:util';
import { shrink, simulate } from '../../src/testing/index.js';
import { simulationOf } from './executor.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    steps: { type: 'string', default: '500' },
    hosts: { type: 'string', default: '1' },
    log: { type: 'boolean', default: false },
    whole: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
  },
});
const [seed, count, steps, hosts] = [values.seed, values.count, values.steps, values.hosts].map(Number) as [
  number,
  number,
  number,
  number,
];
const started = performance.now();
const ends: Record<string, number> = {};
let broken = 0;
let total = 0;
for (let number = seed; number < seed + count; number += 1) {
  const options = simulationOf(number, steps, hosts);
  const result = await simulate(options);
  total += result.steps;
  for (const [kind, tasks] of Object.entries(result.ends)) ends[kind] = (ends[kind] ?? 0) + tasks;
  if (result.faults.length > 0) {
    broken += 1;
    if (values.first) {
      console.log(`seed ${number}: ${result.faults.join('; ')}`);
      break;
    }
    const short = values.whole ? result : await shrink(options, result);
    console.log(
      `seed ${number}: ${result.faults.join('; ')}\n  shrunk: ${short.faults.join('; ')}\n${short.story.join('\n')}`,
    );
  } else if (values.log) console.log(result.story.join('\n'));
}
const seconds = ((performance.now() - started) / 1_000).toFixed(1);
console.log(
  `${count} simulations with ${hosts} hosts, ${total} steps in ${seconds} s; ${broken} broke a promise; tasks by their end:`,
  ends,
);
process.exitCode = broken === 0 ? 0 : 1;
