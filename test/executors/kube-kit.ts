/** A fresh embedded cluster on a virtual clock per test, with executors that are cleaned up after it. */
import { afterEach, beforeEach } from 'vitest';
import type { Outcome, TaskRun } from '../../src/core/outcome.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { FakeCluster, type FakeClusterOptions, type PodView, type VirtualClock } from '../../src/testing/index.js';
import type { Pod, PodStatus } from '../../src/wire/types.js';
import { call, PODS } from '../testing/call.js';

/** Fits the pods that run. */
export const ours = ({ phase }: PodView) => phase === 'Running';
/** Fits every pod. */
export const any = () => true;
/** No launch beyond the first for infrastructure. */
export const once = { infra: { max: 0 } };
/** Key of a test's task. */
export const key = (taskId = 't') => ({ dagId: 'd', taskId, runId: 'r', tryNumber: 1, mapIndex: -1 });
/** A task whose pod lives for an hour unless something happens to it, or as its annotations say. */
export const work = (annotations: Record<string, string> = {}, taskId = 't') => ({
  key: key(taskId),
  command: ['any'],
  executorConfig: {
    annotations: Object.fromEntries(
      Object.entries({ duration: '1h', ...annotations }).map(([name, value]) => [
        `testing.podwright.dev/${name}`,
        value,
      ]),
    ),
  },
});

/** The cluster of the test that runs now. */
export class KubeKit {
  cluster!: FakeCluster<VirtualClock>;
  readonly #executors: KubernetesExecutor[] = [];

  /** Registers the hooks of a test file. */
  static use(options: FakeClusterOptions = { kubelet: 'scripted' }): KubeKit {
    const kit = new KubeKit();
    beforeEach(async () => {
      kit.cluster = await FakeCluster.start({ seed: 1, ...options, clock: 'virtual' });
    });
    afterEach(() => kit.#close());
    return kit;
  }

  async #close(): Promise<void> {
    const stopping = Promise.all(this.#executors.splice(0).map((executor) => executor.detach()));
    await this.cluster.clock.advance('20s');
    await stopping;
    await this.cluster.stop();
  }

  async connect(options: Partial<KubernetesExecutorOptions> = {}): Promise<KubernetesExecutor> {
    const starting = KubernetesExecutor.connect({
      kubeClient: this.cluster.kubeClient(),
      clock: this.cluster.clock,
      config: { image: 'any' },
      ...options,
    });
    await this.cluster.clock.settle();
    const executor = await starting;
    this.#executors.push(executor);
    return executor;
  }

  /** Connects an executor that starts by the clock: leases need it. */
  async connectByClock(options: Partial<KubernetesExecutorOptions>): Promise<KubernetesExecutor> {
    const connecting = this.connect(options);
    await this.cluster.clock.advance('1s');
    return connecting;
  }

  /** Moves the clock until the task has ended. */
  async ended(run: TaskRun): Promise<Outcome> {
    let outcome: Outcome | undefined;
    void run.outcome.then((end) => {
      outcome = end;
    });
    await this.cluster.clock.advanceUntil(() => outcome !== undefined);
    return outcome as unknown as Outcome;
  }

  /** How many calls of a verb on a resource the server has seen; with a status, only those answered with it. */
  count(verb: string, resource: string, status?: number): number {
    return this.cluster.requests.filter(
      (request) =>
        request.verb === verb && request.resource === resource && (status === undefined || request.status === status),
    ).length;
  }

  /** How many pods were created. */
  created(): number {
    return this.count('create', 'pods', 201);
  }

  /** The only pod there is, once there is one. */
  async onlyPod(): Promise<Pod> {
    await this.cluster.clock.advanceUntil(() => this.cluster.pods().length > 0);
    const [pod, ...others] = this.cluster.pods();
    if (pod === undefined || others.length > 0) throw new Error(`there are ${others.length + 1} pods`);
    return pod;
  }

  /** Writes the status of the only pod, as a kubelet would; `node` binds it first. */
  async play(status: PodStatus, node?: string): Promise<void> {
    const { metadata } = await this.onlyPod();
    const path = `${PODS}/${metadata?.name}`;
    const transport = this.cluster.transport();
    if (node !== undefined) {
      const target = { apiVersion: 'v1', kind: 'Node', name: node };
      const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: metadata?.name }, target };
      expectOk(await call(transport, 'POST', `${path}/binding`, body));
    }
    expectOk(await call(transport, 'PATCH', `${path}/status`, { status }, 'application/merge-patch+json'));
    await this.cluster.clock.settle();
  }
}

function expectOk({ status, text }: { status: number; text: string }): void {
  if (status >= 300) throw new Error(`the server answered ${status}: ${text}`);
}
