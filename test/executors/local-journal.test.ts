import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { Outcome } from '../../src/core/outcome.js';
import { LocalExecutor } from '../../src/executors/local/local-executor.js';
import { LocalProcess } from '../../src/executors/local/local-process.js';
import { OrphanProcess } from '../../src/executors/local/orphan-process.js';
import { findByEnvironment, processStartTicks, sendSignal } from '../../src/executors/local/process-tree.js';
import { TaskJournal } from '../../src/executors/local/task-journal.js';
import { TaskOutput } from '../../src/executors/local/task-output.js';
import { VirtualClock } from '../../src/testing/index.js';

const key = (taskId: string) => ({ dagId: 'd', taskId, runId: 'r', tryNumber: 1, mapIndex: -1 });
let folder: string;
let executor: LocalExecutor | undefined;

async function start(options: { acknowledge?: 'manual' } = {}): Promise<LocalExecutor> {
  executor = new LocalExecutor({ drive: 'self', journal: folder, ...options });
  await executor.start();
  return executor;
}
/** What a host that died has left running. */
function orphan(
  env: Readonly<Record<string, string>> = {},
  command = [process.execPath, '-e', 'setInterval(() => {}, 1000)'],
): LocalProcess {
  return new LocalProcess({
    command,
    env: { ...process.env, ...env },
    cwd: undefined,
    output: new TaskOutput(1_000),
    clock: systemClock,
  });
}
const counted = (file: string) => [
  process.execPath,
  '-e',
  'require("node:fs").appendFileSync(process.argv[1], "x")',
  file,
];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
});
afterEach(async () => {
  await executor?.terminate();
  rmSync(folder, { recursive: true, force: true });
});

it('leaves nothing behind for tasks whose outcome is with the host', async () => {
  const local = await start();
  expect((await local.queueTask({ key: key('a'), command: [process.execPath, '-e', ''] }).outcome).state).toBe(
    'success',
  );
  expect(readdirSync(folder)).toEqual([]);
});

it('never runs a task again whose host died while it ran, and says that its end is unknown', async () => {
  new TaskJournal(folder).write({ key: key('a'), queue: undefined, pid: 2 ** 22 + 1, startTicks: '1' });
  const local = await start();
  const file = join(folder, 'ran');
  const outcome = await local.queueTask({ key: key('a'), command: counted(file) }).outcome;
  expect(outcome).toMatchObject({ state: 'failed', verdict: { kind: 'unknown', blame: 'infra' } });
  expect(readdirSync(folder)).toEqual([]);
});

it.runIf(process.platform === 'linux')('follows a process that is still alive, and ends it on demand', async () => {
  const process = orphan();
  const pid = process.pid as number;
  new TaskJournal(folder).write({ key: key('a'), queue: 'q', pid, startTicks: await processStartTicks(pid) });
  const local = await start();
  await expect.poll(() => local.getRun(key('a'))?.state).toBe('running');
  expect(local.slotsOccupied).toBe(1);
  expect(await local.tryAdoptTaskInstances([key('a'), key('ghost')])).toEqual([key('ghost')]);
  expect(await local.cancel(key('a'), { grace: '5s' })).toEqual({ observed: 'terminated', forced: false });
  expect((await process.ended).signal).toBe('SIGTERM');
  expect(readdirSync(folder)).toEqual([]);
});

it.runIf(process.platform === 'linux')('does not take a later process with the same id for the task', async () => {
  const process = orphan();
  new TaskJournal(folder).write({ key: key('a'), queue: undefined, pid: process.pid, startTicks: '1' });
  const local = await start();
  expect((await local.queueTask({ key: key('a'), command: ['x'] }).outcome).state).toBe('failed');
  expect(await processStartTicks(process.pid as number)).toBeDefined();
  await process.stop(1_000);
});

it('repeats an outcome after a restart until it was acknowledged', async () => {
  const first = await start({ acknowledge: 'manual' });
  await first.queueTask({ key: key('a'), command: [process.execPath, '-e', 'process.exit(4)'] }).outcome;
  await first.end();
  const second = await start({ acknowledge: 'manual' });
  const outcome = await second.queueTask({ key: key('a'), command: ['never-run'] }).outcome;
  expect(outcome).toMatchObject({ state: 'failed', exitCode: 4, verdict: { kind: 'app_exit' } });
  await outcome.acknowledge();
  expect(readdirSync(folder)).toEqual([]);
});

const sleeping = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];

