/**
 * `npm run mutate -- [--only name,…] [--seeds N] [--jobs N] [--baseline]`: breaks the code that keeps the promises, one place at a time, in a copy,
 * and looks whether the simulation finds out: by seeds (so many as `--seeds` says in each setting), or else by the histories kept in
 * regressions.test.ts. Exit code 1 where it does not. Each mutation names a file, a text in it that must stand there once, what to put
 * instead, and what else is to be taken away (`and`) where a promise is kept in more than one place; that is checked before anything runs. The
 * code as it is must break nothing: `--baseline` runs it first, in the same way.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutated } from './mutated.mjs';
import { mutations } from './mutations.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seeds: { type: 'string', default: '300' },
    jobs: { type: 'string', default: '2' },
    baseline: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('../../', import.meta.url));
const wanted =
  values.only === undefined ? mutations : mutations.filter(({ name }) => values.only.split(',').includes(name));

const SETTINGS = [
  { hosts: 1, steps: 1_000 },
  { hosts: 3, steps: 1_000 },
  { hosts: 1, steps: 500, mix: 'trusting' },
];

function copyWith(mutation) {
  const copy = mkdtempSync(join(tmpdir(), 'podwright-mutant-'));
  for (const part of ['src', 'test', 'schemas', 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  if (mutation !== undefined) for (const [file, text] of mutated(mutation)) writeFileSync(join(copy, file), text);
  return copy;
}

/** Runs seeds until one breaks a promise; resolves with the line that tells which, or `undefined`. */
function simulate(copy, { hosts, steps, mix = 'troubled' }) {
  const args = ['--import', 'tsx', 'test/simulation/main.ts', '--first', '--seed', '1', '--count', values.seeds];
  return new Promise((resolve, reject) => {
    let output = '';
    const child = spawn(process.execPath, [...args, '--hosts', String(hosts), '--steps', String(steps), '--mix', mix], {
      cwd: copy,
    });
    child.stdout.on('data', (piece) => {
      output += piece;
    });
    child.stderr.on('data', (piece) => {
      output += piece;
    });
    child.on('close', (code) => {
      const broken = output.split('\n').find((line) => line.startsWith('seed '));
      if (code === 0 || broken !== undefined) resolve(broken?.slice(0, 160));
      else reject(new Error(`the simulation could not run:\n${output}`));
    });
  });
}

/** Plays the histories that broke a promise once; resolves with whether one does so again. */
function replay(copy) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  return new Promise((resolve) => {
    const args = ['run', 'test/simulation/regressions.test.ts', '--bail', '1'];
    const child = spawn(process.execPath, [vitest, ...args], { cwd: copy, stdio: 'ignore' });
    child.on('close', (code) => resolve(code === 0 ? undefined : 'by a history that broke a promise once'));
  });
}

for (const mutation of mutations) mutated(mutation);

// A simulation that breaks by itself would find everything.
for (const setting of values.baseline ? SETTINGS : []) {
  const copy = copyWith(undefined);
  try {
    const broken = await simulate(copy, setting);
    if (broken !== undefined) throw new Error(`the code as it is breaks a promise: ${broken}`);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

const missed = [];
async function work(queue) {
  for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
    const copy = copyWith(mutation);
    const started = performance.now();
    try {
      let found;
      for (const setting of mutation.in ?? SETTINGS) found ??= await simulate(copy, setting);
      found ??= await replay(copy);
      const seconds = ((performance.now() - started) / 1_000).toFixed(0);
      if (found === undefined) missed.push(mutation.name);
      console.log(
        `${found === undefined ? 'MISSED' : 'found '} ${mutation.name} (${seconds} s)${found === undefined ? '' : `: ${found}`}`,
      );
    } finally {
      rmSync(copy, { recursive: true });
    }
  }
}

const queue = [...wanted];
await Promise.all(Array.from({ length: Number(values.jobs) }, () => work(queue)));
console.log(
  `${wanted.length - missed.length} of ${wanted.length} mutations were found${missed.length > 0 ? `; missed: ${missed.join(', ')}` : ''}`,
);
process.exitCode = missed.length === 0 ? 0 : 1;
