/** Deletes pods that nobody needs any more, and goes on whatever fails. */
import { type BackoffPolicy, backoffMs } from '../core/backoff.js';
import { type Clock, systemClock } from '../core/clock.js';
import { type Duration, parseDuration } from '../core/duration.js';
import { systemRandom } from '../core/random.js';
import { Semaphore } from '../core/semaphore.js';
import { ConfigError, type ConfigProblem, KubeApiError } from '../errors.js';
import type { KubeClient, PodReader, PodWriter } from '../kube/kube-client.js';
import type { Pod } from '../wire/types.js';
import { type CleanupAges, type CleanupReason, chooseCleanup, type KeptReason } from './cleanup-rules.js';
import { serverNow } from './pod-age.js';

/** Options of {@link cleanupCompletedPods}. */
export interface CleanupOptions {
  /** Namespaces; `'*'` for all. @default ['default'] */
  readonly namespaces?: readonly string[] | '*' | undefined;
  /** Kubernetes label selector. @default every pod */
  readonly labelSelector?: string | undefined;
  /** How long ago a pod must have ended. @default '24h' */
  readonly completedAge?: Duration | undefined;
  /** The same for pods that were evicted. @default `completedAge` */
  readonly evictedAge?: Duration | undefined;
  /** How long ago a pod that does not start must have been created. @default such pods are left alone */
  readonly pendingAge?: Duration | undefined;
  /** From this age on pods go, too, whose outcome no executor has told: it is lost then. @default they are kept */
  readonly undeliveredAge?: Duration | undefined;
  /** Only pods that ended so. @default both */
  readonly phases?: readonly ('Succeeded' | 'Failed')[] | undefined;
  /** Deletes nothing, and reports what it would. @default false */
  readonly dryRun?: boolean | undefined;
  /** Deletes in flight at a time; the client's flow control holds besides. @default 16 */
  readonly concurrency?: number | undefined;
  /** Told after each page. */
  readonly onProgress?: ((progress: CleanupProgress) => void) | undefined;
  /** Ends the cleanup; what was done by then is not undone. */
  readonly signal?: AbortSignal | undefined;
  /** Source of time for waits. @default the machine's */
  readonly clock?: Clock | undefined;
}

/** How far a cleanup is. */
export interface CleanupProgress {
  /** Pods that were looked at. */
  readonly examined: number;
  /** Pods that are gone. */
  readonly deleted: number;
  /** Pods that could not be deleted so far. */
  readonly failed: number;
}

/** A pod that a cleanup takes. */
export interface CleanedPod {
  /** As `namespace/name`. */
  readonly pod: string;
  /** Why. */
  readonly reason: CleanupReason;
  /** Milliseconds since its end, or since its creation where it is pending; by the server's time. */
  readonly ageMs: number;
}

/** Something that did not work. */
export interface CleanupFailure {
  /** The pod as `namespace/name`, or the namespace whose list broke off. */
  readonly subject: string;
  /** Why. */
  readonly message: string;
}

/** What a cleanup has done. */
export interface CleanupReport extends CleanupProgress {
  /** Whether nothing was deleted on purpose. */
  readonly dryRun: boolean;
  /** Pods that were to go, deleted or not. */
  readonly pods: readonly CleanedPod[];
  /** How many were kept, by reason. `undelivered`: an executor has still to tell their outcome. */
  readonly kept: Readonly<Record<KeptReason, number>>;
  /** What did not work, after repetition. Empty where all went well. */
  readonly failures: readonly CleanupFailure[];
}

/** What is asked of a client. */
export type CleanupClient = Pick<PodReader, 'listPods'> &
  Pick<PodWriter, 'deletePod'> &
  Pick<KubeClient, 'serverTimeOffsetMs'>;

const PAGE_SIZE = 500;
const MAX_LIST_ATTEMPTS = 6;
const DELETE_ROUNDS = 3;
const BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 10_000 };

