/** Carries out the operations of a simulation on a cluster and its hosts, and checks the promises after each of them. */
import { durationMs } from '../../core/duration.js';
import { type Random, seededRandom } from '../../core/random.js';
import { keyToString, taskInstanceKey } from '../../core/task-key.js';
import type { Pod } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import { SimulatedDatabase, type SimulatedTask } from './database.js';
import { type SimulatedExecutor, SimulatedHost, type SimulatedHostContext } from './host.js';
import { checkEnd, checkPods, isLive, strayPods, taskIdOf } from './invariants.js';
import type { Operation, PodOperation } from './operations.js';

/** What a {@link World} is made of. */
export interface WorldOptions {
  readonly cluster: FakeCluster<VirtualClock>;
  readonly random: Random;
  readonly hosts: number;
  readonly lateWrites: boolean;
  readonly fencesLostNodes: boolean;
  readonly createExecutor: (context: SimulatedHostContext) => SimulatedExecutor;
}

const at = <T>(list: readonly T[], share: number): T | undefined => list[Math.floor(share * list.length)];
const DURATION = 'testing.podwright.dev/duration';
const RESTART_MS = 5_000;
/** How long the last outcome may take after the last fault, beside the work itself: the longest of all waits of a task together. */
const OUTCOME_LIMIT_MS = 240 * 60_000;
/** How often the work of a task may be begun, one task after the other in the worst case. */
const LAUNCHES = 3;
/** How often the clock is moved on for what is cleaned up after the last outcome. */
const CLEANUP_TRIES = 60;
/** And for hosts to end: one may wait for a fence of some minutes beside its proofs of death. */
const END_TRIES = 240;

const workMs = ({ annotations }: SimulatedTask) => durationMs(annotations[DURATION] ?? 0, DURATION);

