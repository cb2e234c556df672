/**
 * The Secret of a pod, from before the pod until after it: created first, so that the pod never waits for it; handed to the pod by an owner
 * reference, so that the cluster removes both together; deleted at once where no pod came of it. One that was left over by a crash in
 * between is found by its labels, and swept later.
 */
import { type BackoffPolicy, backoffMs, heededMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Random } from '../core/random.js';
import type { Verdict } from '../core/verdict.js';
import { KubeApiError, LeaseLostError } from '../errors.js';
import { eachItem, type Namespaces } from '../kube/each-pod.js';
import type { CallGate, KubeClient, ListOptions, SecretClient } from '../kube/kube-client.js';
import { mayAnswerLater } from '../kube/status-errors.js';
import { ANNOTATIONS, LABELS, MANAGED_BY } from '../wire/names.js';
import type { ObjectMeta, Pod, Secret } from '../wire/types.js';
import { type CreateFailure, classifyCreateError, launchVerdict } from './create-errors.js';
import { isSameLaunch, type LaunchRequest, type LaunchResult, type PodLauncher } from './pod-launcher.js';

/** Options of {@link PodSecrets}. */
export interface PodSecretsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Value of the label that carries the executor's id. */
  readonly executorLabel: string;
  /** Makes the pods. */
  readonly launcher: PodLauncher;
  /** Attempts after the first that a transient error may cost; -1 for no limit. @default 10 */
  readonly maxRetries?: number | undefined;
  /** Limit for waiting on a full quota, in milliseconds. @default an hour */
  readonly quotaTimeoutMs?: number | undefined;
  /** Whether another executor may launch the same task, with the same names. @default false */
  readonly isNameShared?: boolean | undefined;
}

/** A gate that stays open as long as it is renewed. */
interface RenewedGate extends CallGate {
  renew(): Promise<void>;
}

/** How the Secret of a launch is there: made for it, or found and brought up to date; or why not, `undefined` where the launch was cancelled. */
type Provided =
  | { readonly how: 'made' | 'found'; readonly metadata: ObjectMeta | undefined }
  | { readonly how: 'failed'; readonly verdict: Verdict | undefined; readonly mayExist: boolean };

const BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };
const MAX_RETRIES = 10;
const QUOTA_LIMIT_MS = 3_600_000;
/** How often is tried what a sweep makes up for. */
const CLEANUP_ATTEMPTS = 6;
/** A Secret without an owner may belong to a launch under way; after this time it does not. */
const ORPHAN_AGE_MS = 30 * 60_000;
const PAGE_SIZE = 500;
const RIGHTS =
  "Give the host's service account the verbs create, list, patch and delete on secrets (podwright rbac --features secrets).";

function secretClientOf(client: KubeClient): SecretClient | undefined {
  const { createSecret, listSecrets, patchSecret, deleteSecret } = client;
  return createSecret && listSecrets && patchSecret && deleteSecret ? (client as SecretClient) : undefined;
}

/** See the module's text. */
export class PodSecrets {
  readonly #options: PodSecretsOptions;
  /** When each namespace was swept last, in monotonic milliseconds. */
  readonly #sweptAt = new Map<string, number>();
  /** How many launches are under way with those of a `namespace/name`, however old they are: it may be waiting for quota, or have found one that was left over. */
  readonly #inUse = new Map<string, number>();

  constructor(options: PodSecretsOptions) {
    this.#options = options;
  }

