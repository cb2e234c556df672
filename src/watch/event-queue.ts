/**
 * Between the reader of a watch, which must never wait, and its consumer, which may be slow. Levels, not edges: a pod's news that
 * nobody has taken yet is replaced by later news of the same pod, so that the queue holds at most one entry per pod and nothing is lost.
 */
import { type Clock, systemClock } from '../core/clock.js';
import type { WatchEvent } from './watcher.js';

interface Slot {
  event: WatchEvent | undefined;
  readonly key: string | undefined;
  readonly at: number;
}

/** What later news of the same kind replaces; stages of a list are never replaced. */
function keyOf(event: WatchEvent): string | undefined {
  if (event.type === 'bookmark') return 'bookmark';
  if (event.type !== 'apply' && event.type !== 'delete') return undefined;
  const { uid, namespace, name } = event.pod.metadata ?? {};
  return uid ?? `${namespace}/${name}`;
}

const COMPACT_FROM = 1_024;

/** Holds a watch's events until the one consumer takes them. */
export class WatchEventQueue {
  #slots: Slot[] = [];
  #head = 0;
  #live = 0;
  readonly #byKey = new Map<string, Slot>();
  #wake: (() => void) | undefined;
  #isClosed = false;
  readonly #clock: Pick<Clock, 'monotonic'>;

  constructor(clock: Pick<Clock, 'monotonic'> = systemClock) {
    this.#clock = clock;
  }

  /** Events that wait. */
  get size(): number {
    return this.#live;
  }

  /** How long the oldest event has waited, in milliseconds; 0 where none waits. */
  get lagMs(): number {
    const now = this.#clock.monotonic();
    // Not the first one: later news of a pod go to the end and keep the time of what they replaced.
    return this.#slots.reduce((most, { event, at }) => (event === undefined ? most : Math.max(most, now - at)), 0);
  }

  /** Adds an event; ignored after the end. */
  push(event: WatchEvent): void {
    if (this.#isClosed) return;
    const key = keyOf(event);
    let at = this.#clock.monotonic();
    if (key !== undefined) {
      const older = this.#byKey.get(key);
      // Moved to the end rather than replaced in place: versions must come out in rising order, or saving one would skip others.
      if (older?.event !== undefined) {
        older.event = undefined;
        this.#live -= 1;
        // What it has to tell of the pod is as late as the news it replaces.
        at = older.at;
      }
    }
    const slot: Slot = { event, key, at };
    if (key !== undefined) this.#byKey.set(key, slot);
    this.#slots.push(slot);
    this.#live += 1;
    if (this.#slots.length > COMPACT_FROM && this.#slots.length > 4 * this.#live) this.#compact();
    this.#wake?.();
  }

  /** Ends the iteration at once; what waits is dropped. */
  close(): void {
    this.#isClosed = true;
    this.#slots = [];
    this.#live = 0;
    this.#byKey.clear();
    this.#wake?.();
  }

  /** Resolves when an event waits; with `false` at the end. */
  async ready(): Promise<boolean> {
    while (!this.#isClosed && this.#live === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return !this.#isClosed;
  }

  /** Takes the next event, where one waits. */
  shift(): WatchEvent | undefined {
    while (this.#head < this.#slots.length) {
      const slot = this.#slots[this.#head] as Slot;
      this.#head += 1;
      if (slot.event === undefined) continue;
      const { event } = slot;
      slot.event = undefined;
      this.#live -= 1;
      if (slot.key !== undefined && this.#byKey.get(slot.key) === slot) this.#byKey.delete(slot.key);
      if (this.#head > COMPACT_FROM && this.#head * 2 > this.#slots.length) this.#compact();
      return event;
    }
    this.#slots = [];
    this.#head = 0;
    return undefined;
  }

  #compact(): void {
    this.#slots = this.#slots.slice(this.#head).filter((slot) => slot.event !== undefined);
    this.#head = 0;
  }
}
