/**
 * Runs one task as a pod, follows its log, and gets a typed end. The cluster is the embedded one, whose pods are processes of this
 * machine; for a real one, give the executor `await HttpKubeClient.connect()`. Run it: npx tsx examples/01-run-a-pod.ts
 */
import { KubernetesExecutor } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const cluster = await FakeCluster.start({ kubelet: 'process' });
const executor = new KubernetesExecutor({
  kubeClient: cluster.kubeClient(),
  config: { namespace: 'default' },
  drive: 'self',
});
await executor.start();

const run = executor.queueTask({
  key: { dagId: 'orders', taskId: 'load', runId: '42' },
  command: ['node', '-e', 'console.log("loading"); console.log("42 orders loaded");'],
  executorConfig: { image: 'node:20-slim', env: { REGION: 'north' } },
});
for await (const line of run.logs()) console.log(`log: ${line.text}`);

const outcome = await run.outcome;
console.log(`${outcome.state}, exit code ${outcome.exitCode}`);
if (outcome.state === 'failed') console.error(outcome.verdict.message, outcome.verdict.hint);

await executor.end();
await cluster.stop();
