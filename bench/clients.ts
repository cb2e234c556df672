/** The benchmarks of the client and the watch, each against its peers. */

import { POD_LIMIT } from './contenders/watch.js';
import { runRounds } from './job.js';
import type { Measured } from './measure.js';
import { clientOf, havePods, removePods } from './pods.js';
import { benchSeen } from './seen.js';
import type { BenchContext, BenchRow } from './server.js';

const digits = (value: number, places: number) => Number(value.toFixed(places));
const MB = 1024 * 1024;

/** One row for each contender, compared with the two that matter. */
function rows(results: ReadonlyMap<string, Measured>, unit: string, base: string, peer: string): BenchRow[] {
  const perSecond = ({ count, seconds }: Measured) => count / seconds;
  const perCpu = ({ count, cpuMs }: Measured) => count / cpuMs;
  const [first, other] = [results.get(base), results.get(peer)];
  return [...results].map(([client, result]) => ({
    client,
    [`${unit}/s`]: Math.round(perSecond(result)),
    'CPU µs each': digits((result.cpuMs / result.count) * 1_000, 1),
    'throughput to raw': first === undefined ? 0 : digits(perSecond(result) / perSecond(first), 2),
    [`per CPU second to ${peer}`]: other === undefined ? 0 : digits(perCpu(result) / perCpu(other), 2),
    'loop blocked ms': digits(result.blockedMs, 1),
    'of it busy at most': digits(result.busyMs, 1),
    'heap bytes each': Math.round(result.heapBytes / result.count),
    'peak MB': digits(result.peakBytes / MB, 1),
  }));
}

/** Creating pods. */
export async function benchCreates({ server, count, concurrency, rounds }: BenchContext): Promise<BenchRow[]> {
  const { kubeconfig, isEmbedded } = server;
  const client = await clientOf(kubeconfig);
  const job = { bench: 'creates', kubeconfig, isEmbedded, count, concurrency };
  const results = await runRounds(['raw', 'podwright', 'client-node'], rounds, job, () =>
    removePods(client, 'creates'),
  );
  await client.close();
  return rows(results, 'creates', 'raw', 'client-node');
}

/** Reading watches. */
export async function benchWatch({ server, count, concurrency, rounds }: BenchContext): Promise<BenchRow[]> {
  const { kubeconfig, isEmbedded } = server;
  const client = await clientOf(kubeconfig);
  const job = { bench: 'watch', kubeconfig, isEmbedded, count, concurrency };
  try {
    await havePods(client, 'watch', Math.min(count, POD_LIMIT), isEmbedded);
    const names = ['raw', 'podwright', 'podwright ListWatcher', 'client-node'];
    const read = rows(await runRounds(names, rounds, job), 'events', 'raw', 'client-node');
    return [...read, await benchSeen(server)];
  } finally {
    await removePods(client, 'watch');
    await client.close();
  }
}

/** The first list of a watcher. */
export async function benchList({ server, count, concurrency, rounds }: BenchContext): Promise<BenchRow[]> {
  const { kubeconfig, isEmbedded } = server;
  const client = await clientOf(kubeconfig);
  const job = { bench: 'list', kubeconfig, isEmbedded, count, concurrency };
  try {
    await havePods(client, 'list', count, isEmbedded);
    const names = ['raw pages', 'podwright stream', 'podwright pages', 'podwright resync', 'client-node informer'];
    return rows(await runRounds(names, rounds, job), 'pods', 'raw pages', 'client-node informer');
  } finally {
    await removePods(client, 'list');
    await client.close();
  }
}
