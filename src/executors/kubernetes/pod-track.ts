/** What the executor knows of one task that is, was or will be a pod. */
import type { Alarmed } from '../../core/alarms.js';
import type { QueuedTask } from '../../core/outcome.js';
import { type PackedPod, packPod, unpackPod } from '../../launch/packed-pod.js';
import { FRESH_RECORD, type PodRecord } from '../../lifecycle/decide.js';
import type { PodObservation } from '../../lifecycle/observation.js';
import { type LifecyclePolicy, NOTHING_SPENT, type SpentLaunches, withTimeouts } from '../../lifecycle/policy.js';
import { decodeSpent } from '../../pod/system-fields.js';
import { ANNOTATIONS } from '../../wire/names.js';
import { compareResourceVersions } from '../../wire/resource-version.js';
import type { Pod } from '../../wire/types.js';
import { launchOf } from './adoption.js';

const NO_MARKS: ReadonlySet<string> = new Set();

/** A pod that the next launch has, or is to have, taken the place of. */
export interface FormerPod {
  readonly pod: PodObservation;
  /** Resolves when nobody reads its logs any more. */
  readonly logsRead: Promise<void>;
  removal?: Promise<void>;
}

/** One task with its current launch. There are many of them, so that what most never need is made on first use. */
export class PodTrack implements Alarmed {
  readonly id: string;
  task: QueuedTask;
  launch = 1;
  spent: SpentLaunches = NOTHING_SPENT;
  /** The executor's rules with the task's own limits. */
  policy: LifecyclePolicy;
  #abort: AbortController | undefined;
  #manifest: PackedPod | undefined;
  #isWorkloadKnown: boolean;
  #scaleUps: Set<string> | undefined;
  #deathWatchers: Set<() => void> | undefined;
  #newsWatchers: Set<() => void> | undefined;
  record: PodRecord = FRESH_RECORD;
  /** Last that was seen of the pod of the current launch. */
  seen: PodObservation | undefined;
  /** `namespace/name` of the pod of the current launch, known before it exists. */
  podId: string | undefined;
  /** Whether its end is being dealt with; news then only serve as proof of death. */
  isEnding = false;
  /** Whether the pod of the current launch cannot run any more: terminal, or gone. */
  isDead = false;
  isGone = false;
  /** Whether its program had ended when the pod was first seen here: whoever had it before may have told how. */
  wasFoundEnded = false;
  /** Whether it went without anybody telling how it was then. */
  isEndUnseen = false;
  /** Whether the watch itself has told that the pod is gone, so that no more news of it can come. */
  hasLeftWatch = false;
  /** Whether the task was to stop here while another executor, which is alive, has its pod. */
  isTheirs = false;
  /** Whether another executor has, or may have, taken it over: nothing more is done or told here. */
  isAbandoned = false;
  /** Whether answers to creates of this launch were lost, so that a second pod may have come after the first. */
  isAnswerLost = false;
  /** A pod that the watch shows under the name of the launch, after the one that is known. */
  laterPod: Pod | undefined;
  /** How many creates were sent, and whether one has no answer yet: a pod that is looked for meanwhile may still come. */
  creates = 0;
  isCreating = false;
  /** Whether another executor has told its outcome already; ours can only be the same. */
  isTold = false;
  /** The pod of the launch before, until it has gone: it stays until the pod of this one is there, or its outcome is with the host. */
  formerPod: FormerPod | undefined;
  /** The pod of the launch before that had to be gone first, because this one has its name; somebody's finalizer may keep it. */
  removedPod: PodObservation | undefined;
  /** What is done about the pods of a task that was taken back while something else was under way. Never rejects. */
  takenBack: Promise<void> | undefined;
  /** The removal of the pods of its former launches, as long as it may be under way. Never rejects. */
  former: Promise<unknown> | undefined;
  /** What is being done for it right now, if anything. Never rejects. */
  busy: Promise<void> | undefined;
  /** See {@link Alarmed}: when it is looked at again without news. */
  alarmAt = 0;
  alarmPlace = -1;
  /** Why the launch itself waits (quota, an API server in trouble), and since when, in monotonic milliseconds. */
  launchWait: { readonly reason: string; readonly since: number } | undefined;