/** See the module's text. */
export class World {
  readonly database = new SimulatedDatabase((id) =>
    this.cluster.pods().some((pod) => taskIdOf(pod) === id && isLive(pod)),
  );
  readonly log: string[] = [];
  /** Messages, timers and operations so far. */
  steps = 0;
  readonly cluster: FakeCluster<VirtualClock>;
  readonly #options: WorldOptions;
  readonly #hosts: SimulatedHost[] = [];
  readonly #known = new Map<string, string>();
  /** Uids of pods that ran on a node when it was lost: nobody can know whether they still do. */
  readonly #unknown = new Set<string>();
  #quotas = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.cluster = options.cluster;
    for (let index = 0; index < options.hosts; index += 1) this.#startHost(index);
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
  }

  /** Checks what must hold at any time. */
  check(): void {
    const ghosts: ReadonlySet<string> = this.#options.fencesLostNodes ? this.#unknown : new Set();
    checkPods(this.cluster.pods(), this.database, { ghosts, unknown: this.#unknown, known: this.#known });
    for (const host of this.#hosts) {
      const { slotsOccupied } = host.executor;
      if (host.isAlive && slotsOccupied > this.database.tasks.size)
        this.database.faults.push(`host ${host.id} holds ${slotsOccupied} slots for ${this.database.tasks.size} tasks`);
    }
  }

  /** All faults end; then every task must end, too, and nothing be left. */
  async finish(): Promise<void> {
    const { cluster, database } = this;
    this.#note('all faults end');
    cluster.faults.clear();
    cluster.silenceWatches(false);
    for (const [index, host] of this.#hosts.entries()) {
      host.thaw();
      host.dieAtWrite(Number.POSITIVE_INFINITY);
      host.wire.state.mode = 'open';
      host.wire.state.delayMs = 0;
      if (!host.isAlive) this.#startHost(index);
    }
    const requests = cluster.requests.length;
    const started = cluster.clock.monotonic();
    const elapsedMs = () => cluster.clock.monotonic() - started;
    const limitMs = OUTCOME_LIMIT_MS + LAUNCHES * database.open.reduce((sum, task) => sum + workMs(task), 0);
    while (elapsedMs() < limitMs && database.open.length > 0 && database.faults.length === 0) {
      await cluster.clock.advance('20s');
      this.check();
    }
    const isTidy = () =>
      strayPods(this.cluster, this.#unknown).length === 0 && this.#hosts.every(({ isStarted }) => isStarted);
    for (let tries = 0; tries < CLEANUP_TRIES && !isTidy(); tries += 1) await cluster.clock.advance('20s');
    const minutes = elapsedMs() / 60_000;
    const budget = 500 + this.#hosts.length * minutes * 60 + database.tasks.size * 20;
    const used = cluster.requests.length - requests;
    if (used > budget)
      database.faults.push(`${used} requests in the ${minutes.toFixed(0)} minutes after the last fault`);
    let haveEnded = false;
    const ended = Promise.all(this.#hosts.map((host) => host.executor.end())).then(() => {
      haveEnded = true;
    });
    for (let tries = 0; tries < END_TRIES && !haveEnded; tries += 1)
      await Promise.race([ended, cluster.clock.advance('5s')]);
    if (!haveEnded) database.faults.push('a host does not end');
    await checkEnd(cluster, database, { hosts: this.#hosts, unknown: this.#unknown });
    for (const host of this.#hosts) host.kill();
  }

  #note(text: string): void {
    this.log.push(`${(this.cluster.clock.monotonic() / 1_000).toFixed(1).padStart(8)} s  ${text}`);
  }

  #startHost(index: number): void {
    const { hosts, createExecutor, random, lateWrites } = this.#options;
    const host: SimulatedHost = new SimulatedHost({
      executorId: `host-${index}`,
      hosts,
      cluster: this.cluster,
      database: this.database,
      random: seededRandom(Math.floor(random.next() * 2 ** 31)),
      createExecutor,
      lateWrites,
      onStep: () => {
        this.steps += 1;
      },
      onDeath: () => {
        this.#note(`host-${index} dies at a write`);
        this.database.troubled(`host-${index}`, this.cluster.clock.now());
        this.#revive(index, RESTART_MS);
      },
    });
    this.#hosts[index] = host;
    host.start().catch((error: unknown) => {
      if (!host.isAlive) return;
      // As a supervisor would: a host that cannot start is started again.
      this.#note(`host-${index} could not start: ${(error as Error).message}`);
      host.kill();
      this.#revive(index, RESTART_MS);
    });
  }

  #revive(index: number, ms: number): void {
    const dead = this.#hosts[index];
    this.cluster.clock.schedule(ms, () => {
      if (this.#hosts[index] !== dead) return;
      this.#note(`host-${index} is started again`);
      this.#startHost(index);
    });
  }

  #host(share: number): { readonly host: SimulatedHost; readonly index: number } {
    const index = Math.floor(share * this.#hosts.length);
    return { host: this.#hosts[index] as SimulatedHost, index };
  }

  #carryOut(operation: Operation): Promise<unknown> | unknown {
    const { cluster } = this;
    const { clock } = cluster;
    switch (operation.type) {
      case 'wait':
        return clock.advance(operation.ms);
      case 'queue':
        return this.#queue(operation);
      case 'cancel':
        return this.#cancel(operation);
      case 'request': {
        const { verb, times, fault } = operation;
        this.#note(`the next ${times} ${verb} of pods meet ${JSON.stringify(fault)}`);
        return cluster.faults.add({ verb, resource: 'pods', times, ...fault });
      }
      case 'pod':
        return this.#pod(operation.pod, operation.what);
      case 'node':
        return this.#loseNode(operation.pod, operation.ms);
      case 'quota':
        return this.#quota(operation.pods, operation.ms);
      case 'kill': {
        const { host, index } = this.#host(operation.host);
        if (!host.isAlive) return;
        if (operation.atWrite > 0) return host.dieAtWrite(operation.atWrite);
        this.#note(`${host.id} is killed`);
        this.database.troubled(host.id, clock.now());
        host.kill();
        return this.#revive(index, operation.backAfterMs);
      }
      case 'freeze': {
        const { host } = this.#host(operation.host);
        this.#note(`${host.id} is frozen for ${operation.ms} ms`);
        this.database.troubled(host.id, clock.now() + operation.ms);
        host.freeze();
        return clock.schedule(operation.ms, () => {
          this.#note(`${host.id} goes on`);
          host.thaw();
        });
      }
      case 'wire': {
        const { host } = this.#host(operation.host);
        const { state } = host.wire;
        this.#note(`the wire of ${host.id} is ${operation.mode} for ${operation.ms} ms`);
        this.database.troubled(host.id, clock.now() + operation.ms);
        if (operation.mode === 'slow') state.delayMs = Math.min(operation.ms, 20_000);
        else state.mode = operation.mode;
        return clock.schedule(operation.ms, () => {
          state.mode = 'open';
          state.delayMs = 0;
        });
      }
      case 'watches':
        return this.#watches(operation.what);
    }
  }

  #queue({ annotations, alsoTo }: Extract<Operation, { type: 'queue' }>): void {
    const key = taskInstanceKey({ dagId: 'd', taskId: `t${this.database.tasks.size}`, runId: 'r' });
    const task: SimulatedTask = { key, annotations, isCancelled: false, isShared: alsoTo !== undefined };
    this.database.tasks.set(keyToString(key), task);
    this.#note(`${key.taskId} is queued: ${JSON.stringify(annotations)}`);
    const owner = this.#hosts.find(
      ({ isStarted, isAlive, executor }) => isStarted && isAlive && (executor.isMine?.(key) ?? true),
    );
    owner?.queue(task);
    if (alsoTo === undefined) return;
    const { host } = this.#host(alsoTo);
    this.#note(`${key.taskId} is also given to ${host.id}`);
    host.queue(task);
  }

  /** A cancel reaches every host that has the task. */
  #cancel({ task: share, ofLostPod = false }: Extract<Operation, { type: 'cancel' }>): void {
    const { open } = this.database;
    const lost = new Set(
      this.cluster.pods().flatMap((pod) => (this.#unknown.has(pod.metadata?.uid ?? '') ? [taskIdOf(pod)] : [])),
    );
    const task = at(ofLostPod ? open.filter(({ key }) => lost.has(keyToString(key))) : open, share);
    if (task === undefined) return;
    for (const { executor, isStarted, isAlive, id } of this.#hosts) {
      if (!isAlive || !isStarted || !executor.hasTask(task.key)) continue;
      task.isCancelled = true;
      this.#note(`${task.key.taskId} is cancelled on ${id}`);
      void executor.cancel(task.key).catch(() => {});
    }
  }

  #running(share: number): Pod | undefined {
    return at(
      this.cluster.pods().filter(({ status }) => status?.phase === 'Running'),
      share,
    );
  }

  async #pod(share: number, what: PodOperation): Promise<void> {
    const pod = this.#running(share);
    if (pod === undefined) return;
    const { name, uid } = pod.metadata ?? {};
    const target = this.cluster.when((view) => view.pod.metadata?.uid === uid);
    const acts: Readonly<Record<PodOperation, () => Promise<Pod>>> = {
      evict: () => target.evict(),
      preempt: () => target.preempt(),
      oom: () => target.oom(),
      fail: () => target.fail(7),
      delete: () => target.delete(),
      deleteByForce: () => target.delete({ gracePeriodSeconds: 0 }),
      nodeShutdown: () => target.nodeShutdown(),
    };
    this.#note(`${name} meets ${what}`);
    await acts[what]().catch((error: unknown) => this.#note(`which failed: ${(error as Error).message}`));
  }

  async #loseNode(share: number, ms: number): Promise<void> {
    const pod = this.#running(share);
    const node = pod?.spec?.nodeName;
    if (node === undefined) return;
    this.#note(`${node} is lost for ${ms / 60_000} minutes`);
    for (const one of this.cluster.pods()) if (one.spec?.nodeName === node) this.#unknown.add(one.metadata?.uid ?? '');
    await this.cluster.when((view) => view.pod.metadata?.uid === pod?.metadata?.uid).nodeLost();
    this.cluster.clock.schedule(ms, () => {
      this.#note(`${node} is back`);
      void this.cluster.recoverNode(node);
    });
  }

  /** A quota that is full for a while. */
  async #quota(pods: number, ms: number): Promise<void> {
    this.#quotas += 1;
    const path = '/api/v1/namespaces/default/resourcequotas';
    const name = `q${this.#quotas}`;
    const body = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name },
      spec: { hard: { pods: String(pods) } },
    };
    this.#note(`there is a quota of ${pods} pods for ${ms / 1_000} s`);
    const headers = { 'content-type': 'application/json' };
    const transport = this.cluster.transport();
    await transport.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
    this.cluster.clock.schedule(ms, () => void transport.request({ method: 'DELETE', path: `${path}/${name}` }));
  }

  #watches(what: 'break' | 'close' | 'silence' | 'rotate'): void {
    const { cluster } = this;
    if (what === 'rotate') {
      this.#note('history is compacted, the API server is restarted');
      cluster.restartApiServer();
    } else if (what === 'silence') {
      this.#note('watches are silent for a minute');
      cluster.silenceWatches();
      cluster.clock.schedule(60_000, () => cluster.silenceWatches(false));
    } else {
      this.#note(`watches ${what}`);
      cluster.dropWatches({ clean: what === 'close' });
    }
  }
}
