/**
 * A test of a host's own retry logic against the failure that one fears: a pod that is killed for memory. The scripted kubelet
 * plays the failure; nothing runs, and nothing needs memory. Run it: npx tsx examples/05-test-without-a-cluster.ts
 */
import assert from 'node:assert/strict';
import { type Executor, KubernetesExecutor } from 'podwright';
import { FakeCluster } from 'podwright/testing';

/** What is to be tested: a task that ran out of memory gets another try with twice as much. */
async function runWithMoreMemory(executor: Executor, annotations: Record<string, string>) {
  for (let [tryNumber, mebibytes] = [1, 64]; ; tryNumber += 1, mebibytes *= 2) {
    const run = executor.queueTask({
      key: { dagId: 'orders', taskId: 'load', runId: '42', tryNumber },
      command: ['load-orders'],
      executorConfig: {
        image: 'orders:1',
        resources: { limits: { memory: `${mebibytes}Mi` } },
        annotations: tryNumber === 1 ? annotations : {},
      },
    });
    const outcome = await run.outcome;
    if (outcome.state === 'success' || outcome.verdict.kind !== 'oom_killed') return { outcome, mebibytes };
    console.log(`try ${tryNumber} with ${mebibytes}Mi: ${outcome.verdict.message}`);
  }
}

const cluster = await FakeCluster.start({ kubelet: 'scripted' });
const executor = new KubernetesExecutor({
  kubeClient: cluster.kubeClient(),
  config: { namespace: 'default' },
  drive: 'self',
});
await executor.start();

const { outcome, mebibytes } = await runWithMoreMemory(executor, { 'testing.podwright.dev/result': 'OOMKilled' });
assert.equal(outcome.state, 'success');
assert.equal(mebibytes, 128);
console.log(`try ${outcome.key.tryNumber} with ${mebibytes}Mi: ${outcome.state}`);

await executor.end();
await cluster.stop();
