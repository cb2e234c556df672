/** The packed tarball, installed into a folder of its own, as a user gets it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const packageJson = (await import('../../package.json', { with: { type: 'json' } })).default;

/** Importing takes a fraction of this on an idle machine; the limit is the promise made to users. */
const IMPORT_LIMIT_MS = 200;

let home: string;
let installed: string;

function node(args: readonly string[], cwd = home): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 60_000 });
  return { code: status, stdout, stderr };
}

function write(name: string, text: string): string {
  const file = join(home, name);
  writeFileSync(file, text);
  return file;
}

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'podwright-package-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', home], { cwd: root, stdio: 'pipe' });
  const tarball = readdirSync(home).find((name) => name.endsWith('.tgz')) as string;
  installed = join(home, 'node_modules', 'podwright');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(home, tarball), '--strip-components=1', '-C', installed]);
  // Installing the dependencies anew would need a registry; they are the ones of this checkout.
  const dependencies = [
    ...Object.keys(packageJson.dependencies),
    ...Object.keys(packageJson.peerDependencies),
    'argparse',
    '@types/node',
    'undici-types',
  ];
  for (const name of dependencies.filter((name) => existsSync(join(root, 'node_modules', name)))) {
    mkdirSync(join(home, 'node_modules', name, '..'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(home, 'node_modules', name));
  }
  write('package.json', '{"name":"a-user","private":true,"type":"module"}');
}, 180_000);

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the packed tarball', () => {
  it('holds what it promises and nothing of the sources', () => {
    const files = readdirSync(installed);
    for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json', 'dist', 'docs', 'examples'])
      expect(files).toContain(name);
    for (const name of ['src', 'test', 'scripts', 'bench', '.ci']) expect(files).not.toContain(name);
    // The demo's data stays where it was made.
    const data = join(installed, 'examples', 'data');
    expect(existsSync(data) ? readdirSync(data).filter((name) => name.endsWith('.txt')) : []).toEqual([]);
  });

  it.each(['podwright', 'podwright/testing', 'podwright/opentelemetry', 'podwright/prometheus'])(
    'gives %s to import and to require the same names',
    (entry) => {
      const names = 'const names = Object.keys(m).sort(); console.log(JSON.stringify(names));';
      const imported = node(['--input-type=module', '-e', `import * as m from '${entry}'; ${names}`]);
      const required = node(['--input-type=commonjs', '-e', `const m = require('${entry}'); ${names}`]);
      expect(imported.stderr).toBe('');
      expect(required.stderr).toBe('');
      expect(JSON.parse(imported.stdout).length).toBeGreaterThan(0);
      expect(JSON.parse(required.stdout)).toEqual(JSON.parse(imported.stdout));
    },
  );

  it('knows its errors across both copies', () => {
    const { stdout, stderr } = node([
      '--input-type=module',
      '-e',
      `import { createRequire } from 'node:module';
       import { ConfigError, LocalExecutor, PodwrightError } from 'podwright';
       const { LocalExecutor: Other } = createRequire(import.meta.url)('podwright');
       try { new Other({ parallelism: -1 }); } catch (error) {
         console.log(LocalExecutor !== Other, error instanceof ConfigError, error instanceof PodwrightError, error.code);
       }`,
    ]);
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe('true true true ERR_PODWRIGHT_CONFIG');
  });

  it.each([
    ['ES modules', 'nodenext', 'consumer.mts'],
    ['CommonJS', 'nodenext', 'consumer.cts'],
    ['a bundler', 'esnext', 'consumer.ts'],
  ])('has types that resolve from %s', (_what, module, file) => {
    write(
      file,
      `import { LocalExecutor, type Outcome, type Verdict } from 'podwright';
import { FakeCluster } from 'podwright/testing';
const executor = new LocalExecutor({ parallelism: 1 });
const run = executor.queueTask({ key: { dagId: 'd', taskId: 't', runId: 'r' }, command: ['node'] });
export const verdict = (outcome: Outcome): Verdict | undefined => (outcome.state === 'failed' ? outcome.verdict : undefined);
export const outcome: Promise<Outcome> = run.outcome;
export const cluster: Promise<FakeCluster> = FakeCluster.start();
// @ts-expect-error a parallelism is a number
new LocalExecutor({ parallelism: 'four' });
`,
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const resolution = module === 'esnext' ? 'bundler' : module;
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--target',
      'es2023',
      '--lib',
      'es2023,esnext.disposable',
    ];
    const { code, stdout } = node([
      tsc,
      ...options,
      '--module',
      module,
      '--moduleResolution',
      resolution,
      '--types',
      'node',
      file,
    ]);
    expect(stdout).toBe('');
    expect(code).toBe(0);
  });
});

describe('importing the main entry', () => {
  // CPU time, and not the clock on the wall, which shows what else the machine does.
  it(`takes less than ${IMPORT_LIMIT_MS} ms of CPU in the median of nine processes`, () => {
    const file = write(
      'measure.mjs',
      `const before = process.cpuUsage(); await import('podwright');
      const { user, system } = process.cpuUsage(before); console.log((user + system) / 1000);`,
    );
    node([file]);
    const times = Array.from({ length: 9 }, () => Number(node([file]).stdout)).sort((a, b) => a - b);
    expect(times[4]).toBeGreaterThan(0);
    expect(times[4]).toBeLessThan(IMPORT_LIMIT_MS);
  });

  it('loads no module of @kubernetes/client-node, neither imported nor required', () => {
    // A resolve hook sees every module that is asked for, whoever asks, and however.
    write(
      'hooks.mjs',
      `import { appendFileSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  const result = await next(specifier, context);
  appendFileSync(process.env.SEEN, result.url + '\\n');
  return result;
}`,
    );
    write('register.mjs', `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`);
    const seen = join(home, 'seen.txt');
    const script = write('import.mjs', `await import('podwright');`);
    execFileSync(process.execPath, ['--import', './register.mjs', script], {
      cwd: home,
      env: { ...process.env, SEEN: seen },
    });
    const urls = execFileSync('cat', [seen], { encoding: 'utf8' });
    expect(urls).toContain('podwright/dist/index.js');
    expect(urls).not.toContain('client-node');

    const required = node([
      '--input-type=commonjs',
      '-e',
      `require('podwright'); console.log(Object.keys(require.cache).join('\\n'));`,
    ]);
    expect(required.stdout).toContain(join('dist', 'index.cjs'));
    expect(required.stdout).not.toContain('client-node');
  });
});

describe('the command in the package', () => {
  const cli = (...args: string[]) => node([join(installed, packageJson.bin.podwright), ...args]);

  it('tells its version and its help', () => {
    expect(cli('--version')).toMatchObject({ code: 0, stdout: `${packageJson.version}\n` });
    const help = cli('--help');
    expect(help.code).toBe(0);
    for (const word of ['demo', 'report', 'cluster', 'Exit codes']) expect(help.stdout).toContain(word);
  });

  it('is executable as a program', () => {
    const first = execFileSync('head', ['-n', '1', join(installed, packageJson.bin.podwright)], { encoding: 'utf8' });
    expect(first).toBe('#!/usr/bin/env node\n');
  });

  it('runs the demo', { timeout: 120_000 }, () => {
    const out = join(home, 'demo-out');
    const { code, stdout, stderr } = cli('demo', '--out', out);
    expect(stderr).not.toContain('error');
    expect(stdout).toContain('right: ');
    expect(code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['run.jsonl', 'timeline.html']);
  });
});
