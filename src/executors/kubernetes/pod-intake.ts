/** Takes in what the watch shows: finds the task of each pod, adopts pods of a former self, and lets go of those taken over by others. */
import { type BackoffPolicy, backoffMs } from '../../core/backoff.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { QueuedTask } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import type { KubeClient } from '../../kube/kube-client.js';
import type { PodRemover } from '../../launch/pod-remover.js';
import { observe } from '../../lifecycle/observation.js';
import type { LifecyclePolicy } from '../../lifecycle/policy.js';
import type { Watcher } from '../../watch/watcher.js';
import { LABELS, MANAGED_BY } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { launchOf, recordOfAdopted, taskOfPod } from './adoption.js';
import { followPods, podIdOf } from './pod-feed.js';
import type { PodLifecycle } from './pod-lifecycle.js';
import { PodTrack, type PodTrackTable } from './pod-track.js';

/** What a {@link PodIntake} works with. */
export interface PodIntakeOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lifecycle: PodLifecycle;
  readonly remover: PodRemover;
  readonly tracks: PodTrackTable;
  readonly policy: LifecyclePolicy;
  /** Value of the label that carries the executor's id. */
  readonly executorLabel: string;
  /** Takes a task into the running ones; `false` where its key is known already. */
  readonly adopt: (task: QueuedTask) => boolean;
  /** Lets go of a task that another executor has. */
  readonly handOver: (task: QueuedTask, why: string) => void;
}

const WATCHER_BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };
const PAGE_SIZE = 500;

/** See the module's text. */
export class PodIntake {
  readonly #options: PodIntakeOptions;

  constructor(options: PodIntakeOptions) {
    this.#options = options;
  }

  /** Follows the pods until the signal aborts. A watcher of the host's own may throw or end: it is then asked again, or all its tasks would hang. */
  async follow(watcher: Watcher, onSynced: () => void, signal: AbortSignal): Promise<void> {
    const { tracks, logger, clock, random } = this.#options;
    for (let failures = 1; !signal.aborted; failures += 1) {
      const handlers = {
        onPod: (pod: Pod) => this.#onPod(pod),
        onGone: (podId: string, last: Pod | undefined) => this.#onGone(podId, last),
        onLeft: (podId: string, last: Pod) => void this.#onLeft(podId, last),
        onSynced: () => {
          failures = 0;
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
  async takeOver(wanted: Map<string, TaskInstanceKey>, namespace: string | undefined): Promise<TaskInstanceKey[]> {
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.done}!=true`;
    let page: string | undefined;
    do {
      const list = await this.#options.client.listPods({ namespace, labelSelector, limit: PAGE_SIZE, continue: page });
      for (const pod of list.items) {
        const task = taskOfPod(pod);
        if (task !== undefined && wanted.has(keyToString(task.key)) && (await this.#takeOverOne(pod)))
          wanted.delete(keyToString(task.key));
      }
      page = list.metadata.continue;
    } while (page !== undefined && page !== '');
    return [...wanted.values()];
  }

  #onPod(pod: Pod): void {
    const { tracks, lifecycle, executorLabel } = this.#options;
    const { uid, labels } = pod.metadata ?? {};
    if (tracks.isReleased(uid)) return;
    const track = tracks.ofPod(podIdOf(pod));
    if (track !== undefined) lifecycle.see(track, pod);
    else if (labels?.[LABELS.executorId] === executorLabel && labels[LABELS.done] !== 'true') this.#adopt(pod);
  }

  /** Takes in a pod of this executor's former self. */
  #adopt(pod: Pod): void {
    const { tracks, logger, adopt, policy } = this.#options;
    const task = taskOfPod(pod);
    if (task === undefined) {
      logger.warn({ pod: podIdOf(pod) }, 'a pod carries our label and no readable key; it is left alone');
      return;
    }
    const known = tracks.get(keyToString(task.key));
    if (known !== undefined) this.#meetSecondPod(known, pod);
    else if (adopt(task)) this.#take(new PodTrack(task, policy, false), pod);
  }

  #take(track: PodTrack, pod: Pod): void {
    const { tracks, clock, client, lifecycle } = this.#options;
    track.found(pod);
    track.record = recordOfAdopted(observe(pod), clock, client.serverTimeOffsetMs?.());
    tracks.add(track);
    tracks.bind(track, podIdOf(pod));
    lifecycle.see(track, pod);
  }

  /** Of two pods of one try the later launch counts; the other is from before a crash, and its end was proven then. */
  #meetSecondPod(track: PodTrack, pod: Pod): void {
    const { remover, tracks } = this.#options;
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    if (launchOf(pod) <= track.launch) {
      void remover.remove({ namespace, name, uid });
      return;
    }
    if (track.busy !== undefined || track.isEnding) return;
    const { seen } = track;
    track.cancelTimer();
    tracks.releasePod(track);
    if (seen !== undefined) void remover.remove({ namespace: seen.namespace, name: seen.name, uid: seen.uid });
    track.seen = undefined;
    this.#take(track, pod);
  }

  #onGone(podId: string, last: Pod | undefined): void {
    const { tracks, lifecycle } = this.#options;
    tracks.forgetReleased(last?.metadata?.uid);
    const track = tracks.ofPod(podId);
    if (track === undefined) return;
    if (last !== undefined && track.seen !== undefined && last.metadata?.uid !== track.seen.uid) return;
    lifecycle.gone(track, last);
  }

  /** A pod that no longer matches our selector was either marked by ourselves, taken over by another executor, or relabelled. */
  async #onLeft(podId: string, last: Pod): Promise<void> {
    const { tracks, client, lifecycle, executorLabel, handOver } = this.#options;
    const { uid, namespace = '', name = '' } = last.metadata ?? {};
    if (tracks.isReleased(uid)) {
      tracks.forgetReleased(uid);
      return;
    }
    const track = tracks.ofPod(podId);
    if (track === undefined || track.seen?.uid !== uid) return;
    const now = await client.readPod(namespace, name).catch(() => last);
    if (now?.metadata?.uid !== uid) lifecycle.gone(track, last);
    else if (now?.metadata?.labels?.[LABELS.executorId] !== executorLabel) {
      track.cancelTimer();
      track.isEnding = true;
      tracks.remove(track);
      handOver(track.task, 'Another executor has taken the task over');
    }
  }

  /** Makes another executor's pod ours; the watch then shows it. */
  async #takeOverOne(pod: Pod): Promise<boolean> {
    const { client, executorLabel, logger } = this.#options;
    const { namespace = '', name = '', uid, resourceVersion } = pod.metadata ?? {};
    try {
      const patch = { metadata: { uid, resourceVersion, labels: { [LABELS.executorId]: executorLabel } } };
      this.#onPod(await client.patchPod(namespace, name, patch));
      return true;
    } catch (error) {
      logger.warn({ err: error, pod: name, namespace }, 'a pod could not be adopted');
      return false;
    }
  }
}
