import { describe, it } from 'vitest';
import type { QueuedTask } from '../../src/core/outcome.js';
import { BaseExecutor, type BaseExecutorOptions } from '../../src/executors/base-executor.js';
import { HybridExecutor } from '../../src/executors/hybrid-executor.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { LocalExecutor } from '../../src/executors/local/local-executor.js';
import { SequentialExecutor } from '../../src/executors/local/sequential-executor.js';
import { LocalKubernetesExecutor } from '../../src/executors/local-kubernetes-executor.js';
import { describeExecutorContract } from '../../src/testing/contract/executor-contract.js';
import { FakeCluster } from '../../src/testing/index.js';

const runner = { describe, it };

describeExecutorContract('LocalExecutor', () => new LocalExecutor({ parallelism: 2 }), runner);
describeExecutorContract('SequentialExecutor', { create: () => new SequentialExecutor(), slots: 1 }, runner);
describeExecutorContract(
  'HybridExecutor',
  {
    create: () =>
      new HybridExecutor({
        default: new LocalExecutor({ parallelism: 3 }),
        queues: { 'gpu-*': new LocalExecutor({ parallelism: 2 }) },
      }),
    queue: 'gpu-1',
  },
  runner,
);

/** An executor of a user's own: its commands are verbs, and nothing but `launch` is overridden. */
class VerbExecutor extends BaseExecutor {
  constructor(options: BaseExecutorOptions = {}) {
    super({ parallelism: 2, ...options });
  }

  protected override async launch(task: QueuedTask, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    if (task.command[0] === 'succeed') this.success(task.key);
    else if (task.command[0] === 'fail') throw new Error('as asked');
    else await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
}
describeExecutorContract(
  "A user's executor that overrides launch() alone",
  { create: () => new VerbExecutor(), succeeding: ['succeed'], failing: ['fail'], hanging: ['hang'] },
  runner,
);

const clusters: FakeCluster[] = [];
async function kubernetes(): Promise<KubernetesExecutor> {
  const cluster = await FakeCluster.start({ kubelet: 'process' });
  clusters.push(cluster);
  return new KubernetesExecutor({
    kubeClient: cluster.kubeClient(),
    parallelism: 2,
    config: { image: 'any', terminationGracePeriodSeconds: 1 },
  });
}
const cleanup = async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop();
};
describeExecutorContract('KubernetesExecutor', { create: kubernetes, cleanup }, runner);
describeExecutorContract(
  'LocalKubernetesExecutor, on its Kubernetes queue',
  {
    create: async () =>
      new LocalKubernetesExecutor({ local: new LocalExecutor({ parallelism: 3 }), kubernetes: await kubernetes() }),
    queue: 'kubernetes',
    cleanup,
  },
  runner,
);
