/** The last steps of a task: its outcome is told, then its pod is deleted, or kept and marked. In this order, whatever happens. */
import type { VerdictKind } from '../../core/verdict.js';
import { LifecycleError } from '../../errors.js';
import type { PodLauncher } from '../../launch/pod-launcher.js';
import type { PodRemover } from '../../launch/pod-remover.js';
import type { PodEnd } from '../../lifecycle/classify.js';
import type { PodObservation } from '../../lifecycle/observation.js';
import { observedRequests } from '../../lifecycle/observed-requests.js';
import { endTimeOf, podTimesOf } from '../../lifecycle/pod-times.js';
import { ANNOTATIONS } from '../../wire/names.js';
import type { EndDetails } from '../outcome-hub.js';
import type { LifecycleReports } from './lifecycle-reports.js';
import type { PodKeeper } from './pod-keeper.js';
import type { PodTrack, PodTrackTable } from './pod-track.js';

/** What a {@link PodDelivery} works with. */
export interface PodDeliveryOptions {
  readonly tracks: PodTrackTable;
  readonly reports: LifecycleReports;
  readonly launcher: PodLauncher;
  readonly remover: PodRemover;
  readonly keeper: PodKeeper;
  readonly isManuallyAcknowledged: boolean;
  readonly deletesOnSuccess: boolean;
  readonly deletesOnFailure: boolean;
  readonly gracePeriodSeconds: number | undefined;
  /** How long a pod whose outcome was told stays, so that its name is taken, in milliseconds; `undefined` where nobody else could use it. */
  readonly holdNamesMs: number | undefined;
}

/** What was told, for whoever meets the pod later: another executor that was given the same task, or somebody who looks. */
const verdictNote = (failure: VerdictKind | undefined): Readonly<Record<string, string>> =>
  failure === undefined ? {} : { [ANNOTATIONS.verdict]: failure };

/** See the module's text. */
export class PodDelivery {
  readonly #options: PodDeliveryOptions;
  readonly #cleanups = new Set<Promise<unknown>>();
  /** One for each outcome that the host has not acknowledged, though it is to. */
  readonly #unacknowledged = new Set<Promise<void>>();
  /** Uids of the pods that stay until then. */
  readonly #awaited = new Set<string>();
  #isClosed = false;

  constructor(options: PodDeliveryOptions) {
    this.#options = options;
  }

  /** Whether everything that was told is acknowledged, and cleaned up. */
  get isIdle(): boolean {
    return this.#cleanups.size + this.#unacknowledged.size === 0;
  }

