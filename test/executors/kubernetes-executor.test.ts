import { afterEach, describe, expect, it } from 'vitest';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { FakeCluster } from '../../src/testing/index.js';

const NODE = process.execPath;
const open: { cluster?: FakeCluster; executors: KubernetesExecutor[] } = { executors: [] };

async function real(options: Partial<KubernetesExecutorOptions> = {}) {
  const cluster = await FakeCluster.start({ seed: 1, kubelet: 'process' });
  open.cluster = cluster;
  const executor = await connect(cluster, options);
  return { cluster, executor };
}
async function connect(cluster: FakeCluster, options: Partial<KubernetesExecutorOptions> = {}) {
  const executor = await KubernetesExecutor.connect({
    kubeClient: cluster.kubeClient(),
    config: { namespace: 'default', image: 'node:20', ...options.config },
    ...options,
    ...(options.config ? { config: { image: 'node:20', ...options.config } } : {}),
  });
  open.executors.push(executor);
  return executor;
}
const key = (taskId: string, tryNumber = 1) => ({ dagId: 'd', taskId, runId: 'r', tryNumber, mapIndex: -1 });
const work = (taskId: string, script: string, executorConfig?: object) => ({
  key: key(taskId),
  command: [NODE, '-e', script],
  executorConfig,
});

afterEach(async () => {
  await Promise.all(open.executors.splice(0).map((executor) => executor.terminate()));
  await open.cluster?.stop();
});

describe('KubernetesExecutor on pods that really run', () => {
  it('runs a task as a pod, follows its log, tells its end, and cleans up', async () => {
    const { cluster, executor } = await real();
    const run = executor.queueTask(work('a', 'console.log("hello"); console.log("world")'));
    const lines: string[] = [];
    for await (const { text } of run.logs()) lines.push(text);
    expect(lines).toEqual(['hello', 'world']);
    const outcome = await run.outcome;
    expect(outcome).toMatchObject({ state: 'success', exitCode: 0, launches: 1, executor: 'KubernetesExecutor' });
    expect(outcome.ranAs).toMatch(/^default\/d-a-/);
    await executor.end();
    expect(cluster.pods()).toEqual([]);
  });

  it('explains a failure with exit code, log tail and the name of the pod, and keeps the pod marked', async () => {
    const { cluster, executor } = await real();
    const outcome = await executor.queueTask(work('a', 'console.error("no such table"); process.exit(3)')).outcome;
    expect(outcome).toMatchObject({
      state: 'failed',
      exitCode: 3,
      verdict: {
        kind: 'app_exit',
        blame: 'task',
        mainStarted: true,
        evidence: { logTail: 'no such table', exitCode: 3 },
      },
    });
    await executor.end();
    expect(cluster.pods().map(({ metadata }) => metadata?.labels?.['podwright.dev/done'])).toEqual(['true']);
  });

  it('costs one create and one delete for a task that succeeds', async () => {
    const { cluster, executor } = await real();
    await executor.queueTask(work('a', '')).outcome;
    await executor.end();
    const calls = cluster.requests
      .filter(({ path, method }) => method !== 'GET' && path.includes('/pods'))
      .map(({ method }) => method);
    // The kubelet talks to the store directly in process, so what is left is the executor's own.
    expect(calls.filter((method) => method === 'POST')).toHaveLength(1);
    expect(calls.filter((method) => method === 'DELETE')).toHaveLength(1);
  });

  it('finds its pods again after a restart, also those that ended meanwhile', async () => {
    const { cluster, executor } = await real({ executorId: 'host-1' });
    executor.queueTask(work('long', 'setTimeout(() => {}, 1500)'));
    executor.queueTask(work('short', 'setTimeout(() => {}, 100)'));
    await cluster.waitFor(({ labels, phase }) => labels['podwright.dev/task-id'] === 'short' && phase === 'Running');
    expect(await executor.detach()).toHaveLength(2);
    await executor.terminate();
    await cluster.waitFor(({ labels, phase }) => labels['podwright.dev/task-id'] === 'short' && phase === 'Succeeded');
    const second = await connect(cluster, { executorId: 'host-1' });
    expect(second.slotsOccupied).toBe(1);
    expect(second.getRun(key('long'))?.state).toBe('running');
    expect(await second.queueTask(work('short', 'process.exit(9)')).outcome).toMatchObject({ state: 'success' });
    expect(await second.queueTask(work('long', 'process.exit(9)')).outcome).toMatchObject({ state: 'success' });
    expect(cluster.requests.filter(({ verb, resource }) => verb === 'create' && resource === 'pods')).toHaveLength(2);
  });

  it('cancels a running pod and tells what was seen', async () => {
    const { cluster, executor } = await real();
    const run = executor.queueTask(
      work('a', 'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log("up")'),
    );
    for await (const _ of run.logs()) break;
    const result = await executor.cancel(run.key, { grace: '5s' });
    expect(result).toMatchObject({ observed: 'terminated', forced: false });
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled' } });
    await executor.end();
    expect(cluster.pods()).toEqual([]);
  });
});
