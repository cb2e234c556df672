/** Watches the pods of one namespace, of several, or of all, as one stream. */

import { linkedAbort } from '../core/linked-abort.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { mergeIterables } from '../core/merge.js';
import type { AccessReviewer } from '../kube/kube-client.js';
import { ListWatcher } from './list-watch.js';
import type { WatchEvent, Watcher, WatchStatus } from './watcher.js';
import type { WatcherOptions, WatchTrouble } from './watcher-options.js';

/** A review that does not come soon is not worth waiting for: watching the namespaces one by one is as right. */
const REVIEW_LIMIT_MS = 5_000;

/** Options of a {@link KubernetesJobWatcher}. */
export interface KubernetesJobWatcherOptions extends WatcherOptions {
  /** The namespaces to watch. @default all, over one connection */
  readonly namespaces?: readonly string[] | undefined;
  /**
   * Whether several namespaces are watched over one connection to all of them, which needs the right to list and watch pods in the whole
   * cluster; what other namespaces tell is dropped here. `auto` asks the server for that right, and only where a label selector keeps
   * the pods of others away. @default 'auto'
   */
  readonly clusterWide?: boolean | 'auto' | undefined;
}

/**
 * Watches one namespace, all of them, or several: those over one connection where the server lets us, else each by a {@link ListWatcher}
 * of its own. In that case the stages of a list carry their namespace as `scope`, and one that is forbidden or gone does not hold up the
 * others.
 */
export class KubernetesJobWatcher implements Watcher {
  readonly #options: KubernetesJobWatcherOptions;
  readonly #namespaces: readonly string[] | undefined;
  readonly #logger: Logger;
  #watchers: readonly ListWatcher[] = [];
  #names: readonly string[] = [];

  constructor(options: KubernetesJobWatcherOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#namespaces = options.namespaces === undefined ? undefined : [...new Set(options.namespaces)];
    this.#use(options.clusterWide === true);
  }

  /** See {@link Watcher.watch}. */
  async *watch(signal: AbortSignal): AsyncGenerator<WatchEvent, void, undefined> {
    if (signal.aborted) return;
    if (await this.#mayBeClusterWide(signal)) {
      yield* this.#filtered(signal);
      if (signal.aborted) return;
      this.#logger.info({}, 'the whole cluster may no longer be watched; its namespaces are watched one by one');
      this.#use(false);
    }
    const [only] = this.#watchers;
    yield* this.#watchers.length === 1 && only !== undefined ? only.watch(signal) : this.#merged(signal);
  }

  status(): WatchStatus {
    const all = this.#watchers.map((watcher) => watcher.status());
    const restarts: Record<string, number> = {};
    for (const { restarts: some } of all)
      for (const [reason, count] of Object.entries(some)) restarts[reason] = (restarts[reason] ?? 0) + count;
    const silences = all.map(({ silentMs }) => silentMs).filter((ms) => ms !== undefined);
    const errors = all.flatMap(({ lastError }, index) =>
      lastError === undefined ? [] : [`${this.#names[index]}: ${lastError}`],
    );
    const sum = (pick: (status: WatchStatus) => number | undefined) =>
      all.reduce((total, one) => total + (pick(one) ?? 0), 0);
    return {
      synced: all.every(({ synced }) => synced),
      lists: sum(({ lists }) => lists),
      restarts,
      silentMs: silences.length === 0 ? undefined : Math.max(...silences),
      lastError: all.length === 1 ? all[0]?.lastError : errors.length === 0 ? undefined : errors.join('; '),
      queued: sum(({ queued }) => queued),
      lagMs: Math.max(0, ...all.map(({ lagMs = 0 }) => lagMs)),
      pods: sum(({ pods }) => pods),
    };
  }

  /** How each namespace is doing; `*` stands for all of them. */
  statusByNamespace(): Readonly<Record<string, WatchStatus>> {
    return Object.fromEntries(this.#watchers.map((watcher, index) => [this.#names[index] ?? '', watcher.status()]));
  }

  /** Sets up the watchers: one for everything, or one for each namespace. */
  #use(isWide: boolean, onRefused?: () => void): void {
    const { namespaces: _, clusterWide: __, ...options } = this.#options;
    const names = this.#namespaces;
    if (names === undefined || isWide) {
      const onTrouble = (trouble: WatchTrouble) => {
        if (trouble.status === 403) onRefused?.();
        options.onTrouble?.(trouble);
      };
      this.#names = ['*'];
      this.#watchers = [new ListWatcher({ ...options, onTrouble })];
      return;
    }
    this.#names = names;
    this.#watchers = names.map(
      (namespace) => new ListWatcher({ ...options, namespace, scope: names.length > 1 ? namespace : undefined }),
    );
  }

  async #mayBeClusterWide(signal: AbortSignal): Promise<boolean> {
    const { clusterWide = 'auto', client, labelSelector = '' } = this.#options;
    if (this.#namespaces === undefined || this.#namespaces.length < 2 || clusterWide === false) return false;
    if (clusterWide === true) return true;
    const reviewer = client as Partial<AccessReviewer>;
    if (labelSelector === '' || reviewer.canI === undefined) return false;
    try {
      for (const verb of ['list', 'watch'])
        if (!(await reviewer.canI({ verb, resource: 'pods' }, { signal, timeoutMs: REVIEW_LIMIT_MS }))) return false;
      return true;
    } catch (error) {
      this.#logger.debug({ err: error }, 'the right to watch the whole cluster could not be asked for');
      return false;
    }
  }

  /** The one stream for all namespaces, without those that nobody asked for; ends where the server refuses it. */
  async *#filtered(signal: AbortSignal): AsyncGenerator<WatchEvent, void, undefined> {
    const refused = new AbortController();
    this.#use(true, () => refused.abort());
    const wanted = new Set(this.#namespaces);
    const [all] = this.#watchers;
    if (all === undefined) return;
    for await (const event of all.watch(AbortSignal.any([signal, refused.signal])))
      if (!('pod' in event) || wanted.has(event.pod.metadata?.namespace ?? '')) yield event;
  }

  async *#merged(signal: AbortSignal): AsyncGenerator<WatchEvent, void, undefined> {
    if (signal.aborted) return;
    const stop = linkedAbort(signal);
    try {
      yield* mergeIterables(
        this.#watchers.map((watcher) => watcher.watch(stop.signal)),
        () => stop.abort(signal.reason),
      );
    } finally {
      stop.unlink();
    }
  }
}
