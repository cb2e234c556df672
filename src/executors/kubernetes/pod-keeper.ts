/** Removes pods that were kept after their outcome, once nobody should want them any more: by age, and all but the last so many. */
import type { Clock } from '../../core/clock.js';
import { type Duration, parseDuration } from '../../core/duration.js';
import type { Logger } from '../../core/logger.js';
import { Semaphore } from '../../core/semaphore.js';
import { waitWithin } from '../../core/within.js';
import { type ConfigProblem, KubeApiError } from '../../errors.js';
import { eachPodIn, type Namespaces } from '../../kube/each-pod.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { mayAnswerLater } from '../../kube/status-errors.js';
import { identityOf, type PodIdentity, type PodRemover } from '../../launch/pod-remover.js';
import { endOf } from '../../lifecycle/classify.js';
import { observe } from '../../lifecycle/observation.js';
import { endTimeOf, lastChangeOf } from '../../lifecycle/pod-times.js';
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { ownershipPatch } from './adoption.js';
import type { TakenLease } from './taken-lease.js';

/** How long finished pods are kept. Where both limits are given, a pod goes as soon as one of them is passed. */
export interface KeepRule {
  /** So long after the end of the pod. @default no limit */
  readonly for?: Duration | undefined;
  /** Only the last so many, over all tasks of the executor; an integer of at least 0. One that somebody else has removed still counts. @default no limit */
  readonly last?: number | undefined;
}

/** Which finished pods are kept. A pod with the label `podwright.dev/keep: "true"` is never removed. */
export interface KeepPodsOptions {
  /** Pods of tasks that succeeded. @default they are deleted, as `deleteWorkerPods` says */
  readonly succeeded?: KeepRule | undefined;
  /** Pods of tasks that failed. @default they are kept without a limit, as `deleteWorkerPodsOnFailure` says */
  readonly failed?: KeepRule | undefined;
}

interface Limits {
  readonly forMs: number;
  readonly last: number;
}
type Limit = Readonly<Record<keyof KeepPodsOptions, Limits>>;

/** Whether pods go at all by these limits. */
const isLimited = ({ forMs, last }: Limits) => Number.isFinite(forMs) || Number.isFinite(last);

/** Checks the options; problems are added to the list. */
export function resolveKeepPods(options: KeepPodsOptions = {}, problems: ConfigProblem[] = []): Limit {
  const read = (name: keyof KeepPodsOptions): Limits => {
    const { for: age, last = Number.POSITIVE_INFINITY } = options[name] ?? {};
    const forMs = age === undefined ? Number.POSITIVE_INFINITY : parseDuration(age);
    if (forMs === undefined)
      problems.push({ field: `keepPods.${name}.for`, value: age, rule: 'must be a duration, such as "24h"' });
    if (last !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(last) && last >= 0))
      problems.push({ field: `keepPods.${name}.last`, value: last, rule: 'must be an integer of at least 0' });
    return { forMs: forMs ?? 0, last };
  };
  return { succeeded: read('succeeded'), failed: read('failed') };
}

/** What a {@link PodKeeper} works with. */
export interface PodKeeperOptions {
  readonly client: KubeClient;
  readonly remover: PodRemover;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limit;
  /** How long names are held after the outcome, in milliseconds; `undefined` where they are not. */
  readonly holdNamesMs: number | undefined;
  /** Value of the label that carries the executor's id. */
  readonly executorLabel: string;
  /** Where its pods are; `undefined` stands for all namespaces. */
  readonly namespaces: Namespaces;
}

/** When what could not be read or listed is looked at again. */
const RETRY_MS = 30_000;
const POLL_MS = 1_000;
/** How long a request of a process that is no more may be under way. */
const LATE_MS = 60_000;

/** How many pods of another executor are taken over at a time. */
const TAKEN_AT_A_TIME = 16;

/** A pod that was kept, by us or by another one. */
interface Found {
  readonly pod: Keepable;
  readonly as: keyof KeepPodsOptions | 'held';
  /** How long it holds its name, in milliseconds. */
  readonly heldMs: number;
  readonly endedAt: number;
}

