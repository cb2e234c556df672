import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventEmitter } from 'eventemitter3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from '../../src/cli/demo/journal.js';
import { describeLeftovers, settleLeftovers } from '../../src/cli/demo/leftovers.js';
import { resultIn } from '../../src/cli/demo/pipeline.js';
import { demoPlan } from '../../src/cli/demo/plan.js';
import { showProgress } from '../../src/cli/demo/progress.js';
import { verify } from '../../src/cli/demo/verify.js';
import { processIo } from '../../src/cli/io.js';
import type { ExecutorEvents, Outcome } from '../../src/core/outcome.js';
import type { Executor } from '../../src/executors/executor.js';
import { keyOf, verdictOf } from '../report/records.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-demo-parts-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.useRealTimers();
});

const planIn = (workDir: string, isEmbedded = true) =>
  demoPlan({ runId: 'r1', seed: 7, dataDir: workDir, workDir, image: 'node:20-slim', isEmbedded });

describe('the journal', () => {
  const head = { runId: 'r1', seed: 7 };

  it('remembers the latest state of each task across a restart', () => {
    const file = join(folder, 'sub', 'journal.jsonl');
    const [count, merge] = [planIn(folder).count(3), planIn(folder).merge()];
    const first = new Journal(file, head);
    first.note(count, { tryNumber: 1, state: 'open' });
    first.note(count, { tryNumber: 1, state: 'failed' });
    first.note(count, { tryNumber: 2, state: 'open' });
    const second = new Journal(file, { runId: 'another', seed: 8 });
    expect([first.isResumed, second.isResumed]).toEqual([false, true]);
    expect(second.head).toEqual(head);
    expect(second.progressOf(count)).toMatchObject({ tryNumber: 2, state: 'open' });
    expect(second.progressOf(merge)).toBeUndefined();
  });

  it('leaves out a line that a crash has torn, and goes on below it', () => {
    const file = join(folder, 'journal.jsonl');
    const step = planIn(folder).split(0);
    new Journal(file, head).note(step, { tryNumber: 1, state: 'open' });
    appendFileSync(file, '{"task":"split[0]","tryNumber":1,"sta');
    new Journal(file, head).note(step, { tryNumber: 2, state: 'open' });
    expect(new Journal(file, head).progressOf(step)).toMatchObject({ tryNumber: 2, state: 'open' });
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(5);
  });
});

describe('what a killed host has left', () => {
  const outcomeOf = (taskId: string, mapIndex: number, tryNumber: number, state: Outcome['state'], told: string[]) =>
    ({
      key: { ...keyOf(taskId, tryNumber, mapIndex), taskId, mapIndex, tryNumber },
      state,
      acknowledge: async () => void told.push(`${taskId}[${mapIndex}]#${tryNumber}`),
    }) as unknown as Outcome;

  it('is acknowledged where the journal has it, written down where nobody waits for it, and left to the pipeline otherwise', async () => {
    const plan = planIn(folder);
    const journal = new Journal(join(folder, 'journal.jsonl'), { runId: 'r1', seed: 7 });
    journal.note(plan.count(1), { tryNumber: 1, state: 'success' });
    journal.note(plan.count(2), { tryNumber: 2, state: 'open' });
    journal.note(plan.count(3), { tryNumber: 1, state: 'open' });
    journal.note(plan.split(0), { tryNumber: 1, state: 'open' });
    const executor = new EventEmitter<ExecutorEvents>();
    const begin = settleLeftovers({ executor: executor as unknown as Executor, plan, journal });
    const acknowledged: string[] = [];
    const tell = (...[taskId, mapIndex, tryNumber, state]: [string, number, number, Outcome['state']]) =>
      executor.emit('outcome', outcomeOf(taskId, mapIndex, tryNumber, state, acknowledged));
    tell('count', 1, 1, 'success');
    tell('count', 2, 1, 'failed');
    tell('count', 3, 1, 'success');
    tell('split', 0, 1, 'failed');
    expect(acknowledged).toEqual(['count[1]#1', 'count[2]#1', 'split[0]#1']);
    expect(journal.progressOf(plan.split(0))).toMatchObject({ tryNumber: 1, state: 'failed' });
    begin();
    journal.note(plan.split(1), { tryNumber: 1, state: 'open' });
    tell('split', 1, 1, 'failed');
    tell('count', 1, 1, 'success');
    expect(acknowledged.slice(3)).toEqual(['count[1]#1']);
    expect(journal.progressOf(plan.split(1))).toMatchObject({ state: 'open' });
  });

  it('is told to the user', () => {
    const file = join(folder, 'journal.jsonl');
    const plan = planIn(folder);
    const first = new Journal(file, { runId: 'r1', seed: 7 });
    expect(describeLeftovers(plan, first)).toEqual([]);
    first.note(plan.generate(0), { tryNumber: 1, state: 'success' });
    first.note(plan.generate(1), { tryNumber: 1, state: 'open' });
    first.note(plan.count(0), { tryNumber: 1, state: 'open' });
    first.close();
    expect(() => first.note(plan.count(0), { tryNumber: 1, state: 'success' })).toThrow('closed');
    expect(describeLeftovers(plan, new Journal(file, { runId: 'r1', seed: 7 }))).toEqual([
      '  the host before was stopped with 1 of 25 steps done',
      '  looking for 1 pod that it had handed over: count[0]',
      '  local processes end unseen with their host, so they get another try: generate[1]',
    ]);
  });
});

