/** Kubernetes executors for simulations, with options that differ from seed to seed and stay the same for every life of a host. */
import { type Random, seededRandom } from '../../src/core/random.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import type { SimulatedHostContext, SimulationOptions } from '../../src/testing/index.js';

type Drawn = Partial<KubernetesExecutorOptions>;

function drawOptions(random: Random, hosts: number): Drawn {
  const roll = random.next();
  const hasLease = hosts > 1 || random.next() < 0.3;
  return {
    acknowledge: hosts === 1 && random.next() < 0.3 ? 'auto' : 'manual',
    nodeLostFence: random.next() < 0.3 ? '5m' : 'never',
    parallelism: 1 + Math.floor(random.next() * 8),
    sidecarFailure: random.next() < 0.5 ? 'warn' : 'fail',
    trackWithFinalizer: random.next() < 0.3,
    ...(hasLease ? { lease: { duration: '15s' } } : {}),
    ...(roll < 0.3
      ? {
          logSink: async (_source, lines) => {
            for await (const { text } of lines) if (text === '') throw new Error('an empty line');
          },
        }
      : {}),
  };
}

/** Options of a simulation of the Kubernetes executor. */
export function simulationOf(seed: number, steps: number, hosts: number): SimulationOptions {
  const drawn = drawOptions(seededRandom(seed + 1), hosts);
  const createExecutor = ({ kubeClient, clock, random, executorId, isStillWanted }: SimulatedHostContext) =>
    new KubernetesExecutor({
      kubeClient,
      clock,
      random,
      executorId,
      isStillWanted,
      drive: 'self',
      config: { image: 'x', terminationGracePeriodSeconds: 5, deleteWorkerPodsOnFailure: true },
      retry: { infra: { max: 3 }, oom: { max: 1 } },
      timeouts: { broken: '2m', starting: '5m', unschedulable: '30m', terminating: '3m' },
      ...drawn,
    });
  const fencesLostNodes = drawn.nodeLostFence !== 'never';
  return { seed, steps, hosts, lateWrites: drawn.lease !== undefined, fencesLostNodes, createExecutor };
}
