/** One life of a host program in a simulation: it has a clock, a wire and an executor of its own, and can be killed or frozen at any instant. */

import type { Clock } from '../../core/clock.js';
import type { Outcome, TaskRun } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import type { CancelResult, Executor } from '../../executors/executor.js';
import { HttpKubeClient } from '../../kube/http-kube-client.js';
import type { KubeClient } from '../../kube/kube-client.js';
import type { TransportRequest } from '../../kube/transport.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import { isRefusal, type SimulatedDatabase, type SimulatedTask } from './database.js';
import type { EvidenceOrder } from './evidence-order.js';
import { HostClock } from './host-clock.js';
import { HostEars } from './host-ears.js';
import { type LeaseBook, LeaseGuard } from './lease-book.js';
import { queuedLimitOf } from './limits.js';
import { HostWire, never } from './network.js';

/** What an executor of a simulation is made with. */
export interface SimulatedHostContext {
  /** Client of this host alone, over a wire that can fail. */
  readonly kubeClient: KubeClient;
  /** Clock of this host alone: it stands still while the host is frozen, and for ever once it is dead. */
  readonly clock: Clock;
  /** Source of chance; the same for the same seed. */
  readonly random: Random;
  /** The same in each life of the host, and another for each host. */
  readonly executorId: string;
  /** How many hosts share the work. */
  readonly hosts: number;
  /** Whether a task has no outcome yet: what a host's database says. */
  readonly isStillWanted: (key: Outcome['key']) => boolean;
  /** What the host's machine keeps over all its lives: a file, a database of its own. */
  readonly disk: Map<string, unknown>;
  /** To be told of each pod, by `namespace/name`, whose log was taken; see `takesLogs` in the options. */
  readonly tookLog: (pod: string) => void;
}

/** What the simulation asks of an executor. */
export interface SimulatedExecutor extends Executor {
  /** Takes over pods that have ended, and whose executor is no more. @default it does not */
  adoptCompletedPods?(): Promise<readonly Outcome['key'][]>;
  /** Whether a task falls to this one of several hosts. @default all do */
  isMine?(key: Outcome['key']): boolean;
}

/** What is odd about the hosts of one simulation. */
export interface HostHabits {
  /** The longest that it takes to store an outcome, in milliseconds. */
  readonly slowStoreMs: number;
  /** How far the wall clock of a host may be from the cluster's, in milliseconds. */
  readonly skewMs: number;
  /** Whether hosts that are frozen are machines that sleep. */
  readonly sleeps: boolean;
  /** Whether all ways by which an outcome comes are listened to. */
  readonly listens: boolean;
}

/** What a {@link SimulatedHost} is made of. */
export interface SimulatedHostOptions {
  readonly executorId: string;
  readonly hosts: number;
  readonly cluster: FakeCluster<VirtualClock>;
  readonly database: SimulatedDatabase;
  readonly random: Random;
  readonly lateWrites: boolean;
  /** Whether no host of this id was there before. */
  readonly isFirstLife: boolean;
  readonly habits: HostHabits;
  readonly createExecutor: (context: SimulatedHostContext) => SimulatedExecutor;
  readonly disk: Map<string, unknown>;
  readonly tookLog: (pod: string) => void;
  /** Who holds which lease. */
  readonly leases: LeaseBook;
  /** What is wrong with a write, whoever sends it; `undefined` where nothing is. */
  readonly wrongOf: (request: TransportRequest) => string | undefined;
  readonly evidence: EvidenceOrder;
  /** Told of each step: a message, a timer. */
  readonly onStep: () => void;
  /** Told that the host has died by {@link SimulatedHost.dieAtWrite}. */
  readonly onDeath: () => void;
}

/** How often a host looks for work that falls to it. */
const BEAT_MS = 5_000;
/** How late a task may leave the queue whose time is over. */
const QUEUE_MARGIN_MS = 10_000;

/** See the module's text. */
export class SimulatedHost {
  readonly id: string;
  readonly wire: HostWire;
  readonly executor: SimulatedExecutor;
  isStarted = false;
  #isAlive = true;
  #isLeaving = false;
  #storing = 0;
  #writesLeft = Number.POSITIVE_INFINITY;
  readonly #options: SimulatedHostOptions;
  readonly #clock: HostClock;
  readonly #ears: HostEars | undefined;
  readonly #told = new Set<string>();
  /** Tasks that were handed over to it in this life. */
  readonly #queued = new Set<string>();
  /** Runs of those that may not wait for ever, and when by its clock each must have left the queue. */
  readonly #waits = new Map<string, { readonly run: TaskRun; readonly dueAt: number }>();
  readonly #guard: LeaseGuard;
  #isRegretful = false;

