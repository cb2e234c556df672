/** What a failed create means for the task. Pure. */
import type { Verdict, VerdictKind } from '../core/verdict.js';
import { KubeApiError } from '../errors.js';
import { KIND_FACTS } from '../lifecycle/verdict-kinds.js';
import { quantityValue } from '../wire/quantity.js';

/** What to do after a failed create. */
export type CreateFailure =
  /** A pod of this name exists: read and compare. */
  | { readonly type: 'exists' }
  /** Try again later; `isSafe` is false where the server may have acted after all. */
  | { readonly type: 'transient'; readonly retryAfterMs: number | undefined; readonly message: string }
  /** The namespace's quota is used up for now. */
  | { readonly type: 'quota'; readonly verdict: Verdict; readonly message: string }
  /** Never. */
  | { readonly type: 'permanent'; readonly verdict: Verdict };

/** A verdict about a pod that was never made. */
export function launchVerdict(kind: VerdictKind, message: string, hint?: string): Verdict {
  const facts = KIND_FACTS[kind];
  return {
    kind,
    blame: facts.blame,
    hint: hint ?? facts.hint,
    message,
    mainStarted: false,
    confidence: 'certain',
    evidence: { message },
  };
}

/** Parses `requested: pods=1,memory=1Gi` and the like. */
function amounts(text: string, label: string): Map<string, number> {
  const list = new RegExp(`${label}: ([^\\s]+(?:,[^\\s]+)*)`).exec(text)?.[1] ?? '';
  return new Map(
    list
      .split(',')
      .map((part) => part.split('='))
      .flatMap(([name, amount]): [string, number][] => {
        const value = quantityValue(amount);
        return name === undefined || value === undefined ? [] : [[name, value]];
      }),
  );
}

/** Whether a quota's message says that the request alone is above the limit, so that waiting cannot help. */
export function isQuotaImpossible(message: string): boolean {
  const limited = amounts(message, 'limited');
  return [...amounts(message, 'requested')].some(
    ([name, requested]) => requested > (limited.get(name) ?? Number.POSITIVE_INFINITY),
  );
}

function forbidden(error: KubeApiError): CreateFailure {
  const { message } = error;
  if (
    error.causes.some(({ reason }) => reason === 'NamespaceTerminating') ||
    /because it is being terminated/.test(message)
  )
    return { type: 'permanent', verdict: launchVerdict('namespace_terminating', message) };
  // A quota that is new has no status yet; its controller fills it in a moment.
  if (/status unknown for quota/i.test(message))
    return { type: 'quota', verdict: launchVerdict('quota.full', message), message };
  if (!/exceeded quota/i.test(message)) {
    const hint = /cannot create resource/.test(message)
      ? 'Give the service account of the host the right to create pods in this namespace.'
      : undefined;
    return { type: 'permanent', verdict: launchVerdict('rejected_by_api', message, hint) };
  }
  if (isQuotaImpossible(message)) return { type: 'permanent', verdict: launchVerdict('quota.impossible', message) };
  return { type: 'quota', verdict: launchVerdict('quota.full', message), message };
}

/** Sorts the error of a create. */
export function classifyCreateError(error: unknown): CreateFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof KubeApiError)) return { type: 'permanent', verdict: launchVerdict('launch_failed', message) };
  const transient: CreateFailure = { type: 'transient', retryAfterMs: error.retryAfterMs, message };
  switch (error.status) {
    case 409:
      return error.reason === 'AlreadyExists' ? { type: 'exists' } : transient;
    case 403:
      return forbidden(error);
    case 0:
    case 401:
    case 408:
    case 410:
    case 429:
      return transient;
    default:
      return error.status >= 500
        ? transient
        : { type: 'permanent', verdict: launchVerdict('rejected_by_api', message) };
  }
}
