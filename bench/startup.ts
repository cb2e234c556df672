/** Start-up: from a task being handed over to its program running, one task at a time, for each way to run it. */
import {
  type Executor,
  HttpKubeClient,
  KubernetesExecutor,
  KubernetesPodOperator,
  LocalExecutor,
  type OutcomeTimes,
  SequentialExecutor,
} from 'podwright';
import { type BenchContext, type BenchRow, quantile } from './server.js';

/** Long enough to be seen running. */
const COMMAND = ['sleep', '0.2'];

function rowOf(way: string, all: readonly OutcomeTimes[]): BenchRow {
  const startups = all.map(({ queuedAt, runningAt, endedAt }) => (runningAt ?? endedAt) - queuedAt);
  const rests = all.map(({ runningAt, endedAt }) => endedAt - (runningAt ?? endedAt));
  return {
    'run by': way,
    tasks: all.length,
    'start-up p50 ms': Math.round(quantile(startups, 0.5)),
    'p99 ms': Math.round(quantile(startups, 0.99)),
    'program and outcome p50 ms': Math.round(quantile(rests, 0.5)),
  };
}

async function oneByOne(executor: Executor, count: number, executorConfig?: object): Promise<OutcomeTimes[]> {
  const all: OutcomeTimes[] = [];
  const stamp = Date.now().toString(36);
  for (let index = 0; index < count; index += 1) {
    const key = { dagId: 'bench', taskId: `t${index}`, runId: stamp };
    all.push((await executor.queueTask({ key, command: COMMAND, executorConfig }).outcome).times);
  }
  await executor.end();
  return all;
}

/** What the pods of a cluster add besides podwright: nothing in the embedded one, whose pods are processes without an image. */
export async function benchStartup({ server, count }: BenchContext): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const make of [SequentialExecutor, LocalExecutor]) {
    const executor = new make({ drive: 'self' });
    await executor.start();
    rows.push(rowOf(make.name, await oneByOne(executor, count)));
  }
  const kubeClient = await HttpKubeClient.connect({ kubeconfig: server.kubeconfig });
  const config = { image: 'busybox' };
  const executor = await KubernetesExecutor.connect({ kubeClient, config });
  rows.push(rowOf('KubernetesExecutor', await oneByOne(executor, count)));
  const operator = new KubernetesPodOperator({ ...config, cmds: COMMAND, name: 'bench', kubeClient, getLogs: false });
  const times: OutcomeTimes[] = [];
  for (let index = 0; index < count; index += 1) {
    // Its executor starts with the step, and that is part of the start-up.
    const startedAt = Date.now();
    const { outcome } = await operator.execute();
    times.push({ ...outcome.times, queuedAt: startedAt });
  }
  rows.push(rowOf('KubernetesPodOperator', times));
  await kubeClient.close();
  return rows;
}
