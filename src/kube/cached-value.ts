/** A value that somebody fetches, kept until it expires. */
import type { Clock } from '../core/clock.js';

/** A value and when it ends, in milliseconds since the epoch. */
export interface Expiring<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/** Fetched once for all who ask at the same time, and again when it has expired or was refused. */
export class CachedValue<T> {
  readonly #clock: Clock;
  readonly #fetch: () => Promise<Expiring<T>>;
  #current: Expiring<T> | undefined;
  #fetching: Promise<T> | undefined;

  constructor(clock: Clock, fetch: () => Promise<Expiring<T>>) {
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /** The value at hand, where there is one. */
  get known(): T | undefined {
    return this.#current?.value;
  }

  /** The value. Rejects as the fetch does; the next call tries again. */
  get(): Promise<T> {
    if (this.#current !== undefined && this.#clock.now() < this.#current.expiresAt)
      return Promise.resolve(this.#current.value);
    this.#fetching ??= this.#fetch()
      .then((fetched) => {
        this.#current = fetched;
        return fetched.value;
      })
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  /** Forgets the value at hand; one that is being fetched is newer than anything refused, and stays. */
  forget(): void {
    this.#current = undefined;
  }
}
