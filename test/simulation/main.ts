/**
 * `npm run simulate -- [--seed N] [--count N] [--steps N] [--hosts N] [--mix M] [--jobs N] [--log] [--whole] [--first]`: runs simulations and tells the story
 * of each that broke a promise, shrunk unless `--whole`; `--first` ends with the first one, untold. Many seeds are run in portions by so
 * many processes as `--jobs` says, and each portion is reported when it is done, so that a run of hours can be ended at any time.
 * Exit code 1 where one broke a promise.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { shrink, simulate } from '../../src/testing/index.js';
import { simulationOf } from './executor.js';

const USAGE = `npm run simulate -- [options]
  --seed N    the first seed (1)          --count N  how many seeds (1)
  --steps N   after how many messages, timers and faults the faults end (500)
  --hosts N   hosts that share the work (1)
  --mix M     what hosts are like: troubled, or trusting, which ask nobody whether a task is still wanted (troubled)
  --jobs N    processes that share the seeds (1)
  --log       tell the story of each run  --whole    do not shrink one that broke a promise
  --first     end with the first that did`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    steps: { type: 'string', default: '500' },
    hosts: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    mix: { type: 'string', default: 'troubled' },
    log: { type: 'boolean', default: false },
    whole: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const [seed, count, steps, hosts, jobs] = [values.seed, values.count, values.steps, values.hosts, values.jobs].map(
  Number,
) as [number, number, number, number, number];

for (const name of ['seed', 'count', 'steps', 'hosts', 'jobs'] as const) {
  if (/^\d+$/.test(values[name])) continue;
  console.error(`--${name} ${values[name]}: must be a whole number\n\n${USAGE}`);
  process.exit(2);
}

const { mix } = values;
if (mix !== 'troubled' && mix !== 'trusting') {
  console.error(`--mix ${mix}: must be troubled or trusting\n\n${USAGE}`);
  process.exit(2);
}

/** Seeds that one process takes at a time. */
const PORTION = 250;

/** What came out of some simulations. */
interface Tally {
  runs: number;
  steps: number;
  broken: number;
  ends: Record<string, number>;
}

function add(to: Tally, { runs, steps: more, broken, ends }: Tally): void {
  to.runs += runs;
  to.steps += more;
  to.broken += broken;
  for (const [kind, tasks] of Object.entries(ends)) to.ends[kind] = (to.ends[kind] ?? 0) + tasks;
}

async function runHere(first: number, last: number): Promise<Tally> {
  const tally: Tally = { runs: 0, steps: 0, broken: 0, ends: {} };
  for (let number = first; number <= last; number += 1) {
    const options = simulationOf(number, steps, hosts, mix as 'troubled' | 'trusting');
    const result = await simulate(options);
    const isBroken = result.faults.length > 0;
    add(tally, { runs: 1, steps: result.steps, broken: isBroken ? 1 : 0, ends: result.ends });
    if (!isBroken) {
      if (values.log) console.log(result.story.join('\n'));
      continue;
    }
    console.log(`seed ${number}: ${result.faults.join('; ')}`);
    if (values.first) break;
    const short = values.whole ? result : await shrink(options, result);
    console.log(`  shrunk: ${short.faults.join('; ')}\n${short.story.join('\n')}`);
  }
  return tally;
}

/** Runs a portion in a process of its own. */
function runApart(first: number, portion: number): Promise<Tally> {
  const passed = [
    '--seed',
    String(first),
    '--count',
    String(portion),
    '--steps',
    values.steps,
    '--hosts',
    values.hosts,
    '--mix',
    values.mix,
  ];
  const flags = (['log', 'whole', 'first'] as const).flatMap((name) => (values[name] ? [`--${name}`] : []));
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [...passed, ...flags]);
    let tally: Tally | undefined;
    child.on('message', (message) => {
      tally = message as Tally;
    });
    child.on('close', (code) => {
      if (tally === undefined) reject(new Error(`the process for the seeds from ${first} ended with ${code}`));
      else resolve(tally);
    });
  });
}

const seconds = () => ((performance.now() - started) / 1_000).toFixed(1);
const started = performance.now();
const total: Tally = { runs: 0, steps: 0, broken: 0, ends: {} };
if (jobs > 1 || count > PORTION) {
  let next = seed;
  const work = async () => {
    while (next < seed + count && !(values.first && total.broken > 0)) {
      const first = next;
      next += PORTION;
      const portion = Math.min(PORTION, seed + count - first);
      add(total, await runApart(first, portion));
      console.log(
        `${seconds()} s: seeds ${first} to ${first + portion - 1} are through, ${total.broken} broke a promise so far`,
      );
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
} else add(total, await runHere(seed, seed + count - 1));

if (process.send === undefined)
  console.log(
    `${total.runs} simulations with ${hosts} hosts, ${total.steps} steps in ${seconds()} s; ${total.broken} broke a promise; tasks by their end:`,
    total.ends,
  );
else process.send(total);
process.exitCode = total.broken === 0 ? 0 : 1;
