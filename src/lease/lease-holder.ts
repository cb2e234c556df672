/**
 * Takes a lease of coordination.k8s.io and keeps it, as one process among several that want it.
 *
 * States: `waiting` (somebody else has it, or the server cannot be asked) → `held` → `waiting` again once somebody else was seen to have it.
 * In between lies doubt: a lease that was not renewed in time counts as not held, though nobody may have taken it yet. If it turns out that
 * nobody has, the same term goes on; otherwise the term is lost for good.
 *
 * Invariants: `isHeld` is only true within two thirds of the duration since a renewal *began* that succeeded, by the monotonic and by the wall
 * clock, whichever says more (a machine that slept has a monotonic clock that did not). Others take a lease only once it has stood
 * unchanged before their eyes for its whole duration. So two are never sure at once, as long as clocks run at about the same speed.
 */
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Random } from '../core/random.js';
import { KubeApiError, LeaseLostError } from '../errors.js';
import type { LeaseClient } from '../kube/kube-client.js';
import { formatMicroTime } from '../wire/micro-time.js';
import type { Lease } from '../wire/types.js';
import { givenBack, isFree, type LeaseSight, lookAt } from './lease-sight.js';
import { ageMs, LONG_AGO, type Moment, momentOf } from './moment.js';

/** Options of a {@link LeaseHolder}. */
export interface LeaseHolderOptions {
  readonly client: LeaseClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly namespace: string;
  readonly name: string;
  /** Who we are; no other process may say the same. */
  readonly identity: string;
  /** How long the lease holds without being renewed, in whole seconds' milliseconds. */
  readonly durationMs: number;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** A term begins, or is sure again after a doubt. */
  readonly onHeld?: ((term: number) => void) | undefined;
  /** A term has ended: somebody else has, or had, the lease. */
  readonly onLost?: ((term: number, holder: string) => void) | undefined;
}

/** How often the release of a lease is tried; after that it runs out by itself. */
const RELEASE_ATTEMPTS = 3;

/** See the module's text. */
export class LeaseHolder {
  readonly #options: LeaseHolderOptions;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #released: Promise<void> | undefined;
  #hasTerm = false;
  #term = 0;
  #renewedAt = LONG_AGO;
  /** As last written by us; spares the read before each renewal. */
  #lease: Lease | undefined;
  /** How often it had changed hands when we last wrote it; another term of our name, by another process or by ourselves later, has another number. */
  #transitions: number | undefined;
  #sight: LeaseSight | undefined;
  #wakeAll: (() => void)[] = [];
  #lastError: unknown;

  constructor(options: LeaseHolderOptions) {
    this.#options = options;
  }

  /** Number of the term that is, or comes next where none is; from 1. */
  get currentTerm(): number {
    return this.#hasTerm ? this.#term : this.#term + 1;
  }

  /** Whether the lease is surely held right now. */
  get isHeld(): boolean {
    return this.#hasTerm && !this.#isDoubtful();
  }

