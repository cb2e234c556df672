/** Binds pods to nodes as they come, and tries those again that found none. */
import type { Clock } from '../../core/clock.js';
import { formatTime } from '../../wire/micro-time.js';
import { affinityTermsOf, antiAffinityTermsOf } from '../../wire/pod-terms.js';
import type { Node, Pod } from '../../wire/types.js';
import type { ClusterApi } from './cluster-api.js';
import type { EventRecorder } from './event-recorder.js';
import { NodeLoad } from './node-load.js';
import { place, shapeOf } from './scheduler.js';

/** What the scheduler works with. */
export interface PodSchedulerContext {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly events: EventRecorder | undefined;
  /** Which pods it schedules. */
  readonly schedulerName: string;
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly pod: Pod;
  readonly message: string;
  /** See {@link shapeOf}. */
  readonly shape: string | undefined;
}

const RETRY_MS = 5000;
const COMPONENT = 'default-scheduler';

/** Whether nothing of a pod runs any more, so that it takes no room. */
export const isEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** The scheduler of a cluster. */
export class PodScheduler {
  readonly #context: PodSchedulerContext;
  readonly #loads = new Map<string, NodeLoad>();
  /** Pods that found no node, with what was told of them. */
  readonly #waiting = new Map<string, Waiting>();
  /** Nodes of pods that are being bound. */
  readonly #assumed = new Map<string, string>();
  /** Labels of namespaces, followed from the first pod on whose rules choose namespaces by them. */
  #namespaces: Map<string, Readonly<Record<string, string>>> | undefined;
  #retry: (() => void) | undefined;

  constructor(context: PodSchedulerContext) {
    this.#context = context;
    context.signal.addEventListener('abort', () => this.#retry?.(), { once: true });
  }

  /** Takes notice of a node, or of its end. */
  onNode(node: Node, isGone: boolean): void {
    this.#load(node.metadata?.name ?? '').setNode(isGone ? undefined : node);
    this.#tryAll();
  }

  /** Takes notice of a pod, or of its end. */
  onPod(pod: Pod, isGone: boolean): void {
    const { uid = '', deletionTimestamp } = pod.metadata ?? {};
    const { nodeName = '', schedulerName = COMPONENT, schedulingGates = [] } = pod.spec ?? {};
    if (nodeName !== '') {
      this.#waiting.delete(uid);
      this.#forgetAssumed(uid);
      this.#followNamespaces(pod);
      if (!isGone && !isEnded(pod)) this.#load(nodeName).add(pod);
      else if (this.#load(nodeName).remove(uid)) this.#tryAll();
      return;
    }
    if (this.#assumed.has(uid)) {
      if (isGone && this.#forgetAssumed(uid)) this.#tryAll();
      return;
    }
    const isMine = schedulerName === this.#context.schedulerName && schedulingGates.length === 0;
    if (isGone || !isMine || deletionTimestamp !== undefined || isEnded(pod)) this.#waiting.delete(uid);
    else this.#schedule(pod);
  }

  /** The pods that are bound to a node and have not ended. */
  podsOn(node: string): Pod[] {
    return this.#loads.get(node)?.objects() ?? [];
  }

  #load(name: string): NodeLoad {
    let load = this.#loads.get(name);
    if (load === undefined) {
      load = new NodeLoad(name);
      this.#loads.set(name, load);
    }
    return load;
  }

  /** Of pods that are alike one is tried for all of them, or each end would cost as much as there are pods that wait. */
  #tryAll(): void {
    const isAnyRepelling = () => [...this.#loads.values()].some(({ isRepelling }) => isRepelling);
    let isPlain = !isAnyRepelling();
    const refused = new Map<string, string>();
    for (const { pod, shape, message } of [...this.#waiting.values()]) {
      const known = isPlain && shape !== undefined ? refused.get(shape) : undefined;
      if (known !== undefined) {
        if (known !== message) this.#keepWaiting(pod, known);
        continue;
      }
      const why = this.#schedule(pod);
      if (why === undefined) {
        // A pod that has found room may have changed what the others are told.
        refused.clear();
        isPlain = !isAnyRepelling();
      } else if (shape !== undefined) refused.set(shape, why);
    }
  }

  /** Binds a pod, or has it wait; the scheduler's message why. */
  #schedule(pod: Pod): string | undefined {
    this.#followNamespaces(pod);
    const loads = [...this.#loads.values()].filter(({ isKnown }) => isKnown);
    const placement = place(pod, loads, (namespace) => this.#namespaces?.get(namespace));
    if ('node' in placement) {
      void this.#bind(pod, placement.node);
      return undefined;
    }
    this.#keepWaiting(pod, placement.message);
    return placement.message;
  }

  /** The pod takes its room at once, so that the next one does not get the same. */
  async #bind(pod: Pod, node: string): Promise<void> {
    const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
    const { api, events } = this.#context;
    this.#waiting.delete(uid);
    this.#assumed.set(uid, node);
    this.#load(node).add(pod);
    if (await api.bind(pod, node).catch(() => false)) {
      const message = `Successfully assigned ${namespace}/${name} to ${node}`;
      events?.record(pod, { type: 'Normal', reason: 'Scheduled', message, component: COMPONENT });
      return;
    }
    if (!this.#forgetAssumed(uid)) return;
    this.#waiting.set(uid, { pod, message: '', shape: shapeOf(pod) });
    this.#retryLater();
  }

  /** Takes a pod that is not bound, after all, off its node again; says whether it was still thought to be there. */
  #forgetAssumed(uid: string): boolean {
    const node = this.#assumed.get(uid);
    this.#assumed.delete(uid);
    return node !== undefined && this.#load(node).remove(uid);
  }

  #keepWaiting(pod: Pod, message: string): void {
    const { api, clock, events } = this.#context;
    const uid = pod.metadata?.uid ?? '';
    const before = this.#waiting.get(uid);
    const told = before?.message;
    this.#waiting.set(uid, { pod, message, shape: before?.pod === pod ? before.shape : shapeOf(pod) });
    this.#retryLater();
    if (told === message) return;
    const unscheduled = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime: formatTime(clock.now()),
    };
    void api.patchStatus(pod, { conditions: [unscheduled] });
    events?.record(pod, { type: 'Warning', reason: 'FailedScheduling', message, component: COMPONENT });
  }

  #retryLater(): void {
    const { clock, signal } = this.#context;
    if (this.#retry !== undefined || signal.aborted) return;
    this.#retry = clock.schedule(RETRY_MS, () => {
      this.#retry = undefined;
      this.#tryAll();
    });
  }

  #followNamespaces(pod: Pod): void {
    if (this.#namespaces !== undefined || pod.spec?.affinity === undefined) return;
    const terms = [...affinityTermsOf(pod), ...antiAffinityTermsOf(pod)];
    if (terms.every(({ namespaceSelector }) => namespaceSelector === undefined)) return;
    const namespaces = new Map<string, Readonly<Record<string, string>>>();
    this.#namespaces = namespaces;
    void this.#context.api.follow('/api/v1/namespaces', ({ metadata }, isGone) => {
      if (isGone) namespaces.delete(metadata?.name ?? '');
      else namespaces.set(metadata?.name ?? '', metadata?.labels ?? {});
      this.#tryAll();
    });
  }
}
