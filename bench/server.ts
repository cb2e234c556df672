/** The server that a benchmark runs against: a real one by kubeconfig, else the embedded one in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A server under test. */
export interface BenchServer {
  /** Path of its kubeconfig. */
  readonly kubeconfig: string;
  /** Whether it is the embedded one. */
  readonly isEmbedded: boolean;
  /** Ends it, where it was started here. */
  close(): Promise<void>;
}

/** What every benchmark is given. */
export interface BenchContext {
  readonly server: BenchServer;
  readonly count: number;
  readonly concurrency: number;
  /** How often each contender runs; medians are shown. */
  readonly rounds: number;
}

/** One line of a result. */
export type BenchRow = Readonly<Record<string, string | number>>;

/** Opens a server, the embedded one with a kubelet of this kind. */
export async function openServer(
  kubeconfig: string | undefined,
  kubelet: 'process' | 'scripted' | 'none',
): Promise<BenchServer> {
  if (kubeconfig !== undefined) return { kubeconfig, isEmbedded: false, close: async () => {} };
  const cli = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
  const args = ['--import', 'tsx', cli, 'cluster', '--json', '--until-stdin-ends', '--kubelet', kubelet];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  return {
    kubeconfig: (JSON.parse(line) as { kubeconfig: string }).kubeconfig,
    isEmbedded: true,
    async close() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Runs `work` for 0 … count-1 with so many at a time. */
export async function inParallel(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** CPU milliseconds of this process so far. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** A quantile of some numbers. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
