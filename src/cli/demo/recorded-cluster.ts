/** What a host of the demo writes down of its cluster, and how the next one finds that cluster again or makes sure that it is gone. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type Clock, systemClock } from '../../core/clock.js';
import { descendantsOf, processStartTicks, sendSignal } from '../../executors/local/process-tree.js';

/** Where a cluster is, as it tells itself. */
export interface ClusterAddress {
  readonly url: string;
  readonly kubeconfig: string;
  readonly pid: number;
}

/** A cluster that is written down. */
export interface RecordedCluster extends ClusterAddress {
  /** Start of its process, which tells it from a later one with the same id; not known on systems without /proc, nor in older files. */
  readonly startTicks?: string | undefined;
}

/** What stands for the world in tests. */
export interface RecordedClusterOptions {
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Whether the API at a URL answers within a limit. @default by HTTP */
  readonly isAnswering?: ((url: string, limitMs: number) => Promise<boolean>) | undefined;
}

/** For a server that may be anybody's. */
const ASK_LIMIT_MS = 2_000;
/** For one whose process lives: where the machine is busy, it answers late. */
const PATIENCE_MS = 15_000;
const END_LIMIT_MS = 10_000;
const POLL_MS = 50;

async function answersByHttp(url: string, limitMs: number): Promise<boolean> {
  try {
    return (await fetch(`${url}/version`, { signal: AbortSignal.timeout(Math.ceil(limitMs)) })).ok;
  } catch {
    return false;
  }
}

/** Whether its process still runs; where its start is not known, one with its id has to do. */
async function isRunning({ pid, startTicks }: RecordedCluster): Promise<boolean> {
  return startTicks === undefined ? sendSignal(pid, 0) : (await processStartTicks(pid)) === startTicks;
}

/** The cluster together with the start of its process, where that can be had. */
async function identified(cluster: RecordedCluster): Promise<RecordedCluster> {
  return { ...cluster, startTicks: cluster.startTicks ?? (await processStartTicks(cluster.pid)) };
}

/** Ends a cluster and its pods, unless its process is gone already. */
export async function endCluster(cluster: RecordedCluster, clock: Clock = systemClock): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const limit = clock.monotonic() + END_LIMIT_MS;
    // Its pods are processes below it, which it ends by itself as long as it is asked to.
    const pods = signal === 'SIGKILL' ? await descendantsOf(cluster.pid) : [];
    if (!(await isRunning(cluster))) return;
    for (const pid of [cluster.pid, ...pods]) sendSignal(pid, signal);
    // It may be the child of a host that is gone, so there is no exit event to wait for.
    while ((await isRunning(cluster)) && clock.monotonic() < limit) await clock.delay(POLL_MS);
  }
}

/**
 * The cluster of an earlier host, where its process lives and answers. One that lives and does not answer in time is ended: its pods would go on
 * beside those of the next cluster. `undefined` where there is none left.
 */
export async function findCluster(
  file: string,
  { clock = systemClock, isAnswering = answersByHttp }: RecordedClusterOptions = {},
): Promise<RecordedCluster | undefined> {
  if (!existsSync(file)) return undefined;
  const cluster = JSON.parse(readFileSync(file, 'utf8')) as RecordedCluster;
  const hasIdentity = cluster.startTicks !== undefined;
  const limit = clock.monotonic() + (hasIdentity ? PATIENCE_MS : ASK_LIMIT_MS);
  for (let left = limit - clock.monotonic(); left > 0; left = limit - clock.monotonic()) {
    const hasAnswered = await isAnswering(cluster.url, left);
    // Looked at after the answer, which may be that of a stranger who has got the port of a dead cluster.
    if (!(await isRunning(cluster))) return undefined;
    if (hasAnswered) return identified(cluster);
    await clock.delay(POLL_MS);
  }
  // Without its start nothing tells it from a stranger.
  if (hasIdentity) await endCluster(cluster, clock);
  return undefined;
}

/** Writes down a new cluster. What the one before has left in `ledgerFile` goes first: a host that dies in between must not leave the two side by side. */
export async function recordCluster(
  file: string,
  address: ClusterAddress,
  ledgerFile: string,
): Promise<RecordedCluster> {
  const cluster = await identified(address);
  // What ran in a cluster that is gone may rightly run again.
  rmSync(ledgerFile, { force: true });
  writeFileSync(`${file}.tmp`, JSON.stringify(cluster));
  renameSync(`${file}.tmp`, file);
  return cluster;
}
