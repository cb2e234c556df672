/**
 * The shell around the heart: carries out what `decide` says, for every pod alike, whether it was just created, met again after a
 * lost answer, or adopted.
 *
 * Of each task at most one flow is under way (`track.busy`): a launch, or an end. News that arrive meanwhile only update what is
 * known; the flow, or the evaluation after it, looks at the latest state.
 */

import { type BackoffPolicy, backoffMs } from '../../core/backoff.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { QueuedTask } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import { keyToString } from '../../core/task-key.js';
import type { Verdict, VerdictKind } from '../../core/verdict.js';
import { KubeApiError, LeaseLostError } from '../../errors.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { adaptLaunch, isMemoryExhausted } from '../../launch/adapt-launch.js';
import { launchVerdict } from '../../launch/create-errors.js';
import type { LaunchRequest, LaunchResult, PodLauncher } from '../../launch/pod-launcher.js';
import type { PodRemover } from '../../launch/pod-remover.js';
import type { PodSecrets } from '../../launch/pod-secrets.js';
import { renewPod } from '../../launch/renew-pod.js';
import type { LeaseHolder } from '../../lease/lease-holder.js';
import { endOf, type PodEnd } from '../../lifecycle/classify.js';
import { decide, decideGone, type FinalDecision, type PodExpired } from '../../lifecycle/decide.js';
import { cannotRun, hasMainStarted, observe, type PodObservation } from '../../lifecycle/observation.js';
import type { LaunchBudgets, LifecyclePolicy, SpentLaunches } from '../../lifecycle/policy.js';
import { nextLaunch } from '../../lifecycle/retry-rules.js';
import { annotationsToKey, makeSafePodName } from '../../pod/names.js';
import type { PodGenerator } from '../../pod/pod-generator.js';
import { ANNOTATIONS, FINALIZER, LABELS } from '../../wire/names.js';
import { compareResourceVersions } from '../../wire/resource-version.js';
import type { Pod, Secret } from '../../wire/types.js';
import { launchOf } from './adoption.js';
import { scaleUpMark } from './autoscaler.js';
import { withServerEvidence } from './evidence.js';
import type { LifecycleReports } from './lifecycle-reports.js';
import { claimPod } from './pod-claim.js';
import type { PodDelivery } from './pod-delivery.js';
import type { PodEnder } from './pod-ender.js';
import { podIdOf } from './pod-feed.js';
import type { PodTrack, PodTrackTable } from './pod-track.js';
import type { ResolvedRetry } from './retry-options.js';

/** What a {@link PodLifecycle} works with. */
export interface PodLifecycleOptions {
  readonly client: KubeClient;
  readonly generator: PodGenerator;
  readonly launcher: PodLauncher;
  readonly secrets: PodSecrets;
  readonly remover: PodRemover;
  readonly tracks: PodTrackTable;
  readonly ender: PodEnder;
  readonly delivery: PodDelivery;
  readonly policy: LifecyclePolicy;
  readonly retry: ResolvedRetry;
  readonly executorId: string;
  readonly executorLabel: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly reports: LifecycleReports;
  /** The lease without which nothing is decided or written; `undefined` where none is used. */
  readonly fence: Fence | undefined;
  /** Whether another executor, by the value of its label, is alive and must be left alone. */
  readonly mayBeAlive: (label: string) => Promise<boolean>;
  /** Whether pods get a finalizer of ours. */
  readonly tracksWithFinalizer: boolean;
  /** Taken out of evidence. */
  readonly secretPatterns: readonly RegExp[] | undefined;
}

/** The part of a lease holder that the lifecycle asks. */
export type Fence = Pick<LeaseHolder, 'isHeld' | 'confirm'>;

/** How often a pod that changes under our eyes is looked at again before it is revoked. */
const REVOKE_ATTEMPTS = 5;

/** How a server that does not answer is asked again before anything is decided. */
const READ_BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };

/** How often an autoscaler may extend a wait for a node. */
const MAX_SCALE_UPS = 6;

/** The budget that one more launch was put down to. */
const budgetSpent = (before: SpentLaunches, after: SpentLaunches): keyof LaunchBudgets =>
  (['oom', 'task'] as const).find((budget) => after[budget] > before[budget]) ?? 'infra';

