/**
 * The heart: what to do about one pod of ours. Pure; the executor carries the answer out.
 *
 * Level-triggered: the same pod and record always give the same decision, whatever events led there, so that lost, repeated and
 * reordered news do no harm. The record only remembers since when a wait has lasted and what was told already.
 */
import { interned } from '../core/interned.js';
import type { Verdict, VerdictKind } from '../core/verdict.js';
import { endOf, failedCompanion, type PodEnd, podVerdict, vanishedVerdict } from './classify.js';
import { cannotRun, hasMainStarted, type PodObservation } from './observation.js';
import type { LifecycleClocks, LifecyclePolicy } from './policy.js';
import { limitOf, type WaitClock, type Waiting, waitingOf } from './waiting.js';

/** A wait that was reported. */
export interface RecordedWait {
  /** Equal as long as the reason is the same. */
  readonly id: string;
  /** Clock that runs. */
  readonly clock: WaitClock;
  /** Monotonic time of its beginning. */
  readonly since: number;
  /** Verdict if it waits too long. */
  readonly kind: VerdictKind;
  /** For people. */
  readonly text: string;
}

/** What is remembered of one pod between decisions. Times are monotonic milliseconds. */
export interface PodRecord {
  /** Wait that was last reported. */
  readonly waiting: RecordedWait | undefined;
  /** Since when it has not run, gates left out: whatever clocks come and go, there is an end to their sum. */
  readonly pendingSince: number | undefined;
  /** When it was first seen to run. */
  readonly runningSince: number | undefined;
  /** When it was first seen marked for deletion. */
  readonly deletingSince: number | undefined;
  /** Trouble beside the base container that was told already. */
  readonly warned: string | undefined;
}

/** A record of a pod of which nothing is known. */
export const FRESH_RECORD: PodRecord = Object.freeze({
  waiting: undefined,
  pendingSince: undefined,
  runningSince: undefined,
  deletingSince: undefined,
  warned: undefined,
});

/** A record with some of its fields changed; written out, since copies of the frozen one would take half as much room again. */
export function changedRecord(record: PodRecord, changes: Partial<PodRecord>): PodRecord {
  const { waiting, pendingSince, runningSince, deletingSince, warned } = { ...record, ...changes };
  return { waiting, pendingSince, runningSince, deletingSince, warned };
}

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
  /** Clock that ran out, where it was that of a wait. */
  readonly clock: WaitClock | undefined;
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
  /** Trouble beside the base container, where it is new. */
  readonly warning: string | undefined;
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

/** What a node gets beyond a pod's grace until it has told of the end. */
const GRACE_MARGIN_MS = 30_000;

/** Limit for all waits of a pod together, gates left out. */
const sumOf = ({ unschedulableMs, pullingMs, startingMs, brokenMs, terminatingMs }: LifecycleClocks) =>
  unschedulableMs + pullingMs + startingMs + brokenMs + terminatingMs;

const finite = (time: number) => (time === Number.POSITIVE_INFINITY ? undefined : time);
const seconds = (ms: number) => Math.round(ms / 1_000);
const expired = (verdict: Verdict, clock?: WaitClock): PodExpired => ({ type: 'expired', verdict, clock });
const wait = (parts: Partial<PodWait>): PodWait => ({
  type: 'wait',
  until: undefined,
  isRunning: false,
  pending: undefined,
  warning: undefined,
  ...parts,
});

/** The wait as it is remembered: a pull whose back-off says no more keeps what its error said before. */
function remembered(before: RecordedWait | undefined, waiting: Waiting, now: number): RecordedWait {
  const { id, clock, kind, text } = waiting;
  if (before?.id === id && kind === 'image_pull.unknown') return before;
  // A changed text on the same clock does not start the clock anew, or a scheduler's ever new messages would hold it up for ever.
  const isSame = before?.clock === clock && (clock !== 'broken' || before.id === id);
  return { id: interned(id), clock, kind, text: interned(text), since: isSame ? before.since : now };
}

function decidePending(
  record: PodRecord,
  pod: PodObservation,
  waiting: Waiting,
  { clocks, fatalReasons }: LifecyclePolicy,
  now: number,
): Decided {
  const before = record.waiting;
  const next = remembered(before, waiting, now);
  const pendingSince = waiting.clock === 'gated' ? undefined : (record.pendingSince ?? now);
  const until = Math.min(
    next.since + limitOf(next.clock, clocks),
    (pendingSince ?? Number.POSITIVE_INFINITY) + sumOf(clocks),
  );
  const reason = waiting.container?.reason;
  const isFatal = reason !== undefined && fatalReasons.has(reason);
  const result = changedRecord(record, { waiting: next, pendingSince });
  if (!isFatal && now < until) {
    const pending = before?.id === next.id && before.kind === next.kind ? undefined : next.text;
    return { record: result, decision: wait({ until: finite(until), pending }) };
  }
  const waited = isFatal ? '' : ` for ${seconds(now - next.since)} s`;
  const verdict = podVerdict(next.kind, `The pod did not start${waited}: ${next.text}`, pod, {
    container: waiting.container,
    mainStarted: hasMainStarted(pod),
    ...(next.clock === 'unreachable' ? { confidence: 'likely' as const } : {}),
  });
  return { record: result, decision: expired(verdict, next.clock) };
}

