/** Stops a task that is, was or will be a pod: what becomes of its pod, what is told of it, and what the caller is told of its end. */
import type { QueuedTask } from '../../core/outcome.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { READ_LIMIT_MS } from '../../kube/read-until-known.js';
import type { PodRemover } from '../../launch/pod-remover.js';
import { failureOf, type PodEnd } from '../../lifecycle/classify.js';
import type { PodObservation } from '../../lifecycle/observation.js';
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import type { CancelResult } from '../executor.js';
import { UNSEEN } from '../task-stopper.js';
import { isPodOf, LONELY, ownershipPatch, wasTold } from './adoption.js';
import type { ExecutorLease } from './executor-lease.js';
import type { LifecycleReports } from './lifecycle-reports.js';
import type { PodDelivery } from './pod-delivery.js';
import { succeededAfterAll } from './pod-end-flow.js';
import type { PodEnder } from './pod-ender.js';
import type { PodLifecycle } from './pod-lifecycle.js';
import type { PodTrack, PodTrackTable } from './pod-track.js';

/** What a {@link PodStopper} works with. */
export interface PodStopperOptions {
  readonly client: KubeClient;
  readonly tracks: PodTrackTable;
  readonly lifecycle: PodLifecycle;
  readonly ender: PodEnder;
  readonly delivery: PodDelivery;
  readonly remover: PodRemover;
  readonly lease: ExecutorLease | undefined;
  readonly executorLabel: string;
  readonly isManuallyAcknowledged: boolean;
  readonly reports: LifecycleReports;
  /** Leaves a task to another executor. */
  readonly handOver: (task: QueuedTask, why: string) => void;
  /** Keeps nothing of what was seen and decided: it was no incident. */
  readonly forget: (track: PodTrack) => void;
}

/** What is known of a task that was stopped when its end is told. */
interface StoppedTask {
  readonly graceSeconds: number | undefined;
  readonly isProven: boolean;
  /** Whether nobody is to hear of it. */
  readonly isSilent: boolean;
  /** The end that its pod was met with. */
  readonly found: PodEnd | undefined;
}

/** How many times ten minutes a stop waits for one thing that is under way. */
const MOST_WAITS = 6;

const THEIRS = 'Another executor has its pod, and tells its end';

/** See the module's text. */
export class PodStopper {
  readonly #options: PodStopperOptions;
  /** Pods, as `namespace/name`, whose tasks were let go of in doubt. */
  readonly #left = new Set<string>();

  constructor(options: PodStopperOptions) {
    this.#options = options;
  }

