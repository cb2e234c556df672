/**
 * The other executors of the group, by their leases: who is alive, and whose pods are to be taken over.
 *
 * A dead one's lease is taken first (the server lets one of several have it), then its pods are made ours one by one, then the lease is given back. It
 * lingers for a minute and goes after another look: what the dead one had asked for may have come meanwhile, and nobody else would find it. Whoever dies
 * half way leaves a lease behind that runs out like any other, and the next one goes on. Whoever comes back to life finds that its
 * lease is not its own any more, before it may write anything.
 */
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import { KubeApiError, LeaseLostError, LifecycleError } from '../../errors.js';
import { eachItem } from '../../kube/each-pod.js';
import type { LeaseClient } from '../../kube/kube-client.js';
import { isStale, type LeaseSight, lookAt } from '../../lease/lease-sight.js';
import { ANNOTATIONS, LABELS, MANAGED_BY } from '../../wire/names.js';
import type { Lease } from '../../wire/types.js';
import { isLingering, TakenLease } from './taken-lease.js';

/** An executor of the group. */
export interface ExecutorPeer {
  /** Its id. */
  readonly executorId: string;
  /** Whether it holds its lease, as far as can be told. */
  readonly isAlive: boolean;
  /** Identity of the process that holds the lease; empty where it was given back. */
  readonly holder: string;
}

/** What {@link Peers} work with. */
export interface PeersOptions {
  readonly client: LeaseClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly namespace: string;
  readonly group: string;
  /** Value of the label that carries our executor's id. */
  readonly executorLabel: string;
  readonly executorId: string;
  readonly identity: string;
  /** Where pods are looked for; `undefined` for everywhere. */
  readonly namespaces: readonly string[] | undefined;
  readonly durationMs: number;
  /** Resolves when our own lease is surely held. */
  readonly confirm: () => Promise<void>;
  /** Makes all pods of another executor ours on the strength of its lease, which it renews meanwhile. Resolves with whether none is left. */
  readonly adoptFrom: (label: string, lease: TakenLease) => Promise<boolean>;
  /** Told when the list of the living has changed. */
  readonly onChange: (members: readonly string[]) => void;
}

const PAGE_SIZE = 500;
/** How long at least the lease of an executor of another group is taken: longer than a pod is claimed for. */
const MIN_HOLD_MS = 15_000;

const idOf = ({ metadata }: Lease): string => metadata?.annotations?.[ANNOTATIONS.executorId] ?? '';

interface Known {
  readonly lease: Lease;
  readonly sight: LeaseSight;
}

