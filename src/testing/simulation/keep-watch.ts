/** Whether failed pods that are kept for people to look at stay as long as they should, and no longer. */
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import type { SimulatedDatabase, SimulatedTask } from './database.js';
import { hasEnded, taskIdOf } from './invariants.js';
import type { LimitWatch } from './limits.js';

/** How long the only executor keeps pods of failed tasks; see the options. */
export interface KeepLimits {
  readonly forMs: number;
  readonly last: number;
}

/** What a {@link KeepWatch} works with. */
export interface KeepWatchOptions {
  readonly database: SimulatedDatabase;
  readonly limits: LimitWatch;
  /** `undefined` where nobody keeps pods, or several hosts share what is kept. */
  readonly keeps: KeepLimits | undefined;
}

/** A pod that is kept, and since when that is written on it. */
interface KeptPod {
  readonly name: string;
  readonly since: number;
  /** `undefined` where none of its containers ran. */
  readonly endedAt: number | undefined;
}

/** How much later than it should a pod may go, where nobody is in trouble. */
const MARGIN_MS = 60_000;
/** How long a delete may be under way, where nobody is in trouble. */
const ON_ITS_WAY_MS = 10_000;
/** Times of pods are cut to whole seconds, and slow answers leave the server's clock uncertain. */
const ROUNDING_MS = 5_000;
/** What ended so shortly after each other may be told in any order. */
const ORDER_MS = 15_000;

const isDeleting = ({ metadata }: Pod) => metadata?.deletionTimestamp !== undefined;
const endOf = ({ status }: Pod): number | undefined =>
  Math.max(
    0,
    ...(status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? '') || 0),
  ) || undefined;

/** See the module's text. */
export class KeepWatch {
  readonly #options: KeepWatchOptions;
  /** By uid, in the order in which they were marked. */
  readonly #kept = new Map<string, KeptPod>();
  /** Since when pods, by uid, carry the label that somebody wants them to stay. */
  readonly #wanted = new Map<string, number>();

  constructor(options: KeepWatchOptions) {
    this.#options = options;
  }

  /** Notes the news of a pod. */
  onPod(pod: Pod, isGone: boolean, now: number): void {
    const { uid = '', name = '', labels = {}, annotations = {} } = pod.metadata ?? {};
    const isLeaving = isGone || isDeleting(pod);
    if (isLeaving) {
      this.#checkLeft(uid, pod, now);
      this.#kept.delete(uid);
      this.#wanted.delete(uid);
      return;
    }
    if (labels[LABELS.keep] === 'true' && !this.#wanted.has(uid)) this.#wanted.set(uid, now);
    const isMarked = labels[LABELS.done] === 'true' && annotations[ANNOTATIONS.holdsName] === undefined;
    if (isMarked && hasEnded(pod) && pod.status?.phase === 'Failed' && !this.#kept.has(uid))
      this.#kept.set(uid, { name, since: now, endedAt: endOf(pod) });
  }

  /** Adds a fault for each pod that nobody should want any more, and that stays. */
  check(now: number): void {
    const { keeps, limits, database } = this.#options;
    if (keeps === undefined || database.missingRights.size > 0) return;
    const kept = [...this.#kept].flatMap(([uid, one]) => (this.#wanted.has(uid) ? [] : [one]));
    const isLate = (dueAt: number) => now - dueAt > MARGIN_MS + limits.requestsExcusedMs && limits.isQuietSince(dueAt);
    for (const [index, { name, since, endedAt }] of kept.entries()) {
      // What somebody wants to stay counts among the last as long as nobody looks at it.
      const tooMany = kept[index + keeps.last];
      if (isLate(Math.max(since, (endedAt ?? since) + keeps.forMs)))
        database.faults.push(`${name} was to be kept for ${keeps.forMs / 1_000} s, and stays for longer`);
      else if (tooMany !== undefined && isLate(tooMany.since))
        database.faults.push(`${name} stays, and ${keeps.last} failed pods after it are kept`);
    }
  }

  #checkLeft(uid: string, pod: Pod, now: number): void {
    const { keeps, limits, database } = this.#options;
    const [wantedSince, kept] = [this.#wanted.get(uid), this.#kept.get(uid)];
    const name = pod.metadata?.name;
    // A delete may have been on its way.
    if (wantedSince !== undefined && now - wantedSince > ON_ITS_WAY_MS && limits.isQuietSince(wantedSince))
      database.faults.push(`${name} is deleted, and somebody wanted it to stay`);
    const id = taskIdOf(pod);
    const task = database.tasks.get(id);
    if (keeps === undefined || kept?.endedAt === undefined || task === undefined) return;
    const { since, endedAt } = kept;
    const isRemoved = ({ met }: SimulatedTask) => met.has('delete') || met.has('deleteByForce');
    const isDisturbed = task.isCancelled || task.isRevoked || isRemoved(task);
    const isFailed = database.outcomes.get(id)?.outcome.state === 'failed';
    const isAfter = (one: KeptPod) => one.since > since - ORDER_MS || (one.endedAt ?? one.since) > endedAt - ORDER_MS;
    // Nobody hears of it where somebody removes a kept pod, which counts all the same.
    const removed = [...database.tasks.values()].filter(isRemoved).length;
    const after = removed + [...this.#kept.values()].filter((one) => one !== kept && isAfter(one)).length;
    // Who may not write on pods keeps some of which nobody can see it.
    const isClear = database.missingRights.size === 0;
    const isTooEarly = isClear && now - endedAt < keeps.forMs - ROUNDING_MS && after < keeps.last;
    if (isFailed && !isDisturbed && isTooEarly)
      database.faults.push(`${name} is removed ${(now - endedAt) / 1_000} s after its end, and was to be kept`);
  }
}