  constructor(options: SimulatedHostOptions) {
    const { cluster, database, random, executorId, hosts, createExecutor, onStep, habits, disk, tookLog } = options;
    this.#options = options;
    this.#guard = new LeaseGuard(options.leases, cluster, executorId);
    this.id = executorId;
    this.#clock = new HostClock({
      clock: cluster.clock,
      skewMs: habits.skewMs === 0 ? 0 : Math.round((2 * random.next() - 1) * habits.skewMs),
      sleeps: habits.sleeps,
      isAlive: () => this.#isAlive,
      onRing: onStep,
    });
    this.wire = new HostWire({
      inner: cluster.transport(),
      clock: cluster.clock,
      hearing: () => this.#hearing(),
      isAlive: () => this.#isAlive,
      outlivesSender: options.lateWrites,
      onMessage: onStep,
      onRead: (request) => options.evidence.onRead(request),
      onWrite: (request) => {
        const early = this.#isLeaving ? undefined : options.evidence.wrong(request);
        const wrong = options.wrongOf(request) ?? this.#guard.onWrite(request) ?? early;
        if (wrong !== undefined) database.faults.push(`${executorId} ${wrong}`);
        this.#countWrite();
      },
    });
    const clock: Clock = this.#clock;
    const kubeClient = new HttpKubeClient({ transport: this.wire, clock, random });
    const isStillWanted = (key: Outcome['key']) => !database.outcomes.has(keyToString(key));
    this.executor = createExecutor({ kubeClient, clock, random, executorId, hosts, isStillWanted, disk, tookLog });
    this.#ears = habits.listens ? new HostEars(this.executor) : undefined;
    this.executor.on('outcome', (outcome) => this.#heard(outcome));
    this.executor.on('task:launched', ({ key }) => this.#regret(key));
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Starts, and then takes up what falls to it again and again. Rejects where the executor could not start. */
  async start(): Promise<void> {
    await this.executor.start();
    if (!this.#isAlive) return;
    this.isStarted = true;
    this.#beat();
  }

  /** Hands a task over, whoever it falls to. */
  queue(task: SimulatedTask): void {
    const { key, workload } = task;
    if (!this.isStarted || !this.#isAlive || this.#isLeaving || this.executor.hasTask(key)) return;
    // It was let go of in doubt, and its pod may be at work.
    const id = keyToString(key);
    if (this.#queued.has(id) && task.revokes === 0) task.isShared = true;
    this.#queued.add(id);
    task.givenTo.add(this.id);
    try {
      const run = this.executor.queueTask(workload);
      this.#ears?.keep(run, workload.priority ?? 0);
      const limitMs = queuedLimitOf(task);
      if (limitMs !== undefined) this.#waits.set(id, { run, dueAt: this.#clock.monotonic() + limitMs });
    } catch {
      // Refused because it has ended here already, or because the executor is on its way out.
    }
  }

  /** Looks at once for what others have left: pods that have ended, or those of the open tasks. */
  adopt(what: 'completed' | 'wanted'): void {
    if (!this.isStarted || !this.#isAlive || this.#isLeaving) return;
    const { executor } = this;
    const open = this.#options.database.open.map(({ key }) => key);
    const adopted = what === 'completed' ? executor.adoptCompletedPods?.() : executor.tryAdoptTaskInstances(open);
    void adopted?.catch(() => {});
  }

  /** Cancels the next task that is launched, as soon as that is heard of. */
  regretNext(): void {
    this.#isRegretful = true;
  }

  /** Goes in good order: leaves what runs to the next life, ends it, or waits for it. Resolves when that is done. */
  async leave(how: 'detach' | 'terminate' | 'end'): Promise<void> {
    this.#isLeaving = true;
    await this.executor[how]?.();
  }

  /** Whether it has outcomes that it has not stored yet. */
  get isStoring(): boolean {
    return this.#storing > 0;
  }

  /** Whether it is on its way out. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Whether it has heard of a task's outcome, stored or not. */
  hasHeardOf(id: string): boolean {
    return this.#told.has(id);
  }

  /** Tasks that wait for a slot although their time for that is over. */
  get overdue(): readonly string[] {
    if (this.#clock.isFrozen) return [];
    const isOver = ({ run, dueAt }: { readonly run: TaskRun; readonly dueAt: number }) =>
      run.state === 'queued' && this.#clock.monotonic() > dueAt + QUEUE_MARGIN_MS;
    return [...this.#waits].flatMap(([id, wait]) => (isOver(wait) ? [id] : []));
  }

  /** What it heard that does not fit together; to be asked once its executor has ended. */
  compareWhatWasHeard(): readonly string[] {
    return this.#ears?.compare() ?? [];
  }

  /** SIGKILL: from now on nothing that it began goes on. */
  kill(): void {
    this.#isAlive = false;
    this.wire.breakOff();
  }

  /** Dies when about to send its n-th write from now on; never, where that is infinite. */
  dieAtWrite(n: number): void {
    this.#writesLeft = n;
  }

  /** SIGSTOP. */
  freeze(): void {
    this.#clock.freeze();
  }

  /** SIGCONT: what came meanwhile comes now. */
  thaw(): void {
    this.#clock.thaw();
  }

  #heard(outcome: Outcome): Promise<void> | undefined {
    if (!this.#isAlive) return undefined;
    const { database, habits, random } = this.#options;
    const id = keyToString(outcome.key);
    // What was never launched stays with the host, which hands it to its next life.
    if (this.#isLeaving && isRefusal(outcome)) return undefined;
    if (this.#told.has(id)) database.faults.push(`host ${this.id} was told two outcomes of ${id} in one life`);
    this.#told.add(id);
    const lapse = outcome.ranAs === undefined ? undefined : this.#guard.lapse();
    if (lapse !== undefined) database.faults.push(`host ${this.id} tells of ${id}, and ${lapse}`);
    const isUnproven = database.mayRun(outcome.key);
    if (outcome.state === 'failed' && this.#options.hosts === 1 && !database.hasLostNodes && isUnproven)
      database.faults.push(`${id} was told as failed (${outcome.verdict.kind}), and its pod is at work`);
    if (habits.slowStoreMs === 0) return this.#store(outcome, isUnproven);
    this.#storing += 1;
    const stored = this.#clock.delay(random.next() * habits.slowStoreMs).then(() => this.#store(outcome, isUnproven));
    return stored.finally(() => {
      this.#storing -= 1;
    });
  }

  async #store(outcome: Outcome, isUnproven: boolean): Promise<void> {
    const { database, cluster, habits, hosts } = this.#options;
    database.store(outcome, cluster.clock.now(), this.id, isUnproven);
    await outcome.acknowledge();
    const isKept = habits.slowStoreMs > 0 && hosts === 1 && this.#isAlive && !this.#isLeaving;
    if (isKept && outcome.ranAs !== undefined) database.acknowledged.add(keyToString(outcome.key));
  }

  #beat(): void {
    const { database } = this.#options;
    this.#ears?.takeBuffer();
    for (const task of database.open) if (this.executor.isMine?.(task.key) ?? true) this.queue(task);
    this.#clock.schedule(BEAT_MS, () => this.#beat());
  }

  #countWrite(): void {
    this.#writesLeft -= 1;
    if (this.#writesLeft > 0) return;
    this.#writesLeft = Number.POSITIVE_INFINITY;
    this.kill();
    this.#options.onDeath();
  }

  #regret(key: TaskInstanceKey): void {
    const { database, hosts } = this.#options;
    const task = database.tasks.get(keyToString(key));
    if (!this.#isRegretful || !this.#isAlive || task === undefined) return;
    this.#isRegretful = false;
    task.isCancelled = true;
    // Others, and former lives, may have made its pod, or be about to.
    const isFirst = hosts === 1 && this.#options.isFirstLife && !task.isRevoked && !task.isShared;
    task.isForestalled = isFirst;
    const answered = ({ observed }: CancelResult) => {
      if (isFirst && observed !== 'not_started')
        database.faults.push(`${keyToString(key)} was cancelled before its launch, and the cancel says ${observed}`);
    };
    void this.executor.cancel(key).then(answered, () => {});
  }

  async #hearing(): Promise<void> {
    if (!this.#isAlive) return never();
    if (this.#clock.isFrozen) await new Promise<void>((go) => this.#clock.whenAwake(go));
    if (!this.#isAlive) return never();
  }
}
