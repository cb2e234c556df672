/** What a pod's rules about other pods leave of the nodes: required affinity, anti-affinity of both sides, hard spreading. */
import {
  hardTaintsOf,
  isTolerated,
  type LabelSelectorObject,
  nodeAffinityMatches,
  selectorMatches,
} from './node-rules.js';
import {
  affinityTermsOf,
  antiAffinityTermsOf,
  type NamespaceLabels,
  type ResolvedTerm,
  termMeans,
  withOwnValues,
} from './pod-terms.js';
import type { Node, Pod } from './types.js';

/** What counts of a pod on a node. */
export interface NeighbourPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isDeleting: boolean;
  readonly antiAffinity: readonly ResolvedTerm[];
}

/** What counts of a node. */
export interface NeighbourNode {
  readonly node: Node;
  readonly labels: Readonly<Record<string, string>>;
  readonly pods: Iterable<NeighbourPod>;
}

/**
 * Why a pod's neighbours keep it off a node: its affinity, its anti-affinity, that of a pod there, or its spreading; `…Topology` where the
 * node lacks the label that the rule goes by.
 */
export type NeighbourObstacle =
  | 'spreadTopology'
  | 'spread'
  | 'affinityTopology'
  | 'affinity'
  | 'antiAffinity'
  | 'existingAntiAffinity';

/** Judges a node. */
export type NeighbourJudge = (view: NeighbourNode) => NeighbourObstacle | undefined;

const domainOf = (key: string, view: NeighbourNode) => `${key}=${view.labels[key]}`;
const selfOf = ({ metadata }: Pod) => ({ namespace: metadata?.namespace ?? 'default', labels: metadata?.labels ?? {} });

/** Topologies with a pod that a predicate fits. */
function domainsWith(views: readonly NeighbourNode[], key: string, fits: (pod: NeighbourPod) => boolean) {
  const found = new Set<string>();
  for (const view of views) {
    if (view.labels[key] === undefined || found.has(domainOf(key, view))) continue;
    for (const pod of view.pods) {
      if (!fits(pod)) continue;
      found.add(domainOf(key, view));
      break;
    }
  }
  return found;
}

function affinityJudge(pod: Pod, views: readonly NeighbourNode[], labelsOf?: NamespaceLabels): NeighbourJudge {
  const terms = affinityTermsOf(pod);
  // A pod on a node counts only if all terms mean it.
  const meansAll = (other: NeighbourPod) => terms.every((term) => termMeans(term, other, labelsOf));
  const found = terms.map(({ topologyKey }) => domainsWith(views, topologyKey, meansAll));
  const isFirst =
    found.every((domains) => domains.size === 0) && terms.every((term) => termMeans(term, selfOf(pod), labelsOf));
  return (view) => {
    if (terms.some(({ topologyKey }) => view.labels[topologyKey] === undefined)) return 'affinityTopology';
    if (isFirst) return undefined;
    const isNear = terms.every(({ topologyKey }, index) => found[index]?.has(domainOf(topologyKey, view)));
    return isNear ? undefined : 'affinity';
  };
}

function antiAffinityJudge(pod: Pod, views: readonly NeighbourNode[], labelsOf?: NamespaceLabels): NeighbourJudge {
  const self = selfOf(pod);
  const terms = antiAffinityTermsOf(pod);
  const kept = terms.map((term) => domainsWith(views, term.topologyKey, (other) => termMeans(term, other, labelsOf)));
  const closed = new Set<string>();
  for (const view of views)
    for (const { antiAffinity } of view.pods)
      for (const term of antiAffinity)
        if (view.labels[term.topologyKey] !== undefined && termMeans(term, self, labelsOf))
          closed.add(domainOf(term.topologyKey, view));
  return (view) => {
    if (terms.some(({ topologyKey }, index) => kept[index]?.has(domainOf(topologyKey, view)))) return 'antiAffinity';
    const isClosed = Object.keys(view.labels).some((key) => closed.has(domainOf(key, view)));
    return isClosed ? 'existingAntiAffinity' : undefined;
  };
}

interface Spread {
  readonly maxSkew: number;
  readonly minDomains?: number;
  readonly topologyKey: string;
  readonly whenUnsatisfiable: string;
  readonly labelSelector?: LabelSelectorObject;
  readonly nodeAffinityPolicy?: 'Honor' | 'Ignore';
  readonly nodeTaintsPolicy?: 'Honor' | 'Ignore';
  readonly matchLabelKeys?: readonly string[];
}

function spreadJudge(pod: Pod, views: readonly NeighbourNode[]): NeighbourJudge {
  const spreads = ((pod.spec?.topologySpreadConstraints ?? []) as readonly Spread[]).filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule',
  );
  const { namespace = 'default', labels = {} } = pod.metadata ?? {};
  const counts = spreads.map((spread) => {
    const selector = withOwnValues(spread.labelSelector, labels, spread.matchLabelKeys ?? [], 'In');
    const byDomain = new Map<string, number>();
    for (const view of views) {
      if (spreads.some(({ topologyKey }) => view.labels[topologyKey] === undefined)) continue;
      if (spread.nodeAffinityPolicy !== 'Ignore' && !nodeAffinityMatches(pod, view.node)) continue;
      const isHonored = spread.nodeTaintsPolicy === 'Honor';
      // Taints that stand there, and not those that a state implies: a cordoned node counts until its taint is written.
      if (isHonored && hardTaintsOf(view.node).some((taint) => !isTolerated(taint, pod.spec?.tolerations))) continue;
      const domain = domainOf(spread.topologyKey, view);
      let matching = byDomain.get(domain) ?? 0;
      for (const other of view.pods)
        if (other.namespace === namespace && !other.isDeleting && selectorMatches(selector, other.labels)) matching++;
      byDomain.set(domain, matching);
    }
    const least = byDomain.size < (spread.minDomains ?? 1) ? 0 : Math.min(...byDomain.values());
    return { byDomain, least, self: selectorMatches(selector, labels) ? 1 : 0 };
  });
  return (view) => {
    for (const [index, spread] of spreads.entries()) {
      const { byDomain, least, self } = counts[index] as (typeof counts)[number];
      if (view.labels[spread.topologyKey] === undefined) return 'spreadTopology';
      const count = byDomain.get(domainOf(spread.topologyKey, view)) ?? 0;
      if (count + self - least > spread.maxSkew) return 'spread';
    }
    return undefined;
  };
}

/**
 * Judges that hold for one pod over all nodes, in the order the scheduler asks them. Namespaces that a term chooses by labels are found
 * through `labelsOf`; without it no such namespace is.
 */
export function neighbourJudges(
  pod: Pod,
  views: readonly NeighbourNode[],
  labelsOf?: NamespaceLabels,
): readonly NeighbourJudge[] {
  return [
    ...(pod.spec?.topologySpreadConstraints === undefined ? [] : [spreadJudge(pod, views)]),
    ...(affinityTermsOf(pod).length > 0 ? [affinityJudge(pod, views, labelsOf)] : []),
    antiAffinityJudge(pod, views, labelsOf),
  ];
}
