/** Adoption: an executor is started beside many pods that its former self has made, or that a dead executor has left. */
import { setTimeout as delay } from 'node:timers/promises';
import { eachPod, HttpKubeClient, KubernetesExecutor, type KubernetesExecutorOptions, type Pod } from 'podwright';
import { type BenchContext, type BenchRow, cpuMs, inParallel, quantile } from './server.js';

const HEARTBEATS = 50;
const POLL_MS = 20;
const REST_MS = 1_000;
const CLEANUP_TRIES = 30;

/** Live bytes once everything has come to rest and what is dead is gone (`node --expose-gc`). */
async function heapBytes(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  for (let round = 0; round < 3; round += 1) {
    await delay(REST_MS);
    gc?.();
  }
  return process.memoryUsage().heapUsed;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(POLL_MS);
}

/** Measures how long adoption takes, what a tracked pod costs in memory, and how long a heartbeat takes beside so many. */
export async function benchAdopt({ server, count, concurrency }: BenchContext): Promise<BenchRow[]> {
  const kubeClient = await HttpKubeClient.connect({ kubeconfig: server.kubeconfig, maxSockets: concurrency });
  const stamp = Date.now().toString(36);
  const keys = Array.from({ length: count }, (_, index) => ({
    dagId: 'adoption_bench',
    taskId: `load_partition_${index}`,
    runId: `manual__2026-11-21T00:00:00+00:00_${stamp}`,
  }));
  const start = (executorId: string, options: Partial<KubernetesExecutorOptions> = {}) =>
    KubernetesExecutor.connect({
      kubeClient,
      executorId: `${executorId}-${stamp}`,
      parallelism: Number.POSITIVE_INFINITY,
      config: { image: 'none', podCreationConcurrency: concurrency, syncTimeout: '5m', unschedulableTimeout: '24h' },
      ...options,
    });
  const makeAll = async (): Promise<void> => {
    const maker = await start('maker');
    for (const key of keys) maker.queueTask({ key, command: ['true'] });
    await until(() => (maker.watchStatus().pods ?? 0) >= count);
    await maker.detach();
  };
  await makeAll();
  const rows: BenchRow[] = [];
  // Whatever the makers have left behind for a while is no part of the base, nor is what is loaded by the first executor that lists.
  const first = await start('nobody');
  await first.detach();
  const base = await heapBytes();
  let startedAt = performance.now();
  let cpu = cpuMs();
  const same = await start('maker');
  await until(() => same.slotsOccupied >= count);
  rows.push(await row('own pods, after a restart', same));
  await same.detach();

  startedAt = performance.now();
  cpu = cpuMs();
  const other = await start('other');
  const left = await other.tryAdoptTaskInstances(keys);
  if (left.length > 0) throw new Error(`${left.length} tasks were not adopted`);
  await until(() => other.slotsOccupied >= count);
  rows.push(await row("another executor's pods", other));
  await other.detach();
  rows.push(await barePatches());
  // Of tens of thousands a server deletes as many as it can in its time for one request.
  for (let tries = 0; tries < CLEANUP_TRIES; tries += 1) {
    await kubeClient.deletePods({ namespace: 'default', gracePeriodSeconds: 0 }).catch(() => {});
    if ((await kubeClient.listPods({ namespace: 'default', limit: 1 })).items.length === 0) break;
  }
  await kubeClient.close();
  return rows;

  /** The peer of the row above it: the same patches of the same pods at the same time, and nothing beside them. */
  async function barePatches(): Promise<BenchRow> {
    const pods: Pod[] = [];
    for await (const pod of eachPod(kubeClient, { namespace: 'default' })) pods.push(pod);
    startedAt = performance.now();
    cpu = cpuMs();
    await inParallel(pods.length, concurrency, async (index) => {
      const { name = '', namespace = '', uid, resourceVersion } = pods[index]?.metadata ?? {};
      const patch = { metadata: { uid, resourceVersion, labels: { bench: stamp } } };
      await kubeClient.patchPod(namespace, name, patch, { answer: 'metadata' });
    });
    return {
      ...costs('bare patches of the same pods'),
      'bytes/pod': '',
      'heartbeat p50 ms': '',
      'heartbeat max ms': '',
    };
  }

  function costs(what: string): BenchRow {
    const seconds = (performance.now() - startedAt) / 1_000;
    return {
      adopted: what,
      pods: count,
      seconds: Number(seconds.toFixed(1)),
      'pods/s': Math.round(count / seconds),
      'CPU ms/pod': Number(((cpuMs() - cpu) / count).toFixed(3)),
    };
  }

  async function row(what: string, executor: KubernetesExecutor): Promise<BenchRow> {
    const spent = costs(what);
    const isFirst = rows.length === 0;
    const bytes = ((await heapBytes()) - base) / count;
    const beats: number[] = [];
    for (let beat = 0; beat < HEARTBEATS; beat += 1) {
      const begun = performance.now();
      await executor.heartbeat();
      beats.push(performance.now() - begun);
    }
    return {
      ...spent,
      // Only the first is beside nothing else that has come or gone meanwhile.
      'bytes/pod': isFirst ? Math.round(bytes) : '',
      'heartbeat p50 ms': Number(quantile(beats, 0.5).toFixed(2)),
      'heartbeat max ms': Number(Math.max(...beats).toFixed(2)),
    };
  }
}