/** What a task is told to have ended with, before and after a restart of its host, which did not acknowledge. */
async function toldTwice(
  workload: { command: readonly string[]; executorConfig?: object },
  act: (executor: LocalExecutor) => unknown = () => {},
): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  for (const command of [workload.command, ['never-run']]) {
    const local = await start({ acknowledge: 'manual' });
    const run = local.queueTask({ ...workload, key: key('a'), command });
    if (told.length === 0) await act(local);
    const { state, exitCode, ...outcome } = await run.outcome;
    told.push({ state, exitCode, verdict: 'verdict' in outcome ? outcome.verdict : undefined });
    await local.end();
    if (told.length === 2) await (await run.outcome).acknowledge();
  }
  return told;
}

it.each([
  ['a success', { command: [process.execPath, '-e', ''] }, undefined],
  ['a program that is missing', { command: ['no-such-program'] }, 'spawn_failed'],
  ['a signal', { command: [process.execPath, '-e', 'process.kill(process.pid, "SIGTERM")'] }, 'killed_signal'],
  ['a time limit', { command: sleeping, executorConfig: { timeout: 100 } }, 'deadline.running'],
])('says the same of %s after a restart', async (_name, workload, kind) => {
  const [before, after] = await toldTwice(workload);
  expect(after).toEqual(before);
  expect((after as { verdict?: { kind: string } }).verdict?.kind).toBe(kind);
  expect(readdirSync(folder)).toEqual([]);
});

it('still calls a task cancelled after a restart', async () => {
  const [before, after] = await toldTwice({ command: sleeping }, async (local) => {
    await expect.poll(() => local.getRun(key('a'))?.state).toBe('running');
    await local.cancel(key('a'));
  });
  expect(after).toEqual(before);
  expect(after).toMatchObject({ verdict: { kind: 'cancelled' } });
});

it.runIf(process.platform === 'linux')('repeats the cancel of a process that an earlier host had started', async () => {
  const child = orphan();
  const pid = child.pid as number;
  new TaskJournal(folder).write({ key: key('a'), queue: 'q', pid, startTicks: await processStartTicks(pid) });
  const first = await start({ acknowledge: 'manual' });
  await first.cancel(key('a'), { grace: '5s' });
  await child.ended;
  await first.end();
  const second = await start({ acknowledge: 'manual' });
  const outcome = await second.queueTask({ key: key('a'), command: ['never-run'] }).outcome;
  expect(outcome).toMatchObject({ verdict: { kind: 'cancelled' } });
});

it.runIf(process.platform === 'linux')('ends a process of an earlier host when its time is up', async () => {
  const child = orphan();
  const pid = child.pid as number;
  new TaskJournal(folder).write({
    key: key('a'),
    queue: undefined,
    pid,
    startTicks: await processStartTicks(pid),
    deadline: { at: Date.now() - 1, afterMs: 60_000 },
  });
  const outcome = await (await start()).queueTask({ key: key('a'), command: ['never-run'] }).outcome;
  expect(outcome).toMatchObject({
    verdict: { kind: 'deadline.running', message: expect.stringContaining('60000 ms') },
  });
  expect((await child.ended).signal).toBe('SIGTERM');
});

it.runIf(process.platform === 'linux')(
  'finds a process by its environment whose host died before it knew the process id',
  async () => {
    const child = orphan({ PODWRIGHT_LAUNCH: `launch-${process.pid}` });
    new TaskJournal(folder).write({ key: key('a'), queue: undefined, launchId: `launch-${process.pid}` });
    // The variable is there as soon as the program has replaced the copy of this process.
    await expect.poll(() => findByEnvironment('PODWRIGHT_LAUNCH', `launch-${process.pid}`)).toBeDefined();
    const local = await start();
    await expect.poll(() => local.getRun(key('a'))?.state).toBe('running');
    await local.cancel(key('a'), { grace: '5s' });
    expect((await child.ended).signal).toBe('SIGTERM');
  },
);

it.runIf(process.platform === 'linux')(
  'signals no stranger who has got the process id of a task, and says that nobody saw its end',
  async () => {
    const stranger = orphan();
    new TaskJournal(folder).write({ key: key('a'), queue: undefined, pid: stranger.pid, startTicks: '1' });
    const local = await start();
    const told: Outcome[] = [];
    local.on('outcome', (outcome) => void told.push(outcome));
    // Both before the first look at /proc has come back.
    const [cancelled] = await Promise.all([local.cancel(key('a')), local.terminate()]);
    expect(cancelled).toEqual({ observed: 'unconfirmed', forced: false });
    expect(told).toMatchObject([
      { verdict: { kind: 'cancelled', evidence: {} }, warnings: [expect.stringMatching(/nobody saw how it ended/)] },
    ]);
    sendSignal(-(stranger.pid as number), 'SIGKILL');
    expect((await stranger.ended).signal).toBe('SIGKILL');
  },
);

