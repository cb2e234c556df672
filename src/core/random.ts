/** Randomness, injectable so that a simulation can be repeated from its seed. */

/** Source of random numbers. */
export interface Random {
  /** A number from 0 (inclusive) to 1 (exclusive). */
  next(): number;
}

/** `Math.random`. */
export const systemRandom: Random = Object.freeze({ next: () => Math.random() });

/** So many random digits and lower-case letters; left out, enough that no two processes draw the same. */
export const randomText = (random: Random, length = 12): string =>
  Array.from({ length }, () => Math.floor(random.next() * 36).toString(36)).join('');

/** A small deterministic generator (mulberry32): the same seed always gives the same numbers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
