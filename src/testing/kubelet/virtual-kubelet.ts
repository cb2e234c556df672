/** Scheduler, kubelets and node controller of a cluster in one: everything that makes pods live. */
import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import type { Transport } from '../../kube/transport.js';
import { formatTime } from '../../wire/micro-time.js';
import type { Node, Pod } from '../../wire/types.js';
import type { ContainerLog } from '../server/container-log.js';
import type { LogSource } from '../server/core.js';
import { ClusterApi } from './cluster-api.js';
import { EventRecorder } from './event-recorder.js';
import { type NodeOptions, nodeObject } from './node-object.js';
import { markDisrupted, NodeOutages } from './node-outage.js';
import { isEnded, PodScheduler } from './pod-scheduler.js';
import type { PodEnding } from './pod-status.js';
import { PodWorker, type WorkerHost } from './pod-worker.js';
import { ProcessRuntime } from './process-runtime.js';
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

const uidOf = ({ metadata }: Pod) => metadata?.uid ?? '';

/** Makes the pods of a cluster live. Leaves alone pods of other schedulers and on nodes that are not its own. */
export class VirtualKubelet implements LogSource {
  readonly #options: VirtualKubeletOptions;
  readonly #stopped = new AbortController();
  readonly #api: ClusterApi;
  readonly #events: EventRecorder | undefined;
  readonly #scheduler: PodScheduler;
  readonly #outages: NodeOutages;
  readonly #processes: ProcessRuntime;
  readonly #scripted: ScriptedRuntime;
  readonly #workers = new Map<string, PodWorker>();
  readonly #pods = new Map<string, Pod>();
  readonly #own = new Set<string>();
  readonly #intents = new Map<string, PodIntent>();
  #addresses = 0;

  constructor(options: VirtualKubeletOptions) {
    this.#options = options;
    const { clock, startDelayMs } = options;
    const { signal } = this.#stopped;
    const api = new ClusterApi(options.transport, clock, signal);
    this.#api = api;
    this.#events = options.recordEvents ? new EventRecorder(api, clock, signal) : undefined;
    const common = { api, clock, signal, events: this.#events };
    const schedulerName = options.schedulerName ?? 'default-scheduler';
    this.#scheduler = new PodScheduler({ ...common, schedulerName });
    this.#outages = new NodeOutages({
      ...common,
      podsOn: (node) => this.#scheduler.podsOn(node),
      current: (pod) => this.#pods.get(uidOf(pod)),
      resume: (pod) => this.worker(pod)?.resume(),
    });
    this.#processes = new ProcessRuntime(clock, startDelayMs, (path) => api.read(path));
    this.#scripted = new ScriptedRuntime(clock, startDelayMs, options.script);
  }

  /** Registers the nodes and begins to play pods. */
  async start(): Promise<void> {
    for (const [index, given] of this.#options.nodes.entries())
      await this.addNode({ ...given, name: given.name ?? `node-${index + 1}` });
    void this.#api.follow('/api/v1/nodes', (node, isGone) => this.#scheduler.onNode(node as Node, isGone));
    void this.#api.follow('/api/v1/pods', (pod, isGone) => this.#onPodChange(pod as Pod, isGone));
  }

  /** Adds a node while the cluster runs, as an autoscaler does. */
  async addNode(options: NodeOptions & { readonly name: string }): Promise<void> {
    this.#own.add(options.name);
    const node = nodeObject(options, formatTime(this.#options.clock.now()));
    await this.#api.create('/api/v1/nodes', node);
    this.#scheduler.onNode(node, false);
  }

  /** The worker of a pod, where this kubelet has it. */
  worker(pod: Pod): PodWorker | undefined {
    return this.#workers.get(uidOf(pod));
  }

  /** Prepares a fault for a pod that this kubelet has not taken in yet. */
  intend(pod: Pod, intent: PodIntent): void {
    if (this.worker(pod) === undefined) this.#intents.set(uidOf(pod), intent);
  }

  containerLog(pod: Pod, container: string, previous: boolean): ContainerLog | undefined {
    return this.worker(pod)?.log(container, previous);
  }

  /** Stops everything and kills all processes. */
  stop(): void {
    this.#stopped.abort(new Error('the kubelet has stopped'));
    for (const worker of this.#workers.values()) worker.abandon();
    this.#processes.killAll();
  }

  /** Takes a node off the network: its pods live on unseen, and the cluster notices after 40 s. */
  loseNode(name: string): void {
    this.#outages.begin(name);
  }

  /** Brings a lost node back. */
  recoverNode(name: string): Promise<void> {
    return this.#outages.end(name);
  }

  /** Sets a pod's DisruptionTarget condition. */
  markDisrupted(pod: Pod, reason: string, message: string): Promise<void> {
    return markDisrupted(this.#api, pod, { reason, message, nowMs: this.#options.clock.now() });
  }

  /** Deletes a pod as anybody could. */
  deletePod(pod: Pod, gracePeriodSeconds?: number): Promise<void> {
    return this.#api.deletePod(pod, gracePeriodSeconds);
  }

  #onPodChange(pod: Pod, isGone: boolean): void {
    const uid = uidOf(pod);
    if (isGone) {
      this.#pods.delete(uid);
      this.#workers.get(uid)?.abandon();
      this.#workers.delete(uid);
    } else this.#pods.set(uid, pod);
    this.#scheduler.onPod(pod, isGone);
    if (isGone || !this.#own.has(pod.spec?.nodeName ?? '')) return;
    const worker = this.#workers.get(uid);
    if (worker !== undefined) worker.update(pod);
    else if (!isEnded(pod)) this.#adopt(pod);
    else if (pod.metadata?.deletionTimestamp !== undefined) void this.#api.deletePod(pod, 0);
  }

  #adopt(pod: Pod): void {
    const uid = uidOf(pod);
    const mode = pod.metadata?.annotations?.[`${SCRIPT_PREFIX}kubelet`] ?? this.#options.mode;
    const worker = new PodWorker(this.#host(), mode === 'process' ? this.#processes : this.#scripted, pod);
    this.#workers.set(uid, worker);
    worker.update(pod);
    const intent = this.#intents.get(uid);
    this.#intents.delete(uid);
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
      isNodeLost: (node) => this.#outages.has(node),
      nextPodIP: () => {
        this.#addresses++;
        return `10.244.${(this.#addresses >> 8) & 255}.${this.#addresses & 255}`;
      },
      recordEvent: (pod, type, reason, message, container) =>
        this.#events?.record(pod, { type, reason, message, container }),
    };
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
