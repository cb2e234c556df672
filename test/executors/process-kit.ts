/** Executors that are processes of their own, on one embedded cluster: cut off, killed and started again. */
import { afterEach, beforeEach } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import type { Transport } from '../../src/kube/transport.js';
import { FakeCluster, type FakeClusterOptions, type VirtualClock } from '../../src/testing/index.js';
import { LABELS } from '../../src/wire/names.js';

export const TASK = { key: { dagId: 'd', taskId: 't', runId: 'r' }, command: ['x'] };
/** A task that takes a while. */
export const lasting = (duration: string) => ({
  ...TASK,
  executorConfig: { annotations: { 'testing.podwright.dev/duration': duration } },
});

/** One process: its wire can be cut, after which it can neither be told apart from a dead one, nor do harm. */
export class Process {
  readonly executor: KubernetesExecutor;
  readonly outcomes: Outcome[] = [];
  readonly lost: string[] = [];
  isCut = false;

  constructor(cluster: FakeCluster<VirtualClock>, id: string, options: Partial<KubernetesExecutorOptions>) {
    const inner = cluster.transport();
    const transport: Transport = {
      request: (request) =>
        this.isCut
          ? Promise.reject(new KubeApiError('cut', { status: 0, reason: 'ConnectionReset', retryable: true }))
          : inner.request(request),
    };
    this.executor = new KubernetesExecutor({
      kubeClient: new HttpKubeClient({ transport, clock: cluster.clock, random: seededRandom(1) }),
      clock: cluster.clock,
      random: seededRandom(3),
      drive: 'self',
      executorId: id,
      config: { image: 'x' },
      ...options,
    });
    this.executor.on('outcome', (outcome) => void this.outcomes.push(outcome));
    this.executor.on('lease:lost', ({ holder }) => void this.lost.push(holder));
  }
}

/** A cluster and the processes on it, for each test. */
export class ProcessKit {
  readonly #processes: Process[] = [];
  #cluster: FakeCluster<VirtualClock> | undefined;

  /** Makes a kit for the tests of a file. */
  static use(): ProcessKit {
    const kit = new ProcessKit();
    beforeEach(async () => {
      kit.#cluster = await FakeCluster.start({ seed: 5, clock: 'virtual', kubelet: 'scripted', nodes: 2 });
    });
    afterEach(async () => {
      const ended = Promise.all(kit.#processes.splice(0).map(({ executor }) => executor.terminate()));
      await kit.cluster.clock.advance('2m');
      await ended;
      await kit.cluster.stop();
    });
    return kit;
  }

  /** Starts anew with another cluster. */
  async restart(options: Partial<FakeClusterOptions>): Promise<void> {
    await this.cluster.stop();
    this.#cluster = await FakeCluster.start({ seed: 5, ...options, clock: 'virtual' });
  }

  get cluster(): FakeCluster<VirtualClock> {
    if (this.#cluster === undefined) throw new Error('there is a cluster in tests only');
    return this.#cluster;
  }

  /** Makes a process that is still to be started. */
  made(id: string, options: Partial<KubernetesExecutorOptions>): Process {
    const process = new Process(this.cluster, id, options);
    this.#processes.push(process);
    return process;
  }

  /** Starts a process; its clock is moved on until it is up. */
  async started(id: string, options: Partial<KubernetesExecutorOptions> = {}): Promise<Process> {
    const process = this.made(id, { lease: true, ...options });
    let isUp = false;
    const starting = process.executor.start().then(() => {
      isUp = true;
    });
    while (!isUp) await Promise.race([starting, this.cluster.clock.advance('1s')]);
    return process;
  }

  /** Ids of the processes that hold the leases, one for each lease; `undefined` for one that nobody holds. */
  async holders(): Promise<(string | undefined)[]> {
    return (await this.leases()).map(({ spec }) => spec?.holderIdentity?.split('_')[0]);
  }

  async leases() {
    return (await this.cluster.kubeClient().listLeases({ labelSelector: `${LABELS.managedBy}=podwright` })).items;
  }
}
