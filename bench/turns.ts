/** How long the event loop does not turn, and how much of that is work of this process rather than a wait for a processor. */
import { cpuMs } from './server.js';

const SAMPLE_MS = 5;

/** Longest turns since it was started. */
export interface Turns {
  /** Longest time that the event loop did not turn, in milliseconds. */
  readonly blockedMs: number;
  /** Most CPU time that this process, with all its threads, has spent from one turn to the next, in milliseconds. */
  readonly busyMs: number;
}

/** Watches the event loop until the returned function is called. */
export function watchTurns(): () => Turns {
  let [blockedMs, busyMs] = [0, 0];
  let [lastAt, lastCpu] = [performance.now(), cpuMs()];
  const look = () => {
    const [now, cpu] = [performance.now(), cpuMs()];
    blockedMs = Math.max(blockedMs, now - lastAt - SAMPLE_MS);
    busyMs = Math.max(busyMs, cpu - lastCpu);
    [lastAt, lastCpu] = [now, cpu];
  };
  const timer = setInterval(look, SAMPLE_MS);
  return () => {
    look();
    clearInterval(timer);
    return { blockedMs, busyMs };
  };
}
