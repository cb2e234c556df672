/** Kubernetes executors for simulations, with options that differ from seed to seed and stay the same for every life of a host. */
import { type Random, seededRandom } from '../../src/core/random.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import type { LogSink } from '../../src/executors/kubernetes/log-sink.js';
import type { KubeClient } from '../../src/kube/kube-client.js';
import { makeSafeLabelValue } from '../../src/pod/names.js';
import type { SimulatedHostContext, SimulationOptions } from '../../src/testing/index.js';
import { KubernetesJobWatcher } from '../../src/watch/job-watcher.js';
import type { ResourceVersionStore } from '../../src/watch/watcher.js';
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
/** As `config.taskPublishMaxRetries` and `config.quotaTimeout` are by default. */
const PATIENCE = { attempts: 11, quotaMs: 3_600_000 };
const FENCE_MS = 300_000;
const KEPT = { forMs: 240_000, last: 3 };
const readAll: LogSink = async (_source, lines) => {
  for await (const { text } of lines) if (text === '') throw new Error('an empty line');
};

function drawOptions(random: Random, hosts: number): Drawn {
  const roll = random.next();
  const hasLease = hosts > 1 || random.next() < 0.3;
  return {
    acknowledge: hosts === 1 && random.next() < 0.3 ? 'auto' : 'manual',
    nodeLostFence: random.next() < 0.3 ? FENCE_MS : 'never',
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

/** More of it, drawn apart, so that a seed's other options are what they were before there was this. */
function drawTroubles(random: Random) {
  const isOdd = () => random.next() < 0.25;
  return {
    /** Namespaces are watched one by one. */
    isNarrow: isOdd(),
    /** What the host gives the executor to call fails now and then. */
    callbacksFail: isOdd(),
    keepsVersions: isOdd(),
    hasCompanions: isOdd(),
    hasSmallPages: isOdd(),
  };
}

type Troubles = ReturnType<typeof drawTroubles>;

/** A host's database that cannot be reached now and then, and seldom does not answer at all. */
function failingNowAndThen({ isStillWanted, random }: SimulatedHostContext) {
  return (key: Parameters<typeof isStillWanted>[0]): boolean | Promise<boolean> => {
    const roll = random.next();
    if (roll < 0.1) throw new Error('the database is away');
    if (roll < 0.2) return Promise.reject(new Error('the database has gone away'));
    return roll < 0.23 ? new Promise(() => {}) : isStillWanted(key);
  };
}

/** A file with the watch's versions, which cannot be read or written now and then. */
function storeOn({ disk, random }: SimulatedHostContext): ResourceVersionStore {
  const mayFail = () => {
    if (random.next() < 0.1) throw new Error('the disk is full');
  };
  return {
    get: async (scope) => {
      mayFail();
      return disk.get(`version ${scope}`) as string | undefined;
    },
    set: async (scope, version) => {
      mayFail();
      disk.set(`version ${scope}`, version);
    },
  };
}

/** Pods come two at a time, however many are asked for: lists have more than one page as they do where there are thousands. */
function withSmallPages(client: KubeClient): KubeClient {
  const listPods: KubeClient['listPods'] = (options = {}) =>
    client.listPods(options.limit === undefined ? options : { ...options, limit: Math.min(options.limit, 2) });
  return new Proxy(client, {
    get: (_client, name) => {
      if (name === 'listPods') return listPods;
      const part: unknown = Reflect.get(client, name, client);
      return typeof part === 'function' ? part.bind(client) : part;
    },
  });
}

/** The watch that an executor makes for itself, but for the options that were drawn. */
function watcherOf(
  { kubeClient, clock, random, executorId }: SimulatedHostContext,
  watch: DrawnWatch | undefined,
  namespaces: readonly string[],
  isNarrow: boolean,
  store: ResourceVersionStore | undefined,
): KubernetesJobWatcher {
  const labelSelector = `${LABELS.executorId}=${makeSafeLabelValue(executorId)},${LABELS.done}!=true`;
  const all = ['default', ...namespaces];
  return new KubernetesJobWatcher({
    ...watch,
    client: kubeClient,
    clock,
    random,
    namespaces: all,
    labelSelector,
    clusterWide: isNarrow ? false : 'auto',
    store,
  });
}

/**
 * Options of a simulation of the Kubernetes executor. Whatever befell a seed that broke a promise once must befall it again: what was thought of
 * later is left out of the mixes that there were before.
 */
export function simulationOf(
  seed: number,
  steps: number,
  hosts: number,
  mix: 'trusting' | 'troubled' | 'varied' | 'even' = 'troubled',
): SimulationOptions {
  const drawn = drawOptions(seededRandom(seed + 1), hosts);
  const odd = mix === 'even' ? undefined : drawOddities(seededRandom(seed ^ 0x0dd));
  const { watch, namespaces = [], keepsPods = false } = odd ?? {};
  const hasTroubles = mix === 'trusting' || mix === 'troubled';
  const troubles: Partial<Troubles> = hasTroubles ? drawTroubles(seededRandom(seed ^ 0x7b0b)) : {};
  const { isNarrow = false, callbacksFail = false, keepsVersions = false, hasCompanions = false } = troubles;
  const { hasSmallPages = false } = troubles;
  // Nobody says whether a task is still wanted: what is told then hangs on what could be written on pods before.
  const isTrusting = mix === 'trusting';
  const createExecutor = (context: SimulatedHostContext) => {
    const { clock, random, executorId, tookLog } = context;
    const kubeClient = hasSmallPages ? withSmallPages(context.kubeClient) : context.kubeClient;
    const isStillWanted = isTrusting ? undefined : callbacksFail ? failingNowAndThen(context) : context.isStillWanted;
    const store = keepsVersions ? storeOn(context) : undefined;
    const logSink: LogSink = async (source, lines) => {
      await readAll(source, lines).finally(() => tookLog(source.pod));
      if (callbacksFail && random.next() < 0.3) throw new Error('the log could not be stored');
    };
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
      ...(keepsPods ? { keepPods: { failed: { for: KEPT.forMs, last: KEPT.last } } } : {}),
      ...(watch === undefined && !isNarrow ? {} : { watcher: watcherOf(context, watch, namespaces, isNarrow, store) }),
      resourceVersionStore: store,
      ...drawn,
      ...(drawn.logSink === undefined ? {} : { logSink }),
    });
  };
  const fencesLostNodes = drawn.nodeLostFence !== 'never';
  const plain = {
    seed,
    steps,
    hosts,
    mix: mix === 'even' ? mix : ('varied' as const),
    lateWrites: drawn.lease !== undefined,
    fencesLostNodes,
    createExecutor,
  };
  if (odd === undefined) return plain;
  return {
    ...plain,
    takesLogs: drawn.logSink !== undefined,
    launches: { infra: LAUNCHES.infra, most: 1 + LAUNCHES.infra + LAUNCHES.oom, ...PATIENCE },
    keepsFailed: keepsPods ? KEPT : undefined,
    fenceMs: fencesLostNodes ? FENCE_MS : Number.POSITIVE_INFINITY,
    slowStoreMs: drawn.acknowledge === 'manual' ? odd.slowStoreMs : 0,
    skewMs: odd.skewMs,
    sleeps: odd.sleeps,
    vary: (workload, random) =>
      drawWorkload(workload, random, { ...odd.workload, hasNamespaces: namespaces.length > 0, hasCompanions }),
  };
}
