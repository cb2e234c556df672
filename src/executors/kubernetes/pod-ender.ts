/** Ends a task's pod and waits for proof that it cannot run any more: no second launch without it. */
import type { Clock } from '../../core/clock.js';
import { waitWithin } from '../../core/within.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { READ_LIMIT_MS } from '../../kube/read-until-known.js';
import type { PodRemover } from '../../launch/pod-remover.js';
import { cannotRun, observe, type PodObservation } from '../../lifecycle/observation.js';
import type { Pod } from '../../wire/types.js';
import type { PodTrack } from './pod-track.js';

/** What a {@link PodEnder} works with. */
export interface PodEnderOptions {
  readonly client: KubeClient;
  readonly remover: PodRemover;
  readonly clock: Clock;
  /** Seconds that pods get where nobody says otherwise; `undefined` for the pod's own. */
  readonly gracePeriodSeconds: number | undefined;
  /** How long after its node was called lost a pod is removed by force; `undefined` for never. */
  readonly nodeLostFenceMs: number | undefined;
}

/** What a pod gets beyond its grace period before its end counts as unproven. */
const DEATH_MARGIN_MS = 30_000;
/** How often the server is asked for proof of death, in case the watch is behind. */
const PROOF_INTERVAL_MS = 5_000;

/** See the module's text. */
export class PodEnder {
  readonly #options: PodEnderOptions;

  constructor(options: PodEnderOptions) {
    this.#options = options;
  }

  /** Ends a task's pod and waits for proof; tells whether there is some. Never rejects. */
  async end(track: PodTrack, graceSeconds: number | undefined): Promise<boolean> {
    const { seen } = track;
    if (seen === undefined || track.isDead) return true;
    const { remover } = this.#options;
    const grace = graceSeconds ?? this.#options.gracePeriodSeconds;
    const isStillToGo = (pod: Pod) => !this.isProof(track, pod);
    await this.#accepted(
      track,
      remover.remove(seen, { gracePeriodSeconds: grace, keepsFinalizer: true, isStillToGo, ifRefused: 'insist' }),
    );
    return this.#proven(track, seen, (grace ?? seen.graceSeconds) * 1_000 + DEATH_MARGIN_MS);
  }

  /** Waits until a delete is accepted, or is needed no more. One that is refused for longer than makes sense goes on by itself. */
  async #accepted(track: PodTrack, removal: Promise<unknown>): Promise<void> {
    let forget = () => {};
    const died = new Promise<void>((resolve) => {
      forget = track.onDeath(resolve);
    });
    await waitWithin(this.#options.clock, READ_LIMIT_MS, Promise.race([removal, died]));
    forget();
  }

  /**
   * The fence for a lost node: once its time is up, the pod's object is removed by force. The signal cuts the wait short, without force.
   * Tells whether the pod is gone. Never rejects.
   */
  async fence(track: PodTrack): Promise<boolean> {
    const { clock, remover, nodeLostFenceMs } = this.#options;
    const { seen } = track;
    if (nodeLostFenceMs === undefined || seen === undefined) return false;
    const deadline = clock.monotonic() + nodeLostFenceMs;
    while (!track.isDead && !track.isStopping && clock.monotonic() < deadline)
      await this.#deathOrTimeout(track, deadline - clock.monotonic());
    if (track.isDead || track.isStopping) return track.isDead;
    const isStillToGo = (pod: Pod) => !this.isProof(track, pod);
    await this.#accepted(track, remover.remove(seen, { gracePeriodSeconds: 0, isStillToGo, ifRefused: 'tell' }));
    return this.#proven(track, seen, DEATH_MARGIN_MS);
  }

  async #proven(track: PodTrack, { namespace, name, uid }: PodObservation, limitMs: number): Promise<boolean> {
    const { clock, client } = this.#options;
    const deadline = clock.monotonic() + limitMs;
    while (!track.isDead && clock.monotonic() < deadline) {
      await this.#deathOrTimeout(track, PROOF_INTERVAL_MS);
      if (track.isDead) break;
      const pod = await client.readPod(namespace, name).catch(() => 'unknown' as const);
      if (pod === 'unknown') continue;
      // Meanwhile the task may have the pod of another launch, of which this says nothing.
      if (track.seen?.uid !== uid) return false;
      if (pod?.metadata?.uid !== uid) track.markDead(true);
      else this.isProof(track, pod);
    }
    return track.isDead;
  }

  /** Whether a pod, as the server shows it now, cannot run any more; then that is what counts, unless its task has the pod of another launch by now. */
  isProof(track: PodTrack, pod: Pod): boolean {
    const seen = observe(pod);
    if (!cannotRun(seen)) return false;
    if (track.seen?.uid !== seen.uid) return true;
    track.seen = seen;
    track.markDead(false);
    return true;
  }

  #deathOrTimeout(track: PodTrack, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = track.abort;
      const finish = () => {
        cancelTimer();
        forget();
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const cancelTimer = this.#options.clock.schedule(ms, finish);
      const forget = track.onDeath(finish);
      signal.addEventListener('abort', finish, { once: true });
      if (track.isDead) finish();
    });
  }
}
