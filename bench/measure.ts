/** What one contender costs, measured from inside its own process. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cpuMs } from './server.js';

/** Result of a contender. */
export interface Measured {
  /** Objects created, events read, pods listed. */
  readonly count: number;
  readonly seconds: number;
  /** CPU time of the process, all threads, in milliseconds. */
  readonly cpuMs: number;
  /** Longest time that the event loop did not turn, in milliseconds. */
  readonly blockedMs: number;
  /** What the heap has grown by once garbage is collected, in bytes. */
  readonly heapBytes: number;
  /** Peak of the resident memory above what it was before, in bytes. */
  readonly peakBytes: number;
}

const SAMPLE_MS = 5;

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** Measures some work; what `keep` returns is alive while the heap is weighed. */
export async function measured(count: number, work: () => Promise<unknown>): Promise<Measured> {
  collect();
  const heapBefore = process.memoryUsage().heapUsed;
  const rssBefore = process.memoryUsage().rss;
  let peak = rssBefore;
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  delay.enable();
  const [startedAt, cpu] = [performance.now(), cpuMs()];
  const kept = await work();
  const [seconds, spent] = [(performance.now() - startedAt) / 1_000, cpuMs() - cpu];
  delay.disable();
  clearInterval(sampling);
  collect();
  const heapBytes = process.memoryUsage().heapUsed - heapBefore;
  // Read after the weighing, so that it is not collected before.
  if (kept === measured) throw new Error('unreachable');
  return {
    count,
    seconds,
    cpuMs: spent,
    blockedMs: Math.max(0, delay.max / 1e6 - SAMPLE_MS),
    heapBytes,
    peakBytes: peak - rssBefore,
  };
}
