/** `npm run simulate -- --seed N --count N --steps N`: runs simulations and tells of each that broke a promise. Exit code 1 where one did. */
import { parseArgs } from 'node:util';
import { simulate } from './world.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    steps: { type: 'string', default: '100' },
    log: { type: 'boolean', default: false },
  },
});
const [seed, count, steps] = [Number(values.seed), Number(values.count), Number(values.steps)];
const started = performance.now();
const ends: Record<string, number> = {};
let broken = 0;
for (let number = seed; number < seed + count; number += 1) {
  const result = await simulate(number, steps);
  for (const [kind, tasks] of Object.entries(result.ends)) ends[kind] = (ends[kind] ?? 0) + tasks;
  if (result.faults.length > 0) broken += 1;
  for (const fault of result.faults) console.log(`seed ${number}: ${fault}`);
  if (values.log) console.log(result.log.join('\n'));
}
const seconds = ((performance.now() - started) / 1_000).toFixed(1);
console.log(
  `${count} simulations of ${steps} steps in ${seconds} s, ${broken} broke a promise; tasks by their end:`,
  ends,
);
process.exitCode = broken === 0 ? 0 : 1;
