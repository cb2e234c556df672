import { describe, expect, it, vi } from 'vitest';
import type { QueuedTask } from '../../src/core/outcome.js';
import type { TaskInstanceKey } from '../../src/core/task-key.js';
import { ConfigError } from '../../src/errors.js';
import { BaseExecutor } from '../../src/executors/base-executor.js';
import type { CancelResult } from '../../src/executors/executor.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { VirtualClock } from '../../src/testing/index.js';

class ManualExecutor extends BaseExecutor {
  readonly launched: QueuedTask[] = [];

  protected override launch(task: QueuedTask): void {
    this.launched.push(task);
  }
}

/** Learns of the end of its tasks only by asking for it, as an executor of a remote service does. */
class PollingExecutor extends ManualExecutor {
  readonly finished = new Set<string>();
  polls = 0;

  override async sync(): Promise<void> {
    this.polls += 1;
    if (this.polls === 1) throw new Error('the service did not answer');
    for (const task of this.launched) if (this.finished.has(task.key.taskId)) this.success(task.key);
  }
}
const key = (taskId: string) => ({ dagId: 'd', taskId, runId: 'r' });

/** An executor that has launched a task. */
async function withOneTask() {
  const executor = new ManualExecutor();
  await executor.start();
  const run = executor.queueTask({ key: key('a'), command: ['x'] });
  await executor.heartbeat();
  return { executor, run };
}

