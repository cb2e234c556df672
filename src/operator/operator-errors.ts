/** Errors of the pod operator. */
import type { FailedOutcome } from '../core/outcome.js';
import type { Verdict } from '../core/verdict.js';
import { branded, PodwrightError, type PodwrightErrorOptions } from '../errors.js';

/** The pod has not done its work. */
export class PodFailedError extends PodwrightError {
  /** The whole end of the try. */
  readonly outcome: FailedOutcome;

  constructor(outcome: FailedOutcome) {
    const { verdict, ranAs } = outcome;
    super('ERR_PODWRIGHT_POD_FAILED', `Pod ${ranAs ?? '(never made)'} failed (${verdict.kind}): ${verdict.message}`, {
      hint: verdict.hint,
      retryable: verdict.blame === 'infra',
    });
    this.outcome = outcome;
  }

  /** Why it failed. */
  get verdict(): Verdict {
    return this.outcome.verdict;
  }
}
branded(PodFailedError, 'PodFailedError');

/** What is wrong with a result. */
export type ResultProblem = 'absent' | 'too_large' | 'not_json' | 'truncated' | 'schema';

/** The pod has succeeded, but its result is missing or not what it should be. The result itself is not part of the message. */
export class PodResultError extends PodwrightError {
  /** What is wrong. */
  readonly problem: ResultProblem;
  /** The pod, as `namespace/name`. */
  readonly pod: string | undefined;

  constructor(
    problem: ResultProblem,
    message: string,
    { pod, ...options }: PodwrightErrorOptions & { readonly pod?: string | undefined } = {},
  ) {
    super('ERR_PODWRIGHT_POD_RESULT', message, options);
    this.problem = problem;
    this.pod = pod;
  }
}
branded(PodResultError, 'PodResultError');
