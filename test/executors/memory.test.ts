/** What a tracked pod costs, measured: a promise of the documentation that a single closure per pod would break. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import type { KubeClient } from '../../src/index.js';
import { KubernetesExecutor } from '../../src/index.js';
import type { Pod } from '../../src/wire/types.js';

const COUNT = 2_000;
const WARM_UP = 200;
const MOST_BYTES = 2_048;
const EXECUTOR = 'memory';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function liveBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise(setImmediate);
    collect();
  }
  return process.memoryUsage().heapUsed;
}

const keyOf = (index: number) => ({
  dagId: 'etl_customer_daily',
  taskId: `load_partition_${index}`,
  runId: `scheduled__2026-11-21T00:${String(Math.floor(index / 100)).padStart(2, '0')}:00.000Z`,
});

/** The pod as a server shows it, as text, so that each reading makes its own copies. */
function served({ metadata, spec }: Pod, index: number, isRunning: boolean): string {
  const at = (seconds: number) => new Date((Math.floor(index / 50) + seconds) * 1_000).toISOString();
  const hex = String(index).padStart(12, '0');
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: at(type === 'PodScheduled' ? 0 : 1),
  }));
  const running = {
    phase: 'Running',
    conditions,
    containerStatuses: [{ name: 'base', state: { running: { startedAt: at(1) } }, restartCount: 0 }],
  };
  return JSON.stringify({
    metadata: {
      ...metadata,
      namespace: 'default',
      uid: `00000000-0000-4000-8000-${hex}`,
      resourceVersion: String(1_000 + index),
      creationTimestamp: at(0),
    },
    spec: isRunning ? { ...spec, nodeName: `node-${index % 100}` } : spec,
    status: isRunning ? running : { phase: 'Pending' },
  });
}

/** A client that lists these pods once, and tells nothing more; what it creates is pending. */
function clientOf(texts: string[]): KubeClient {
  let created = 0;
  const client: Partial<KubeClient> = {
    listPods: async () => ({
      metadata: { resourceVersion: '100000' },
      items: texts.splice(0).map((text) => JSON.parse(text) as Pod),
    }),
    async *watchPods({ signal } = {}) {
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    },
    createPod: async (_namespace, pod) => JSON.parse(served(pod, created++, false)) as Pod,
  };
  return client as KubeClient;
}

const taskOf = (index: number) => ({
  key: keyOf(index),
  command: ['python', '-m', 'etl.load', `--partition=${index}`],
});

function start(texts: string[]): KubernetesExecutor {
  return new KubernetesExecutor({
    kubeClient: clientOf(texts),
    executorId: EXECUTOR,
    parallelism: Number.POSITIVE_INFINITY,
    config: { image: 'registry.example/etl:1', unschedulableTimeout: '24h' },
  });
}

async function bytesPerFound(isRunning: boolean, count: number): Promise<number> {
  const texts: string[] = [];
  const executor = start(texts);
  for (let index = 0; index < count; index += 1)
    texts.push(served(executor.render(taskOf(index), { showSecrets: true }).manifest, index, isRunning));
  const textBytes = texts.reduce((sum, { length }) => sum + length, 0);
  const before = (await liveBytes()) - textBytes;
  await executor.start();
  executor.getEventBuffer();
  expect(executor.slotsOccupied).toBe(count);
  const after = await liveBytes();
  await executor.detach();
  return (after - before) / count;
}

async function bytesPerLaunched(count: number): Promise<number> {
  const executor = start([]);
  await executor.start();
  const before = await liveBytes();
  for (let index = 0; index < count; index += 1) executor.queueTask(taskOf(index));
  await executor.heartbeat();
  while (executor.pending(keyOf(count - 1)) === undefined) await new Promise(setImmediate);
  const after = await liveBytes();
  await executor.detach();
  return (after - before) / count;
}

it.each([
  ['that was found running', (count: number) => bytesPerFound(true, count)],
  ['that was found pending', (count: number) => bytesPerFound(false, count)],
  ['that was launched here', bytesPerLaunched],
])('costs less than 2 KB for each pod %s', async (_what, bytesPer) => {
  await bytesPer(WARM_UP);
  expect(await bytesPer(COUNT)).toBeLessThan(MOST_BYTES);
});
