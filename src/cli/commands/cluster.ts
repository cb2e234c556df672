/** `podwright cluster`: the embedded cluster in the foreground. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../../core/clock.js';
import { durationMs } from '../../core/duration.js';
import type { CliIo } from '../io.js';

/** Options of `podwright cluster`. */
export interface ClusterOptions {
  /** Port on the loopback interface. */
  readonly port: number;
  /** Where the kubeconfig goes. */
  readonly kubeconfig?: string;
  /** What runs the pods. */
  readonly kubelet: 'process' | 'scripted' | 'none';
  /** Bearer token that requests must carry. */
  readonly token?: string;
  /** Makes uids, names and shares of faults repeatable. */
  readonly seed?: number;
  /** Ends by itself after this time. */
  readonly lifetime?: string;
  /** Ends with standard input, and so with the process that holds its other end, however that one dies. */
  readonly untilStdinEnds?: boolean;
  /** Tells URL and kubeconfig as JSON. */
  readonly json?: boolean;
}

/** What tells the command to end. */
interface Ending {
  /** Resolves when it shall end. */
  readonly told: Promise<void>;
  /** Lets go of all that would keep the process alive. */
  dispose(): void;
}

function listenForEnd(options: ClusterOptions): Ending {
  const lifetimeMs = options.lifetime === undefined ? undefined : durationMs(options.lifetime, '--lifetime');
  let tell = (): void => {};
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const cancelTimer = lifetimeMs === undefined ? undefined : systemClock.schedule(lifetimeMs, tell);
  process.once('SIGTERM', tell);
  process.once('SIGINT', tell);
  if (options.untilStdinEnds === true) process.stdin.on('close', tell).on('end', tell).resume();
  return {
    told,
    dispose: () => {
      cancelTimer?.();
      process.off('SIGTERM', tell).off('SIGINT', tell);
      if (options.untilStdinEnds === true) process.stdin.destroy();
    },
  };
}

/** Runs a cluster until it is told to end. */
export async function runCluster(options: ClusterOptions, io: CliIo): Promise<void> {
  // Signals that come while the cluster starts must count, too.
  const ending = listenForEnd(options);
  try {
    const { FakeCluster } = await import('../../testing/index.js');
    const cluster = await FakeCluster.start({
      port: options.port,
      kubelet: options.kubelet,
      token: options.token,
      seed: options.seed,
    });
    const folder = options.kubeconfig === undefined ? mkdtempSync(join(tmpdir(), 'podwright-cluster-')) : undefined;
    const kubeconfig = resolve(options.kubeconfig ?? join(folder ?? '.', 'kubeconfig'));
    try {
      await cluster.writeKubeconfig(kubeconfig);
      if (options.json === true) io.out(`${JSON.stringify({ url: cluster.url, kubeconfig, pid: process.pid })}\n`);
      else io.out(`${cluster.url} ready: export KUBECONFIG=${kubeconfig}\n`);
      await ending.told;
    } finally {
      await cluster.stop();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    ending.dispose();
  }
}
