/**
 * The protocol of list and watch as a pure state machine: given where a watch stands and what has just happened, `step` says where it
 * stands now and what to do next. It does no I/O and knows no timers, so that each transition can be tested by itself.
 */
import { type BackoffPolicy, backoffMs, heededMs } from '../core/backoff.js';
import type { Random } from '../core/random.js';
import { compareResourceVersions } from '../wire/resource-version.js';

/** What went wrong, as far as decisions need it. */
export interface WatchFailure {
  /** HTTP status; 0 where no answer came, -1 where the stream could not be understood. */
  readonly status: number;
  /** Reason of the server's Status, or empty. */
  readonly reason: string;
  /** For people; never a manifest. */
  readonly message: string;
  /** How long the server asked to wait. */
  readonly retryAfterMs?: number | undefined;
}

/** Where a watch stands. */
export interface WatchState {
  /** `streaming`: the list comes through the stream that will be watched. */
  readonly phase: 'listing' | 'streaming' | 'watching';
  /** Whether lists are asked for as streams: as long as the server is not known to lack them. */
  readonly canStream: boolean;
  /** Listing: the token of the page to fetch next. */
  readonly pageToken: string | undefined;
  /** Watching: the version to (re)open the stream from. Listing: the newest version ever seen, which a list must not fall behind. */
  readonly resourceVersion: string | undefined;
  /** Failures since the last quiet time; the backoff's exponent. */
  readonly failures: number;
  /** Monotonic time of the last failure. */
  readonly lastFailureAt: number;
  /** Failures of the stream since it last made progress. */
  readonly stuck: number;
  /** How often the version was too old since the stream last made progress. */
  readonly expired: number;
  /** How many lists in a row were older than what had been seen. */
  readonly stale: number;
}

/** What has happened. */
export type WatchInput =
  /** A page of the list has come. */
  | { readonly type: 'page'; readonly resourceVersion: string; readonly next: string | undefined }
  | { readonly type: 'list-failed'; readonly failure: WatchFailure }
  /** The list that came through the stream is whole. */
  | { readonly type: 'streamed'; readonly resourceVersion: string }
  /** An object or a bookmark has come through the stream. */
  | { readonly type: 'progress'; readonly resourceVersion: string | undefined }
  /** The stream ended in good order. */
  | { readonly type: 'ended'; readonly livedMs: number; readonly hadEvents: boolean }
  /** The stream could not be opened, carried an error, or broke off. */
  | { readonly type: 'failed'; readonly failure: WatchFailure }
  /** Nothing came for so long that the connection must be dead. */
  | { readonly type: 'silent' };

/** What to do next. */
export type WatchCommand =
  /** Fetch a page; without a token the list begins anew. */
  | { readonly type: 'list'; readonly pageToken: string | undefined; readonly afterMs: number }
  /** Open the stream; without a version it begins with the list. */
  | { readonly type: 'open'; readonly resourceVersion: string | undefined; readonly afterMs: number }
  /** Go on reading the stream. */
  | { readonly type: 'read' };

/** Why the stream was opened again, or the list begun anew. */
export type RestartReason = 'ended' | 'short' | 'gone' | 'error' | 'silent' | 'stuck' | 'stale';

/** Result of a step. */
export interface WatchStep {
  readonly state: WatchState;
  readonly command: WatchCommand;
  /** Set where the stream or the list starts over. */
  readonly restart?: RestartReason | undefined;
  /** Set where a person should know: the server refuses, and waiting alone may not help. */
  readonly trouble?: WatchFailure | undefined;
  /** For a page: whether its objects count. */
  readonly isAccepted?: boolean | undefined;
}

/** What a step may look at besides state and input. */
export interface WatchStepContext {
  /** Monotonic time in milliseconds. */
  readonly now: number;
  /** Source of jitter. */
  readonly random: Random;
}

/** The delays of client-go and kube-rs: patient enough for a restarting API server, and no herd when it is back. */
export const WATCH_BACKOFF: BackoffPolicy = { initialMs: 800, maxMs: 30_000 };
/** After so long without a failure the next one is the first again. */
const MOST_QUIET_MS = 120_000;
/** Ten times the wait before: what was well for so long does not deserve a longer one, and cannot be asked too often by it. */
const QUIET_WAITS = 10;
/** A stream that ends in good order sooner than this, without an event, is a server in trouble. */
const SHORT_LIFE_MS = 1_000;
/** After so many failures at the same version the version itself is suspect. */
const MAX_STUCK = 5;
/** After so many stale lists the cluster itself has gone back, by a restored backup for example. */
const MAX_STALE = 5;

