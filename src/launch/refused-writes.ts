/** Writes that the host had no right to: sent again once it has, so that nothing stays for ever because a role was wrong for a while. */
import type { Clock } from '../core/clock.js';

/** What came of a write: it is through, or needed no more; there is no right to it; or nobody is to try again. */
export type WriteResult = 'done' | 'refused' | 'given up';

type Write = () => Promise<WriteResult>;

interface Kind {
  /** By id, oldest first. */
  readonly writes: Map<string, Write>;
  /** While one is being tried; it may take its time, and holds up no other kind. */
  probing: Promise<void> | undefined;
}

/** How often it is tried whether the right is there by now: one request for all writes of a kind. */
const PROBE_MS = 60_000;
/** What goes beyond that for each kind is left to the next life of the host, as it would be after a crash. */
const MOST_OF_A_KIND = 10_000;

/** See the module's text. */
export class RefusedWrites {
  readonly #clock: Clock;
  /** By what they need a right to. */
  readonly #kinds = new Map<string, Kind>();
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
  add(kindName: string, id: string, write: Write): void {
    if (this.#isClosed) return;
    const kind = this.#kinds.get(kindName) ?? { writes: new Map<string, Write>(), probing: undefined };
    if (kind.writes.size >= MOST_OF_A_KIND && !kind.writes.has(id)) return;
    kind.writes.set(id, write);
    this.#kinds.set(kindName, kind);
    this.#cancelTimer ??= this.#clock.schedule(PROBE_MS, () => this.#probe());
  }

  /** Forgets a write in whose place another one is through. */
  drop(kindName: string, id: string): void {
    const kind = this.#kinds.get(kindName);
    kind?.writes.delete(id);
    if (kind?.writes.size === 0 && kind.probing === undefined) this.#kinds.delete(kindName);
  }

  /** Tries each kind again, at once. */
  async makeUp(): Promise<void> {
    await Promise.all([...this.#kinds].map(([name, kind]) => this.#probeKind(name, kind)));
  }

  /** Forgets them. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#kinds.clear();
  }

  #probe(): void {
    for (const [name, kind] of this.#kinds) void this.#probeKind(name, kind);
    this.#cancelTimer = this.isEmpty ? undefined : this.#clock.schedule(PROBE_MS, () => this.#probe());
  }

  /** One shows for all of its kind whether there is any sense in it: each in its turn, since a policy may be about that one alone. */
  #probeKind(name: string, kind: Kind): Promise<void> {
    kind.probing ??= this.#tryAll(kind.writes).finally(() => {
      kind.probing = undefined;
      if (kind.writes.size === 0) this.#kinds.delete(name);
    });
    return kind.probing;
  }

  async #tryAll(writes: Map<string, Write>): Promise<void> {
    const [first, ...rest] = [...writes];
    if (first !== undefined && (await this.#again(writes, first)))
      await Promise.all(rest.map((one) => this.#again(writes, one)));
  }

  /** Tells whether there was a right to it. */
  async #again(writes: Map<string, Write>, [id, write]: readonly [string, Write]): Promise<boolean> {
    const isRefused = (await write()) === 'refused';
    if (writes.get(id) !== write) return !isRefused;
    writes.delete(id);
    if (isRefused) writes.set(id, write);
    return !isRefused;
  }
}
