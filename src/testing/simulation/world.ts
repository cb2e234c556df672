/** Carries out the operations of a simulation on a cluster and its hosts, and checks the promises after each of them. */

import { durationMs } from '../../core/duration.js';
import type { Workload } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import { keyToString } from '../../core/task-key.js';
import { LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import { checkEnd, type LaunchLimits } from './check-end.js';
import { ClusterActs, newestOf, SILENCE_MS } from './cluster-acts.js';
import { SimulatedDatabase, type SimulatedTask } from './database.js';
import { EvidenceOrder } from './evidence-order.js';
import { EvidenceWatch } from './evidence-watch.js';
import type { HostHabits, SimulatedExecutor, SimulatedHostContext } from './host.js';
import { HostActs, isHostOperation, RESYNC_MS, SLOWEST_MS } from './host-acts.js';
import { checkPods, isAtWork, isLive, isProofOfSuccess, launchOf, podIdOf, taskIdOf, unguarded } from './invariants.js';
import { type KeepLimits, KeepWatch } from './keep-watch.js';
import { LimitWatch } from './limits.js';
import type { Operation } from './operations.js';
import { checkSecrets, referToSecrets } from './secret-watch.js';
import { checkSlots } from './slots.js';
import { TaskActs } from './task-acts.js';
import { untidyOf } from './tidiness.js';

/** What a {@link World} is made of. */
export interface WorldOptions {
  readonly cluster: FakeCluster<VirtualClock>;
  readonly random: Random;
  readonly hosts: number;
  readonly lateWrites: boolean;
  readonly fencesLostNodes: boolean;
  readonly takesLogs: boolean;
  /** How long after the loss of its node a pod may be removed by force; `undefined` where nobody looks. */
  readonly fenceMs: number | undefined;
  readonly launches: LaunchLimits;
  /** How long failed pods are kept; `undefined` where nobody looks. */
  readonly keeps: KeepLimits | undefined;
  readonly habits: HostHabits;
  readonly createExecutor: (context: SimulatedHostContext) => SimulatedExecutor;
  /** What a host hands over for the task of a number. */
  readonly workloadOf: (index: number, annotations: Readonly<Record<string, string>>) => Workload;
}

const DURATION = 'testing.podwright.dev/duration';
/** What a request that failed may cost, with the wait before the next try. */
const RETRY_MS = 6_000;
/** The longest that a server which asks for patience is heeded: what hangs on the request waits for a minute, after half of one for all others. */
const LONGEST_HEEDED_MS = 90_000;
/** How long the last outcome may take after the last fault, beside the work itself: the longest of all waits of a task together. */
const OUTCOME_LIMIT_MS = 240 * 60_000;
/** How often the work of a task may be begun, one task after the other in the worst case. */
const LAUNCHES = 3;
/** How long an ended pod may wait for a word after the last fault: until the next list, and the logs of its containers. */
const UNTOLD_LIMIT_MS = 15 * 60_000;
/** Time in which a success is told where nothing is in the way; lists come every five minutes. */
const PROMPT_MS = 180_000;
/** How often the clock is moved on for what is cleaned up after the last outcome. */
const CLEANUP_TRIES = 60;
/** And for hosts to end: one may wait for a fence of some minutes beside its proofs of death. */
const END_TRIES = 240;

const workMs = ({ annotations }: SimulatedTask) => durationMs(annotations[DURATION] ?? 0, DURATION);

/** When something was first noted of a pod: now, where it was not before. */
function noted(times: Map<string, number>, uid: string, now: number): number {
  const since = times.get(uid) ?? now;
  times.set(uid, since);
  return since;
}

/** See the module's text. */
export class World {
  readonly database = new SimulatedDatabase((id) =>
    this.cluster.pods().some((pod) => taskIdOf(pod) === id && isAtWork(pod)),
  );
  readonly log: string[] = [];
  /** Messages, timers and operations so far. */
  steps = 0;
  readonly cluster: FakeCluster<VirtualClock>;
  readonly #options: WorldOptions;
  readonly #fleet: HostActs;
  readonly #known = new Map<string, string>();
  readonly #makers = new Map<string, string | undefined>();
  readonly #acts: ClusterActs;
  readonly #tasks: TaskActs;
  /** Pods whose log was taken while they were there. */
  readonly #logged = new Set<string>();
  /** Since when an ended pod stands there whose task has no outcome, by uid. */
  readonly #untold = new Map<string, number>();
  /** When pods were first found to have succeeded, by uid. */
  readonly #succeeded = new Map<string, number>();
  readonly #limits = new LimitWatch();
  readonly #keeps: KeepWatch;
  readonly #evidence: EvidenceOrder;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.cluster = options.cluster;
    this.#acts = new ClusterActs({
      cluster: options.cluster,
      note: (text) => this.#note(text),
      onMet: (id, what) => this.database.tasks.get(id)?.met.add(what),
    });
    this.#keeps = new KeepWatch({
      database: this.database,
      limits: this.#limits,
      keeps: options.hosts === 1 && !options.lateWrites ? options.keeps : undefined,
    });
    this.#evidence = new EvidenceOrder(this.database, () => options.cluster.pods());
    const evidence = new EvidenceWatch({
      database: this.database,
      pods: () => options.cluster.pods(),
      hasSharedNames: options.lateWrites,
      // Under one name for all launches nobody can tell which one's it was; and what is found by the next life is cleared away.
      logged: () => (options.takesLogs && !options.lateWrites && !this.#fleet.hasRestarts ? this.#logged : undefined),
    });
    options.cluster.onPodChange((pod, isGone) => {
      evidence.onPod(pod, isGone);
      this.#keeps.onPod(pod, isGone, options.cluster.clock.now());
      if (isGone) return;
      this.#acts.onPod(pod);
      const { uid = '', name = '', labels } = pod.metadata ?? {};
      if (!this.#makers.has(uid)) this.#makers.set(uid, labels?.[LABELS.executorId]);
      this.#limits.onPod(pod, options.cluster.clock.now());
      if (!isProofOfSuccess(pod) || this.#acts.unknown.has(uid)) return;
      const { succeeded } = this.database;
      const id = taskIdOf(pod);
      if (!succeeded.has(id)) succeeded.set(id, { name, uid });
    });
    this.#fleet = new HostActs({
      ...options,
      database: this.database,
      limits: this.#limits,
      evidence: this.#evidence,
      wrongOf: (request) => unguarded(request) ?? this.#acts.haste(request, options.fenceMs),
      tookLog: (pod) => {
        if (options.cluster.pods().some((one) => podIdOf(one) === pod)) this.#logged.add(pod);
      },
      onStep: () => {
        this.steps += 1;
      },
      note: (text) => this.#note(text),
    });
    this.#tasks = new TaskActs({
      cluster: options.cluster,
      database: this.database,
      hosts: this.#fleet.all,
      unknown: this.#acts.unknown,
      note: (text) => this.#note(text),
      workloadOf: options.workloadOf,
    });
    this.#fleet.start();
  }

  /** Lets the hosts come up. */
  async begin(): Promise<void> {
    await this.cluster.clock.advance(1_000);
  }

  /** Carries out one operation. */
  async carryOut(operation: Operation): Promise<void> {
    this.steps += 1;
    await this.#carryOut(operation);
    this.check();
    if (operation.type === 'wait') await this.#checkSecrets();
  }

  /** Checks what must hold at any time. */
  check(): void {
    const ghosts: ReadonlySet<string> = this.#options.fencesLostNodes ? this.#acts.unknown : new Set();
    const { most: mostLaunches } = this.#options.launches;
    const pods = this.cluster.pods();
    checkPods(pods, this.database, { ghosts, known: this.#known, makers: this.#makers, mostLaunches });
    // Who is away cannot end anything.
    if (this.#fleet.remaining.every(({ isAlive, isStarted, isLeaving }) => isAlive && isStarted && !isLeaving)) {
      this.#limits.check(pods, this.cluster.clock.now(), this.database, this.#acts.unknown);
      this.#keeps.check(this.cluster.clock.now());
    }
    this.#checkPrompt(pods);
    checkSlots(this.#fleet.all, pods, this.database, {
      now: this.cluster.clock.now(),
      hasRestarts: this.#fleet.hasRestarts,
    });
  }

  /** Asks the server itself, where nothing is in the way of that. */
  async #checkSecrets(): Promise<void> {
    const pods = this.cluster.pods();
    if (this.database.hasSecretFaults || !referToSecrets(pods)) return;
    const { items } = await this.cluster.kubeClient().listSecrets();
    // Who has found a task and was not handed it yet has no values for its next launch.
    const areValuesKnown = (pod: Pod) =>
      launchOf(pod) === 1 || (this.#fleet.all.length === 1 && !this.#fleet.hasRestarts);
    checkSecrets(pods.filter(areValuesKnown), pods, items, this.database);
  }

  /** Where nobody was in trouble, a success is told long before the next list would show it again. */
  #checkPrompt(pods: readonly Pod[]): void {
    const now = this.cluster.clock.now();
    for (const pod of pods) {
      const uid = pod.metadata?.uid ?? '';
      const id = taskIdOf(pod);
      if (!isProofOfSuccess(pod) || !this.database.tasks.has(id) || this.database.outcomes.has(id)) continue;
      const since = noted(this.#succeeded, uid, now);
      if (now - since > PROMPT_MS && !this.#acts.unknown.has(uid) && this.#limits.isQuietSince(since))
        this.database.faults.push(
          `${pod.metadata?.name} succeeded ${(now - since) / 60_000} minutes ago, and nobody has told`,
        );
    }
  }

  /** After the last fault nothing that has ended may stand there for long without a word. */
  #checkUntold(): void {
    const now = this.cluster.clock.monotonic();
    const open = new Set(this.database.open.map(({ key }) => keyToString(key)));
    for (const pod of this.cluster.pods()) {
      const uid = pod.metadata?.uid ?? '';
      if (isLive(pod) || !open.has(taskIdOf(pod)) || this.#acts.unknown.has(uid)) continue;
      const since = noted(this.#untold, uid, now);
      if (now - since > UNTOLD_LIMIT_MS)
        this.database.faults.push(
          `${pod.metadata?.name} ended ${(now - since) / 60_000} minutes ago, and nobody has told`,
        );
    }
  }

  /** All faults end; then every task must end, too, and nothing be left. */
  async finish(): Promise<void> {
    const { cluster, database } = this;
    this.#note('all faults end');
    cluster.faults.clear();
    cluster.silenceWatches(false);
    this.#fleet.recover();
    // What is under way on a slow wire comes all the same.
    await cluster.clock.advance(SLOWEST_MS);
    const requests = cluster.requests.length;
    const started = cluster.clock.monotonic();
    const elapsedMs = () => cluster.clock.monotonic() - started;
    const limitMs = OUTCOME_LIMIT_MS + LAUNCHES * database.open.reduce((sum, task) => sum + workMs(task), 0);
    while (elapsedMs() < limitMs && database.open.length > 0 && database.faults.length === 0) {
      await cluster.clock.advance('20s');
      this.check();
      this.#checkUntold();
    }
    let untidy = await this.#untidy();
    for (let tries = 0; tries < CLEANUP_TRIES && untidy.length > 0; tries += 1) {
      await cluster.clock.advance('20s');
      untidy = await this.#untidy();
    }
    if (untidy.length > 0 && database.faults.length === 0)
      database.faults.push(`not tidy before the end: ${untidy.join(', ')}`);
    const minutes = elapsedMs() / 60_000;
    const budget = 500 + this.#fleet.all.length * minutes * 60 + database.tasks.size * 20;
    const used = cluster.requests.length - requests;
    if (used > budget)
      database.faults.push(`${used} requests in the ${minutes.toFixed(0)} minutes after the last fault`);
    let haveEnded = false;
    const ended = Promise.all(this.#fleet.remaining.map((host) => host.executor.end())).then(() => {
      haveEnded = true;
    });
    for (let tries = 0; tries < END_TRIES && !haveEnded; tries += 1)
      await Promise.race([ended, cluster.clock.advance('5s')]);
    if (!haveEnded) database.faults.push('a host does not end');
    const { takesLogs, launches } = this.#options;
    const logged = takesLogs ? this.#logged : undefined;
    await checkEnd(cluster, database, {
      hosts: this.#fleet.remaining,
      hadOthers: this.#fleet.all.length > 1,
      unknown: this.#acts.unknown,
      logged,
      launches,
      limits: this.#limits,
    });
    for (const host of this.#fleet.all) host.kill();
  }

  /** What somebody is still to see to. */
  #untidy(): Promise<readonly string[]> {
    const { cluster, database } = this;
    const [present, isAlone] = [this.#fleet.remaining, this.#fleet.all.length === 1];
    const newlyHeld = this.#fleet.newlyHeld;
    return untidyOf({ cluster, database, present, isAlone, unknown: this.#acts.unknown, newlyHeld });
  }

  #note(text: string): void {
    this.log.push(`${(this.cluster.clock.monotonic() / 1_000).toFixed(1).padStart(8)} s  ${text}`);
  }

  #carryOut(operation: Operation): Promise<unknown> | unknown {
    const { cluster } = this;
    const { clock } = cluster;
    if (isHostOperation(operation)) return this.#fleet.carryOut(operation);
    switch (operation.type) {
      case 'wait':
        return clock.advance(operation.ms);
      case 'queue':
        return this.#tasks.queue(operation);
      case 'cancel':
        return this.#tasks.cancel(operation);
      case 'revoke':
        return this.#tasks.revoke(operation);
      case 'request': {
        const { verb, resource = 'pods', times, fault, ofNewest = false } = operation;
        const name = ofNewest ? newestOf(cluster.pods())[0]?.metadata?.name : undefined;
        if (resource === 'pods' && verb === 'delete') this.database.failedDeletes += times;
        if (resource === 'secrets') this.database.hasSecretFaults ||= verb !== 'create';
        else if (verb !== 'create') {
          const { retryAfter = 0 } = fault as { readonly retryAfter?: number };
          const asksMs = Math.min(retryAfter * 1_000, LONGEST_HEEDED_MS);
          this.#limits.requestTrouble(clock.now(), times * (RETRY_MS + asksMs));
        }
        if ('retryAfter' in fault) this.#evidence.hush();
        this.#note(`the next ${times} ${verb} of ${name ?? resource} meet ${JSON.stringify(fault)}`);
        return cluster.faults.add({ verb, resource, times, ...fault, name });
      }
      case 'pod':
        return this.#acts.pod(operation);
      case 'node':
        this.database.hasLostNodes = true;
        return this.#acts.loseNode(operation);
      case 'quota':
        return this.#acts.quota(operation.pods, operation.ms);
      case 'keep':
        return this.#acts.keep(operation.pod);
      case 'rights':
        return this.#forbid(operation);
      case 'watches':
        if (operation.what === 'silence') this.#limits.watchTrouble(clock.now(), clock.now() + SILENCE_MS + RESYNC_MS);
        return this.#acts.watches(operation.what);
    }
  }

  /** Nobody may do something for a while. */
  #forbid({ verb, resource, ms }: Extract<Operation, { type: 'rights' }>): void {
    const { cluster, database } = this;
    this.#note(`nobody may ${verb} ${resource} for ${ms / 1_000} s`);
    if (resource === 'secrets') database.hasSecretFaults ||= verb !== 'create';
    database.missingRights.add(verb);
    this.#fleet.lack(ms, resource === 'pods' && verb === 'create' ? 'rights' : 'host');
    cluster.faults.inject({ fault: 'forbid', verb, resource, lasts: ms });
  }
}
