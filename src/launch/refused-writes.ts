/** Writes that the host had no right to: sent again once it has, so that nothing stays for ever because a role was wrong for a while. */
import type { Clock } from '../core/clock.js';

/** What came of a write: it is through, or needed no more; there is no right to it; or nobody is to try again. */
export type WriteResult = 'done' | 'refused' | 'given up';

type Write = () => Promise<WriteResult>;
type Writes = Map<string, Write>;

/** How often it is tried whether the right is there by now: one request for all writes of a kind. */
const PROBE_MS = 60_000;

/** See the module's text. */
export class RefusedWrites {
  readonly #clock: Clock;
  /** By what they need a right to, then by id, oldest first. */
  readonly #kinds = new Map<string, Writes>();
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.#kinds.size === 0;
  }

  /** Keeps a write for later; one of the same id takes the place of the former. */
  add(kind: string, id: string, write: Write): void {
    if (this.#isClosed) return;
    const writes: Writes = this.#kinds.get(kind) ?? new Map();
    this.#kinds.set(kind, writes.set(id, write));
    this.#cancelTimer ??= this.#clock.schedule(PROBE_MS, () => void this.#probe());
  }

  /** Forgets them. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#kinds.clear();
  }

  async #probe(): Promise<void> {
    await Promise.all([...this.#kinds].map(([kind, writes]) => this.#probeKind(kind, writes)));
    this.#cancelTimer =
      this.#isClosed || this.isEmpty ? undefined : this.#clock.schedule(PROBE_MS, () => void this.#probe());
  }

  /** One shows for all of its kind whether there is any sense in it: each in its turn, since a policy may be about that one alone. */
  async #probeKind(kind: string, writes: Writes): Promise<void> {
    const [first, ...rest] = [...writes];
    if (first === undefined || !(await this.#again(writes, first))) return;
    await Promise.all(rest.map((one) => this.#again(writes, one)));
    if (writes.size === 0) this.#kinds.delete(kind);
  }

  /** Tells whether there was a right to it. */
  async #again(writes: Writes, [id, write]: readonly [string, Write]): Promise<boolean> {
    const isRefused = (await write()) === 'refused';
    if (writes.get(id) !== write) return !isRefused;
    writes.delete(id);
    if (isRefused) writes.set(id, write);
    return !isRefused;
  }
}
