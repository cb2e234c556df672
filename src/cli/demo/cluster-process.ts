/** The demo's cluster: `podwright cluster` as a process of its own, which outlives a host that is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ClusterError } from '../../errors.js';
import { KEEP } from '../commands/cluster.js';
import {
  type ClusterAddress,
  endCluster,
  findCluster,
  type RecordedCluster,
  recordCluster,
} from './recorded-cluster.js';

/** A cluster that runs. */
export interface DemoCluster {
  /** Kubeconfig that leads to it. */
  readonly kubeconfig: string;
  /** URL of its API. */
  readonly url: string;
  /** Ends it. */
  stop(): Promise<void>;
}

/** With a state folder the cluster waits for the host to come back, but not for ever. */
export const LIFETIME = '15m';
const READY_LIMIT_MS = 30_000;

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

/** Where the cluster belongs. */
export interface ClusterPlace {
  /** Folder with what is kept of it. */
  readonly folder: string;
  /** Where its pods leave their starts; it begins anew with each cluster. */
  readonly ledgerFile: string;
  /** Whether it outlives its host. */
  readonly isKept: boolean;
}

/** Starts the cluster, or finds the one that an earlier host has left running in the same folder. */
export async function startCluster({ folder, ledgerFile, isKept }: ClusterPlace): Promise<DemoCluster> {
  const addressFile = join(folder, 'cluster.json');
  const earlier = await findCluster(addressFile);
  if (earlier !== undefined) return handle(earlier, addressFile);
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
  const cluster = await recordCluster(addressFile, address, ledgerFile);
  // From here on the next host finds it.
  if (isKept) child.stdin?.end(KEEP);
  return handle(cluster, addressFile);
}

function handle(cluster: RecordedCluster, addressFile: string): DemoCluster {
  return {
    url: cluster.url,
    kubeconfig: cluster.kubeconfig,
    stop: async () => {
      await endCluster(cluster);
      rmSync(addressFile, { force: true });
    },
  };
}
