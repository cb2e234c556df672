/**
 * The shell around the heart: carries out what `decide` says, for every pod alike, whether it was just created, met again after a
 * lost answer, or adopted.
 *
 * Of each task at most one flow is under way (`track.busy`): a launch, or an end. News that arrive meanwhile only update what is
 * known; the flow, or the evaluation after it, looks at the latest state.
 */
import { Alarms } from '../../core/alarms.js';
import { askedOrBackoffMs, type BackoffPolicy, backoffMs } from '../../core/backoff.js';
import type { VerdictKind } from '../../core/verdict.js';
import { KubeApiError, LeaseLostError } from '../../errors.js';
import { isUntouched } from '../../kube/retry.js';
import { launchVerdict } from '../../launch/create-errors.js';
import type { PodEnd } from '../../lifecycle/classify.js';
import { decide, decideGone, type FinalDecision } from '../../lifecycle/decide.js';
import { cannotRun, hasMainStarted, observe } from '../../lifecycle/observation.js';
import { LABELS } from '../../wire/names.js';
import { compareResourceVersions } from '../../wire/resource-version.js';
import type { Pod } from '../../wire/types.js';
import { datedRecord, isPodOf, launchOf, wasTold } from './adoption.js';
import { failedEnd, type LifecycleHands, type PodLifecycleOptions } from './lifecycle-parts.js';
import { PodEndFlow } from './pod-end-flow.js';
import { podIdOf } from './pod-feed.js';
import { PodLaunchFlow } from './pod-launch-flow.js';
import type { PodTrack } from './pod-track.js';

/** How often a pod that changes under our eyes is looked at again before it is revoked. */
const REVOKE_ATTEMPTS = 5;
const REVOKE_BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 10_000 };

/** See the module's text. */
export class PodLifecycle implements LifecycleHands {
  readonly #options: PodLifecycleOptions;
  readonly #launches: PodLaunchFlow;
  readonly #ends: PodEndFlow;
  readonly #alarms: Alarms<PodTrack>;

  constructor(options: PodLifecycleOptions) {
    this.#options = options;
    this.#launches = new PodLaunchFlow(options, this);
    this.#ends = new PodEndFlow(options, this, this.#launches);
    this.#alarms = new Alarms(options.clock, (track) => this.evaluate(track));
  }

  /** Launches the current launch of a task. Never rejects. */
  launch(track: PodTrack): Promise<void> {
    return this.#flow(track, () => this.#launches.launch(track));
  }

  /** See {@link PodEndFlow.settleUnproven}. */
  settleUnproven(track: PodTrack, kind: VerdictKind): Promise<boolean> {
    return this.#ends.settleUnproven(track, kind);
  }

  /** See {@link PodEndFlow.foundEnd}. */
  foundEnd(track: PodTrack): Promise<PodEnd | undefined> {
    return this.#ends.foundEnd(track);
  }

  /** See {@link PodEndFlow.settleFormer}. */
  settleFormer(track: PodTrack, kind: VerdictKind): Promise<void> {
    return this.#ends.settleFormer(track, kind);
  }

  /** Takes in a pod's state, from the watch or from an answer; `isDeferred` leaves the decision to a later call of `evaluate`. */
  see(track: PodTrack, pod: Pod, { isDeferred = false }: { readonly isDeferred?: boolean } = {}): void {
    const seen = observe(pod);
    const before = track.seen;
    if (before !== undefined) {
      // Late news, also of a former pod of that name.
      const order = compareResourceVersions(seen.resourceVersion, before.resourceVersion);
      if (order !== undefined && order < 0) return;
      if (before.uid !== seen.uid) {
        track.laterPod = pod;
        this.gone(track);
        return;
      }
    }
    // It may be another executor's, taken over while a launch of ours waited.
    if (before === undefined && launchOf(pod) !== track.launch) track.found(pod);
    track.notice(seen);
    this.#options.reports.observed(track, pod);
    if (before === undefined) {
      track.wasFoundEnded = cannotRun(seen);
      this.#options.reports.seen(track);
    }
    if (cannotRun(seen)) track.markDead(false);
    if (!isDeferred) this.evaluate(track);
  }

