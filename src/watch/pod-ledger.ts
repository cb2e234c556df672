/**
 * What a watch has told of each pod so far: only uid and version, so that 50,000 pods cost a few megabytes. With it a watch never goes
 * back in time, and a list taken beside a running stream can be merged with what the stream tells meanwhile.
 */
import { compareResourceVersions } from '../wire/resource-version.js';
import type { Pod } from '../wire/types.js';

interface Entry {
  readonly uid: string;
  readonly version: string;
}

const keyOf = ({ metadata: { namespace = '', name = '' } = {} }: Pod) => [namespace, name].join('/');
const entryOf = ({ metadata }: Pod): Entry => ({ uid: metadata?.uid ?? '', version: metadata?.resourceVersion ?? '' });
/** Versions that cannot be compared count as newer: better told twice than never. */
const isNotNewer = (version: string, than: string) => (compareResourceVersions(version, than) ?? 1) <= 0;

/** Stands for a pod whose end nobody reported, although its name has gone to another one. `now`: the host's time. */
export function vanishedPod({ metadata }: Pod, uid: string, now: number): Pod {
  const { name = '', namespace = '', resourceVersion = '' } = metadata ?? {};
  const deletionTimestamp = metadata?.creationTimestamp ?? new Date(now).toISOString();
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, uid, resourceVersion, deletionTimestamp } };
}

/** Versions of the pods of one watch. */
export class PodLedger {
  #known = new Map<string, Entry>();
  #listing: Map<string, Entry> | undefined;
  /** Version of the last whole list: older news of pods that it lacks are about pods that are gone. */
  #floor: string | undefined;
  /** The newest version told so far. */
  #newest: string | undefined;
  /** The newest version told before the list beside the stream was begun: a list that is older knows less than we do. */
  #besideFloor: string | undefined;
  /** What the stream has told while a list is taken beside it; `undefined` as value: deleted. */
  #beside: Map<string, Pod | undefined> | undefined;

  /** How many pods are known. */
  get size(): number {
    return this.#known.size;
  }

  /** The uid that a pod's name stood for, where it stands for another one now: that pod is gone, although nobody said so. */
  replacedBy(pod: Pod): { readonly uid: string } | undefined {
    const entry = this.#known.get(keyOf(pod));
    return entry === undefined || entry.uid === (pod.metadata?.uid ?? '') ? undefined : entry;
  }

  /** Notes news of a pod; `false` where it is nothing new. */
  apply(pod: Pod): boolean {
    const key = keyOf(pod);
    const entry = entryOf(pod);
    if (!this.#isNews(key, entry)) return false;
    this.#known.set(key, entry);
    this.#told(entry.version);
    this.#beside?.set(key, pod);
    return true;
  }

  /** Notes that a pod was deleted, or has left the selector; `false` where that is no news. */
  remove(pod: Pod): boolean {
    const key = keyOf(pod);
    const entry = entryOf(pod);
    const known = this.#known.get(key);
    if (known === undefined ? !this.#isNews(key, entry) : known.uid === entry.uid && this.#isOlder(entry, known))
      return false;
    // News of an earlier pod of the same name says nothing about the present one.
    if (known === undefined || known.uid === entry.uid) {
      this.#known.delete(key);
      this.#told(entry.version);
      this.#beside?.set(key, undefined);
    }
    return true;
  }

  /** Begins a list that replaces everything. */
  beginList(): void {
    this.#listing = new Map();
    this.#beside = undefined;
  }

  /** Notes an object of that list. */
  listed(pod: Pod): void {
    this.#listing?.set(keyOf(pod), entryOf(pod));
  }

  /** The list is whole. */
  endList(resourceVersion: string): void {
    this.#known = this.#listing ?? new Map();
    this.#listing = undefined;
    this.#floor = resourceVersion;
    this.#newest = resourceVersion;
  }

  /** Begins a list beside the running stream. */
  beginBeside(): void {
    this.#beside = new Map();
    this.#besideFloor = this.#newest;
  }

  /** Whether a list beside the stream is from before what was known when it began, as one from a cache that lags behind may be. */
  isBehind(resourceVersion: string): boolean {
    if (this.#besideFloor === undefined) return false;
    const order = compareResourceVersions(resourceVersion, this.#besideFloor);
    return order !== undefined && order < 0;
  }

  /** Gives up the list beside the stream. */
  cancelBeside(): void {
    this.#beside = undefined;
  }

  /** Merges a list taken beside the stream with what the stream has told meanwhile; returns the pods as they are now. */
  endBeside(items: readonly Pod[], resourceVersion: string): Pod[] {
    const told = this.#beside ?? new Map<string, Pod | undefined>();
    this.#beside = undefined;
    const now: Pod[] = [];
    const known = new Map<string, Entry>();
    const add = (key: string, pod: Pod) => {
      now.push(pod);
      known.set(key, entryOf(pod));
    };
    for (const item of items) {
      const key = keyOf(item);
      const other = told.get(key);
      if (other !== undefined) add(key, this.#isSameAndNewer(item, other) ? item : other);
      else if (!told.has(key)) add(key, item);
      told.delete(key);
    }
    for (const [key, pod] of told) {
      // In the stream but not in the list: newer than the list, or gone since.
      if (pod !== undefined && !isNotNewer(entryOf(pod).version, resourceVersion)) add(key, pod);
    }
    this.#known = known;
    this.#floor = resourceVersion;
    this.#told(resourceVersion);
    return now;
  }

  #told(version: string): void {
    if (this.#newest === undefined || !isNotNewer(version, this.#newest)) this.#newest = version;
  }

  #isSameAndNewer(item: Pod, other: Pod): boolean {
    return item.metadata?.uid === other.metadata?.uid && !isNotNewer(entryOf(item).version, entryOf(other).version);
  }

  #isNews(key: string, entry: Entry): boolean {
    const known = this.#known.get(key);
    if (known?.uid === entry.uid) return !isNotNewer(entry.version, known.version);
    return this.#floor === undefined || !isNotNewer(entry.version, this.#floor);
  }

  #isOlder(entry: Entry, known: Entry): boolean {
    const order = compareResourceVersions(entry.version, known.version);
    return order !== undefined && order < 0;
  }
}
