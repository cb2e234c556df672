/** The hosts of a simulation, one life after the other, and what befalls them. */

import { type Random, seededRandom } from '../../core/random.js';
import { keyToString } from '../../core/task-key.js';
import type { TransportRequest } from '../../kube/transport.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import type { SimulatedDatabase } from './database.js';
import type { EvidenceOrder } from './evidence-order.js';
import { type HostHabits, type SimulatedExecutor, SimulatedHost, type SimulatedHostContext } from './host.js';
import { LeaseBook } from './lease-book.js';
import type { LimitWatch } from './limits.js';
import type { Operation } from './operations.js';

/** What {@link HostActs} work with. */
export interface HostActsOptions {
  readonly cluster: FakeCluster<VirtualClock>;
  readonly database: SimulatedDatabase;
  readonly random: Random;
  readonly hosts: number;
  readonly lateWrites: boolean;
  readonly habits: HostHabits;
  readonly createExecutor: (context: SimulatedHostContext) => SimulatedExecutor;
  readonly limits: LimitWatch;
  /** What is wrong with a write, whoever sends it; `undefined` where nothing is. */
  readonly wrongOf: (request: TransportRequest) => string | undefined;
  readonly evidence: EvidenceOrder;
  /** Told of each pod, by `namespace/name`, whose log was taken. */
  readonly tookLog: (pod: string) => void;
  /** Told of each step of a host. */
  readonly onStep: () => void;
  /** Writes a line of the story. */
  readonly note: (text: string) => void;
}

/** What befalls hosts. */
export type HostOperation = Extract<Operation, { readonly host: number }>;
/** Whether something befalls a host. */
export const isHostOperation = (operation: Operation): operation is HostOperation => 'host' in operation;

const RESTART_MS = 5_000;
/** The longest that a message is under way. */
export const SLOWEST_MS = 20_000;
/** Time in which a group makes up for a host that never comes back. */
const LOSS_MS = 120_000;
/** The longest that a client waits for an answer that never comes. */
const LONGEST_CALL_MS = 60_000;
/** What watches did not tell while they were silent is found out by the next list. */
export const RESYNC_MS = 300_000;
/** The longest that a watch is waited for on which no bookmark has come: the server ends it by itself before. */
const LONGEST_WATCH_MS = 630_000;
/** How many messages and timers of all hosts together there may be in a minute. */
const MOST_STEPS_IN_A_MINUTE = 20_000;

/** See the module's text. */
export class HostActs {
  /** The present lives, in the order of their places. */
  readonly all: SimulatedHost[] = [];
  /** Whether any host has had a life before its present one. */
  hasRestarts = false;
  readonly #options: HostActsOptions;
  readonly #disks: Map<string, unknown>[] = [];
  readonly #leases: LeaseBook;
  /** Since when hosts are not at work that were killed, or have left. */
  readonly #awaySince = new Map<number, number>();
  /** Hosts that never come back. */
  readonly #lost = new Set<number>();
  #minute = 0;
  #stepsInMinute = 0;

