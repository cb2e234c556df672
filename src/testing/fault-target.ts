/** Faults aimed at one pod. */
import type { Clock } from '../core/clock.js';
import { ClusterError } from '../errors.js';
import type { Pod } from '../wire/types.js';
import type { PodWorker } from './kubelet/pod-worker.js';
import { waitingMessage } from './kubelet/scripted-runtime.js';
import { evictedEnding, type PodIntent, type VirtualKubelet } from './kubelet/virtual-kubelet.js';
import type { Store } from './server/store.js';
import { VirtualClock } from './virtual-clock.js';

/** A pod as predicates see it. */
export interface PodView {
  /** Its name. */
  readonly name: string;
  /** Its namespace. */
  readonly namespace: string;
  /** Its phase, `Pending` where it has none yet. */
  readonly phase: string;
  /** Its labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its annotations. */
  readonly annotations: Readonly<Record<string, string>>;
  /** All of it. */
  readonly pod: Pod;
}

/** The view of a pod. */
export function viewOf(pod: Pod): PodView {
  return {
    name: pod.metadata?.name ?? '',
    namespace: pod.metadata?.namespace ?? '',
    phase: pod.status?.phase ?? '',
    labels: pod.metadata?.labels ?? {},
    annotations: pod.metadata?.annotations ?? {},
    pod,
  };
}

/** How an image pull goes wrong. */
export type ImagePullKind = 'not_found' | 'unauthorized' | 'rate_limited' | 'network' | 'invalid_name';