  /** Reads a task's pod anew, before something is done about it that cannot be undone. Never rejects. */
  async refresh(track: PodTrack): Promise<void> {
    const { client } = this.#options;
    const { seen } = track;
    if (seen === undefined) return;
    if (!track.isGone) {
      const pod = await client.readPod(seen.namespace, seen.name).catch(() => 'unknown' as const);
      // Meanwhile the next launch may have begun, which this pod is not.
      if (pod === 'unknown' || track.seen?.uid !== seen.uid) return;
      if (pod?.metadata?.uid === seen.uid) {
        if (wasTold(pod)) track.isTold = true;
        this.see(track, pod);
        return;
      }
      this.gone(track);
    }
    const successor = await this.#ends.successorOf(track);
    // Meanwhile the next launch may have begun here, too, whose pod is no stranger.
    if (successor === undefined || track.seen?.uid !== seen.uid) return;
    // It may be that of another executor, which has the task by now.
    if (track.isAbandoned || successor.metadata?.labels?.[LABELS.executorId] !== this.#options.executorLabel) return;
    const { isEnding } = track;
    this.replace(track, successor);
    track.isEnding = isEnding;
    this.see(track, successor);
  }

  /**
   * Ends a task's pod, if its program has not started; the version that was seen is a precondition, so that one which has just started is
   * spared. Tells whether it has not started, and cannot any more. Never rejects.
   */
  async endUnstarted(track: PodTrack): Promise<boolean> {
    const { client, logger, clock, random, tracks } = this.#options;
    // A cancel that comes meanwhile ends it by itself.
    const isOurs = () => tracks.get(track.id) === track && !track.isStopping;
    let isDeleteSent = false;
    track.isEnding = true;
    for (let attempt = 1; attempt <= REVOKE_ATTEMPTS; attempt += 1) {
      const { creates, isCreating } = track;
      const isAnswered = track.seen === undefined ? await this.#lookForUnseen(track) : true;
      await this.refresh(track);
      const { seen } = track;
      // What was asked for while the server looked may have come after that.
      const isSure = isAnswered && !isCreating && !track.isCreating && track.creates === creates;
      if (!isSure && seen === undefined) {
        await clock.delay(backoffMs(REVOKE_BACKOFF, attempt, random));
        continue;
      }
      if (!isOurs()) return false;
      if (seen === undefined) return true;
      if (hasMainStarted(seen) || seen.phase !== 'Pending') break;
      // The version that was seen last has not started; without our delete nobody knows what came between that and its end.
      if (track.isGone && !isDeleteSent) break;
      if (track.isGone) return true;
      const { namespace, name, uid, resourceVersion } = seen;
      // A launch that began meanwhile has forgotten that; its end is ours, and no reason for yet another one.
      track.isEnding = true;
      try {
        if ((await client.deletePod(namespace, name, { uid, resourceVersion })) || isDeleteSent) return true;
        // Somebody else has removed it: nobody knows whether it had started before.
        this.gone(track);
        break;
      } catch (error) {
        logger.warn({ err: error, pod: name, namespace }, 'a pod that was to be revoked could not be deleted');
        if (!(error instanceof KubeApiError)) break;
        if (error.status === 409) continue;
        // It may have been deleted all the same, which the next look shows.
        if (!error.retryable) break;
        isDeleteSent ||= !isUntouched(error);
        await clock.delay(askedOrBackoffMs(error, REVOKE_BACKOFF, attempt, random));
      }
    }
    if (!isOurs()) return false;
    track.isEnding = false;
    this.evaluate(track);
    return false;
  }

  /** Looks for the pod of a create whose answer is still to come; tells whether the server has answered. */
  async #lookForUnseen(track: PodTrack): Promise<boolean> {
    const { client, executorLabel, tracks } = this.#options;
    const [namespace, name] = track.podId?.split('/') ?? [];
    if (namespace === undefined || name === undefined) return true;
    const pod = await client.readPod(namespace, name).catch(() => 'unknown' as const);
    if (pod === 'unknown') return false;
    const isFormer = tracks.isFormer(track, pod?.metadata?.uid);
    const isOurs = pod?.metadata?.labels?.[LABELS.executorId] === executorLabel && isPodOf(track.id, pod);
    if (isOurs && !isFormer && track.seen === undefined && track.podId === podIdOf(pod)) this.see(track, pod);
    return true;
  }

