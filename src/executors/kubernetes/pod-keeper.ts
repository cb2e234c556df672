/** Removes pods that were kept after their outcome, once nobody should want them any more: by age, and all but the last so many. */
import type { Clock } from '../../core/clock.js';
import { type Duration, parseDuration } from '../../core/duration.js';
import type { Logger } from '../../core/logger.js';
import { waitWithin } from '../../core/within.js';
import { type ConfigProblem, KubeApiError } from '../../errors.js';
import { eachPodIn, type Namespaces } from '../../kube/each-pod.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { identityOf, type PodIdentity, type PodRemover } from '../../launch/pod-remover.js';
import { endOf } from '../../lifecycle/classify.js';
import { observe, type PodObservation } from '../../lifecycle/observation.js';
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { ownershipPatch } from './adoption.js';

/** How long finished pods are kept. Where both limits are given, a pod goes as soon as one of them is passed. */
export interface KeepRule {
  /** So long after the end of the pod. @default no limit */
  readonly for?: Duration | undefined;
  /** Only the last so many, over all tasks of the executor; an integer of at least 0. @default no limit */
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
  /** Whether names are held after the outcome. */
  readonly holdsNames: boolean;
  /** Value of the label that carries the executor's id. */
  readonly executorLabel: string;
  /** Where its pods are; `undefined` stands for all namespaces. */
  readonly namespaces: Namespaces;
}

/** When what could not be read or listed is looked at again. */
const RETRY_MS = 30_000;

interface Kept extends PodIdentity {
  readonly cancelTimer: () => void;
}

/** See the module's text. */
export class PodKeeper {
  readonly #options: PodKeeperOptions;
  /** By what they ended as, oldest first. */
  readonly #kept = {
    succeeded: new Map<string, Kept>(),
    failed: new Map<string, Kept>(),
    held: new Map<string, Kept>(),
  };

  #isClosed = false;

  constructor(options: PodKeeperOptions) {
    this.#options = options;
  }

  /** Whether there is anything to do at all. */
  get isNeeded(): boolean {
    const { holdsNames, limits } = this.#options;
    const { succeeded, failed } = limits;
    return holdsNames || [succeeded.forMs, succeeded.last, failed.forMs, failed.last].some(Number.isFinite);
  }

  /** Takes in a pod that has been marked as done. */
  keep(pod: PodIdentity, as: keyof KeepPodsOptions, ageMs = 0): void {
    const { clock, limits } = this.#options;
    const { forMs, last } = limits[as];
    const kept = this.#kept[as];
    if (this.#isClosed || kept.has(pod.uid)) return;
    if (!Number.isFinite(forMs) && !Number.isFinite(last)) return;
    const cancelTimer = Number.isFinite(forMs)
      ? clock.schedule(Math.max(0, forMs - ageMs), () => void this.#release(pod, as))
      : () => {};
    kept.set(pod.uid, { ...pod, cancelTimer });
    for (const oldest of kept.values()) {
      if (kept.size <= last) break;
      void this.#release(oldest, as);
    }
  }

  /** Takes in a pod that only stays for a moment, so that its name is taken. */
  holdName(pod: PodIdentity, ms: number): void {
    if (this.#isClosed || this.#kept.held.has(pod.uid)) return;
    const cancelTimer = this.#options.clock.schedule(ms, () => void this.#release(pod, 'held'));
    this.#kept.held.set(pod.uid, { ...pod, cancelTimer });
  }

  /** Removes at once what only holds its name, also what a former self has left. Not waited for longer than the limit. */
  async releaseNames(limitMs: number): Promise<void> {
    const { clock, executorLabel } = this.#options;
    const limit = new AbortController();
    const released = this.resume(executorLabel, limit.signal).then(() =>
      Promise.all([...this.#kept.held.values()].map((pod) => this.#release(pod, 'held'))),
    );
    await waitWithin(clock, limitMs, released);
    limit.abort();
  }

  /** Takes in what a former self has kept, as soon as it can be listed. */
  async resumeUntilDone(signal: AbortSignal): Promise<void> {
    const { clock, executorLabel } = this.#options;
    while (!signal.aborted && !(await this.resume(executorLabel, signal)))
      await clock.delay(RETRY_MS, { signal }).catch(() => {});
  }

  /** Takes in what a former self, or another executor that is no more, has kept. Resolves with whether it could be listed. */
  async resume(executorLabel: string, signal: AbortSignal, renew = async () => {}): Promise<boolean> {
    if (!this.isNeeded) return true;
    const { client, logger, namespaces } = this.#options;
    const isAnothers = executorLabel !== this.#options.executorLabel;
    const labelSelector = `${LABELS.executorId}=${executorLabel},${LABELS.done}=true`;
    const found: Pod[] = [];
    try {
      for await (const pod of eachPodIn(client, namespaces, { labelSelector, signal })) found.push(pod);
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'pods that were kept before could not be listed');
      return false;
    }
    const kept: PodObservation[] = [];
    let isComplete = true;
    for (const pod of found) {
      const heldMs = Number(pod.metadata?.annotations?.[ANNOTATIONS.holdsName]);
      if (isAnothers && !(await this.#makeOurs(pod))) isComplete = false;
      else if (Number.isFinite(heldMs)) this.holdName(identityOf(pod), heldMs);
      else kept.push(observe(pod));
      await renew();
    }
    const ended = (pod: PodObservation) => Date.parse(pod.base?.finishedAt ?? pod.createdAt ?? '') || 0;
    const now = this.#options.clock.now() + (client.serverTimeOffsetMs?.() ?? 0);
    for (const pod of kept.sort((a, b) => ended(a) - ended(b)))
      this.keep(pod, endOf(pod)?.result === 'success' ? 'succeeded' : 'failed', Math.max(0, now - ended(pod)));
    return isComplete;
  }

  /** A pod that an executor has kept which is no more: should we be no more before its time, the next one finds it among ours. */
  async #makeOurs(pod: Pod): Promise<boolean> {
    const { client, logger, executorLabel } = this.#options;
    const { namespace = '', name = '' } = pod.metadata ?? {};
    try {
      await client.patchPod(namespace, name, ownershipPatch(pod, executorLabel), { answer: 'metadata' });
      return true;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return true;
      logger.warn({ err: error, pod: name, namespace }, 'a pod that another executor has kept could not be taken over');
      return false;
    }
  }

  /** Forgets all; what is kept then waits for the next executor of the same id. */
  close(): void {
    this.#isClosed = true;
    for (const kept of Object.values(this.#kept)) {
      for (const { cancelTimer } of kept.values()) cancelTimer();
      kept.clear();
    }
  }

  async #release(pod: PodIdentity, as: keyof KeepPodsOptions | 'held'): Promise<void> {
    const { client, remover, clock } = this.#options;
    const { uid, namespace, name } = pod;
    const kept = this.#kept[as];
    kept.get(uid)?.cancelTimer();
    kept.delete(uid);
    // Somebody may have asked meanwhile to keep it, for a look at it.
    const now = await client.readPod(namespace, name).catch(() => 'unknown' as const);
    if (now === 'unknown') {
      if (this.#isClosed) return;
      kept.set(uid, { ...pod, cancelTimer: clock.schedule(RETRY_MS, () => void this.#release(pod, as)) });
    } else if (now?.metadata?.uid === uid && now.metadata.labels?.[LABELS.keep] !== 'true')
      await remover.remove(identityOf(now));
  }
}
