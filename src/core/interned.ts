/** What is the same in many places is held once: of 50,000 pods each brings its own copy of its namespace, its node and its reasons. */

/** Longer ones seldom come again. */
const LONGEST = 512;
/** What comes in is not ours: beyond so many it is begun anew, and what is held already stays shared. */
const MOST_TEXTS = 2_000;
const MOST_LISTS = 500;
const LONGEST_LIST = 2_000;

const known = new Map<string, string>();

/** The one copy of a text that is likely to come again. */
export function interned<T extends string | null | undefined>(text: T): T {
  // What a pod carries may be anything, whatever its type says.
  if (typeof text !== 'string' || text.length > LONGEST) return text;
  const held = known.get(text);
  if (held !== undefined) return held as T;
  if (known.size >= MOST_TEXTS) known.clear();
  known.set(text, text);
  return text;
}

/** Gives equal lists as one: pods that were made alike, and started in the same second, look alike but for their names. */
export class SharedLists<T> {
  readonly #known = new Map<string, readonly T[]>();
  readonly #empty: readonly T[] = Object.freeze([]);

  /** The list itself, or one like it that came before; its items are of what JSON can tell. */
  shared(list: readonly T[]): readonly T[] {
    if (list.length === 0) return this.#empty;
    const key = JSON.stringify(list);
    const held = this.#known.get(key);
    if (held !== undefined) return held;
    if (key.length > LONGEST_LIST) return list;
    if (this.#known.size >= MOST_LISTS) this.#known.clear();
    this.#known.set(key, Object.freeze(list));
    return list;
  }
}
