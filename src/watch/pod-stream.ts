/** One connection of a watch: its events, its end, and its silence, as inputs of the state machine. */
import type { Clock } from '../core/clock.js';
import type { Random } from '../core/random.js';
import { KubeApiError } from '../errors.js';
import type { ListScope, PodReader, PodWatchEvent } from '../kube/kube-client.js';
import type { BufferedPodEvents } from '../kube/pod-events.js';
import type { WatchFailure, WatchInput } from './list-watch-step.js';

/** An event that carries an object. */
export type ObjectEvent = Exclude<PodWatchEvent, { readonly type: 'ERROR' }>;

/** Options of a {@link PodStream}. */
export interface PodStreamOptions {
  readonly client: Pick<PodReader, 'watchPods'>;
  readonly scope: ListScope;
  /** Where to begin; `undefined` for a stream that begins with the list. */
  readonly resourceVersion: string | undefined;
  readonly silenceMs: number | undefined;
  readonly omitManagedFields: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Called for each sign of life, with its monotonic time. */
  readonly onSign: (at: number) => void;
}

/** Bookmarks come about every minute; two and a half without one mean that nobody is there. */
const DEFAULT_SILENCE_MS = 150_000;
/** A server that sends no bookmarks is given until it should have ended the stream by itself. */
const GRACE_MS = 30_000;
/** A list by stream begins within this, unless the server does not know such lists and waits for news instead. */
const LIST_SILENCE_MS = 30_000;
const LIST_BY_STREAM = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } as const;
const MIN_TIMEOUT_S = 300;
const SPREAD_TIMEOUT_S = 300;

/** Stands for the answer of a server that does not know lists by stream, and says nothing. */
export const NOT_A_LIST: WatchFailure = {
  status: 501,
  reason: 'NotStreamed',
  message: 'the server does not send lists as streams',
};

/** What an error means to the state machine. */
export function failureOf(error: unknown): WatchFailure {
  if (error instanceof KubeApiError) {
    const { status, reason, message, retryAfterMs } = error;
    return { status, reason, message, retryAfterMs };
  }
  return { status: -1, reason: '', message: error instanceof Error ? error.message : String(error) };
}

/** Reads one connection. Not reusable. */
export class PodStream {
  readonly #options: PodStreamOptions;
  readonly #timeoutSeconds: number;
  readonly #events: AsyncIterator<PodWatchEvent>;
  readonly #stop = new AbortController();
  readonly #openedAt: number;
  #lastSignAt: number;
  #hasBookmark = false;
  #hadEvents = false;
  #isSilent = false;
  #isAborted = false;
  /** An error that stood among the events at hand. */
  #ended: { readonly type: 'failed'; readonly failure: WatchFailure } | undefined;
  #cancelWatchdog: () => void;
  /** Rejects the read under way: a client that does not heed its signal must not hold us. */
  #giveUp: ((reason: unknown) => void) | undefined;
  readonly #onAbort = () => this.#end(this.#options.signal.reason);

  constructor(options: PodStreamOptions) {
    this.#options = options;
    const { client, scope, resourceVersion, clock, random, signal } = options;
    this.#timeoutSeconds = MIN_TIMEOUT_S + Math.floor(SPREAD_TIMEOUT_S * random.next());
    this.#openedAt = clock.monotonic();
    this.#lastSignAt = this.#openedAt;
    const watch = client.watchPods({
      ...scope,
      ...(resourceVersion === undefined ? LIST_BY_STREAM : { resourceVersion }),
      timeoutSeconds: this.#timeoutSeconds,
      allowWatchBookmarks: true,
      omitManagedFields: this.#options.omitManagedFields,
      signal: this.#stop.signal,
    });
    this.#events = watch[Symbol.asyncIterator]();
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#cancelWatchdog = this.#watchFor(this.#limitMs);
  }

  /** The next event, where it has come already and the client tells so; what ends the stream comes by {@link PodStream.next}. */
  take(): ObjectEvent | undefined {
    if (this.#isAborted || this.#ended !== undefined) return undefined;
    try {
      const event = (this.#events as Partial<BufferedPodEvents>).take?.();
      if (event === undefined) return undefined;
      if (event.type !== 'ERROR') return this.#noted(event);
      this.#ended = { type: 'failed', failure: event };
    } catch (error) {
      this.#ended = { type: 'failed', failure: failureOf(error) };
    }
    return undefined;
  }

  /** The next event, or what ended the stream. Call it no more after that. */
  async next(): Promise<
    { readonly event: ObjectEvent } | Exclude<WatchInput, { readonly type: 'page' | 'list-failed' | 'progress' }>
  > {
    if (this.#ended !== undefined) return this.#ended;
    try {
      const result = await new Promise<IteratorResult<PodWatchEvent>>((resolve, reject) => {
        this.#giveUp = reject;
        this.#events.next().then(resolve, reject);
      });
      if (result.done === true) {
        const livedMs = this.#options.clock.monotonic() - this.#openedAt;
        return { type: 'ended', livedMs, hadEvents: this.#hadEvents };
      }
      const event = result.value;
      if (event.type === 'ERROR') {
        const { status, reason, message, retryAfterMs } = event;
        return { type: 'failed', failure: { status, reason, message, retryAfterMs } };
      }
      return { event: this.#noted(event) };
    } catch (error) {
      return this.#isSilent ? { type: 'silent' } : { type: 'failed', failure: failureOf(error) };
    }
  }

  /** Ends the connection. May be called more than once. */
  close(): void {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#end(new Error('the stream is no longer needed'));
    this.#events.return?.()?.then(undefined, () => {});
  }

  #noted(event: ObjectEvent): ObjectEvent {
    this.#lastSignAt = this.#options.clock.monotonic();
    this.#options.onSign(this.#lastSignAt);
    this.#hadEvents = true;
    if (event.type === 'BOOKMARK') this.#hasBookmark = true;
    return event;
  }

  get #limitMs(): number {
    const { silenceMs = DEFAULT_SILENCE_MS } = this.#options;
    if (this.#options.resourceVersion === undefined && !this.#hasBookmark) return Math.min(silenceMs, LIST_SILENCE_MS);
    const patientMs = this.#timeoutSeconds * 1_000 + GRACE_MS;
    return this.#hasBookmark ? Math.min(silenceMs, patientMs) : patientMs;
  }

  /** One timer for the whole stream rather than one per event: when it fires too early it is set again for the rest. */
  #watchFor(ms: number): () => void {
    return this.#options.clock.schedule(
      Math.min(ms, this.#limitMs, this.#options.silenceMs ?? DEFAULT_SILENCE_MS),
      () => {
        const leftMs = this.#lastSignAt + this.#limitMs - this.#options.clock.monotonic();
        if (leftMs > 0) {
          this.#cancelWatchdog = this.#watchFor(leftMs);
          return;
        }
        this.#isSilent = true;
        this.#end(new Error('the stream is silent'));
      },
    );
  }

  #end(reason: unknown): void {
    this.#isAborted = true;
    this.#cancelWatchdog();
    this.#stop.abort(reason);
    this.#giveUp?.(reason);
  }
}