/** A pod that is kept, or is to be. */
interface Keepable extends PodIdentity {
  /** Whether somebody has deleted it already, so that it only waits for its node, or a finalizer: it is none of the last so many. */
  readonly isDeleting?: boolean;
}

interface Kept extends Keepable {
  readonly cancelTimer: () => void;
  /** Whose label it carried when it was taken in. */
  readonly owner: string;
  /** When it ended, by the server's clock: the monotonic one stands still while the machine sleeps, and would mix up who ended when. */
  readonly endedAt: number;
  /** Monotonic time until which its name is taken. */
  readonly heldUntil: number;
  /** Whether it only stays for that, or until the server answers. */
  readonly isDue?: boolean;
}

/** See the module's text. */
export class PodKeeper {
  readonly #options: PodKeeperOptions;
  /** By what they ended as. */
  readonly #kept = {
    succeeded: new Map<string, Kept>(),
    failed: new Map<string, Kept>(),
    held: new Map<string, Kept>(),
  };

  readonly #releasing = new Set<Promise<void>>();
  #holdsNames = true;
  #isClosed = false;
  #isListed = true;

  constructor(options: PodKeeperOptions) {
    this.#options = options;
  }

  /** Whether there is anything to do at all. */
  get isNeeded(): boolean {
    const { holdNamesMs, limits } = this.#options;
    return holdNamesMs !== undefined || isLimited(limits.succeeded) || isLimited(limits.failed);
  }

  /** Takes in a pod that has been marked as done; `endedAt` by the server's clock, in milliseconds since the epoch, and now where that is not known. */
  keep(
    pod: Keepable,
    as: keyof KeepPodsOptions,
    endedAt: number | undefined,
    owner = this.#options.executorLabel,
  ): void {
    const { client, clock, limits, holdNamesMs = 0 } = this.#options;
    const { forMs, last } = limits[as];
    const kept = this.#kept[as];
    if (this.#isClosed || kept.has(pod.uid) || !isLimited(limits[as])) return;
    // Others may wait for its name, and look for it only now and then.
    const now = clock.now() + (client.serverTimeOffsetMs?.() ?? 0);
    const heldUntil = this.#holdsNames ? clock.monotonic() + holdNamesMs : 0;
    const owned = { ...pod, owner, endedAt: Math.min(now, endedAt ?? now), heldUntil };
    const cancelTimer = Number.isFinite(forMs)
      ? clock.schedule(Math.max(0, forMs - (now - owned.endedAt)), () => this.#releaseInTime(owned, as))
      : () => {};
    kept.set(pod.uid, { ...owned, cancelTimer });
    if (!Number.isFinite(last)) return;
    // What a former self has kept is found after the first of our own.
    const staying = [...kept.values()]
      .filter((one) => one.isDue !== true && one.isDeleting !== true)
      .sort((a, b) => a.endedAt - b.endedAt);
    for (const oldest of staying.slice(0, Math.max(0, staying.length - last))) this.#releaseInTime(oldest, as);
  }

  /** Releases a pod that is kept, once its name need not be held any more. */
  #releaseInTime(pod: Omit<Kept, 'cancelTimer'>, as: keyof KeepPodsOptions): void {
    const { clock } = this.#options;
    const leftMs = pod.heldUntil - clock.monotonic();
    if (leftMs <= 0) {
      const released = this.#release(pod, as).finally(() => this.#releasing.delete(released));
      this.#releasing.add(released);
      return;
    }
    this.#kept[as].get(pod.uid)?.cancelTimer();
    const cancelTimer = clock.schedule(leftMs, () => this.#releaseInTime(pod, as));
    this.#kept[as].set(pod.uid, { ...pod, cancelTimer, isDue: true });
  }

  /** Takes in a pod that only stays for a moment, so that its name is taken. */
  holdName(pod: PodIdentity, ms: number): void {
    if (this.#isClosed || this.#kept.held.has(pod.uid)) return;
    // Whoever meets it may free its name.
    const { clock, executorLabel } = this.#options;
    const held = { ...pod, owner: executorLabel, endedAt: clock.now(), heldUntil: clock.monotonic() + ms };
    const cancelTimer = clock.schedule(ms, () => void this.#release(held, 'held'));
    this.#kept.held.set(pod.uid, { ...held, cancelTimer });
  }

  /** Resolves when no name is held any more that is to go in its time, or after as long as names are held. */
  async namesFreed(): Promise<void> {
    const { clock, holdNamesMs = 0 } = this.#options;
    const until = clock.monotonic() + holdNamesMs;
    const { held, succeeded, failed } = this.#kept;
    const isWaiting = () =>
      held.size > 0 || [...succeeded.values(), ...failed.values()].some(({ isDue }) => isDue === true);
    while (isWaiting() && clock.monotonic() < until) await clock.delay(Math.min(holdNamesMs, POLL_MS));
  }

  /**
   * Sees what only holds its name, also what a former self has left, and with `isReleased` removes it at once; otherwise others do, in its time.
   * Not waited for longer than the limit.
   */
  async leaveNames(limitMs: number, { isReleased }: { readonly isReleased: boolean }): Promise<void> {
    const { clock, executorLabel } = this.#options;
    const limit = new AbortController();
    // Somebody may have removed what was kept; what is there still is found again.
    this.#forgetKept();
    if (!isReleased) this.#forget(this.#kept.held);
    this.#holdsNames = !isReleased;
    this.#isListed = false;
    const released = this.resume(executorLabel, limit.signal).then(async (isListed) => {
      if (isReleased) await Promise.all([...this.#kept.held.values()].map((pod) => this.#release(pod, 'held')));
      await Promise.all(this.#releasing);
      this.#isListed = isListed;
    });
    await waitWithin(clock, limitMs, released);
    limit.abort();
  }

  /** Takes in what a former self has kept, as soon as it can be listed, and once more when all must have come that it had sent before it died. */
  async resumeUntilDone(signal: AbortSignal): Promise<void> {
    if (!this.isNeeded) return;
    await this.#resumeWhenever(signal);
    await this.#options.clock.delay(LATE_MS, { signal }).catch(() => {});
    await this.#resumeWhenever(signal);
  }

  async #resumeWhenever(signal: AbortSignal): Promise<void> {
    const { clock, executorLabel } = this.#options;
    while (!signal.aborted && !(await this.resume(executorLabel, signal)))
      await clock.delay(RETRY_MS, { signal }).catch(() => {});
  }

  /** Takes in what a former self, or another executor that is no more, has kept. Resolves with whether it could be listed. */
  async resume(executorLabel: string, signal: AbortSignal, lease?: TakenLease): Promise<boolean> {
    if (!this.isNeeded) return true;
    const { client, logger, namespaces } = this.#options;
    const labelSelector = `${LABELS.executorId}=${executorLabel},${LABELS.done}=true`;
    const found: Found[] = [];
    try {
      for await (const pod of eachPodIn(client, namespaces, { labelSelector, signal })) {
        const one = this.#foundOf(pod);
        if (one !== undefined) found.push(one);
        await lease?.renew();
      }
    } catch (error) {
      lease?.assertHeld();
      if (!signal.aborted) logger.warn({ err: error }, 'pods that were kept before could not be listed');
      return false;
    }
    const take = ({ pod, as, heldMs, endedAt }: Found, owner?: string) => {
      if (as === 'held') this.holdName(pod, heldMs);
      else this.keep(pod, as, endedAt, owner);
    };
    if (lease === undefined) {
      for (const one of found) take(one);
      return true;
    }
    const calls = new Semaphore(TAKEN_AT_A_TIME);
    const taken = await Promise.allSettled(
      found.map((one) => calls.run(() => lease.renew().then(() => this.#makeOurs(one.pod, executorLabel, lease)))),
    );
    found.forEach((one, index) => {
      const result = taken[index];
      if (result?.status !== 'fulfilled') return;
      if (result.value === 'ours') take(one);
      else if (result.value === 'as it is') take(one, executorLabel);
    });
    lease.assertHeld();
    return taken.every((result) => result.status === 'fulfilled' && result.value !== 'later');
  }

  /** What is to become of a pod that was kept; `undefined` where it is not for us to say. */
  #foundOf(pod: Pod): Found | undefined {
    const { limits } = this.#options;
    const seen = observe(pod);
    const endedAt = endTimeOf(seen) ?? lastChangeOf(seen);
    const heldMs = Number(pod.metadata?.annotations?.[ANNOTATIONS.holdsName]);
    const known = { pod: { ...identityOf(pod), isDeleting: seen.isDeleting }, heldMs, endedAt };
    if (Number.isFinite(heldMs)) return { ...known, as: 'held' };
    const as = endOf(seen)?.result === 'success' ? 'succeeded' : 'failed';
    return isLimited(limits[as]) ? { ...known, as } : undefined;
  }

  /** A pod that an executor has kept which is no more: should we be no more before its time, the next one finds it among ours. */
  async #makeOurs(
    pod: PodIdentity,
    owner: string,
    lease: TakenLease,
  ): Promise<'ours' | 'as it is' | 'later' | 'never'> {
    const { client, logger, executorLabel, remover } = this.#options;
    const { namespace, name, uid, resourceVersion = '' } = pod;
    const patch = ownershipPatch({ metadata: { uid, resourceVersion } }, executorLabel);
    try {
      await client.patchPod(namespace, name, patch, { answer: 'metadata', gate: lease });
      return 'ours';
    } catch (error) {
      const status = error instanceof KubeApiError ? error.status : -1;
      // What the lease could not be renewed for says nothing of the pod.
      if (lease.hasFailed) return 'later';
      if (status === 404) return 'never';
      logger.warn({ err: error, pod: name, namespace }, 'a pod that another executor has kept could not be taken over');
      // What is refused must not keep anybody from taking over the rest: it is removed in its time as it is, and made ours once that is allowed.
      if (status === 403) {
        remover.relabelLater(pod, owner, executorLabel);
        return 'as it is';
      }
      if (status !== 409 && !mayAnswerLater(error)) return 'never';
      // The answer may have been lost, and no list of the other one's pods would show it again.
      const now = await client.readPod(namespace, name).catch(() => undefined);
      const isOurs = now?.metadata?.uid === uid && now.metadata.labels?.[LABELS.executorId] === executorLabel;
      return isOurs ? 'ours' : 'later';
    }
  }

  /** Whether there surely are no pods that are to go in their time. */
  get isIdle(): boolean {
    const { succeeded, failed, held } = this.#kept;
    return this.#isListed && succeeded.size + failed.size + held.size === 0;
  }

  /** Forgets all; what is kept then waits for the next executor of the same id. */
  close(): void {
    this.#isClosed = true;
    this.#forgetKept();
    this.#forget(this.#kept.held);
  }

  #forgetKept(): void {
    this.#forget(this.#kept.succeeded);
    this.#forget(this.#kept.failed);
  }

  #forget(kept: Map<string, Kept>): void {
    for (const { cancelTimer } of kept.values()) cancelTimer();
    kept.clear();
  }

  async #release(pod: Omit<Kept, 'cancelTimer'>, as: keyof KeepPodsOptions | 'held'): Promise<void> {
    const { client, remover, clock, executorLabel } = this.#options;
    const { uid, namespace, name } = pod;
    const kept = this.#kept[as];
    kept.get(uid)?.cancelTimer();
    kept.delete(uid);
    // Somebody may have asked meanwhile to keep it, for a look at it.
    const now = await client.readPod(namespace, name).catch(() => 'unknown' as const);
    if (now === 'unknown') {
      if (this.#isClosed) return;
      const cancelTimer = clock.schedule(RETRY_MS, () => void this.#release(pod, as));
      kept.set(uid, { ...pod, isDue: true, cancelTimer });
      return;
    }
    if (now?.metadata?.uid !== uid) return;
    const { labels = {}, annotations = {} } = now.metadata;
    const label = labels[LABELS.executorId];
    // Another executor that has taken it over keeps it by its own rules; a name may be freed by anybody.
    const mayFree = as === 'held' && annotations[ANNOTATIONS.holdsName] !== undefined;
    if (label !== executorLabel && label !== pod.owner && !mayFree) return;
    // What somebody has deleted only waits for our finalizer.
    if (labels[LABELS.keep] !== 'true' || now.metadata.deletionTimestamp !== undefined)
      await remover.remove(identityOf(now));
  }
}
