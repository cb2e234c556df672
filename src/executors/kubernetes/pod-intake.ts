/** Takes in what the watch shows: finds the task of each pod, adopts pods of a former self, and lets go of those taken over by others. */
import { type BackoffPolicy, backoffMs } from '../../core/backoff.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { QueuedTask } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import { Semaphore } from '../../core/semaphore.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import { KubeApiError } from '../../errors.js';
import { eachPodIn, type Namespaces } from '../../kube/each-pod.js';
import type { KubeClient, ListOptions } from '../../kube/kube-client.js';
import { READ_LIMIT_MS, readUntilKnown } from '../../kube/read-until-known.js';
import { mayAnswerLater } from '../../kube/status-errors.js';
import { identityOf, type PodRemover } from '../../launch/pod-remover.js';
import { cannotRun, observe } from '../../lifecycle/observation.js';
import type { LifecyclePolicy } from '../../lifecycle/policy.js';
import { isMarkedDone } from '../../pod/names.js';
import type { Watcher } from '../../watch/watcher.js';
import { ANNOTATIONS, LABELS, MANAGED_BY } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { LONELY, launchOf, ownershipPatch, recordOfAdopted, taskOfPod, wasTold } from './adoption.js';
import type { PodDelivery } from './pod-delivery.js';
import { followPods, podIdOf } from './pod-feed.js';
import type { PodLifecycle } from './pod-lifecycle.js';
import { PodTrack, type PodTrackTable } from './pod-track.js';
import type { TakenLease } from './taken-lease.js';

/** What a {@link PodIntake} works with. */
export interface PodIntakeOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lifecycle: PodLifecycle;
  readonly remover: PodRemover;
  readonly delivery: PodDelivery;
  readonly tracks: PodTrackTable;
  readonly policy: LifecyclePolicy;
  /** Value of the label that carries the executor's id. */
  readonly executorLabel: string;
  /** Takes a task in, into the running ones unless its pod has ended; and tells it as it is known here; `undefined` where its key has had its outcome here already. */
  readonly adopt: (
    task: QueuedTask,
    hasEnded: boolean,
  ) => { readonly id: string; readonly task: QueuedTask } | undefined;
  /** Whether a task that is not under way here is left to whoever comes next, because this executor stops. */
  readonly isLeft: (key: TaskInstanceKey) => boolean;
  /** Whether another executor, by the value of its label, is alive and must be left alone; never so where leases are not used. */
  readonly mayBeAlive: (label: string) => Promise<boolean>;
  /** Gives a slot to a task that was found ended and runs after all. */
  readonly occupySlot: (key: TaskInstanceKey) => void;
  /** Whether another executor is of a group of its own. */
  readonly isStranger: (label: string) => Promise<boolean>;
  /** Whether all launches of a task have one name, which other executors use, too. */
  readonly isNameShared: boolean;
  /** Lets go of a task that another executor has. */
  readonly handOver: (task: QueuedTask, why: string) => void;
}

const WATCHER_BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };
const PAGE_SIZE = 500;
const ADOPTIONS_AT_A_TIME = 16;
const LOOKS_AT_A_TIME = 16;
/** A pod that its node keeps writing about may change between our look and our patch. */
const ADOPTION_ATTEMPTS = 5;

/** Selects the pods of an executor, by the value of its label, that nobody is done with. */
const openPodsOf = (label: string) =>
  `${LABELS.managedBy}=${MANAGED_BY},${LABELS.executorId}=${label},${LABELS.done}!=true`;

/** See the module's text. */
export class PodIntake {
  readonly #options: PodIntakeOptions;
  /** Tasks that a list has shown, which has not come to its end. */
  readonly #adopted = new Set<PodTrack>();
  readonly #looks = new Semaphore(LOOKS_AT_A_TIME);
  #hasLeftPods = false;

  constructor(options: PodIntakeOptions) {
    this.#options = options;
  }