/** A new watch: it lists first, unless a version to resume from is given. */
export function beginWatch(resumeFrom?: string, canStream = false): WatchStep {
  const state: WatchState = {
    phase: 'watching',
    canStream,
    resourceVersion: resumeFrom,
    pageToken: undefined,
    failures: 0,
    lastFailureAt: 0,
    stuck: 0,
    expired: 0,
    stale: 0,
  };
  if (resumeFrom === undefined) return listAnew(state, 0);
  return { state, command: { type: 'open', resourceVersion: resumeFrom, afterMs: 0 } };
}

/** Begins a list, by whichever of the two ways. */
function listAnew(state: WatchState, afterMs: number): WatchStep {
  const fresh = { ...state, pageToken: undefined };
  return state.canStream
    ? { state: { ...fresh, phase: 'streaming' }, command: { type: 'open', resourceVersion: undefined, afterMs } }
    : { state: { ...fresh, phase: 'listing' }, command: { type: 'list', pageToken: undefined, afterMs } };
}

function quietMs(failures: number): number {
  return Math.min(MOST_QUIET_MS, QUIET_WAITS * WATCH_BACKOFF.initialMs * 2 ** Math.max(0, failures - 1));
}

/** What the step after a failure has in common: how long to wait, and the counted failure. */
function failed(state: WatchState, { now, random }: WatchStepContext, retryAfterMs: number | undefined) {
  const isQuiet = now - state.lastFailureAt > quietMs(state.failures);
  const failures = (isQuiet ? 0 : state.failures) + 1;
  const delayMs = backoffMs(WATCH_BACKOFF, failures, random);
  return {
    counted: { ...state, failures, lastFailureAt: now },
    delayMs: Math.max(delayMs, heededMs(retryAfterMs ?? 0)),
  };
}

function relist(state: WatchState, afterMs: number, restart: RestartReason, trouble?: WatchFailure): WatchStep {
  return { ...listAnew({ ...state, stuck: 0 }, afterMs), restart, trouble };
}

function reopen(state: WatchState, afterMs: number, restart: RestartReason, trouble?: WatchFailure): WatchStep {
  const { resourceVersion } = state;
  if (resourceVersion === undefined) return relist(state, afterMs, restart, trouble);
  return { state, command: { type: 'open', resourceVersion, afterMs }, restart, trouble };
}

/** A 4xx other than "too old", "too many" and "too slow": the server refuses, and keeps refusing until somebody changes something. */
const isRefusal = ({ status }: WatchFailure) =>
  status >= 400 && status < 500 && status !== 408 && status !== 410 && status !== 429;

/** How servers refuse a list by stream that they do not know, or have switched off. */
const NOT_STREAMED = new Set([400, 405, 422, 501]);
/** After so many lists by stream that broke off they come by pages, which keep their place. */
const MAX_STREAM_TRIES = 3;

const isTooNew = ({ status, message }: WatchFailure) =>
  status === 504 && message.includes('Too large resource version');

/** A version that is too old once is answered at once; a storm of such answers is not met with a storm of lists. */
function gone(state: WatchState, context: WatchStepContext): WatchStep {
  const counted = { ...state, expired: state.expired + 1 };
  if (state.expired === 0) return relist(counted, 0, 'gone');
  const failure = failed(counted, context, undefined);
  return relist(failure.counted, failure.delayMs, 'gone');
}

function onPage(state: WatchState, input: WatchInput & { type: 'page' }, context: WatchStepContext): WatchStep {
  const { resourceVersion, next } = input;
  const isFirst = state.pageToken === undefined;
  const order =
    state.resourceVersion === undefined ? 0 : compareResourceVersions(resourceVersion, state.resourceVersion);
  if (isFirst && order !== undefined && order < 0 && state.stale < MAX_STALE) {
    const { counted, delayMs } = failed({ ...state, stale: state.stale + 1 }, context, undefined);
    return { ...relist(counted, delayMs, 'stale'), isAccepted: false };
  }
  if (next !== undefined && next !== '') {
    // The version to compare with stays until the list is whole, since it may have to begin anew.
    const listing: WatchState = { ...state, pageToken: next };
    return { state: listing, command: { type: 'list', pageToken: next, afterMs: 0 }, isAccepted: true };
  }
  const watching: WatchState = { ...state, phase: 'watching', pageToken: undefined, resourceVersion, stale: 0 };
  return { state: watching, command: { type: 'open', resourceVersion, afterMs: 0 }, isAccepted: true };
}