interface Checked {
  readonly ages: CleanupAges;
  readonly namespaces: readonly (string | undefined)[];
  readonly concurrency: number;
}

function check(options: CleanupOptions): Checked {
  const problems: ConfigProblem[] = [];
  const age = (field: keyof CleanupOptions, value: Duration | undefined) => {
    const ms = value === undefined ? undefined : parseDuration(value);
    if (value !== undefined && ms === undefined)
      problems.push({ field, value, rule: 'must be a duration', hint: 'such as "24h" or "30m"' });
    return ms;
  };
  const { namespaces = ['default'], completedAge = '24h', concurrency = 16, phases } = options;
  const isList =
    Array.isArray(namespaces) &&
    namespaces.length > 0 &&
    namespaces.every((one) => typeof one === 'string' && one !== '');
  if (namespaces !== '*' && !isList)
    problems.push({ field: 'namespaces', value: namespaces, rule: "must be a list of names, or '*'" });
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    problems.push({ field: 'concurrency', value: concurrency, rule: 'must be an integer of at least 1' });
  for (const phase of phases ?? [])
    if (phase !== 'Succeeded' && phase !== 'Failed')
      problems.push({ field: 'phases', value: phase, rule: 'must be Succeeded or Failed' });
  const ages = {
    completedMs: age('completedAge', completedAge),
    evictedMs: age('evictedAge', options.evictedAge ?? completedAge),
    pendingMs: age('pendingAge', options.pendingAge),
    undeliveredMs: age('undeliveredAge', options.undeliveredAge),
  };
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'cleanup' });
  return { ages, concurrency, namespaces: namespaces === '*' ? [undefined] : [...new Set(namespaces as string[])] };
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A pod that is to go, with what it takes to delete just this one. */
interface Candidate extends CleanedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string | undefined;
  /** Of a pending pod, which might start in between. */
  readonly resourceVersion: string | undefined;
}

class Cleanup {
  readonly #client: CleanupClient;
  readonly #options: CleanupOptions;
  readonly #checked: Checked;
  readonly #clock: Clock;
  readonly #deletes: Semaphore;
  readonly #seen = new Set<string>();
  readonly #pods: CleanedPod[] = [];
  readonly #kept: Record<KeptReason, number> = { running: 0, young: 0, held: 0, undelivered: 0, terminating: 0 };
  readonly #failures: CleanupFailure[] = [];
  #unfinished: { candidate: Candidate; message: string }[] = [];
  #examined = 0;
  #deleted = 0;

  constructor(client: CleanupClient, options: CleanupOptions) {
    this.#client = client;
    this.#options = options;
    this.#checked = check(options);
    this.#clock = options.clock ?? systemClock;
    this.#deletes = new Semaphore(this.#checked.concurrency);
  }

