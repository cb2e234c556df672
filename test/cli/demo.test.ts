import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRunRecords } from '../../src/report/index.js';
import { buildRunModel } from '../../src/report/run-model.js';
import { runCli, startCli } from './run-cli.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-cli-demo-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isProcess = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const modelIn = (file: string) => buildRunModel(parseRunRecords(readFileSync(file, 'utf8')).records);

describe('podwright demo', { timeout: 90_000 }, () => {
  it('counts right, with two failures explained, a table and a timeline', async () => {
    const out = join(folder, 'out');
    const { code, stdout, stderr } = await runCli(['demo', '--out', out, '--data', join(folder, 'data')]);
    expect(stderr).toMatch(/✓ merge succeeded/);
    expect(stdout).toMatch(/right: 12\.\d MB.*, and no try ran twice/);
    expect(code).toBe(0);
    expect(stdout).toContain('count[5], try 1: app_exit');
    expect(stdout).toContain('count[10], try 1: oom_killed');
    expect(stdout).not.toContain('\u001b');
    expect(readFileSync(join(out, 'timeline.html'), 'utf8')).toContain('oom_killed');

    const { tries } = modelIn(join(out, 'run.jsonl'));
    expect(tries).toHaveLength(27);
    expect(
      tries
        .filter((one) => one.state === 'failed')
        .map((one) => one.verdict?.kind)
        .sort(),
    ).toEqual(['app_exit', 'oom_killed']);
    expect(tries.filter((one) => one.executor === 'KubernetesExecutor')).toHaveLength(18);
    expect(tries.filter((one) => one.executor === 'LocalExecutor')).toHaveLength(9);
  });

  it('goes on after its host was killed, and after it was told to end, and runs nothing twice', async () => {
    const stateDir = join(folder, 'state');
    const args = ['demo', '--out', join(folder, 'resumed'), '--data', join(folder, 'data'), '--state-dir', stateDir];
    const first = startCli(args);
    await untilLines(join(stateDir, 'journal.jsonl'), stateDir, /"count\[\d+\]".*"success"/);
    first.child.kill('SIGKILL');
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' });
    const { pid } = JSON.parse(readFileSync(join(stateDir, 'cluster.json'), 'utf8')) as { pid: number };
    expect(isProcess(pid)).toBe(true);

    const second = startCli(args);
    second.child.stderr.on('data', (text) => {
      if (String(text).includes('going on with')) second.child.kill('SIGTERM');
    });
    const stopped = await second.ended;
    expect(stopped).toMatchObject({ code: 143, signal: null });
    expect(stopped.stderr).toMatch(/The cluster and its pods go on.*\n.*Interrupted by SIGTERM/);
    expect(isProcess(pid)).toBe(true);

    const { code, stdout, stderr } = await runCli(args);
    expect(stderr).toContain('going on with');
    expect(stderr).toMatch(/the host before was stopped with \d+ of 25 steps done/);
    expect(stdout).toContain('right: ');
    expect(code).toBe(0);
    // It is dead by now, and its new parent may still have to take note.
    await expect.poll(() => isProcess(pid), { timeout: 10_000 }).toBe(false);
    expect(existsSync(join(stateDir, 'cluster.json'))).toBe(false);

    const starts = readFileSync(join(stateDir, 'ledger.txt'), 'utf8').trimEnd().split('\n');
    expect(new Set(starts).size).toBe(starts.length);
    // Sixteen parts and one more try of the one that failed; the one killed for memory never ran a process on its first try.
    expect(starts).toHaveLength(17);
    const { tries } = modelIn(join(folder, 'resumed', 'run.jsonl'));
    expect(tries.filter((one) => one.key.taskId === 'count' && one.state === 'success')).toHaveLength(16);
  });

  it('writes down a new cluster only once what its predecessor has left is gone', async () => {
    const stateDir = join(folder, 'obstructed');
    // A folder in its place cannot be removed as a file.
    mkdirSync(join(stateDir, 'ledger.txt'), { recursive: true });
    const { code, stderr } = await runCli(['demo', '--out', join(folder, 'obstructed-out'), '--state-dir', stateDir]);
    expect(stderr).toContain('ledger.txt');
    expect(code).not.toBe(0);
    expect(existsSync(join(stateDir, 'cluster.json'))).toBe(false);
  });

  it('ends with 3 for a kubeconfig that is missing and with 4 for a cluster that does not answer', async () => {
    expect(await runCli(['demo', '--kubeconfig', join(folder, 'none')])).toMatchObject({ code: 3 });
    const deaf = join(folder, 'deaf');
    // Port 9 of the loopback interface has no listener.
    writeFileSync(
      deaf,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:9' } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const { code, stderr } = await runCli(['demo', '--kubeconfig', deaf, '--out', join(folder, 'deaf-out')]);
    expect(stderr).toContain('ERR_PODWRIGHT_KUBE_CONNECTION');
    expect(code).toBe(4);
  });
});

/** Resolves once a line of the file matches; the file may not exist yet. */
async function untilLines(file: string, dir: string, pattern: RegExp): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const isThere = () => existsSync(file) && pattern.test(readFileSync(file, 'utf8'));
  await new Promise<void>((resolve) => {
    const watcher = watch(dir, () => {
      if (!isThere()) return;
      watcher.close();
      resolve();
    });
  });
}
