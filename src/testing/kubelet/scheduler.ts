/** Chooses nodes for pods, by the rules and with the messages of the default scheduler. */

import { parseQuantity } from '../../wire/quantity.js';
import { type LabelRequirement, matchesLabels } from '../../wire/selectors.js';
import type { Node, Pod, Toleration } from '../../wire/types.js';

/** What a decision is made from. */
export interface SchedulingState {
  readonly nodes: readonly Node[];
  /** Pods that occupy a node: bound and not ended. */
  readonly podsOn: (node: string) => Iterable<Pod>;
}

/** A node, or the scheduler's message why there is none. */
export type Placement = { readonly node: string } | { readonly message: string };

type Amounts = Map<string, bigint>;

/** What a pod takes of a node: the sum of its containers and sidecars, or its largest init container. */
export function podRequests(pod: Pod): Amounts {
  const total: Amounts = new Map();
  const of = (requests: Readonly<Record<string, string>> | undefined) =>
    Object.entries(requests ?? {}).map(([name, value]) => [name, parseQuantity(value)?.nano ?? 0n] as const);
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const [name, nano] of of(container.resources?.requests)) total.set(name, (total.get(name) ?? 0n) + nano);
  }
  for (const container of pod.spec?.initContainers ?? []) {
    for (const [name, nano] of of(container.resources?.requests))
      if (nano > (total.get(name) ?? 0n)) total.set(name, nano);
  }
  for (const [name, nano] of of(pod.spec?.overhead)) total.set(name, (total.get(name) ?? 0n) + nano);
  return total;
}

function tolerates(toleration: Toleration, taint: { key: string; value?: string; effect: string }): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false;
  if (toleration.key !== undefined && toleration.key !== '' && toleration.key !== taint.key) return false;
  return toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '');
}

const OPERATORS: Readonly<Record<string, LabelRequirement['operator']>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

interface Term {
  readonly matchExpressions?: readonly { key: string; operator: string; values?: string[] }[];
  readonly matchFields?: readonly { key: string; operator: string; values?: string[] }[];
}

function termMatches(term: Term, node: Node): boolean {
  const requirements = (list: Term['matchExpressions']) =>
    (list ?? []).map(({ key, operator, values }) => ({
      key,
      operator: OPERATORS[operator] ?? 'in',
      values: values ?? [],
    }));
  return (
    matchesLabels(requirements(term.matchExpressions), node.metadata?.labels) &&
    matchesLabels(requirements(term.matchFields), { 'metadata.name': node.metadata?.name ?? '' })
  );
}

function affinityMatches(pod: Pod, node: Node): boolean {
  const selector = Object.entries(pod.spec?.nodeSelector ?? {});
  if (!selector.every(([key, value]) => node.metadata?.labels?.[key] === value)) return false;
  const nodeAffinity = pod.spec?.affinity?.nodeAffinity as
    | { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: Term[] } }
    | undefined;
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => termMatches(term, node));
}

/** Why a pod does not fit on a node, in the scheduler's words; empty where it does. */
function obstacles(pod: Pod, node: Node, requests: Amounts, onNode: Iterable<Pod>): string[] {
  if (node.spec?.unschedulable) return ['node(s) were unschedulable'];
  const tolerations = pod.spec?.tolerations ?? [];
  const taint = (node.spec?.taints ?? []).find(
    (item) => item.effect !== 'PreferNoSchedule' && !tolerations.some((toleration) => tolerates(toleration, item)),
  );
  if (taint !== undefined) return [`node(s) had untolerated taint(s)`];
  if (!affinityMatches(pod, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  const used: Amounts = new Map();
  let count = 0n;
  for (const other of onNode) {
    count += 1_000_000_000n;
    for (const [name, nano] of podRequests(other)) used.set(name, (used.get(name) ?? 0n) + nano);
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
