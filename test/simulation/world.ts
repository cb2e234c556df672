/** Drives hosts and a cluster through faults drawn from a seed, and checks the promises after every step. */
import { type Random, seededRandom } from '../../src/core/random.js';
import { keyToString, taskInstanceKey } from '../../src/core/task-key.js';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import { ANNOTATIONS } from '../../src/wire/names.js';
import type { Pod } from '../../src/wire/types.js';
import { call } from '../testing/call.js';
import { Database, drawOptions, Host, type HostOptions, type Task } from './host.js';

/** How a simulation went. */
export interface SimulationResult {
  readonly seed: number;
  /** What went against the promises; empty where all held. */
  readonly faults: readonly string[];
  /** What was done, newest last. */
  readonly log: readonly string[];
  /** How many tasks ended, by kind of end. */
  readonly ends: Readonly<Record<string, number>>;
}

const isLive = ({ status }: Pod) => status?.phase === 'Pending' || status?.phase === 'Running';

class World {
  readonly #random: Random;
  readonly #cluster: FakeCluster<VirtualClock>;
  readonly #database = new Database();
  readonly #log: string[] = [];
  readonly #options: HostOptions;
  #host: Host;
  #lives = 1;
  #tasks = 0;
  /** Uids of pods that ran on a node when it was lost: nobody can know whether they still do. */
  readonly #unknown = new Set<string>();

  constructor(cluster: FakeCluster<VirtualClock>, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
    this.#options = drawOptions(random);
    this.#host = this.#newHost();
  }

