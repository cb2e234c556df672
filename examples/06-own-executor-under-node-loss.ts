/**
 * A test of an executor of one's own under node loss: its pod's node goes silent, and it must launch the task again elsewhere. The
 * clock is virtual: the minutes until a cluster notices pass at once. Run it: npx tsx examples/06-own-executor-under-node-loss.ts
 */
import assert from 'node:assert/strict';
import { BaseExecutor, type BaseExecutorOptions, type KubeClient, type Pod, type QueuedTask } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const isLost = ({ status }: Pod) =>
  status?.conditions?.some((item) => item.type === 'Ready' && item.status === 'False');

/** What is to be tested: a pod for each task, looked at every few seconds. */
class PollingExecutor extends BaseExecutor {
  readonly #client: KubeClient;
  constructor(client: KubeClient, options: BaseExecutorOptions) {
    super(options);
    this.#client = client;
  }

  protected async launch({ key, command }: QueuedTask, signal: AbortSignal): Promise<void> {
    for (let launches = 1; ; launches += 1) {
      const phase = await this.#play(`${key.taskId}-${launches}`, [...command], signal);
      if (phase === 'lost') continue;
      if (phase === 'Succeeded') this.success(key, { result: `launch ${launches}` });
      else this.fail(key, 'its pod has failed');
      return;
    }
  }

  /** Runs a pod to its end, or until its node is lost: then nobody else ends it, and it is removed without grace. */
  async #play(name: string, command: string[], signal: AbortSignal): Promise<string> {
    const metadata = { name, annotations: { 'testing.podwright.dev/duration': '1m' } };
    const spec = { restartPolicy: 'Never', containers: [{ name: 'base', image: 'any', command }] };
    await this.#client.createPod('default', { metadata, spec });
    for (;;) {
      await this.clock.delay(5_000, { signal });
      const pod = await this.#client.readPod('default', name);
      const phase = pod?.status?.phase ?? 'Failed';
      if (pod === undefined || phase === 'Succeeded' || phase === 'Failed') return phase;
      if (phase !== 'Running' || !isLost(pod)) continue;
      await this.#client.deletePod('default', name, { gracePeriodSeconds: 0 });
      return 'lost';
    }
  }
}

const cluster = await FakeCluster.start({ clock: 'virtual', nodes: 2, seed: 1 });
const executor = new PollingExecutor(cluster.kubeClient(), { clock: cluster.clock, drive: 'self' });
await executor.start();
cluster.faults.inject({ fault: 'nodeLost', pod: 'load-1' });

const run = executor.queueTask({ key: { dagId: 'orders', taskId: 'load', runId: '42' }, command: ['load-orders'] });
await cluster.clock.advance('5m');
const { state, result } = await run.outcome;
assert.equal(state, 'success');
console.log(`${state} with ${result}, ${cluster.pods('default').length} pod is left`);
await executor.end();
await cluster.stop();
