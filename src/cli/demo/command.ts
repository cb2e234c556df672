/** `podwright demo`: a word count over several megabytes, through local processes and pods, with two failures on the way. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  HttpKubeClient,
  type KubeClient,
  KubernetesExecutor,
  LocalExecutor,
  LocalKubernetesExecutor,
} from '../../index.js';
import { formatSpan } from '../../report/format.js';
import { parseRunRecords, recordRun, renderFailures, renderSummary, renderTimeline } from '../../report/index.js';
import { writeReport } from '../commands/report.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';
import { isCheckout, packageRoot } from '../package-root.js';
import { type DemoCluster, LIFETIME, startCluster } from './cluster-process.js';
import { Journal } from './journal.js';
import { describeLeftovers, settleLeftovers } from './leftovers.js';
import { runPipeline } from './pipeline.js';
import { type DemoPlan, demoPlan, FILES, ledgerFileIn, PARTS } from './plan.js';
import { showProgress } from './progress.js';
import { type Verification, verify } from './verify.js';

/** Options of `podwright demo`. */
export interface DemoOptions {
  /** Kubeconfig of a real cluster. */
  readonly kubeconfig?: string;
  /** Its context. */
  readonly context?: string;
  /** Namespace for the pods. */
  readonly namespace: string;
  /** Image of the pods. */
  readonly image: string;
  /** Folder that outlives the host. */
  readonly stateDir?: string;
  /** Folder of the timeline and the recorded run. */
  readonly out: string;
  /** Folder of the data files. */
  readonly data?: string;
  /** Seed of the data. */
  readonly seed: number;
  /** Never draws over lines. */
  readonly plain?: boolean;
}

const LOCAL_SLOTS = 2;
const POD_SLOTS = 12;
/** As a shell has it: 128 and the signal's number. */
const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const;
/** Limit for the first answer of the cluster. */
const REACH_LIMIT_MS = 10_000;
const EXIT_DELAY_MS = 200;

function dataDirOf(options: DemoOptions, workDir: string): string {
  if (options.data !== undefined) return resolve(options.data);
  // A checkout keeps the data where a reader of the examples looks for it; an installed package is not ours to write to.
  return isCheckout() ? join(packageRoot(), 'examples', 'data') : join(workDir, 'data');
}

function openJournal(options: DemoOptions, workDir: string): Journal {
  const runId = `demo-${Date.now().toString(36)}${process.pid.toString(36)}`;
  const journal = new Journal(join(workDir, 'journal.jsonl'), { runId, seed: options.seed });
  if (journal.head.seed !== options.seed)
    throw new CommandFailure(
      `The run in ${workDir} was begun with seed ${journal.head.seed}, not ${options.seed}`,
      EXIT.config,
      'Give the same seed to go on with it, or another --state-dir to begin anew.',
    );
  return journal;
}

function makeExecutor(
  options: DemoOptions,
  kubeClient: KubeClient,
  runId: string,
  workDir: string,
): LocalKubernetesExecutor {
  return new LocalKubernetesExecutor({
    // A process of a host that was killed is waited for, and told as what it is: one that nobody saw end.
    local: new LocalExecutor({
      parallelism: LOCAL_SLOTS,
      journal: join(workDir, 'processes'),
      acknowledge: 'manual',
    }),
    kubernetes: new KubernetesExecutor({
      kubeClient,
      parallelism: POD_SLOTS,
      // The same after a restart, so that the pods of the host that was killed are found again.
      executorId: runId,
      acknowledge: 'manual',
      // The verdicts have all that the pods could tell; the cluster is left as it was found.
      config: { namespace: options.namespace, deleteWorkerPodsOnFailure: true },
    }),
  });
}

function printResult(io: CliIo, found: Verification): void {
  const size = `${(found.bytes / 1e6).toFixed(1)} MB, ${found.words} words, ${found.distinct} different ones`;
  if (found.isRight) {
    io.out(
      `${io.style('out', 'green', 'right')}: ${size}; the pipeline and a straight computation agree, and no try ran twice\n`,
    );
    return;
  }
  io.out(`${io.style('out', 'red', 'wrong')}: ${size}\n`);
  for (const problem of found.problems) io.out(`  ${problem}\n`);
}

function printReport(io: CliIo, options: DemoOptions, recordFile: string): void {
  const { records } = parseRunRecords(readFileSync(recordFile, 'utf8'));
  const failures = renderFailures(records);
  io.out(`\n${renderSummary(records)}\n`);
  if (failures !== '') io.out(`\n${io.style('out', 'bold', 'What failed, and why')}\n${failures}\n`);
  const timeline = resolve(options.out, 'timeline.html');
  writeReport(timeline, renderTimeline(records));
  writeReport(resolve(options.out, 'run.jsonl'), readFileSync(recordFile, 'utf8'));
  io.out(`\ntimeline: ${timeline}\n`);
}

