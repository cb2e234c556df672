/** `podwright cluster`: the embedded cluster in the foreground. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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
  /** Ends by itself after this time. */
  readonly lifetime?: string;
  /** Ends with standard input, and so with the process that holds its other end, however that one dies. */
  readonly untilStdinEnds?: boolean;
  /** Tells URL and kubeconfig as JSON. */
  readonly json?: boolean;
}

/** Resolves when the command shall end. */
function untilEnd(options: ClusterOptions): Promise<void> {
  const lifetimeMs = options.lifetime === undefined ? undefined : durationMs(options.lifetime, '--lifetime');
  return new Promise((end) => {
    const timer = lifetimeMs === undefined ? undefined : setTimeout(end, lifetimeMs);
    const finish = () => {
      clearTimeout(timer);
      end();
    };
    process.once('SIGTERM', finish);
    process.once('SIGINT', finish);
    if (options.untilStdinEnds === true) process.stdin.on('close', finish).on('end', finish).resume();
  });
}

/** Runs a cluster until it is told to end. */
export async function runCluster(options: ClusterOptions, io: CliIo): Promise<void> {
  const ended = untilEnd(options);
  const { FakeCluster } = await import('../../testing/index.js');
  const cluster = await FakeCluster.start({ port: options.port, kubelet: options.kubelet });
  const folder = options.kubeconfig === undefined ? mkdtempSync(join(tmpdir(), 'podwright-cluster-')) : undefined;
  const kubeconfig = resolve(options.kubeconfig ?? join(folder ?? '.', 'kubeconfig'));
  try {
    await cluster.writeKubeconfig(kubeconfig);
    if (options.json === true) io.out(`${JSON.stringify({ url: cluster.url, kubeconfig, pid: process.pid })}\n`);
    else io.out(`${cluster.url} ready: export KUBECONFIG=${kubeconfig}\n`);
    await ended;
  } finally {
    await cluster.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
  process.stdin.destroy();
}