  /** Launches a pod with its Secret around it. Never rejects. */
  async launch(secret: Secret | undefined, request: LaunchRequest): Promise<LaunchResult> {
    const { launcher } = this.#options;
    if (secret === undefined) return launcher.launch(request);
    const client = secretClientOf(this.#options.client);
    if (client === undefined) {
      const verdict = launchVerdict(
        'invalid_workload',
        'The task has secret() values, and the Kubernetes client can make no Secrets',
        'Use a client with the methods of SecretClient.',
      );
      return { type: 'failed', verdict };
    }
    const { namespace = 'default', name = '' } = secret.metadata ?? {};
    const id = `${namespace}/${name}`;
    this.#inUse.set(id, (this.#inUse.get(id) ?? 0) + 1);
    try {
      return await this.#around(client, secret, request);
    } finally {
      const left = (this.#inUse.get(id) ?? 0) - 1;
      // One that was let go of may end while the next is under way.
      if (left > 0) this.#inUse.set(id, left);
      else this.#inUse.delete(id);
      this.#sweepNowAndThen(client, namespace);
    }
  }

  async #around(client: SecretClient, secret: Secret, request: LaunchRequest): Promise<LaunchResult> {
    const { launcher, isNameShared = false } = this.#options;
    const { namespace = 'default', name = '' } = secret.metadata ?? {};
    // Whoever has the task by then needs the Secret of the same name.
    const isLeft = () => request.isLeft?.() === true;
    const provided = await this.#provide(client, secret, request);
    if (provided.how === 'failed') {
      // A create that failed may have happened nevertheless.
      if (provided.mayExist && !isLeft()) await this.#remove(client, namespace, name);
      return launcher.givenUp(request, provided.verdict);
    }
    const result = await launcher.launch(request);
    const made = result.type === 'failed' ? undefined : result.pod;
    const pod = made !== undefined && result.type === 'seen' ? await this.#latest(made, request) : made;
    if (pod !== undefined) await this.#handOver(client, pod, name, provided.metadata);
    else if (isLeft()) return result;
    else if (provided.how === 'made' || !isNameShared) await this.#remove(client, namespace, name);
    else await this.#giveBack(client, namespace, name);
    return result;
  }

  /** Creates the Secret, or brings up to date what is there. What keeps it from being made is waited out as for a pod. */
  async #provide(client: SecretClient, secret: Secret, { signal, seen, onWait }: LaunchRequest): Promise<Provided> {
    const { clock, random, maxRetries = MAX_RETRIES, quotaTimeoutMs = QUOTA_LIMIT_MS } = this.#options;
    const { namespace = 'default' } = secret.metadata ?? {};
    const startedAt = clock.monotonic();
    let mayExist = false;
    let waits = 0;
    for (let attempt = 1; ; ) {
      if (signal.aborted) return { how: 'failed', verdict: undefined, mayExist };
      // Another executor has made the pod meanwhile, and its Secret.
      if (seen?.() !== undefined) return { how: 'found', metadata: undefined };
      let pauseMs: number;
      try {
        const { metadata } = (await client.createSecret(namespace, secret)) ?? {};
        return { how: 'made', metadata };
      } catch (error) {
        if (error instanceof KubeApiError && (error.status === 0 || error.status >= 500)) mayExist = true;
        const failure = classifyCreateError(error);
        // Ours, where the answer to its create was lost.
        const reused = failure.type === 'exists' ? await this.#reuse(client, secret) : 'gone';
        if (reused !== 'gone') return reused;
        // What is there and goes, or has its quota full, is waited for by time.
        const isTimed = failure.type === 'quota' || failure.type === 'exists';
        const isSpent = isTimed
          ? clock.monotonic() - startedAt >= quotaTimeoutMs
          : maxRetries >= 0 && attempt > maxRetries;
        if (failure.type === 'permanent' || isSpent) {
          const isRefused = failure.type === 'permanent' || failure.type === 'quota';
          const isForbidden = failure.type === 'permanent' && error instanceof KubeApiError && error.status === 403;
          const times = isRefused || isTimed ? '' : ` in ${attempt} attempts`;
          const message = `The Secret of the pod could not be created${times}: ${reasonOf(failure)}`;
          const kind = isRefused ? failure.verdict.kind : 'launch_failed';
          return { how: 'failed', verdict: launchVerdict(kind, message, isForbidden ? RIGHTS : undefined), mayExist };
        }
        if (isTimed) waits += 1;
        onWait(reasonOf(failure));
        const asked = failure.type === 'transient' ? (failure.retryAfterMs ?? 0) : 0;
        pauseMs = Math.max(backoffMs(BACKOFF, isTimed ? waits : attempt, random), heededMs(asked));
        attempt = isTimed ? 1 : attempt + 1;
      }
      await clock.delay(pauseMs, { signal }).catch(() => {});
    }
  }

