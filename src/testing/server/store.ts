/**
 * The storage below the API: one revision counter for all kinds, the live objects in key order, and the history of changes that
 * watches and paged lists are answered from. Objects in it are never changed, only replaced.
 */
import type { KubeObject } from '../../wire/types.js';

/** One change. `before` is missing for a creation, `after` for a removal; `last` is the object as the event shows it. */
export interface Change {
  readonly revision: number;
  readonly resource: string;
  readonly key: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
  readonly last: KubeObject;
}

/** Where the counter starts: high enough that a version of 1 is too old. */
const FIRST_REVISION = 1000;

interface Table {
  readonly objects: Map<string, KubeObject>;
  /** Keys in byte order; built when first asked for, so that filling a cluster costs no sorting. */
  sortedKeys: string[] | undefined;
  readonly listeners: Set<(change: Change) => void>;
}

/** Position of the first key that is not before `start`. */
export function lowerBound(keys: readonly string[], start: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The storage of one API server. */
export class Store {
  #revision = FIRST_REVISION;
  /** Every change with a revision above this is in the history. */
  #floor = FIRST_REVISION;
  #history: Change[] = [];
  readonly #tables = new Map<string, Table>();
  readonly #historyLimit: number;

  /** `historyLimit` is how many changes are kept; the oldest fifth goes when it is exceeded. */
  constructor(historyLimit: number) {
    this.#historyLimit = historyLimit;
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that a watch can resume from. */
  get floor(): number {
    return this.#floor;
  }

  #table(resource: string): Table {
    let table = this.#tables.get(resource);
    if (table === undefined) {
      table = { objects: new Map(), sortedKeys: undefined, listeners: new Set() };
      this.#tables.set(resource, table);
    }
    return table;
  }

  get(resource: string, key: string): KubeObject | undefined {
    return this.#tables.get(resource)?.objects.get(key);
  }

  /** How many objects of a resource there are. */
  count(resource: string): number {
    return this.#tables.get(resource)?.objects.size ?? 0;
  }

  /** Writes an object under the next revision, stamped into a copy of its metadata; resolves to what is stored. */
  put<T extends KubeObject>(resource: string, key: string, object: T): T {
    const table = this.#table(resource);
    const revision = ++this.#revision;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    const before = table.objects.get(key);
    table.objects.set(key, stored);
    if (before === undefined && table.sortedKeys !== undefined)
      table.sortedKeys.splice(lowerBound(table.sortedKeys, key), 0, key);
    this.#record(table, { revision, resource, key, before, after: stored, last: stored });
    return stored;
  }

  /** Removes an object; the event shows `last` (by default the stored object) under the next revision. */
  remove(resource: string, key: string, last?: KubeObject): KubeObject | undefined {
    const table = this.#table(resource);
    const before = table.objects.get(key);
    if (before === undefined) return undefined;
    const revision = ++this.#revision;
    const shown = last ?? before;
    const final = { ...shown, metadata: { ...shown.metadata, resourceVersion: String(revision) } };
    table.objects.delete(key);
    table.sortedKeys?.splice(lowerBound(table.sortedKeys, key), 1);
    this.#record(table, { revision, resource, key, before, after: undefined, last: final });
    return final;
  }

  #record(table: Table, change: Change): void {
    this.#history.push(change);
    if (this.#history.length > this.#historyLimit)
      this.compact(this.#history[Math.floor(this.#historyLimit / 5)]?.revision ?? 0);
    for (const listener of [...table.listeners]) listener(change);
  }

  /** Forgets history up to and including `revision` (by default all of it). */
  compact(revision: number = this.#revision): void {
    const target = Math.min(revision, this.#revision);
    if (target <= this.#floor) return;
    this.#floor = target;
    this.#history = this.#history.slice(this.#firstAfter(target));
  }

  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#history[middle] as Change).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The changes of a resource after `revision`, oldest first. */
  since(resource: string, revision: number): Change[] {
    return this.#history.slice(this.#firstAfter(revision)).filter((change) => change.resource === resource);
  }

  /** Calls `listener` for each further change of a resource; the returned function stops that. */
  subscribe(resource: string, listener: (change: Change) => void): () => void {
    const table = this.#table(resource);
    table.listeners.add(listener);
    return () => table.listeners.delete(listener);
  }

  #keys(table: Table): string[] {
    table.sortedKeys ??= [...table.objects.keys()].sort();
    return table.sortedKeys;
  }

  /** The objects whose key starts with `prefix`, in key order, as of now or as of a revision that is still in the history. */
  list(resource: string, prefix: string, atRevision: number = this.#revision): { key: string; object: KubeObject }[] {
    const table = this.#table(resource);
    const result: { key: string; object: KubeObject }[] = [];
    if (atRevision >= this.#revision) {
      const keys = this.#keys(table);
      for (let i = lowerBound(keys, prefix); i < keys.length; i++) {
        const key = keys[i] as string;
        if (!key.startsWith(prefix)) break;
        result.push({ key, object: table.objects.get(key) as KubeObject });
      }
      return result;
    }
    const past = new Map(table.objects);
    for (const change of this.since(resource, atRevision).reverse()) {
      if (change.before === undefined) past.delete(change.key);
      else past.set(change.key, change.before);
    }
    for (const key of [...past.keys()].sort()) {
      if (key.startsWith(prefix)) result.push({ key, object: past.get(key) as KubeObject });
    }
    return result;
  }
}