  /** `id`: the text of the task's key. */
  constructor(id: string, task: QueuedTask, policy: LifecyclePolicy, isWorkloadKnown = true) {
    this.#isWorkloadKnown = isWorkloadKnown;
    this.id = id;
    this.task = task;
    this.policy = withOwnLimits(policy, task);
  }

  /** Aborts when the task is to stop. */
  get abort(): AbortController {
    this.#abort ??= new AbortController();
    return this.#abort;
  }

  /** Whether the task is to stop. */
  get isStopping(): boolean {
    return this.#abort?.signal.aborted ?? false;
  }

  /** The pod that was found, of a task whose workload is not known; the next launch is made from it. */
  get manifest(): Pod | undefined {
    return this.#manifest === undefined ? undefined : unpackPod(this.#manifest);
  }

  /** Marks of the autoscaler that have each extended its wait for a node. */
  get scaleUps(): ReadonlySet<string> {
    return this.#scaleUps ?? NO_MARKS;
  }

  /** Notes that an autoscaler has extended its wait. */
  extendedBy(mark: string): void {
    this.#scaleUps ??= new Set();
    this.#scaleUps.add(mark);
  }

  /** Nothing is under way for it: nobody listens to its signal any more. */
  rest(): void {
    if (!this.isStopping) this.#abort = undefined;
  }

