/** One life of a host program in a simulation: it has a clock, a wire and an executor of its own, and can be killed or frozen at any instant. */
import { type Clock, delayOn } from '../../core/clock.js';
import type { Outcome } from '../../core/outcome.js';
import type { Random } from '../../core/random.js';
import { keyToString } from '../../core/task-key.js';
import type { Executor } from '../../executors/executor.js';
import { HttpKubeClient } from '../../kube/http-kube-client.js';
import type { KubeClient } from '../../kube/kube-client.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import type { SimulatedDatabase, SimulatedTask } from './database.js';
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
}

/** What the simulation asks of an executor. */
export interface SimulatedExecutor extends Executor {
  /** Whether a task falls to this one of several hosts. @default all do */
  isMine?(key: Outcome['key']): boolean;
}

/** What a {@link SimulatedHost} is made of. */
export interface SimulatedHostOptions {
  readonly executorId: string;
  readonly hosts: number;
  readonly cluster: FakeCluster<VirtualClock>;
  readonly database: SimulatedDatabase;
  readonly random: Random;
  readonly lateWrites: boolean;
  readonly createExecutor: (context: SimulatedHostContext) => SimulatedExecutor;
  /** Told of each step: a message, a timer. */
  readonly onStep: () => void;
  /** Told that the host has died by {@link SimulatedHost.dieAtWrite}. */
  readonly onDeath: () => void;
}

/** How often a host looks for work that falls to it. */
const BEAT_MS = 5_000;

/** See the module's text. */
export class SimulatedHost {
  readonly id: string;
  readonly wire: HostWire;
  readonly executor: SimulatedExecutor;
  isStarted = false;
  #isAlive = true;
  #thaw: (() => void)[] | undefined;
  #writesLeft = Number.POSITIVE_INFINITY;
  readonly #options: SimulatedHostOptions;
  readonly #clock: Clock;
  readonly #told = new Set<string>();

  constructor(options: SimulatedHostOptions) {
    const { cluster, database, random, executorId, hosts, createExecutor, onStep } = options;
    this.#options = options;
    this.id = executorId;
    this.#clock = this.#ownClock();
    this.wire = new HostWire({
      inner: cluster.transport(),
      clock: cluster.clock,
      hearing: () => this.#hearing(),
      isAlive: () => this.#isAlive,
      outlivesSender: options.lateWrites,
      onMessage: onStep,
      onWrite: () => this.#countWrite(),
    });
    const kubeClient = new HttpKubeClient({ transport: this.wire, clock: this.#clock, random });
    const isStillWanted = (key: Outcome['key']) => !database.outcomes.has(keyToString(key));
    this.executor = createExecutor({ kubeClient, clock: this.#clock, random, executorId, hosts, isStillWanted });
    this.executor.on('outcome', (outcome) => this.#store(outcome));
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
  queue({ key, annotations }: SimulatedTask): void {
    if (!this.isStarted || !this.#isAlive || this.executor.hasTask(key)) return;
    try {
      this.executor.queueTask({ key, command: ['x'], executorConfig: { annotations } });
    } catch {
      // Refused because it has ended here already, or because the executor is on its way out.
    }
  }

  /** SIGKILL: from now on nothing that it began goes on. */
  kill(): void {
    this.#isAlive = false;
  }

  /** Dies when about to send its n-th write from now on; never, where that is infinite. */
  dieAtWrite(n: number): void {
    this.#writesLeft = n;
  }

  /** SIGSTOP. */
  freeze(): void {
    this.#thaw ??= [];
  }

  /** SIGCONT: what came meanwhile comes now. */
  thaw(): void {
    const waiting = this.#thaw ?? [];
    this.#thaw = undefined;
    for (const go of waiting) go();
  }

  #store(outcome: Outcome): Promise<void> | undefined {
    if (!this.#isAlive) return undefined;
    const { database, cluster } = this.#options;
    const id = keyToString(outcome.key);
    if (this.#told.has(id)) database.faults.push(`host ${this.id} was told two outcomes of ${id} in one life`);
    this.#told.add(id);
    database.store(outcome, cluster.clock.now(), this.id);
    return outcome.acknowledge();
  }

  #beat(): void {
    const { database } = this.#options;
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

  async #hearing(): Promise<void> {
    if (!this.#isAlive) return never();
    if (this.#thaw !== undefined) await new Promise<void>((go) => this.#thaw?.push(go));
    if (!this.#isAlive) return never();
  }

  #ownClock(): Clock {
    const { cluster, onStep } = this.#options;
    const own: Clock = {
      now: () => cluster.clock.now(),
      monotonic: () => cluster.clock.monotonic(),
      schedule: (ms, callback) => {
        let isCancelled = false;
        const ring = () => {
          if (isCancelled || !this.#isAlive) return;
          if (this.#thaw !== undefined) {
            this.#thaw.push(ring);
            return;
          }
          onStep();
          callback();
        };
        const cancel = cluster.clock.schedule(ms, ring);
        return () => {
          isCancelled = true;
          cancel();
        };
      },
      delay: (ms, options) => delayOn(own, ms, options),
    };
    return own;
  }
}
