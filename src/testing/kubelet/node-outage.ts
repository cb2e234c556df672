/** Nodes that go silent and come back, and what the cluster makes of it: the node controller and the taint manager. */
import type { Clock } from '../../core/clock.js';
import { formatTime } from '../../wire/micro-time.js';
import type { Pod } from '../../wire/types.js';
import type { ClusterApi } from './cluster-api.js';
import type { EventRecorder } from './event-recorder.js';
import { isEnded } from './pod-scheduler.js';

/** What an outage acts on. */
export interface NodeOutageContext {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly events: EventRecorder | undefined;
  readonly signal: AbortSignal;
  /** The pods that are bound to a node and have not ended. */
  podsOn(node: string): Pod[];
  /** The newest version of a pod that is still there. */
  current(pod: Pod): Pod | undefined;
  /** A pod's node is back. */
  resume(pod: Pod): void;
}

/** How long a node may be silent before it counts as lost. */
const MONITOR_GRACE_MS = 40_000;
const UNREACHABLE = 'node.kubernetes.io/unreachable';

/** Sets a pod's DisruptionTarget condition. */
export async function markDisrupted(
  api: ClusterApi,
  pod: Pod,
  { reason, message, nowMs }: { readonly reason: string; readonly message: string; readonly nowMs: number },
): Promise<void> {
  const lastTransitionTime = formatTime(nowMs);
  await api.patchStatus(pod, {
    conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime }],
  });
}

/** The nodes of a cluster that are off the network. */
export class NodeOutages {
  readonly #context: NodeOutageContext;
  /** Nodes off the network, each with its outage: what an earlier one had set going must not touch a later one. */
  readonly #lost = new Map<string, symbol>();

  constructor(context: NodeOutageContext) {
    this.#context = context;
  }

  /** Whether a node is off the network. */
  has(node: string): boolean {
    return this.#lost.has(node);
  }

  /** Takes a node off the network: its pods live on unseen, and the cluster notices after 40 s. */
  begin(node: string): void {
    if (this.#lost.has(node)) return;
    const outage = Symbol(node);
    this.#lost.set(node, outage);
    this.#context.clock.schedule(MONITOR_GRACE_MS, () => void this.#declare(node, outage));
  }

  /** Brings a lost node back. */
  async end(node: string): Promise<void> {
    if (!this.#lost.delete(node)) return;
    const { api, podsOn, resume } = this.#context;
    await this.#setReady(node, 'True', 'KubeletReady', 'kubelet is posting ready status');
    await api.patch(`/api/v1/nodes/${node}`, { spec: { taints: null } });
    for (const pod of podsOn(node)) resume(pod);
  }

  async #setReady(node: string, status: string, reason: string, message: string): Promise<void> {
    const { api, clock } = this.#context;
    const ready = { type: 'Ready', status, reason, message, lastTransitionTime: formatTime(clock.now()) };
    await api.patch(`/api/v1/nodes/${node}/status`, { status: { conditions: [ready] } });
  }

  #lasts(node: string, outage: symbol): boolean {
    return this.#lost.get(node) === outage && !this.#context.signal.aborted;
  }

  async #declare(node: string, outage: symbol): Promise<void> {
    const { api, clock, events, podsOn } = this.#context;
    if (!this.#lasts(node, outage)) return;
    const at = formatTime(clock.now());
    await this.#setReady(node, 'Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.');
    const taints = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: UNREACHABLE, effect, timeAdded: at }));
    await api.patch(`/api/v1/nodes/${node}`, { spec: { taints } });
    for (const pod of podsOn(node)) {
      if (isEnded(pod)) continue;
      await api.patchStatus(pod, { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at }] });
      events?.record(pod, {
        type: 'Warning',
        reason: 'NodeNotReady',
        message: 'Node is not ready',
        component: 'node-controller',
      });
      this.#evictLater(node, outage, pod);
    }
  }

  /** Taint-based eviction: the pod is deleted when its toleration of the unreachable node runs out. */
  #evictLater(node: string, outage: symbol, pod: Pod): void {
    const toleration = (pod.spec?.tolerations ?? []).find(
      ({ key, effect }) =>
        (key === undefined || key === UNREACHABLE) && (effect === undefined || effect === 'NoExecute'),
    );
    if (toleration !== undefined && toleration.tolerationSeconds === undefined) return;
    const { api, clock } = this.#context;
    clock.schedule((toleration?.tolerationSeconds ?? 0) * 1000, () => {
      const current = this.#context.current(pod);
      if (!this.#lasts(node, outage) || current === undefined || current.metadata?.deletionTimestamp !== undefined)
        return;
      const reason = 'DeletionByTaintManager';
      const message = 'Taint manager: deleting due to NoExecute taint';
      void markDisrupted(api, current, { reason, message, nowMs: clock.now() }).then(() => api.deletePod(current));
    });
  }
}