/** The end of a launch of which there is nothing to see. */
const failedEnd = (verdict: Verdict): PodEnd => ({ result: 'failed', exitCode: undefined, verdict, warnings: [] });

/** The success of a pod that was given up, and whose end then showed that its work was done. */
export function succeededAfterAll({ seen }: PodTrack): PodEnd | undefined {
  const end = seen === undefined || seen.toldVerdict !== undefined ? undefined : endOf(seen);
  return end?.result === 'success' ? end : undefined;
}

/** Identity of the pod that the watch has shown. */
function seenPod({ seen }: PodTrack): Pod | undefined {
  if (seen === undefined) return undefined;
  const { namespace, name, uid } = seen;
  return { metadata: { namespace, name, uid } };
}

/** See the module's text. */
export class PodLifecycle {
  readonly #options: PodLifecycleOptions;

  constructor(options: PodLifecycleOptions) {
    this.#options = options;
  }

  /** Launches the current launch of a task. Never rejects. */
  launch(track: PodTrack): Promise<void> {
    return this.#flow(track, () => this.#launch(track));
  }

  /** Takes in a pod's state, from the watch or from an answer; `isDeferred` leaves the decision to a later call of `evaluate`. */
  see(track: PodTrack, pod: Pod, { isDeferred = false }: { readonly isDeferred?: boolean } = {}): void {
    const seen = observe(pod);
    const before = track.seen;
    if (before !== undefined) {
      if (before.uid !== seen.uid) {
        this.gone(track);
        return;
      }
      const order = compareResourceVersions(seen.resourceVersion, before.resourceVersion);
      if (order !== undefined && order < 0) return;
    }
    track.seen = seen;
    if (before === undefined) this.#options.reports.seen(track);
    if (cannotRun(seen)) track.markDead(false);
    if (!isDeferred) this.evaluate(track);
  }

  /** Reads a task's pod anew, before something is done about it that cannot be undone. Never rejects. */
  async refresh(track: PodTrack): Promise<void> {
    const { client, executorLabel } = this.#options;
    const { seen } = track;
    if (seen === undefined || track.isGone) return;
    const pod = await client.readPod(seen.namespace, seen.name).catch(() => 'unknown' as const);
    if (pod === 'unknown') return;
    if (pod?.metadata?.uid !== seen.uid) return this.gone(track);
    const { labels } = pod.metadata;
    if (labels?.[LABELS.done] === 'true' && labels[LABELS.executorId] !== executorLabel) track.isTold = true;
    this.see(track, pod);
  }

  /**
   * Ends a task's pod, if its program has not started; the version that was seen is a precondition, so that one which has just started is
   * spared. Tells whether it has not started, and cannot any more. Never rejects.
   */
  async endUnstarted(track: PodTrack): Promise<boolean> {
    const { client, logger } = this.#options;
    track.isEnding = true;
    for (let attempt = 1; attempt <= REVOKE_ATTEMPTS; attempt += 1) {
      await this.refresh(track);
      const { seen } = track;
      if (seen === undefined || track.isGone) return true;
      if (hasMainStarted(seen) || seen.phase !== 'Pending') break;
      const { namespace, name, uid, resourceVersion } = seen;
      try {
        await client.deletePod(namespace, name, { uid, resourceVersion });
        return true;
      } catch (error) {
        logger.warn({ err: error, pod: name, namespace }, 'a pod that was to be revoked could not be deleted');
        if (!(error instanceof KubeApiError && error.status === 409)) break;
      }
    }
    track.isEnding = false;
    this.evaluate(track);
    return false;
  }

  /** The pod is no more. */
  gone(track: PodTrack, last?: Pod): void {
    if (last !== undefined && (track.seen === undefined || last.metadata?.uid === track.seen.uid))
      track.seen = observe(last);
    if (track.seen === undefined) return;
    track.hasLeftWatch = true;
    track.markDead(true);
    this.evaluate(track);
  }

