/**
 * What a watch has told of each pod so far: only uid and version, so that 50,000 pods cost a few megabytes. With it a watch never goes
 * back in time, and a list taken beside a running stream can be merged with what the stream tells meanwhile.
 */
import { compareResourceVersions } from '../wire/resource-version.js';
import type { Pod } from '../wire/types.js';
import { PodMap } from './pod-map.js';

interface Entry {
  readonly uid: string;
  readonly version: string;
}

/** A pod, and whether it has gone. */
interface BesideNews {
  readonly pod: Pod;
  readonly isGone: boolean;
}

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
  #known = new PodMap<Entry>();
  #listing: PodMap<Entry> | undefined;
  /** Version of the last whole list: older news of pods that it lacks are about pods that are gone. */
  #floor: string | undefined;
  /** The newest version told so far. */
  #newest: string | undefined;
  /** The newest version told before the list beside the stream was begun: a list that is older knows less than we do. */
  #besideFloor: string | undefined;
  /** What the stream has told while a list is taken beside it. */
  #beside: PodMap<BesideNews> | undefined;

  /** How many pods are known. */
  get size(): number {
    return this.#known.size;
  }

  /** The uid that a pod's name stood for, where it stands for another one now: that pod is gone, although nobody said so. */
  replacedBy(pod: Pod): { readonly uid: string } | undefined {
    const entry = this.#known.get(pod);
    return entry === undefined || entry.uid === (pod.metadata?.uid ?? '') ? undefined : entry;
  }

  /** Notes news of a pod; `false` where it is nothing new. */
  apply(pod: Pod): boolean {
    const entry = entryOf(pod);
    if (!this.#isNews(pod, entry)) return false;
    this.#known.set(pod, entry);
    this.#told(entry.version);
    this.#beside?.set(pod, { pod, isGone: false });
    return true;
  }

  /** Notes that a pod was deleted, or has left the selector; `false` where that is no news. */
  remove(pod: Pod): boolean {
    const entry = entryOf(pod);
    const known = this.#known.get(pod);
    if (known === undefined ? !this.#isNews(pod, entry) : known.uid === entry.uid && this.#isOlder(entry, known))
      return false;
    // News of an earlier pod of the same name says nothing about the present one.
    if (known === undefined || known.uid === entry.uid) {
      this.#known.delete(pod);
      this.#told(entry.version);
      this.#beside?.set(pod, { pod, isGone: true });
    }
    return true;
  }

  /** Begins a list that replaces everything. */
  beginList(): void {
    this.#listing = new PodMap();
    this.#beside = undefined;
  }

  /** Notes an object of that list. */
  listed(pod: Pod): void {
    this.#listing?.set(pod, entryOf(pod));
  }

  /** The list is whole. */
  endList(resourceVersion: string): void {
    this.#known = this.#listing ?? new PodMap();
    this.#listing = undefined;
    this.#floor = resourceVersion;
    this.#newest = resourceVersion;
  }

  /** Begins a list beside the running stream. */
  beginBeside(): void {
    this.#beside = new PodMap();
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
    const told = this.#beside ?? new PodMap<BesideNews>();
    this.#beside = undefined;
    const now: Pod[] = [];
    const known = new PodMap<Entry>();
    const add = (pod: Pod) => {
      now.push(pod);
      known.set(pod, entryOf(pod));
    };
    for (const item of items) {
      const news = told.get(item);
      if (news === undefined) add(item);
      else if (!news.isGone) add(this.#isSameAndNewer(item, news.pod) ? item : news.pod);
      told.delete(item);
    }
    for (const { pod, isGone } of told.values()) {
      // In the stream but not in the list: newer than the list, or gone since.
      if (!isGone && !isNotNewer(entryOf(pod).version, resourceVersion)) add(pod);
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

  #isNews(pod: Pod, entry: Entry): boolean {
    const known = this.#known.get(pod);
    if (known?.uid === entry.uid) return !isNotNewer(entry.version, known.version);
    return this.#floor === undefined || !isNotNewer(entry.version, this.#floor);
  }

  #isOlder(entry: Entry, known: Entry): boolean {
    const order = compareResourceVersions(entry.version, known.version);
    return order !== undefined && order < 0;
  }
}
