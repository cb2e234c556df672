/**
 * Takes finished pods out of the way: one delete or one mark per pod, tried again until it has worked, never in anybody's way. What the host has no
 * right to is told, and made up for once it has.
 */
import { askedOrBackoffMs, type BackoffPolicy, backoffMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Random } from '../core/random.js';
import { Semaphore } from '../core/semaphore.js';
import { waitWithin } from '../core/within.js';
import { KubeApiError, LeaseLostError } from '../errors.js';
import type { PatchOptions, PodReader, PodWriter } from '../kube/kube-client.js';
import { READ_LIMIT_MS } from '../kube/read-until-known.js';
import { mayAnswerLater } from '../kube/status-errors.js';
import { isMarkedDone } from '../pod/names.js';
import { ANNOTATIONS, FINALIZER, LABELS } from '../wire/names.js';
import type { Pod } from '../wire/types.js';
import { RefusedWrites, type WriteResult } from './refused-writes.js';

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
  /**
   * Where the host has no right to it: make up for it once it has, tell at once, or try on as where the server is away. The last two are for where what
   * follows depends on the answer. @default 'owe'
   */
  readonly ifRefused?: 'owe' | 'tell' | 'insist' | undefined;
  /** Goes on where the lease was lost meanwhile and is had again, if the pod is still ours: its end was told. @default false */
  readonly outlivesTerm?: boolean | undefined;
  /** Told when what was owed is done. */
  readonly onRemovedLater?: (() => void) | undefined;
}

/** How a pod is marked as done. */
export interface MarkOptions {
  /** Told when it is, however late, and whether `ifDeleted` was written, too. */
  readonly onMarked?: ((isDeleted: boolean) => void) | undefined;
  /**
   * What is written, too, on a pod that somebody has deleted since it was seen, and on which our finalizer then stays: without it the pod would go, and its
   * name be free.
   */
  readonly ifDeleted?: Readonly<Record<string, string>> | undefined;
}

/** Options of a {@link PodRemover}. */
export interface PodRemoverOptions {
  readonly client: PodReader & PodWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told once per kind of permission and namespace, until it is there again. */
  readonly onForbidden: (verb: NeededVerb, namespace: string, message: string) => void;
  /** Calls in flight at a time. */
  readonly concurrency: number;
  /**
   * Where others may take pods over: whether a pod is still ours. Each write then carries the version that was seen as a precondition, and a
   * pod that has changed since is looked at again first.
   */
  readonly isOurs?: ((pod: Pod) => boolean) | undefined;
}

const BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };
/** How long an outcome waits for what is written on a pod before. */
const NOTE_LIMIT_MS = 10_000;

type Verb = 'delete' | 'patch';
/** What a host must have a right to. */
export type NeededVerb = Verb | 'get';
type PodCheck = (pod: Pod) => boolean;
/** How a write meets what is in its way. */
interface Persistence {
  /** Tries on where there is no right to it, as where the server is away. */
  readonly insists?: boolean | undefined;
  /** Asked where somebody has deleted the pod since: our finalizer then stays on it, and this is written, too. */
  readonly onDeleted?: (() => object | undefined) | undefined;
  /** Is about what the host has been told: should the lease be lost meanwhile and had again, it is as right as before where the pod is still ours. */
  readonly outlivesTerm?: boolean | undefined;
}
/** One write; the version is given where it is to be a precondition. */
type Write = (resourceVersion: string | undefined) => Promise<unknown>;

const kindOf = (verb: NeededVerb, { namespace }: PodIdentity) => `${verb} ${namespace}`;
/** Only that, since it may be kept for long. */
const anyVersionOf = ({ namespace, name, uid, isTracked }: PodIdentity): PodIdentity => ({
  namespace,
  name,
  uid,
  isTracked,
});

/** Deletes pods and marks kept ones as done. Works on its own: no caller's signal ends a cleanup. */
export class PodRemover {
  readonly #options: PodRemoverOptions;
  readonly #calls: Semaphore;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #refused: RefusedWrites;
  /** Rights that are missing, as verb and namespace. */
  readonly #missing = new Set<string>();

