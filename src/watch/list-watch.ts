/**
 * A watch over pods that heals itself: lists by pages, watches from the list's version, resumes, lists again when it must, and notices
 * silence. Decisions are made in `list-watch-step.ts`; this is the part that talks to the server and to the clock.
 */
import { type Clock, systemClock } from '../core/clock.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { type Random, systemRandom } from '../core/random.js';
import type { Pod } from '../wire/types.js';
import { WatchEventQueue } from './event-queue.js';
import type { ListPagesOptions } from './list-pages.js';
import {
  beginWatch,
  step,
  type WatchCommand,
  type WatchFailure,
  type WatchInput,
  type WatchStep,
} from './list-watch-step.js';
import { PodLedger } from './pod-ledger.js';
import { failureOf, PodStream } from './pod-stream.js';
import { reconcileLoop } from './reconcile.js';
import { trimPod } from './trim-pod.js';
import type { WatchEvent, Watcher, WatchStatus } from './watcher.js';
import type { WatcherOptions } from './watcher-options.js';

/** Options of a {@link ListWatcher}. */
export interface ListWatcherOptions extends WatcherOptions {
  /** The namespace to watch. @default all */
  readonly namespace?: string | undefined;
  /** Marks the stages of lists with this scope; see {@link WatchEvent}. @default none */
  readonly scope?: string | undefined;
  /** Name in the store. Where several clusters share a store, put the server's name in. @default namespace and selectors */
  readonly storeKey?: string | undefined;
  /**
   * Resumes from the store's version without a list. Right only for a consumer that has itself kept what it knew of each pod; any
   * other would never hear of pods that exist but do not change. @default false
   */
  readonly resume?: boolean | undefined;
}

const DEFAULT_PAGE_SIZE = 500;
const DEFAULT_RESYNC_MS = 300_000;
const SAVE_INTERVAL_MS = 5_000;

/** Watches the pods of one namespace, or of all. */
export class ListWatcher implements Watcher {
  readonly #options: ListWatcherOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #storeKey: string;
  readonly #restarts: Record<string, number> = {};
  #ledger = new PodLedger();
  #queue: WatchEventQueue | undefined;
  #synced = false;
  #lists = 0;
  #lastSignAt: number | undefined;
  #lastError: string | undefined;
  #savedAt = Number.NEGATIVE_INFINITY;
  #isListing = false;

  constructor(options: ListWatcherOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
    const { namespace = '*', labelSelector = '', fieldSelector = '' } = options;
    this.#storeKey = options.storeKey ?? `pods/${namespace}?labels=${labelSelector}&fields=${fieldSelector}`;
  }

