/** The embedded cluster itself, in this process: how fast it starts, writes, tells its watchers, and passes time. */
import { FakeCluster } from 'podwright/testing';
import type { BenchContext, BenchRow } from './server.js';

const PODS = '/api/v1/namespaces/default/pods';
const WATCHERS = 100;
const WATCHED_PODS = 500;
const LIVES = 1_000;
const STARTS = 50;

type Transport = ReturnType<FakeCluster['transport']>;

async function send(transport: Transport, method: 'POST' | 'GET', path: string, body?: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await transport.request({
    method,
    path,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  for await (const _ of response.body);
  if (response.status >= 300) throw new Error(`${method} ${path} answered ${response.status}`);
}

const pod = (index: number, annotations = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p-${index}`, labels: { run: 'bench' }, annotations },
  spec: { restartPolicy: 'Never', containers: [{ name: 'base', image: 'busybox:1.36', command: ['true'] }] },
});

async function createAll(cluster: FakeCluster, count: number, annotations = {}): Promise<void> {
  const transport = cluster.transport();
  for (let index = 0; index < count; index++) await send(transport, 'POST', PODS, pod(index, annotations));
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

const row = (what: string, value: number, unit: string): BenchRow => ({
  what,
  value: Number(value.toPrecision(4)),
  unit,
});

/** Median of a listening cluster's start and stop. */
async function startAndStop(): Promise<BenchRow> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) times.push(await seconds(async () => (await FakeCluster.start()).stop()));
  times.sort((a, b) => a - b);
  return row('start and stop, median', (times[STARTS >> 1] as number) * 1_000, 'ms');
}

async function creates(count: number): Promise<BenchRow[]> {
  const collect = () => (globalThis as { gc?: () => void }).gc?.();
  const cluster = await FakeCluster.start({ kubelet: 'none', listen: false });
  collect();
  const before = process.memoryUsage.rss();
  const took = await seconds(() => createAll(cluster, count));
  collect();
  const grown = (process.memoryUsage.rss() - before) / 1024 / 1024;
  await cluster.stop();
  return [row('pod creates in process', count / took, '1/s'), row(`resident memory of ${count} pods`, grown, 'MiB')];
}

/** Time from the first create until every watcher has read every pod. */
async function fanOut(): Promise<BenchRow> {
  const cluster = await FakeCluster.start({ kubelet: 'none', listen: false });
  const readers = Array.from({ length: WATCHERS }, async () => {
    const response = await cluster.transport().request({ method: 'GET', path: `${PODS}?watch=true`, stream: true });
    let lines = 0;
    for await (const piece of response.body) {
      for (const byte of piece) if (byte === 10) lines++;
      if (lines >= WATCHED_PODS) return;
    }
  });
  const took = await seconds(async () => {
    await createAll(cluster, WATCHED_PODS);
    await Promise.all(readers);
  });
  await cluster.stop();
  return row(`events read by ${WATCHERS} watchers`, (WATCHERS * WATCHED_PODS) / took, '1/s');
}

/** Pods that run for an hour on the virtual clock. */
async function anHour(): Promise<BenchRow> {
  const cluster = await FakeCluster.start({ clock: 'virtual' });
  await createAll(cluster, LIVES, { 'testing.podwright.dev/duration': '59m' });
  const took = await seconds(() => cluster.clock.advance('1h'));
  const ended = cluster.pods().filter(({ status }) => status?.phase === 'Succeeded').length;
  await cluster.stop();
  if (ended !== LIVES) throw new Error(`${ended} of ${LIVES} pods have ended`);
  return row(`an hour in the life of ${LIVES} pods`, took, 's');
}

/** Measures the embedded cluster; `count` is how many pods are created and held. */
export async function benchCluster({ count }: BenchContext): Promise<BenchRow[]> {
  return [await startAndStop(), ...(await creates(count)), await fanOut(), await anHour()];
}
