/**
 * The lease of a dead executor, while its pods are being taken over.
 *
 * Whoever comes back to life may take it once it has stood unchanged for its whole duration. So it is renewed as the work goes on, and what is sent on
 * the strength of it is sent within two thirds of that time since a renewal began that succeeded; after one that failed nothing is sent any more.
 */
import type { Clock } from '../../core/clock.js';
import { LifecycleError } from '../../errors.js';
import type { CallGate, LeaseClient } from '../../kube/kube-client.js';
import { givenBack, type LeaseSight } from '../../lease/lease-sight.js';
import { ageMs, LONG_AGO, momentOf } from '../../lease/moment.js';
import { formatMicroTime } from '../../wire/micro-time.js';
import type { Lease } from '../../wire/types.js';

/** How long a pod may still come of which nobody waits for the answer any more, in seconds: a server lets a request take a minute. */
export const LATE_SECONDS = 60;

/** Whether a lease was given back after a takeover, so that somebody looks once more. Who releases its own does so for a second. */
export const isLingering = ({ holder, durationMs }: LeaseSight): boolean =>
  holder === '' && durationMs === LATE_SECONDS * 1_000;

/** What a {@link TakenLease} works with. */
export interface TakenLeaseOptions {
  readonly client: LeaseClient;
  readonly clock: Clock;
  readonly namespace: string;
  /** Of the process that takes it. */
  readonly identity: string;
  readonly durationMs: number;
  /** Resolves when our own lease is surely held. */
  readonly confirm: () => Promise<void>;
  /** Whether the takeover is to go on. */
  readonly isWanted: () => boolean;
}

/** See the module's text. */
export class TakenLease implements CallGate {
  readonly #options: TakenLeaseOptions;
  #lease: Lease;
  #renewedAt = LONG_AGO;
  #renewing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param lease as it was seen last: a version that differs makes `renew` fail. */
  constructor(lease: Lease, options: TakenLeaseOptions) {
    this.#lease = lease;
    this.#options = options;
  }

  /** Whether it is surely ours right now. */
  get isOpen(): boolean {
    return !this.hasFailed && this.#ageMs < (this.#options.durationMs * 2) / 3;
  }

  /** Whether nothing is to be done on the strength of it any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined || !this.#options.isWanted();
  }

  /** See {@link renew}. */
  opened(): Promise<void> {
    return this.renew();
  }

  /** Writes it where that is due; calls at the same time share one write. Rejects where it failed, now or before. */
  async renew(): Promise<void> {
    this.assertHeld();
    if (this.#ageMs < this.#options.durationMs / 3) return;
    this.#renewing ??= this.#write()
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#renewing = undefined;
      });
    await this.#renewing;
    this.assertHeld();
  }

  /** @throws what a renewal failed with, or a LifecycleError where the takeover is not to go on. */
  assertHeld(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.#options.isWanted()) throw new LifecycleError('ERR_PODWRIGHT_CLOSED', 'a takeover');
  }

  /** Removes it: there is nothing left that it could stand for. */
  async remove(): Promise<void> {
    const { client, namespace } = this.#options;
    const { name = '', uid, resourceVersion } = this.#lease.metadata ?? {};
    await client.deleteLease(namespace, name, { uid, resourceVersion });
  }

  /** Lets it linger: its owner may have it at once, and whoever looks for what came late, once it has run out. */
  async giveBack(): Promise<void> {
    const { client, namespace } = this.#options;
    await client.replaceLease(namespace, this.#lease.metadata?.name ?? '', givenBack(this.#lease, LATE_SECONDS));
  }

  get #ageMs(): number {
    return ageMs(this.#options.clock, this.#renewedAt);
  }

  async #write(): Promise<void> {
    const { client, clock, namespace, identity, durationMs, confirm } = this.#options;
    await confirm();
    const begun = momentOf(clock);
    const { metadata, spec = {} } = this.#lease;
    const renewed = {
      ...spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1_000),
      renewTime: formatMicroTime(begun.wall),
      leaseTransitions: (spec.leaseTransitions ?? 0) + (spec.holderIdentity === identity ? 0 : 1),
    };
    // An answer that comes later than the next renewal would be due says nothing any more, and our own lease waits behind it.
    const call = { timeoutMs: durationMs / 3 };
    this.#lease = await client.replaceLease(namespace, metadata?.name ?? '', { ...this.#lease, spec: renewed }, call);
    this.#renewedAt = begun;
  }
}