function decideDeleting(record: PodRecord, pod: PodObservation, { clocks }: LifecyclePolicy, now: number): Decided {
  const deletingSince = record.deletingSince ?? now;
  // Within its grace a pod may work on, on the best of nodes.
  const until = deletingSince + Math.max(clocks.terminatingMs, pod.graceSeconds * 1_000 + GRACE_MARGIN_MS);
  const next = changedRecord(record, { deletingSince });
  if (now < until)
    return { record: next, decision: wait({ until: finite(until), isRunning: pod.phase === 'Running' }) };
  const verdict = podVerdict(
    'node_lost',
    `The pod has been terminating for ${seconds(now - deletingSince)} s: its node does not answer`,
    pod,
    { confidence: 'likely' },
  );
  return { record: next, decision: expired(verdict) };
}

function decideRunning(record: PodRecord, pod: PodObservation, policy: LifecyclePolicy, now: number): Decided {
  const isRunning = pod.phase === 'Running' || pod.base?.state === 'running';
  const runningSince = record.runningSince ?? (isRunning ? now : undefined);
  const { runningMs } = policy.clocks;
  const failed = failedCompanion(pod);
  const trouble =
    failed === undefined
      ? undefined
      : `Container ${failed.name} has failed while the task runs: ${failed.reason ?? `exit code ${failed.exitCode}`}`;
  const warned = trouble ?? record.warned;
  const next = changedRecord(record, { waiting: undefined, pendingSince: undefined, runningSince, warned });
  if (trouble !== undefined && policy.sidecarFailure === 'fail') {
    const verdict = podVerdict('sidecar_failed', trouble, pod, { container: failed });
    return { record: next, decision: expired(verdict) };
  }
  const until = (runningSince ?? now) + runningMs;
  if (now < until) {
    const warning = trouble === record.warned ? undefined : trouble;
    return { record: next, decision: wait({ until: finite(until), isRunning, warning }) };
  }
  const verdict = podVerdict('deadline.running', `The task ran longer than its limit of ${seconds(runningMs)} s`, pod);
  return { record: next, decision: expired(verdict) };
}

/** The end that was told of a pod by a former self, which could not prove it; nothing that followed changes it. */
function toldEnd(pod: PodObservation): PodEnded | undefined {
  const { toldVerdict, phase } = pod;
  if (toldVerdict === undefined) return undefined;
  const isDead = phase === 'Succeeded' || phase === 'Failed';
  const shown = endOf(pod);
  if (shown?.result === 'failed' && shown.verdict.kind === toldVerdict) return { type: 'ended', end: shown, isDead };
  const why = isDead ? 'by an executor that saw it end' : 'when its end could not be proven';
  const verdict = podVerdict(toldVerdict, `It was told so before, ${why}`, pod, { confidence: 'likely' });
  return { type: 'ended', end: { result: 'failed', exitCode: pod.base?.exitCode, verdict, warnings: [] }, isDead };
}

/** How a pod has ended, as the rules have it: whoever asks for it gets a process that was killed inside a container that exits with 0 forgiven. */
export function endBy(policy: LifecyclePolicy | undefined, pod: PodObservation): PodEnd | undefined {
  const end = endOf(pod);
  if (policy?.isOomWithExitZeroSuccess !== true || end?.result !== 'failed') return end;
  if (end.verdict.kind !== 'oom_killed' || end.exitCode !== 0) return end;
  const warnings = [...end.warnings, 'A process was killed for want of memory'];
  return { result: 'success', exitCode: 0, message: undefined, warnings };
}

/** Decides about a pod that exists. */
export function decide(record: PodRecord, pod: PodObservation, policy: LifecyclePolicy, now: number): Decided {
  const told = toldEnd(pod);
  if (told !== undefined) return { record, decision: told };
  const end = endBy(policy, pod);
  if (end !== undefined) {
    const isDead = pod.phase === 'Succeeded' || pod.phase === 'Failed';
    return { record, decision: { type: 'ended', end, isDead } };
  }
  // Only a finalizer keeps the object of a pod that was deleted before it had a node.
  if (pod.isDeleting && cannotRun(pod)) return { record, decision: decideGone(pod, policy) };
  if (pod.isDeleting) return decideDeleting(record, pod, policy, now);
  const waiting = waitingOf(pod);
  if (waiting !== undefined) return decidePending(record, pod, waiting, policy, now);
  return decideRunning(record, pod, policy, now);
}

/** Decides about a pod that is no more, from the last that was seen of it; `isEndUnseen` where it may have gone on after that. */
export function decideGone(
  last: PodObservation,
  policy?: LifecyclePolicy,
  { isEndUnseen = false }: { readonly isEndUnseen?: boolean } = {},
): FinalDecision {
  const told = toldEnd(last);
  if (told !== undefined) return { ...told, isDead: true };
  const end = endBy(policy, last) ?? {
    result: 'failed',
    exitCode: last.base?.exitCode,
    verdict: vanishedVerdict(last, isEndUnseen),
    warnings: [],
  };
  return { type: 'ended', end, isDead: true };
}
