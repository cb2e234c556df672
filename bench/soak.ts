/**
 * A long run under steady load on a line that is cut and stopped: `npm run soak -- --minutes 30 [--rate 10] [--kubeconfig FILE] [--json]`.
 * Ends with code 1 where a task was lost or told twice, or something leaks: memory, connections, timers, listeners.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { HttpKubeClient, KubernetesExecutor } from 'podwright';
import { openServer, quantile } from './server.js';
import { Line } from './soak/line.js';
import { leaks, resourcesNow, type Sample, sample } from './soak/samples.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '10' },
    kubeconfig: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const endsAfterMs = Number(values.minutes) * 60_000;
const tasksPerSecond = Number(values.rate);
/** A cut about every half minute, and a stop of ten seconds in place of every fifth. */
const CUT_EVERY_MS = 30_000;
const STOP_EVERY = 5;
const STOP_MS = 10_000;
const SAMPLES = 60;

const warnings: string[] = [];
process.on('warning', ({ message }) => warnings.push(message));

const folder = mkdtempSync(join(tmpdir(), 'podwright-soak-'));
const server = await openServer(values.kubeconfig, 'scripted');
const line = await Line.open(server.kubeconfig, join(folder, 'config'));
const before = resourcesNow();
const kubeClient = await HttpKubeClient.connect({ kubeconfig: join(folder, 'config') });
const executor = await KubernetesExecutor.connect({
  kubeClient,
  parallelism: 1_000,
  // Nobody reads the events here: kept, they would look like a leak.
  eventBufferLimit: 100,
  config: { image: 'none', podCreationConcurrency: 8 },
});
const startedAt = performance.now();
const isOver = () => performance.now() - startedAt >= endsAfterMs;
/** By the number of the task; of a fixed size, so that what is counted does not look like a leak. */
const most = Math.ceil((endsAfterMs / 1_000) * tasksPerSecond) + 1;
const told = new Uint8Array(most);
const latencies = new Float64Array(most);
let ended = 0;
const failures: Record<string, number> = {};
let queued = 0;
const stamp = Date.now().toString(36);
const annotations = server.isEmbedded ? { 'testing.podwright.dev/duration': '500ms' } : undefined;

async function runTask(index: number): Promise<void> {
  const key = { dagId: 'soak', taskId: `t${index}`, runId: stamp };
  const run = executor.queueTask({ key, command: ['true'], executorConfig: { annotations } });
  const outcome = await run.outcome;
  const { times } = outcome;
  told[index] = (told[index] ?? 0) + 1;
  ended += 1;
  if (outcome.state === 'failed') failures[outcome.verdict.kind] = (failures[outcome.verdict.kind] ?? 0) + 1;
  latencies[index] = times.endedAt - times.queuedAt;
}

async function load(): Promise<void> {
  const open = new Set<Promise<void>>();
  while (!isOver()) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * tasksPerSecond);
    for (; queued < due; queued += 1) {
      const task: Promise<void> = runTask(queued).finally(() => open.delete(task));
      open.add(task);
    }
    await delay(1_000 / tasksPerSecond);
  }
  await Promise.all(open);
}

async function faults(): Promise<void> {
  for (let count = 1; !isOver(); count += 1) {
    await delay(Math.min(CUT_EVERY_MS, Math.max(1, endsAfterMs / 10)));
    if (isOver()) return;
    if (count % STOP_EVERY === 0) await line.stop(STOP_MS);
    else line.cut();
  }
}

const samples: Sample[] = [];
async function watchOver(): Promise<void> {
  while (!isOver()) {
    await delay(endsAfterMs / SAMPLES);
    samples.push(sample(startedAt, ended));
    if (!values.json) console.error(JSON.stringify(samples.at(-1)));
  }
}

await Promise.all([load(), faults(), watchOver()]);
const watch = executor.watchStatus();
await executor.end();
await kubeClient.close();
await line.close();
await delay(1_000);
const left = Object.fromEntries(
  Object.entries(resourcesNow())
    .map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const)
    // This very wait is over, its timer is not gone yet.
    .filter(([kind, count]) => count > 0 && kind !== 'Immediate'),
);
await server.close();
rmSync(folder, { recursive: true });

const settled = samples.slice(Math.ceil(samples.length / 5));
const [first, last] = [settled[0], settled.at(-1)];
const found = [
  ...(told.subarray(0, queued).every((times) => times === 1) ? [] : [`not each of ${queued} tasks was told once`]),
  ...warnings.filter((text) => text.includes('leak')),
  ...leaks(samples, left),
];
const report = {
  minutes: Number(values.minutes),
  tasks: queued,
  failures: JSON.stringify(failures),
  'cuts and stops': line.cuts,
  'watch restarts': JSON.stringify(watch.restarts),
  'p50 ms': Math.round(quantile([...latencies.subarray(0, queued)], 0.5)),
  'p99 ms': Math.round(quantile([...latencies.subarray(0, queued)], 0.99)),
  'heap MB': `${first?.heapMB} to ${last?.heapMB}`,
  'resident MB': `${first?.rssMB} to ${last?.rssMB}`,
  'connections and timers': JSON.stringify(last?.resources),
  found: found.length === 0 ? 'nothing' : found.join('; '),
};
console.log(values.json ? JSON.stringify(report) : report);
process.exitCode = found.length === 0 ? 0 : 1;
