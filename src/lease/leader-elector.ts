/** Leader election: of several processes that want the same lease, one at a time does the work. */
import { type Clock, systemClock } from '../core/clock.js';
import { type Duration, parseDuration } from '../core/duration.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { type Random, randomText, systemRandom } from '../core/random.js';
import { untilAborted } from '../core/within.js';
import { ConfigError, type ConfigProblem, LeaseLostError } from '../errors.js';
import type { LeaseClient } from '../kube/kube-client.js';
import { LeaseHolder } from './lease-holder.js';

/** Options of a {@link LeaderElector}. */
export interface LeaderElectorOptions {
  /** Reads and writes leases; a `KubeClient` with leases will do. */
  readonly kubeClient: Partial<LeaseClient>;
  /** Name of the lease; an object name of Kubernetes. */
  readonly name: string;
  /** Its namespace. @default 'default' */
  readonly namespace?: string | undefined;
  /** Who we are; no other process may say the same. @default a random one */
  readonly identity?: string | undefined;
  /** How long a leader that has gone silent still counts as one: at least 3 s, in whole seconds. @default '15s' */
  readonly duration?: Duration | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

const MIN_MS = 3_000;
const DEFAULT_MS = 15_000;
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Reads the duration of a lease; problems are added to the list. */
export function leaseDurationMs(value: Duration | undefined, field: string, problems: ConfigProblem[]): number {
  const ms = value === undefined ? DEFAULT_MS : parseDuration(value);
  if (ms !== undefined && ms >= MIN_MS && ms % 1_000 === 0) return ms;
  problems.push({ field, value, rule: 'must be a duration of whole seconds, at least 3s' });
  return DEFAULT_MS;
}

/** Whether a client has all that leases need. */
export function canLease(client: Partial<LeaseClient>): client is LeaseClient {
  const { readLease, listLeases, createLease, replaceLease, deleteLease } = client;
  return [readLease, listLeases, createLease, replaceLease, deleteLease].every((call) => typeof call === 'function');
}

/** See the module's text. */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #durationMs: number;
  #holder: LeaseHolder | undefined;
  /** Resolves when no run is under way. */
  #runs: Promise<unknown> = Promise.resolve();

  /** @throws ConfigError */
  constructor(options: LeaderElectorOptions) {
    const problems: ConfigProblem[] = [];
    if (typeof options.name !== 'string' || !NAME.test(options.name))
      problems.push({ field: 'name', value: options.name, rule: 'must be an object name of Kubernetes' });
    if (!canLease(options.kubeClient ?? {}))
      problems.push({
        field: 'kubeClient',
        value: undefined,
        rule: 'must have the methods of LeaseClient',
        hint: 'pass await HttpKubeClient.connect()',
      });
    this.#durationMs = leaseDurationMs(options.duration, 'duration', problems);
    if (problems.length > 0) throw new ConfigError(problems);
    this.#options = options;
  }

  /** Whether this process is surely the leader right now; ask it before anything that must not be done twice. */
  get isLeader(): boolean {
    return this.#holder?.isHeld ?? false;
  }

  /**
   * Wants to lead until the signal aborts: whenever this process becomes the leader, `lead` is called with a signal that aborts when it is
   * not any more, and must then stop at once. When `lead` ends by itself, the lease is given back, and `run` resolves. A run that is asked for while
   * another one is under way begins when that has ended: both have one name, and would both take the lease for theirs.
   * @throws whatever `lead` throws, unless it was to stop.
   */
  async run(
    lead: (signal: AbortSignal) => Promise<void> | void,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const run = this.#terms(this.#runs, lead, options.signal);
    this.#runs = Promise.allSettled([this.#runs, run]);
    return run;
  }

  async #terms(
    formerRuns: Promise<unknown>,
    lead: (signal: AbortSignal) => Promise<void> | void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await (signal === undefined ? formerRuns : untilAborted(formerRuns, signal).catch(() => {}));
    while (signal?.aborted !== true) if (await this.#oneTerm(lead, signal)) return;
  }

  /** Waits for one term and leads; tells whether the work has ended by itself, or nobody wants it any more. */
  async #oneTerm(
    lead: (signal: AbortSignal) => Promise<void> | void,
    outer: AbortSignal | undefined,
  ): Promise<boolean> {
    const { kubeClient, name, namespace = 'default', clock = systemClock, logger = silentLogger } = this.#options;
    const { random = systemRandom, identity = randomText(random) } = this.#options;
    const term = new AbortController();
    const holder = new LeaseHolder({
      client: kubeClient as LeaseClient,
      clock,
      random,
      logger,
      namespace,
      name,
      identity,
      durationMs: this.#durationMs,
      onHeld: () => guard(),
      onLost: (_term, by) => term.abort(new LeaseLostError(name, by)),
    });
    let cancelGuard = () => {};
    // Not renewed in time is as bad as lost: whoever leads must not go on in doubt.
    const guard = () => {
      cancelGuard();
      cancelGuard = clock.schedule(this.#durationMs / 6, () =>
        holder.isHeld ? guard() : term.abort(new LeaseLostError(name, undefined)),
      );
    };
    this.#holder = holder;
    let isLeading = false;
    // While it leads, the lease is given back only once its work has really stopped.
    const onAbort = () => (isLeading ? undefined : void holder.release());
    outer?.addEventListener('abort', onAbort, { once: true });
    holder.start();
    try {
      await holder.confirm();
      isLeading = true;
      await lead(outer === undefined ? term.signal : AbortSignal.any([outer, term.signal]));
      return !term.signal.aborted;
    } catch (error) {
      if (outer?.aborted === true) return true;
      if (term.signal.aborted) return false;
      throw error;
    } finally {
      cancelGuard();
      outer?.removeEventListener('abort', onAbort);
      await holder.release();
    }
  }
}