  /** Stops a task, waits for its end, tells it, and says what was seen. `graceSeconds`: instead of the executor's. */
  async stop(track: PodTrack, graceSeconds: number | undefined): Promise<CancelResult> {
    const { tracks, lifecycle, ender, lease, reports } = this.#options;
    track.abort.abort();
    if (await this.#isHeldUp(track)) {
      // Whatever is under way waits for the lease, which nobody can renew.
      if (!track.isAbandoned) this.#leaveInDoubt(track);
      return UNSEEN;
    }
    if (track.isAbandoned) return UNSEEN;
    if (tracks.get(track.id) !== track) {
      if (track.takenBack !== undefined) await this.#options.remover.inTime(track.takenBack, READ_LIMIT_MS);
      return {
        observed: track.seen === undefined ? 'not_started' : 'finished',
        exitCode: track.seen?.base?.exitCode,
        forced: false,
      };
    }
    if (track.isTheirs) {
      this.#leave(track, THEIRS);
      return UNSEEN;
    }
    track.isEnding = true;
    lifecycle.cancelAlarm(track);
    await lifecycle.refresh(track);
    // Whoever has it by now, and its pod, decides about it.
    if (tracks.get(track.id) !== track) return UNSEEN;
    let isProven = await ender.end(track, graceSeconds);
    if (isProven && track.isGone && !track.isAbandoned) {
      // Another pod of the launch may have come after that one.
      await lifecycle.refresh(track);
      // It may be that of whoever has the task by now.
      if (track.isAbandoned) return UNSEEN;
      if (!track.isDead) isProven = await ender.end(track, graceSeconds);
    }
    if (track.isAbandoned) return UNSEEN;
    const isTheirs = isProven && (await this.#isTheirs(track));
    // A dead one's pod that stood in its place is ours since then.
    if (isProven && !track.isDead) isProven = await ender.end(track, graceSeconds);
    if (tracks.get(track.id) !== track) return UNSEEN;
    if (isTheirs) {
      this.#leave(track, THEIRS);
      return { observed: 'terminated', exitCode: track.seen?.base?.exitCode, forced: false };
    }
    if (!isProven) isProven = await lifecycle.settleUnproven(track, 'cancelled');
    const isSilent = isProven && reports.isRevoked(track.task);
    const found = isProven && !isSilent ? await lifecycle.foundEnd(track) : undefined;
    if (isProven && found === undefined) await this.#writeDown(track, isSilent);
    const isSure = (await lease?.confirmed()) !== false;
    // What was under way for too long may have told its end all the same.
    if (!track.isAbandoned && tracks.get(track.id) !== track)
      return { observed: 'finished', exitCode: track.seen?.base?.exitCode, forced: false };
    if (!isSure) {
      // In doubt nothing is told: another executor may have taken the task over.
      if (!track.isAbandoned) this.#leaveInDoubt(track);
      return UNSEEN;
    }
    // The host may have handed the same task over again meanwhile, and this cancel says nothing about that.
    if (track.isAbandoned) return UNSEEN;
    return this.#tell(track, { graceSeconds, isProven, isSilent, found });
  }

  /**
   * Waits until nothing is under way about a task; tells whether something goes on for longer than ten minutes and the lease is in doubt. Without that each
   * thing comes to its end by itself, which may take as long as a pod's grace; one that does not is left alone after some time.
   */
  async #isHeldUp(track: PodTrack): Promise<boolean> {
    const { lease, remover } = this.#options;
    let waits = 0;
    for (let { busy } = track; busy !== undefined && waits < MOST_WAITS; { busy } = track) {
      await remover.inTime(busy, READ_LIMIT_MS);
      // News may have begun the next thing since.
      if (track.busy !== busy) {
        waits = 0;
        continue;
      }
      waits += 1;
      if ((await lease?.confirmed()) === false) return true;
    }
    return false;
  }

