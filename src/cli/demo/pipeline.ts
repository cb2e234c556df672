/** The demo's host: it walks through the pipeline, retries what failed, and remembers what has ended. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Outcome, TaskRun } from '../../core/outcome.js';
import type { Executor } from '../../executors/executor.js';
import { CommandFailure, EXIT } from '../failure.js';
import { type Journal, stepName } from './journal.js';
import { type DemoPlan, FILES, type Step } from './plan.js';

/** Tries that each task gets. */
const MAX_TRIES = 2;

/** What the pipeline needs. */
export interface PipelineContext {
  /** Runs the tasks. */
  readonly executor: Executor;
  /** What to run. */
  readonly plan: DemoPlan;
  /** What was run. */
  readonly journal: Journal;
}

/** The counts in a marked line, or `undefined` where the line is another one or not whole. */
export function resultIn(line: string): Record<string, number> | undefined {
  const match = /^demo-result:(\d+):(.*)$/.exec(line);
  if (match === null || match[2]?.length !== Number(match[1])) return undefined;
  return JSON.parse(match[2] as string) as Record<string, number>;
}

/** Follows the log of a run to its end; resolves with the result that it handed back. */
async function followResult(run: TaskRun): Promise<Record<string, number> | undefined> {
  let result: Record<string, number> | undefined;
  try {
    for await (const { text } of run.logs()) result = resultIn(text) ?? result;
  } catch {
    // The log is asked for again once the pod has ended.
  }
  return result;
}

function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

async function collectCounts(
  { executor, plan }: PipelineContext,
  step: Step,
  followed: Promise<object | undefined>,
  outcome: Outcome,
): Promise<void> {
  let counts = await followed;
  if (counts === undefined) {
    const log = await executor.getTaskLog(outcome.key);
    counts = log.lines.map((line) => resultIn(line.text)).findLast((result) => result !== undefined);
  }
  if (counts === undefined)
    throw new CommandFailure(
      `${stepName(step)} ended well, but its log (${outcome.ranAs ?? 'of an unknown pod'}) holds no whole result`,
      EXIT.tasksFailed,
      'The pods must really run: a cluster whose kubelets only play their part gives no logs.',
    );
  writeWhole(plan.countFile(step.mapIndex), JSON.stringify(counts));
}

/**
 * The first try to hand over after a start of the host. One whose end is unknown is handed over again under the same key: the executor finds its
 * pod by its name, which is the same, instead of starting another. A local process that nobody saw end has failed by now, see `settleLeftovers`.
 */
function firstTry(step: Step, journal: Journal): number {
  const known = journal.progressOf(step);
  if (known === undefined) return 1;
  return known.state === 'open' ? known.tryNumber : known.tryNumber + 1;
}

async function runStep(context: PipelineContext, step: Step): Promise<void> {
  const { executor, journal } = context;
  if (journal.progressOf(step)?.state === 'success') return;
  const first = firstTry(step, journal);
  for (let tryNumber = first; ; tryNumber += 1) {
    journal.note(step, { tryNumber, state: 'open' });
    const run = executor.queueTask(step.workload(tryNumber));
    const followed = step.isPod ? followResult(run) : Promise.resolve(undefined);
    const outcome = await run.outcome;
    if (outcome.state === 'success' && step.isPod) await collectCounts(context, step, followed, outcome);
    journal.note(step, { tryNumber, state: outcome.state });
    await outcome.acknowledge();
    if (outcome.state === 'success') return;
    if (tryNumber >= Math.max(MAX_TRIES, first + 1))
      throw new CommandFailure(
        `${stepName(step)} failed ${tryNumber} times: ${outcome.verdict.message}`,
        EXIT.tasksFailed,
        outcome.verdict.hint,
      );
  }
}

/** Runs all that is not done yet. Rejects with the first task that has used up its tries. */
export async function runPipeline(context: PipelineContext): Promise<void> {
  const { plan } = context;
  await Promise.all(
    Array.from({ length: FILES }, async (_, file) => {
      await runStep(context, plan.generate(file));
      await runStep(context, plan.split(file));
      await Promise.all(plan.partsOf(file).map((part) => runStep(context, plan.count(part))));
    }),
  );
  await runStep(context, plan.merge());
}