  /** Decides anew about a task from what is known of its pod. */
  evaluate(track: PodTrack): void {
    track.cancelTimer();
    if (track.seen === undefined || track.isEnding || track.isAbandoned || track.busy !== undefined) return;
    // What is seen in doubt is decided once the doubt is over.
    if (this.#options.fence?.isHeld === false) return;
    if (track.isGone) {
      this.#end(track, decideGone(track.seen));
      return;
    }
    const { clock, reports } = this.#options;
    const { record, decision } = decide(track.record, track.seen, track.policy, clock.monotonic());
    const wasRunning = track.record.runningSince !== undefined;
    track.record = record;
    if (decision.type !== 'wait') {
      this.#end(track, decision);
      return;
    }
    if (decision.isRunning && !wasRunning) reports.running(track);
    if (decision.pending !== undefined) reports.pending(track, decision.pending);
    if (decision.warning !== undefined) reports.warning(track, decision.warning);
    if (decision.until !== undefined)
      track.cancelTimer = clock.schedule(Math.max(0, decision.until - clock.monotonic()), () => this.evaluate(track));
  }

  async #launch(track: PodTrack): Promise<void> {
    const { generator, launcher, secrets, reports, tracks } = this.#options;
    let pod: Pod;
    let secret: Secret | undefined;
    try {
      pod = this.#podOf(track);
      secret = generator.generateSecret?.(track.task, pod);
    } catch (error) {
      const { message, hint } = error as Error & { hint?: string };
      return this.#tell(track, failedEnd(launchVerdict('invalid_workload', message, hint)));
    }
    tracks.bind(track, podIdOf(pod));
    const request: LaunchRequest = {
      pod,
      signal: track.abort.signal,
      isStillWanted: () => reports.isStillWanted(track.task),
      seen: () => seenPod(track),
      onWait: (reason) => this.#noteWait(track, reason),
    };
    for (;;) {
      const result = await secrets.around(secret, request.signal, () => launcher.launch(request));
      const isLaunched = await this.#launched(track, result);
      track.launchWait = undefined;
      if (isLaunched) return;
    }
  }

  #podOf({ task, launch, spent, manifest }: PodTrack): Pod {
    const { generator, executorId, executorLabel, retry } = this.#options;
    const pod =
      manifest === undefined
        ? generator.generate(task, { launch, spent, executorId })
        : renewPod(manifest, task.key, { launch, spent, executorLabel });
    const adapted = this.#named(adaptLaunch(pod, { ...retry, spent, timeouts: task.timeouts }), task);
    if (!this.#options.tracksWithFinalizer) return adapted;
    return {
      ...adapted,
      metadata: { ...adapted.metadata, finalizers: [...(adapted.metadata?.finalizers ?? []), FINALIZER] },
    };
  }

  /**
   * Where several executors may be given the same task, all launches of it have one name: the server then lets nobody make a second pod, whatever
   * else is lost. Otherwise each launch has its own, so that the next one can be made before the last is removed.
   */
  #named(pod: Pod, { key }: QueuedTask): Pod {
    if (this.#options.fence === undefined) return pod;
    return { ...pod, metadata: { ...pod.metadata, name: makeSafePodName(key, 1) } };
  }

