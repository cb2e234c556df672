/** A process that a former run of the host has started: no child of ours, so it can only be looked at. */
import type { Clock } from '../../core/clock.js';
import { descendantsOf, signalTree } from './process-tree.js';
import { isStillRunning, type JournalEntry } from './task-journal.js';

const CHECK_MS = 500;
const STOPPING_CHECK_MS = 50;

/** Follows and ends such a process. */
export class OrphanProcess {
  readonly #entry: JournalEntry;
  readonly #clock: Clock;
  readonly #closed = new AbortController();

  constructor(entry: JournalEntry, clock: Clock) {
    this.#entry = entry;
    this.#clock = clock;
  }

  /** Resolves with `gone` when the process is no more, `late` when its time is up, `closed` when nobody wants to know any longer. */
  async gone(): Promise<'gone' | 'late' | 'closed'> {
    const { signal } = this.#closed;
    const { at = Number.POSITIVE_INFINITY } = this.#entry.deadline ?? {};
    while (await isStillRunning(this.#entry)) {
      if (signal.aborted) return 'closed';
      const leftMs = at - this.#clock.now();
      if (leftMs <= 0) return 'late';
      await this.#clock.delay(Math.min(CHECK_MS, leftMs), { signal }).catch(() => {});
    }
    return signal.aborted ? 'closed' : 'gone';
  }

  /** Ends the following. */
  close(): void {
    this.#closed.abort();
  }

  /** Ends the process tree; tells whether it had to be killed. */
  async stop(graceMs: number): Promise<boolean> {
    this.close();
    const { pid } = this.#entry;
    if (pid === undefined) return false;
    const descendants = await descendantsOf(pid);
    signalTree(pid, descendants, 'SIGTERM');
    const deadline = this.#clock.monotonic() + graceMs;
    while ((await isStillRunning(this.#entry)) && this.#clock.monotonic() < deadline)
      await this.#clock.delay(STOPPING_CHECK_MS);
    const isForced = await isStillRunning(this.#entry);
    if (isForced) signalTree(pid, descendants, 'SIGKILL');
    return isForced;
  }
}