describe('the plan', () => {
  it('gives a pod of a real cluster no path of this machine', () => {
    const text = JSON.stringify(planIn(folder, false).count(3).workload(1));
    expect(text).not.toContain(folder);
    expect(text).toContain('"--seed","7"');
  });

  it('plans its two failures for the first tries alone', () => {
    const plan = planIn(folder);
    const workloads = (tryNumber: number) =>
      JSON.stringify([5, 10].map((part) => plan.count(part).workload(tryNumber).executorConfig));
    const commands = (tryNumber: number) => [5, 10].map((part) => plan.count(part).workload(tryNumber).command.at(-1));
    expect(commands(1)).toEqual(['3', '--eat-memory']);
    expect(workloads(1)).toContain('OOMKilled');
    expect(workloads(2)).not.toContain('OOMKilled');
    expect(commands(2).join()).not.toContain('--eat-memory');
  });
});

describe('a result in a log line', () => {
  it('is taken only whole', () => {
    expect(resultIn('demo-result:9:{"a":100}')).toEqual({ a: 100 });
    expect(resultIn('demo-result:9:{"a":10')).toBeUndefined();
    expect(resultIn('part 3: counting 9 bytes')).toBeUndefined();
  });
});

describe('the check', () => {
  it('finds a wrong count, a missing word and a try that ran twice', () => {
    const plan = planIn(folder);
    for (let file = 0; file < 4; file += 1) writeFileSync(plan.dataFile(file), 'one two two.\n');
    writeFileSync(plan.totalFile, JSON.stringify({ one: 4, two: 8 }));
    const right = { isRight: true, bytes: 52, words: 12, distinct: 2, problems: [] };
    expect(verify(plan)).toEqual({ ...right, isOncePerTry: false });
    writeFileSync(plan.ledgerFile, 'count[1]#1\ncount[2]#1\n');
    expect(verify(plan)).toEqual({ ...right, isOncePerTry: true });
    writeFileSync(plan.totalFile, JSON.stringify({ one: 5 }));
    writeFileSync(plan.ledgerFile, 'count[1]#1\ncount[2]#1\ncount[1]#1\n');
    expect(verify(plan).problems).toEqual([
      '"one" is in the data 4 times, the pipeline counted 5',
      '"two" is in the data 8 times, the pipeline counted 0',
      'count[1]#1 was started more than once',
    ]);
  });
});