  /** The pod is no more. */
  gone(track: PodTrack, last?: Pod): void {
    if (last !== undefined && (track.seen === undefined || last.metadata?.uid === track.seen.uid))
      track.notice(observe(last));
    if (track.seen === undefined) return;
    this.#options.reports.vanished(track);
    if (last === undefined && !track.isGone) track.isEndUnseen = true;
    track.markDead(true);
    this.evaluate(track);
  }

  /** Looks at a task no more until there are news of it. */
  cancelAlarm(track: PodTrack): void {
    this.#alarms.cancel(track);
  }

  /** Decides anew about a task from what is known of its pod. */
  evaluate(track: PodTrack): void {
    this.cancelAlarm(track);
    if (track.seen === undefined || track.isEnding || track.isAbandoned || track.busy !== undefined) return;
    if (this.#options.tracks.get(track.id) !== track) return;
    // What is seen in doubt is decided once the doubt is over; what is found at the start, once somebody listens.
    if (this.#options.fence?.isHeld === false || !this.#options.isOpen()) return;
    if (track.isGone) {
      this.#end(track, decideGone(track.seen, track.policy, track));
      return;
    }
    const { client, clock, reports } = this.#options;
    const known = datedRecord(track.record, track.seen, clock, client.serverTimeOffsetMs?.());
    const { record, decision } = decide(known, track.seen, track.policy, clock.monotonic());
    const wasRunning = track.record.runningSince !== undefined;
    track.record = record;
    if (decision.type !== 'wait') {
      this.#end(track, decision);
      return;
    }
    if (decision.isRunning && !wasRunning) reports.running(track);
    if (decision.pending !== undefined) reports.pending(track, decision.pending);
    if (decision.warning !== undefined) reports.warning(track, decision.warning);
    if (decision.until !== undefined) this.#alarms.set(track, decision.until);
  }

  /** A create that was sent again met no pod, because the first was gone by then: the launch goes on with the one that is there. */
  replace(track: PodTrack, pod: Pod): void {
    const { tracks } = this.#options;
    tracks.releasePod(track);
    track.startOver();
    tracks.bind(track, podIdOf(pod));
  }

  /** Tells the end of a task, once it is sure that this is still ours to tell. */
  async tell(track: PodTrack, end: PodEnd, { isWrittenDown = true, isFound = false } = {}): Promise<void> {
    const { fence } = this.#options;
    const wasUnseen = track.seen === undefined;
    if (fence?.isHeld === false) await fence.confirm();
    if (end.result === 'failed' && isWrittenDown) await this.settleFormer(track, end.verdict.kind);
    if (wasUnseen && track.seen !== undefined) {
      // Its pod has come after all, by a create whose answer was lost, and is looked at instead.
      track.isAnswerLost = true;
      track.leaves(this.#options.delivery.removeFormer(track));
      return;
    }
    this.#deliver(track, end, isFound);
  }

  #deliver(track: PodTrack, end: PodEnd, isFound = false): void {
    this.cancelAlarm(track);
    this.#options.delivery.deliver(track, end, { isFound });
  }

  /** Starts dealing with the end of a pod. */
  #end(track: PodTrack, decision: FinalDecision): void {
    track.isEnding = true;
    void this.#flow(track, () => this.#ends.handle(track, decision));
  }

  /** Runs one flow at a time per task; afterwards looks at what has happened meanwhile. */
  #flow(track: PodTrack, work: () => Promise<void> | void): Promise<void> {
    const previous = track.busy ?? Promise.resolve();
    const { fence } = this.#options;
    const flow = (fence === undefined ? previous : previous.then(() => fence.confirm()))
      .then(work)
      .catch(async (error: unknown) => {
        if (error instanceof LeaseLostError) return;
        this.#options.logger.error({ err: error, task: track.id }, 'a task could not be handled');
        await this.settleFormer(track, 'launch_failed').catch(() => {});
        const verdict = launchVerdict(
          'launch_failed',
          `podwright failed to handle the task: ${error instanceof Error ? error.message : String(error)}`,
        );
        this.#deliver(track, failedEnd(verdict));
      })
      .then(() => {
        if (track.busy !== flow) return;
        track.busy = undefined;
        track.rest();
        if (!track.isStopping) this.evaluate(track);
      });
    track.busy = flow;
    return flow;
  }
}