  /** Follows the pods until the signal aborts. A watcher of the host's own may throw or end: it is then asked again, or all its tasks would hang. */
  async follow(watcher: Watcher, onSynced: () => void, signal: AbortSignal): Promise<void> {
    const { tracks, logger, clock, random } = this.#options;
    for (let failures = 1; !signal.aborted; failures += 1) {
      const handlers = {
        onPod: (pod: Pod, isListed: boolean) => this.#onPod(pod, isListed),
        onGone: (podId: string, last: Pod | undefined) => this.#onGone(podId, last, signal),
        onLeft: (podId: string, last: Pod) => this.#onLeft(podId, last, signal),
        onSynced: (scope: string) => {
          failures = 0;
          this.#lookAtAdopted(scope);
          onSynced();
        },
      };
      try {
        await followPods(watcher, tracks, handlers, signal);
        if (!signal.aborted) logger.warn({}, 'the watcher has ended; it is started again');
      } catch (error) {
        if (!signal.aborted) logger.error({ err: error }, 'the watcher failed; it is started again');
      }
      await clock.delay(backoffMs(WATCHER_BACKOFF, failures, random), { signal }).catch(() => {});
    }
  }

  /** Looks for pods of the wanted tasks and makes them this executor's; resolves with the tasks that have none. */
  async takeOver(wanted: Map<string, TaskInstanceKey>, namespaces: Namespaces): Promise<TaskInstanceKey[]> {
    const { client, logger, executorLabel, mayBeAlive } = this.#options;
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.done}!=true`;
    const calls = new Semaphore(ADOPTIONS_AT_A_TIME);
    const adoptions: Promise<void>[] = [];
    for await (const pod of eachPodIn(client, namespaces, { labelSelector })) {
      const task = taskOfPod(pod);
      const id = task === undefined ? '' : keyToString(task.key);
      if (!wanted.has(id) || wasTold(pod)) continue;
      const owner = pod.metadata?.labels?.[LABELS.executorId] ?? '';
      const adopt = async () => {
        // With the lease of a dead one all of its pods were taken over already.
        if (this.#isTracked(pod)) wanted.delete(id);
        // Who is alive does its own work; it is told apart from what has no pod at all.
        else if (owner !== executorLabel && (await mayBeAlive(owner)))
          logger.info({ task: id, owner }, 'a task was not adopted: its executor is alive');
        else if ((await this.#takeOverOne(pod)) === 'ours') wanted.delete(id);
      };
      adoptions.push(calls.run(adopt));
    }
    await Promise.all(adoptions);
    return [...wanted.values()];
  }

  /** Whether a pod of ours was met and left to whoever comes next. */
  get hasLeftPods(): boolean {
    return this.#hasLeftPods;
  }

  /** Whether there is a pod of this executor that nobody is done with, by the server's word. */
  async hasPods(namespaces: Namespaces): Promise<boolean> {
    const { client, executorLabel } = this.#options;
    const labelSelector = openPodsOf(executorLabel);
    for await (const _ of eachPodIn(client, namespaces, { labelSelector, limit: 1 })) return true;
    return false;
  }

  /** Of the wanted tasks, those of which there is no pod, whoever made it. */
  async withoutPod(wanted: Map<string, TaskInstanceKey>, namespaces: Namespaces): Promise<TaskInstanceKey[]> {
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY}`;
    for await (const pod of eachPodIn(this.#options.client, namespaces, { labelSelector })) {
      const task = taskOfPod(pod);
      if (task !== undefined) wanted.delete(keyToString(task.key));
    }
    return [...wanted.values()];
  }

