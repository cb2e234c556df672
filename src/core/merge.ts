/** Several async iterations as one. */
import { AsyncQueue } from './async-queue.js';

type Turn<T> =
  | { readonly from: AsyncIterator<T>; readonly result: IteratorResult<T> }
  | { readonly from: AsyncIterator<T>; readonly error: unknown };

/**
 * The values of all sources as they come, until all have ended or one has failed. A source is asked for its next value when the one
 * before has been dealt with: what piles up stays in the sources. `stop` is called at the end, before the sources are closed; it must
 * end whatever they wait for.
 */
export async function* mergeIterables<T>(
  sources: readonly AsyncIterable<T>[],
  stop: () => void,
): AsyncGenerator<T, void, undefined> {
  const turns = new AsyncQueue<Turn<T>>();
  const pull = (from: AsyncIterator<T>) => {
    from.next().then(
      (result) => turns.push({ from, result }),
      (error: unknown) => turns.push({ from, error }),
    );
  };
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  let open = iterators.length;
  try {
    for (const iterator of iterators) pull(iterator);
    while (open > 0) {
      const { value: turn } = await turns.next();
      if (turn === undefined) return;
      if ('error' in turn) throw turn.error;
      if (turn.result.done === true) {
        open -= 1;
        continue;
      }
      yield turn.result.value;
      pull(turn.from);
    }
  } finally {
    stop();
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()));
  }
}
