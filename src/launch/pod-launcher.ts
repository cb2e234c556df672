/**
 * Brings one launch's pod into being, exactly once. Names are deterministic, so a create whose answer was lost is simply sent again;
 * 409 then leads to the pod that is there already.
 */
import { type BackoffPolicy, backoffMs, heededMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Random } from '../core/random.js';
import { Semaphore } from '../core/semaphore.js';
import { keyToString } from '../core/task-key.js';
import type { Verdict } from '../core/verdict.js';
import { untilAborted, waitWithin } from '../core/within.js';
import { KubeApiError, LeaseLostError, LifecycleError } from '../errors.js';
import type { CallGate, PodReader, PodWriter } from '../kube/kube-client.js';
import { READ_LIMIT_MS, readUntilKnown } from '../kube/read-until-known.js';
import { annotationsToKey, isMarkedDone } from '../pod/names.js';
import { ANNOTATIONS } from '../wire/names.js';
import type { Pod } from '../wire/types.js';
import { classifyCreateError, launchVerdict } from './create-errors.js';

/** How a launch went. A cancelled one carries the pod that came into being nevertheless, to be deleted. */
export type LaunchResult =
  | { readonly type: 'created'; readonly pod: Pod }
  | { readonly type: 'existing'; readonly pod: Pod }
  /** The answer was lost, but the pod has been seen. */
  | { readonly type: 'seen'; readonly pod: Pod }
  | { readonly type: 'failed'; readonly verdict: Verdict }
  | { readonly type: 'cancelled'; readonly pod: Pod | undefined };

/** Options of a {@link PodLauncher}. */
export interface PodLauncherOptions {
  readonly client: PodReader & PodWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Creates in flight at a time. */
  readonly concurrency: number;
  /** Attempts after the first that a transient error may cost; -1 for no limit. */
  readonly maxRetries: number;
  /** Limit for a create, all its attempts together, in milliseconds; `undefined` for the client's own. */
  readonly createTimeoutMs: number | undefined;
  /** Whether another executor may have made a pod of the same name, which then is the launch's. */
  readonly isNameShared?: boolean | undefined;
  /** Limit for waiting on a full quota, in milliseconds. */
  readonly quotaTimeoutMs: number;
}

/** One launch under way. */
export interface LaunchRequest {
  readonly pod: Pod;
  /** Aborts when the task is cancelled. */
  readonly signal: AbortSignal;
  /** Resolves when anything may be written: what was asked long before a create says nothing any more. */
  readonly ready?: (() => Promise<void>) | undefined;
  /** Asked right before the create; a `false` cancels the launch. Where it fails or is silent, it is asked again, as a server would be. */
  readonly isStillWanted: () => boolean | Promise<boolean>;
  /** The pod, as far as it is known, where a watch has shown it already: it was made after all, or taken over, and needs no create. */
  readonly seen?: (() => Pod | undefined) | undefined;
  /** Whether a pod, by its uid, had the same name before and is to be gone, as that of the launch before: it is never this one's. */
  readonly isFormer?: ((uid: string | undefined) => boolean) | undefined;
  /** Whether the task is left to somebody else: its signal has aborted, and nothing is looked for or removed any more. @default false */
  readonly isLeft?: (() => boolean) | undefined;
  /** Told when a create is sent, and when it is answered, or given up. */
  readonly onCreate?: ((isUnderWay: boolean) => void) | undefined;
  /** Told when the answer to a create was lost: another one may make a second pod, should the first be gone by then. */
  readonly onAnswerLost?: (() => void) | undefined;
  /** Told why the launch waits. */
  readonly onWait: (reason: string) => void;
}

const RETRY_BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };
/** How long a host may take to say whether a task is still wanted, in milliseconds. */
const ASK_LIMIT_MS = 30_000;
const QUOTA_BACKOFF: BackoffPolicy = { initialMs: 1_000, maxMs: 30_000 };

/** Whether a pod is of the same try as another one. */
function isSameTry(found: Pod, wanted: Pod): boolean {
  const [left, right] = [annotationsToKey(found.metadata?.annotations), annotationsToKey(wanted.metadata?.annotations)];
  return left !== undefined && right !== undefined && keyToString(left) === keyToString(right);
}

/** Whether a pod is the launch that another one was to be: same key, same launch. */
export function isSameLaunch(found: Pod, wanted: Pod): boolean {
  if (!isSameTry(found, wanted)) return false;
  return found.metadata?.annotations?.[ANNOTATIONS.launch] === wanted.metadata?.annotations?.[ANNOTATIONS.launch];
}

/** The client may send a create again for a long time: not once the task is left to somebody else. */
const whileNotLeft = (isLeft: () => boolean): CallGate => ({
  get isOpen() {
    return !isLeft();
  },
  opened: () => Promise.reject(new LifecycleError('ERR_PODWRIGHT_CLOSED', 'createPod()')),
});

/** Creates pods with bounded concurrency, retries and quota parking. */
export class PodLauncher {
  readonly #options: PodLauncherOptions;
  readonly #creates: Semaphore;
  /** Monotonic time until which nothing is created, because the server asked for quiet. */
  #pausedUntil = 0;
  readonly #parked = new Set<() => void>();

