/** Takes finished pods out of the way: one delete or one mark per pod, tried again until it has worked, never in anybody's way. */
import { type BackoffPolicy, backoffMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Random } from '../core/random.js';
import { Semaphore } from '../core/semaphore.js';
import { KubeApiError } from '../errors.js';
import type { PodWriter } from '../kube/kube-client.js';
import { LABELS } from '../wire/names.js';

/** A pod to be removed or marked. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Options of a {@link PodRemover}. */
export interface PodRemoverOptions {
  readonly client: PodWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told once per kind of permission that is missing. */
  readonly onForbidden: (verb: 'delete' | 'patch', message: string) => void;
  /** Calls in flight at a time. */
  readonly concurrency: number;
}

const BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };

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

  /** Deletes a pod, and only this one; resolves with whether the server has accepted it or the pod was gone. Never rejects. */
  remove(pod: PodIdentity, gracePeriodSeconds?: number): Promise<boolean> {
    return this.#track('delete', pod, () =>
      this.#options.client.deletePod(pod.namespace, pod.name, { uid: pod.uid, gracePeriodSeconds }),
    );
  }

  /** Marks a kept pod, so that watches and adoption leave it out. Never rejects. */
  markDone(pod: PodIdentity): Promise<boolean> {
    // A uid in the patch is a precondition: a later pod of the same name is not touched.
    const patch = { metadata: { uid: pod.uid, labels: { [LABELS.done]: 'true' } } };
    return this.#track('patch', pod, () => this.#options.client.patchPod(pod.namespace, pod.name, patch));
  }

  /** Writes annotations on a pod, and only this one. Never rejects. */
  annotate(pod: PodIdentity, annotations: Readonly<Record<string, string>>): Promise<boolean> {
    const patch = { metadata: { uid: pod.uid, annotations } };
    return this.#track('patch', pod, () => this.#options.client.patchPod(pod.namespace, pod.name, patch));
  }

  /** Resolves when everything under way is through, or the limit is reached; what is left then is not tried again. */
  async settled(limitMs: number): Promise<void> {
    const limit = new AbortController();
    await Promise.race([
      Promise.allSettled([...this.#pending]),
      this.#options.clock.delay(limitMs, { signal: limit.signal }).catch(() => {}),
    ]);
    limit.abort();
    this.#closing.abort();
  }

  #track(verb: 'delete' | 'patch', pod: PodIdentity, call: () => Promise<unknown>): Promise<boolean> {
    const work = this.#attempt(verb, pod, call);
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
    return work;
  }

  async #attempt(verb: 'delete' | 'patch', pod: PodIdentity, call: () => Promise<unknown>): Promise<boolean> {
    const { clock, random, logger } = this.#options;
    for (let attempt = 1; !this.#closing.signal.aborted; attempt += 1) {
      try {
        await this.#calls.run(call);
        return true;
      } catch (error) {
        const status = error instanceof KubeApiError ? error.status : -1;
        // Another pod stands under this name now, or none: ours is gone either way.
        if (status === 404 || status === 409 || status === 422) return true;
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
}
