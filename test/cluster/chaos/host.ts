/**
 * A host program that may be killed at any instant: it takes what its database holds open, runs it, and writes each outcome down before it
 * acknowledges it. Ends when nothing is open.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { KubernetesExecutor } from '../../../src/executors/kubernetes/kubernetes-executor.js';
import { HttpKubeClient } from '../../../src/kube/http-kube-client.js';

const [kubeconfig, namespace, database, tasks] = process.argv.slice(2) as [string, string, string, string];
const done = new Set<string>();
if (existsSync(database))
  for (const line of readFileSync(database, 'utf8').split('\n').slice(0, -1))
    done.add((JSON.parse(line) as { task: string }).task);
const open = Array.from({ length: Number(tasks) }, (_, index) => `t${index}`).filter((task) => !done.has(task));
const kubeClient = await HttpKubeClient.connect({ kubeconfig });
const executor = new KubernetesExecutor({
  kubeClient,
  drive: 'self',
  executorId: 'chaos',
  acknowledge: 'manual',
  parallelism: 25,
  // There is one process at a time, so that a restart need not wait for the lease of the one before.
  lease: { duration: '3s', identity: 'only', holdNames: '5s' },
  isStillWanted: ({ taskId }) => !done.has(taskId),
  config: { image: 'any', namespace, terminationGracePeriodSeconds: 1, deleteWorkerPodsOnFailure: true },
});
let left = open.length;
executor.on('outcome', async (outcome) => {
  const { taskId } = outcome.key;
  const { state } = outcome;
  const why = outcome.state === 'failed' ? outcome.verdict.message : undefined;
  appendFileSync(database, `${JSON.stringify({ task: taskId, state, why, launches: outcome.launches })}\n`);
  if (!done.has(taskId)) left -= 1;
  done.add(taskId);
  await outcome.acknowledge();
});
await executor.start();
for (const taskId of open)
  if (!done.has(taskId)) executor.queueTask({ key: { dagId: 'chaos', taskId, runId: 'r' }, command: ['any'] });
while (left > 0) await executor.changed({ timeout: '5s' });
await executor.end();
await kubeClient.close();