  /** A Secret of the name is there, or just going: ours from an earlier attempt is brought up to date, anybody else's is left alone. */
  async #reuse(client: SecretClient, secret: Secret): Promise<Provided | 'gone'> {
    const { namespace = 'default', name = '', annotations } = secret.metadata ?? {};
    const failed = (message: string, hint: string): Provided => ({
      how: 'failed',
      verdict: launchVerdict('launch_failed', message, hint),
      mayExist: false,
    });
    try {
      const found = await named(client, namespace, name);
      if (found === undefined) return 'gone';
      const isOurs =
        found.metadata?.labels?.[LABELS.managedBy] === MANAGED_BY &&
        found.metadata.annotations?.[ANNOTATIONS.key] === annotations?.[ANNOTATIONS.key];
      if (!isOurs)
        return failed(
          `A Secret ${namespace}/${name} exists already and belongs to something else`,
          'Delete it, or use another namespace.',
        );
      const { uid, resourceVersion, labels } = found.metadata ?? {};
      // An owner of former times would take it along; a name that is in use again gets its owner below.
      const metadata = {
        uid,
        resourceVersion,
        ownerReferences: null,
        labels: { [LABELS.executorId]: this.#options.executorLabel },
      };
      const reused = await client.patchSecret(namespace, name, { metadata, stringData: secret.stringData });
      // Nobody else has had it since we have made it.
      const isStillOurs = labels?.[LABELS.executorId] === this.#options.executorLabel;
      return { how: isStillOurs ? 'made' : 'found', metadata: reused?.metadata };
    } catch (error) {
      // It has gone, is another one by now, or nobody can say.
      if (error instanceof KubeApiError && error.status === 404) return 'gone';
      if (mayAnswerLater(error) || (error instanceof KubeApiError && error.status === 409)) return 'gone';
      const message = error instanceof Error ? error.message : String(error);
      return failed(`The Secret of the pod could not be brought up to date: ${message}`, RIGHTS);
    }
  }

