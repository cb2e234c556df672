/** Watches the pods of one namespace, of several, or of all, as one stream. */
import { AsyncQueue } from '../core/async-queue.js';
import { ListWatcher } from './list-watch.js';
import type { WatchEvent, Watcher, WatchStatus } from './watcher.js';
import type { WatcherOptions } from './watcher-options.js';

/** Options of a {@link KubernetesJobWatcher}. */
export interface KubernetesJobWatcherOptions extends WatcherOptions {
  /** The namespaces to watch. @default all, over one connection */
  readonly namespaces?: readonly string[] | undefined;
}

/**
 * One {@link ListWatcher} per namespace, or a single one for all of them. With several namespaces the stages of a list carry their
 * namespace as `scope`; one that is forbidden or gone does not hold up the others.
 */
export class KubernetesJobWatcher implements Watcher {
  readonly #watchers: readonly ListWatcher[];
  readonly #names: readonly string[];

  constructor({ namespaces, ...options }: KubernetesJobWatcherOptions) {
    const names = namespaces === undefined ? undefined : [...new Set(namespaces)];
    this.#names = names ?? ['*'];
    this.#watchers =
      names === undefined
        ? [new ListWatcher(options)]
        : names.map(
            (namespace) => new ListWatcher({ ...options, namespace, scope: names.length > 1 ? namespace : undefined }),
          );
  }

  /** See {@link Watcher.watch}. */
  watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    const [only] = this.#watchers;
    return this.#watchers.length === 1 && only !== undefined ? only.watch(signal) : this.#merged(signal);
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
      pods: sum(({ pods }) => pods),
    };
  }

  /** How each namespace is doing; `*` stands for all of them. */
  statusByNamespace(): Readonly<Record<string, WatchStatus>> {
    return Object.fromEntries(this.#watchers.map((watcher, index) => [this.#names[index] ?? '', watcher.status()]));
  }

  async *#merged(signal: AbortSignal): AsyncGenerator<WatchEvent, void, undefined> {
    if (signal.aborted) return;
    const stop = new AbortController();
    const turns = new AsyncQueue<Turn>();
    const waiting = new Set<() => void>();
    const onAbort = () => {
      stop.abort(signal.reason);
      turns.end();
      for (const taken of waiting) taken();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const sources = this.#watchers.map((watcher) => watcher.watch(stop.signal));
    // Each source hands over one event and waits until it was taken: what piles up stays in the sources, where it is merged per pod.
    const pumps = sources.map(async (source) => {
      for await (const event of source) {
        if (stop.signal.aborted) return;
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
          turns.push({ event, taken: resolve });
        });
      }
    });
    try {
      for await (const { event, taken } of turns) {
        yield event;
        waiting.delete(taken);
        taken();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      onAbort();
      await Promise.allSettled(pumps);
    }
  }
}

interface Turn {
  readonly event: WatchEvent;
  readonly taken: () => void;
}