/** Rejects at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
function interruption(): { readonly promise: Promise<never>; dispose(): void } {
  let stop = (_signal: 'SIGINT' | 'SIGTERM'): void => {};
  const promise = new Promise<never>((_resolve, reject) => {
    stop = (signal) => reject(new CommandFailure(`Interrupted by ${signal}`, INTERRUPTED[signal]));
  });
  promise.catch(() => {});
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return { promise, dispose: () => void process.off('SIGINT', stop).off('SIGTERM', stop) };
}

async function runOn(
  cluster: DemoCluster | undefined,
  options: DemoOptions,
  io: CliIo,
  workDir: string,
  interrupted: Promise<never>,
): Promise<DemoPlan> {
  const journal = openJournal(options, workDir);
  const { runId } = journal.head;
  const plan = demoPlan({
    runId,
    seed: options.seed,
    dataDir: dataDirOf(options, workDir),
    workDir,
    image: options.image,
    isEmbedded: cluster !== undefined,
  });
  const kubeconfig = cluster?.kubeconfig ?? resolve(options.kubeconfig ?? '');
  const kubeClient = await HttpKubeClient.connect({ kubeconfig, context: options.context });
  const executor = makeExecutor(options, kubeClient, runId, workDir);
  const stopRecording = recordRun(executor, {
    write: (line) => appendFileSync(join(workDir, 'run.jsonl'), line),
    title: `podwright demo: word count ${runId}`,
    slots: executor.parallelism,
  });
  const progress = showProgress({
    executor,
    io,
    isLive: io.isErrTty && options.plain !== true,
    groups: { generate: FILES, split: FILES, count: PARTS, merge: 1 },
    startedAt: Date.now(),
  });
  const driving = new AbortController();
  try {
    progress.say(
      `${journal.isResumed ? 'going on with' : 'beginning'} ${runId} on ${cluster?.url ?? options.kubeconfig}`,
    );
    // Asked once and quickly: a cluster that does not answer is told apart from one that is slow to list.
    await kubeClient.listPods({ namespace: options.namespace, limit: 1, timeoutMs: REACH_LIMIT_MS });
    for (const line of describeLeftovers(plan, journal)) progress.say(line);
    const settled = settleLeftovers({ executor, plan, journal });
    await executor.start();
    const driven = executor.run({ signal: driving.signal });
    settled();
    await Promise.race([runPipeline({ executor, plan, journal }), interrupted]);
    await executor.end();
    await driven;
  } catch (error) {
    journal.close();
    // With a state folder the pods may go on; the next host finds them.
    if (options.stateDir === undefined) await executor.terminate();
    throw error;
  } finally {
    driving.abort();
    progress.stop();
    stopRecording();
    await kubeClient.close();
  }
  return plan;
}

/** What there is besides a host that ends before its run does. */
function whatGoesOn({ kubeconfig }: DemoOptions, cluster: DemoCluster | undefined): string {
  if (kubeconfig !== undefined) return 'The pods go on';
  if (cluster === undefined) return 'The cluster was still being started';
  return `The cluster and its pods go on, at most ${LIFETIME} from its start`;
}

/** Runs the demo; resolves with the exit code. */
export async function runDemo(options: DemoOptions, io: CliIo): Promise<number> {
  const startedAt = performance.now();
  const isKept = options.stateDir !== undefined;
  const workDir =
    options.stateDir === undefined ? mkdtempSync(join(tmpdir(), 'podwright-demo-')) : resolve(options.stateDir);
  mkdirSync(workDir, { recursive: true });
  let cluster: DemoCluster | undefined;
  let isDone = false;
  const interrupted = interruption();
  try {
    // One that is interrupted while it starts ends with this process.
    if (options.kubeconfig === undefined)
      cluster = await Promise.race([
        startCluster({ folder: workDir, ledgerFile: ledgerFileIn(workDir), isKept }),
        interrupted.promise,
      ]);
    let plan: DemoPlan;
    try {
      plan = await runOn(cluster, options, io, workDir, interrupted.promise);
    } finally {
      interrupted.dispose();
      // A run that went wrong is explained all the more.
      if (existsSync(join(workDir, 'run.jsonl'))) printReport(io, options, join(workDir, 'run.jsonl'));
    }
    const found = verify(plan);
    printResult(io, found);
    io.err(`done in ${formatSpan(performance.now() - startedAt)}\n`);
    isDone = true;
    return found.isRight ? EXIT.ok : EXIT.tasksFailed;
  } finally {
    if (isKept && !isDone) {
      io.err(
        `${whatGoesOn(options, cluster)}. To go on, run the same command: podwright demo --state-dir ${workDir}\n`,
      );
      // Nothing was stopped, on purpose; what still listens must not keep this host alive.
      setTimeout(() => process.exit(), EXIT_DELAY_MS).unref();
    } else await cluster?.stop();
    if (!isKept) rmSync(workDir, { recursive: true, force: true });
  }
}
