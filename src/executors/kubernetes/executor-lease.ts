/** An executor's own lease and its view of the others'. */
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import { type Random, randomText } from '../../core/random.js';
import { waitWithin } from '../../core/within.js';
import { LeaseHeldError } from '../../errors.js';
import type { KubeClient, LeaseClient } from '../../kube/kube-client.js';
import { LeaseHolder } from '../../lease/lease-holder.js';
import { ageMs, LONG_AGO, momentOf } from '../../lease/moment.js';
import { makeSafeDnsLabel, shortHash } from '../../pod/names.js';
import { ANNOTATIONS, LABELS, MANAGED_BY } from '../../wire/names.js';
import type { ResolvedLease } from './lease-options.js';
import { Peers, type PeersOptions } from './peers.js';
import { LATE_SECONDS } from './taken-lease.js';

/** What an {@link ExecutorLease} works with. */
export interface ExecutorLeaseOptions extends Pick<PeersOptions, 'adoptFrom'> {
  /** The client itself: a lease is renewed whether or not anything else may be written. */
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly executorId: string;
  readonly executorLabel: string;
  readonly lease: ResolvedLease;
  /** Where its pods are; `undefined` for everywhere. */
  readonly namespaces: readonly string[] | undefined;
  readonly onHeld: () => void;
  readonly onLost: (holder: string) => void;
  readonly onMembers: (members: readonly string[]) => void;
}

const MIN_START_MS = 60_000;

/** Name of the lease of an executor id. */
export const leaseNameOf = (executorId: string): string => {
  const readable = makeSafeDnsLabel(executorId, 40);
  return `podwright-${readable === '' ? '' : `${readable}-`}${shortHash(executorId, 10)}`;
};

/** See the module's text. */
export class ExecutorLease {
  readonly holder: LeaseHolder;
  readonly peers: Peers;
  readonly #options: ExecutorLeaseOptions;
  readonly #stop = new AbortController();
  #following: Promise<void> | undefined;
  #hasLost = false;
  /** When launches were let go of whose pods nobody had seen. */
  #unseenAt = LONG_AGO;

  constructor(options: ExecutorLeaseOptions) {
    this.#options = options;
    const { client, lease, executorId, executorLabel, clock, random, logger, adoptFrom, namespaces } = options;
    const identity = `${executorId}_${lease.identity ?? randomText(random)}`;
    const shared = { client: client as LeaseClient, clock, random, logger, namespace: lease.namespace, identity };
    this.holder = new LeaseHolder({
      ...shared,
      name: leaseNameOf(executorId),
      durationMs: lease.durationMs,
      labels: { [LABELS.managedBy]: MANAGED_BY, [LABELS.executorId]: executorLabel, [LABELS.group]: lease.group },
      annotations: { [ANNOTATIONS.executorId]: executorId, [ANNOTATIONS.namespaces]: namespaces?.join(',') ?? '*' },
      onHeld: options.onHeld,
      onLost: (_term, holder) => {
        this.#hasLost = true;
        options.onLost(holder);
      },
    });
    this.peers = new Peers({
      ...shared,
      group: lease.group,
      executorId,
      executorLabel,
      namespaces,
      durationMs: lease.durationMs,
      confirm: () => this.holder.confirm(),
      adoptFrom,
      onChange: options.onMembers,
    });
  }

  /**
   * Takes the lease, and begins to look at those of the others.
   * @throws LeaseHeldError where another process goes on renewing it.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { clock, lease, executorId } = this.#options;
    const limitMs = Math.max(MIN_START_MS, 3 * lease.durationMs);
    this.holder.start();
    await waitWithin(clock, limitMs, this.holder.confirm(), signal);
    if (!this.holder.isHeld) {
      const { holder, error } = this.holder.obstacle;
      await this.holder.release();
      const refusal = new LeaseHeldError(leaseNameOf(executorId), holder, limitMs);
      if (error !== undefined) refusal.cause = error;
      throw refusal;
    }
    if (lease.adoptionIntervalMs !== undefined)
      this.#following = this.peers.follow(lease.adoptionIntervalMs, this.#stop.signal);
  }

  /** Whether it looks by itself for what others have left. */
  get followsOthers(): boolean {
    return this.#options.lease.adoptionIntervalMs !== undefined;
  }

  /** Whether there may be pods of ours that we have not met: of a takeover, or of a term that was lost with its tasks. */
  get mayHaveMore(): boolean {
    return this.#hasLost || this.peers.mayHaveGivenMore;
  }

  /** Launches were let go of whose pods nobody has seen; those may come for a while. */
  leaveUnseen(): void {
    this.#unseenAt = momentOf(this.#options.clock);
  }

  /** Whether a pod may still come that nobody here waits for. */
  get mayHaveLatePods(): boolean {
    return ageMs(this.#options.clock, this.#unseenAt) < LATE_SECONDS * 1_000;
  }

  /** Whether others of the group are there, as far as can be told in time. */
  async hasHeirs(limitMs: number): Promise<boolean> {
    const looked = this.peers.look().catch(() => {});
    await waitWithin(this.#options.clock, limitMs, looked);
    return this.peers.members.length > 1;
  }

  /** Takes over what the dead have left only where a task of its own needs it; with `isStopping`, not even then. */
  takeOnLess(isStopping: boolean): void {
    this.#stop.abort();
    if (isStopping) void this.peers.close();
  }

  /** Waits, for a while, until the lease is surely held; tells whether it is. */
  async confirmed(): Promise<boolean> {
    const { clock, lease } = this.#options;
    await waitWithin(
      clock,
      2 * lease.durationMs,
      this.holder.confirm().catch(() => {}),
    );
    return this.holder.isHeld;
  }

  /** Gives the lease back; with `remove`, for good. Never rejects. */
  async stop(options: { readonly remove: boolean }): Promise<void> {
    this.takeOnLess(true);
    await this.holder.release(options);
    await this.#following;
  }
}
