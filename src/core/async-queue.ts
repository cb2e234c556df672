/** A queue between somebody who pushes and somebody who iterates. */

/** Values pushed in are handed to the one consumer in order; `end()` finishes the iteration after the last of them. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #values: T[] = [];
  #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #ended = false;
  readonly #onReturn: (() => void) | undefined;

  /** `onReturn` is called once when the consumer breaks off. */
  constructor(onReturn?: () => void) {
    this.#onReturn = onReturn;
  }

  /** Adds a value; ignored after the end. */
  push(value: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#values.push(value);
    else waiting({ done: false, value });
  }

  /** Ends the iteration once everything pushed so far has been taken. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#values.length > 0) return Promise.resolve({ done: false, value: this.#values.shift() as T });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#values = [];
    this.end();
    this.#onReturn?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
