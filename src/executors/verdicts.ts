/** Verdicts that every executor can reach, whatever runs its tasks. */
import type { Blame, Evidence, Verdict, VerdictKind } from '../core/verdict.js';

/** Parts of a verdict; see {@link makeVerdict}. */
export interface VerdictParts {
  /** Kind. */
  readonly kind: VerdictKind;
  /** Who has to act. See {@link Verdict}. */
  readonly blame: Blame;
  /** Message for people. */
  readonly message: string;
  /** What to do. */
  readonly hint: string;
  /** Whether the task's own code ever started. @default undefined */
  readonly mainStarted?: boolean | undefined;
  /** How sure the kind is. @default 'certain' */
  readonly confidence?: Verdict['confidence'] | undefined;
  /** What it rests on. @default empty */
  readonly evidence?: Evidence | undefined;
}

/** Builds a verdict with its defaults: certain, no evidence, unknown whether the main code started. */
export function makeVerdict({ mainStarted, confidence = 'certain', evidence = {}, ...rest }: VerdictParts): Verdict {
  return { ...rest, mainStarted, confidence, evidence };
}

/** Somebody asked for the task to be stopped. */
export function cancelledVerdict(why: string, mainStarted: boolean | undefined, evidence: Evidence = {}): Verdict {
  return makeVerdict({
    kind: 'cancelled',
    blame: 'caller',
    mainStarted,
    message: why,
    hint:
      mainStarted === false
        ? 'The task never ran; queue it again if it is still wanted.'
        : 'Queue it with the next tryNumber if it is still wanted.',
    evidence,
  });
}

/** No slot came free in time. */
export function queuedTooLongVerdict(limitMs: number): Verdict {
  return makeVerdict({
    kind: 'deadline.queued',
    blame: 'infra',
    mainStarted: false,
    message: `The task waited ${Math.round(limitMs / 1_000)} s for a slot, its limit`,
    hint: 'It waited too long for a slot; raise parallelism or the limit.',
  });
}

/** `launch()` of an executor threw. */
export function launchFailedVerdict(error: unknown): Verdict {
  const text = error instanceof Error ? error.message : String(error);
  return makeVerdict({
    kind: 'launch_failed',
    blame: 'infra',
    message: `The executor could not launch the task: ${text}`,
    hint: "See the error in the executor's log; an executor of your own should fail tasks with a verdict instead of throwing.",
    evidence: { message: text },
  });
}

/** Failed without a verdict of its own. */
export function unexplainedVerdict(text: string | undefined): Verdict {
  return makeVerdict({
    kind: 'unknown',
    blame: 'task',
    confidence: 'guess',
    message: text ?? 'The executor reported a failure and gave no reason',
    hint: 'Pass a verdict to fail() so that the reason is known.',
    evidence: text === undefined ? {} : { message: text },
  });
}

/** A verdict for the exit of a process or container that was neither cancelled nor out of time. */
export function exitVerdict(exitCode: number | undefined, signal: string | undefined, evidence: Evidence): Verdict {
  if (signal !== undefined)
    return makeVerdict({
      kind: 'killed_signal',
      blame: 'task',
      mainStarted: true,
      message: `The task was ended by signal ${signal}`,
      hint:
        signal === 'SIGKILL'
          ? 'Probably the machine ran out of memory, or somebody killed it: look at the kernel log.'
          : 'Look at the end of its log for what led to the signal.',
      evidence: { ...evidence, signal },
    });
  return makeVerdict({
    kind: 'app_exit',
    blame: 'task',
    mainStarted: true,
    message: `The task exited with code ${exitCode ?? 'unknown'}`,
    hint: "Look at the end of its log; the exit code is the task's own.",
    evidence: { ...evidence, exitCode },
  });
}

/** A task that failed after its stop had been asked for: the stop is the reason, what was seen stays as evidence. */
export function stoppedVerdict(why: string, seen: Verdict): Verdict {
  return seen.kind === 'cancelled' ? seen : cancelledVerdict(why, seen.mainStarted, seen.evidence);
}
