/** What a pod's rules about other pods leave of the nodes: required affinity, anti-affinity of both sides, hard spreading. */
import { isTolerated, type LabelSelectorObject, nodeAffinityMatches, selectorMatches } from '../wire/node-rules.js';
import type { Pod } from '../wire/types.js';
import type { NodeView } from './node-view.js';
import { affinityTermsOf, antiAffinityTermsOf, type ResolvedTerm, termMeans, withOwnValues } from './pod-terms.js';

/** Why a pod's neighbours keep it off a node; `isLasting` where no pod that comes or goes can change that. */
export interface NeighbourObstacle {
  readonly reason: string;
  readonly isLasting: boolean;
}

/** Judges a node. */
type Judge = (view: NodeView) => NeighbourObstacle | undefined;

const lasting = (reason: string): NeighbourObstacle => ({ reason, isLasting: true });
const passing = (reason: string): NeighbourObstacle => ({ reason, isLasting: false });
const domainOf = (key: string, view: NodeView) => `${key}=${view.labels[key]}`;

/** Topologies with a pod that a predicate fits. */
function domainsWith(views: readonly NodeView[], key: string, fits: (pod: NodeView['pods'][number]) => boolean) {
  return new Set(
    views.filter((view) => view.labels[key] !== undefined && view.pods.some(fits)).map((view) => domainOf(key, view)),
  );
}

function affinityJudge(pod: Pod, views: readonly NodeView[]): Judge {
  const terms = affinityTermsOf(pod);
  const self = { namespace: pod.metadata?.namespace ?? 'default', labels: pod.metadata?.labels ?? {} };
  // A pod on a node counts only if all terms mean it.
  const meansAll = (other: NodeView['pods'][number]) => terms.every((term) => termMeans(term, other));
  const found = terms.map(({ topologyKey }) => domainsWith(views, topologyKey, meansAll));
  const isFirst = found.every((domains) => domains.size === 0) && terms.every((term) => termMeans(term, self));
  return (view) => {
    if (terms.some(({ topologyKey }) => view.labels[topologyKey] === undefined))
      return lasting('lack the topology of its pod affinity');
    if (isFirst) return undefined;
    const isNear = terms.every(({ topologyKey }, index) => found[index]?.has(domainOf(topologyKey, view)));
    return isNear ? undefined : passing('have no pod near that its pod affinity asks for');
  };
}

function antiAffinityJudge(pod: Pod, views: readonly NodeView[]): Judge {
  const self = { namespace: pod.metadata?.namespace ?? 'default', labels: pod.metadata?.labels ?? {} };
  const terms: ResolvedTerm[] = antiAffinityTermsOf(pod);
  const kept = terms.map(({ topologyKey }, index) =>
    domainsWith(views, topologyKey, (other) => termMeans(terms[index] as ResolvedTerm, other)),
  );
  const closed = new Set<string>();
  for (const view of views)
    for (const { antiAffinity } of view.pods)
      for (const term of antiAffinity)
        if (view.labels[term.topologyKey] !== undefined && termMeans(term, self))
          closed.add(domainOf(term.topologyKey, view));
  return (view) => {
    const isKept = terms.some(({ topologyKey }, index) => kept[index]?.has(domainOf(topologyKey, view)));
    if (isKept) return passing('have a pod near that its anti-affinity keeps away from');
    const isClosed = Object.keys(view.labels).some((key) => closed.has(domainOf(key, view)));
    return isClosed ? passing('have a pod near whose anti-affinity keeps it away') : undefined;
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

function spreadJudge(pod: Pod, views: readonly NodeView[]): Judge {
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
      if (isHonored && view.taints.some((taint) => !isTolerated(taint, pod.spec?.tolerations))) continue;
      const domain = domainOf(spread.topologyKey, view);
      const matching = view.pods.filter(
        (other) => other.namespace === namespace && !other.isDeleting && selectorMatches(selector, other.labels),
      );
      byDomain.set(domain, (byDomain.get(domain) ?? 0) + matching.length);
    }
    const least = byDomain.size < (spread.minDomains ?? 1) ? 0 : Math.min(...byDomain.values());
    return { byDomain, least, self: selectorMatches(selector, labels) ? 1 : 0 };
  });
  return (view) => {
    for (const [index, spread] of spreads.entries()) {
      const { byDomain, least, self } = counts[index] as (typeof counts)[number];
      if (view.labels[spread.topologyKey] === undefined) return lasting('lack the topology of its spread constraint');
      const count = byDomain.get(domainOf(spread.topologyKey, view)) ?? 0;
      if (count + self - least > spread.maxSkew) return passing('would break its topology spread constraint');
    }
    return undefined;
  };
}

/** Judges that hold for one pod over all nodes. */
export function neighbourJudges(pod: Pod, views: readonly NodeView[]): readonly Judge[] {
  return [
    ...(affinityTermsOf(pod).length > 0 ? [affinityJudge(pod, views)] : []),
    antiAffinityJudge(pod, views),
    ...(pod.spec?.topologySpreadConstraints === undefined ? [] : [spreadJudge(pod, views)]),
  ];
}