  #newHost(): Host {
    return new Host('host', {
      cluster: this.#cluster,
      database: this.#database,
      random: seededRandom(Math.floor(this.#random.next() * 2 ** 31)),
      options: this.#options,
    });
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random.next() * list.length)];
  }

  #note(text: string): void {
    this.#log.push(`${Math.round(this.#cluster.clock.monotonic())} ms: ${text}`);
  }

  #startHost(): void {
    const host = this.#host;
    host.start().catch((error: unknown) => {
      if (!host.isAlive) return;
      this.#note(`the host could not start: ${(error as Error).message}`);
      // As a supervisor would: a host that cannot start is started again.
      this.#cluster.clock.schedule(5_000, () => {
        if (!host.isAlive) return;
        host.kill();
        this.#host = this.#newHost();
        this.#startHost();
      });
    });
  }

  #queueTask(): void {
    const roll = this.#random.next();
    const key = taskInstanceKey({ dagId: 'd', taskId: `t${this.#tasks}`, runId: 'r' });
    this.#tasks += 1;
    const duration = `${Math.ceil(this.#random.next() * 90)}s`;
    const annotations: Record<string, string> = { 'testing.podwright.dev/duration': duration };
    if (roll < 0.15) annotations['testing.podwright.dev/exit-code'] = '3';
    else if (roll < 0.2) annotations['testing.podwright.dev/result'] = 'OOMKilled';
    else if (roll < 0.24) annotations['testing.podwright.dev/result'] = 'ImagePullBackOff';
    else if (roll < 0.27) annotations['testing.podwright.dev/result'] = 'CreateContainerConfigError';
    const task: Task = { key, annotations, isCancelled: false };
    this.#database.tasks.set(keyToString(key), task);
    this.#note(`queued ${key.taskId} ${JSON.stringify(annotations)}`);
    if (this.#host.isStarted) this.#host.queue(task);
  }

  #cancelTask(): void {
    const task = this.#pick(this.#database.open);
    if (task === undefined || !this.#host.isStarted) return;
    task.isCancelled = true;
    this.#note(`cancelled ${task.key.taskId}`);
    void this.#host.executor?.cancel(task.key).catch(() => {});
  }

  #requestFault(): void {
    const faults = [
      { status: 500 },
      { status: 503 },
      { status: 429, retryAfter: 2 },
      { drop: true },
      { applyThenDrop: true },
      { latencyMs: 3_000 },
    ];
    const fault = this.#pick(faults) ?? {};
    const verb = this.#pick(['create', 'delete', 'list', 'watch', 'get', 'patch']) ?? 'get';
    const times = 1 + Math.floor(this.#random.next() * 3);
    this.#note(`${verb} meets ${JSON.stringify(fault)} ${times} times`);
    this.#cluster.faults.add({ verb, resource: 'pods', times, ...fault });
  }

  async #podFault(): Promise<void> {
    const pod = this.#pick(this.#cluster.pods().filter(({ status }) => status?.phase === 'Running'));
    if (pod === undefined) return;
    const { name, uid } = pod.metadata ?? {};
    const target = this.#cluster.when((view) => view.pod.metadata?.uid === uid);
    const [what, act] = this.#pick([
      ['evict', () => target.evict()],
      ['preempt', () => target.preempt()],
      ['oom', () => target.oom()],
      ['fail', () => target.fail(7)],
      ['delete', () => target.delete()],
      ['delete by force', () => target.delete({ gracePeriodSeconds: 0 })],
      ['shut its node down', () => target.nodeShutdown()],
    ] as const) as [string, () => Promise<Pod>];
    this.#note(`${what}: ${name}`);
    await act().catch((error: unknown) => this.#note(`which failed: ${(error as Error).message}`));
  }

  async #nodeFault(): Promise<void> {
    const pod = this.#pick(this.#cluster.pods().filter(({ status }) => status?.phase === 'Running'));
    const node = pod?.spec?.nodeName;
    if (node === undefined) return;
    this.#note(`lost ${node}`);
    for (const one of this.#cluster.pods()) if (one.spec?.nodeName === node) this.#unknown.add(one.metadata?.uid ?? '');
    await this.#cluster.when((view) => view.pod.metadata?.uid === pod?.metadata?.uid).nodeLost();
    const minutes = 1 + Math.floor(this.#random.next() * 12);
    this.#cluster.clock.schedule(minutes * 60_000, () => {
      this.#note(`${node} is back`);
      void this.#cluster.recoverNode(node);
    });
  }

  /** A quota that is full for a while. */
  #quota(): void {
    const pods = 1 + Math.floor(this.#random.next() * 2);
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: `q${this.#log.length}` },
      spec: { hard: { pods: String(pods) } },
    };
    this.#note(`quota of ${pods} pods`);
    const path = '/api/v1/namespaces/default/resourcequotas';
    const transport = this.#cluster.transport();
    void call(transport, 'POST', path, quota);
    this.#cluster.clock.schedule(240_000, () => void call(transport, 'DELETE', `${path}/${quota.metadata.name}`));
  }

  #restart(): void {
    this.#note('the host is killed and started again');
    this.#host.kill();
    this.#lives += 1;
    this.#host = this.#newHost();
    this.#startHost();
  }

  async #step(): Promise<void> {
    const roll = this.#random.next();
    if (roll < 0.3) this.#queueTask();
    else if (roll < 0.36) this.#cancelTask();
    else if (roll < 0.5) this.#requestFault();
    else if (roll < 0.62) await this.#podFault();
    else if (roll < 0.64) await this.#nodeFault();
    else if (roll < 0.66) this.#quota();
    else if (roll < 0.7) this.#restart();
    else if (roll < 0.73) {
      this.#note('watches dropped');
      this.#cluster.dropWatches({ clean: this.#random.next() < 0.5 });
    } else if (roll < 0.75) {
      this.#note('watches silent for a while');
      this.#cluster.silenceWatches();
      this.#cluster.clock.schedule(60_000, () => this.#cluster.silenceWatches(false));
    } else if (roll < 0.77) {
      this.#note('history compacted, API server restarted');
      this.#cluster.restartApiServer();
    }
    await this.#cluster.clock.advance(Math.ceil(this.#random.next() ** 3 * 60_000));
  }

  /** At most one live pod per task; a pod on a lost node may be a ghost. */
  #check(): void {
    const live = new Map<string, Pod[]>();
    for (const pod of this.#cluster.pods().filter(isLive)) {
      const id = pod.metadata?.annotations?.[ANNOTATIONS.key] ?? '';
      live.set(id, [...(live.get(id) ?? []), pod]);
    }
    for (const [id, pods] of live)
      if (pods.length > 1)
        this.#database.faults.push(`${id} has ${pods.length} live pods: ${pods.map(({ metadata }) => metadata?.name)}`);
    const slots = this.#host.executor?.slotsOccupied ?? 0;
    if (this.#host.isStarted && slots > this.#tasks)
      this.#database.faults.push(`${slots} slots for ${this.#tasks} tasks`);
  }

  async run(steps: number): Promise<void> {
    this.#startHost();
    await this.#cluster.clock.advance(1_000);
    for (let step = 0; step < steps && this.#database.faults.length === 0; step += 1) {
      await this.#step();
      this.#check();
    }
    await this.#finish();
  }

  /** All faults end; then every task must have ended, too, and nothing be left. */
  async #finish(): Promise<void> {
    this.#note('all faults end');
    this.#cluster.faults.clear();
    this.#cluster.silenceWatches(false);
    const requests = this.#cluster.requests.length;
    for (let minutes = 0; minutes < 240 && this.#database.open.length > 0; minutes += 5) {
      await this.#cluster.clock.advance('5m');
      this.#check();
    }
    await this.#cluster.clock.advance('10m');
    const { faults } = this.#database;
    for (const { key } of this.#database.open)
      faults.push(`${keyToString(key)} has no outcome; it waits for ${this.#host.executor?.pending(key)?.summary}`);
    if (!this.#host.isStarted) faults.push('the host has not started');
    const slots = this.#host.executor?.slotsOccupied ?? 0;
    if (slots > 0) faults.push(`${slots} slots are held for nothing`);
    const left = this.#cluster.pods().filter((pod) => !this.#unknown.has(pod.metadata?.uid ?? ''));
    if (left.length > 0) faults.push(`left behind: ${left.map(({ metadata }) => metadata?.name).join(', ')}`);
    const used = this.#cluster.requests.length - requests;
    if (used > 2_000) faults.push(`${used} requests after the last fault`);
    this.#checkTruth();
    this.#host.kill();
  }

  /** A success must have a container behind it that ended with 0. */
  #checkTruth(): void {
    for (const [id, outcome] of this.#database.outcomes) {
      const task = this.#database.tasks.get(id);
      const mustFail = task?.annotations['testing.podwright.dev/exit-code'] === '3';
      if (outcome.state === 'success' && mustFail) this.#database.faults.push(`${id} succeeded, which it could not`);
      if (outcome.state === 'failed' && outcome.verdict.kind === 'cancelled' && task?.isCancelled !== true)
        this.#database.faults.push(`${id} is called cancelled, and nobody cancelled it`);
      if (outcome.state === 'failed' && outcome.verdict.kind === 'unknown')
        this.#database.faults.push(`${id} failed and nothing says why: ${outcome.verdict.message}`);
    }
  }

  result(seed: number): SimulationResult {
    const ends: Record<string, number> = {};
    for (const outcome of this.#database.outcomes.values()) {
      const end = outcome.state === 'success' ? 'success' : outcome.verdict.kind;
      ends[end] = (ends[end] ?? 0) + 1;
    }
    return { seed, faults: this.#database.faults, log: this.#log, ends };
  }
}

/** Runs one simulation. The same seed and number of steps give the same run. */
export async function simulate(seed: number, steps: number): Promise<SimulationResult> {
  const cluster = await FakeCluster.start({ seed, clock: 'virtual', kubelet: 'scripted', nodes: 3 });
  const world = new World(cluster, seededRandom(seed));
  try {
    await world.run(steps);
    return world.result(seed);
  } finally {
    await cluster.stop();
  }
}