  constructor(options: HostActsOptions) {
    this.#options = options;
    const { cluster, database } = options;
    this.#leases = new LeaseBook(
      cluster,
      (fault) => database.faults.push(fault),
      () => !database.missingRights.has('patch'),
    );
  }

  /** The hosts that have not gone for good. */
  get remaining(): readonly SimulatedHost[] {
    return this.all.filter((_, index) => !this.#lost.has(index));
  }

  /** Whose leases have changed hands less than a minute ago. */
  get newlyHeld(): readonly string[] {
    return this.#leases.changedLately();
  }

  /** All begin their first lives. */
  start(): void {
    for (let index = 0; index < this.#options.hosts; index += 1) this.#start(index);
  }

  /** All that is wrong with them is over. */
  recover(): void {
    for (const [index, host] of this.all.entries()) {
      host.thaw();
      host.dieAtWrite(Number.POSITIVE_INFINITY);
      host.wire.mend();
      if (this.#lost.has(index)) {
        if (host.isAlive) this.#goesAway(index);
        host.kill();
      } else if (!host.isAlive) this.#start(index);
    }
  }

  /** Something befalls a host. */
  carryOut(operation: HostOperation): unknown {
    const { note } = this.#options;
    const index = Math.floor(operation.host * this.all.length);
    const host = this.all[index] as SimulatedHost;
    switch (operation.type) {
      case 'kill':
        return this.#kill(host, index, operation);
      case 'leave':
        return this.#leave(host, index, operation);
      case 'adopt':
        note(`${host.id} looks for ${operation.what} pods`);
        return host.adopt(operation.what);
      case 'regret':
        note(`what ${host.id} launches next is regretted`);
        return host.regretNext();
      case 'freeze':
        return this.#freeze(host, operation.ms);
      case 'wire':
        return this.#wire(host, operation);
    }
  }

  /** All hosts lack something for a while. */
  lack(ms: number, of: 'host' | 'rights'): void {
    const { cluster, database, limits } = this.#options;
    const now = cluster.clock.now();
    for (const { id } of this.all) database.troubled(id, now + ms);
    limits.hostTrouble(now, now + ms, of);
  }

  #start(index: number): void {
    const { hosts, createExecutor, random, lateWrites, habits, cluster, database, limits, note } = this.#options;
    const isFirstLife = this.all[index] === undefined;
    this.hasRestarts ||= !isFirstLife;
    // The word of a former life may not have been stored.
    if (!isFirstLife) for (const task of database.tasks.values()) task.isForestalled = false;
    this.#disks[index] ??= new Map();
    const host: SimulatedHost = new SimulatedHost({
      executorId: `host-${index}`,
      hosts,
      cluster,
      database,
      random: seededRandom(Math.floor(random.next() * 2 ** 31)),
      createExecutor,
      lateWrites,
      isFirstLife,
      habits,
      disk: this.#disks[index],
      leases: this.#leases,
      tookLog: this.#options.tookLog,
      wrongOf: this.#options.wrongOf,
      evidence: this.#options.evidence,
      onStep: () => this.#countStep(host),
      onDeath: () => {
        note(`host-${index} dies at a write`);
        this.#goesAway(index);
        this.#revive(index, RESTART_MS);
      },
    });
    this.all[index] = host;
    const now = cluster.clock.now();
    if (isFirstLife) this.#awaySince.set(index, now);
    const comesUp = () => {
      if (!host.isStarted) return;
      limits.hostTrouble(this.#awaySince.get(index) ?? now, cluster.clock.now());
      this.#awaySince.delete(index);
    };
    host.start().then(comesUp, (error: unknown) => {
      if (!host.isAlive) return;
      // As a supervisor would: a host that cannot start is started again.
      note(`host-${index} could not start: ${(error as Error).message}`);
      host.kill();
      this.#revive(index, RESTART_MS);
    });
  }

  /** Counts a step, and puts an end to a host that is at work without end. */
  #countStep(host: SimulatedHost): void {
    const { onStep, cluster, database } = this.#options;
    onStep();
    const minute = Math.floor(cluster.clock.monotonic() / 60_000);
    this.#stepsInMinute = minute === this.#minute ? this.#stepsInMinute + 1 : 1;
    this.#minute = minute;
    if (this.#stepsInMinute <= MOST_STEPS_IN_A_MINUTE) return;
    this.#stepsInMinute = 0;
    database.faults.push(
      `${host.id} is at work without end: ${MOST_STEPS_IN_A_MINUTE} messages and timers in a minute`,
    );
    host.kill();
  }

  /** A host is at work no longer, until one in its place is. */
  #goesAway(index: number): void {
    const { cluster, database, limits } = this.#options;
    const now = cluster.clock.now();
    database.troubled(`host-${index}`, now);
    if (this.#lost.has(index)) limits.hostTrouble(now, now + LOSS_MS);
    if (!this.#awaySince.has(index)) this.#awaySince.set(index, now);
  }

  #revive(index: number, ms: number): void {
    if (this.#lost.has(index)) return;
    const dead = this.all[index];
    this.#options.cluster.clock.schedule(ms, () => {
      if (this.all[index] !== dead) return;
      this.#options.note(`host-${index} is started again`);
      this.#start(index);
    });
  }

  #kill(host: SimulatedHost, index: number, operation: Extract<Operation, { type: 'kill' }>): void {
    const { backAfterMs, atWrite, isForGood = false } = operation;
    if (!host.isAlive) return;
    if (isForGood && !this.#mayLose(index)) return;
    if (atWrite > 0) {
      host.dieAtWrite(atWrite);
      return;
    }
    this.#options.note(`${host.id} is killed`);
    this.#goesAway(index);
    host.kill();
    this.#revive(index, backAfterMs);
  }

  /** Notes that a host will not come back, unless it is the last one. */
  #mayLose(index: number): boolean {
    if (this.#lost.size + 1 >= this.all.length) return false;
    this.#lost.add(index);
    return true;
  }

  #freeze(host: SimulatedHost, ms: number): void {
    const { note, cluster } = this.#options;
    note(`${host.id} is frozen for ${ms} ms`);
    this.#suffers(host.id, ms);
    host.freeze();
    cluster.clock.schedule(ms, () => {
      note(`${host.id} goes on`);
      host.thaw();
    });
  }

  #wire(host: SimulatedHost, { mode, ms }: Extract<Operation, { type: 'wire' }>): void {
    const { note, cluster, database, limits } = this.#options;
    const { state } = host.wire;
    database.hasBadWires = true;
    note(`the wire of ${host.id} is ${mode} for ${ms} ms`);
    this.#suffers(host.id, ms + (mode === 'hole' ? LONGEST_CALL_MS : 0));
    // A watch that nothing is heard of any more is given up after its time; until then there are lists.
    const now = cluster.clock.now();
    if (mode === 'hole') limits.watchTrouble(now, now + ms + LONGEST_WATCH_MS, ms + RESYNC_MS);
    if (mode === 'slow') state.delayMs = Math.min(ms, SLOWEST_MS);
    else if (mode === 'late') state.answerDelayMs = Math.min(ms, SLOWEST_MS);
    else state.mode = mode;
    cluster.clock.schedule(ms, () => host.wire.mend());
  }

  /** A host can not do what it wants for a while. */
  #suffers(id: string, ms: number): void {
    const { cluster, database, limits } = this.#options;
    const now = cluster.clock.now();
    database.troubled(id, now + ms);
    limits.hostTrouble(now, now + ms);
  }

  /** A host is stopped in good order, and started again. */
  #leave(host: SimulatedHost, index: number, operation: Extract<Operation, { type: 'leave' }>): void {
    const { database, note } = this.#options;
    const { how, backAfterMs } = operation;
    const { executor, isAlive, isStarted, isLeaving, id } = host;
    if (!isAlive || !isStarted || isLeaving || (how === 'detach' && executor.detach === undefined)) return;
    note(`${id} leaves: ${how}`);
    this.#goesAway(index);
    const had = [...database.tasks.values()].filter(({ key }) => executor.hasTask(key));
    if (how === 'terminate') for (const task of had) task.isCancelled = true;
    const gone = () => {
      if (!host.isAlive) return;
      const isAlone = this.all.length === 1 && !database.hasLostNodes;
      for (const { key } of had)
        if (how !== 'detach' && isAlone && database.mayRun(key))
          database.faults.push(`${id} has left (${how}), and the pod of ${keyToString(key)} is at work`);
      host.kill();
      this.#revive(index, backAfterMs);
    };
    void host.leave(how).then(gone, gone);
  }
}
