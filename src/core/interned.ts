/** Texts that are the same in many places are held once: of 50,000 pods each has its own copy of its namespace, its node and its reasons. */

const LONGEST = 64;
/** What comes in is not ours: beyond so many it is begun anew, and what is held already stays shared. */
const MOST = 2_000;
const known = new Map<string, string>();

/** The one copy of a text that is likely to come again. */
export function interned<T extends string | null | undefined>(text: T): T {
  // What a pod carries may be anything, whatever its type says.
  if (typeof text !== 'string' || text.length > LONGEST) return text;
  const held = known.get(text);
  if (held !== undefined) return held as T;
  if (known.size >= MOST) known.clear();
  known.set(text, text);
  return text;
}
