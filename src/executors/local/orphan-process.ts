/** A process that a former run of the host has started: no child of ours, so it can only be looked at. */
import type { Clock } from '../../core/clock.js';
import { processStartTicks, runningTree, type SeenProcess, sendSignal } from './process-tree.js';
import { isStillRunning, type JournalEntry } from './task-journal.js';

const CHECK_MS = 500;
const STOPPING_CHECK_MS = 50;
/** How long to wait for what was killed: a process in the midst of a disk that hangs dies late. */
const KILL_MS = 5_000;

/** How it went that was to be stopped: it was `gone` before any signal, it obeyed, or it had to be killed. */
export type OrphanStop = 'gone' | 'terminated' | 'killed';

function signalAll(tree: readonly SeenProcess[], signal: NodeJS.Signals): void {
  for (const { pid } of tree) sendSignal(pid, signal);
}

/** What is left of a tree, with what that has started since. */
async function leftOf(tree: readonly SeenProcess[]): Promise<SeenProcess[]> {
  const runs = await Promise.all(
    tree.map(async ({ pid, startTicks }) => (await processStartTicks(pid)) === startTicks),
  );
  const left = tree.filter((_, index) => runs[index]);
  // As long as one of a group is there, the group's number is nobody else's.
  return left.length === 0 ? [] : runningTree(left);
}

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
    let tree = await runningTree([{ pid, group: pid }]);
    // The last look before the signal: the id may have gone to a stranger meanwhile.
    if (!(await isStillRunning(this.#entry))) return 'gone';
    signalAll(tree, 'SIGTERM');
    const deadline = this.#clock.monotonic() + graceMs;
    for (tree = await leftOf(tree); tree.length > 0; tree = await leftOf(tree)) {
      if (this.#clock.monotonic() >= deadline) break;
      await this.#clock.delay(STOPPING_CHECK_MS);
    }
    if (tree.length === 0) return 'terminated';
    const giveUp = this.#clock.monotonic() + KILL_MS;
    for (; tree.length > 0 && this.#clock.monotonic() < giveUp; tree = await leftOf(tree)) {
      signalAll(tree, 'SIGKILL');
      await this.#clock.delay(STOPPING_CHECK_MS);
    }
    return 'killed';
  }
}