  /** Takes in how a launch went. Resolves with `false` where it has to be tried again. */
  async #launched(track: PodTrack, result: LaunchResult): Promise<boolean> {
    if (result.type === 'seen') track.isAnswerLost = true;
    if (track.isAbandoned || result.type === 'seen') return true;
    if (result.type === 'failed') {
      await this.#tell(track, failedEnd(result.verdict));
      return true;
    }
    if (result.pod === undefined) {
      const verdict = launchVerdict('cancelled', 'The task was not wanted any more when its pod was to be created');
      await this.#tell(track, failedEnd(verdict));
      return true;
    }
    const pod = result.type === 'existing' ? await this.#claim(track, result.pod) : result.pod;
    if (track.isAbandoned) return true;
    if (pod === undefined) return false;
    if (track.seen !== undefined && track.seen.uid !== pod.metadata?.uid) this.#replace(track, pod);
    // The watch may have shown a later state while the answer was on its way.
    this.see(track, pod);
    if (track.abort.signal.aborted && !track.isTold) await this.#options.ender.end(track, undefined);
    return true;
  }

  /** A create that was sent again met no pod, because the first was gone by then: the launch goes on with the one that is there. */
  #replace(track: PodTrack, pod: Pod): void {
    const { tracks } = this.#options;
    tracks.releasePod(track);
    track.startOver();
    tracks.bind(track, podIdOf(pod));
  }

  /** A launch waits; a reason is told once. */
  #noteWait(track: PodTrack, reason: string): void {
    if (track.launchWait?.reason === reason) return;
    track.launchWait = { reason, since: track.launchWait?.since ?? this.#options.clock.monotonic() };
    this.#options.reports.pending(track, reason);
  }

  /** Takes in a pod that was there before its create; `undefined` where it has gone meanwhile. */
  async #claim(track: PodTrack, found: Pod): Promise<Pod | undefined> {
    const onWait = (reason: string) => this.#noteWait(track, reason);
    const claimed = await claimPod(track, found, { ...this.#options, onWait });
    if (claimed.type === 'gone' || track.isAbandoned) return undefined;
    if (claimed.type === 'told') track.isTold = true;
    const { pod } = claimed;
    if (launchOf(pod) !== track.launch) track.found(pod);
    return pod;
  }

  /** Tells the end of a task, once it is sure that this is still ours to tell. */
  async #tell(track: PodTrack, end: PodEnd): Promise<void> {
    const { fence, delivery } = this.#options;
    if (fence?.isHeld === false) await fence.confirm();
    delivery.deliver(track, end);
  }

  /** Starts dealing with the end of a pod. */
  #end(track: PodTrack, decision: FinalDecision): void {
    track.isEnding = true;
    void this.#flow(track, () => this.#handleEnd(track, decision));
  }

  async #handleEnd(track: PodTrack, decision: FinalDecision): Promise<void> {
    const { client, clock, ender, secretPatterns } = this.#options;
    if (track.isGone && track.isAnswerLost && (await this.#hasSuccessor(track))) return;
    if (decision.type === 'expired' && (await this.#isOutdated(track))) return;
    if (decision.type === 'expired' && (await this.#isExtended(track, decision))) return;
    const end: PodEnd =
      decision.type === 'expired'
        ? { result: 'failed', exitCode: track.seen?.base?.exitCode, verdict: decision.verdict, warnings: [] }
        : decision.end;
    if (end.result === 'success') return this.#tell(track, end);
    const verdict = await withServerEvidence(client, track.seen as PodObservation, end.verdict, clock, secretPatterns);
    const failed = { ...end, verdict };
    const spent = track.isTold ? undefined : this.#nextLaunch(track, verdict);
    if (spent === undefined) {
      if (decision.type === 'expired' && !(await ender.end(track, undefined)))
        await this.settleUnproven(track, verdict.kind);
      return this.#tell(track, succeededAfterAll(track) ?? failed);
    }
    // A second launch starts only after proof that the first is dead.
    const isProven = track.isDead || (await ender.end(track, undefined));
    const succeeded = isProven ? succeededAfterAll(track) : undefined;
    if (succeeded !== undefined) return this.#tell(track, succeeded);
    if (!isProven && !(verdict.kind === 'node_lost' && (await ender.fence(track)))) {
      await this.settleUnproven(track, verdict.kind);
      return this.#tell(track, {
        ...failed,
        warnings: [...failed.warnings, 'Not launched again: the end of its pod could not be proven'],
      });
    }
    await this.#relaunch(track, failed, spent);
  }

  /**
   * A create that was sent again after its answer was lost may have made a second pod under the name, once the first had gone: the launch then goes
   * on with that one.
   */
  async #hasSuccessor(track: PodTrack): Promise<boolean> {
    const { client, clock, random } = this.#options;
    const { seen, abort } = track;
    if (seen === undefined) return false;
    for (let attempt = 1; !abort.signal.aborted; attempt += 1) {
      const pod = await client.readPod(seen.namespace, seen.name).catch(() => 'unknown' as const);
      if (pod === 'unknown') {
        await clock.delay(backoffMs(READ_BACKOFF, attempt, random), { signal: abort.signal }).catch(() => {});
        continue;
      }
      const key = annotationsToKey(pod?.metadata?.annotations);
      if (pod === undefined || pod.metadata?.uid === seen.uid || key === undefined || keyToString(key) !== track.id)
        return false;
      this.#replace(track, pod);
      this.see(track, pod);
      return true;
    }
    return false;
  }

  /** Writes down what is about to be told of a pod that may still run: after a crash nobody must judge it anew. */
  async settleUnproven(track: PodTrack, kind: VerdictKind): Promise<void> {
    const { seen } = track;
    if (seen === undefined || seen.toldVerdict !== undefined) return;
    track.isUnproven = true;
    await this.#options.remover.annotate(seen, { [ANNOTATIONS.verdict]: kind });
  }

  /**
   * Before a pod is ended for what it shows, the server is asked whether it still does: the watch may have been silent for longer than
   * the limit. The newer state is then looked at instead.
   */
  async #isOutdated(track: PodTrack): Promise<boolean> {
    const { client, clock } = this.#options;
    const { seen } = track;
    if (seen === undefined) return false;
    const pod = await client.readPod(seen.namespace, seen.name).catch(() => 'unknown' as const);
    if (pod === 'unknown') return false;
    if (pod?.metadata?.uid !== seen.uid) track.markDead(true);
    else this.see(track, pod);
    const isOver =
      track.isGone ||
      decide(track.record, track.seen ?? seen, track.policy, clock.monotonic()).decision.type !== 'expired';
    if (isOver) track.isEnding = false;
    return isOver;
  }

  /** A wait for a node goes on while an autoscaler says that one is on its way. */
  async #isExtended(track: PodTrack, { clock: waitClock }: PodExpired): Promise<boolean> {
    const { client, clock, reports } = this.#options;
    const { seen, scaleUps, record } = track;
    if (waitClock !== 'unschedulable' || seen === undefined || scaleUps.size >= MAX_SCALE_UPS) return false;
    const mark = await scaleUpMark(client, seen);
    if (mark === undefined || scaleUps.has(mark) || record.waiting === undefined) return false;
    scaleUps.add(mark);
    const since = clock.monotonic();
    track.record = { ...record, pendingSince: since, waiting: { ...record.waiting, since } };
    track.isEnding = false;
    reports.pending(track, `${record.waiting.text}; an autoscaler is adding a node`);
    return true;
  }

  /** What is spent after one more launch, or `undefined` where none may follow. */
  #nextLaunch(track: PodTrack, verdict: Verdict): SpentLaunches | undefined {
    const { memory } = this.#options.retry;
    if (track.abort.signal.aborted) return undefined;
    const spent = nextLaunch(verdict, track.seen, track, track.policy);
    const grewInVain = spent !== undefined && spent.oom > track.spent.oom && isMemoryExhausted(verdict, memory);
    return grewInVain ? undefined : spent;
  }

  async #relaunch(track: PodTrack, failed: PodEnd & { result: 'failed' }, spent: SpentLaunches): Promise<void> {
    const { clock, random, tracks, remover, reports, retry } = this.#options;
    const { seen, isGone } = track;
    reports.relaunch(track, failed.verdict);
    const budget = budgetSpent(track.spent, spent);
    try {
      const delayMs = backoffMs(retry.backoffs[budget], Math.max(1, spent[budget]), random);
      await clock.delay(delayMs, { signal: track.abort.signal });
    } catch {
      return this.#tell(track, failed);
    }
    if (track.isAbandoned) return;
    const logsTaken = reports.logsRead(track);
    const isNameShared = this.#options.fence !== undefined;
    if (isNameShared && seen !== undefined && !isGone) {
      // Its name is the next one's: it must be gone before.
      await logsTaken;
      await remover.remove(seen);
    }
    tracks.releasePod(track);
    track.advance(spent);
    await this.#launch(track);
    if (seen === undefined || isGone || isNameShared) return;
    // The old pod goes only now: should the host die in between, the next one still knows what was spent.
    void this.#options.delivery.tracked(logsTaken.then(() => remover.remove(seen)));
  }

  /** Runs one flow at a time per task; afterwards looks at what has happened meanwhile. */
  #flow(track: PodTrack, work: () => Promise<void> | void): Promise<void> {
    const previous = track.busy ?? Promise.resolve();
    const { fence } = this.#options;
    const flow = (fence === undefined ? previous : previous.then(() => fence.confirm()))
      .then(work)
      .catch((error: unknown) => {
        if (error instanceof LeaseLostError) return;
        this.#options.logger.error({ err: error, task: track.id }, 'a task could not be handled');
        const verdict = launchVerdict(
          'launch_failed',
          `podwright failed to handle the task: ${error instanceof Error ? error.message : String(error)}`,
        );
        this.#options.delivery.deliver(track, failedEnd(verdict));
      })
      .then(() => {
        if (track.busy !== flow) return;
        track.busy = undefined;
        if (this.#options.tracks.get(track.id) === track && !track.abort.signal.aborted) this.evaluate(track);
      });
    track.busy = flow;
    return flow;
  }
}
