/**
 * Local processes and pods side by side: the queue of a task decides. One task fails, and its verdict says why.
 * Run it: npx tsx examples/03-hybrid.ts
 */
import { KubernetesExecutor, LocalExecutor, LocalKubernetesExecutor } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const cluster = await FakeCluster.start({ kubelet: 'process' });
const executor = new LocalKubernetesExecutor({
  local: new LocalExecutor({ parallelism: 2 }),
  kubernetes: new KubernetesExecutor({ kubeClient: cluster.kubeClient(), config: { namespace: 'default' } }),
  kubernetesQueue: 'kubernetes',
});
await executor.start();
executor.on('task:running', ({ key, ranAs, executor: name }) =>
  console.log(`${key.taskId} runs in ${name} as ${ranAs}`),
);

const stop = new AbortController();
const driving = executor.run({ signal: stop.signal });
const key = (taskId: string) => ({ dagId: 'orders', taskId, runId: '42' });
const node = (code: string) => ['node', '-e', code];
const runs = [
  executor.queueTask({ key: key('extract'), command: node('console.log(1)') }),
  executor.queueTask({
    key: key('train'),
    command: node('console.log(2)'),
    queue: 'kubernetes',
    executorConfig: { image: 'node' },
  }),
  executor.queueTask({
    key: key('publish'),
    command: node('process.exit(3)'),
    queue: 'kubernetes',
    executorConfig: { image: 'node' },
  }),
];

for (const run of runs) {
  const outcome = await run.outcome;
  const why = outcome.state === 'failed' ? `: ${outcome.verdict.kind}, ${outcome.verdict.message}` : '';
  console.log(`${outcome.key.taskId} in ${outcome.executor}: ${outcome.state}${why}`);
}

await executor.end();
stop.abort();
await driving;
await cluster.stop();
