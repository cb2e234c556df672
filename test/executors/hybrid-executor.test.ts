import { describe, expect, it } from 'vitest';
import type { QueuedTask } from '../../src/core/outcome.js';
import { BaseExecutor } from '../../src/executors/base-executor.js';
import type { CancelResult } from '../../src/executors/executor.js';
import { HybridExecutor } from '../../src/executors/hybrid-executor.js';
import { LocalKubernetesExecutor } from '../../src/executors/local-kubernetes-executor.js';

class Side extends BaseExecutor {
  readonly seen: string[] = [];
  readonly calls: string[] = [];

  constructor(name: string, parallelism = 2) {
    super({ name, parallelism });
  }

  protected override launch(task: QueuedTask): void {
    this.seen.push(task.key.taskId);
  }

  override async sync(): Promise<void> {
    this.calls.push('sync');
  }

  override async adoptLaunchedTask(key: { taskId: string }): Promise<boolean> {
    return key.taskId === `of-${this.name}`;
  }

  override async getTaskLog() {
    return { messages: [], lines: [{ text: `log of ${this.name}`, source: 'x' }] };
  }

  protected override async onClose(): Promise<void> {
    this.calls.push('close');
  }
}
const key = (taskId: string) => ({ dagId: 'd', taskId, runId: 'r', tryNumber: 1, mapIndex: -1 });
const work = (taskId: string, queue?: string) => ({ key: key(taskId), command: ['x'], queue });

/** Finds a task of its former self, as soon as it starts. */
class FindingSide extends Side {
  protected override async onStart(): Promise<void> {
    this.adopt({ ...work('found'), queue: undefined, priority: 0, executorConfig: undefined });
  }

  protected override async onCancel(task: QueuedTask): Promise<CancelResult> {
    this.calls.push(`cancel ${task.key.taskId}`);
    return { observed: 'terminated', forced: false };
  }
}
class DetachableSide extends FindingSide {
  detach() {
    return this.abandon();
  }
}