describe('progress', () => {
  const failed = {
    key: keyOf('count', 2, 5),
    executor: 'KubernetesExecutor',
    times: { queuedAt: 0, launchedAt: 100, runningAt: 200, endedAt: 1_600 },
    state: 'failed',
    verdict: verdictOf('the task said\u001b[2J no'),
  } as Outcome;
  const event = { key: keyOf('count', 2, 5), queue: undefined, at: 1, executor: 'KubernetesExecutor' };

  function begin(isLive: boolean) {
    vi.useFakeTimers({ now: 1_000 });
    const source = new EventEmitter<ExecutorEvents>();
    const executor = Object.assign(source, { parallelism: 4, slotsOccupied: 1 }) as unknown as Executor;
    const written: string[] = [];
    const io = {
      ...processIo(),
      err: (text: string) => void written.push(text.replaceAll('\u001b', 'ESC')),
      color: false,
      columns: 80,
    };
    const progress = showProgress({ executor, io, isLive, groups: { count: 16 }, startedAt: 0 });
    return { source, written, progress };
  }

  it('is one plain line per event where there is no terminal', () => {
    const { source, written, progress } = begin(false);
    source.emit('task:queued', event);
    source.emit('task:pending', { ...event, reason: 'a moment' });
    source.emit('task:running', { ...event, ranAs: 'default/count-5' });
    vi.advanceTimersByTime(5_000);
    source.emit('outcome', failed);
    progress.stop();
    expect(written).toEqual([
      '   1.0 s    count[5] try 2 runs as default/count-5\n',
      '   6.0 s  ✗ count[5] try 2 failed after 1.5 s: app_exit: the task said\ufffd[2J no\n',
    ]);
    expect(source.eventNames()).toEqual([]);
  });

  it('makes no time of its own of a pod that had ended before the host came', () => {
    const { source, written, progress } = begin(false);
    const times = { queuedAt: 900_000, launchedAt: 900_000, endedAt: 900_004 };
    const found = { ...failed, state: 'success', times } as Outcome;
    source.emit('outcome', { ...found, podTimes: { finishedAt: 899_000 } } as Outcome);
    // Told in whole seconds, this one may have ended after the host came.
    source.emit('outcome', { ...found, podTimes: { finishedAt: 899_001 } } as Outcome);
    progress.stop();
    expect(written.map((line) => line.slice(10))).toEqual([
      '✓ count[5] try 2 succeeded while no host was there\n',
      '✓ count[5] try 2 succeeded after 4 ms\n',
    ]);
  });

  it('tells of a wait only once it lasts', () => {
    const { source, written, progress } = begin(false);
    source.emit('task:pending', { ...event, reason: 'not yet scheduled' });
    vi.advanceTimersByTime(1_999);
    source.emit('task:pending', { ...event, reason: 'no node has room' });
    vi.advanceTimersByTime(2_000);
    expect(written).toEqual(['   5.0 s    count[5] try 2 waits: no node has room\n']);
    source.emit('task:pending', { ...event, reason: 'a new one' });
    progress.stop();
    vi.advanceTimersByTime(5_000);
    expect(written).toHaveLength(1);
  });

  it('draws a table over itself at most ten times a second on a terminal', () => {
    const { source, written, progress } = begin(true);
    for (let i = 0; i < 50; i += 1) source.emit('task:running', { ...event, ranAs: 'p' });
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(written).toHaveLength(10);
    source.emit('outcome', failed);
    progress.stop();
    expect(written).toHaveLength(11);
    expect(written[0]).toMatch(/^\rESC\[J1\.1 s, 1 of 4 slots taken\ncount {5}▒▒·+ 0\/16 done, 1 active\n$/);
    expect(written[10]).toMatch(/^ESC\[2A\rESC\[J2\.0 s.*\n.* 0\/16 done, failed tries: 1\n✗ count\[5\] try 2 failed/);
    expect(source.eventNames()).toEqual([]);
  });
});
