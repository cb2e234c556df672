/** The demo's cluster: `podwright cluster` as a process of its own, which outlives a host that is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../../core/clock.js';
import { ClusterError } from '../../errors.js';
import { KEEP } from '../commands/cluster.js';

interface ClusterAddress {
  readonly url: string;
  readonly kubeconfig: string;
  readonly pid: number;
}

/** A cluster that runs. */
export interface DemoCluster {
  /** Kubeconfig that leads to it. */
  readonly kubeconfig: string;
  /** URL of its API. */
  readonly url: string;
  /** Whether an earlier host has started it. */
  readonly isReused: boolean;
  /** Ends it. */
  stop(): Promise<void>;
}

/** With a state folder the cluster waits for the host to come back, but not for ever. */
export const LIFETIME = '15m';
const READY_LIMIT_MS = 30_000;
const END_LIMIT_MS = 10_000;
const POLL_MS = 50;

async function isAlive(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/version`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function endProcess(pid: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const limit = systemClock.monotonic() + END_LIMIT_MS;
    if (isProcess(pid)) process.kill(pid, signal);
    // It may be the child of a host that is gone, so there is no exit event to wait for.
    while (isProcess(pid) && systemClock.monotonic() < limit) await systemClock.delay(POLL_MS);
  }
}

/** Reads the one line by which the cluster says that it is ready. */
async function readAddress(child: ChildProcess, logFile: string): Promise<ClusterAddress> {
  if (child.stdout === null) throw new ClusterError('The cluster process has no output');
  const lines = createInterface({ input: child.stdout });
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_LIMIT_MS);
  try {
    for await (const line of lines) return JSON.parse(line) as ClusterAddress;
  } finally {
    clearTimeout(timer);
    lines.close();
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const words = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim() : '';
  throw new ClusterError(
    `The embedded cluster did not start: ${words || 'it said nothing'}`,
    `Its output is in ${logFile}`,
  );
}

/** Starts the cluster, or finds the one that an earlier host has left running in the same folder. */
export async function startCluster(folder: string, isKept: boolean): Promise<DemoCluster> {
  const addressFile = join(folder, 'cluster.json');
  if (existsSync(addressFile)) {
    const earlier = JSON.parse(readFileSync(addressFile, 'utf8')) as ClusterAddress;
    if (await isAlive(earlier.url)) return handle(earlier, addressFile, true);
  }
  const logFile = join(folder, 'cluster.log');
  const log = openSync(logFile, 'w');
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      process.argv[1] as string,
      ...['cluster', '--json', '--kubelet', 'process', '--kubeconfig', join(folder, 'kubeconfig')],
      ...['--until-stdin-ends', ...(isKept ? ['--lifetime', LIFETIME] : [])],
    ],
    {
      // A group of its own: Ctrl-C is the host's to handle. The pipe to its input ends it with the host, unless it is to be found again.
      detached: true,
      stdio: ['pipe', 'pipe', log],
    },
  );
  closeSync(log);
  const address = await readAddress(child, logFile);
  child.stdout?.destroy();
  child.unref();
  // An open pipe must not keep the host alive by itself.
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  writeFileSync(`${addressFile}.tmp`, JSON.stringify(address));
  renameSync(`${addressFile}.tmp`, addressFile);
  // From here on the next host finds it.
  if (isKept) child.stdin?.end(KEEP);
  return handle(address, addressFile, false);
}

function handle({ url, kubeconfig, pid }: ClusterAddress, addressFile: string, isReused: boolean): DemoCluster {
  return {
    url,
    kubeconfig,
    isReused,
    stop: async () => {
      await endProcess(pid);
      rmSync(addressFile, { force: true });
    },
  };
}