  constructor(options: PodRemoverOptions) {
    this.#options = options;
    this.#calls = new Semaphore(options.concurrency);
    this.#refused = new RefusedWrites(options.clock);
  }

  /** Whether something is still to be done for which the right was missing. */
  get owes(): boolean {
    return !this.#refused.isEmpty;
  }

  /** Tries again, at once, what the right was missing for. */
  makeUp(): Promise<void> {
    return this.#refused.makeUp();
  }

  /** Deletes a pod, and only this one; resolves with whether nothing is left to do: the server has accepted it, or the pod was gone or is not to go. Never rejects. */
  async remove(pod: PodIdentity, options: RemoveOptions = {}): Promise<boolean> {
    const { ifRefused = 'owe' } = options;
    const result = await this.#remove(pod, options);
    if (result === 'refused' && ifRefused === 'owe') {
      const owed = anyVersionOf(pod);
      this.#refused.add(kindOf('delete', pod), pod.uid, () => this.#removeLater(owed, options));
    }
    return result === 'done';
  }

  /** Removes a pod whose outcome is with the host; where that cannot be done now, the pod says so. Never rejects. */
  async removeForGood(pod: PodIdentity, options: RemoveOptions = {}): Promise<void> {
    if (!(await this.remove(pod, { ...options, outlivesTerm: true }))) await this.markAcknowledged(pod);
  }

  /** Removes the pod of a former launch; where that cannot be done now, the pod says so. Never rejects. */
  async removeFormer(pod: PodIdentity): Promise<void> {
    if (!(await this.remove(pod)))
      await this.#patch(anyVersionOf(pod), { annotations: { [ANNOTATIONS.acknowledged]: 'former' } });
  }

