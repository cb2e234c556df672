/** Scheduler, kubelets and node controller of a cluster in one: everything that makes pods live. */
import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import type { Transport } from '../../kube/transport.js';
import { formatTime } from '../../wire/micro-time.js';
import type { KubeObject, Node, Pod } from '../../wire/types.js';
import type { ContainerLog } from '../server/container-log.js';
import type { LogSource } from '../server/core.js';
import { ClusterApi } from './cluster-api.js';
import { EventRecorder } from './event-recorder.js';
import { type NodeOptions, nodeObject } from './node-object.js';
import type { PodEnding } from './pod-status.js';
import { PodWorker, type WorkerHost } from './pod-worker.js';
import { ProcessRuntime } from './process-runtime.js';
import { place } from './scheduler.js';
import { type PodScript, SCRIPT_PREFIX, ScriptedRuntime } from './scripted-runtime.js';

/** How pods are run. */
export type KubeletMode = 'process' | 'scripted';

/** What shall happen to a pod as soon as the kubelet has it, before anything of it runs. */
export interface PodIntent {
  readonly hold?: { readonly reason: string; readonly message: string } | undefined;
  readonly reject?: PodEnding | undefined;
}

/** Options of the kubelet. */
export interface VirtualKubeletOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly mode: KubeletMode;
  readonly nodes: readonly NodeOptions[];
  /** Which pods are scheduled here. @default 'default-scheduler' */
  readonly schedulerName?: string | undefined;
  readonly startDelayMs: number;
  readonly terminationDelayMs: number;
  readonly script: ((pod: Pod) => PodScript | undefined) | undefined;
  readonly recordEvents: boolean;
}

const NODE_MONITOR_GRACE_MS = 40_000;
const RETRY_SCHEDULING_MS = 5000;
const UNREACHABLE = 'node.kubernetes.io/unreachable';

const isEnded = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Makes the pods of a cluster live. Leaves alone pods of other schedulers and on nodes that are not its own. */
export class VirtualKubelet implements LogSource {
  readonly #options: VirtualKubeletOptions;
  readonly #stopped = new AbortController();
  readonly #api: ClusterApi;
  readonly #events: EventRecorder | undefined;
  readonly #processes: ProcessRuntime;
  readonly #scripted: ScriptedRuntime;
  readonly #workers = new Map<string, PodWorker>();
  readonly #pods = new Map<string, Pod>();
  readonly #onNode = new Map<string, Map<string, Pod>>();
  readonly #nodes = new Map<string, Node>();
  readonly #own = new Set<string>();
  readonly #lost = new Set<string>();
  readonly #unscheduled = new Set<string>();
  readonly #messages = new Map<string, string>();
  readonly #intents = new Map<string, PodIntent>();
  #retry: (() => void) | undefined;
  #addresses = 0;

  constructor(options: VirtualKubeletOptions) {
    this.#options = options;
    this.#api = new ClusterApi(options.transport, options.clock, this.#stopped.signal);
    if (options.recordEvents) this.#events = new EventRecorder(this.#api, options.clock, this.#stopped.signal);
    this.#processes = new ProcessRuntime(options.clock, options.startDelayMs, (path) => this.#api.read(path));
    this.#scripted = new ScriptedRuntime(options.clock, options.startDelayMs, options.script);
  }