  /** Makes pods that have ended, and whose executor is no more, this one's; resolves with their tasks. */
  async adoptCompleted(namespaces: Namespaces): Promise<TaskInstanceKey[]> {
    const { client, executorLabel, mayBeAlive, isStranger } = this.#options;
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.executorId}!=${executorLabel},${LABELS.done}!=true`;
    const fieldSelector = 'status.phase!=Pending,status.phase!=Running,status.phase!=Unknown';
    const adopted: TaskInstanceKey[] = [];
    const strangers = new Map<string, Promise<boolean>>();
    for await (const pod of eachPodIn(client, namespaces, { labelSelector, fieldSelector })) {
      const task = taskOfPod(pod);
      if (task === undefined || wasTold(pod)) continue;
      const owner = pod.metadata?.labels?.[LABELS.executorId] ?? '';
      const asked = strangers.get(owner) ?? isStranger(owner);
      strangers.set(owner, asked);
      if ((await asked) || (await mayBeAlive(owner))) continue;
      if ((await this.#takeOverOne(pod)) === 'ours') adopted.push(task.key);
    }
    return adopted;
  }

  /**
   * Makes all pods of a dead executor this one's, several at a time, of all namespaces at once; the watch then shows them.
   * @returns whether none is left.
   */
  async adoptFrom(label: string, namespaces: Namespaces, lease: TakenLease): Promise<boolean> {
    const labelSelector = openPodsOf(label);
    const calls = new Semaphore(ADOPTIONS_AT_A_TIME);
    const adopting = namespaces.map((namespace) =>
      this.#adoptListed({ namespace, labelSelector, limit: PAGE_SIZE }, calls, lease),
    );
    // A failure counts only when nothing is under way any more: the lease that all stand on is written no more after that.
    await Promise.allSettled(adopting);
    const isComplete = (await Promise.all(adopting)).every(Boolean);
    lease.assertHeld();
    return isComplete;
  }

  /** The next page is on its way while the pods of one are adopted; more than two are never held. */
  async #adoptListed(scope: ListOptions, calls: Semaphore, lease: TakenLease): Promise<boolean> {
    let isComplete = true;
    let underWay: Promise<boolean[]> = Promise.resolve([]);
    try {
      let page: string | undefined;
      do {
        const list = await this.#options.client.listPods({ ...scope, continue: page });
        await lease.renew();
        isComplete = (await underWay).every(Boolean) && isComplete;
        // It never rejects: what is under way is waited for, whatever becomes of the lease.
        const take = async (pod: Pod) => {
          await lease.renew().catch(() => {});
          return !lease.hasFailed && (await this.#takeOverOne(pod, lease)) !== 'left';
        };
        underWay = Promise.all(list.items.map((pod) => calls.run(() => take(pod))));
        page = list.metadata.continue;
      } while (page !== undefined && page !== '');
    } finally {
      isComplete = (await underWay).every(Boolean) && isComplete;
    }
    return isComplete;
  }

  /** Decides about the tasks that a list has shown, now that it is known which of several pods is a task's last. */
  #lookAtAdopted(scope: string): void {
    for (const track of [...this.#adopted]) {
      if (scope !== '' && track.seen?.namespace !== scope) continue;
      this.#adopted.delete(track);
      this.#options.lifecycle.evaluate(track);
    }
  }

  /** Decides about all tasks anew, but for those that a list is still showing. */
  decide(): void {
    const { tracks, lifecycle } = this.#options;
    for (const track of tracks.all()) if (!this.#adopted.has(track)) lifecycle.evaluate(track);
  }

  #onPod(pod: Pod, isListed = false): void {
    const { tracks, lifecycle, executorLabel } = this.#options;
    const { uid, labels } = pod.metadata ?? {};
    if (tracks.isReleased(uid)) return;
    const track = tracks.ofPod(podIdOf(pod));
    if (track !== undefined) lifecycle.see(track, pod);
    else if (labels?.[LABELS.executorId] === executorLabel && !isMarkedDone(pod)) this.#adopt(pod, isListed);
  }

  /** Takes in a pod of this executor's former self. */
  #adopt(pod: Pod, isListed: boolean): void {
    const { tracks, logger, adopt, isLeft, policy, remover, delivery } = this.#options;
    const task = taskOfPod(pod);
    if (task === undefined) {
      logger.warn({ pod: podIdOf(pod) }, 'a pod carries our label and no readable key; it is left alone');
      return;
    }
    const known = tracks.get(keyToString(task.key));
    if (known !== undefined) {
      // Under the one name that all launches have, the launch that waits for its turn finds it, and takes it up.
      if (this.#options.isNameShared && known.seen === undefined) return;
      this.#meetSecondPod(known, pod, isListed);
      return;
    }
    if (pod.metadata?.annotations?.[ANNOTATIONS.acknowledged] !== undefined) {
      tracks.letGo(pod);
      void (observe(pod).isHeld ? remover.markDone(identityOf(pod)) : remover.remove(identityOf(pod)));
      return;
    }
    // Nobody would stop it any more; it might even be launched again.
    if (isLeft(task.key)) {
      this.#hasLeftPods = true;
      return;
    }
    const ours = adopt(task, cannotRun(observe(pod)));
    if (ours !== undefined) this.#take(new PodTrack(ours.id, ours.task, policy, ours.task !== task), pod, isListed);
    // One that was away meanwhile stays until its outcome is acknowledged, as before.
    else if (delivery.isAwaited(pod.metadata?.uid)) tracks.letGo(pod);
    else {
      // Its task has ended here: a create that was under way for long has come after all.
      logger.warn(
        { pod: podIdOf(pod), task: keyToString(task.key) },
        'a pod came after the outcome of its task; it is removed',
      );
      if (this.#options.isNameShared) this.#discard(task, pod);
      else void remover.remove(identityOf(pod));
    }
  }

  /** Its task was refused here, perhaps, while it was at work elsewhere: others that are given the task must find it, or they do the work again. */
  #discard(task: QueuedTask, pod: Pod): void {
    const { policy, tracks, delivery } = this.#options;
    const track = new PodTrack(keyToString(task.key), task, policy, false);
    track.found(pod);
    track.seen = observe(pod);
    if (cannotRun(track.seen)) track.markDead(false);
    tracks.letGo(pod);
    void delivery.discard(track, undefined, undefined);
  }

  #take(track: PodTrack, pod: Pod, isListed: boolean): void {
    const { tracks, clock, client, lifecycle } = this.#options;
    track.found(pod);
    track.record = recordOfAdopted(observe(pod), clock, client.serverTimeOffsetMs?.());
    tracks.add(track);
    tracks.bind(track, podIdOf(pod));
    if (isListed) this.#adopted.add(track);
    lifecycle.see(track, pod, { isDeferred: isListed });
  }

  /** Of two pods of one try the later launch counts; the other is from before a crash, and its end was proven then. */
  #meetSecondPod(track: PodTrack, pod: Pod, isListed: boolean): void {
    const { lifecycle, remover, tracks, occupySlot } = this.#options;
    // One that another launch has followed stays behind where it could not be removed; that one may be gone unseen, and the task begun anew.
    const isDoneWith = pod.metadata?.annotations?.[ANNOTATIONS.acknowledged] !== undefined;
    if (isDoneWith || launchOf(pod) <= track.launch) {
      tracks.letGo(pod);
      track.leaves(remover.removeFormer(identityOf(pod)));
      return;
    }
    if (track.busy !== undefined || track.isEnding) return;
    const { seen } = track;
    lifecycle.cancelAlarm(track);
    tracks.releasePod(track);
    if (seen !== undefined) track.leaves(remover.removeFormer(seen));
    track.startOver();
    // The launch before may have been found ended.
    if (!cannotRun(observe(pod))) occupySlot(track.task.key);
    this.#take(track, pod, isListed);
  }

  #onGone(podId: string, last: Pod | undefined, signal: AbortSignal): void {
    const { tracks, lifecycle } = this.#options;
    if (tracks.isReleased(last?.metadata?.uid)) {
      tracks.forgetReleased(last?.metadata?.uid);
      return;
    }
    const track = tracks.ofPod(podId);
    if (track === undefined) return;
    track.forgetLater(last);
    if (last === undefined)
      void (tracks.unlisted.has(track) ? lifecycle.refresh(track) : this.#lookFor(track, last, signal));
    else if (track.seen === undefined || track.seen.uid === last.metadata?.uid) {
      track.hasLeftWatch = true;
      lifecycle.gone(track, last);
    }
  }

  /** A pod that no longer matches our selector was either marked by ourselves, taken over by another executor, or relabelled. */
  #onLeft(podId: string, last: Pod, signal: AbortSignal): void {
    const { tracks } = this.#options;
    const { uid } = last.metadata ?? {};
    if (tracks.isReleased(uid)) {
      tracks.forgetReleased(uid);
      return;
    }
    const track = tracks.ofPod(podId);
    track?.forgetLater(last);
    if (track !== undefined && track.seen?.uid === uid) void this.#lookFor(track, last, signal);
  }

  /** A pod is not among ours any more, which is no proof that it is gone: the server is asked by its name. */
  async #lookFor(track: PodTrack, last: Pod | undefined, signal: AbortSignal): Promise<void> {
    const { tracks, client, clock, random, lifecycle, executorLabel, handOver } = this.#options;
    const { seen } = track;
    if (seen === undefined) return;
    const { namespace, name, uid } = seen;
    const isOver = () => signal.aborted || track.isAbandoned || track.isGone || track.seen?.uid !== uid;
    const isEnough = (waitedMs: number) => waitedMs > READ_LIMIT_MS;
    // Nobody's wait keeps others from asking.
    const reader = { readPod: (...pod: [string, string]) => this.#looks.run(() => client.readPod(...pod)) };
    const now = await readUntilKnown({ client: reader, clock, random, namespace, name, isOver, isEnough, signal });
    if (isOver() || tracks.get(track.id) !== track) return;
    if (now === 'unknown') {
      // Of what the watch has let go of without a deletion something will be heard; a list will not show the other again.
      if (last === undefined) lifecycle.gone(track);
    } else if (now?.metadata?.uid !== uid) lifecycle.gone(track, last);
    else if (wasTold(now)) {
      // Whoever has it has told its end, and may be gone with that: it is told here, too.
      track.isTold = true;
      lifecycle.see(track, now);
    } else if (now.metadata.labels?.[LABELS.executorId] === executorLabel) lifecycle.see(track, now);
    else {
      lifecycle.cancelAlarm(track);
      track.isEnding = true;
      track.isAbandoned = true;
      track.abort.abort();
      // Should the other one give it back, it is met like any other.
      tracks.forget(track);
      handOver(track.task, 'Another executor has taken the task over');
    }
  }

  #isTracked(pod: Pod): boolean {
    const track = this.#options.tracks.ofPod(podIdOf(pod));
    return track !== undefined && track.seen?.uid === pod.metadata?.uid;
  }

  /** Makes another executor's pod ours; the watch then shows it. It may be gone by now, or somebody else's. */
  async #takeOverOne(found: Pod, lease?: TakenLease): Promise<'ours' | 'gone' | 'left'> {
    const { client, executorLabel, logger, mayBeAlive } = this.#options;
    const { namespace = '', name = '', uid, labels = {} } = found.metadata ?? {};
    const owner = labels[LABELS.executorId];
    let pod = found;
    for (let attempt = 1; attempt <= ADOPTION_ATTEMPTS; attempt += 1) {
      let isLate = false;
      try {
        const patch = ownershipPatch(pod, executorLabel);
        const { metadata = {} } = await client.patchPod(namespace, name, patch, {
          answer: 'metadata',
          ...(lease === undefined ? LONELY : { gate: lease }),
        });
        // The version was a precondition: nothing but the metadata can differ from what was seen.
        this.#onPod({ ...pod, metadata });
        return 'ours';
      } catch (error) {
        const status = error instanceof KubeApiError ? error.status : -1;
        // What the lease could not be renewed for says nothing of the pod.
        if (lease?.hasFailed) return 'left';
        if (status === 404) return 'gone';
        // One that stands on a look alone may have been applied, or is tried again after another look.
        isLate = lease === undefined && mayAnswerLater(error);
        if (status !== 409 && !isLate) {
          logger.warn({ err: error, pod: name, namespace }, 'a pod could not be adopted');
          return 'left';
        }
      }
      const now = await client.readPod(namespace, name).catch(() => pod);
      if (now === undefined || now.metadata?.uid !== uid) return 'gone';
      const ownerNow = now.metadata?.labels?.[LABELS.executorId];
      if (ownerNow === executorLabel && !wasTold(now)) {
        // Ours was the change: its answer was lost.
        this.#onPod(now);
        return 'ours';
      }
      // What was told meanwhile is met among the pods that are kept.
      if (ownerNow !== owner || isMarkedDone(now)) return 'gone';
      if (isLate && (await mayBeAlive(owner ?? ''))) break;
      pod = now;
    }
    logger.warn({ pod: name, namespace }, 'a pod could not be adopted');
    return 'left';
  }
}