  /** See {@link Watcher.watch}. Each call begins anew, with a list. */
  async *watch(signal: AbortSignal): AsyncGenerator<WatchEvent, void, undefined> {
    if (signal.aborted) return;
    const queue = new WatchEventQueue();
    const stop = new AbortController();
    const onAbort = () => {
      stop.abort(signal.reason);
      queue.close();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#queue = queue;
    this.#ledger = new PodLedger();
    this.#synced = false;
    const running = this.#run(queue, stop.signal).finally(() => queue.close());
    try {
      for await (const event of queue) {
        yield event;
        // The consumer has come back for more, so it is through with this one: only now may its version be saved.
        this.#save(event);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      onAbort();
      await running;
    }
  }

  status(): WatchStatus {
    return {
      synced: this.#synced,
      lists: this.#lists,
      restarts: { ...this.#restarts },
      silentMs: this.#lastSignAt === undefined ? undefined : this.#clock.monotonic() - this.#lastSignAt,
      lastError: this.#lastError,
      queued: this.#queue?.size ?? 0,
      pods: this.#ledger.size,
    };
  }

  async #run(queue: WatchEventQueue, signal: AbortSignal): Promise<void> {
    let resync = new AbortController();
    try {
      let now: WatchStep = beginWatch(await this.#resumeVersion());
      this.#synced = now.state.phase === 'watching';
      while (!signal.aborted) {
        const { command } = now;
        if (command.type !== 'read' && command.afterMs > 0) await this.#clock.delay(command.afterMs, { signal });
        if (command.type === 'list') {
          resync.abort();
          now = await this.#listPage(now, command, queue, signal);
        } else if (command.type === 'open') {
          if (resync.signal.aborted || now.restart === undefined) {
            resync.abort();
            resync = new AbortController();
            void this.#reconcile(queue, AbortSignal.any([signal, resync.signal]));
          }
          now = await this.#stream(now, command.resourceVersion, queue, signal);
        }
      }
    } catch (error) {
      // Only the consumer's own end leads here; anything else would leave it waiting for ever, and is a defect to be seen.
      if (!signal.aborted) this.#logger.error({ err: error }, 'a pod watch has ended by an unexpected error');
    } finally {
      resync.abort();
    }
  }

  async #listPage(
    now: WatchStep,
    command: WatchCommand & { type: 'list' },
    queue: WatchEventQueue,
    signal: AbortSignal,
  ): Promise<WatchStep> {
    const { client, scope } = this.#options;
    let next: WatchStep;
    try {
      const page = await client.listPods({ ...this.#listOptions(), continue: command.pageToken, signal });
      const { resourceVersion = '', continue: token } = page.metadata;
      next = this.#step(now, { type: 'page', resourceVersion, next: token });
      if (next.isAccepted !== true) return next;
      this.#sign();
      if (command.pageToken === undefined || !this.#isListing) {
        this.#isListing = true;
        this.#ledger.beginList();
        queue.push({ type: 'init', scope });
      }
      for (const item of page.items) {
        const pod = this.#trim(item);
        this.#ledger.listed(pod);
        queue.push({ type: 'init-apply', pod, scope });
      }
      if (next.state.phase === 'watching') {
        this.#isListing = false;
        this.#ledger.endList(resourceVersion);
        this.#lists += 1;
        this.#synced = true;
        queue.push({ type: 'init-done', resourceVersion, scope });
      }
      return next;
    } catch (error) {
      if (signal.aborted) throw error;
      return this.#step(now, { type: 'list-failed', failure: failureOf(error) });
    }
  }

  async #stream(
    now: WatchStep,
    resourceVersion: string,
    queue: WatchEventQueue,
    signal: AbortSignal,
  ): Promise<WatchStep> {
    const { client, namespace, labelSelector, fieldSelector, silenceMs } = this.#options;
    const stream = new PodStream({
      client,
      scope: { namespace, labelSelector, fieldSelector },
      resourceVersion,
      silenceMs,
      clock: this.#clock,
      random: this.#random,
      signal,
      onSign: () => this.#sign(),
    });
    let current = now;
    try {
      for (;;) {
        const input = await stream.next();
        if (signal.aborted) return current;
        if ('event' in input) {
          this.#tell(input.event, queue);
          current = this.#step(current, {
            type: 'progress',
            resourceVersion: input.event.object.metadata?.resourceVersion,
          });
        } else {
          return this.#step(current, input);
        }
      }
    } finally {
      stream.close();
    }
  }

  #tell(
    { type, object }: { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: Pod },
    queue: WatchEventQueue,
  ): void {
    if (type === 'BOOKMARK') {
      const { resourceVersion } = object.metadata ?? {};
      if (resourceVersion !== undefined) queue.push({ type: 'bookmark', resourceVersion });
      return;
    }
    const pod = this.#trim(object);
    if (type === 'DELETED') {
      if (this.#ledger.remove(pod)) queue.push({ type: 'delete', pod });
      return;
    }
    const replaced = this.#ledger.replacedBy(pod);
    if (!this.#ledger.apply(pod)) return;
    if (replaced !== undefined) queue.push({ type: 'delete', pod: this.#vanished(pod, replaced.uid) });
    queue.push({ type: 'apply', pod });
  }

  /** Stands for a pod whose end nobody reported, although its name has gone to another one. */
  #vanished({ metadata }: Pod, uid: string): Pod {
    const { name = '', namespace = '', resourceVersion = '' } = metadata ?? {};
    const deletionTimestamp = metadata?.creationTimestamp ?? new Date(this.#clock.now()).toISOString();
    return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, uid, resourceVersion, deletionTimestamp } };
  }

  /** Lists everything now and then beside the running stream. */
  #reconcile(queue: WatchEventQueue, signal: AbortSignal): Promise<void> {
    const { client, scope, resyncIntervalMs: intervalMs = DEFAULT_RESYNC_MS } = this.#options;
    return reconcileLoop({
      client,
      scope,
      intervalMs,
      list: this.#listOptions(),
      transform: (pod) => this.#trim(pod),
      ledger: this.#ledger,
      queue,
      clock: this.#clock,
      random: this.#random,
      signal,
      onListed: () => {
        this.#lists += 1;
      },
      onFailed: (error) => {
        this.#lastError = failureOf(error).message;
        this.#logger.warn({ err: error }, 'the list beside a pod watch failed; it will be tried again');
      },
    });
  }

  #step(now: WatchStep, input: WatchInput): WatchStep {
    const next = step(now.state, input, { now: this.#clock.monotonic(), random: this.#random });
    if (next.restart !== undefined) this.#restarts[next.restart] = (this.#restarts[next.restart] ?? 0) + 1;
    if (input.type === 'failed' || input.type === 'list-failed') this.#noteFailure(input.failure);
    if (next.trouble !== undefined) this.#report(next.trouble);
    return next;
  }

  #noteFailure({ status, reason, message }: WatchFailure): void {
    this.#lastError = message;
    this.#logger.debug(
      { status, reason, detail: message, namespace: this.#options.namespace },
      'a pod watch was interrupted',
    );
  }

  #report({ status, reason, message }: WatchFailure): void {
    const { namespace, onTrouble } = this.#options;
    this.#logger.warn({ status, reason, detail: message, namespace }, 'the API server refuses a pod watch');
    try {
      onTrouble?.({ status, reason, message, namespace });
    } catch (error) {
      this.#logger.error({ err: error }, 'a listener for trouble of a watch has thrown');
    }
  }

  #listOptions(): ListPagesOptions {
    const { namespace, labelSelector, fieldSelector, pageSize = DEFAULT_PAGE_SIZE } = this.#options;
    return { namespace, labelSelector, fieldSelector, limit: pageSize };
  }

  #trim(pod: Pod): Pod {
    return (this.#options.transform ?? trimPod)(pod);
  }

  #sign(): void {
    this.#lastSignAt = this.#clock.monotonic();
  }

  async #resumeVersion(): Promise<string | undefined> {
    const { store, resume = false } = this.#options;
    if (!resume || store === undefined) return undefined;
    try {
      return await store.get(this.#storeKey);
    } catch (error) {
      this.#logger.warn({ err: error }, 'the version store cannot be read; listing instead');
      return undefined;
    }
  }

  #save(event: WatchEvent): void {
    const { store } = this.#options;
    if (store === undefined || event.type === 'init' || event.type === 'init-apply') return;
    const isPod = 'pod' in event;
    const now = this.#clock.monotonic();
    // A version a little behind only means that some news are told again.
    if (isPod && now - this.#savedAt < SAVE_INTERVAL_MS) return;
    const version = isPod ? event.pod.metadata?.resourceVersion : event.resourceVersion;
    if (version === undefined) return;
    this.#savedAt = now;
    Promise.resolve()
      .then(() => store.set(this.#storeKey, version))
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'the version store cannot be written'));
  }
}
