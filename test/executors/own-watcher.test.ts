import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LifecycleError } from '../../src/errors.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import { KubernetesJobWatcher } from '../../src/watch/job-watcher.js';
import type { WatchEvent, Watcher, WatchStatus } from '../../src/watch/watcher.js';

let cluster: FakeCluster<VirtualClock>;
beforeEach(async () => {
  cluster = await FakeCluster.start({ seed: 1, clock: 'virtual', kubelet: 'scripted' });
});
afterEach(() => cluster.stop());

/** Ends after some events, by turns with and without an error. */
class FragileWatcher implements Watcher {
  starts = 0;
  readonly #inner: Watcher;

  constructor() {
    this.#inner = new KubernetesJobWatcher({ client: cluster.kubeClient(), clock: cluster.clock });
  }

  async *watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    this.starts += 1;
    let events = 0;
    for await (const event of this.#inner.watch(signal)) {
      yield event;
      events += 1;
      if (events === 4 && this.starts % 2 === 0) return;
      if (events === 4) throw new Error('the connection was lost');
    }
  }

  status(): WatchStatus {
    return this.#inner.status();
  }
}

describe('a watcher of the host’s own', () => {
  it('that fails or ends is started again, and no task hangs', async () => {
    const watcher = new FragileWatcher();
    const starting = KubernetesExecutor.connect({
      kubeClient: cluster.kubeClient(),
      clock: cluster.clock,
      config: { image: 'any' },
      watcher,
    });
    await cluster.clock.settle();
    const executor = await starting;
    const runs = ['a', 'b', 'c'].map((taskId) =>
      executor.queueTask({ key: { dagId: 'd', taskId, runId: 'r' }, command: ['any'] }),
    );
    let ended = 0;
    for (const run of runs) void run.outcome.then(() => (ended += 1));
    await cluster.clock.advanceUntil(() => ended === runs.length);
    for (const run of runs) expect((await run.outcome).state).toBe('success');
    expect(watcher.starts).toBeGreaterThan(2);
    const ending = executor.end();
    await cluster.clock.advance('1m');
    await ending;
  });

  it('that never lists does not hold up an executor which is stopped while it starts', async () => {
    const executor = new KubernetesExecutor({
      kubeClient: cluster.kubeClient(),
      clock: cluster.clock,
      config: { image: 'any' },
      watcher: {
        async *watch(signal) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        },
        status: () => ({ synced: false, lists: 0, restarts: {}, silentMs: undefined, lastError: undefined }),
      },
    });
    const starting = executor.start();
    const refused = expect(starting).rejects.toThrowError(LifecycleError);
    await executor.terminate();
    await refused;
  });
});
