/** Orders queued tasks. */

interface Slot<T> {
  readonly id: string;
  readonly priority: number;
  readonly order: number;
  readonly value: T;
}

const before = <T>(a: Slot<T>, b: Slot<T>) =>
  a.priority > b.priority || (a.priority === b.priority && a.order < b.order);

/** Marked slots that are kept in any case. */
const SPARE_SLOTS = 1_000;

/**
 * A binary heap: highest priority first, equal priorities in the order they came. Removal by id only marks the slot, so that a
 * mass cancel stays linear; marked slots are dropped when they surface, or when they are more than half.
 */
export class PriorityQueue<T> {
  #heap: Slot<T>[] = [];
  readonly #live = new Map<string, Slot<T>>();
  #order = 0;

  /** Number of values in the queue. */
  get size(): number {
    return this.#live.size;
  }

  /** Adds a value; an id may stand in the queue once. */
  push(id: string, value: T, priority: number): void {
    const slot: Slot<T> = { id, priority, order: this.#order++, value };
    this.#live.set(id, slot);
    this.#heap.push(slot);
    this.#siftUp(this.#heap.length - 1);
  }

  /** Takes the first value out, or returns `undefined` where the queue is empty. */
  shift(): T | undefined {
    for (;;) {
      const slot = this.#pop();
      if (slot === undefined) return undefined;
      if (this.#live.get(slot.id) !== slot) continue;
      this.#live.delete(slot.id);
      return slot.value;
    }
  }

  /** Removes a value by id; tells whether it was there. */
  remove(id: string): boolean {
    const wasThere = this.#live.delete(id);
    // What is taken out again and again before it surfaces would be kept for ever.
    if (this.#heap.length > 2 * this.#live.size + SPARE_SLOTS)
      this.#heap = [...this.#live.values()].sort((a, b) => (before(a, b) ? -1 : 1));
    return wasThere;
  }

  /** The values, in no particular order. */
  values(): T[] {
    return [...this.#live.values()].map((slot) => slot.value);
  }

  #pop(): Slot<T> | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    this.#siftDown(0);
    return first;
  }

  #siftUp(start: number): void {
    const heap = this.#heap;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const [child, above] = [heap[at] as Slot<T>, heap[parent] as Slot<T>];
      if (!before(child, above)) return;
      heap[at] = above;
      heap[parent] = child;
      at = parent;
    }
  }

  #siftDown(start: number): void {
    const heap = this.#heap;
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let best = at;
      if (left < heap.length && before(heap[left] as Slot<T>, heap[best] as Slot<T>)) best = left;
      if (right < heap.length && before(heap[right] as Slot<T>, heap[best] as Slot<T>)) best = right;
      if (best === at) return;
      [heap[at], heap[best]] = [heap[best] as Slot<T>, heap[at] as Slot<T>];
      at = best;
    }
  }
}
