/** Helpers for tests of watches: a scripted client, and a collector of events. */
import type { ListOptions, PodReader, PodWatchEvent, WatchOptions } from '../../src/kube/kube-client.js';
import type { WatchEvent, Watcher } from '../../src/watch/watcher.js';
import type { KubeList, Pod } from '../../src/wire/types.js';

/** A pod with the least that a watch reads. */
export function pod(name: string, version: number | string, uid = `uid-${name}`, namespace = 'default'): Pod {
  return { metadata: { name, namespace, uid, resourceVersion: String(version) } };
}

/** Shows an event in a few characters. */
export function shown(event: WatchEvent): string {
  switch (event.type) {
    case 'init':
      return 'init';
    case 'init-done':
    case 'bookmark':
      return `${event.type} ${event.resourceVersion}`;
    default:
      return `${event.type} ${event.pod.metadata?.name}@${event.pod.metadata?.resourceVersion}`;
  }
}

/** Collects what a watcher tells until it is stopped. */
export function collect(watcher: Watcher): {
  readonly events: WatchEvent[];
  readonly shown: string[];
  stop(): Promise<void>;
} {
  const events: WatchEvent[] = [];
  const lines: string[] = [];
  const stop = new AbortController();
  const running = (async () => {
    for await (const event of watcher.watch(stop.signal)) {
      events.push(event);
      lines.push(shown(event));
    }
  })();
  return {
    events,
    shown: lines,
    stop: () => {
      stop.abort();
      return running;
    },
  };
}

/** What a scripted watch does next. */
export type StreamAct = { readonly send: PodWatchEvent } | { readonly fail: unknown } | { readonly end: true };

/** One scripted watch connection. */
export class ScriptedStream {
  readonly options: WatchOptions;
  readonly #acts: StreamAct[] = [];
  #wake: (() => void) | undefined;

  constructor(options: WatchOptions) {
    this.options = options;
    options.signal?.addEventListener('abort', () => this.do({ fail: options.signal?.reason }));
  }

  do(...acts: StreamAct[]): void {
    this.#acts.push(...acts);
    this.#wake?.();
  }

  async *run(): AsyncGenerator<PodWatchEvent> {
    for (;;) {
      const act = this.#acts.shift();
      if (act === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if ('end' in act) return;
      if ('fail' in act) throw act.fail;
      yield act.send;
    }
  }
}

/** A client whose lists come from a script and whose watches are driven by the test. */
export class ScriptedReader implements PodReader {
  readonly lists: ListOptions[] = [];
  readonly streams: ScriptedStream[] = [];
  onList: (options: ListOptions, count: number) => KubeList<Pod> | Promise<KubeList<Pod>> = () => ({
    metadata: { resourceVersion: '100' },
    items: [],
  });

  /** The newest connection. */
  get stream(): ScriptedStream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error('no watch was opened');
    return last;
  }

  readPod(): Promise<Pod | undefined> {
    return Promise.resolve(undefined);
  }

  async listPods(options: ListOptions = {}): Promise<KubeList<Pod>> {
    this.lists.push(options);
    return this.onList(options, this.lists.length);
  }

  watchPods(options: WatchOptions = {}): AsyncIterable<PodWatchEvent> {
    const stream = new ScriptedStream(options);
    this.streams.push(stream);
    return stream.run();
  }
}

/** What a right consumer of the staged events believes to exist. */
export class Model {
  readonly pods = new Map<string, Pod>();
  readonly #listed = new Map<string, Set<string>>();

  take(event: WatchEvent): void {
    const scope = 'scope' in event ? (event.scope ?? '') : '';
    const key = 'pod' in event ? `${event.pod.metadata?.namespace}/${event.pod.metadata?.name}` : '';
    if (event.type === 'init') this.#listed.set(scope, new Set());
    if (event.type === 'init-apply') this.#listed.get(scope)?.add(key);
    if (event.type === 'init-apply' || event.type === 'apply') this.pods.set(key, event.pod);
    if (event.type === 'delete') this.pods.delete(key);
    if (event.type === 'init-done')
      for (const known of this.pods.keys())
        if ((scope === '' || known.startsWith(`${scope}/`)) && !this.#listed.get(scope)?.has(known))
          this.pods.delete(known);
  }

  get state(): string[] {
    return [...this.pods].map(([key, { metadata }]) => `${key} ${metadata?.uid} ${metadata?.resourceVersion}`).sort();
  }
}
