/** `podwright cluster`: the embedded cluster in the foreground. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../../core/clock.js';
import { durationMs } from '../../core/duration.js';
import { ConfigError } from '../../errors.js';
import type { FaultSpec } from '../../testing/faults/spec.js';
import { parseYaml, YamlError } from '../../wire/yaml.js';
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
  /** Whether it speaks TLS. */
  readonly tls?: boolean;
  /** Makes uids, names and shares of faults repeatable. */
  readonly seed?: number;
  /** File with the faults to begin with. */
  readonly faults?: string;
  /** Ends by itself after this time. */
  readonly lifetime?: string;
  /** Ends with standard input, and so with the process that holds its other end, however that one dies, unless that has sent {@link KEEP}. */
  readonly untilStdinEnds?: boolean;
  /** Tells URL and kubeconfig as JSON. */
  readonly json?: boolean;
}

/** Written to standard input, it takes `--until-stdin-ends` back: whoever started the cluster has written down where it is. */
export const KEEP = 'keep\n';

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
  if (options.untilStdinEnds === true) {
    process.stdin.on('close', tell).on('end', tell);
    process.stdin.on('data', (text) => {
      if (String(text).startsWith(KEEP)) process.stdin.off('close', tell).off('end', tell);
    });
  }
  return {
    told,
    dispose: () => {
      cancelTimer?.();
      process.off('SIGTERM', tell).off('SIGINT', tell);
      if (options.untilStdinEnds === true) process.stdin.destroy();
    },
  };
}

/** The faults of a file, checked. @throws ConfigError */
async function readFaults(file: string): Promise<FaultSpec[]> {
  const { parseFaults } = await import('../../testing/faults/spec.js');
  try {
    return parseFaults(parseYaml(readFileSync(file, 'utf8')).value);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const rule =
      error instanceof YamlError
        ? `is no valid YAML: ${error.message}`
        : `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`;
    throw new ConfigError([{ field: '--faults', value: file, rule }]);
  }
}

/** Runs a cluster until it is told to end. */
export async function runCluster(options: ClusterOptions, io: CliIo): Promise<void> {
  // Signals that come while the cluster starts must count, too.
  const ending = listenForEnd(options);
  try {
    // Before anything is started, so that a wrong file leaves nothing behind.
    const faults = options.faults === undefined ? [] : await readFaults(options.faults);
    const { FakeCluster } = await import('../../testing/index.js');
    const cluster = await FakeCluster.start({
      port: options.port,
      kubelet: options.kubelet,
      token: options.token,
      seed: options.seed,
      tls: options.tls,
    });
    const folder = options.kubeconfig === undefined ? mkdtempSync(join(tmpdir(), 'podwright-cluster-')) : undefined;
    const kubeconfig = resolve(options.kubeconfig ?? join(folder ?? '.', 'kubeconfig'));
    try {
      for (const fault of faults) cluster.faults.inject(fault);
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
