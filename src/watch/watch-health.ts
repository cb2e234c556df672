/** How a watch is doing, for its status, its log and whoever listens for trouble. */
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { RestartReason, WatchFailure } from './list-watch-step.js';
import type { WatchStatus } from './watcher.js';
import type { WatchTrouble } from './watcher-options.js';

/** What a record of health works with. */
export interface WatchHealthOptions {
  readonly namespace: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onTrouble: ((trouble: WatchTrouble) => void) | undefined;
}

/** Counts and notes. */
export class WatchHealth {
  readonly #options: WatchHealthOptions;
  readonly #restarts: Record<string, number> = {};
  #lists = 0;
  #synced = false;
  #lastSignAt: number | undefined;
  #lastError: string | undefined;

  constructor(options: WatchHealthOptions) {
    this.#options = options;
  }

  /** Everything but what the queue and the ledger know. */
  status(): Omit<WatchStatus, 'queued' | 'pods' | 'lagMs'> {
    const silentMs = this.#lastSignAt === undefined ? undefined : this.#options.clock.monotonic() - this.#lastSignAt;
    return {
      synced: this.#synced,
      lists: this.#lists,
      restarts: { ...this.#restarts },
      silentMs,
      lastError: this.#lastError,
    };
  }

  /** The watch begins; `isKnown` where its consumer needs no list. */
  begin(isKnown: boolean): void {
    this.#synced = isKnown;
  }

  /** The server has shown that it is there. */
  sign(at = this.#options.clock.monotonic()): void {
    this.#lastSignAt = at;
  }

  /** A list is through. */
  listed(): void {
    this.#lists += 1;
  }

  /** The consumer is told the end of a list. */
  told(): void {
    this.#synced = true;
  }

  /** The stream was opened again, or the list begun anew. */
  restarted(reason: RestartReason): void {
    this.#restarts[reason] = (this.#restarts[reason] ?? 0) + 1;
  }

  /** Something failed that is tried again. */
  failed({ status, reason, message }: WatchFailure): void {
    this.#lastError = message;
    const { logger, namespace } = this.#options;
    logger.debug({ status, reason, detail: message, namespace }, 'a pod watch was interrupted');
  }

  /** Nothing has come for so long that the connection must be dead. */
  silent(): void {
    const { silentMs = 0 } = this.status();
    this.failed({ status: 0, reason: 'Silent', message: `nothing has come for ${Math.round(silentMs / 1_000)} s` });
  }

  /** The list beside the stream failed. */
  resyncFailed({ message }: WatchFailure, err: unknown): void {
    this.#lastError = message;
    this.#options.logger.warn({ err }, 'the list beside a pod watch failed; it will be tried again');
  }

  /** The server refuses, and waiting alone may not help. */
  refused({ status, reason, message }: WatchFailure): void {
    const { namespace, onTrouble, logger } = this.#options;
    logger.warn({ status, reason, detail: message, namespace }, 'the API server refuses a pod watch');
    try {
      onTrouble?.({ status, reason, message, namespace });
    } catch (error) {
      logger.error({ err: error }, 'a listener for trouble of a watch has thrown');
    }
  }
}
