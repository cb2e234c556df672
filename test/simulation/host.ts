/** A host program with a database that outlives it, which can be killed at any instant. */
import type { Clock } from '../../src/core/clock.js';
import { delayOn } from '../../src/core/clock.js';
import type { Outcome } from '../../src/core/outcome.js';
import type { Random } from '../../src/core/random.js';
import { keyToString, type TaskInstanceKey } from '../../src/core/task-key.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import type { Transport, TransportRequest, TransportResponse } from '../../src/kube/transport.js';
import type { FakeCluster, VirtualClock } from '../../src/testing/index.js';

/** What a task of the simulation is like. */
export interface Task {
  readonly key: TaskInstanceKey;
  readonly annotations: Readonly<Record<string, string>>;
  /** Whether somebody asked to cancel it. */
  isCancelled: boolean;
}

/** What the host has stored: it survives the host. */
export class Database {
  readonly tasks = new Map<string, Task>();
  readonly outcomes = new Map<string, Outcome>();
  /** What went against a promise. */
  readonly faults: string[] = [];

  store(outcome: Outcome): void {
    const id = keyToString(outcome.key);
    const before = this.outcomes.get(id);
    if (!this.tasks.has(id)) this.faults.push(`an outcome of ${id}, which nobody queued`);
    if (before === undefined) this.outcomes.set(id, outcome);
    else if (before.state !== outcome.state)
      this.faults.push(`${id} was told ${before.state} first and ${outcome.state} later`);
  }

  get open(): Task[] {
    return [...this.tasks.values()].filter(({ key }) => !this.outcomes.has(keyToString(key)));
  }
}

/** Options that differ from seed to seed. */
export type HostOptions = Pick<
  KubernetesExecutorOptions,
  'acknowledge' | 'nodeLostFence' | 'logSink' | 'sidecarFailure'
> & {
  readonly parallelism: number;
};

/** Options drawn from a seed; the same for every life of a host. */
export function drawOptions(random: Random): HostOptions {
  const roll = random.next();
  return {
    acknowledge: random.next() < 0.3 ? 'auto' : 'manual',
    nodeLostFence: random.next() < 0.3 ? '5m' : 'never',
    parallelism: 1 + Math.floor(random.next() * 8),
    sidecarFailure: random.next() < 0.5 ? 'warn' : 'fail',
    ...(roll < 0.3
      ? {
          logSink: async (_source, lines) => {
            for await (const { text } of lines) if (text === '') throw new Error('an empty line');
          },
        }
      : {}),
  };
}

/** Never settles: what a dead process waits for does not come. */
const never = <T>() => new Promise<T>(() => {});

/** One life of a host. */
export class Host {
  readonly id: string;
  executor: KubernetesExecutor | undefined;
  isStarted = false;
  #isAlive = true;
  readonly #cluster: FakeCluster<VirtualClock>;
  readonly #database: Database;
  readonly #random: Random;

  readonly #options: HostOptions;

  constructor(
    id: string,
    {
      cluster,
      database,
      random,
      options,
    }: {
      readonly cluster: FakeCluster<VirtualClock>;
      readonly database: Database;
      readonly random: Random;
      readonly options: HostOptions;
    },
  ) {
    this.id = id;
    this.#options = options;
    this.#cluster = cluster;
    this.#database = database;
    this.#random = random;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Starts, and takes up what the database holds open. An API server in trouble may keep it from starting. */
  async start(): Promise<void> {
    const clock = this.#clock();
    const kubeClient = new HttpKubeClient({ transport: this.#transport(), clock, random: this.#random });
    const executor = new KubernetesExecutor({
      kubeClient,
      clock,
      random: this.#random,
      drive: 'self',
      executorId: this.id,
      ...this.#options,
      config: { image: 'x', terminationGracePeriodSeconds: 5, deleteWorkerPodsOnFailure: true },
      retry: { infra: { max: 3 }, oom: { max: 1 } },
      timeouts: { broken: '2m', starting: '5m', unschedulable: '30m', terminating: '3m' },
    });
    this.executor = executor;
    executor.on('outcome', async (outcome) => {
      if (!this.#isAlive) return;
      this.#database.store(outcome);
      await outcome.acknowledge();
    });
    await executor.start();
    if (!this.#isAlive) return;
    this.isStarted = true;
    for (const task of this.#database.open) this.queue(task);
  }

  queue({ key, annotations }: Task): void {
    this.executor?.queueTask({ key, command: ['x'], executorConfig: { annotations } });
  }

  /** SIGKILL: from now on nothing that it began goes on. */
  kill(): void {
    this.#isAlive = false;
  }

  #clock(): Clock {
    const clock = this.#cluster.clock;
    const own: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      schedule: (ms, callback) => clock.schedule(ms, () => (this.#isAlive ? callback() : undefined)),
      delay: (ms, options) => delayOn(own, ms, options),
    };
    return own;
  }

  #transport(): Transport {
    const inner = this.#cluster.transport();
    return {
      request: async (request: TransportRequest): Promise<TransportResponse> => {
        if (!this.#isAlive) return never();
        const response = await inner.request(request);
        // The answer reaches a process that is no more.
        if (!this.#isAlive) return never();
        return { ...response, body: this.#whileAlive(response.body) };
      },
    };
  }

  async *#whileAlive(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      if (!this.#isAlive) await never();
      yield piece;
    }
  }
}