  constructor(options: PodLauncherOptions) {
    this.#options = options;
    this.#creates = new Semaphore(options.concurrency);
  }

  /** Lets launches that wait for quota try again at once; called when a pod has gone. */
  wakeParked(): void {
    for (const wake of [...this.#parked]) wake();
  }

  /** Creates the pod of a launch, or finds the one that is there. Never rejects. */
  async launch(request: LaunchRequest): Promise<LaunchResult> {
    const { pod, signal } = request;
    const { clock, random } = this.#options;
    const startedAt = clock.monotonic();
    let mayExist = false;
    let quotaWaits = 0;
    let nameWaits = 0;
    // Failures in a row: what the server has answered in between shows that it is there.
    for (let attempt = 1; ; ) {
      const seen = request.seen?.();
      if (seen !== undefined) return { type: 'seen', pod: seen };
      if (signal.aborted) return this.#cancelled(request, mayExist);
      const result = await this.#creates.run(() => this.#tryOnce(request));
      if (result === 'unwanted') return this.#unwanted(request, mayExist);
      if (!('failure' in result)) return result;
      const { failure, error } = result;
      if (error instanceof KubeApiError && (error.status === 0 || error.status >= 500)) {
        mayExist = true;
        request.onAnswerLost?.();
      }
      if (failure.type === 'permanent') return this.#failed(request, mayExist, failure.verdict);
      if (failure.type === 'exists') {
        const found = await this.#compare(request);
        if (found !== undefined) return found;
        // The name is taken by a pod on its way out: it is free once that has gone.
        const message = `a pod ${pod.metadata?.name} of former times is still on its way out`;
        if (clock.monotonic() - startedAt >= this.#options.quotaTimeoutMs) {
          const verdict = launchVerdict('launch_failed', `The pod could not be created: ${message}`);
          return this.#failed(request, mayExist, verdict);
        }
        request.onWait(message);
        nameWaits += 1;
        attempt = 1;
        await this.#wait(backoffMs(RETRY_BACKOFF, nameWaits, random), signal);
        continue;
      }
      request.onWait(failure.message);
      if (failure.type === 'quota') {
        if (clock.monotonic() - startedAt >= this.#options.quotaTimeoutMs)
          return this.#failed(request, mayExist, failure.verdict);
        quotaWaits += 1;
        attempt = 1;
        await this.#park(backoffMs(QUOTA_BACKOFF, quotaWaits, random), signal);
        continue;
      }
      const { maxRetries } = this.#options;
      if (maxRetries >= 0 && attempt > maxRetries) {
        const message = `The pod could not be created in ${attempt} attempts: ${failure.message}`;
        return this.#failed(request, mayExist, launchVerdict('launch_failed', message));
      }
      if (failure.retryAfterMs !== undefined)
        this.#pausedUntil = Math.max(this.#pausedUntil, clock.monotonic() + heededMs(failure.retryAfterMs));
      await this.#wait(
        Math.max(backoffMs(RETRY_BACKOFF, attempt, random), this.#pausedUntil - clock.monotonic()),
        signal,
      );
      attempt += 1;
    }
  }

  /**
   * How a launch ends that was given up before a create was sent: with this verdict, or cancelled. Where names are shared it is looked first whether
   * another executor has made the pod. Never rejects.
   */
  givenUp(request: LaunchRequest, verdict: Verdict | undefined): Promise<LaunchResult> {
    return verdict === undefined ? this.#cancelled(request, false) : this.#failed(request, false, verdict);
  }

  async #tryOnce(
    request: LaunchRequest,
  ): Promise<LaunchResult | 'unwanted' | { failure: ReturnType<typeof classifyCreateError>; error: unknown }> {
    const { pod, signal, onCreate, ready } = request;
    const pauseMs = this.#pausedUntil - this.#options.clock.monotonic();
    if (pauseMs > 0) await this.#wait(pauseMs, signal);
    // Where that fails, the create says so.
    if (ready !== undefined) await untilAborted(ready(), signal).catch(() => {});
    if (signal.aborted) return 'unwanted';
    const answer = await this.#askedFor(request);
    if (signal.aborted || answer === false) return 'unwanted';
    if (answer instanceof Error) {
      // The host's database may be away as a server may be; nobody knows that it is not wanted.
      const message = `isStillWanted did not answer: ${answer.message}`;
      return { failure: { type: 'transient', retryAfterMs: undefined, message }, error: answer };
    }
    try {
      onCreate?.(true);
      // The cancel signal is not passed on: an aborted create may have happened, and nobody would know.
      const { client, createTimeoutMs } = this.#options;
      const options = {
        ...(createTimeoutMs === undefined ? {} : { timeoutMs: createTimeoutMs }),
        ...(request.isLeft === undefined ? {} : { gate: whileNotLeft(request.isLeft) }),
      };
      return { type: 'created', pod: await client.createPod(pod.metadata?.namespace ?? 'default', pod, options) };
    } catch (error) {
      return { failure: classifyCreateError(error), error };
    } finally {
      onCreate?.(false);
    }
  }

  /** Whether the host still wants the task, or why it cannot say. */
  async #askedFor({ signal, isStillWanted }: LaunchRequest): Promise<boolean | Error> {
    let answer: boolean | Error = new Error(`it took longer than ${ASK_LIMIT_MS / 1_000} s`);
    try {
      const given = isStillWanted();
      if (typeof given === 'boolean') return given;
      const asked = Promise.resolve(given).then((isWanted) => {
        answer = Boolean(isWanted);
      });
      await waitWithin(this.#options.clock, ASK_LIMIT_MS, asked, signal);
      return answer;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** A task that is not wanted any more: its pod is not made. One that was, because an answer was lost, is followed, unless the task is to stop. */
  async #unwanted(request: LaunchRequest, mayExist: boolean): Promise<LaunchResult> {
    const { signal, seen } = request;
    const shown = seen?.();
    if (shown !== undefined) return { type: 'seen', pod: shown };
    if (signal.aborted || !mayExist) return this.#cancelled(request, mayExist);
    return (await this.#madeAfterAll(request)) ?? { type: 'cancelled', pod: undefined };
  }

  /** After a 409: the pod of the same launch, a failure where it is another's, `undefined` where the name is about to be free. */
  async #compare({ pod: wanted, isFormer }: LaunchRequest): Promise<LaunchResult | undefined> {
    const { namespace = 'default', name = '' } = wanted.metadata ?? {};
    const found = await this.#options.client.readPod(namespace, name).catch((error: unknown) => {
      this.#options.logger.warn(
        { err: error, pod: name, namespace },
        'a pod of the same name exists and cannot be read',
      );
      return undefined;
    });
    if (found === undefined || isFormer?.(found.metadata?.uid) === true) return undefined;
    const isLeaving = found.metadata?.deletionTimestamp !== undefined;
    // Another executor may be at work on the same try, and count its launches by itself. One whose end was told is not to be run again, once the name is free.
    const isInItsPlace = !isLeaving || isMarkedDone(found) || isSameLaunch(found, wanted);
    if (isSameTry(found, wanted) && isInItsPlace) return { type: 'existing', pod: found };
    if (isLeaving) return undefined;
    return {
      type: 'failed',
      verdict: launchVerdict(
        'launch_failed',
        `A pod ${namespace}/${name} exists already and belongs to something else`,
        'Delete it, or use another namespace.',
      ),
    };
  }

