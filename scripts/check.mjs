// `npm run check`: everything besides the tests that must hold. Prints each step with its time; shows a step's output only when it fails.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// Both package checks read one tarball, packed from the build above; left to themselves each would build again.
const packed = mkdtempSync(join(tmpdir(), 'podwright-check-'));
const TARBALL = Symbol('the packed tarball');

const steps = [
  ['format and lint', ['biome', 'check', '--error-on-warnings', '.']],
  ['types', ['tsc', '-p', '.']],
  ['imports point one way', ['node', 'scripts/check-imports.mjs']],
  ['unused code', ['knip', '--no-progress']],
  ['errors and verdicts documented', ['node', 'scripts/check-error-docs.mjs']],
  ['API docs complete', ['typedoc', '--emit', 'none']],
  ['build', ['npm', 'run', 'build', '--silent']],
  ['package', ['npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', packed]],
  ['package shape (publint)', ['publint', TARBALL, '--strict']],
  ['types of the package (attw)', ['attw', TARBALL, '--profile', 'node16', '--no-definitely-typed', '--no-emoji']],
];

/** Runs one step with the package's own binaries in front; resolves with its exit code, output and time. */
function run([command, ...args]) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, PATH: `${root}node_modules/.bin:${process.env.PATH}`, NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    const done = (code, extra = '') =>
      resolve({
        code,
        output: Buffer.concat(chunks).toString() + extra,
        seconds: (performance.now() - started) / 1000,
      });
    child.on('error', (error) => done(127, `${error.message}\n`));
    child.on('close', (code) => done(code ?? 1));
  });
}

const only = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const withTarball = (argument) =>
  argument === TARBALL
    ? join(packed, readdirSync(packed).find((name) => name.endsWith('.tgz')) ?? 'missing.tgz')
    : argument;

const totals = { passed: 0, failed: 0 };
for (const [name, command] of steps) {
  if (only.length > 0 && !only.some((word) => name.includes(word))) continue;
  const { code, output, seconds } = await run(command.map(withTarball));
  totals[code === 0 ? 'passed' : 'failed'] += 1;
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
  if (code !== 0) console.log(output.trimEnd().replace(/^/gm, '       '));
}
rmSync(packed, { recursive: true, force: true });
console.log(`check: ${totals.passed} passed, ${totals.failed} failed`);
if (process.env.PODWRIGHT_CHECK_TOTALS) writeFileSync(process.env.PODWRIGHT_CHECK_TOTALS, JSON.stringify(totals));
process.exitCode = totals.failed === 0 ? 0 : 1;
