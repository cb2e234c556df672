/** Drives an executor that no host loop drives: fills slots as soon as something has changed, and looks after its tasks. */
import type { Clock } from '../core/clock.js';

/** What a {@link Driver} drives. */
export interface Driven {
  readonly clock: Clock;
  /** Whether the executor takes part at all: started, and not ended. */
  readonly isActive: () => boolean;
  readonly hasRunning: () => boolean;
  readonly fillSlots: () => void;
  /** Whether running tasks must be looked after; not so where the executor learns of their end by itself. */
  readonly needsSync: () => boolean;
  readonly sync: () => Promise<void>;
  readonly syncIntervalMs: number;
  readonly onSyncFailed: (error: unknown) => void;
}

/** See the module's text. Several parties may want the executor driven; it is, as long as one does. */
export class Driver {
  readonly #driven: Driven;
  #parties: number;
  #isKicked = false;
  #isSyncing = false;
  #cancelSync: (() => void) | undefined;

  constructor(driven: Driven, parties: number) {
    this.#driven = driven;
    this.#parties = parties;
  }

  join(): void {
    this.#parties += 1;
    this.kick();
  }

  leave(): void {
    this.#parties -= 1;
  }

  /** Something has changed; many kicks in one turn of the loop count as one. */
  kick(): void {
    if (this.#isKicked || !this.#isDriving()) return;
    this.#isKicked = true;
    queueMicrotask(() => {
      this.#isKicked = false;
      if (!this.#isDriving()) return;
      this.#driven.fillSlots();
      this.#scheduleSync();
    });
  }

  #isDriving(): boolean {
    return this.#parties > 0 && this.#driven.isActive();
  }

  #scheduleSync(): void {
    const { needsSync, hasRunning, clock, syncIntervalMs } = this.#driven;
    if (this.#isSyncing || this.#cancelSync !== undefined || !hasRunning() || !needsSync()) return;
    this.#cancelSync = clock.schedule(syncIntervalMs, () => {
      this.#cancelSync = undefined;
      if (this.#isDriving()) void this.#syncOnce();
    });
  }

  async #syncOnce(): Promise<void> {
    this.#isSyncing = true;
    try {
      await this.#driven.sync();
    } catch (error) {
      this.#driven.onSyncFailed(error);
    } finally {
      this.#isSyncing = false;
      if (this.#isDriving()) this.#scheduleSync();
    }
  }
}
