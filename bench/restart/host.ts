/**
 * A host that may be killed: it runs the tasks of a file that have no outcome yet, and writes each outcome down before it acknowledges it.
 * `host.ts KUBECONFIG FOLDER EXECUTOR-ID SET-UP`
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpKubeClient, KubernetesExecutor } from 'podwright';
import type { BenchTask, Told } from './cases.js';

const [kubeconfig = '', folder = '', executorId = '', setUp] = process.argv.slice(2);
const tasks = JSON.parse(readFileSync(join(folder, 'tasks.json'), 'utf8')) as BenchTask[];
const outcomes = join(folder, 'outcomes.jsonl');
const done = new Set<string>();

function readOutcomes(): void {
  if (!existsSync(outcomes)) return;
  for (const line of readFileSync(outcomes, 'utf8').split('\n').slice(0, -1)) done.add((JSON.parse(line) as Told).task);
}

const kubeClient = await HttpKubeClient.connect({ kubeconfig });
const executor = new KubernetesExecutor({
  kubeClient,
  executorId,
  drive: 'self',
  acknowledge: 'manual',
  parallelism: 100,
  isStillWanted: ({ taskId }) => !done.has(taskId),
  lease: setUp === 'lease',
  trackWithFinalizer: setUp === 'trackWithFinalizer',
  config: { image: 'none', deleteWorkerPodsOnFailure: true },
});
executor.on('outcome', async (outcome) => {
  const { taskId: task } = outcome.key;
  const why = outcome.state === 'failed' ? `${outcome.verdict.kind}: ${outcome.verdict.message}` : '';
  appendFileSync(outcomes, `${JSON.stringify({ task, state: outcome.state, why, at: Date.now() } satisfies Told)}\n`);
  done.add(task);
  await outcome.acknowledge();
});
await executor.start();
for (;;) {
  readOutcomes();
  if (done.size >= tasks.length) break;
  for (const { task, seconds } of tasks) {
    const key = { dagId: 'restart', taskId: task, runId: folder };
    if (done.has(task) || executor.hasTask(key) || !executor.isMine(key)) continue;
    const script = `echo ${task} >> ${join(folder, 'starts')}; sleep ${seconds}`;
    executor.queueTask({ key, command: ['sh', '-c', script] });
  }
  await executor.changed({ timeout: '1s' });
}
await executor.end();
await kubeClient.close();
