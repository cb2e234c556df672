/** Kubernetes executors for simulations, with options that differ from seed to seed and stay the same for every life of a host. */
import { type Random, seededRandom } from '../../src/core/random.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import type { LogSink } from '../../src/executors/kubernetes/log-sink.js';
import { makeSafeLabelValue } from '../../src/pod/names.js';
import type { SimulatedHostContext, SimulationOptions } from '../../src/testing/index.js';
import { KubernetesJobWatcher } from '../../src/watch/job-watcher.js';
import { LABELS } from '../../src/wire/names.js';
import { drawWorkload, OTHER_NAMESPACE } from './workload.js';

type Drawn = Partial<KubernetesExecutorOptions>;

/** How executors watch: `undefined` as they do by default. */
interface DrawnWatch {
  readonly pageSize: number;
  readonly streamingList: boolean;
  readonly resyncIntervalMs: number;
}

const LAUNCHES = { infra: 3, oom: 1 };
const readAll: LogSink = async (_source, lines) => {
  for await (const { text } of lines) if (text === '') throw new Error('an empty line');
};

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
    ...(roll < 0.3 ? { logSink: readAll } : {}),
  };
}

/** What only some seeds have, and none of those whose mix is even. */
function drawOddities(random: Random) {
  const isOdd = () => random.next() < 0.35;
  const watch: DrawnWatch | undefined = isOdd()
    ? {
        pageSize: 1 + Math.floor(random.next() * 4),
        streamingList: random.next() < 0.5,
        resyncIntervalMs: random.next() < 0.5 ? 10_000 : 300_000,
      }
    : undefined;
  return {
    watch,
    namespaces: isOdd() ? [OTHER_NAMESPACE] : [],
    keepsPods: isOdd(),
    slowStoreMs: isOdd() || isOdd() ? 30_000 : 0,
    skewMs: isOdd() ? 3_600_000 : 0,
    sleeps: isOdd(),
    workload: { hasSecrets: isOdd(), hasLimits: isOdd(), hasKeys: isOdd(), isSlow: isOdd() },
  };
}

/** The watch that an executor makes for itself, but for the options that were drawn. */
function watcherOf(
  { kubeClient, clock, random, executorId }: SimulatedHostContext,
  watch: DrawnWatch,
  namespaces: readonly string[],
): KubernetesJobWatcher {
  const labelSelector = `${LABELS.executorId}=${makeSafeLabelValue(executorId)},${LABELS.done}!=true`;
  const all = ['default', ...namespaces];
  return new KubernetesJobWatcher({ ...watch, client: kubeClient, clock, random, namespaces: all, labelSelector });
}

/** Options of a simulation of the Kubernetes executor. */
export function simulationOf(
  seed: number,
  steps: number,
  hosts: number,
  mix: 'varied' | 'even' = 'varied',
): SimulationOptions {
  const drawn = drawOptions(seededRandom(seed + 1), hosts);
  const odd = mix === 'varied' ? drawOddities(seededRandom(seed ^ 0x0dd)) : undefined;
  const { watch, namespaces = [], keepsPods = false } = odd ?? {};
  const createExecutor = (context: SimulatedHostContext) => {
    const { kubeClient, clock, random, executorId, isStillWanted, tookLog } = context;
    const logSink: LogSink = (source, lines) => readAll(source, lines).finally(() => tookLog(source.pod));
    return new KubernetesExecutor({
      kubeClient,
      clock,
      random,
      executorId,
      isStillWanted,
      drive: 'self',
      config: {
        image: 'x',
        terminationGracePeriodSeconds: 5,
        deleteWorkerPodsOnFailure: !keepsPods,
        ...(namespaces.length > 0 ? { watchNamespaces: namespaces } : {}),
      },
      retry: { infra: { max: LAUNCHES.infra }, oom: { max: LAUNCHES.oom } },
      timeouts: { broken: '2m', starting: '5m', unschedulable: '30m', terminating: '3m' },
      ...(keepsPods ? { keepPods: { failed: { for: '4m', last: 3 } } } : {}),
      ...(watch === undefined ? {} : { watcher: watcherOf(context, watch, namespaces) }),
      ...drawn,
      ...(drawn.logSink === undefined ? {} : { logSink }),
    });
  };
  const fencesLostNodes = drawn.nodeLostFence !== 'never';
  const plain = { seed, steps, hosts, mix, lateWrites: drawn.lease !== undefined, fencesLostNodes, createExecutor };
  if (odd === undefined) return plain;
  return {
    ...plain,
    takesLogs: drawn.logSink !== undefined,
    launches: { infra: LAUNCHES.infra, most: 1 + LAUNCHES.infra + LAUNCHES.oom },
    slowStoreMs: drawn.acknowledge === 'manual' ? odd.slowStoreMs : 0,
    skewMs: odd.skewMs,
    sleeps: odd.sleeps,
    vary: (workload, random) =>
      drawWorkload(workload, random, { ...odd.workload, hasNamespaces: namespaces.length > 0 }),
  };
}
