/** The streams on which an executor tells its outcomes. */
import { AsyncQueue } from '../core/async-queue.js';
import type { Outcome } from '../core/outcome.js';

/** Every stream gets what is told from its opening on, until the executor ends. */
export class OutcomeStreams {
  readonly #open = new Set<AsyncQueue<Outcome>>();
  #hasEnded = false;

  /** A new stream; after the end it is over at once. */
  open(): AsyncQueue<Outcome> {
    const stream: AsyncQueue<Outcome> = new AsyncQueue(() => this.#open.delete(stream));
    if (this.#hasEnded) stream.end();
    else this.#open.add(stream);
    return stream;
  }

  push(outcome: Outcome): void {
    for (const stream of this.#open) stream.push(outcome);
  }

  end(): void {
    this.#hasEnded = true;
    for (const stream of this.#open) stream.end();
  }
}