describe('BaseExecutor', () => {
  it.each([0, -1, 1.5, Number.NaN, '4', null])('refuses a parallelism of %s', (parallelism) => {
    expect(() => new ManualExecutor({ parallelism: parallelism as number })).toThrowError(ConfigError);
    expect(() => new ManualExecutor({ parallelism: parallelism as number })).toThrowError(
      /parallelism must be an integer of at least 1/,
    );
  });

  it('refuses options that are no object, and a Kubernetes executor without a client', () => {
    expect(() => new ManualExecutor(null as never)).toThrowError(/options must be an object, got null/);
    expect(() => new KubernetesExecutor({} as never)).toThrowError(/kubeClient must be a KubeClient; pass/);
    expect(() => new KubernetesExecutor({ kubeClient: 'https://x' } as never)).toThrowError(ConfigError);
  });

  it('is called as its class, also where a bundler has put an underscore before that name', () => {
    const Bundled = class _ManualExecutor extends ManualExecutor {};
    expect([new ManualExecutor().name, new Bundled().name]).toEqual(['ManualExecutor', 'ManualExecutor']);
    expect(new Bundled({ name: '_mine' }).name).toBe('_mine');
  });

  it.each(['end', 'terminate', 'abandon'] as const)(
    'has let go of everything when a second call of %s is over',
    async (last) => {
      let close = () => {};
      const closing = new Promise<void>((resolve) => {
        close = resolve;
      });
      class SlowToClose extends ManualExecutor {
        isClosing = false;
        override abandon = () => super.abandon();
        protected override onClose = () => {
          this.isClosing = true;
          return closing;
        };
      }
      const executor = new SlowToClose();
      await executor.start();
      const first = executor.terminate();
      await vi.waitFor(() => expect(executor.isClosing).toBe(true));
      let isOver = false;
      const second = executor[last]().then(() => {
        isOver = true;
      });
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      expect(isOver).toBe(false);
      close();
      await Promise.all([first, second]);
    },
  );

  it.each(['cancel', 'terminate', 'fail'] as const)(
    'does not launch what a listener of its launch ends by %s',
    async (how) => {
      const executor = new ManualExecutor();
      await executor.start();
      const act = { cancel: () => executor.cancel(key('a')), terminate: () => executor.terminate(), fail: () => {} };
      executor.once('task:launched', () => {
        void act[how]();
        if (how === 'fail') executor.fail(key('a'), 'not today');
      });
      const run = executor.queueTask({ key: key('a'), command: ['x'] });
      await executor.heartbeat();
      expect(await run.outcome).toMatchObject({ state: 'failed', launches: 0 });
      expect(executor.launched).toEqual([]);
      await executor.terminate();
    },
  );

  it('refuses a grace and a timeout that are none, and ends nothing', async () => {
    const { executor } = await withOneTask();
    await expect(executor.cancel(key('a'), { grace: 'soon' as never })).rejects.toThrow(/grace must be a duration/);
    expect(executor.hasTask(key('a'))).toBe(true);
    await expect(executor.end({ timeout: 'soon' as never })).rejects.toThrow(/timeout must be a duration/);
    await expect(executor.end({ timeout: 0 })).resolves.toMatchObject({ stopped: [key('a')] });
  });

  it('tells the fates of all it has waited for, also of those that a cancel or a terminate() has stopped meanwhile', async () => {
    const executor = new ManualExecutor({ parallelism: 3 });
    await executor.start();
    for (const name of ['a', 'b', 'c', 'waits']) executor.queueTask({ key: key(name), command: ['x'] });
    await executor.heartbeat();
    const ending = executor.end({ drain: true });
    executor.success(key('a'));
    await executor.cancel(key('b'));
    await executor.terminate();
    const { finished, notStarted, stopped } = await ending;
    const names = (keys: readonly TaskInstanceKey[]) => keys.map(({ taskId }) => taskId).sort();
    expect(names(finished)).toEqual(['a']);
    // The slot that came free may have been filled before.
    expect(names([...notStarted, ...stopped])).toEqual(['b', 'c', 'waits']);
    expect(names(stopped)).toEqual(expect.arrayContaining(['b', 'c']));
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
    const { executor, run } = await withOneTask();
    expect(executor.success(key('a'), { exitCode: 0 })).toBe(true);
    expect(executor.fail(key('a'), 'too late')).toBe(false);
    expect(await run.outcome).toMatchObject({ state: 'success', exitCode: 0 });
    await executor.end();
  });

  it('gives a failure without a reason a verdict that says so', async () => {
    const { executor, run } = await withOneTask();
    executor.changeState(key('a'), 'failed');
    expect(await run.outcome).toMatchObject({ verdict: { kind: 'unknown', confidence: 'guess' } });
    await executor.end();
  });

  it('wakes a host that waits for changes, and times out on the clock it was given', async () => {
    const { executor } = await withOneTask();
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

  it('lets go of whoever waits for changes after its end, which it tells once', { timeout: 2_000 }, async () => {
    const { executor } = await withOneTask();
    await executor.terminate();
    expect(await executor.changed()).toBe(true);
    expect(await executor.changed()).toBe(false);
    // With a limit it waits that long, as a loop expects that goes on.
    expect(await executor.changed({ timeout: 5 })).toBe(false);
    await expect(executor.changed({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrowError('enough');
  });

  it('ends after a timeout although a task still runs', async () => {
    const { executor, run } = await withOneTask();
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

  it('asks an executor that polls while it drives itself, and goes on after an error', async () => {
    const clock = new VirtualClock();
    const executor = new PollingExecutor({ drive: 'self', clock, syncInterval: '5s' });
    await executor.start();
    await clock.advance('1m');
    expect(executor.polls).toBe(0);
    const run = executor.queueTask({ key: key('a'), command: ['x'] });
    await clock.advance('11s');
    expect(executor.polls).toBe(2);
    executor.finished.add('a');
    await clock.advance('5s');
    expect((await run.outcome).state).toBe('success');
    await clock.advance('1m');
    expect(executor.polls).toBe(3);
    await executor.end();
  });

  it('asks an executor that polls while it ends, though the host can beat no more', async () => {
    const clock = new VirtualClock();
    const executor = new PollingExecutor({ clock });
    await executor.start();
    const run = executor.queueTask({ key: key('a'), command: ['x'] });
    await executor.heartbeat().catch(() => {});
    executor.finished.add('a');
    const ending = executor.end();
    await clock.advance('2s');
    expect((await run.outcome).state).toBe('success');
    expect(await ending).toMatchObject({ finished: [{ taskId: 'a' }], stopped: [] });
  });

  it('counts an end as unseen where the executor fails to stop a task', async () => {
    class Stubborn extends ManualExecutor {
      protected override onCancel(): Promise<CancelResult> {
        return Promise.reject(new Error('no'));
      }
    }
    const executor = new Stubborn({ drive: 'self' });
    await executor.start();
    const run = executor.queueTask({ key: key('a'), command: ['x'] });
    await Promise.resolve();
    expect(await executor.cancel(key('a'))).toEqual({ observed: 'unconfirmed', forced: false });
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled' } });
    await executor.end();
  });

  it('ends the wait for a cancel with its signal, and the cancel goes on', async () => {
    let finish = (_: CancelResult) => {};
    class Slow extends ManualExecutor {
      protected override onCancel(): Promise<CancelResult> {
        return new Promise((resolve) => {
          finish = resolve;
        });
      }
    }
    const executor = new Slow({ drive: 'self' });
    await executor.start();
    const run = executor.queueTask({ key: key('a'), command: ['x'] });
    await Promise.resolve();
    const controller = new AbortController();
    const cancelled = executor.cancel(key('a'), { signal: controller.signal });
    controller.abort();
    expect(await cancelled).toEqual({ observed: 'unconfirmed', forced: false });
    expect(executor.hasTask(key('a'))).toBe(true);
    finish({ observed: 'terminated', exitCode: 143, forced: false });
    expect(await run.outcome).toMatchObject({ exitCode: 143, verdict: { kind: 'cancelled' } });
    await executor.end();
  });
});