  /** Registers the nodes and begins to play pods. */
  async start(): Promise<void> {
    for (const [index, given] of this.#options.nodes.entries())
      await this.addNode({ ...given, name: given.name ?? `node-${index + 1}` });
    void this.#api.follow('/api/v1/nodes', (node, isGone) => this.#onNodeChange(node, isGone));
    void this.#api.follow('/api/v1/pods', (pod, isGone) => this.#onPodChange(pod as Pod, isGone));
  }

  /** Adds a node while the cluster runs, as an autoscaler does. */
  async addNode(options: NodeOptions & { readonly name: string }): Promise<void> {
    this.#own.add(options.name);
    const node = nodeObject(options, formatTime(this.#options.clock.now()));
    await this.#api.create('/api/v1/nodes', node);
    this.#nodes.set(options.name, node);
    this.#tryAll();
  }

  /** The worker of a pod, where this kubelet has it. */
  worker(pod: Pod): PodWorker | undefined {
    return this.#workers.get(pod.metadata?.uid ?? '');
  }

  /** Prepares a fault for a pod that this kubelet has not taken in yet. */
  intend(pod: Pod, intent: PodIntent): void {
    if (this.worker(pod) === undefined) this.#intents.set(pod.metadata?.uid ?? '', intent);
  }

  containerLog(pod: Pod, container: string, previous: boolean): ContainerLog | undefined {
    return this.worker(pod)?.log(container, previous);
  }

  /** Stops everything and kills all processes. */
  stop(): void {
    this.#retry?.();
    this.#stopped.abort(new Error('the kubelet has stopped'));
    for (const worker of this.#workers.values()) worker.abandon();
    this.#processes.killAll();
  }

  /** Takes a node off the network: its pods live on unseen, and the cluster notices after 40 s. */
  loseNode(name: string): void {
    if (this.#lost.has(name)) return;
    this.#lost.add(name);
    this.#options.clock.schedule(NODE_MONITOR_GRACE_MS, () => void this.#declareLost(name));
  }

  /** Brings a lost node back. */
  async recoverNode(name: string): Promise<void> {
    if (!this.#lost.delete(name)) return;
    const at = formatTime(this.#options.clock.now());
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      message: 'kubelet is posting ready status',
      lastTransitionTime: at,
    };
    await this.#api.patch(`/api/v1/nodes/${name}/status`, { status: { conditions: [ready] } });
    await this.#api.patch(`/api/v1/nodes/${name}`, { spec: { taints: null } });
    for (const pod of this.#onNode.get(name)?.values() ?? []) this.worker(pod)?.resume();
  }

  async #declareLost(name: string): Promise<void> {
    if (!this.#lost.has(name) || this.#stopped.signal.aborted) return;
    const at = formatTime(this.#options.clock.now());
    const unknown = {
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: at,
    };
    await this.#api.patch(`/api/v1/nodes/${name}/status`, { status: { conditions: [unknown] } });
    const taints = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: UNREACHABLE, effect, timeAdded: at }));
    await this.#api.patch(`/api/v1/nodes/${name}`, { spec: { taints } });
    for (const pod of [...(this.#onNode.get(name)?.values() ?? [])]) {
      if (isEnded(pod)) continue;
      const notReady = ['Ready'].map((type) => ({ type, status: 'False', lastTransitionTime: at }));
      await this.#api.patchStatus(pod, { conditions: notReady });
      this.#events?.record(pod, {
        type: 'Warning',
        reason: 'NodeNotReady',
        message: 'Node is not ready',
        component: 'node-controller',
      });
      this.#evictLater(name, pod);
    }
  }

  /** Taint-based eviction: the pod is deleted when its toleration of the unreachable node runs out. */
  #evictLater(node: string, pod: Pod): void {
    const toleration = (pod.spec?.tolerations ?? []).find(
      ({ key, effect }) =>
        (key === undefined || key === UNREACHABLE) && (effect === undefined || effect === 'NoExecute'),
    );
    if (toleration !== undefined && toleration.tolerationSeconds === undefined) return;
    this.#options.clock.schedule((toleration?.tolerationSeconds ?? 0) * 1000, () => {
      const current = this.#pods.get(pod.metadata?.uid ?? '');
      if (!this.#lost.has(node) || current === undefined || current.metadata?.deletionTimestamp !== undefined) return;
      void this.markDisrupted(current, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint').then(
        () => this.#api.deletePod(current),
      );
    });
  }

  /** Sets a pod's DisruptionTarget condition. */
  async markDisrupted(pod: Pod, reason: string, message: string): Promise<void> {
    const at = formatTime(this.#options.clock.now());
    await this.#api.patchStatus(pod, {
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime: at }],
    });
  }

  /** Deletes a pod as anybody could. */
  deletePod(pod: Pod, gracePeriodSeconds?: number): Promise<void> {
    return this.#api.deletePod(pod, gracePeriodSeconds);
  }

