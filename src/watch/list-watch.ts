/**
 * A watch over pods that heals itself: lists by pages, watches from the list's version, resumes, lists again when it must, and notices
 * silence. Decisions are made in `list-watch-step.ts`; this is the part that talks to the server and to the clock.
 */
import { type Clock, systemClock } from '../core/clock.js';
import { linkedAbort } from '../core/linked-abort.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { type Random, systemRandom } from '../core/random.js';
import type { Pod } from '../wire/types.js';
import { WatchEventQueue } from './event-queue.js';
import type { ListPagesOptions } from './list-pages.js';
import { beginWatch, step, type WatchCommand, type WatchInput, type WatchStep } from './list-watch-step.js';
import { PageFetcher } from './page-size.js';
import { PodLedger, vanishedPod } from './pod-ledger.js';
import { failureOf, NOT_A_LIST, type ObjectEvent, PodStream } from './pod-stream.js';
import { reconcileLoop } from './reconcile.js';
import { Slices } from './slices.js';
import { trimPod } from './trim-pod.js';
import { VersionSaver } from './version-saver.js';
import { WatchHealth } from './watch-health.js';
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
/** Marks the bookmark that ends a list by stream. */
const LIST_END = 'k8s.io/initial-events-end';

/** Watches the pods of one namespace, or of all. */
export class ListWatcher implements Watcher {
  readonly #options: ListWatcherOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #saver: VersionSaver;
  readonly #health: WatchHealth;
  readonly #pages: PageFetcher;
  readonly #slices: Slices;
  #ledger = new PodLedger();
  #queue: WatchEventQueue | undefined;
  #isListing = false;

  constructor(options: ListWatcherOptions) {
    this.#options = options;
    const clock = options.clock ?? systemClock;
    const logger = options.logger ?? silentLogger;
    this.#clock = clock;
    this.#random = options.random ?? systemRandom;
    this.#logger = logger;
    const { namespace, labelSelector = '', fieldSelector = '', store, resume = false, onTrouble } = options;
    const key = options.storeKey ?? `pods/${namespace ?? '*'}?labels=${labelSelector}&fields=${fieldSelector}`;
    this.#saver = new VersionSaver({ store, key, mayResume: resume, clock, logger });
    this.#health = new WatchHealth({ namespace, clock, logger, onTrouble });
    this.#pages = new PageFetcher(options.client, clock, options.pageSize ?? DEFAULT_PAGE_SIZE);
    this.#slices = new Slices(clock);
  }

