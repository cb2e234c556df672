/** The events of a watch, from the bytes of its stream. */
import { LineSplitter } from './json-lines.js';
import type { PodWatchEvent } from './kube-client.js';
import { eventOf } from './pod-parser.js';

/** An iterator that also gives what is at hand without a turn of the event loop; a watch of thousands of events a second needs that. */
export interface BufferedPodEvents extends AsyncIterator<PodWatchEvent> {
  /** The next event, where its bytes have come already. */
  take(): PodWatchEvent | undefined;
}

/** One watch; opened when it is first read. Not for two readers. */
export class PodEvents implements BufferedPodEvents, AsyncIterable<PodWatchEvent> {
  readonly #open: () => Promise<AsyncIterable<Uint8Array>>;
  readonly #omitManagedFields: boolean;
  readonly #lines = new LineSplitter();
  #body: AsyncIterator<Uint8Array> | undefined;
  #isOver = false;

  constructor(open: () => Promise<AsyncIterable<Uint8Array>>, omitManagedFields = false) {
    this.#open = open;
    this.#omitManagedFields = omitManagedFields;
  }

  take(): PodWatchEvent | undefined {
    const line = this.#isOver ? undefined : this.#lines.take();
    return line === undefined ? undefined : eventOf(line, this.#omitManagedFields);
  }

  async next(): Promise<IteratorResult<PodWatchEvent>> {
    try {
      while (!this.#isOver) {
        const value = this.take();
        if (value !== undefined) return { done: false, value };
        this.#body ??= (await this.#open())[Symbol.asyncIterator]();
        const chunk = await this.#body.next();
        if (chunk.done === true) break;
        this.#lines.push(chunk.value);
      }
    } catch (error) {
      await this.return();
      throw error;
    }
    this.#isOver = true;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<PodWatchEvent>> {
    this.#isOver = true;
    await this.#body?.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