  async run(): Promise<CleanupReport> {
    for (const namespace of this.#checked.namespaces) await this.#namespace(namespace);
    for (let round = 2; round <= DELETE_ROUNDS && this.#unfinished.length > 0; round += 1) {
      await this.#pause(round);
      await this.#deleteAll(this.#unfinished.splice(0).map(({ candidate }) => candidate));
    }
    for (const { candidate, message } of this.#unfinished) this.#failures.push({ subject: candidate.pod, message });
    const { dryRun = false } = this.#options;
    return {
      dryRun,
      examined: this.#examined,
      deleted: this.#deleted,
      failed: this.#unfinished.length,
      pods: this.#pods,
      kept: this.#kept,
      failures: this.#failures,
    };
  }

  /** All pages of a namespace; begins anew where the server has forgotten the list meanwhile, and goes on to the next where it gives up. */
  async #namespace(namespace: string | undefined): Promise<void> {
    const { labelSelector, signal, onProgress } = this.#options;
    let token: string | undefined;
    for (let failures = 0; ; ) {
      signal?.throwIfAborted();
      try {
        const page = await this.#client.listPods({
          namespace,
          labelSelector,
          limit: PAGE_SIZE,
          continue: token,
          signal,
        });
        await this.#deleteAll(this.#choose(page.items));
        onProgress?.({ examined: this.#examined, deleted: this.#deleted, failed: this.#unfinished.length });
        token = page.metadata.continue;
        if (token === undefined || token === '') return;
        failures = 0;
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof KubeApiError)) throw error;
        failures += 1;
        if (error.status === 410) token = undefined;
        else if (failures >= MAX_LIST_ATTEMPTS || (error.status >= 400 && error.status < 500 && error.status !== 429)) {
          this.#failures.push({
            subject: namespace ?? 'all namespaces',
            message: `pods could not be listed: ${error.message}`,
          });
          return;
        }
        await this.#pause(failures);
      }
    }
  }

  #choose(pods: readonly Pod[]): Candidate[] {
    const now = serverNow(this.#client, this.#clock);
    const { phases } = this.#options;
    return pods.flatMap((pod): Candidate[] => {
      const { namespace = '', name = '', uid, resourceVersion } = pod.metadata ?? {};
      const id = uid ?? `${namespace}/${name}`;
      if (this.#seen.has(id)) return [];
      this.#seen.add(id);
      this.#examined += 1;
      const choice = chooseCleanup(pod, this.#checked.ages, now);
      const isOther = phases !== undefined && !phases.some((phase) => phase === pod.status?.phase);
      if (!choice.take || isOther) {
        this.#kept[choice.take ? 'young' : choice.reason] += 1;
        return [];
      }
      const { reason, ageMs } = choice;
      const cleaned = { pod: `${namespace}/${name}`, reason, ageMs };
      this.#pods.push(cleaned);
      return [
        { ...cleaned, namespace, name, uid, resourceVersion: reason === 'pending' ? resourceVersion : undefined },
      ];
    });
  }

  async #deleteAll(candidates: readonly Candidate[]): Promise<void> {
    if (this.#options.dryRun === true) return;
    await Promise.all(candidates.map((candidate) => this.#deletes.run(() => this.#delete(candidate))));
  }

  async #delete(candidate: Candidate): Promise<void> {
    const { namespace, name, uid, resourceVersion } = candidate;
    const { signal } = this.#options;
    if (signal?.aborted === true) return;
    try {
      await this.#client.deletePod(namespace, name, { uid, resourceVersion, signal });
      this.#deleted += 1;
    } catch (error) {
      // Another pod has its name by now, or it has changed: either way it is not the one that was judged.
      if (error instanceof KubeApiError && error.status === 409) this.#kept.running += 1;
      else this.#unfinished.push({ candidate, message: textOf(error) });
    }
  }

  #pause(attempt: number): Promise<void> {
    const { signal } = this.#options;
    return this.#clock.delay(backoffMs(BACKOFF, attempt, systemRandom), { signal });
  }
}

/**
 * Deletes pods that have ended, by pages of 500 and several at a time. Errors of single calls do not end it: they are repeated, and
 * reported in the end. Kept are pods with the label `podwright.dev/keep`, and those whose outcome an executor of podwright has still to
 * tell. Ages are the server's, from the end of the last container.
 * @throws ConfigError where an option is wrong.
 * @throws UnsupportedError where the client does not tell the server's time.
 * Rejects with `signal.reason`.
 * @example
 * const report = await cleanupCompletedPods(client, { namespaces: ['jobs'], completedAge: '24h' });
 */
export async function cleanupCompletedPods(
  client: CleanupClient,
  options: CleanupOptions = {},
): Promise<CleanupReport> {
  if (typeof client?.listPods !== 'function' || typeof client.deletePod !== 'function')
    throw new ConfigError(
      [{ field: 'client', rule: 'must be a KubeClient', hint: 'pass await HttpKubeClient.connect()' }],
      {
        subject: 'cleanup',
      },
    );
  options.signal?.throwIfAborted();
  const report = await new Cleanup(client, options).run();
  options.signal?.throwIfAborted();
  return report;
}
