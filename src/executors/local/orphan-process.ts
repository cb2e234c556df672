/** A process that a former run of the host has started: no child of ours, so it can only be looked at. */
import type { Clock } from '../../core/clock.js';
import { descendantsOf, signalTree } from './process-tree.js';
import { isStillRunning, type JournalEntry } from './task-journal.js';

const CHECK_MS = 500;
const STOPPING_CHECK_MS = 50;

/** How it went that was to be stopped: it was `gone` before any signal, it obeyed, or it had to be killed. */
export type OrphanStop = 'gone' | 'terminated' | 'killed';

/** Follows and ends such a process. */
export class OrphanProcess {
  readonly #entry: JournalEntry;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #stopping: Promise<OrphanStop> | undefined;

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

  /** Ends the process tree. Further calls wait for the same end, which a second look would take for one that nobody has caused. */
  stop(graceMs: number): Promise<OrphanStop> {
    this.close();
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<OrphanStop> {
    const { pid } = this.#entry;
    if (pid === undefined) return 'gone';
    const descendants = await descendantsOf(pid);
    // The last look before the signal: the id may have gone to a stranger meanwhile.
    if (!(await isStillRunning(this.#entry))) return 'gone';
    signalTree(pid, descendants, 'SIGTERM');
    const deadline = this.#clock.monotonic() + graceMs;
    while ((await isStillRunning(this.#entry)) && this.#clock.monotonic() < deadline)
      await this.#clock.delay(STOPPING_CHECK_MS);
    if (!(await isStillRunning(this.#entry))) return 'terminated';
    signalTree(pid, descendants, 'SIGKILL');
    return 'killed';
  }
}