it.runIf(process.platform === 'linux')('does not revoke what an earlier host has started, asked at once', async () => {
  const child = orphan();
  const pid = child.pid as number;
  new TaskJournal(folder).write({ key: key('a'), queue: 'q', pid, startTicks: await processStartTicks(pid) });
  const local = await start();
  expect(await local.revokeTask(key('a'))).toBe(false);
  expect(await processStartTicks(pid)).toBeDefined();
  expect(await local.revokeTask(key('a'), { evenIfRunning: true })).toBe(true);
  expect((await child.ended).signal).toBe('SIGTERM');
});

it.runIf(process.platform === 'linux')('has ended all that a process has started before it says so', async () => {
  const pids = join(folder, 'pids');
  const stubborn = 'trap "" TERM; echo $$ >> "$0"; for _ in $(seq 300); do sleep 0.1; done';
  const inItsGroup = `sh -c '${stubborn}' "$0" &`;
  const inOneOfItsOwn = `setsid sh -c '${stubborn}' "$0" &`;
  const child = orphan({}, ['sh', '-c', `${inItsGroup} ${inOneOfItsOwn} wait`, pids]);
  const numbers = () => (existsSync(pids) ? readFileSync(pids, 'utf8').trim().split('\n').map(Number) : []);
  await expect.poll(numbers).toHaveLength(2);
  const pid = child.pid as number;
  const entry = { key: key('a'), queue: undefined, pid, startTicks: await processStartTicks(pid) };
  expect(await new OrphanProcess(entry, systemClock).stop(300)).toBe('killed');
  expect(await Promise.all([pid, ...numbers()].map(processStartTicks))).toEqual([undefined, undefined, undefined]);
});

it.runIf(process.platform === 'linux')('tells everybody the same who stops a process of an earlier host', async () => {
  const child = orphan();
  const pid = child.pid as number;
  const entry = { key: key('a'), queue: undefined, pid, startTicks: await processStartTicks(pid) };
  const found = new OrphanProcess(entry, systemClock);
  expect([await found.stop(5_000), await found.stop(5_000)]).toEqual(['terminated', 'terminated']);
});

it.runIf(process.platform === 'linux')(
  'leaves what it was about to find to the next executor where it is stopped while it starts',
  async () => {
    const launchId = `stopped-${process.pid}`;
    const child = orphan({ PODWRIGHT_LAUNCH: launchId });
    await expect.poll(() => findByEnvironment('PODWRIGHT_LAUNCH', launchId)).toBeDefined();
    const entry = { key: key('a'), queue: 'q', launchId };
    new TaskJournal(folder).write(entry);
    const clock = new VirtualClock();
    const first = new LocalExecutor({ drive: 'self', journal: folder, acknowledge: 'manual', clock });
    const told: Outcome[] = [];
    first.on('outcome', (outcome) => void told.push(outcome));
    const starting = first.start();
    await first.terminate();
    await starting;
    expect(told).toEqual([]);
    expect(new TaskJournal(folder).entries()).toEqual([entry]);
    await clock.settle();
    expect(clock.pending).toBe(0);
    const next = await start();
    expect(await next.cancel(key('a'), { grace: '5s' })).toMatchObject({ observed: 'terminated' });
    expect((await child.ended).signal).toBe('SIGTERM');
  },
);

it('leaves its processes to the next executor of its journal when it detaches', async () => {
  const first = await start();
  const run = first.queueTask({ key: key('a'), command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] });
  await expect.poll(() => run.state).toBe('running');
  expect(await first.detach()).toEqual([key('a')]);
  const next = await start();
  await expect.poll(() => next.getRun(key('a'))?.state).toBe('running');
  expect(await next.cancel(key('a'))).toMatchObject({ observed: 'terminated' });
});

