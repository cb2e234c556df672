import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FailedOutcome, Workload } from '../../src/core/outcome.js';
import { secret } from '../../src/core/secret.js';
import { LocalExecutor, type LocalExecutorOptions } from '../../src/executors/local/local-executor.js';
import { sendSignal } from '../../src/executors/local/process-tree.js';
import { VirtualClock } from '../../src/testing/index.js';

/** Whether a process runs: one that is dead but not yet reaped by its parent still takes signals. */
function isAlive(pid: number): boolean {
  if (!sendSignal(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const node = (script: string, ...args: string[]) => [process.execPath, '-e', script, ...args];
let executor: LocalExecutor;
let folder: string;
let count = 0;

async function started(options: LocalExecutorOptions = {}): Promise<LocalExecutor> {
  executor = new LocalExecutor({ parallelism: 4, drive: 'self', ...options });
  await executor.start();
  return executor;
}
const work = (command: readonly string[], executorConfig?: object): Workload => ({
  key: { dagId: 'd', taskId: `t${count++}`, runId: 'r' },
  command,
  executorConfig,
});
async function failure(command: readonly string[], executorConfig?: object): Promise<FailedOutcome> {
  const outcome = await executor.queueTask(work(command, executorConfig)).outcome;
  if (outcome.state !== 'failed') throw new Error('the task succeeded');
  return outcome;
}
async function lines(source: AsyncIterable<{ text: string }>): Promise<string[]> {
  const all: string[] = [];
  for await (const { text } of source) all.push(text);
  return all;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
});
afterEach(async () => {
  await executor.terminate();
  rmSync(folder, { recursive: true, force: true });
});

describe('LocalExecutor', () => {
  it('gives a secret to the process, and to nothing else', async () => {
    await started();
    const run = executor.queueTask(
      work(node('process.exit(process.env.S === "hunter2" ? 0 : 3)'), { env: { S: secret('hunter2') } }),
    );
    expect(await run.outcome).toMatchObject({ state: 'success' });
  });

  it('gives tasks their environment, working directory and key', async () => {
    await started({ env: { FROM_EXECUTOR: 'x', HOME: null } });
    const script =
      'console.log(process.env.FROM_EXECUTOR, process.env.MINE, process.env.HOME, process.env.PODWRIGHT_TRY_NUMBER, process.cwd())';
    const run = executor.queueTask(work(node(script), { env: { MINE: 'y' }, cwd: folder }));
    expect(await lines(run.logs())).toEqual([`x y undefined 1 ${folder}`]);
    expect(await run.outcome).toMatchObject({ state: 'success', exitCode: 0 });
  });

  it('tells the exit code and the end of the output', async () => {
    await started();
    const outcome = await failure(node('console.error("it broke"); process.exit(7)'));
    expect(outcome.verdict).toMatchObject({ kind: 'app_exit', blame: 'task', mainStarted: true });
    expect(outcome.exitCode).toBe(7);
    expect(outcome.verdict.evidence.logTail).toBe('it broke');
  });

  it('tells the signal that ended a process', async () => {
    await started();
    const { verdict } = await failure(node('process.kill(process.pid, "SIGKILL")'));
    expect(verdict).toMatchObject({ kind: 'killed_signal', evidence: { signal: 'SIGKILL' } });
    expect(verdict.hint).toContain('memory');
  });

  it('tells that a program does not exist', async () => {
    await started();
    const { verdict } = await failure(['no-such-program-anywhere']);
    expect(verdict).toMatchObject({ kind: 'spawn_failed', blame: 'config', mainStarted: false });
    expect(verdict.message).toContain('no-such-program-anywhere');
  });

  it('ends a task that runs longer than its timeout', async () => {
    await started();
    const { verdict } = await failure(node('setInterval(() => {}, 1000)'), { timeout: 50 });
    expect(verdict).toMatchObject({ kind: 'deadline.running' });
  });

  it('ends a task at its own limit for running, and lets it have none', async () => {
    await started();
    const workload = { ...work(node('setInterval(() => {}, 1000)')), timeouts: { running: 50 } };
    expect(await executor.queueTask(workload).outcome).toMatchObject({ verdict: { kind: 'deadline.running' } });
    const free = { ...work(node('')), timeouts: { running: 'none' as const } };
    expect(await executor.queueTask(free).outcome).toMatchObject({ state: 'success' });
  });

  it('ends the whole process tree, also what ignores SIGTERM or left the process group', async () => {
    await started();
    const pids = join(folder, 'pids');
    const child = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); process.send?.("up")';
    const parent = `
      const { spawn } = require('node:child_process'); const { writeFileSync } = require('node:fs');
      const stdio = ['ignore', 'ignore', 'ignore', 'ipc'];
      const a = spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio });
      const b = spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio, detached: true });
      let up = 0;
      for (const one of [a, b]) one.once('message', () => { if (++up === 2) { writeFileSync(process.argv[1], a.pid + ' ' + b.pid); console.log('ready'); } });
    `;
    const workload = work(node(parent, pids));
    const run = executor.queueTask(workload);
    for await (const { text } of run.logs()) if (text === 'ready') break;
    const [a, b] = readFileSync(pids, 'utf8').split(' ').map(Number) as [number, number];
    expect([isAlive(a), isAlive(b)]).toEqual([true, true]);
    const result = await executor.cancel(workload.key, { grace: 100 });
    expect(result.observed).toBe('terminated');
    await expect.poll(() => [isAlive(a), isAlive(b)]).toEqual([false, false]);
  });

  it('kills what ignores SIGTERM after the grace period, and says so', async () => {
    await started();
    const workload = work(node('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")'));
    const run = executor.queueTask(workload);
    for await (const _ of run.logs()) break;
    expect(await executor.cancel(workload.key, { grace: 50 })).toMatchObject({ observed: 'terminated', forced: true });
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled', blame: 'caller' } });
  });

  it('ends although a background child holds the output open', async () => {
    await started();
    const script =
      'require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }).unref(); process.exit(0)';
    const outcome = await executor.queueTask(work(node(script))).outcome;
    expect(outcome.state).toBe('success');
  });

  it('does not count the time for which a background child holds the output open', async () => {
    const clock = new VirtualClock();
    await started({ timeout: 500, clock });
    let pid = 0;
    executor.on('task:running', ({ ranAs }) => {
      pid = Number(ranAs?.split(' ')[1]);
    });
    const run = executor.queueTask(work(['sh', '-c', 'sleep 60 & exit 0']));
    await clock.settle();
    await expect.poll(() => pid > 0 && !sendSignal(pid, 0)).toBe(true);
    await clock.advance('600ms');
    await clock.advance('1s');
    expect((await run.outcome).state).toBe('success');
  });

  it('keeps output in bounded memory and tells readers what they have missed', async () => {
    await started({ maxOutputBytes: 10_000 });
    const run = executor.queueTask(work(node('for (let i = 0; i < 5000; i++) console.log("line " + i)')));
    await run.outcome;
    const kept = await lines(run.logs());
    expect(kept[0]).toMatch(/^\[\d+ lines are no longer kept\]$/);
    expect(kept.at(-1)).toBe('line 4999');
    expect(kept.join('').length).toBeLessThan(11_000);
    expect((await executor.getTaskLog(run.key)).lines.at(-1)?.text).toBe('line 4999');
  });

  it('cuts a line without end', async () => {
    await started();
    const run = executor.queueTask(work(node('process.stdout.write("x".repeat(300000) + "\\nafter\\n")')));
    const kept = await lines(run.logs());
    expect(kept.map((line) => line.length)).toEqual([65_536, 5]);
  });

  it('refuses an executor config that it does not know, with the nearest name', async () => {
    await started();
    expect(() => executor.queueTask(work(['true'], { timeOut: '5 parsecs', environment: {} }))).toThrowError(
      /executorConfig\.timeOut is not known to LocalExecutor; did you mean timeout\?.*executorConfig\.environment .*did you mean env/s,
    );
    expect(executor.slotsOccupied).toBe(0);
  });
});
