import { describe, expect, it, vi } from 'vitest';
import type { QueuedTask } from '../../src/core/outcome.js';
import { ConfigError } from '../../src/errors.js';
import { BaseExecutor } from '../../src/executors/base-executor.js';

class ManualExecutor extends BaseExecutor {
  readonly launched: QueuedTask[] = [];

  protected override launch(task: QueuedTask): void {
    this.launched.push(task);
  }
}
const key = (taskId: string) => ({ dagId: 'd', taskId, runId: 'r' });

describe('BaseExecutor', () => {
  it.each([0, -1, 1.5, Number.NaN, '4', null])('refuses a parallelism of %s', (parallelism) => {
    expect(() => new ManualExecutor({ parallelism: parallelism as number })).toThrowError(ConfigError);
    expect(() => new ManualExecutor({ parallelism: parallelism as number })).toThrowError(
      /parallelism must be an integer of at least 1/,
    );
  });

  it('launches no more than it has slots, and the next when one comes free', async () => {
    const executor = new ManualExecutor({ parallelism: 2 });
    await executor.start();
    for (const name of ['a', 'b', 'c']) executor.queueTask({ key: key(name), command: ['x'] });
    await executor.heartbeat();
    expect(executor.launched.map((task) => task.key.taskId)).toEqual(['a', 'b']);
    executor.success(key('a'));
    await executor.heartbeat();
    expect(executor.launched.map((task) => task.key.taskId)).toEqual(['a', 'b', 'c']);
    await executor.terminate();
  });

  it('takes only the first of several reports of an end', async () => {
    const executor = new ManualExecutor();
    await executor.start();
    const run = executor.queueTask({ key: key('a'), command: ['x'] });
    await executor.heartbeat();
    expect(executor.success(key('a'), { exitCode: 0 })).toBe(true);
    expect(executor.fail(key('a'), 'too late')).toBe(false);
    expect(await run.outcome).toMatchObject({ state: 'success', exitCode: 0 });
    await executor.end();
  });

  it('gives a failure without a reason a verdict that says so', async () => {
    const executor = new ManualExecutor();
    await executor.start();
    const run = executor.queueTask({ key: key('a'), command: ['x'] });
    await executor.heartbeat();
    executor.changeState(key('a'), 'failed');
    expect(await run.outcome).toMatchObject({ verdict: { kind: 'unknown', confidence: 'guess' } });
    await executor.end();
  });

  it('wakes a host that waits for changes, and times out on the clock it was given', async () => {
    const executor = new ManualExecutor();
    await executor.start();
    executor.queueTask({ key: key('a'), command: ['x'] });
    await executor.heartbeat();
    const waiting = executor.changed();
    executor.success(key('a'));
    expect(await waiting).toBe(true);
    expect(await executor.changed({ timeout: 1 })).toBe(false);
    const stop = new AbortController();
    const aborted = executor.changed({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(aborted).rejects.toThrowError('enough');
    await executor.end();
  });

  it('ends after a timeout although a task still runs', async () => {
    const executor = new ManualExecutor();
    await executor.start();
    const run = executor.queueTask({ key: key('a'), command: ['x'] });
    await executor.heartbeat();
    const report = await executor.end({ timeout: 5 });
    expect(report.stopped).toMatchObject([{ taskId: 'a' }]);
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled' } });
  });

  it('runs what is queued, too, when told to drain', async () => {
    const executor = new ManualExecutor({ parallelism: 1 });
    executor.on('task:launched', (event) => queueMicrotask(() => executor.success(event.key)));
    await executor.start();
    const runs = ['a', 'b', 'c'].map((name) => executor.queueTask({ key: key(name), command: ['x'] }));
    const report = await executor.end({ drain: true });
    expect(report).toMatchObject({
      finished: [{ taskId: 'a' }, { taskId: 'b' }, { taskId: 'c' }],
      notStarted: [],
      stopped: [],
    });
    for (const run of runs) expect((await run.outcome).state).toBe('success');
  });

  it('drops the oldest events of a full buffer, and says so', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const executor = new ManualExecutor({ eventBufferLimit: 2, logger });
    await executor.start();
    for (const name of ['a', 'b', 'c']) executor.queueTask({ key: key(name), command: ['x'] });
    await executor.heartbeat();
    for (const name of ['a', 'b', 'c']) executor.success(key(name));
    expect([...executor.getEventBuffer().keys()].map(({ taskId }) => taskId)).toEqual(['b', 'c']);
    expect(logger.warn).toHaveBeenCalledOnce();
    await executor.end();
  });

  it('removes listeners by the function that was added', async () => {
    const executor = new ManualExecutor();
    const listener = vi.fn();
    executor.on('task:queued', listener);
    executor.off('task:queued', listener);
    executor.once('task:queued', listener);
    await executor.start();
    executor.queueTask({ key: key('a'), command: ['x'] });
    executor.queueTask({ key: key('b'), command: ['x'] });
    expect(listener).toHaveBeenCalledOnce();
    await executor.terminate();
  });
});
