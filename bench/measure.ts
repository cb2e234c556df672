/** What one contender costs, measured from inside its own process. */
import { cpuMs } from './server.js';
import { type Turns, watchTurns } from './turns.js';

/** Result of a contender. */
export interface Measured extends Turns {
  /** Objects created, events read, pods listed. */
  readonly count: number;
  readonly seconds: number;
  /** CPU time of the process, all threads, in milliseconds. */
  readonly cpuMs: number;
  /** What the heap has grown by once garbage is collected, in bytes. */
  readonly heapBytes: number;
  /** Peak of the resident memory above what it was before, in bytes. */
  readonly peakBytes: number;
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** Measures some work; what `keep` returns is alive while the heap is weighed. */
export async function measured(count: number, work: () => Promise<unknown>): Promise<Measured> {
  collect();
  const heapBefore = process.memoryUsage().heapUsed;
  const rssBefore = process.memoryUsage().rss;
  let peak = rssBefore;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  const turns = watchTurns();
  const [startedAt, cpu] = [performance.now(), cpuMs()];
  const kept = await work();
  const [seconds, spent] = [(performance.now() - startedAt) / 1_000, cpuMs() - cpu];
  const longest = turns();
  clearInterval(sampling);
  collect();
  const heapBytes = process.memoryUsage().heapUsed - heapBefore;
  // Read after the weighing, so that it is not collected before.
  if (kept === measured) throw new Error('unreachable');
  return {
    count,
    seconds,
    cpuMs: spent,
    ...longest,
    heapBytes,
    peakBytes: peak - rssBefore,
  };
}
