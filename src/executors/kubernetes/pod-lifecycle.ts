/**
 * The shell around the heart: carries out what `decide` says, for every pod alike, whether it was just created, met again after a
 * lost answer, or adopted.
 *
 * Of each task at most one flow is under way (`track.busy`): a launch, or an end. News that arrive meanwhile only update what is
 * known; the flow, or the evaluation after it, looks at the latest state.
 */
import { backoffMs } from '../../core/backoff.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { Random } from '../../core/random.js';
import type { Verdict, VerdictKind } from '../../core/verdict.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { adaptLaunch, isMemoryExhausted } from '../../launch/adapt-launch.js';
import { launchVerdict } from '../../launch/create-errors.js';
import type { LaunchRequest, LaunchResult, PodLauncher } from '../../launch/pod-launcher.js';
import type { PodRemover } from '../../launch/pod-remover.js';
import type { PodSecrets } from '../../launch/pod-secrets.js';
import { renewPod } from '../../launch/renew-pod.js';
import type { PodEnd } from '../../lifecycle/classify.js';
import { decide, decideGone, type FinalDecision, type PodExpired } from '../../lifecycle/decide.js';
import { observe, type PodObservation } from '../../lifecycle/observation.js';
import type { LaunchBudgets, LifecyclePolicy, SpentLaunches } from '../../lifecycle/policy.js';
import { nextLaunch } from '../../lifecycle/retry-rules.js';
import type { PodGenerator } from '../../pod/pod-generator.js';
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import { compareResourceVersions } from '../../wire/resource-version.js';
import type { Pod, Secret } from '../../wire/types.js';
import { scaleUpMark } from './autoscaler.js';
import { withServerEvidence } from './evidence.js';
import type { LifecycleReports } from './lifecycle-reports.js';
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
  /** Taken out of evidence. */
  readonly secretPatterns: readonly RegExp[] | undefined;
}

/** How often an autoscaler may extend a wait for a node. */
const MAX_SCALE_UPS = 6;

