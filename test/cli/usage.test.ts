import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandFailure, reportFailure } from '../../src/cli/failure.js';
import type { CliIo } from '../../src/cli/io.js';
import { main } from '../../src/cli/program.js';
import { ConfigError, KubeApiError, TimeoutError } from '../../src/errors.js';
import { keyOf, runStart, tryRecords, verdictOf } from '../report/records.js';

class Capture implements CliIo {
  stdout = '';
  stderr = '';
  color: boolean | undefined;
  readonly isErrTty = false;
  readonly columns = 80;
  out(text: string) {
    this.stdout += text;
  }
  err(text: string) {
    this.stderr += text;
  }
  style(_stream: 'out' | 'err', _style: string, text: string) {
    return text;
  }
}

async function run(...args: string[]) {
  const io = new Capture();
  const code = await main(args, io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

let folder: string;
let recordFile: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-cli-'));
  recordFile = join(folder, 'run.jsonl');
  const records = [
    runStart('nightly', 2),
    ...tryRecords(keyOf('load'), [0, 1, 2, 3], verdictOf('exit code 3')),
    ...tryRecords(keyOf('load', 2), [3, 4, 5, 6]),
  ];
  writeFileSync(recordFile, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('usage', () => {
  it('prints the help on standard output and ends with 0', async () => {
    const { code, stdout, stderr } = await run('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Exit codes');
  });

  it('suggests the nearest command, and ends with 2', async () => {
    const { code, stdout, stderr } = await run('reprt');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Did you mean report?');
  });

  it.each([
    [['cluster', '--port', '70000']],
    [['cluster', '--kubelet', 'real']],
    [['demo', '--seed', 'x']],
    [['report']],
    [['report', '--nonsense', 'x']],
    [[]],
  ])('ends with 2 for %j', async (args) => {
    expect((await run(...args)).code).toBe(2);
  });
});

describe('failures', () => {
  const report = (error: unknown, isDebug = false) => {
    const io = new Capture();
    const code = reportFailure(error, io, isDebug);
    return { code, stderr: io.stderr };
  };

  it.each([
    [3, new ConfigError([{ field: 'parallelism', rule: 'must be a number' }])],
    [4, new KubeApiError('connection refused', { status: 0 })],
    [1, new KubeApiError('pods is forbidden', { status: 403 })],
    [1, new TimeoutError('too late')],
    [1, new Error('anything')],
    [1, 'a string'],
    [130, new CommandFailure('Interrupted', 130)],
    [0, new CommanderError(0, 'commander.help', 'help')],
    [2, new CommanderError(1, 'commander.unknownOption', 'unknown')],
  ])('ends with %i for %s', (code, error) => {
    expect(report(error).code).toBe(code);
  });

  it('prints message, hint and the page of the code, and a stack only when asked', () => {
    const error = new ConfigError([{ field: 'a', rule: 'must be b' }], { hint: 'Write b.' });
    expect(report(error).stderr).toMatch(
      /^error: Invalid configuration: a must be b\nhint: Write b\.\nERR_PODWRIGHT_CONFIG: .*errors\.md#err_podwright_config\n$/,
    );
    expect(report(error, true).stderr).toContain('    at ');
  });
});

describe('podwright report', () => {
  it('prints a table and the failures', async () => {
    const { code, stdout, stderr } = await run('report', recordFile);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('2 tries in 6 ms, 1 succeeded, 1 failed');
    expect(stdout).toContain('load, try 1: app_exit');
  });

  it('writes the timeline, also into a folder that does not exist yet', async () => {
    const html = join(folder, 'a', 'b', 'timeline.html');
    const { code, stdout } = await run('report', recordFile, '--html', html);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(readFileSync(html, 'utf8')).toContain('<title>nightly</title>');
  });

  it('gives one JSON object per try', async () => {
    const { stdout } = await run('report', recordFile, '--json');
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).state),
    ).toEqual(['failed', 'success']);
  });

  it('ends with 3 where the file is missing or holds no run', async () => {
    expect((await run('report', join(folder, 'none'))).code).toBe(3);
    const empty = join(folder, 'empty');
    writeFileSync(empty, 'hello\n');
    expect(await run('report', empty)).toMatchObject({ code: 3, stdout: '' });
  });
});

describe('wrong configuration', () => {
  it('is told one problem a line, each with its place', async () => {
    const file = join(folder, 'airflow.cfg');
    writeFileSync(file, '[kubernetes_executor]\nnamspace = a\nmulti_namespace_mode = maybe\n');
    const { code, stderr } = await run('config', 'import', file);
    expect(code).toBe(3);
    expect(stderr.split('\n').slice(0, 3)).toEqual([
      'error: Invalid configuration: 2 problems',
      expect.stringMatching(/^ {2}\[kubernetes_executor\] namspace .*airflow\.cfg:2/),
      expect.stringMatching(/^ {2}\[kubernetes_executor\] multi_namespace_mode .*airflow\.cfg:3/),
    ]);
  });

  it('is checked in a file that stands alone, whatever its kind', async () => {
    const [cfg, yaml] = [join(folder, 'good.cfg'), join(folder, 'good.yaml')];
    writeFileSync(cfg, '[core]\nparallelism = 7\n');
    writeFileSync(yaml, 'parallelism: 8\n');
    expect(await run('config', 'check', cfg)).toMatchObject({ code: 0 });
    expect((await run('config', 'show', cfg)).stdout).toContain('parallelism: 7');
    expect((await run('config', 'show', yaml)).stdout).toContain('parallelism: 8');
  });
});