  #onNodeChange(node: KubeObject, isGone: boolean): void {
    const name = node.metadata?.name ?? '';
    if (isGone) this.#nodes.delete(name);
    else this.#nodes.set(name, node as Node);
    this.#tryAll();
  }

  #onPodChange(pod: Pod, isGone: boolean): void {
    const uid = pod.metadata?.uid ?? '';
    const node = pod.spec?.nodeName ?? '';
    if (isGone) {
      this.#pods.delete(uid);
      this.#unscheduled.delete(uid);
      this.#messages.delete(uid);
      this.#onNode.get(node)?.delete(uid);
      this.#workers.get(uid)?.abandon();
      this.#workers.delete(uid);
      this.#tryAll();
      return;
    }
    this.#pods.set(uid, pod);
    if (node === '') {
      if (this.#isMine(pod)) this.#schedule(pod);
      return;
    }
    this.#unscheduled.delete(uid);
    this.#occupy(node, pod);
    if (!this.#own.has(node)) return;
    const worker = this.#workers.get(uid);
    if (worker !== undefined) worker.update(pod);
    else if (!isEnded(pod)) this.#adopt(pod);
    else if (pod.metadata?.deletionTimestamp !== undefined) void this.#api.deletePod(pod, 0);
  }

  #occupy(node: string, pod: Pod): void {
    let pods = this.#onNode.get(node);
    if (pods === undefined) {
      pods = new Map();
      this.#onNode.set(node, pods);
    }
    const uid = pod.metadata?.uid ?? '';
    if (!isEnded(pod)) pods.set(uid, pod);
    else if (pods.delete(uid)) this.#tryAll();
  }

  #adopt(pod: Pod): void {
    const mode = pod.metadata?.annotations?.[`${SCRIPT_PREFIX}kubelet`] ?? this.#options.mode;
    const worker = new PodWorker(this.#host(), mode === 'process' ? this.#processes : this.#scripted, pod);
    this.#workers.set(pod.metadata?.uid ?? '', worker);
    worker.update(pod);
    const intent = this.#intents.get(pod.metadata?.uid ?? '');
    this.#intents.delete(pod.metadata?.uid ?? '');
    if (intent?.reject !== undefined) {
      void worker.reject(intent.reject);
      return;
    }
    if (intent?.hold !== undefined) void worker.hold(intent.hold);
    void worker.run();
    void this.#playPodReason(pod, worker);
  }

  /** A script may have the kubelet end the pod itself. */
  async #playPodReason(pod: Pod, worker: PodWorker): Promise<void> {
    if (this.#scripted.scriptOf(pod).podReason !== 'Evicted') return;
    await this.#options.clock.delay(1000, { signal: this.#stopped.signal }).catch(() => undefined);
    await worker.endPod(evictedEnding(pod));
  }

  #host(): WorkerHost {
    const { clock, terminationDelayMs } = this.#options;
    return {
      api: this.#api,
      clock,
      hostIP: '127.0.0.1',
      terminationDelayMs,
      isNodeLost: (node) => this.#lost.has(node),
      nextPodIP: () => {
        this.#addresses++;
        return `10.244.${(this.#addresses >> 8) & 255}.${this.#addresses & 255}`;
      },
      recordEvent: (pod, type, reason, message, container) =>
        this.#events?.record(pod, { type, reason, message, container }),
    };
  }

  #isMine(pod: Pod): boolean {
    const { schedulerName = 'default-scheduler', schedulingGates = [] } = pod.spec ?? {};
    return (
      schedulerName === (this.#options.schedulerName ?? 'default-scheduler') &&
      schedulingGates.length === 0 &&
      pod.metadata?.deletionTimestamp === undefined &&
      !isEnded(pod)
    );
  }

  #tryAll(): void {
    for (const uid of [...this.#unscheduled]) {
      const pod = this.#pods.get(uid);
      if (pod === undefined) this.#unscheduled.delete(uid);
      else this.#schedule(pod);
    }
  }

  #schedule(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const placement = place(pod, {
      nodes: [...this.#nodes.values()],
      podsOn: (node) => this.#onNode.get(node)?.values() ?? [],
    });
    if ('node' in placement) {
      this.#unscheduled.delete(uid);
      this.#messages.delete(uid);
      this.#occupy(placement.node, pod);
      const { namespace = '', name = '' } = pod.metadata ?? {};
      void this.#api.bind(pod, placement.node).then(() =>
        this.#events?.record(pod, {
          type: 'Normal',
          reason: 'Scheduled',
          message: `Successfully assigned ${namespace}/${name} to ${placement.node}`,
          component: 'default-scheduler',
        }),
      );
      return;
    }
    this.#unscheduled.add(uid);
    this.#retryLater();
    if (this.#messages.get(uid) === placement.message) return;
    this.#messages.set(uid, placement.message);
    const at = formatTime(this.#options.clock.now());
    const waiting = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: placement.message,
      lastTransitionTime: at,
    };
    void this.#api.patchStatus(pod, { conditions: [waiting] });
    this.#events?.record(pod, {
      type: 'Warning',
      reason: 'FailedScheduling',
      message: placement.message,
      component: 'default-scheduler',
    });
  }

  #retryLater(): void {
    if (this.#retry !== undefined || this.#stopped.signal.aborted) return;
    this.#retry = this.#options.clock.schedule(RETRY_SCHEDULING_MS, () => {
      this.#retry = undefined;
      this.#tryAll();
    });
  }
}

/** How a kubelet ends a pod under memory pressure. */
export function evictedEnding(pod: Pod) {
  const container = pod.spec?.containers[0]?.name ?? '';
  return {
    reason: 'Evicted',
    message: `The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container ${container} was using 1Gi, request is 0, has larger consumption of memory. `,
    disruption: 'TerminationByKubelet',
  };
}
