/** Chooses nodes for pods, by the rules and with the messages of the default scheduler. Pure. */
import { hostPortsOf, portsClash } from '../../wire/host-ports.js';
import { type NeighbourJudge, type NeighbourObstacle, neighbourJudges } from '../../wire/neighbours.js';
import { CORDON, isTolerated, nodeAffinityMatches, type SelectorExpression } from '../../wire/node-rules.js';
import { type Amounts, podRequests } from '../../wire/pod-requests.js';
import type { NamespaceLabels } from '../../wire/pod-terms.js';
import type { Container, Pod } from '../../wire/types.js';
import type { NodeLoad } from './node-load.js';

/** A node, or the scheduler's message why there is none. */
export type Placement = { readonly node: string } | { readonly message: string };

/** Why a pod does not fit on a node, in the scheduler's words. */
interface Obstacle {
  readonly reasons: readonly string[];
  /** Whether pods of lower priority could make room. */
  readonly isResolvable: boolean;
}

const ONE = 1_000_000_000n;

const SPREAD = "node(s) didn't match pod topology spread constraints";
const AFFINITY = "node(s) didn't match pod affinity rules";
const NEIGHBOURS: Readonly<Record<NeighbourObstacle, Obstacle>> = {
  spreadTopology: { reasons: [`${SPREAD} (missing required label)`], isResolvable: false },
  spread: { reasons: [SPREAD], isResolvable: true },
  affinityTopology: { reasons: [AFFINITY], isResolvable: false },
  affinity: { reasons: [AFFINITY], isResolvable: false },
  antiAffinity: { reasons: ["node(s) didn't match pod anti-affinity rules"], isResolvable: true },
  existingAntiAffinity: {
    reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"],
    isResolvable: true,
  },
};

const final = (reason: string): Obstacle => ({ reasons: [reason], isResolvable: false });

interface NodeTerms {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: {
    readonly nodeSelectorTerms?: readonly { readonly matchFields?: readonly SelectorExpression[] }[];
  };
}

/** The nodes that a pod names, where each term of its node affinity names some; the scheduler does not look at others. */
function namedNodes({ spec }: Pod): ReadonlySet<string> | undefined {
  const affinity = spec?.affinity?.nodeAffinity as NodeTerms | undefined;
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const names = new Set<string>();
  for (const { matchFields = [] } of terms) {
    const fields = matchFields.filter(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    const [first] = fields;
    if (first === undefined) return undefined;
    for (const name of first.values ?? []) if (fields.every(({ values }) => values?.includes(name))) names.add(name);
  }
  return terms.length === 0 ? undefined : names;
}

/** What a decision about one pod needs. */
interface Wanted {
  readonly pod: Pod;
  readonly requests: Amounts;
  readonly ports: ReturnType<typeof hostPortsOf>;
  readonly named: ReadonlySet<string> | undefined;
  readonly judges: readonly NeighbourJudge[];
}

function resourceObstacle({ requests }: Wanted, { allocatable, requested, size }: NodeLoad): Obstacle | undefined {
  const reasons: string[] = [];
  let isResolvable = true;
  if (BigInt(size + 1) * ONE > (allocatable.get('pods') ?? 0n)) reasons.push('Too many pods');
  for (const [name, nano] of requests) {
    const all = allocatable.get(name) ?? 0n;
    if (nano === 0n || (requested.get(name) ?? 0n) + nano <= all) continue;
    reasons.push(`Insufficient ${name}`);
    if (nano > all) isResolvable = false;
  }
  return reasons.length === 0 ? undefined : { reasons, isResolvable };
}

/** The first obstacle, in the order of the scheduler's own checks. */
function obstacleOn(wanted: Wanted, load: NodeLoad): Obstacle | undefined {
  const { pod, ports, named, judges } = wanted;
  const { tolerations } = pod.spec ?? {};
  if (named !== undefined && !named.has(load.name)) return final("node(s) didn't satisfy plugin(s) [NodeAffinity]");
  if (load.node.spec?.unschedulable && !isTolerated(CORDON, tolerations)) return final('node(s) were unschedulable');
  if (load.taints.some((taint) => !isTolerated(taint, tolerations))) return final('node(s) had untolerated taint(s)');
  if (!nodeAffinityMatches(pod, load.node)) return final("node(s) didn't match Pod's node affinity/selector");
  if (ports.length > 0 && load.ports.some((taken) => ports.some((port) => portsClash(port, taken))))
    return { reasons: ["node(s) didn't have free ports for the requested pod ports"], isResolvable: true };
  const lacking = resourceObstacle(wanted, load);
  if (lacking !== undefined) return lacking;
  for (const judge of judges) {
    const found = judge(load);
    if (found !== undefined) return NEIGHBOURS[found];
  }
  return undefined;
}

/** Whether other pods matter to a pod's place besides the room they take. */
function hasNeighbourRules({ spec }: Pod, loads: readonly NodeLoad[]): boolean {
  return (
    spec?.topologySpreadConstraints !== undefined ||
    spec?.affinity?.podAffinity !== undefined ||
    spec?.affinity?.podAntiAffinity !== undefined ||
    loads.some(({ isRepelling }) => isRepelling)
  );
}

function preemptionMessage({ spec }: Pod, obstacles: readonly Obstacle[]): string {
  if (spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const total = obstacles.length;
  const open = obstacles.filter(({ isResolvable }) => isResolvable).length;
  const parts = [
    [open, 'No preemption victims found for incoming pod'],
    [total - open, 'Preemption is not helpful for scheduling'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, text]) => `${count} ${text}`);
  return `0/${total} nodes are available: ${told.sort().join(', ')}.`;
}

function noNodeMessage(pod: Pod, obstacles: readonly Obstacle[]): string {
  const total = obstacles.length;
  if (total === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const { reasons } of obstacles) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${total} nodes are available: ${reasons.join(', ')}. no new claims to deallocate, preemption: ${preemptionMessage(pod, obstacles)}`;
}

/** What pods have in common that find the same nodes, as long as no pod keeps others away; `undefined` where a pod has rules about others. */
export function shapeOf(pod: Pod): string | undefined {
  const { spec } = pod;
  if (spec === undefined || hasNeighbourRules(pod, [])) return undefined;
  const shapes = (list: readonly Container[] = []) =>
    list.map(({ resources, ports, restartPolicy }) => ({ resources, ports, restartPolicy }));
  const { containers, initContainers, volumes: _, ...rest } = spec;
  return JSON.stringify({ ...rest, containers: shapes(containers), initContainers: shapes(initContainers) });
}

/**
 * Decides where a pod goes: the node with the fewest pods among those it fits on. Preferences are not weighed, and no pod is preempted.
 * `labelsOf` finds the labels of a namespace, for terms that choose namespaces by them.
 */
export function place(pod: Pod, loads: readonly NodeLoad[], labelsOf?: NamespaceLabels): Placement {
  const wanted: Wanted = {
    pod,
    requests: podRequests(pod),
    ports: hostPortsOf(pod),
    named: namedNodes(pod),
    judges: hasNeighbourRules(pod, loads) ? neighbourJudges(pod, loads, labelsOf) : [],
  };
  const obstacles: Obstacle[] = [];
  let best: NodeLoad | undefined;
  for (const load of loads) {
    const obstacle = obstacleOn(wanted, load);
    if (obstacle !== undefined) obstacles.push(obstacle);
    else if (best === undefined || load.size < best.size) best = load;
  }
  return best === undefined ? { message: noNodeMessage(pod, obstacles) } : { node: best.name };
}