  /** Takes in a pod that was found; of a task whose workload is not known, all of it. */
  found(pod: Pod): void {
    this.launch = launchOf(pod);
    this.spent = decodeSpent(pod.metadata?.annotations?.[ANNOTATIONS.spent]);
    if (!this.#isWorkloadKnown) this.#manifest = packPod(pod);
  }

  /** Takes the workload of a task that was adopted without it. */
  claim(task: QueuedTask, policy: LifecyclePolicy): void {
    this.task = task;
    this.policy = withOwnLimits(policy, task);
    this.#isWorkloadKnown = true;
    this.#manifest = undefined;
  }

  markDead(isGone: boolean): void {
    this.isDead = true;
    this.isGone ||= isGone;
    for (const tell of [...(this.#deathWatchers ?? [])]) tell();
  }

  /** Calls back once when the pod is known to be dead; the returned function ends the watching. */
  onDeath(tell: () => void): () => void {
    this.#deathWatchers ??= new Set();
    this.#deathWatchers.add(tell);
    return () => this.#deathWatchers?.delete(tell);
  }

  /** Takes in what was seen of its pod. */
  notice(seen: PodObservation): void {
    this.seen = seen;
    for (const tell of [...(this.#newsWatchers ?? [])]) tell();
  }

  /** Calls back whenever something is seen of its pod; the returned function ends the watching. */
  onNews(tell: () => void): () => void {
    this.#newsWatchers ??= new Set();
    this.#newsWatchers.add(tell);
    return () => this.#newsWatchers?.delete(tell);
  }

  /** The watch shows a pod of the name no more; left out, none of them. */
  forgetLater(last: Pod | undefined): void {
    if (last === undefined || last.metadata?.uid === this.laterPod?.metadata?.uid) this.laterPod = undefined;
  }

  /** Notes that the pod of a former launch is being removed: it must be gone before the last one, which shows that the work is done. */
  leaves(removal: Promise<unknown>): void {
    this.former = Promise.all([this.former, removal]);
  }

  /** Prepares the next launch. */
  advance(spent: SpentLaunches): void {
    this.launch += 1;
    this.spent = spent;
    this.startOver();
  }

  /** Forgets the pod of the launch. */
  startOver(): void {
    this.record = FRESH_RECORD;
    this.seen = undefined;
    this.podId = undefined;
    this.isEnding = false;
    this.isDead = false;
    this.isGone = false;
    this.wasFoundEnded = false;
    this.isEndUnseen = false;
    this.hasLeftWatch = false;
    this.isAnswerLost = false;
    this.laterPod = undefined;
    this.removedPod = undefined;
    this.#scaleUps = undefined;
  }
}

const withOwnLimits = (policy: LifecyclePolicy, { timeouts }: QueuedTask): LifecyclePolicy =>
  timeouts === undefined ? policy : { ...policy, clocks: withTimeouts(policy.clocks, timeouts) };

/** Whether a list would show a pod that is there: it is of its scope, a namespace or empty for all, and was not seen later than the list was taken. */
export function isInReach(
  { namespace, resourceVersion }: Pick<PodObservation, 'namespace' | 'resourceVersion'>,
  scope: string,
  listVersion: string,
): boolean {
  const order = compareResourceVersions(resourceVersion, listVersion);
  return (scope === '' || scope === namespace) && (order === undefined || order <= 0);
}

/** A pod that is dealt with, as it was seen last. */
type ReleasedPod = Pick<PodObservation, 'namespace' | 'resourceVersion'>;

/** How many pods of tasks that were taken back are known: an answer that shows one of them may be late, and not for long. */
const MOST_TAKEN_BACK = 10_000;

/** All tracked tasks, by key and by pod. */
export class PodTrackTable {
  readonly #byId = new Map<string, PodTrack>();
  readonly #byPod = new Map<string, PodTrack>();
  /** Pods that are dealt with, by uid, until they are gone from the watch. */
  readonly #released = new Map<string, ReleasedPod>();
  /** Uids of the pods of tasks that were taken back, the oldest first: those may be handed over anew before the pods have gone, or are known to have. */
  readonly #takenBack = new Set<string>();
  /** Those whose pod could not be given our label, so that no list shows it. */
  readonly unlisted = new WeakSet<PodTrack>();

  add(track: PodTrack): void {
    this.#byId.set(track.id, track);
  }

  /** Says which pod is a task's. One that is not tracked any more gets no news: they are for whoever has the task now. */
  bind(track: PodTrack, podId: string): void {
    this.#unbind(track);
    track.podId = podId;
    if (this.#byId.get(track.id) === track) this.#byPod.set(podId, track);
  }

  get(id: string): PodTrack | undefined {
    return this.#byId.get(id);
  }

  ofPod(podId: string): PodTrack | undefined {
    return this.#byPod.get(podId);
  }

  /** Forgets a pod that is dealt with, so that late news of it are ignored. */
  releasePod(track: PodTrack): void {
    this.#unbind(track);
    const { seen } = track;
    if (seen === undefined || track.hasLeftWatch) return;
    const { uid, namespace, resourceVersion } = seen;
    this.#released.set(uid, { namespace, resourceVersion });
  }

  /** Forgets a task and its pod. */
  remove(track: PodTrack): void {
    this.releasePod(track);
    if (this.#byId.get(track.id) === track) this.#byId.delete(track.id);
  }

  /** Notes a pod that nobody here follows: news of it are ignored. */
  letGo({ metadata: { uid = '', namespace = '', resourceVersion = '' } = {} }: Pod): void {
    this.#released.set(uid, { namespace, resourceVersion });
  }

  /** Notes that the pods of a task are to go, and the task with them. */
  takeBack({ seen, formerPod, removedPod }: PodTrack): void {
    for (const pod of [seen, formerPod?.pod, removedPod]) if (pod !== undefined) this.#takenBack.add(pod.uid);
    for (const uid of this.#takenBack) {
      if (this.#takenBack.size <= MOST_TAKEN_BACK) return;
      this.#takenBack.delete(uid);
    }
  }

  /** Whether a pod under the name of a task's launch is to go, and not of this launch: that of the one before, or of the task before it was taken back. */
  isFormer({ removedPod }: PodTrack, uid: string | undefined): boolean {
    return uid !== undefined && (uid === removedPod?.uid || this.#takenBack.has(uid));
  }

  isReleased(uid: string | undefined): boolean {
    return uid !== undefined && this.#released.has(uid);
  }

  /** A released pod has left the watch. */
  forgetReleased(uid: string | undefined): void {
    if (uid !== undefined) this.#released.delete(uid);
  }

  /** Forgets released pods that a complete list does not show any more, and would show if they were there. */
  keepReleased(uids: ReadonlySet<string>, scope: string, listVersion: string): void {
    for (const [uid, seen] of this.#released)
      if (!uids.has(uid) && isInReach(seen, scope, listVersion)) this.#released.delete(uid);
  }

  /** Forgets a task, and nothing of its pod: it may be met again. */
  forget(track: PodTrack): void {
    this.#unbind(track);
    if (this.#byId.get(track.id) === track) this.#byId.delete(track.id);
  }

  #unbind(track: PodTrack): void {
    if (track.podId !== undefined && this.#byPod.get(track.podId) === track) this.#byPod.delete(track.podId);
  }

  all(): PodTrack[] {
    return [...this.#byId.values()];
  }
}
