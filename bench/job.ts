/** Runs each contender in a process of its own, in rounds that take turns, so that neither warm caches nor a busy machine favour one. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Measured } from './measure.js';

/** What a contender is asked to do. */
export interface Job {
  readonly bench: string;
  readonly contender: string;
  readonly kubeconfig: string;
  readonly isEmbedded: boolean;
  readonly count: number;
  readonly concurrency: number;
  /** Different for every run, for names. */
  readonly stamp: string;
}

function runJob(job: Job): Promise<Measured> {
  const entry = fileURLToPath(new URL('./contender.ts', import.meta.url));
  const args = ['--expose-gc', '--no-warnings', '--import', 'tsx', entry, JSON.stringify(job)];
  return new Promise((resolve, reject) => {
    // The package as it is built, not its sources: what turns those into JavaScript on the fly makes every function a little slower.
    const env = { ...process.env, TSX_TSCONFIG_PATH: fileURLToPath(new URL('./tsconfig.json', import.meta.url)) };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(text) as Measured);
      else reject(new Error(`${job.contender} ended with code ${code}`));
    });
  });
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Medians over the rounds of each contender. */
export async function runRounds(
  names: readonly string[],
  rounds: number,
  job: Omit<Job, 'contender' | 'stamp'>,
  after: () => Promise<void> = async () => {},
): Promise<Map<string, Measured>> {
  const all = new Map<string, Measured[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Every other round backwards: what comes first has the colder server.
    for (const contender of round % 2 === 0 ? names : [...names].reverse()) {
      const stamp = `${Date.now().toString(36)}${round}`;
      all.get(contender)?.push(await runJob({ ...job, contender, stamp }));
      await after();
    }
  }
  const of = (results: readonly Measured[], pick: (result: Measured) => number) => median(results.map(pick));
  return new Map(
    [...all].map(([name, results]) => [
      name,
      {
        count: results[0]?.count ?? 0,
        seconds: of(results, (r) => r.seconds),
        cpuMs: of(results, (r) => r.cpuMs),
        blockedMs: of(results, (r) => r.blockedMs),
        busyMs: of(results, (r) => r.busyMs),
        heapBytes: of(results, (r) => r.heapBytes),
        peakBytes: of(results, (r) => r.peakBytes),
      },
    ]),
  );
}
