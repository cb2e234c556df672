/** Remembers in a store how far the consumer of a watch has come, no faster than it comes. */
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { ResourceVersionStore, WatchEvent } from './watcher.js';

const SAVE_INTERVAL_MS = 5_000;

/** What a saver works with. */
export interface VersionSaverOptions {
  readonly store: ResourceVersionStore | undefined;
  readonly key: string;
  /** Whether what is stored may be resumed from. */
  readonly mayResume: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Loads and saves the version of one scope. A store that fails costs a list, never the watch. */
export class VersionSaver {
  readonly #options: VersionSaverOptions;
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(options: VersionSaverOptions) {
    this.#options = options;
  }

  /** The version to resume from, where there is one and that is right. */
  async load(): Promise<string | undefined> {
    const { store, key, mayResume, logger } = this.#options;
    if (!mayResume || store === undefined) return undefined;
    try {
      return await store.get(key);
    } catch (error) {
      logger.warn({ err: error }, 'the version store cannot be read; listing instead');
      return undefined;
    }
  }

  /** Notes an event that the consumer is through with. */
  note(event: WatchEvent): void {
    const { store, key, clock, logger } = this.#options;
    // Between the stages of a list the consumer does not yet know everything up to any version.
    if (store === undefined || event.type === 'init' || event.type === 'init-apply') return;
    const isPod = 'pod' in event;
    const now = clock.monotonic();
    // A version a little behind only means that some news are told again.
    if (isPod && now - this.#savedAt < SAVE_INTERVAL_MS) return;
    const version = isPod ? event.pod.metadata?.resourceVersion : event.resourceVersion;
    if (version === undefined) return;
    this.#savedAt = now;
    Promise.resolve()
      .then(() => store.set(key, version))
      .catch((error: unknown) => logger.warn({ err: error }, 'the version store cannot be written'));
  }
}