  /** See {@link Watcher.watch}. Each call begins anew, with a list. */
  async *watch(signal: AbortSignal): AsyncGenerator<WatchEvent, void, undefined> {
    if (signal.aborted) return;
    const queue = new WatchEventQueue(this.#clock);
    const stop = new AbortController();
    const onAbort = () => {
      stop.abort(signal.reason);
      queue.close();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#queue = queue;
    this.#ledger = new PodLedger();
    this.#isListing = false;
    this.#health.begin(false);
    const running = this.#run(queue, stop.signal).finally(() => queue.close());
    try {
      while (await queue.ready()) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          if (event.type === 'init-done') this.#health.told();
          yield event;
          // The consumer has come back for more, so it is through with this one: only now may its version be saved.
          this.#saver.note(event);
          if (this.#slices.isOver) await this.#slices.turn();
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      onAbort();
      await running;
    }
  }

  status(): WatchStatus {
    return {
      ...this.#health.status(),
      queued: this.#queue?.size ?? 0,
      lagMs: this.#queue?.lagMs ?? 0,
      pods: this.#ledger.size,
    };
  }

  async #run(queue: WatchEventQueue, signal: AbortSignal): Promise<void> {
    let resync = linkedAbort(signal);
    try {
      const { streamingList = this.#options.client.canStreamLists === true } = this.#options;
      let now: WatchStep = beginWatch(await this.#saver.load(), streamingList);
      this.#health.begin(now.state.phase === 'watching');
      while (!signal.aborted) {
        const { command } = now;
        if (command.type !== 'read' && command.afterMs > 0) await this.#clock.delay(command.afterMs, { signal });
        if (command.type === 'list') {
          resync.abort();
          now = await this.#listPage(now, command, queue, signal);
        } else if (command.type === 'open') {
          // Beside a list there is nothing to compare; beside a stream that goes on, the loop of before goes on too.
          const isList = command.resourceVersion === undefined;
          if (isList || resync.signal.aborted || now.restart === undefined) {
            resync.unlink();
            resync.abort();
            resync = linkedAbort(signal);
            void this.#reconcile(queue, resync.signal);
          }
          now = await this.#stream(now, command.resourceVersion, queue, signal);
        }
      }
    } catch (error) {
      // Only the consumer's own end leads here; anything else would leave it waiting for ever, and is a defect to be seen.
      if (!signal.aborted) this.#logger.error({ err: error }, 'a pod watch has ended by an unexpected error');
    } finally {
      resync.unlink();
      resync.abort();
    }
  }

  async #listPage(
    now: WatchStep,
    command: WatchCommand & { type: 'list' },
    queue: WatchEventQueue,
    signal: AbortSignal,
  ): Promise<WatchStep> {
    let next: WatchStep;
    try {
      const page = await this.#pages.fetch({ ...this.#listOptions(), signal }, command.pageToken);
      const { resourceVersion = '', continue: token } = page.metadata;
      next = this.#step(now, { type: 'page', resourceVersion, next: token });
      if (next.isAccepted !== true) return next;
      this.#health.sign();
      if (command.pageToken === undefined || !this.#isListing) this.#beginList(queue);
      for (const item of page.items) this.#listed(item, queue);
      if (next.state.phase === 'watching') this.#endList(resourceVersion, queue);
      return next;
    } catch (error) {
      if (signal.aborted) throw error;
      return this.#step(now, { type: 'list-failed', failure: failureOf(error) });
    }
  }

  #beginList(queue: WatchEventQueue): void {
    this.#isListing = true;
    this.#ledger.beginList();
    queue.push({ type: 'init', scope: this.#options.scope });
  }

  #listed(item: Pod, queue: WatchEventQueue): void {
    const pod = this.#trim(item);
    this.#ledger.listed(pod);
    queue.push({ type: 'init-apply', pod, scope: this.#options.scope });
  }

  #endList(resourceVersion: string, queue: WatchEventQueue): void {
    this.#isListing = false;
    this.#ledger.endList(resourceVersion);
    this.#health.listed();
    queue.push({ type: 'init-done', resourceVersion, scope: this.#options.scope });
  }

  async #stream(
    now: WatchStep,
    resourceVersion: string | undefined,
    queue: WatchEventQueue,
    signal: AbortSignal,
  ): Promise<WatchStep> {
    const { client, namespace, labelSelector, fieldSelector, silenceMs, transform } = this.#options;
    const stream = new PodStream({
      client,
      scope: { namespace, labelSelector, fieldSelector },
      resourceVersion,
      silenceMs,
      omitManagedFields: transform === undefined,
      clock: this.#clock,
      random: this.#random,
      signal,
      onSign: (at) => this.#health.sign(at),
    });
    let current = now;
    if (resourceVersion === undefined) this.#beginList(queue);
    try {
      for (;;) {
        let event = stream.take();
        if (event === undefined) {
          if (this.#slices.isOver) await this.#slices.turn();
          const input = await stream.next();
          if (signal.aborted) return current;
          if (!('event' in input)) return this.#step(current, input);
          event = input.event;
        }
        current =
          current.state.phase === 'streaming'
            ? this.#tellListed(current, event, queue)
            : this.#tell(current, event, queue);
        if (current.command.type !== 'read') return current;
      }
    } finally {
      stream.close();
    }
  }

  /** An event of a list that comes by stream. */
  #tellListed(now: WatchStep, { type, object }: ObjectEvent, queue: WatchEventQueue): WatchStep {
    const { resourceVersion = '', annotations } = object.metadata ?? {};
    if (type === 'BOOKMARK' && annotations?.[LIST_END] === 'true') {
      this.#endList(resourceVersion, queue);
      return this.#step(now, { type: 'streamed', resourceVersion });
    }
    // Bookmarks before the end, or deletions, come from a server that took this for a plain watch: its list has no end.
    if (type === 'BOOKMARK' || type === 'DELETED') return this.#step(now, { type: 'failed', failure: NOT_A_LIST });
    this.#listed(object, queue);
    return now.command.type === 'read' ? now : this.#step(now, { type: 'progress', resourceVersion: undefined });
  }

  #tell(now: WatchStep, { type, object }: ObjectEvent, queue: WatchEventQueue): WatchStep {
    const { resourceVersion } = object.metadata ?? {};
    if (type === 'BOOKMARK') {
      if (resourceVersion !== undefined) queue.push({ type: 'bookmark', resourceVersion });
    } else {
      const pod = this.#trim(object);
      if (type === 'DELETED') {
        if (this.#ledger.remove(pod)) queue.push({ type: 'delete', pod });
      } else {
        const replaced = this.#ledger.replacedBy(pod);
        if (this.#ledger.apply(pod)) {
          if (replaced !== undefined)
            queue.push({ type: 'delete', pod: vanishedPod(pod, replaced.uid, this.#clock.now()) });
          queue.push({ type: 'apply', pod });
        }
      }
    }
    return this.#step(now, { type: 'progress', resourceVersion });
  }

  /** Lists everything now and then beside the running stream. */
  #reconcile(queue: WatchEventQueue, signal: AbortSignal): Promise<void> {
    const { scope, resyncIntervalMs: intervalMs = DEFAULT_RESYNC_MS } = this.#options;
    return reconcileLoop({
      pages: this.#pages,
      scope,
      intervalMs,
      list: this.#listOptions(),
      transform: (pod) => this.#trim(pod),
      ledger: this.#ledger,
      queue,
      clock: this.#clock,
      random: this.#random,
      signal,
      isReady: () => !this.#isListing,
      onListed: () => this.#health.listed(),
      onFailed: (error) => this.#health.resyncFailed(failureOf(error), error),
    });
  }

  #step(now: WatchStep, input: WatchInput): WatchStep {
    const next = step(now.state, input, { now: this.#clock.monotonic(), random: this.#random });
    if (next.restart !== undefined) this.#health.restarted(next.restart);
    if (input.type === 'failed' || input.type === 'list-failed') this.#health.failed(input.failure);
    if (input.type === 'silent') this.#health.silent();
    if (next.trouble !== undefined) this.#health.refused(next.trouble);
    return next;
  }

  #listOptions(): ListPagesOptions {
    const { namespace, labelSelector, fieldSelector, transform } = this.#options;
    return { namespace, labelSelector, fieldSelector, omitManagedFields: transform === undefined };
  }

  #trim(pod: Pod): Pod {
    return (this.#options.transform ?? trimPod)(pod);
  }
}
