/** A node with the pods on it, as the scheduler sees both. */
import { type HostPort, hostPortsOf } from '../wire/host-ports.js';
import type { NeighbourPod } from '../wire/neighbours.js';
import { CORDON, hardTaintsOf, isTolerated, type Taint } from '../wire/node-rules.js';
import { type Amounts, addAmounts, amountsOf, podRequests } from '../wire/pod-requests.js';
import { antiAffinityTermsOf } from '../wire/pod-terms.js';
import type { Condition, Node, Pod, Toleration } from '../wire/types.js';
import { ONE } from './amounts.js';

/** Whether a node takes pods: unready before cordoned before tainted. */
export type NodeState = 'ready' | 'unready' | 'cordoned' | 'tainted';

/** What is remembered of a pod on a node. */
export interface PodOnNode extends NeighbourPod {
  readonly ports: readonly HostPort[];
}

/** See the module's text. */
export interface NodeView {
  readonly node: Node;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: NodeState;
  /** Taints that keep pods away, those included that a node's state is about to bring. */
  readonly taints: readonly Taint[];
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly pods: PodOnNode[];
}

const readiness = (node: Node): Condition | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready');

/** The taint that Kubernetes puts on a node that does not report as ready; some seconds after, so that it is put here at once. */
function unreadyTaint(node: Node): Taint | undefined {
  const ready = readiness(node);
  if (ready === undefined || ready.status === 'True') return undefined;
  const key = ready.status === 'False' ? 'node.kubernetes.io/not-ready' : 'node.kubernetes.io/unreachable';
  return { key, effect: 'NoSchedule' };
}

/** Taints that say no more than the node's state does. */
const OF_STATE = /^node\.kubernetes\.io\/(?:not-ready|unreachable|unschedulable)$/;

/** Reads a node. */
export function nodeView(node: Node): NodeView {
  const given = hardTaintsOf(node);
  const implied = [unreadyTaint(node), node.spec?.unschedulable === true ? CORDON : undefined].filter(
    (taint) => taint !== undefined,
  );
  const isUnready =
    unreadyTaint(node) !== undefined || given.some(({ key }) => OF_STATE.test(key) && key !== CORDON.key);
  const isCordoned = node.spec?.unschedulable === true;
  const isTainted = given.some(({ key }) => !OF_STATE.test(key));
  return {
    node,
    name: node.metadata?.name ?? '',
    labels: node.metadata?.labels ?? {},
    state: isUnready ? 'unready' : isCordoned ? 'cordoned' : isTainted ? 'tainted' : 'ready',
    taints: [...given, ...implied],
    allocatable: amountsOf(node.status?.allocatable ?? node.status?.capacity),
    requested: new Map([['pods', 0n]]),
    pods: [],
  };
}

/** The first taint that a pod does not tolerate. */
export const untolerated = ({ taints }: NodeView, tolerations: readonly Toleration[] | undefined): Taint | undefined =>
  taints.find((taint) => !isTolerated(taint, tolerations));

/** Whether a taint only says that the node is cordoned or does not report, which passes. */
export const isOfState = ({ key }: Taint): boolean => OF_STATE.test(key);

/** Puts a pod on a node. */
export function occupy(view: NodeView, pod: Pod): void {
  addAmounts(view.requested, podRequests(pod));
  addAmounts(view.requested, new Map([['pods', ONE]]));
  const { namespace = 'default', labels = {}, deletionTimestamp } = pod.metadata ?? {};
  view.pods.push({
    namespace,
    labels,
    isDeleting: deletionTimestamp !== undefined,
    ports: hostPortsOf(pod),
    antiAffinity: antiAffinityTermsOf(pod),
  });
}
