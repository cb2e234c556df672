/** Deadlines of many things behind one timer: a timer for each of tens of thousands costs a third of a kilobyte apiece. */
import type { Clock } from './clock.js';

/** What can have a deadline: 0 and -1 to begin with. Both fields are for {@link Alarms} alone. */
export interface Alarmed {
  /** Monotonic time of its deadline, in milliseconds. */
  alarmAt: number;
  /** Where it stands among the others; -1 where it has no deadline. */
  alarmPlace: number;
}

/** Where very many are due at once, everybody else has a turn in between. */
const SLICE_MS = 10;

/** A binary heap of things, the one that is due first in front, and a timer for that one. */
export class Alarms<T extends Alarmed> {
  readonly #clock: Clock;
  readonly #ring: (item: T) => void;
  readonly #heap: T[] = [];
  /** When the timer goes off; it may be too early by then, and is set anew. */
  #timerAt = Number.POSITIVE_INFINITY;
  /** While deadlines are called back: what is set meanwhile for an instant that is past comes a millisecond later, or there might be no end to it. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #cancelTimer = () => {};

  /** `ring` is called once for each deadline that has come; it may set and cancel others. */
  constructor(clock: Clock, ring: (item: T) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Calls back at a monotonic time, instead of at the one that was set before. */
  set(item: T, at: number): void {
    this.#remove(item);
    item.alarmAt = Math.max(at, this.#notBefore);
    item.alarmPlace = this.#heap.length;
    this.#heap.push(item);
    this.#rise(item);
    this.#arm();
  }

  /** Does not call back. */
  cancel(item: T): void {
    this.#remove(item);
    if (this.#heap.length === 0) this.#disarm();
  }

  #disarm(): void {
    this.#cancelTimer();
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    const first = this.#heap[0];
    // A timer that goes off too early costs less than one that is set anew whenever the first is gone.
    if (first === undefined || first.alarmAt >= this.#timerAt) return;
    this.#cancelTimer();
    this.#timerAt = first.alarmAt;
    const waitMs = Math.max(0, first.alarmAt - this.#clock.monotonic());
    this.#cancelTimer = this.#clock.schedule(waitMs, () => this.#goOff());
  }

  #goOff(): void {
    this.#disarm();
    const begun = this.#clock.monotonic();
    this.#notBefore = begun + 1;
    const isDue = (item: T | undefined): item is T => item !== undefined && item.alarmAt <= begun;
    try {
      for (let first = this.#heap[0]; isDue(first); first = this.#heap[0]) {
        this.#remove(first);
        this.#ring(first);
        if (this.#clock.monotonic() - begun > SLICE_MS) break;
      }
    } finally {
      this.#notBefore = Number.NEGATIVE_INFINITY;
      this.#arm();
    }
  }

  #remove(item: T): void {
    const { alarmPlace } = item;
    if (alarmPlace < 0) return;
    item.alarmPlace = -1;
    const last = this.#heap.pop() as T;
    if (last === item) return;
    this.#put(last, alarmPlace);
    this.#rise(last);
    this.#sink(last);
  }

  #put(item: T, place: number): void {
    this.#heap[place] = item;
    item.alarmPlace = place;
  }

  #rise(item: T): void {
    for (;;) {
      const place = item.alarmPlace;
      const parent = this.#heap[(place - 1) >> 1];
      if (place === 0 || parent === undefined || parent.alarmAt <= item.alarmAt) return;
      this.#put(item, parent.alarmPlace);
      this.#put(parent, place);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const place = item.alarmPlace;
      const [left, right] = [this.#heap[2 * place + 1], this.#heap[2 * place + 2]];
      const least = right !== undefined && left !== undefined && right.alarmAt < left.alarmAt ? right : left;
      if (least === undefined || least.alarmAt >= item.alarmAt) return;
      this.#put(item, least.alarmPlace);
      this.#put(least, place);
    }
  }
}
