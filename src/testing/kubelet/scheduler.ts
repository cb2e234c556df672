/** Chooses nodes for pods, by the rules and with the messages of the default scheduler. */

import { isTolerated, nodeAffinityMatches } from '../../wire/node-rules.js';
import { type Amounts, addAmounts, podRequests } from '../../wire/pod-requests.js';
import { parseQuantity } from '../../wire/quantity.js';
import type { Node, Pod } from '../../wire/types.js';

/** What a decision is made from. */
export interface SchedulingState {
  readonly nodes: readonly Node[];
  /** Pods that occupy a node: bound and not ended. */
  readonly podsOn: (node: string) => Iterable<Pod>;
}

/** A node, or the scheduler's message why there is none. */
export type Placement = { readonly node: string } | { readonly message: string };

/** Why a pod does not fit on a node, in the scheduler's words; empty where it does. */
function obstacles(pod: Pod, node: Node, requests: Amounts, onNode: Iterable<Pod>): string[] {
  if (node.spec?.unschedulable) return ['node(s) were unschedulable'];
  const tolerations = pod.spec?.tolerations ?? [];
  const taint = (node.spec?.taints ?? []).find(
    (item) => item.effect !== 'PreferNoSchedule' && !isTolerated(item, tolerations),
  );
  if (taint !== undefined) return [`node(s) had untolerated taint(s)`];
  if (!nodeAffinityMatches(pod, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  const used: Amounts = new Map();
  let count = 0n;
  for (const other of onNode) {
    count += 1_000_000_000n;
    addAmounts(used, podRequests(other));
  }
  const allocatable = node.status?.allocatable ?? node.status?.capacity ?? {};
  const found: string[] = [];
  if (allocatable.pods !== undefined && count + 1_000_000_000n > (parseQuantity(allocatable.pods)?.nano ?? 0n))
    found.push('Too many pods');
  for (const [name, nano] of requests) {
    const available = parseQuantity(allocatable[name])?.nano ?? 0n;
    if (nano > 0n && (used.get(name) ?? 0n) + nano > available) found.push(`Insufficient ${name}`);
  }
  return found;
}

/** Decides where a pod goes: the node with the fewest pods among those it fits on. */
export function place(pod: Pod, state: SchedulingState): Placement {
  const requests = podRequests(pod);
  const counts = new Map<string, number>();
  let best: { node: string; pods: number } | undefined;
  for (const node of state.nodes) {
    const name = node.metadata?.name ?? '';
    const onNode = [...state.podsOn(name)];
    const why = obstacles(pod, node, requests, onNode);
    for (const reason of why) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    if (why.length === 0 && (best === undefined || onNode.length < best.pods))
      best = { node: name, pods: onNode.length };
  }
  if (best !== undefined) return { node: best.node };
  if (state.nodes.length === 0) return { message: 'no nodes available to schedule pods' };
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  const total = state.nodes.length;
  const isHelpless = [...counts.keys()].every(
    (reason) => !reason.startsWith('Insufficient') && reason !== 'Too many pods',
  );
  const preemption = isHelpless
    ? `${total} Preemption is not helpful for scheduling`
    : `${total} No preemption victims found for incoming pod`;
  return {
    message: `0/${total} nodes are available: ${reasons.join(', ')}. preemption: 0/${total} nodes are available: ${preemption}.`,
  };
}
