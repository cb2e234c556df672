/**
 * The heart: what to do about one pod of ours. Pure; the executor carries the answer out.
 *
 * Level-triggered: the same pod and record always give the same decision, whatever events led there, so that lost, repeated and
 * reordered news do no harm. The record only remembers since when a wait has lasted and what was told already.
 */
import type { Verdict } from '../core/verdict.js';
import { endOf, type PodEnd, podVerdict, vanishedVerdict } from './classify.js';
import type { PodObservation } from './observation.js';
import { HOPELESS_REASONS, type LifecyclePolicy } from './policy.js';
import { type Waiting, waitingOf } from './waiting.js';

/** A wait that was reported. */
export interface RecordedWait {
  /** Equal as long as the reason is the same. */
  readonly id: string;
  /** Clock that runs. */
  readonly clock: Waiting['clock'];
  /** Monotonic time of its beginning. */
  readonly since: number;
  /** For people. */
  readonly text: string;
}

/** What is remembered of one pod between decisions. Times are monotonic milliseconds. */
export interface PodRecord {
  /** Wait that was last reported. */
  readonly waiting: RecordedWait | undefined;
  /** When it was first seen to run. */
  readonly runningSince: number | undefined;
  /** When it was first seen marked for deletion. */
  readonly deletingSince: number | undefined;
}

/** A record of a pod of which nothing is known. */
export const FRESH_RECORD: PodRecord = Object.freeze({
  waiting: undefined,
  runningSince: undefined,
  deletingSince: undefined,
});

/** The pod has ended: capture evidence, deliver the outcome or launch again, clean up. */
export interface PodEnded {
  /** Discriminates. */
  readonly type: 'ended';
  /** How it ended. */
  readonly end: PodEnd;
  /** Whether nothing of it can still run. */
  readonly isDead: boolean;
}

/** The pod has used up a limit: end it, then treat it as ended with this verdict. */
export interface PodExpired {
  /** Discriminates. */
  readonly type: 'expired';
  /** Why. */
  readonly verdict: Verdict;
}

/** Nothing to do but to look again: at news, or at a time. */
export interface PodWait {
  /** Discriminates. */
  readonly type: 'wait';
  /** Monotonic time to look again at the latest; `undefined` where only news can change anything. */
  readonly until: number | undefined;
  /** Whether it runs. */
  readonly isRunning: boolean;
  /** Why it waits, where that has changed. */
  readonly pending: string | undefined;
}

/** A decision that ends a launch. */
export type FinalDecision = PodEnded | PodExpired;

/** What to do now. */
export type PodDecision = FinalDecision | PodWait;

/** A decision with the record to keep. */
export interface Decided {
  /** To be given to the next decision. */
  readonly record: PodRecord;
  /** What to do. */
  readonly decision: PodDecision;
}

function limitOf({ clock }: Waiting, { clocks }: LifecyclePolicy): number | undefined {
  if (clock === 'gated') return undefined;
  if (clock === 'broken') return clocks.brokenMs;
  return clock === 'starting' ? clocks.startingMs : clocks.unschedulableMs;
}

function decidePending(
  record: PodRecord,
  pod: PodObservation,
  waiting: Waiting,
  policy: LifecyclePolicy,
  now: number,
): Decided {
  const before = record.waiting;
  // A changed text on the same clock does not start the clock anew, or a scheduler's ever new messages would hold it up for ever.
  const since =
    before?.clock === waiting.clock && (waiting.clock !== 'broken' || before.id === waiting.id) ? before.since : now;
  const next: PodRecord = { ...record, waiting: { id: waiting.id, clock: waiting.clock, since, text: waiting.text } };
  const limit = limitOf(waiting, policy);
  const isHopeless = waiting.container?.reason !== undefined && HOPELESS_REASONS.has(waiting.container.reason);
  if (limit !== undefined && (isHopeless || now - since >= limit)) {
    const waited = isHopeless ? '' : ` for ${Math.round((now - since) / 1000)} s`;
    const verdict = podVerdict(waiting.kind, `The pod did not start${waited}: ${waiting.text}`, pod, {
      container: waiting.container,
      mainStarted: false,
    });
    return { record: next, decision: { type: 'expired', verdict } };
  }
  return {
    record: next,
    decision: {
      type: 'wait',
      until: limit === undefined ? undefined : since + limit,
      isRunning: false,
      pending: before?.id === waiting.id ? undefined : waiting.text,
    },
  };
}

function decideDeleting(record: PodRecord, pod: PodObservation, policy: LifecyclePolicy, now: number): Decided {
  const deletingSince = record.deletingSince ?? now;
  const until = deletingSince + policy.clocks.terminatingMs;
  const next = { ...record, deletingSince };
  if (now < until)
    return { record: next, decision: { type: 'wait', until, isRunning: pod.phase === 'Running', pending: undefined } };
  const verdict = podVerdict(
    'node_lost',
    `The pod has been terminating for ${Math.round((now - deletingSince) / 1000)} s: its node does not answer`,
    pod,
    {
      confidence: 'likely',
    },
  );
  return { record: next, decision: { type: 'expired', verdict } };
}

/** Decides about a pod that exists. */
export function decide(record: PodRecord, pod: PodObservation, policy: LifecyclePolicy, now: number): Decided {
  const end = endOf(pod);
  if (end !== undefined) {
    const isDead = pod.phase === 'Succeeded' || pod.phase === 'Failed';
    const isForgiven =
      policy.isOomWithExitZeroSuccess &&
      end.result === 'failed' &&
      end.verdict.kind === 'oom_killed' &&
      end.exitCode === 0;
    const forgiven: PodEnd = {
      result: 'success',
      exitCode: 0,
      message: undefined,
      warnings: [...end.warnings, 'A process was killed for want of memory'],
    };
    return { record, decision: { type: 'ended', end: isForgiven ? forgiven : end, isDead } };
  }
  if (pod.isDeleting) return decideDeleting(record, pod, policy, now);
  const waiting = waitingOf(pod);
  if (waiting !== undefined) return decidePending(record, pod, waiting, policy, now);
  const isRunning = pod.phase === 'Running';
  const runningSince = record.runningSince ?? (isRunning ? now : undefined);
  const next: PodRecord = { ...record, waiting: undefined, runningSince };
  const { runningMs } = policy.clocks;
  if (runningMs === undefined || runningSince === undefined)
    return { record: next, decision: { type: 'wait', until: undefined, isRunning, pending: undefined } };
  if (now - runningSince < runningMs)
    return { record: next, decision: { type: 'wait', until: runningSince + runningMs, isRunning, pending: undefined } };
  const verdict = podVerdict(
    'deadline.running',
    `The task ran longer than its limit of ${Math.round(runningMs / 1000)} s`,
    pod,
  );
  return { record: next, decision: { type: 'expired', verdict } };
}

/** Decides about a pod that is no more, from the last that was seen of it. */
export function decideGone(last: PodObservation): FinalDecision {
  const end = endOf(last) ?? {
    result: 'failed',
    exitCode: last.base?.exitCode,
    verdict: vanishedVerdict(last),
    warnings: [],
  };
  return { type: 'ended', end, isDead: true };
}
