/**
 * A host program that may be killed at any instant: it takes what its database holds open, runs it, and writes each outcome down before it
 * acknowledges it. Ends when nothing is open.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { KubernetesExecutor } from '../../../src/executors/kubernetes/kubernetes-executor.js';
import { HttpKubeClient } from '../../../src/kube/http-kube-client.js';

const [kubeconfig, namespace, database, count, index, hosts] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const isAlone = hosts === '1';
const tasks = Array.from({ length: Number(count) }, (_, number) => `t${number}`);
const done = new Set<string>();

/** Reads what all hosts have written down; a line may be half written. */
function readDatabase(): void {
  if (!existsSync(database)) return;
  for (const line of readFileSync(database, 'utf8').split('\n').slice(0, -1))
    done.add((JSON.parse(line) as { task: string }).task);
}

const kubeClient = await HttpKubeClient.connect({ kubeconfig });
const executor = new KubernetesExecutor({
  kubeClient,
  drive: 'self',
  executorId: `chaos-${index}`,
  acknowledge: 'manual',
  parallelism: 25,
  // Where there is one process at a time, a restart need not wait for the lease of the one before.
  lease: { duration: '3s', holdNames: '5s', ...(isAlone ? { identity: 'only' } : {}) },
  isStillWanted: ({ taskId }) => !done.has(taskId),
  config: { image: 'any', namespace, terminationGracePeriodSeconds: 1, deleteWorkerPodsOnFailure: true },
});
executor.on('outcome', async (outcome) => {
  const { taskId } = outcome.key;
  const { state } = outcome;
  // What another host has done meanwhile was refused here right before its launch, which says nothing about the task.
  if (outcome.state === 'failed' && outcome.verdict.kind === 'cancelled' && done.has(taskId))
    return outcome.acknowledge();
  const why = outcome.state === 'failed' ? outcome.verdict.message : undefined;
  appendFileSync(database, `${JSON.stringify({ task: taskId, state, why, launches: outcome.launches })}\n`);
  done.add(taskId);
  await outcome.acknowledge();
});
await executor.start();
for (;;) {
  readDatabase();
  if (done.size >= tasks.length) break;
  for (const taskId of tasks) {
    const key = { dagId: 'chaos', taskId, runId: 'r' };
    if (!done.has(taskId) && !executor.hasTask(key) && executor.isMine(key))
      executor.queueTask({ key, command: ['any'] });
  }
  await executor.changed({ timeout: '1s' });
}
await executor.end();
await kubeClient.close();
