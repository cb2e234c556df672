/**
 * What a task is spared: its pod is evicted, then runs out of memory, then succeeds, all within one try. An hour of pod life passes in
 * milliseconds on the cluster's virtual clock. Run it: npx tsx examples/07-launches-and-limits.ts
 */
import assert from 'node:assert/strict';
import { KubernetesExecutor } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'scripted', seed: 1 });
const executor = new KubernetesExecutor({
  kubeClient: cluster.kubeClient(),
  clock: cluster.clock,
  drive: 'self',
  config: { image: 'orders:1' },
  retry: {
    infra: { max: 3 },
    oom: { max: 2, memoryFactor: 2, maxMemory: '16Gi' },
    // From the first interruption on the task stays off spot nodes.
    afterInterruptions: { count: 1, overlay: { spec: { nodeSelector: { 'kubernetes.io/os': 'linux' } } } },
    // This program says with 75 that the database was away: another launch, at the cost of infrastructure's budget.
    rules: [{ action: 'retry', budget: 'infra', onExitCodes: { values: [75] } }],
  },
  timeouts: { unschedulable: '15m', running: '2h' },
});
const starting = executor.start();
await cluster.clock.settle();
await starting;

executor.on('task:relaunch', ({ verdict, launch }) => console.log(`launch ${launch} follows: ${verdict.message}`));
const run = executor.queueTask({
  key: { dagId: 'orders', taskId: 'load', runId: '42' },
  command: ['load-orders'],
  executorConfig: { limitMemory: '64Mi', annotations: { 'testing.podwright.dev/duration': '1h' } },
});
const isRunning = ({ phase }: { phase: string }) => phase === 'Running';

await cluster.when(isRunning).evict();
await cluster.clock.advance('5s');
await cluster.when(isRunning).oom();
await cluster.clock.advance('5s');
const [pod] = cluster.pods();
console.log(`now it has ${pod?.spec?.containers[0]?.resources?.limits?.memory}`);

await cluster.clock.advance('70m');
const outcome = await run.outcome;
assert.equal(outcome.state, 'success');
console.log(`${outcome.state} after ${outcome.launches} launches in one try`);

const ending = executor.end();
await cluster.clock.settle();
await ending;
await cluster.stop();