/** See the module's text. */
export class Peers {
  readonly #options: PeersOptions;
  #known = new Map<string, Known>();
  /** Executors of other groups, by label, of which there was a pod in the way. */
  readonly #strangers = new Map<string, Known>();
  #looking: Promise<void> | undefined;
  readonly #taking = new Map<string, Promise<boolean>>();
  #members: readonly string[];
  #hasLooked = false;
  /** Whether some pods may be ours without our knowing: a takeover did not come to its end, and what it took the next one would not find. */
  #isUnsure = false;
  #isClosed = false;
  /** Dead executors, by label, of whose pods some are where nobody looks here: that was told, and those within reach are ours. */
  readonly #inPart = new Set<string>();
  /** Whether somebody here comes back to leases that linger. */
  #isFollowing = false;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#members = [options.executorId];
  }

  /** All executors of the group but ourselves. */
  list(): ExecutorPeer[] {
    const ids = [this.#options.executorId, ...[...this.#known.values()].map(({ lease }) => idOf(lease))];
    return [...this.#known.values()].map(({ lease, sight }) => {
      const executorId = idOf(lease);
      // A lease that another executor has taken says nothing for the one it is named after; nor does one whose holder only begins with its id.
      const isOf = (id: string) => sight.holder.startsWith(`${id}_`);
      const isItsOwn = isOf(executorId) && !ids.some((id) => id.length > executorId.length && isOf(id));
      return { executorId, isAlive: isItsOwn && this.#isAlive(sight), holder: sight.holder };
    });
  }

  /** Ids of the living, ourselves among them, in order. */
  get members(): readonly string[] {
    return this.#members;
  }

  /** Looks at the leases, and takes over what the dead have left, every so often until the signal aborts. */
  async follow(intervalMs: number, signal: AbortSignal): Promise<void> {
    const { clock, logger, confirm } = this.#options;
    this.#isFollowing = true;
    while (!signal.aborted) {
      try {
        await confirm();
        await this.look();
        // One that lingers, too, is left alone until its time is up; and of ours that was not done with the owner, which looks more often, is to find it first.
        for (const [label, known] of this.#known)
          if (!signal.aborted && !this.#isAlive(known.sight)) await this.#takeOver(label, known, () => signal.aborted);
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, 'the leases of other executors could not be looked at');
      }
      await clock.delay(intervalMs, { signal }).catch(() => {});
    }
  }

  /**
   * Whether the executor of a label is alive, or may be. Asks the server. Of one that is dead the lease is taken first, and its pods with it: nobody's
   * pods are touched as long as their owner could still get up and act.
   * @param isRepeated where it was asked just before, one that was seen alive at the last look still counts as alive, without a call.
   */
  async mayBeAlive(label: string, isRepeated = false): Promise<boolean> {
    if (label === this.#options.executorLabel) return true;
    const last = this.#known.get(label);
    if (isRepeated && last !== undefined && this.#mayLive(last.sight)) return true;
    let known: Known | undefined;
    try {
      // A look that began before the question may have missed who has come since.
      const isShared = this.#looking !== undefined;
      await this.look();
      if (isShared && !this.#known.has(label)) await this.look();
      known = this.#known.get(label);
      if (known === undefined) return await this.#mayStrangerBeAlive(label);
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'the leases of other executors could not be looked at');
      return true;
    }
    if (this.#mayLive(known.sight) || this.#isClosed) return true;
    const isDone = await this.#takeOver(label, known, () => false);
    return !isDone && this.#known.has(label);
  }

  /**
   * Whether an executor is of another group, by its lease: what it leaves is for that group. Asks the server where it is none of ours.
   * @throws KubeApiError where the server does not answer.
   */
  async isStranger(label: string): Promise<boolean> {
    const { executorLabel, group } = this.#options;
    if (label === executorLabel || this.#known.has(label)) return false;
    const known = await this.#lookAtStranger(label);
    return known !== undefined && known.lease.metadata?.labels?.[LABELS.group] !== group;
  }

  /** Only what is in the way of a task is taken from a dead one. It must not get up meanwhile, so its lease is written; its own group sees to the rest when that has run out. */
  async #mayStrangerBeAlive(label: string): Promise<boolean> {
    const known = await this.#lookAtStranger(label);
    if (known === undefined) return false;
    const { lease, sight } = known;
    if (this.#isAlive(sight) || this.#isClosed) return sight.holder !== this.#options.identity;
    try {
      // Its own group is not to wait for much longer than it would have, and one that was given back says a second.
      const durationMs = Math.max(MIN_HOLD_MS, (lease.spec?.leaseDurationSeconds ?? 0) * 1_000);
      await this.#taken(lease, () => false, Math.min(durationMs, this.#options.durationMs)).renew();
      return false;
    } catch (error) {
      if (!(error instanceof KubeApiError && error.status === 409)) throw error;
      return true;
    }
  }

  /** An executor of another group is nobody's peer here; it is looked at only where a pod of its own is in the way. */
  async #lookAtStranger(label: string): Promise<Known | undefined> {
    const { client, clock, namespace, durationMs } = this.#options;
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.executorId}=${label}`;
    const { items } = await client.listLeases({ namespace, labelSelector, timeoutMs: durationMs });
    const [lease] = items;
    const last = this.#strangers.get(label);
    this.#strangers.delete(label);
    if (lease === undefined) return undefined;
    const known = { lease, sight: lookAt(last?.sight, lease, clock.monotonic()) };
    this.#strangers.set(label, known);
    return known;
  }

  /**
   * Takes over nothing any more: whoever is stopping would only end what it has taken. What a takeover has not reached is left to others, as soon as the
   * lease that was taken has run out. Resolves when nothing is under way.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#taking.values()]);
  }

  /** Whether pods may still become ours, or have done so without our knowing. */
  get mayHaveGivenMore(): boolean {
    return this.#isUnsure || !this.isIdle;
  }

  /** Whether nothing is under way that could make any more pods ours. */
  get isIdle(): boolean {
    return this.#taking.size === 0;
  }

  /** Reads the leases anew; calls at the same time share one look. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { client, clock, namespace, group, executorLabel, durationMs } = this.#options;
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.group}=${group}`;
    const seen = new Map<string, Known>();
    const scope = { namespace, labelSelector, limit: PAGE_SIZE, timeoutMs: durationMs };
    for await (const lease of eachItem((token) => client.listLeases({ ...scope, continue: token }))) {
      const label = lease.metadata?.labels?.[LABELS.executorId];
      if (label === undefined || label === executorLabel) continue;
      seen.set(label, { lease, sight: lookAt(this.#known.get(label)?.sight, lease, clock.monotonic()) });
    }
    this.#known = seen;
    this.#tellMembers();
  }

  #tellMembers(): void {
    const { executorId, onChange } = this.#options;
    const living = this.list().flatMap((peer) => (peer.isAlive ? [peer.executorId] : []));
    const members = [executorId, ...living].sort();
    if (this.#hasLooked && members.join('\n') === this.#members.join('\n')) return;
    this.#hasLooked = true;
    this.#members = members;
    // Whoever ends has nothing more to share out.
    if (!this.#isClosed) onChange(members);
  }

  /** A lease that was given back counts for a while, too: the next process of that id is probably on its way. */
  #isAlive(sight: LeaseSight): boolean {
    const { clock, durationMs } = this.#options;
    return !isStale({ since: sight.since, durationMs: Math.max(sight.durationMs, durationMs) }, clock.monotonic());
  }

  /** Whether the owner may be there: where only its lease lingers, everything that it had is somebody else's, or is to be. */
  #mayLive(sight: LeaseSight): boolean {
    return this.#isAlive(sight) && !isLingering(sight);
  }

  /** Takes over what a dead one has left, if nobody here is at it already. Resolves with whether all that it has is ours now. */
  #takeOver(label: string, known: Known, isOver: () => boolean): Promise<boolean> {
    const taking =
      this.#taking.get(label) ?? this.#takeLease(label, known, isOver).finally(() => this.#taking.delete(label));
    this.#taking.set(label, taking);
    return taking;
  }

  #taken(lease: Lease, isOver: () => boolean, durationMs = this.#options.durationMs): TakenLease {
    const { client, clock, namespace, identity, confirm } = this.#options;
    const isWanted = () => !this.#isClosed && !isOver();
    return new TakenLease(lease, { client, clock, namespace, identity, durationMs, confirm, isWanted });
  }

  async #takeLease(label: string, { lease, sight }: Known, isOver: () => boolean): Promise<boolean> {
    const { logger, adoptFrom, identity } = this.#options;
    const outOfReach = this.#outOfReach(lease);
    // What is left of it is for somebody who watches there, and the lease stays until that one has come; where it lingers, that one was here.
    const isForOthers = this.#inPart.has(label) && (isLingering(sight) || sight.holder === identity);
    if (outOfReach.length > 0 && isForOthers) return false;
    const taken = this.#taken(lease, isOver);
    const hasLingered = isLingering(sight) && !this.#isAlive(sight);
    try {
      await taken.renew();
      if (!isLingering(sight)) logger.info({ executor: idOf(lease) }, 'an executor is dead; its pods are taken over');
      let isComplete = false;
      try {
        isComplete = await adoptFrom(label, taken);
      } finally {
        this.#isUnsure ||= !isComplete;
      }
      if (!isComplete) return false;
      if (outOfReach.length > 0) {
        this.#inPart.add(label);
        logger.warn(
          { executor: idOf(lease), namespaces: outOfReach },
          'a dead executor has watched namespaces that are not watched here; its pods there are left to others of its group',
        );
        return false;
      }
      if (this.#isFollowing && !hasLingered) {
        await taken.giveBack();
        return true;
      }
      await taken.remove();
      this.#known.delete(label);
      return true;
    } catch (error) {
      // Somebody was faster, or it is alive after all; what is left is looked at again next time.
      if (error instanceof KubeApiError && (error.status === 409 || error.status === 404)) return false;
      if (!(error instanceof LeaseLostError || error instanceof LifecycleError))
        logger.warn({ err: error, lease: lease.metadata?.name }, 'the pods of a dead executor could not be taken over');
      return false;
    }
  }

  /** Namespaces in which the executor of a lease may have pods, and nobody looks for them here. */
  #outOfReach({ metadata }: Lease): string[] {
    const { namespaces } = this.#options;
    const theirs = metadata?.annotations?.[ANNOTATIONS.namespaces];
    if (namespaces === undefined || theirs === undefined) return [];
    return theirs.split(',').filter((name) => !namespaces.includes(name));
  }
}