  /** Makes up for a delete, unless somebody has asked meanwhile to keep what has ended. */
  async #removeLater(pod: PodIdentity, options: RemoveOptions): Promise<WriteResult> {
    let isKept = false;
    const isStillToGo = (now: Pod) => {
      const { labels, deletionTimestamp } = now.metadata ?? {};
      const hasEnded = now.status?.phase === 'Succeeded' || now.status?.phase === 'Failed';
      isKept = labels?.[LABELS.keep] === 'true' && deletionTimestamp === undefined && hasEnded;
      return !isKept && (options.isStillToGo?.(now) ?? true);
    };
    const result = await this.#remove(pod, { ...options, isStillToGo });
    if (isKept) {
      const marked = await this.#owed(pod, { labels: { [LABELS.done]: 'true' } });
      return marked === 'refused' ? 'given up' : marked;
    }
    if (result === 'done') options.onRemovedLater?.();
    return result;
  }

  async #remove(pod: PodIdentity, options: RemoveOptions): Promise<WriteResult> {
    const { gracePeriodSeconds, keepsFinalizer = false, isStillToGo, ifRefused, outlivesTerm } = options;
    const { isOurs } = this.#options;
    const { namespace, name, uid } = pod;
    let isSpared = false;
    const isDoomed = (now: Pod) => {
      isSpared = isStillToGo?.(now) === false;
      return !isSpared;
    };
    const mayGoOn = (now: Pod) => (isOurs?.(now) ?? true) && isDoomed(now);
    const deleted = await this.#track(
      'delete',
      pod,
      (resourceVersion) =>
        this.#options.client.deletePod(namespace, name, { uid, resourceVersion, gracePeriodSeconds }),
      isOurs === undefined && isStillToGo === undefined ? undefined : mayGoOn,
      { insists: ifRefused === 'insist', outlivesTerm },
    );
    if (deleted !== 'done' || isSpared || keepsFinalizer || pod.isTracked !== true) return deleted;
    // Where the caller goes another way now, that is not to free the name of the pod later on; otherwise it is owed by itself.
    const released =
      ifRefused === 'tell'
        ? await this.#patch(anyVersionOf(pod), {}, undefined, { outlivesTerm: true })
        : await this.#owed(anyVersionOf(pod), {});
    return released === 'refused' ? 'given up' : released;
  }

  /** Marks a kept pod, so that watches and adoption leave it out. Never rejects. */
  async markDone(
    pod: PodIdentity,
    annotations: Readonly<Record<string, string>> = {},
    { onMarked = () => {}, ifDeleted }: MarkOptions = {},
  ): Promise<void> {
    let isDeleted = false;
    const deleted = ifDeleted === undefined ? undefined : { annotations: { ...annotations, ...ifDeleted } };
    const onDeleted = () => {
      isDeleted = true;
      return deleted;
    };
    const marks = { labels: { [LABELS.done]: 'true' }, annotations };
    await this.#owed(pod, marks, () => onMarked(isDeleted), deleted === undefined ? {} : { onDeleted });
  }

  /** Marks a pod that could not be removed after its outcome: should the host die, the next one removes it, and tells nothing again. Never rejects. */
  async markAcknowledged(pod: PodIdentity, note: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#patch(anyVersionOf(pod), { annotations: { ...note, [ANNOTATIONS.acknowledged]: 'true' } });
  }

  /** Writes annotations on a pod, and only this one, unless its end was told meanwhile, or it is not as it must be. Never rejects. */
  async annotate(
    pod: PodIdentity,
    annotations: Readonly<Record<string, string>>,
    isAsItMustBe?: PodCheck,
  ): Promise<boolean> {
    const { isOurs } = this.#options;
    const isUntold = (now: Pod) => isOurs === undefined || (isOurs(now) && !isMarkedDone(now));
    const isFit = (now: Pod) => isUntold(now) && isAsItMustBe?.(now) !== false;
    const mayGoOn = isOurs === undefined && isAsItMustBe === undefined ? undefined : isFit;
    // Who was seen to have it may not have it any more: with others about it is looked at anew.
    const target = isOurs === undefined ? pod : anyVersionOf(pod);
    return (await this.#patch({ ...target, isTracked: false }, { annotations }, mayGoOn)) === 'done';
  }

  /** Waits for what is written on a pod no longer than ten seconds: what is to be told must not wait for a server that is away. The write goes on by itself. */
  inTime<T>(written: Promise<T>, limitMs = NOTE_LIMIT_MS): Promise<T | undefined> {
    written.catch(() => {});
    return waitWithin(this.#options.clock, limitMs, written);
  }

  /** Gives a pod that stays another executor's label, which the host had no right to, once it has. */
  relabelLater(pod: PodIdentity, from: string, to: string): void {
    const isStillThere = (now: Pod) => now.metadata?.labels?.[LABELS.executorId] === from;
    const write = () =>
      this.#patch({ ...anyVersionOf(pod), isTracked: false }, { labels: { [LABELS.executorId]: to } }, isStillThere);
    this.#refused.add(kindOf('patch', pod), pod.uid, write);
  }

  /** Resolves when everything under way is through, or the limit is reached; what is left then is not tried again. */
  async settled(limitMs: number): Promise<void> {
    await waitWithin(this.#options.clock, limitMs, this.#idle());
    this.#closing.abort();
    this.#refused.close();
  }

  async #idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled([...this.#pending]);
  }

  /** A patch that is made up for where the host has no right to it now. */
  async #owed(
    pod: PodIdentity,
    metadata: object,
    onDone = () => {},
    persistence: Persistence = {},
  ): Promise<WriteResult> {
    const write = async (target: PodIdentity) => {
      const result = await this.#patch(target, metadata, undefined, { ...persistence, outlivesTerm: true });
      if (result === 'done') onDone();
      return result;
    };
    const result = await write(pod);
    const kind = kindOf('patch', pod);
    if (result === 'refused') this.#refused.add(kind, pod.uid, () => write(anyVersionOf(pod)));
    // What was owed before may be wrong by now: it would free a name that is held since.
    else if (result === 'done') this.#refused.drop(kind, pod.uid);
    return result;
  }

  /** Patches the metadata of one pod, and lets go of it where our finalizer holds it. */
  #patch(
    { isTracked, ...pod }: PodIdentity,
    metadata: object,
    mayGoOn?: PodCheck,
    persistence: Persistence = {},
  ): Promise<WriteResult> {
    const { namespace, name, uid } = pod;
    let release: object = isTracked === true ? { '$deleteFromPrimitiveList/finalizers': [FINALIZER] } : {};
    const options: PatchOptions = { type: isTracked === true ? 'strategic' : 'merge' };
    // A uid in the patch is a precondition: a later pod of the same name is not touched.
    const write = (resourceVersion: string | undefined) =>
      this.#options.client.patchPod(
        namespace,
        name,
        { metadata: { ...metadata, ...release, uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) } },
        options,
      );
    const { isOurs } = this.#options;
    const { onDeleted } = persistence;
    const check = mayGoOn ?? isOurs;
    const checkAndNote = (now: Pod) => {
      if (now.metadata?.deletionTimestamp !== undefined) release = onDeleted?.() ?? release;
      return check?.(now) !== false;
    };
    return this.#track('patch', pod, write, onDeleted === undefined ? check : checkAndNote, persistence);
  }

  #track(
    verb: Verb,
    pod: PodIdentity,
    write: Write,
    mayGoOn = this.#options.isOurs,
    persistence: Persistence = {},
  ): Promise<WriteResult> {
    const work = this.#attempt(verb, pod, write, mayGoOn, persistence);
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
    return work;
  }

  async #attempt(
    verb: Verb,
    pod: PodIdentity,
    write: Write,
    mayGoOn: PodCheck | undefined,
    { insists = false, outlivesTerm = false }: Persistence,
  ): Promise<WriteResult> {
    const { clock, random, logger } = this.#options;
    const startedAt = clock.monotonic();
    let version = pod.resourceVersion;
    let asked: NeededVerb = verb;
    let isDoubtful = false;
    const pause = (ms: number) => clock.delay(ms, { signal: this.#closing.signal }).catch(() => {});
    for (let attempt = 1; !this.#closing.signal.aborted; attempt += 1) {
      try {
        if ((mayGoOn !== undefined || isDoubtful) && version === undefined) {
          asked = 'get';
          version = await this.#versionOf(pod, mayGoOn ?? (() => true));
          this.#missing.delete(kindOf('get', pod));
          // Gone, somebody else's by now, who will see to it, or not to be written to as it is.
          if (version === undefined) return 'done';
        }
        asked = verb;
        await this.#calls.run(() => write(mayGoOn === undefined ? undefined : version));
        this.#missing.delete(kindOf(verb, pod));
        return 'done';
      } catch (error) {
        if (error instanceof LeaseLostError) {
          // Who lost the lease has no say in the pod any more, unless it is found to be ours still.
          if (!outlivesTerm || mayGoOn === undefined) return 'given up';
          version = undefined;
          await pause(backoffMs(BACKOFF, attempt, random));
          continue;
        }
        const status = error instanceof KubeApiError ? error.status : -1;
        if (status === 404) return 'done';
        if (status === 409 || (status === 422 && !isDoubtful)) {
          // Another pod stands under this name now, or none: ours is gone then. A server under load also says so of its own conflicts.
          isDoubtful = true;
          version = undefined;
          if (attempt > 3) await clock.delay(backoffMs(BACKOFF, attempt - 3, random)).catch(() => {});
          continue;
        }
        logger.warn(
          { err: error, verb, pod: pod.name, namespace: pod.namespace, attempt },
          'a finished pod could not be cleaned up',
        );
        // A policy may deny what the host has a right to, and a webhook make of it what may not be written.
        if (error instanceof KubeApiError && !mayAnswerLater(error)) {
          this.#isRefused(asked, pod, error.message);
          if (!insists || clock.monotonic() - startedAt > READ_LIMIT_MS) return 'refused';
        }
        if (!(error instanceof KubeApiError)) return 'given up';
        await pause(askedOrBackoffMs(error, BACKOFF, attempt, random));
      }
    }
    return 'given up';
  }

  #isRefused(verb: NeededVerb, pod: PodIdentity, message: string): void {
    const kind = kindOf(verb, pod);
    if (this.#missing.has(kind)) return;
    this.#missing.add(kind);
    this.#options.onForbidden(verb, pod.namespace, message);
  }

  async #versionOf({ namespace, name, uid }: PodIdentity, mayGoOn: PodCheck) {
    const now = await this.#options.client.readPod(namespace, name);
    return now?.metadata?.uid === uid && mayGoOn(now) ? now.metadata.resourceVersion : undefined;
  }
}
