/** Takes finished pods out of the way: one delete or one mark per pod, tried again until it has worked, never in anybody's way. */
import { type BackoffPolicy, backoffMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Random } from '../core/random.js';
import { Semaphore } from '../core/semaphore.js';
import { waitWithin } from '../core/within.js';
import { KubeApiError, LeaseLostError } from '../errors.js';
import type { PatchOptions, PodReader, PodWriter } from '../kube/kube-client.js';
import { FINALIZER, LABELS } from '../wire/names.js';
import type { Pod } from '../wire/types.js';

/** A pod to be removed or marked. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Version that was seen last, where one was. */
  readonly resourceVersion?: string | undefined;
  /** Whether our finalizer holds its object. */
  readonly isTracked?: boolean | undefined;
}

/** The identity of a pod as the server shows it. */
export const identityOf = ({ metadata = {} }: Pod): PodIdentity => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
  resourceVersion: metadata.resourceVersion,
  isTracked: metadata.finalizers?.includes(FINALIZER) ?? false,
});

/** How a pod is removed. */
export interface RemoveOptions {
  /** Seconds between SIGTERM and SIGKILL; left out, the pod's own. */
  readonly gracePeriodSeconds?: number | undefined;
  /** Leaves our finalizer on it, because its end is still to be seen. @default false */
  readonly keepsFinalizer?: boolean | undefined;
  /**
   * Makes the version that was seen a precondition: shown the pod where it has changed since, tells whether it is still to be removed. A pod
   * that has ended is deleted at once by the server, with all that it could have told. One that is not to go is left as it is.
   */
  readonly isStillToGo?: ((pod: Pod) => boolean) | undefined;
}

/** Options of a {@link PodRemover}. */
export interface PodRemoverOptions {
  readonly client: PodReader & PodWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told once per kind of permission that is missing. */
  readonly onForbidden: (verb: 'delete' | 'patch', message: string) => void;
  /** Calls in flight at a time. */
  readonly concurrency: number;
  /**
   * Where others may take pods over: whether a pod is still ours. Each write then carries the version that was seen as a precondition, and a
   * pod that has changed since is looked at again first.
   */
  readonly isOurs?: ((pod: Pod) => boolean) | undefined;
}

const BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };

type Verb = 'delete' | 'patch';
type PodCheck = (pod: Pod) => boolean;
/** One write; the version is given where it is to be a precondition. */
type Write = (resourceVersion: string | undefined) => Promise<unknown>;