const PULL_MESSAGES: Readonly<Record<ImagePullKind, (image: string) => string>> = {
  not_found: (image) =>
    `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`,
  unauthorized: (image) =>
    `failed to pull and unpack image "${image}": failed to resolve reference "${image}": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
  rate_limited: (image) =>
    `failed to pull and unpack image "${image}": failed to copy: httpReadSeeker: failed open: unexpected status code 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.`,
  network: (image) =>
    `failed to pull and unpack image "${image}": failed to resolve reference "${image}": failed to do request: Head "https://registry.example/v2/": dial tcp: lookup registry.example: i/o timeout`,
  invalid_name: (image) => waitingMessage('InvalidImageName', { name: '', image }),
};

/** What faults act on. */
export interface FaultContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly kubelet: VirtualKubelet | undefined;
}

/** The first pod that a predicate holds for; each verb waits for it, acts once, and resolves when it was done. */
export class FaultTarget {
  readonly #context: FaultContext;
  readonly #predicate: (pod: PodView) => boolean;

  /** @internal */
  constructor(context: FaultContext, predicate: (pod: PodView) => boolean) {
    this.#context = context;
    this.#predicate = predicate;
  }

  /**
   * Resolves with the pod, without a fault. A virtual clock is moved on until there is one. `onMatch` is called in the same turn as the
   * change that made the predicate hold, before anybody else hears of it.
   */
  async matched(onMatch: (pod: Pod) => void = () => {}): Promise<Pod> {
    const { store, clock } = this.#context;
    const present = store.list('pods', '').find(({ object }) => this.#predicate(viewOf(object as Pod)));
    if (present !== undefined) {
      onMatch(present.object as Pod);
      return present.object as Pod;
    }
    let found: Pod | undefined;
    let unsubscribe = () => {};
    const future = new Promise<Pod>((resolve) => {
      unsubscribe = store.subscribe('pods', ({ after }) => {
        if (found !== undefined || after === undefined || !this.#predicate(viewOf(after as Pod))) return;
        found = after as Pod;
        onMatch(found);
        unsubscribe();
        resolve(found);
      });
    });
    if (clock instanceof VirtualClock) await clock.advanceUntil(() => found !== undefined).finally(unsubscribe);
    return future;
  }

  async #act<T>(
    action: (pod: Pod, kubelet: VirtualKubelet, worker: PodWorker | undefined) => Promise<T> | T,
    intent?: (pod: Pod) => PodIntent,
  ): Promise<Pod> {
    const { kubelet } = this.#context;
    if (kubelet === undefined)
      throw new ClusterError('This fault needs a kubelet', 'Start the cluster with kubelet: "scripted" or "process".');
    const pod = await this.matched((found) => intent !== undefined && kubelet.intend(found, intent(found)));
    await action(pod, kubelet, kubelet.worker(pod));
    return pod;
  }

  /** Acts through the pod's worker, waiting until the kubelet has the pod. */
  async #actInside(
    action: (pod: Pod, worker: PodWorker) => Promise<void>,
    intent?: (pod: Pod) => PodIntent,
  ): Promise<Pod> {
    return this.#act(async (pod, kubelet, worker) => {
      const bound = worker ?? (await this.#workerOf(pod, kubelet));
      await action(pod, bound);
    }, intent);
  }

  #hold(waitingOf: (pod: Pod) => { reason: string; message: string }): Promise<Pod> {
    return this.#actInside(
      (pod, worker) => worker.hold(waitingOf(pod)),
      (pod) => ({ hold: waitingOf(pod) }),
    );
  }

  async #workerOf(pod: Pod, kubelet: VirtualKubelet): Promise<PodWorker> {
    const { clock } = this.#context;
    const uid = pod.metadata?.uid;
    if (clock instanceof VirtualClock) await clock.advanceUntil(() => kubelet.worker(pod) !== undefined);
    else if (kubelet.worker(pod) === undefined) {
      await new FaultTarget(
        this.#context,
        (view) => view.pod.metadata?.uid === uid && view.pod.spec?.nodeName !== undefined,
      ).matched();
      // The kubelet hears of the binding through its watch, a few turns later.
      for (let i = 0; i < 50 && kubelet.worker(pod) === undefined; i++)
        await new Promise((resolve) => setImmediate(resolve));
    }
    const worker = kubelet.worker(pod);
    if (worker === undefined)
      throw new ClusterError(`Pod ${pod.metadata?.namespace}/${pod.metadata?.name} is not run by this kubelet`);
    return worker;
  }

  /** The kubelet evicts the pod under memory pressure: Failed, reason Evicted. */
  evict(): Promise<Pod> {
    return this.#actInside((pod, worker) => worker.endPod(evictedEnding(pod)));
  }

  /** The scheduler preempts the pod: condition DisruptionTarget, then deletion with its grace. */
  preempt(): Promise<Pod> {
    return this.#act(async (pod, kubelet) => {
      await kubelet.markDisrupted(
        pod,
        'PreemptionByScheduler',
        'default-scheduler: preempting to accommodate a higher priority pod',
      );
      await kubelet.deletePod(pod);
    });
  }

  /** The pod's node goes silent; see {@link FakeCluster.recoverNode}. */
  nodeLost(): Promise<Pod> {
    return this.#actInside(async (pod) => {
      const node = this.#current(pod).spec?.nodeName;
      if (node !== undefined) this.#context.kubelet?.loseNode(node);
    });
  }

  /** The node shuts down gracefully: Failed, reason Terminated. */
  nodeShutdown(): Promise<Pod> {
    const message = 'Pod was terminated in response to imminent node shutdown.';
    return this.#actInside((_pod, worker) =>
      worker.endPod({ reason: 'Terminated', message, disruption: 'TerminationByKubelet' }),
    );
  }

  /** The main container runs out of memory: reason OOMKilled with exit code 137, or 0 where only a child process was killed. */
  oom(options: { readonly exitZero?: boolean } = {}): Promise<Pod> {
    return this.#actInside((_pod, worker) =>
      worker.endContainer({ exitCode: options.exitZero ? 0 : 137, reason: 'OOMKilled' }),
    );
  }

  /** The main container ends with an exit code. @default 1 */
  fail(exitCode = 1): Promise<Pod> {
    return this.#actInside((_pod, worker) => worker.endContainer({ exitCode }));
  }

  /** The image cannot be pulled. Aim it at a pod that has not started. */
  imagePull(kind: ImagePullKind = 'not_found'): Promise<Pod> {
    const reason = kind === 'invalid_name' ? 'InvalidImageName' : 'ErrImagePull';
    return this.#hold((pod) => ({ reason, message: PULL_MESSAGES[kind](pod.spec?.containers[0]?.image ?? '') }));
  }

  /** The container's configuration is wrong: CreateContainerConfigError. Aim it at a pod that has not started. */
  configError(message = 'secret "missing" not found'): Promise<Pod> {
    return this.#hold(() => ({ reason: 'CreateContainerConfigError', message }));
  }

  /** Lifts an `imagePull` or `configError`: the containers start within a second. */
  heal(): Promise<Pod> {
    return this.#actInside((_pod, worker) => worker.hold(undefined));
  }

  /** The kubelet refuses the pod at admission, for example with `OutOfcpu`. Aim it at a pod that has not started. */
  reject(reason = 'OutOfcpu'): Promise<Pod> {
    const resource = reason.startsWith('OutOf') ? reason.slice('OutOf'.length) : undefined;
    const message =
      resource === undefined
        ? `Pod was rejected: ${reason}`
        : `Pod was rejected: Node didn't have enough resource: ${resource}, requested: 1000, used: 64000, capacity: 64000`;
    const ending = { reason, message };
    return this.#actInside(
      (_pod, worker) => worker.reject(ending),
      () => ({ reject: ending }),
    );
  }

  /** Somebody deletes the pod. */
  delete(options: { readonly gracePeriodSeconds?: number } = {}): Promise<Pod> {
    return this.#act((pod, kubelet) => kubelet.deletePod(pod, options.gracePeriodSeconds));
  }

  #current(pod: Pod): Pod {
    return (
      (this.#context.store.get('pods', `${pod.metadata?.namespace}/${pod.metadata?.name}`) as Pod | undefined) ?? pod
    );
  }
}
