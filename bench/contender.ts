/** One contender of one benchmark, in a process of its own; prints what it has measured as JSON. */
import { createContenders } from './contenders/creates.js';
import { listContenders } from './contenders/list.js';
import type { Contender } from './contenders/raw.js';
import { watchContenders } from './contenders/watch.js';
import type { Job } from './job.js';

const all: Readonly<Record<string, Readonly<Record<string, Contender>>>> = {
  creates: createContenders,
  watch: watchContenders,
  list: listContenders,
};

const job = JSON.parse(process.argv[2] ?? '{}') as Job;
const contender = all[job.bench]?.[job.contender];
if (contender === undefined) throw new Error(`there is no contender ${job.contender} of ${job.bench}`);
process.stdout.write(JSON.stringify(await contender(job)), () => process.exit(0));
