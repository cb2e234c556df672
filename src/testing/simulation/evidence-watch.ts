/** What hosts do to pods that nothing has befallen: work that goes on is left alone, and what has ended stays until somebody has told of it. */
import { FINALIZER, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import type { SimulatedDatabase, SimulatedTask } from './database.js';
import { hasEnded, isAtWork, launchOf, podIdOf, taskIdOf } from './invariants.js';
import type { PodOperation } from './operations.js';

/** What removes a pod, now or later, without a host having a hand in it. */
const REMOVALS: readonly (PodOperation | 'node')[] = ['delete', 'deleteByForce', 'preempt', 'node'];

/** How often a client tries at least before it gives a request up. */
const ATTEMPTS = 10;

/** How long after a revoke a pod may come that was asked for before. */
const LATE_MS = 60_000;

/** Whether a host may end a program of a task for reasons of the task's own: a limit, or a container beside the program that has failed. */
const mayBeEnded = ({ workload: { timeouts, executorConfig } }: SimulatedTask) =>
  timeouts?.running !== undefined ||
  (executorConfig as { podOverride?: unknown } | undefined)?.podOverride !== undefined;

/** What an {@link EvidenceWatch} looks at. */
export interface EvidenceWatchOptions {
  readonly database: SimulatedDatabase;
  /** All pods that are there now. */
  readonly pods: () => readonly Pod[];
  /** Whether the pod of the next launch has the name of the last one, which must go before. */
  readonly hasSharedNames: boolean;
  /** Pods, by `namespace/name`, whose logs were taken while they were there; `undefined` where nobody takes them, or may have lost them. */
  readonly logged: () => ReadonlySet<string> | undefined;
}

/** See the module's text. */
export class EvidenceWatch {
  readonly #options: EvidenceWatchOptions;
  /** Pods that are on their way out, by uid, and whether they had ended before that. */
  readonly #going = new Map<string, boolean>();
  /** The last launch of each task that has had a pod. */
  readonly #launches = new Map<string, number>();

  constructor(options: EvidenceWatchOptions) {
    this.#options = options;
  }

  /** Notes the news of a pod. */
  onPod(pod: Pod, isGone: boolean): void {
    const { uid = '', deletionTimestamp } = pod.metadata ?? {};
    const id = taskIdOf(pod);
    const task = this.#options.database.tasks.get(id);
    this.#launches.set(id, Math.max(this.#launches.get(id) ?? 0, launchOf(pod)));
    const isGoing = isGone || deletionTimestamp !== undefined;
    if (isGoing && !this.#going.has(uid)) {
      this.#going.set(uid, hasEnded(pod));
      if (task !== undefined) this.#checkWork(pod, id, task);
    }
    // What ends well on its way out, and is held by our finalizer, has something to tell, too.
    const isHeld = pod.metadata?.finalizers?.includes(FINALIZER) === true;
    if (isGoing && isHeld && pod.status?.phase === 'Succeeded') this.#going.set(uid, true);
    if (!isGone) return;
    const hadEnded = this.#going.get(uid) === true;
    this.#going.delete(uid);
    if (task === undefined || !hadEnded || REMOVALS.some((removal) => task.met.has(removal))) return;
    this.#checkEvidence(pod, id, task);
    this.#checkOrder(pod, id);
    this.#checkLog(pod, task);
  }

  /** The log of each launch is taken, not that of the last one alone. */
  #checkLog(pod: Pod, task: SimulatedTask): void {
    const { database, logged } = this.#options;
    const { missingRights, hasBadWires, faults } = database;
    const isDisturbed = task.isCancelled || task.isRevoked || missingRights.size > 0 || hasBadWires;
    // What never ran started at `null`.
    const hasRun = pod.status?.containerStatuses?.some(({ state }) => typeof state?.terminated?.startedAt === 'string');
    if (isDisturbed || hasRun !== true || logged()?.has(podIdOf(pod)) !== false) return;
    faults.push(`${pod.metadata?.name} goes, and nobody was given its log`);
  }

  /** A revoke, too, spares what has started. */
  #checkWork(pod: Pod, id: string, task: SimulatedTask): void {
    const { outcomes, faults } = this.#options.database;
    // A revoke does not know of the pod of another host that dies at that moment.
    if (task.isRevoked && (task.isShared || task.givenTo.size > 1)) return;
    // What was asked for before it was taken back may come after that, and start at once.
    const bornAt = Date.parse(pod.metadata?.creationTimestamp ?? '');
    const { revokedAt = 0 } = task;
    const isLate = bornAt + 1_000 > revokedAt && bornAt < revokedAt + LATE_MS;
    const isWanted = !outcomes.has(id) && !task.isCancelled && !isLate;
    if (!isWanted || task.met.size > 0 || mayBeEnded(task) || pod.status?.phase !== 'Running' || !isAtWork(pod)) return;
    faults.push(`${pod.metadata?.name} is deleted while it works, and nobody wanted that`);
  }

  /** What was spent on a task stands on its last pod, and so does its end until that is told. */
  #checkEvidence(pod: Pod, id: string, task: SimulatedTask): void {
    const { database, hasSharedNames } = this.#options;
    const { outcomes, faults } = database;
    const isOpen = !outcomes.has(id) && !task.isCancelled && !task.isRevoked;
    if (!isOpen || (hasSharedNames && pod.status?.phase === 'Failed')) return;
    const isLast = (this.#launches.get(id) ?? 0) <= launchOf(pod);
    if (isLast) faults.push(`${pod.metadata?.name} had ended, and goes before anybody has told of it`);
  }

  /** Whoever finds a former launch alone would take it for the last one. What could not be deleted for long is made up for in any order. */
  #checkOrder(pod: Pod, id: string): void {
    const { database, pods } = this.#options;
    const { missingRights, failedDeletes, hasBadWires } = database;
    // After a conflict a pod is looked at again before it is deleted.
    const isHeldUp = failedDeletes >= (missingRights.has('get') ? 1 : ATTEMPTS);
    if (missingRights.has('delete') || isHeldUp || hasBadWires) return;
    const others = pods().filter((one) => taskIdOf(one) === id);
    const former = others.find(
      (one) =>
        launchOf(one) < launchOf(pod) &&
        one.metadata?.deletionTimestamp === undefined &&
        one.metadata?.labels?.[LABELS.done] !== 'true',
    );
    const isLast = !others.some((one) => launchOf(one) > launchOf(pod));
    if (isLast && former !== undefined)
      database.faults.push(`${pod.metadata?.name} goes before ${former.metadata?.name}, an earlier launch`);
  }
}
