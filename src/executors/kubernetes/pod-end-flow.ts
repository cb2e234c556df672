/** What follows the end of a pod: evidence, the outcome, or another launch once the pod is proven dead. */
import { backoffMs } from '../../core/backoff.js';
import type { Verdict, VerdictKind } from '../../core/verdict.js';
import { untilAborted } from '../../core/within.js';
import { READ_LIMIT_MS, readUntilKnown } from '../../kube/read-until-known.js';
import { mayAnswerLater } from '../../kube/status-errors.js';
import { isMemoryExhausted } from '../../launch/adapt-launch.js';
import type { PodEnd } from '../../lifecycle/classify.js';
import { decide, endBy, type FinalDecision, type PodExpired } from '../../lifecycle/decide.js';
import type { PodObservation } from '../../lifecycle/observation.js';
import type { LaunchBudgets, SpentLaunches } from '../../lifecycle/policy.js';
import { nextLaunch } from '../../lifecycle/retry-rules.js';
import { ANNOTATIONS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { isPodOf } from './adoption.js';
import { scaleUpMark } from './autoscaler.js';
import { withServerEvidence } from './evidence.js';
import type { LifecycleHands, PodLifecycleOptions } from './lifecycle-parts.js';
import type { PodLaunchFlow } from './pod-launch-flow.js';
import type { PodTrack } from './pod-track.js';

/** How often an autoscaler may extend a wait for a node. */
const MAX_SCALE_UPS = 6;

/** The budget that one more launch was put down to. */
const budgetSpent = (before: SpentLaunches, after: SpentLaunches): keyof LaunchBudgets =>
  (['oom', 'task'] as const).find((budget) => after[budget] > before[budget]) ?? 'infra';

/** The success of a pod that was given up, and whose end then showed that its work was done. */
export function succeededAfterAll({ seen, policy }: PodTrack): PodEnd | undefined {
  const end = seen === undefined || seen.toldVerdict !== undefined ? undefined : endBy(policy, seen);
  return end?.result === 'success' ? end : undefined;
}

/** See the module's text. */
export class PodEndFlow {
  readonly #options: PodLifecycleOptions;
  readonly #hands: LifecycleHands;
  readonly #launches: PodLaunchFlow;

  constructor(options: PodLifecycleOptions, hands: LifecycleHands, launches: PodLaunchFlow) {
    this.#options = options;
    this.#hands = hands;
    this.#launches = launches;
  }

  /** Deals with the end of a pod: tells it, or launches again. */
  async handle(track: PodTrack, decision: FinalDecision): Promise<void> {
    const { client, clock, ender, reports } = this.#options;
    if (await this.#isSucceeded(track)) return;
    if (decision.type === 'expired' && (await this.#isOutdated(track, decision))) return;
    if (decision.type === 'expired' && (await this.#isExtended(track, decision))) return;
    if (decision.type === 'expired') reports.ending(track, decision.verdict);
    const end: PodEnd =
      decision.type === 'expired'
        ? { result: 'failed', exitCode: track.seen?.base?.exitCode, verdict: decision.verdict, warnings: [] }
        : decision.end;
    if (end.result === 'success') return this.#hands.tell(track, end);
    const verdict = await withServerEvidence(client, track.seen as PodObservation, end.verdict, clock);
    if (track.isAbandoned) return;
    const failed = { ...end, verdict };
    const next = track.isTold ? undefined : this.#nextLaunch(track, verdict);
    const isFound = this.#isEndFound(track) && next === undefined;
    const spent = track.isStopping ? undefined : next;
    if (spent === undefined) {
      if (decision.type === 'expired') {
        const isEnded = (await ender.end(track, undefined)) || (await this.settleUnproven(track, verdict.kind));
        if (isEnded && (await this.#isSucceeded(track))) return;
        if (isEnded) await this.#writeReason(track, verdict.kind);
      } else if ((track.isStopping && !isFound) || !track.isDead) {
        // What lives on beside its program may change what the pod shows.
        await this.#writeReason(track, verdict.kind, { isInTime: true });
      }
      return this.#hands.tell(track, succeededAfterAll(track) ?? failed, { isFound });
    }
    // A second launch starts only after proof that the first is dead.
    let isProven = track.isDead || (await ender.end(track, undefined));
    const isFenced = !isProven && verdict.kind === 'node_lost' && (await ender.fence(track));
    // A node that is back within the fence's time may show that it has done its work.
    isProven ||= isFenced || (await this.settleUnproven(track, verdict.kind));
    if (track.isAbandoned || (isProven && (await this.#isSucceeded(track)))) return;
    const succeeded = isProven ? succeededAfterAll(track) : undefined;
    if (succeeded !== undefined) return this.#hands.tell(track, succeeded);
    if (!isProven) {
      const warning = 'Not launched again: the end of its pod could not be proven';
      return this.#hands.tell(track, { ...failed, warnings: [...failed.warnings, warning] });
    }
    await this.#relaunch(track, failed, spent);
  }

  /**
   * The end of a task that is to stop, where its pod was met with that and no launch would follow: whoever had it before may have told it, and nobody
   * must tell anything else.
   */
  async foundEnd(track: PodTrack): Promise<PodEnd | undefined> {
    const { client, clock } = this.#options;
    const { seen } = track;
    if (seen === undefined || !this.#isEndFound(track)) return undefined;
    const { decision } = decide(track.record, seen, track.policy, clock.monotonic());
    if (decision.type !== 'ended' || decision.end.result === 'success') return undefined;
    const verdict = await withServerEvidence(client, seen, decision.end.verdict, clock);
    return this.#nextLaunch(track, verdict) === undefined ? { ...decision.end, verdict } : undefined;
  }

  /** Of a pod that is being deleted nobody knows whether it has ended by itself. */
  #isEndFound({ seen, wasFoundEnded, isGone }: PodTrack): boolean {
    return wasFoundEnded && !isGone && (seen?.toldVerdict !== undefined || seen?.isDeleting === false);
  }

  /** Whether another pod of the launch, with which it goes on then, has come after one that is gone. */
  async #isSucceeded(track: PodTrack): Promise<boolean> {
    const { seen } = track;
    const successor = await this.successorOf(track);
    // A stop that looks for it, too, may have found it first: what was decided was about the one before.
    if (track.seen?.uid !== seen?.uid) {
      track.isEnding = false;
      return true;
    }
    if (successor === undefined) return false;
    this.#hands.replace(track, successor);
    this.#hands.see(track, successor);
    return true;
  }

  /**
   * A create that was sent again after its answer was lost may have made a second pod under the name, once the first had gone: the launch then goes
   * on with that one, or ends it where it is to stop.
   */
  async successorOf(track: PodTrack): Promise<Pod | undefined> {
    const { seen } = track;
    if (seen === undefined || !track.isGone || !track.isAnswerLost) return undefined;
    // A server that is away answers some day; where a role forbids the question, a watch has shown such a pod by then.
    const isOfUse = (error: unknown) => !track.isStopping && mayAnswerLater(error);
    const read = await this.#read(track, seen, (waitedMs, error) => waitedMs > READ_LIMIT_MS && !isOfUse(error));
    const pod = read === 'unknown' ? track.laterPod : read;
    return pod !== undefined && isPodOf(track.id, pod) && pod.metadata?.uid !== seen.uid ? pod : undefined;
  }

  /** Asks the server for a pod until it answers, or it is enough. */
  #read(track: PodTrack, { namespace, name }: PodObservation, isEnough: (waitedMs: number, error: unknown) => boolean) {
    const { client, clock, random } = this.#options;
    const { signal } = track.abort;
    return readUntilKnown({
      client,
      clock,
      random,
      namespace,
      name,
      isOver: () => track.isAbandoned,
      isEnough,
      signal,
    });
  }

  /**
   * Writes down what is about to be told of a pod that may still run: after a crash nobody must judge it anew. Tells whether the pod turned out to have
   * ended, with nothing written: then its end is proven after all.
   */
  async settleUnproven(track: PodTrack, kind: VerdictKind): Promise<boolean> {
    const { seen } = track;
    if (seen === undefined || seen.toldVerdict !== undefined) return false;
    const isSpared = await this.#write(track, seen, kind, { isUnproven: true });
    return isSpared && track.isDead && track.seen?.toldVerdict === undefined;
  }

  /** A pod that was ended for its limit looks as if somebody had deleted it: where it stays, whoever must tell of it again is told why. */
  async #writeReason(
    track: PodTrack,
    kind: VerdictKind,
    { isInTime = track.seen?.isTracked !== true }: { readonly isInTime?: boolean } = {},
  ): Promise<void> {
    const { seen, isGone } = track;
    if (seen !== undefined && !isGone && succeededAfterAll(track) === undefined)
      await this.#write(track, seen, kind, { isInTime });
  }

  /** Where the pod of the last launch is not there, whoever meets that of the one before after a crash would launch again: it says how the task has ended. */
  async settleFormer(track: PodTrack, kind: VerdictKind): Promise<void> {
    const { formerPod, removedPod, seen, isGone } = track;
    const former = formerPod?.pod ?? removedPod;
    if (former === undefined || (seen !== undefined && !isGone)) return;
    await this.#write(track, former, kind, { isInTime: true });
  }

  /**
   * Writes down how a task has ended; `isInTime`: without holding up what is to be told for long. Of a task that is taken back only what is told
   * all the same, since its end could not be proven: tells whether the last look at it was a proof.
   */
  async #write(
    track: PodTrack,
    seen: PodObservation,
    kind: VerdictKind,
    { isUnproven = false, isInTime = false }: { readonly isUnproven?: boolean; readonly isInTime?: boolean },
  ): Promise<boolean> {
    const { remover, reports, ender } = this.#options;
    let isSpared = false;
    let isTooLate = false;
    // Once nobody waits for it any more it was told, and what was told stands.
    const isUnended = (pod: Pod) => {
      isSpared = !isTooLate && ender.isProof(track, pod);
      return !isSpared;
    };
    const isAsItMustBe = isUnproven ? isUnended : undefined;
    const mayBeTold = () => isUnproven || !(track.seen === undefined || track.isDead) || !reports.isRevoked(track.task);
    // Whoever has the task now, or has told its end, is the one who says.
    if (track.isAbandoned || track.isTold || !mayBeTold()) return false;
    // A task that is to stop is told as stopped, whatever else has befallen it: what is written must be the same, also where that comes meanwhile.
    const writeAll = async () => {
      const written = track.isStopping ? 'cancelled' : kind;
      await remover.annotate(seen, { [ANNOTATIONS.verdict]: written }, isAsItMustBe);
      if (track.isStopping && !track.isAbandoned && written !== 'cancelled' && !isSpared && mayBeTold())
        await remover.annotate(seen, { [ANNOTATIONS.verdict]: 'cancelled' });
    };
    await (isInTime ? remover.inTime(writeAll()) : this.#waitFor(track, writeAll()));
    isTooLate = true;
    return isSpared;
  }

  /** It takes as long as it takes, but a task that is to stop waits ten minutes at most: the server may never come back. */
  async #waitFor<T>(track: PodTrack, written: Promise<T>): Promise<T | undefined> {
    const result = await untilAborted(written, track.abort.signal).catch(() => undefined);
    return track.isStopping && !track.isAbandoned ? this.#options.remover.inTime(written, READ_LIMIT_MS) : result;
  }

  /**
   * Before a pod is ended for what it shows, the server is asked whether it still does, until it answers: the watch may have been silent for
   * longer than the limit. The newer state is then looked at instead.
   */
  async #isOutdated(track: PodTrack, { verdict }: PodExpired): Promise<boolean> {
    const { clock } = this.#options;
    const { seen } = track;
    if (seen === undefined) return false;
    const pod = await this.#read(track, seen, (waitedMs) => track.isStopping || waitedMs > READ_LIMIT_MS);
    if (pod === 'unknown') return track.isAbandoned;
    if (pod?.metadata?.uid !== seen.uid) {
      track.isEndUnseen ||= !track.isGone;
      track.markDead(true);
    } else this.#hands.see(track, pod);
    const { decision } = decide(track.record, track.seen ?? seen, track.policy, clock.monotonic());
    // It may be ended for something else by now.
    const isOver = track.isGone || decision.type !== 'expired' || decision.verdict.kind !== verdict.kind;
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
    track.extendedBy(mark);
    const since = clock.monotonic();
    track.record = { ...record, pendingSince: since, waiting: { ...record.waiting, since } };
    track.isEnding = false;
    reports.pending(track, `${record.waiting.text}; an autoscaler is adding a node`);
    return true;
  }

  /** What is spent after one more launch, or `undefined` where none may follow, were it not to stop. */
  #nextLaunch(track: PodTrack, verdict: Verdict): SpentLaunches | undefined {
    const { memory } = this.#options.retry;
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
      // Whoever finds the pod after a crash must not launch again what was stopped.
      await this.#writeReason(track, failed.verdict.kind);
      return this.#hands.tell(track, failed);
    }
    if (track.isAbandoned) return;
    // Whoever has told its end meanwhile has had the last word.
    if (track.isTold) return this.#hands.tell(track, failed);
    const logsTaken = reports.logsRead(track);
    const isNameShared = this.#options.fence !== undefined;
    if (isNameShared && seen !== undefined && !isGone) {
      // Its name is the next one's: it must be gone before.
      await logsTaken;
      const isRemoved = await this.#waitFor(track, remover.remove(seen, { ifRefused: 'tell' }));
      // Whoever has lost its lease meanwhile has no say in who is next.
      if (track.isAbandoned) return;
      if (isRemoved !== true) {
        // As above: who comes next may have the right to delete it.
        await this.#writeReason(track, failed.verdict.kind);
        const warning = 'Not launched again: its pod, which has the name of the next one, could not be deleted';
        return this.#hands.tell(track, { ...failed, warnings: [...failed.warnings, warning] });
      }
    }
    const isNameFree = track.isGone;
    tracks.releasePod(track);
    track.advance(spent);
    const isLeft = seen !== undefined && !isGone;
    track.formerPod = isLeft && !isNameShared ? { pod: seen, logsRead: logsTaken } : undefined;
    track.removedPod = isLeft && isNameShared ? seen : undefined;
    await this.#launches.launch(track, isNameFree);
    // The old pod goes only now: should the host die in between, the next one still knows what was spent.
    if (track.seen !== undefined) track.leaves(this.#options.delivery.removeFormer(track));
  }
}