it.runIf(process.platform === 'linux')(
  'goes on with what a task prints where the host before has stopped',
  async () => {
    const more = join(folder, 'more');
    const script = `
    console.log('one'); console.error('two');
    const { existsSync } = require('node:fs');
    const timer = setInterval(() => { if (existsSync(process.argv[1])) { console.log('three'); process.exit(7); } }, 20);`;
    const first = await start();
    const run = first.queueTask({ key: key('a'), command: [process.execPath, '-e', script, more] });
    const heard: string[] = [];
    for await (const { text } of run.logs()) if (heard.push(text) === 2) break;
    expect(heard.sort()).toEqual(['one', 'two']);
    await first.detach();

    const next = await start();
    const again = next.queueTask({ key: key('a'), command: ['never-run'] });
    for await (const line of again.logs()) {
      expect(line).toMatchObject({ text: 'one', source: 'stdout' });
      break;
    }
    await expect.poll(async () => (await next.getTaskLog(key('a'))).lines).toHaveLength(2);
    writeFileSync(more, '');
    const outcome = await again.outcome;
    expect(outcome).toMatchObject({
      verdict: { kind: 'unknown', evidence: { logTail: expect.stringMatching(/three$/) } },
    });
    expect((await next.getTaskLog(key('a'))).lines.map(({ text }) => text)).toContain('three');
    expect(readdirSync(folder)).toEqual(['more']);
  },
);

it('takes all that a task prints, in whole lines, and ends with what it has left in the background', async () => {
  const local = await start();
  const printed = 'for (let i = 0; i < 3000; i++) console.log("line " + i + " \u00e4\u20ac")';
  const run = local.queueTask({ key: key('a'), command: [process.execPath, '-e', printed] });
  expect((await run.outcome).state).toBe('success');
  const { lines } = await local.getTaskLog(key('a'));
  expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 3_000 }, (_, i) => `line ${i} \u00e4\u20ac`));
  const behind = local.queueTask({ key: key('b'), command: ['sh', '-c', '(sleep 0.2; echo late) & echo soon'] });
  expect((await behind.outcome).state).toBe('success');
  expect((await local.getTaskLog(key('b'))).lines.map(({ text }) => text)).toEqual(['soon', 'late']);
});

it('keeps the end of an output that is longer than a file may be', async () => {
  const local = await start();
  const printed =
    'const s = ("x".repeat(99) + "\\n").repeat(10_000); for (let i = 0; i < 40; i++) process.stdout.write(s); console.log("the end")';
  const run = local.queueTask({ key: key('a'), command: [process.execPath, '-e', printed] });
  expect((await run.outcome).state).toBe('success');
  const { lines } = await local.getTaskLog(key('a'));
  expect(lines[0]?.source).toBe('podwright');
  expect(lines.at(-1)).toEqual({ text: 'the end', source: 'stdout' });
  expect(lines.length).toBeGreaterThan(5_000);
});

it('removes output whose task is done with', async () => {
  writeFileSync(join(folder, `${'0'.repeat(32)}.stdout.log`), 'x');
  await start();
  expect(readdirSync(folder)).toEqual([]);
});

it('tells the end of a task although it cannot be written down any more', async () => {
  const local = await start();
  const run = local.queueTask({ key: key('a'), command: [process.execPath, '-e', 'setTimeout(() => {}, 300)'] });
  await expect.poll(() => run.state).toBe('running');
  rmSync(folder, { recursive: true });
  expect((await run.outcome).state).toBe('success');
});

it('does not tell another end after a restart where the one that was told could not be written down', async () => {
  const local = await start();
  const run = local.queueTask({ key: key('a'), command: [process.execPath, '-e', 'setTimeout(() => {}, 300)'] });
  await expect.poll(() => run.state).toBe('running');
  const [entry = ''] = readdirSync(folder).filter((name) => name.endsWith('.task.json'));
  mkdirSync(join(folder, `${entry}.tmp`));
  expect((await run.outcome).state).toBe('success');
  await local.end();
  expect(readdirSync(folder)).toEqual([`${entry}.tmp`]);
});

it('repeats that a program could not be started for the length of its command until that was acknowledged', async () => {
  const [before, after] = await toldTwice({ command: [process.execPath, '-e', '0', 'x'.repeat(4 * 1024 * 1024)] });
  expect(before).toMatchObject({ verdict: { kind: 'spawn_failed', message: expect.stringContaining('E2BIG') } });
  expect(after).toEqual(before);
  expect(readdirSync(folder)).toEqual([]);
});

it('passes over files that are no entries', async () => {
  writeFileSync(join(folder, 'cut.task.json'), '{"key":');
  writeFileSync(join(folder, 'other.txt'), 'x');
  expect((await start()).slotsOccupied).toBe(0);
});

it('says which folder cannot be used', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => new LocalExecutor({ journal: join(file, 'below') })).toThrowError(
    /The journal in .*below cannot be used: ENOTDIR/,
  );
});