  /** Where answers were lost, the pod that the watch has shown may be gone by now, and another create may have made the next: a Secret must not go with the former. */
  async #latest(seen: Pod, { pod: wanted }: LaunchRequest): Promise<Pod> {
    const { namespace = 'default', name = '' } = seen.metadata ?? {};
    const now = await this.#options.client.readPod(namespace, name).catch(() => undefined);
    return now !== undefined && isSameLaunch(now, wanted) ? now : seen;
  }

  /**
   * Makes the pod the owner, of the Secret as it was made for it: a late write of a former life would give it to a pod that has gone, which
   * takes it along.
   */
  async #handOver(client: SecretClient, pod: Pod, name: string, made: ObjectMeta | undefined): Promise<void> {
    const { executorLabel } = this.#options;
    const { namespace = 'default', name: podName, uid: podUid } = pod.metadata ?? {};
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid: podUid }];
    let known = made;
    await this.#insist('given to its pod', namespace, name, async () => {
      if (known === undefined) {
        const { metadata } = (await named(client, namespace, name)) ?? {};
        // Whoever has taken it over gives it to its pod; and a lost answer may have been about this.
        const owner = metadata?.labels?.[LABELS.executorId] ?? executorLabel;
        if (metadata === undefined || owner !== executorLabel || (metadata.ownerReferences ?? []).length > 0) return;
        known = metadata;
      }
      const { uid, resourceVersion } = known;
      known = undefined;
      const given = client.patchSecret(namespace, name, { metadata: { uid, resourceVersion, ownerReferences } });
      await given.catch((error: unknown) => {
        // What comes after the term may be about the Secret of a later launch.
        if (!(error instanceof LeaseLostError)) throw error;
      });
    });
  }

  /** Another executor may have made the pod with what was found, or be about to. What nobody needs a sweep sees to. */
  async #giveBack(client: SecretClient, namespace: string, name: string): Promise<void> {
    const pod = await this.#options.client.readPod(namespace, name).catch(() => undefined);
    if (pod !== undefined) await this.#handOver(client, pod, name, undefined);
  }

  /** Deletes it as it stands there: another executor that launches the same task may have taken it over. */
  async #remove(client: SecretClient, namespace: string, name: string): Promise<void> {
    const { executorLabel, isNameShared = false } = this.#options;
    await this.#insist('deleted', namespace, name, async () => {
      const { metadata } = (await named(client, namespace, name)) ?? {};
      if (metadata === undefined || (isNameShared && metadata.labels?.[LABELS.executorId] !== executorLabel)) return;
      const { uid, resourceVersion } = metadata;
      await client.deleteSecret(namespace, name, { uid, resourceVersion });
    });
  }

  /** Tries a few times. What fails for good is left to the sweep of a later run. */
  async #insist(what: string, namespace: string, name: string, call: () => Promise<unknown>): Promise<void> {
    const { clock, random, logger } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await call();
        return;
      } catch (error) {
        const isFinal =
          error instanceof KubeApiError &&
          error.status > 0 &&
          error.status < 500 &&
          error.status !== 429 &&
          error.status !== 409;
        if (isFinal || attempt >= CLEANUP_ATTEMPTS) {
          logger.warn({ err: error, secret: name, namespace }, `the Secret of a pod could not be ${what}`);
          return;
        }
      }
      await clock.delay(backoffMs(BACKOFF, attempt, random));
    }
  }

  /** Beside the work, at the first use and then every so often: deletes what crashes and errors have left without an owner. */
  #sweepNowAndThen(client: SecretClient, namespace: string): void {
    const now = this.#options.clock.monotonic();
    const last = this.#sweptAt.get(namespace);
    if (last !== undefined && now - last < ORPHAN_AGE_MS) return;
    this.#sweptAt.set(namespace, now);
    void this.sweep(client, namespace).catch((error: unknown) => {
      this.#options.logger.warn({ err: error, namespace }, 'left-over Secrets of pods could not be swept');
    });
  }

  /**
   * Makes ours what an executor that is no more has left without an owner: a later sweep finds it, also that of our next life. Who may not list Secrets,
   * or patch them, has nothing to do with them. Resolves with whether nothing is left; rejects where the lease that it stands on is lost.
   */
  async takeOver(executorLabel: string, namespaces: Namespaces, lease: RenewedGate): Promise<boolean> {
    const { logger, executorLabel: ours } = this.#options;
    const client = secretClientOf(this.#options.client);
    if (client === undefined) return true;
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.executorId}=${executorLabel}`;
    let isComplete = true;
    const failed = (error: unknown) => {
      logger.debug({ err: error, executor: executorLabel }, 'a Secret that was left could not be taken over');
      if (mayAnswerLater(error)) isComplete = false;
    };
    for (const namespace of namespaces) {
      const left = await unowned(client, { namespace, labelSelector }).catch(failed);
      for (const { namespace: place = '', name = '', uid } of left ?? []) {
        await lease.renew();
        const patch = { metadata: { uid, labels: { [LABELS.executorId]: ours } } };
        await client.patchSecret(place, name, patch, { gate: lease }).catch(failed);
      }
    }
    await lease.renew();
    return isComplete;
  }

  /** Deletes Secrets of this executor that are old, have no owner, and whose pod is not there. Resolves with how many. */
  async sweep(client: SecretClient, namespace: string): Promise<number> {
    const { executorLabel, clock, client: pods } = this.#options;
    const labelSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.executorId}=${executorLabel}`;
    const left = await unowned(client, { namespace, labelSelector });
    const now = clock.now() + (pods.serverTimeOffsetMs?.() ?? 0);
    let deleted = 0;
    for (const { name = '', uid, resourceVersion, creationTimestamp } of left) {
      const age = now - Date.parse(creationTimestamp ?? '');
      if (!(age >= ORPHAN_AGE_MS)) continue;
      if ((await pods.readPod(namespace, name)) !== undefined || this.#inUse.has(`${namespace}/${name}`)) continue;
      // A launch that brings it up to date meanwhile changes its version.
      const isDeleted = await client.deleteSecret(namespace, name, { uid, resourceVersion }).catch((error: unknown) => {
        if (error instanceof KubeApiError && error.status === 409) return false;
        throw error;
      });
      if (isDeleted) deleted += 1;
    }
    return deleted;
  }
}

function reasonOf(failure: CreateFailure): string {
  if (failure.type === 'exists') return 'one of the same name comes and goes';
  return failure.type === 'permanent' ? failure.verdict.message : failure.message;
}

/** The metadata of Secrets without an owner, of many that have one, page by page: each comes with all that it holds. */
async function unowned(client: SecretClient, scope: ListOptions): Promise<ObjectMeta[]> {
  const left: ObjectMeta[] = [];
  const pages = eachItem((token) => client.listSecrets({ ...scope, limit: PAGE_SIZE, continue: token }));
  for await (const { metadata = {} } of pages) if ((metadata.ownerReferences ?? []).length === 0) left.push(metadata);
  return left;
}

async function named(client: SecretClient, namespace: string, name: string): Promise<Secret | undefined> {
  const { items } = await client.listSecrets({ namespace, fieldSelector: `metadata.name=${name}` });
  return items.find(({ metadata }) => metadata?.name === name);
}