/** The budget that one more launch was put down to. */
const budgetSpent = (before: SpentLaunches, after: SpentLaunches): keyof LaunchBudgets =>
  (['oom', 'task'] as const).find((budget) => after[budget] > before[budget]) ?? 'infra';

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

  /** Takes in a pod's state, from the watch or from an answer. */
  see(track: PodTrack, pod: Pod): void {
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
    if (seen.phase === 'Succeeded' || seen.phase === 'Failed') track.markDead(false);
    this.evaluate(track);
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
    if (track.seen === undefined || track.isEnding || track.busy !== undefined) return;
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
    const { generator, launcher, secrets, reports, tracks, clock } = this.#options;
    let pod: Pod;
    let secret: Secret | undefined;
    try {
      pod = this.#podOf(track);
      secret = generator.generateSecret?.(track.task, pod);
    } catch (error) {
      const { message, hint } = error as Error & { hint?: string };
      return this.#options.delivery.deliver(track, {
        result: 'failed',
        exitCode: undefined,
        verdict: launchVerdict('invalid_workload', message, hint),
        warnings: [],
      });
    }
    tracks.bind(track, podIdOf(pod));
    const request: LaunchRequest = {
      pod,
      signal: track.abort.signal,
      isStillWanted: () => reports.isStillWanted(track.task),
      seen: () => seenPod(track),
      onWait: (reason) => {
        if (track.launchWait?.reason === reason) return;
        track.launchWait = { reason, since: track.launchWait?.since ?? clock.monotonic() };
        reports.pending(track, reason);
      },
    };
    const result = await secrets.around(secret, request.signal, () => launcher.launch(request));
    track.launchWait = undefined;
    await this.#launched(track, result);
  }

  #podOf({ task, launch, spent, manifest }: PodTrack): Pod {
    const { generator, executorId, executorLabel, retry } = this.#options;
    const pod =
      manifest === undefined
        ? generator.generate(task, { launch, spent, executorId })
        : renewPod(manifest, task.key, { launch, spent, executorLabel });
    return adaptLaunch(pod, { ...retry, spent, timeouts: task.timeouts });
  }

  async #launched(track: PodTrack, result: LaunchResult): Promise<void> {
    if (result.type === 'failed') {
      const end: PodEnd = { result: 'failed', exitCode: undefined, verdict: result.verdict, warnings: [] };
      return this.#options.delivery.deliver(track, end);
    }
    if (result.type === 'seen') return;
    if (result.pod === undefined) {
      const verdict = launchVerdict('cancelled', 'The task was not wanted any more when its pod was to be created');
      return this.#options.delivery.deliver(track, { result: 'failed', exitCode: undefined, verdict, warnings: [] });
    }
    const pod = result.type === 'existing' ? await this.#claim(result.pod) : result.pod;
    if (track.seen !== undefined && track.seen.uid !== pod.metadata?.uid) this.#replace(track, pod);
    // The watch may have shown a later state while the answer was on its way.
    this.see(track, pod);
    if (!track.abort.signal.aborted) return;
    await this.#options.ender.end(track, undefined);
  }

  /** A create that was sent again met no pod, because the first was gone by then: the launch goes on with the one that is there. */
  #replace(track: PodTrack, pod: Pod): void {
    const { tracks } = this.#options;
    tracks.releasePod(track);
    track.startOver();
    tracks.bind(track, podIdOf(pod));
  }

  /** Makes a pod that was there already one of this executor's, so that its watch sees it. */
  async #claim(pod: Pod): Promise<Pod> {
    const { client, executorLabel, logger } = this.#options;
    const { namespace = '', name = '', uid, resourceVersion, labels } = pod.metadata ?? {};
    if (labels?.[LABELS.executorId] === executorLabel) return pod;
    try {
      return await client.patchPod(namespace, name, {
        metadata: { uid, resourceVersion, labels: { [LABELS.executorId]: executorLabel } },
      });
    } catch (error) {
      logger.warn({ err: error, pod: name, namespace }, 'a pod of an earlier executor could not be claimed');
      return (await client.readPod(namespace, name).catch(() => undefined)) ?? pod;
    }
  }

  /** Starts dealing with the end of a pod. */
  #end(track: PodTrack, decision: FinalDecision): void {
    track.isEnding = true;
    void this.#flow(track, () => this.#handleEnd(track, decision));
  }

  async #handleEnd(track: PodTrack, decision: FinalDecision): Promise<void> {
    const { client, clock, ender, secretPatterns } = this.#options;
    if (decision.type === 'expired' && (await this.#isOutdated(track))) return;
    if (decision.type === 'expired' && (await this.#isExtended(track, decision))) return;
    const end: PodEnd =
      decision.type === 'expired'
        ? { result: 'failed', exitCode: track.seen?.base?.exitCode, verdict: decision.verdict, warnings: [] }
        : decision.end;
    if (end.result === 'success') return this.#options.delivery.deliver(track, end);
    const verdict = await withServerEvidence(client, track.seen as PodObservation, end.verdict, clock, secretPatterns);
    const failed = { ...end, verdict };
    const spent = this.#nextLaunch(track, verdict);
    if (spent === undefined) {
      if (decision.type === 'expired' && !(await ender.end(track, undefined)))
        await this.settleUnproven(track, verdict.kind);
      return this.#options.delivery.deliver(track, failed);
    }
    // A second launch starts only after proof that the first is dead.
    const isProven = track.isDead || (await ender.end(track, undefined));
    if (!isProven && !(verdict.kind === 'node_lost' && (await ender.fence(track)))) {
      await this.settleUnproven(track, verdict.kind);
      return this.#options.delivery.deliver(track, {
        ...failed,
        warnings: [...failed.warnings, 'Not launched again: the end of its pod could not be proven'],
      });
    }
    await this.#relaunch(track, failed, spent);
  }

  /** Writes down what is about to be told of a pod that may still run: after a crash nobody must judge it anew. */
  async settleUnproven(track: PodTrack, kind: VerdictKind): Promise<void> {
    const { seen } = track;
    if (seen === undefined || seen.toldVerdict !== undefined) return;
    track.isUnproven = true;
    const { namespace, name, uid } = seen;
    await this.#options.remover.annotate({ namespace, name, uid }, { [ANNOTATIONS.verdict]: kind });
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
      return this.#options.delivery.deliver(track, failed);
    }
    const logsTaken = reports.logsRead(track);
    tracks.releasePod(track);
    track.advance(spent);
    await this.#launch(track);
    if (seen === undefined || isGone) return;
    // The old pod goes only now: should the host die in between, the next one still knows what was spent.
    const { namespace, name, uid } = seen;
    void this.#options.delivery.tracked(logsTaken.then(() => remover.remove({ namespace, name, uid })));
  }

  /** Runs one flow at a time per task; afterwards looks at what has happened meanwhile. */
  #flow(track: PodTrack, work: () => Promise<void> | void): Promise<void> {
    const previous = track.busy ?? Promise.resolve();
    const flow = previous
      .then(work)
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error, task: track.id }, 'a task could not be handled');
        const verdict = launchVerdict(
          'launch_failed',
          `podwright failed to handle the task: ${error instanceof Error ? error.message : String(error)}`,
        );
        this.#options.delivery.deliver(track, { result: 'failed', exitCode: undefined, verdict, warnings: [] });
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