  /** Who has the lease where it is not us, and what kept us from asking; for messages. */
  get obstacle(): { readonly holder: string | undefined; readonly error: unknown } {
    return { holder: this.#sight?.holder, error: this.#lastError };
  }

  /** Begins to want the lease; anew where it was released. */
  start(): void {
    if (this.#released !== undefined) {
      this.#stop = new AbortController();
      this.#running = undefined;
      this.#released = undefined;
    }
    this.#running ??= this.#run();
  }

  /**
   * Resolves as soon as the lease is surely held in a term: the current one, or one that was current earlier. Rejects with a
   * {@link LeaseLostError} once that term is over, or the holder has stopped.
   */
  async confirm(term = this.currentTerm): Promise<void> {
    while (this.currentTerm === term && !this.#stop.signal.aborted) {
      if (this.isHeld) return;
      await new Promise<void>((wake) => this.#wakeAll.push(wake));
    }
    throw new LeaseLostError(this.#options.name, this.#sight?.holder);
  }

  /**
   * Stops wanting the lease and gives it back, so that others need not wait for its end. With `remove`, the lease goes; otherwise it stays, free.
   * Never rejects.
   */
  release(options: { readonly remove?: boolean } = {}): Promise<void> {
    this.#released ??= this.#release(options);
    return this.#released;
  }

  async #release({ remove = false }: { readonly remove?: boolean }): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const hadTerm = this.#hasTerm;
    this.#hasTerm = false;
    this.#wake();
    if (!hadTerm) return;
    const { clock, namespace, name, logger, durationMs } = this.#options;
    for (let attempt = 1; attempt <= RELEASE_ATTEMPTS; attempt += 1) {
      try {
        return await this.#giveBack(remove);
      } catch (error) {
        logger.warn({ err: error, lease: name, namespace, attempt }, 'a lease could not be released');
        this.#lease = undefined;
      }
      await clock.delay(durationMs / 15);
    }
  }

  /** Also in doubt: the version is a precondition, so that nobody else's lease is touched. */
  async #giveBack(remove: boolean): Promise<void> {
    const { client, namespace, name, identity, durationMs } = this.#options;
    const call = { timeoutMs: durationMs / 3 };
    const lease = this.#lease ?? (await client.readLease(namespace, name, call));
    if (lease?.spec?.holderIdentity !== identity || lease.spec.leaseTransitions !== this.#transitions) return;
    const { uid, resourceVersion } = lease.metadata ?? {};
    if (remove) await client.deleteLease(namespace, name, { uid, resourceVersion, ...call });
    else await client.replaceLease(namespace, name, givenBack(lease, 1), call);
  }

  async #run(): Promise<void> {
    const { clock, durationMs, random } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const isAgain = await this.#beat();
      if (isAgain || signal.aborted) continue;
      // Jitter keeps the renewals of many executors apart.
      const ms = (durationMs / (this.#hasTerm ? 3 : 6)) * (0.8 + 0.2 * random.next());
      await clock.delay(ms, { signal }).catch(() => {});
    }
    this.#wake();
  }

  /** One attempt to take or to renew. Resolves with whether to try again at once. */
  async #beat(): Promise<boolean> {
    const { clock, client, namespace, name, durationMs, logger } = this.#options;
    const begun = momentOf(clock);
    const call = { timeoutMs: durationMs / 3, signal: this.#stop.signal };
    const isCached = this.#lease !== undefined;
    try {
      const lease = this.#lease ?? (await client.readLease(namespace, name, call));
      if (lease === undefined) {
        this.#lose('');
        this.#won(await client.createLease(namespace, this.#made(undefined, begun), call), begun);
        return false;
      }
      this.#sight = lookAt(this.#sight, lease, clock.monotonic());
      const isOurs = lease.spec?.holderIdentity === this.#options.identity;
      if (!isOurs) this.#lose(this.#sight.holder);
      if (!isOurs && !isFree(this.#sight, clock.monotonic())) return false;
      this.#won(await client.replaceLease(namespace, name, this.#made(lease, begun), call), begun);
      return false;
    } catch (error) {
      this.#lastError = error;
      this.#lease = undefined;
      if (this.#stop.signal.aborted) return false;
      const status = error instanceof KubeApiError ? error.status : -1;
      // Somebody else was faster, or has touched it: look what is there now. A cached version that is outdated costs one such round.
      if (status === 409 || (status === 404 && isCached)) return isCached;
      logger.warn({ err: error, lease: name, namespace }, 'a lease could not be renewed');
      return false;
    }
  }

  #won(lease: Lease, begun: Moment): void {
    // A doubt may have ended by itself, where somebody set the clock and set it back: whoever waits since then is to hear of it.
    const wasSure = this.isHeld && this.#wakeAll.length === 0;
    this.#lease = lease;
    this.#transitions = lease.spec?.leaseTransitions;
    this.#sight = lookAt(this.#sight, lease, this.#options.clock.monotonic());
    this.#renewedAt = begun;
    this.#lastError = undefined;
    if (!this.#hasTerm) {
      this.#hasTerm = true;
      this.#term += 1;
    }
    if (wasSure || !this.isHeld) return;
    this.#wake();
    if (!this.#stop.signal.aborted) this.#options.onHeld?.(this.#term);
  }

  #lose(holder: string): void {
    if (!this.#hasTerm) return;
    this.#hasTerm = false;
    this.#wake();
    this.#options.onLost?.(this.#term, holder);
  }

  #made(lease: Lease | undefined, { wall }: Moment): Lease {
    const { namespace, name, identity, durationMs, labels, annotations } = this.#options;
    const { spec = {}, metadata } = lease ?? {};
    const isOurs = spec.holderIdentity === identity;
    const time = formatMicroTime(wall);
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        ...metadata,
        name,
        namespace,
        labels: { ...metadata?.labels, ...labels },
        annotations: { ...metadata?.annotations, ...annotations },
      },
      spec: {
        ...spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(durationMs / 1_000),
        acquireTime: isOurs ? (spec.acquireTime ?? time) : time,
        renewTime: time,
        leaseTransitions: isOurs ? (spec.leaseTransitions ?? 0) : (spec.leaseTransitions ?? -1) + 1,
      },
    };
  }

  #isDoubtful(): boolean {
    const { clock, durationMs } = this.#options;
    const elapsed = ageMs(clock, this.#renewedAt);
    return elapsed >= (durationMs * 2) / 3;
  }

  #wake(): void {
    const waiting = this.#wakeAll;
    this.#wakeAll = [];
    for (const wake of waiting) wake();
  }
}