  /** Whether somebody else may have to see to a pod that was let go of in doubt, for it still is ours and nobody has told its end. */
  async hasLeftWork(): Promise<boolean> {
    const { client, executorLabel } = this.#options;
    const ours = [...this.#left].map(async (podId) => {
      const [namespace = '', name = ''] = podId.split('/');
      const pod = await client.readPod(namespace, name).catch(() => 'unknown' as const);
      if (pod === undefined || pod === 'unknown') return pod === 'unknown';
      const { labels } = pod.metadata ?? {};
      return labels?.[LABELS.executorId] === executorLabel && !wasTold(pod);
    });
    return (await Promise.all(ours)).some(Boolean);
  }

  /** Whatever was left is with whoever had the lease meanwhile. */
  forgetLeftWork(): void {
    this.#left.clear();
  }

  /** What is about to be told stands on a pod that may stay: one that has ended for something else would be judged anew after a crash. */
  async #writeDown(track: PodTrack, isSilent: boolean): Promise<void> {
    const { lifecycle, remover, isManuallyAcknowledged } = this.#options;
    const { seen, isGone } = track;
    if (isSilent || succeededAfterAll(track) !== undefined) return;
    await lifecycle.settleFormer(track, 'cancelled');
    if (seen === undefined || isGone) return;
    const written = remover.annotate(seen, { [ANNOTATIONS.verdict]: 'cancelled' });
    // What our finalizer holds until it is acknowledged is met again for certain.
    await remover.inTime(written, isManuallyAcknowledged && seen.isTracked ? READ_LIMIT_MS : undefined);
  }

  async #tell(track: PodTrack, { graceSeconds, isProven, isSilent, found }: StoppedTask): Promise<CancelResult> {
    const { tracks, delivery, isManuallyAcknowledged, forget, reports } = this.#options;
    const { seen } = track;
    const exitCode = seen?.base?.exitCode;
    const end = found ?? (isProven ? succeededAfterAll(track) : undefined);
    if (end !== undefined) {
      delivery.deliver(track, end, { isFound: found !== undefined });
      return { observed: 'finished', exitCode, forced: false };
    }
    tracks.remove(track);
    forget(track);
    if (seen === undefined) {
      // Whoever is handed the task again must not find the pods of its former launches.
      if (isSilent) tracks.takeBack(track);
      void delivery.removeFormer(track);
      return { observed: 'not_started', forced: false };
    }
    const isTakenBack = isSilent && (await this.#takeBack(track));
    const isUnproven = !isProven || (isSilent && !isTakenBack);
    if (!isTakenBack) {
      const discard = () => delivery.discard(track, graceSeconds, 'cancelled');
      const acknowledge = isManuallyAcknowledged ? delivery.onAcknowledged(track, discard) : undefined;
      reports.fail(track, failureOf(seen), { exitCode, ranAs: track.podId, isUnproven, acknowledge });
      if (!isManuallyAcknowledged) void discard();
    }
    return { observed: isUnproven ? 'unconfirmed' : 'terminated', exitCode, forced: exitCode === 137 };
  }

  /** Removes the pod of a task that is revoked; tells whether that was done in time: whoever is handed the task again must not find it. */
  async #takeBack(track: PodTrack): Promise<boolean> {
    const { delivery, remover } = this.#options;
    const taken = delivery.takeBack(track).then(() => true);
    return (await remover.inTime(taken, READ_LIMIT_MS)) === true;
  }

  /** Whether the pod of a task that was stopped here is that of another executor, which is alive or has told its end already: one word is enough. */
  async #isTheirs(track: PodTrack): Promise<boolean> {
    const { lease, client, executorLabel, lifecycle } = this.#options;
    const { id, seen, isGone } = track;
    if (lease === undefined || seen === undefined) return false;
    const pod = await client.readPod(seen.namespace, seen.name).catch(() => undefined);
    const { uid, labels } = pod?.metadata ?? {};
    const owner = labels?.[LABELS.executorId];
    // Where ours is gone, they may have made one of their own under its name.
    const isOfTask = isGone ? pod !== undefined && isPodOf(id, pod) : uid === seen.uid;
    if (!isOfTask || owner === undefined || owner === executorLabel) return false;
    if ((pod !== undefined && wasTold(pod)) || (await lease.peers.mayBeAlive(owner))) return true;
    track.isAnswerLost ||= isGone;
    if (isGone) await this.#takeFromDead(track, seen, owner);
    await lifecycle.refresh(track);
    return false;
  }

  /** Not all that a dead one had is ours by then: its group may be another one, or it has watched where nobody looks here. */
  async #takeFromDead({ id }: PodTrack, { namespace, name }: PodObservation, owner: string): Promise<void> {
    const { client, executorLabel } = this.#options;
    try {
      const pod = await client.readPod(namespace, name);
      const isTheirs = pod?.metadata?.labels?.[LABELS.executorId] === owner;
      if (pod === undefined || !isTheirs || !isPodOf(id, pod) || wasTold(pod)) return;
      await client.patchPod(namespace, name, ownershipPatch(pod, executorLabel), LONELY);
    } catch {
      // It stays with whoever comes for what the dead one has left.
    }
  }

  /** Whoever meets the pod when the doubt is over, perhaps ourselves, finds on it that the task was cancelled; the write waits until then. */
  #leaveInDoubt(track: PodTrack): void {
    const { seen, isGone, podId } = track;
    if (podId !== undefined) this.#left.add(podId);
    const { remover, lifecycle } = this.#options;
    if (seen !== undefined && !isGone && succeededAfterAll(track) === undefined)
      void lifecycle.foundEnd(track).then(async (found) => {
        if (found === undefined) await remover.annotate(seen, { [ANNOTATIONS.verdict]: 'cancelled' });
      });
    this.#leave(track, 'It was to be stopped while the lease of this executor was in doubt');
  }

  /** Lets go of a task to the executor that has its pod. That may be met again: the other one may die before it tells, or there is none. */
  #leave(track: PodTrack, why: string): void {
    this.#options.tracks.forget(track);
    this.#options.handOver(track.task, why);
  }
}
