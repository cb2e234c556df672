/** The list that is taken now and then beside a running stream: whatever the stream may have lost is found by then. */
import type { Clock } from '../core/clock.js';
import type { Random } from '../core/random.js';
import type { Pod } from '../wire/types.js';
import type { WatchEventQueue } from './event-queue.js';
import { fetchAllPages, type ListPagesOptions } from './list-pages.js';
import type { PageFetcher } from './page-size.js';
import type { PodLedger } from './pod-ledger.js';

/** What {@link reconcileLoop} works on. */
export interface ReconcileOptions {
  readonly pages: PageFetcher;
  readonly list: ListPagesOptions;
  readonly scope: string | undefined;
  /** Milliseconds between lists, give or take a tenth; 0 = never. */
  readonly intervalMs: number;
  readonly transform: (pod: Pod) => Pod;
  readonly ledger: PodLedger;
  readonly queue: WatchEventQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Whether the first list is through; until then there is nothing to compare. */
  readonly isReady: () => boolean;
  readonly onListed: () => void;
  readonly onFailed: (error: unknown) => void;
}

/** How long a list waits for the stream to tell the same: the stream's own news carry more, a pod's last state for one. */
const CATCH_UP_MS = 2_000;

async function reconcileOnce({
  pages,
  list,
  scope,
  transform,
  ledger,
  queue,
  clock,
  signal,
  onListed,
}: ReconcileOptions): Promise<void> {
  ledger.beginBeside();
  try {
    const { items, resourceVersion } = await fetchAllPages(pages, { ...list, signal }, transform);
    if (ledger.isBehind(resourceVersion)) throw new Error('the list is older than what the stream has told before');
    await clock.delay(CATCH_UP_MS, { signal });
    onListed();
    const pods = ledger.endBeside(items, resourceVersion);
    queue.push({ type: 'init', scope });
    for (const pod of pods) queue.push({ type: 'init-apply', pod, scope });
    queue.push({ type: 'init-done', resourceVersion, scope });
  } finally {
    ledger.cancelBeside();
  }
}

/** Lists every interval until the signal aborts, and tells the result as one unbroken stage. Never rejects. */
export async function reconcileLoop(options: ReconcileOptions): Promise<void> {
  const { intervalMs, clock, random, signal, isReady, onFailed } = options;
  while (intervalMs > 0 && !signal.aborted) {
    try {
      await clock.delay(intervalMs * (0.9 + 0.2 * random.next()), { signal });
      if (isReady()) await reconcileOnce(options);
    } catch (error) {
      if (!signal.aborted) onFailed(error);
    }
  }
}