function onListFailed(state: WatchState, failure: WatchFailure, context: WatchStepContext): WatchStep {
  if (failure.status === 410) return gone(state, context);
  const { counted, delayMs } = failed(state, context, failure.retryAfterMs);
  const trouble = isRefusal(failure) ? failure : undefined;
  // Pages already fetched stay good as long as their snapshot lives; the server says 410 when it does not.
  const pageToken = trouble === undefined && failure.status !== -1 ? state.pageToken : undefined;
  return { state: { ...counted, pageToken }, command: { type: 'list', pageToken, afterMs: delayMs }, trouble };
}

/** A list by stream that came to nothing. A server that does not know such lists says so at once, or is silent; pages do it then. */
function onListStreamFailed(state: WatchState, input: WatchInput, context: WatchStepContext): WatchStep {
  const failure = input.type === 'failed' ? input.failure : undefined;
  const isUnknown = failure !== undefined && NOT_STREAMED.has(failure.status);
  const { counted, delayMs } = failed({ ...state, stuck: state.stuck + 1 }, context, failure?.retryAfterMs);
  // Nobody answering says nothing about what the server can do.
  const isHopeless =
    isUnknown || input.type === 'silent' || (counted.stuck >= MAX_STREAM_TRIES && failure?.status !== 0);
  const next = { ...counted, canStream: !isHopeless, stuck: isHopeless ? 0 : counted.stuck };
  const trouble = failure !== undefined && !isUnknown && isRefusal(failure) ? failure : undefined;
  const restart: RestartReason = input.type === 'silent' ? 'silent' : input.type === 'ended' ? 'short' : 'error';
  return { ...listAnew(next, isUnknown ? 0 : delayMs), restart: isUnknown ? undefined : restart, trouble };
}

function onStreamFailed(state: WatchState, failure: WatchFailure, context: WatchStepContext): WatchStep {
  if (failure.status === 410) return gone(state, context);
  const { counted, delayMs } = failed({ ...state, stuck: state.stuck + 1 }, context, failure.retryAfterMs);
  const trouble = isRefusal(failure) ? failure : undefined;
  if (isTooNew(failure)) return relist({ ...counted, resourceVersion: undefined }, delayMs, 'error');
  if (failure.status === 400 || failure.status === 422) return relist(counted, delayMs, 'error', trouble);
  // A server that cannot be reached says nothing about the version: that is resumed from for as long as it takes.
  if (counted.stuck >= MAX_STUCK && failure.status !== 0 && failure.status !== 429)
    return relist(counted, delayMs, 'stuck', trouble);
  return reopen(counted, delayMs, 'error', trouble);
}

const ENDS: ReadonlySet<WatchInput['type']> = new Set(['ended', 'failed', 'silent']);

/** The state after an input, and what to do next. Pure, but for the jitter it draws from `context.random`. */
export function step(state: WatchState, input: WatchInput, context: WatchStepContext): WatchStep {
  if (state.phase === 'streaming' && ENDS.has(input.type)) return onListStreamFailed(state, input, context);
  switch (input.type) {
    case 'page':
      return onPage(state, input, context);
    case 'list-failed':
      return onListFailed(state, input.failure, context);
    case 'streamed':
      return {
        state: {
          ...state,
          phase: 'watching',
          resourceVersion: input.resourceVersion,
          stuck: 0,
          expired: 0,
          stale: 0,
        },
        command: { type: 'read' },
      };
    case 'progress':
      // The objects of a list by stream stand for no version of their own.
      if (state.phase === 'streaming') return { state, command: { type: 'read' } };
      return {
        state: { ...state, resourceVersion: input.resourceVersion ?? state.resourceVersion, stuck: 0, expired: 0 },
        command: { type: 'read' },
      };
    case 'ended': {
      if (input.hadEvents || input.livedMs >= SHORT_LIFE_MS) return reopen(state, 0, 'ended');
      const { counted, delayMs } = failed(state, context, undefined);
      return reopen(counted, delayMs, 'short');
    }
    case 'failed':
      return onStreamFailed(state, input.failure, context);
    case 'silent': {
      const { counted, delayMs } = failed(state, context, undefined);
      return reopen(counted, delayMs, 'silent');
    }
    default: {
      const never: never = input;
      return never;
    }
  }
}