describe('HybridExecutor', () => {
  it('leaves alone what a side has found, where another one cannot start', async () => {
    const [found, broken] = [new DetachableSide('found'), new Side('broken')];
    broken.start = () => Promise.reject(new Error('no cluster'));
    const hybrid = new HybridExecutor({ default: found, queues: { b: broken } });
    await expect(hybrid.start()).rejects.toThrowError('no cluster');
    expect(found.calls).toEqual(['close']);
  });

  it('detaches the sides that can, and ends what the others run', async () => {
    const [leaving, ending] = [new DetachableSide('leaving'), new FindingSide('ending')];
    const hybrid = new HybridExecutor({ default: leaving, queues: { b: ending } });
    await hybrid.start();
    expect(await hybrid.detach()).toEqual([key('found')]);
    expect([leaving.calls, ending.calls]).toEqual([['close'], ['cancel found', 'close']]);
  });

  it('routes by exact name, then by the longest prefix, then to the default', async () => {
    const [fallback, exact, short, long] = ['fallback', 'exact', 'short', 'long'].map((name) => new Side(name, 9)) as [
      Side,
      Side,
      Side,
      Side,
    ];
    const hybrid = new HybridExecutor({
      default: fallback,
      queues: { 'gpu-a100': exact, 'gpu-*': short, 'gpu-a*': long },
    });
    await hybrid.start();
    hybrid.queueTask(work('1', 'gpu-a100'));
    hybrid.queueTask(work('2', 'gpu-b'));
    hybrid.queueTask(work('3', 'gpu-a10'));
    hybrid.queueTask(work('4', 'cpu'));
    hybrid.queueTask(work('5'));
    await hybrid.heartbeat();
    expect([exact.seen, short.seen, long.seen, fallback.seen]).toEqual([['1'], ['2'], ['3'], ['4', '5']]);
    await hybrid.terminate();
  });

  it('sums slots over its sides and tells those of one queue', async () => {
    const hybrid = new LocalKubernetesExecutor({ local: new Side('local', 2), kubernetes: new Side('kubernetes', 5) });
    await hybrid.start();
    hybrid.queueTask(work('a', 'kubernetes'));
    expect([hybrid.parallelism, hybrid.slotsAvailable, hybrid.slotsOccupied]).toEqual([7, 6, 1]);
    expect([hybrid.slotsFor('kubernetes'), hybrid.slotsFor(undefined)]).toEqual([4, 2]);
    await hybrid.terminate();
  });

  it('refuses a key that is live on another side', async () => {
    const hybrid = new LocalKubernetesExecutor({ local: new Side('local'), kubernetes: new Side('kubernetes') });
    await hybrid.start();
    hybrid.queueTask(work('a', 'kubernetes'));
    expect(() => hybrid.queueTask(work('a'))).toThrowError(/already live in kubernetes/);
    await hybrid.terminate();
  });

  it('reaches every side with sync, adoption, logs and end, also when one side fails', async () => {
    const local = new Side('local');
    const kubernetes = new Side('kubernetes');
    const hybrid = new LocalKubernetesExecutor({ local, kubernetes });
    await hybrid.start();
    await hybrid.sync();
    expect(await hybrid.tryAdoptTaskInstances([key('of-local'), key('of-kubernetes'), key('of-nobody')])).toEqual([
      key('of-nobody'),
    ]);
    hybrid.queueTask(work('a', 'kubernetes'));
    expect((await hybrid.getTaskLog(key('a'))).lines[0]?.text).toBe('log of kubernetes');
    local.sync = () => Promise.reject(new Error('broken side'));
    await expect(hybrid.sync()).rejects.toThrowError('broken side');
    await hybrid.terminate();
    expect(kubernetes.calls).toEqual(['sync', 'sync', 'close']);
    expect(local.calls).toEqual(['sync', 'close']);
  });

  it('stops the sides that have started when one cannot', async () => {
    const good = new Side('good');
    const bad = new Side('bad');
    bad.start = () => Promise.reject(new Error('no cluster'));
    const hybrid = new HybridExecutor({ default: good, queues: { bad } });
    await expect(hybrid.start()).rejects.toThrowError('no cluster');
    expect(good.calls).toEqual(['close']);
  });

  it('passes on the events and outcomes of its sides', async () => {
    const local = new Side('local');
    const hybrid = new LocalKubernetesExecutor({ local, kubernetes: new Side('kubernetes') });
    const events: string[] = [];
    hybrid.on('task:queued', ({ executor }) => void events.push(`queued ${executor}`));
    hybrid.on('outcome', ({ executor, state }) => void events.push(`${state} ${executor}`));
    await hybrid.start();
    hybrid.queueTask(work('a'));
    await hybrid.heartbeat();
    local.success(key('a'));
    hybrid.on('task:warning', ({ warning }) => void events.push(warning));
    local.emit('task:warning', { key: key('a'), queue: undefined, at: 0, executor: 'local', warning: 'careful' });
    expect(events).toEqual(['queued local', 'success local', 'careful']);
    expect([...hybrid.getEventBuffer().values()]).toMatchObject([{ state: 'success' }]);
    await hybrid.end();
  });

  it('lets go of whoever asks for outcomes or changes after its end', { timeout: 2_000 }, async () => {
    const hybrid = new HybridExecutor({ default: new Side('a'), queues: { b: new Side('b') } });
    await hybrid.start();
    const before = hybrid.outcomes();
    await hybrid.end();
    expect((await before.next()).done).toBe(true);
    expect((await hybrid.outcomes().next()).done).toBe(true);
    expect(await hybrid.changed()).toBe(true);
    expect(await hybrid.changed()).toBe(false);
  });

  it('waits for changes of the sides that go on where one has ended', { timeout: 2_000 }, async () => {
    const [ended, live] = [new Side('ended'), new Side('live')];
    const hybrid = new HybridExecutor({ default: live, queues: { b: ended } });
    await hybrid.start();
    await ended.end();
    expect(await hybrid.changed()).toBe(true);
    let answer: boolean | undefined;
    const waiting = hybrid.changed().then((hasChanged) => {
      answer = hasChanged;
    });
    await new Promise(setImmediate);
    expect(answer).toBeUndefined();
    hybrid.queueTask(work('a'));
    await live.heartbeat();
    live.success(key('a'));
    await waiting;
    expect(answer).toBe(true);
    const stop = new AbortController();
    const aborted = hybrid.changed({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(aborted).rejects.toThrowError('enough');
    await hybrid.end();
  });

  it.each([
    [{ default: 1, queues: {} }, /default must be an executor/],
    [{ default: new Side('a'), queues: { x: {} } }, /queues\.x must be an executor/],
    [{ default: new Side('a'), queues: { 'a*b': new Side('b') } }, /single \* at its end/],
  ])('refuses wrong options %#', (options, message) => {
    expect(() => new HybridExecutor(options as never)).toThrowError(message);
  });
});