  /** Resolves when all cleanups under way are through, and with `isWaitedFor` not before the host has acknowledged what it was told. */
  async closed({ isWaitedFor }: { readonly isWaitedFor: boolean }): Promise<void> {
    while (isWaitedFor && this.#unacknowledged.size > 0) await Promise.all([...this.#unacknowledged]);
    while (this.#cleanups.size > 0) await Promise.allSettled([...this.#cleanups]);
  }

  /** Takes no acknowledgement any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Whether a pod stays until the host has its outcome for good. */
  isAwaited(uid: string | undefined): boolean {
    return uid !== undefined && this.#awaited.has(uid);
  }

  /** What the host is to call once it has an outcome for good: it starts the cleanup, once. Without a pod there is nothing to wait for. */
  onAcknowledged({ seen, formerPod, isGone, isTold }: PodTrack, cleanup: () => Promise<void>): () => Promise<void> {
    const isFormerLeft = formerPod !== undefined && formerPod.removal === undefined;
    const hasPod = isFormerLeft || (seen !== undefined && !isGone);
    if (!hasPod || isTold) return () => this.tracked(cleanup());
    let noteAcknowledged = () => {};
    const acknowledged = new Promise<void>((resolve) => {
      noteAcknowledged = resolve;
    });
    this.#unacknowledged.add(acknowledged);
    if (seen !== undefined) this.#awaited.add(seen.uid);
    let cleaned: Promise<void> | undefined;
    return async () => {
      if (cleaned === undefined && this.#isClosed) throw new LifecycleError('ERR_PODWRIGHT_CLOSED', 'acknowledge()');
      this.#unacknowledged.delete(acknowledged);
      if (seen !== undefined) this.#awaited.delete(seen.uid);
      cleaned ??= this.tracked(cleanup());
      noteAcknowledged();
      return cleaned;
    };
  }

  /** Tells the end of a task, once, and lets its pod be cleaned up: at once, or when the host has acknowledged. */
  deliver(track: PodTrack, end: PodEnd, { isFound = false }: { readonly isFound?: boolean } = {}): void {
    const { tracks, reports, isManuallyAcknowledged } = this.#options;
    // Whoever took the pod over tells its end; and what was let go of must not speak for the same task that was handed over anew.
    if (track.isAbandoned || tracks.get(track.id) !== track) return;
    const { seen } = track;
    track.isEnding = true;
    tracks.remove(track);
    // Whatever has ended a task that was to stop, it is told as cancelled, unless somebody may have told it before; its pod must not say otherwise.
    const kind = end.result === 'success' ? undefined : end.verdict.kind;
    const told = kind !== undefined && track.isStopping && !isFound ? 'cancelled' : kind;
    // Nobody is to hear of a task that was taken back, nor to find its pod when it is handed over again.
    const isDead = seen === undefined || (track.isDead && !seen.isHeld);
    const isSilent = told !== undefined && isDead && !track.isTold && reports.isRevoked(track.task);
    const cleanup = isSilent ? () => this.#takeAllBack(track) : () => this.#cleanup(track, told);
    const details: EndDetails = {
      exitCode: end.exitCode,
      warnings: end.warnings,
      ranAs: seen === undefined ? undefined : `${seen.namespace}/${seen.name}`,
      launches: track.launch,
      podTimes: seen === undefined ? undefined : podTimesOf(seen),
      requests: seen === undefined ? undefined : observedRequests(seen),
      result: end.result === 'success' ? end.message : undefined,
      isUnproven: seen !== undefined && !track.isDead,
      hadEnded: isFound,
      acknowledge: isManuallyAcknowledged ? this.onAcknowledged(track, cleanup) : undefined,
    };
    if (end.result === 'success') reports.success(track, details);
    else reports.fail(track, end.verdict, details);
    if (!isManuallyAcknowledged) void this.tracked(cleanup());
  }

  /** Cleans up after a task whose end is told by others: it was cancelled, or its pod came after that. `failure`: what is written on it. */
  discard(track: PodTrack, gracePeriodSeconds: number | undefined, failure: VerdictKind | undefined): Promise<void> {
    const removed = async () => {
      await track.former;
      await this.removeFormer(track);
      await this.#takeAway(track, gracePeriodSeconds, failure);
    };
    return this.tracked(removed());
  }

  #takeAllBack(track: PodTrack): Promise<void> {
    const { launcher, reports } = this.#options;
    track.takenBack ??= reports
      .logsRead(track)
      .then(() => this.takeBack(track))
      .then(() => launcher.wakeParked());
    return track.takenBack;
  }

  /** Removes the pod of a task that was taken back: nothing is told of it, and whoever is handed the task next finds its name free. */
  async takeBack(track: PodTrack): Promise<void> {
    const { seen, isGone } = track;
    this.#options.tracks.takeBack(track);
    await track.former;
    await this.removeFormer(track);
    if (seen !== undefined && !isGone) await this.tracked(this.#options.remover.remove(seen));
  }

  /** Removes the pod of the launch before, where there is one, when its logs are read. */
  async removeFormer(track: PodTrack): Promise<void> {
    const { formerPod } = track;
    if (formerPod === undefined) return;
    const { pod, logsRead } = formerPod;
    formerPod.removal ??= this.tracked(logsRead.then(() => this.#options.remover.removeFormer(pod)));
    await formerPod.removal;
    if (track.formerPod === formerPod) track.formerPod = undefined;
  }

  /** Counts a cleanup among those that an end waits for. */
  tracked<T>(cleanup: Promise<T>): Promise<T> {
    this.#cleanups.add(cleanup);
    void cleanup.finally(() => this.#cleanups.delete(cleanup));
    return cleanup;
  }

  async #cleanup(track: PodTrack, failure: VerdictKind | undefined): Promise<void> {
    const { remover, launcher, keeper, deletesOnSuccess, deletesOnFailure, reports } = this.#options;
    const { gracePeriodSeconds, holdNamesMs } = this.#options;
    const { seen } = track;
    await track.former;
    await this.removeFormer(track);
    if (seen === undefined || track.isGone || track.isTold) return launcher.wakeParked();
    await reports.logsRead(track);
    const isWorthKeeping = seen.isHeld || !(failure === undefined ? deletesOnSuccess : deletesOnFailure);
    // What somebody has deleted goes with our finalizer, and its name with it.
    if (isWorthKeeping && track.isDead && !seen.isDeleting) {
      let isHeld = false;
      const onMarked = (isDeleted: boolean) => {
        isHeld = isDeleted;
        if (isDeleted && holdNamesMs !== undefined) keeper.holdName(seen, holdNamesMs);
      };
      const ifDeleted = holdNamesMs === undefined ? undefined : { [ANNOTATIONS.holdsName]: String(holdNamesMs) };
      await remover.markDone(seen, verdictNote(failure), { onMarked, ifDeleted });
      if (!isHeld) keeper.keep(seen, failure === undefined ? 'succeeded' : 'failed', endTimeOf(seen));
      launcher.wakeParked();
      return;
    }
    await this.#takeAway(track, gracePeriodSeconds, failure);
    launcher.wakeParked();
  }

  /** Removes a pod whose outcome is with the host. */
  async #takeAway(
    track: PodTrack,
    gracePeriodSeconds: number | undefined,
    failure: VerdictKind | undefined,
  ): Promise<void> {
    const { remover, holdNamesMs } = this.#options;
    const { seen } = track;
    if (seen === undefined || track.isGone || track.isTold) return;
    if (holdNamesMs !== undefined && track.isDead) {
      // One that is to go already is kept by our finalizer for that time; of the others it is taken off at once.
      return this.#hold(seen, holdNamesMs, failure, !seen.isDeleting);
    }
    if (track.isDead) await remover.removeForGood(seen, { gracePeriodSeconds });
    else await this.#endAfterwards(seen, gracePeriodSeconds, failure);
  }

  /**
   * Ends what is left of a pod whose outcome is with the host: a sidecar lives on, or its end could not be proven. It may stay for long, and nobody is to
   * take it up again; where names are held, our finalizer stays on it for that time.
   */
  async #endAfterwards(
    seen: PodObservation,
    gracePeriodSeconds: number | undefined,
    failure: VerdictKind | undefined,
  ): Promise<void> {
    const { remover, holdNamesMs } = this.#options;
    const note = verdictNote(failure);
    const markAsGoing = () =>
      holdNamesMs !== undefined && seen.isTracked
        ? this.#hold(seen, holdNamesMs, failure, false)
        : remover.markDone(seen, note);
    // What runs and is marked is never looked at again: it must be on its way out before.
    const options = {
      gracePeriodSeconds,
      keepsFinalizer: true,
      outlivesTerm: true,
      onRemovedLater: () => void this.tracked(markAsGoing()),
    };
    if (seen.isDeleting || (await remover.remove(seen, options))) await markAsGoing();
    else await remover.markAcknowledged({ ...seen, isTracked: false }, note);
  }

  /** Marks a pod that stays for a moment, so that its name is taken. */
  async #hold(
    seen: PodObservation,
    ms: number,
    failure: VerdictKind | undefined,
    losesFinalizer: boolean,
  ): Promise<void> {
    const { remover, keeper } = this.#options;
    const held = { ...seen, isTracked: seen.isTracked && losesFinalizer };
    // Unmarked it must not go: who waits for it would take it for one that was never told, and run the work again.
    const annotations = { [ANNOTATIONS.holdsName]: String(ms), ...verdictNote(failure) };
    await remover.markDone(held, annotations, { onMarked: () => keeper.holdName(seen, ms), ifDeleted: {} });
  }
}
