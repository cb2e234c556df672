/** What a host that was killed has left behind: told to the user, and settled with the executor. */
import type { Outcome } from '../../core/outcome.js';
import type { Executor } from '../../executors/executor.js';
import { type Journal, stepName } from './journal.js';
import type { DemoPlan, Step } from './plan.js';

/** What {@link settleLeftovers} works with. */
export interface LeftoversContext {
  /** Tells the outcomes. */
  readonly executor: Executor;
  /** All steps. */
  readonly plan: DemoPlan;
  /** What the hosts before have written down. */
  readonly journal: Journal;
}

/**
 * Settles what the hosts before have left, from before the executor starts until the returned function is called, which must be done before the
 * pipeline begins: outcomes of local processes are written down, since nobody waits for them, and the next try begins. An outcome that stands in
 * the journal already was never acknowledged, or its pod would be gone: that is made up for at any time.
 */
export function settleLeftovers({ executor, plan, journal }: LeftoversContext): () => void {
  const localSteps = new Set(plan.steps().flatMap((step) => (step.isPod ? [] : [stepName(step)])));
  let isPipelineBusy = false;
  executor.on('outcome', async (outcome: Outcome) => {
    const { key, state } = outcome;
    const { tryNumber } = key;
    const known = journal.progressOf(key);
    const isEnded = known !== undefined && (known.tryNumber > tryNumber || known.state !== 'open');
    if (!isEnded && (isPipelineBusy || !localSteps.has(stepName(key)))) return;
    if (!isEnded) journal.note(key, { tryNumber, state });
    await outcome.acknowledge();
  });
  return () => {
    isPipelineBusy = true;
  };
}

const count = (many: number, what: string): string => `${many} ${what}${many === 1 ? '' : 's'}`;
const names = (steps: readonly Step[]): string => steps.map(stepName).join(', ');

/** Says how far the hosts before have come, as read from the journal before the executor starts; nothing in a new run. */
export function describeLeftovers(plan: DemoPlan, journal: Journal): string[] {
  if (!journal.isResumed) return [];
  const steps = plan.steps();
  const open = steps.filter((step) => journal.progressOf(step)?.state === 'open');
  const done = steps.filter((step) => journal.progressOf(step)?.state === 'success').length;
  const [pods, processes] = [open.filter(({ isPod }) => isPod), open.filter(({ isPod }) => !isPod)];
  return [
    `  the host before was stopped with ${done} of ${count(steps.length, 'step')} done`,
    ...(pods.length > 0 ? [`  looking for ${count(pods.length, 'pod')} that it had handed over: ${names(pods)}`] : []),
    ...(processes.length > 0
      ? [`  local processes end unseen with their host, so they get another try: ${names(processes)}`]
      : []),
  ];
}