/** Deletes pods and marks kept ones as done. Works on its own: no caller's signal ends a cleanup. */
export class PodRemover {
  readonly #options: PodRemoverOptions;
  readonly #calls: Semaphore;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(options: PodRemoverOptions) {
    this.#options = options;
    this.#calls = new Semaphore(options.concurrency);
  }

  /** Deletes a pod, and only this one; resolves with whether nothing is left to do: the server has accepted it, or the pod was gone or is not to go. Never rejects. */
  async remove(pod: PodIdentity, options: RemoveOptions = {}): Promise<boolean> {
    const { gracePeriodSeconds, keepsFinalizer = false, isStillToGo } = options;
    const { isOurs } = this.#options;
    const { namespace, name, uid } = pod;
    let isSpared = false;
    const isDoomed = (now: Pod) => {
      isSpared = isStillToGo?.(now) === false;
      return !isSpared;
    };
    const mayGoOn = (now: Pod) => (isOurs?.(now) ?? true) && isDoomed(now);
    const isDeleted = await this.#track(
      'delete',
      pod,
      (resourceVersion) =>
        this.#options.client.deletePod(namespace, name, { uid, resourceVersion, gracePeriodSeconds }),
      isOurs === undefined && isStillToGo === undefined ? undefined : mayGoOn,
    );
    if (!isDeleted || isSpared || keepsFinalizer || pod.isTracked !== true) return isDeleted;
    return this.#patch({ ...pod, resourceVersion: undefined }, {});
  }

  /** Marks a kept pod, so that watches and adoption leave it out. Never rejects. */
  markDone(pod: PodIdentity, annotations: Readonly<Record<string, string>> = {}): Promise<boolean> {
    return this.#patch(pod, { labels: { [LABELS.done]: 'true' }, annotations });
  }

  /** Writes annotations on a pod, and only this one, unless its end was told meanwhile. Never rejects. */
  annotate(pod: PodIdentity, annotations: Readonly<Record<string, string>>): Promise<boolean> {
    const { isOurs } = this.#options;
    const isUntold = (now: Pod) => isOurs?.(now) === true && now.metadata?.labels?.[LABELS.done] !== 'true';
    return this.#patch({ ...pod, isTracked: false }, { annotations }, isOurs === undefined ? undefined : isUntold);
  }

  /** Resolves when everything under way is through, or the limit is reached; what is left then is not tried again. */
  async settled(limitMs: number): Promise<void> {
    await waitWithin(this.#options.clock, limitMs, this.#idle());
    this.#closing.abort();
  }

  async #idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled([...this.#pending]);
  }

  /** Patches the metadata of one pod, and lets go of it where our finalizer holds it. */
  #patch({ isTracked, ...pod }: PodIdentity, metadata: object, mayGoOn?: PodCheck): Promise<boolean> {
    const { namespace, name, uid } = pod;
    const release = isTracked === true ? { '$deleteFromPrimitiveList/finalizers': [FINALIZER] } : {};
    const options: PatchOptions = { type: isTracked === true ? 'strategic' : 'merge' };
    // A uid in the patch is a precondition: a later pod of the same name is not touched.
    const write = (resourceVersion: string | undefined) =>
      this.#options.client.patchPod(
        namespace,
        name,
        { metadata: { ...metadata, ...release, uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) } },
        options,
      );
    return this.#track('patch', pod, write, mayGoOn);
  }

  #track(verb: Verb, pod: PodIdentity, write: Write, mayGoOn = this.#options.isOurs): Promise<boolean> {
    const work = this.#attempt(verb, pod, write, mayGoOn);
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
    return work;
  }

  async #attempt(verb: Verb, pod: PodIdentity, write: Write, mayGoOn: PodCheck | undefined): Promise<boolean> {
    const { clock, random, logger } = this.#options;
    let version = pod.resourceVersion;
    for (let attempt = 1; !this.#closing.signal.aborted; attempt += 1) {
      try {
        if (mayGoOn !== undefined && version === undefined) {
          version = await this.#versionOf(pod, mayGoOn);
          // Gone, somebody else's by now, who will see to it, or not to be written to as it is.
          if (version === undefined) return true;
        }
        await this.#calls.run(() => write(mayGoOn === undefined ? undefined : version));
        return true;
      } catch (error) {
        // Who lost the lease has no say in the pod any more.
        if (error instanceof LeaseLostError) return false;
        const status = error instanceof KubeApiError ? error.status : -1;
        if (status === 404 || status === 422) return true;
        if (status === 409) {
          // Another pod stands under this name now, or none: ours is gone either way.
          if (mayGoOn === undefined) return true;
          version = undefined;
          if (attempt > 3) await clock.delay(backoffMs(BACKOFF, attempt - 3, random)).catch(() => {});
          continue;
        }
        logger.warn(
          { err: error, verb, pod: pod.name, namespace: pod.namespace, attempt },
          'a finished pod could not be cleaned up',
        );
        if (status === 403) {
          this.#options.onForbidden(verb, (error as Error).message);
          return false;
        }
        if (!(error instanceof KubeApiError)) return false;
        const { signal } = this.#closing;
        await clock.delay(error.retryAfterMs ?? backoffMs(BACKOFF, attempt, random), { signal }).catch(() => {});
      }
    }
    return false;
  }

  async #versionOf({ namespace, name, uid }: PodIdentity, mayGoOn: PodCheck) {
    const now = await this.#options.client.readPod(namespace, name);
    return now?.metadata?.uid === uid && mayGoOn(now) ? now.metadata.resourceVersion : undefined;
  }
}