  async #cancelled({ pod, signal, isFormer, isLeft }: LaunchRequest, mayExist: boolean): Promise<LaunchResult> {
    // Another executor may have done the work, which a word of ours must not undo.
    const isToBeLookedFor = mayExist || (this.#options.isNameShared === true && signal.aborted);
    const isFollowed = isLeft?.() !== true;
    return {
      type: 'cancelled',
      pod: isToBeLookedFor && isFollowed ? await this.#found({ pod, isFormer, isLeft }) : undefined,
    };
  }

  async #failed(request: LaunchRequest, mayExist: boolean, verdict: Verdict): Promise<LaunchResult> {
    if ((!mayExist && !this.#options.isNameShared) || request.isLeft?.() === true) return { type: 'failed', verdict };
    request.onWait('whether its pod exists all the same is to be found out');
    return (await this.#madeAfterAll(request)) ?? { type: 'failed', verdict };
  }

  /** The pod of a launch whose creates have failed: one that a lost answer was about, or another executor's. */
  async #madeAfterAll(request: LaunchRequest): Promise<LaunchResult | undefined> {
    const found = await this.#found(request);
    return found === undefined ? undefined : { type: request.seen?.() === undefined ? 'existing' : 'seen', pod: found };
  }

  /** The pod of a try whose creates have failed, or lost their answers. Nobody may call it ended while that may be at work: the server is asked until it answers. */
  async #found({
    pod,
    isFormer,
    seen,
    isLeft,
  }: Pick<LaunchRequest, 'pod' | 'isFormer' | 'seen' | 'isLeft'>): Promise<Pod | undefined> {
    const { clock, random, client, logger } = this.#options;
    const { namespace = 'default', name = '' } = pod.metadata ?? {};
    const isEnough = (waitedMs: number, error: unknown) => {
      const isHopeless = error instanceof LeaseLostError || waitedMs > READ_LIMIT_MS;
      if (!isHopeless)
        logger.warn(
          { err: error, pod: name, namespace },
          'whether the pod of a launch that has failed exists cannot be told',
        );
      return isHopeless;
    };
    const isOver = () => seen?.() !== undefined || isLeft?.() === true;
    const found = await readUntilKnown({ client, clock, random, namespace, name, isOver, isEnough });
    const shown = seen?.();
    if (shown !== undefined) return shown;
    if (found === 'unknown' || found === undefined || !isSameTry(found, pod)) return undefined;
    return isFormer?.(found.metadata?.uid) === true ? undefined : found;
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.delay(ms, { signal }).catch(() => {});
  }

  #park(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#parked.delete(wake);
        cancelTimer();
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const cancelTimer = this.#options.clock.schedule(ms, wake);
      this.#parked.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
