/** Whether a pod finds a node, and why not. Pure. */
import { ConfigError, type ConfigProblem } from '../errors.js';
import { type HostPort, hostPortsOf, portsClash } from '../wire/host-ports.js';
import { type NeighbourObstacle, neighbourJudges } from '../wire/neighbours.js';
import { nodeAffinityMatches } from '../wire/node-rules.js';
import { type Amounts, podRequests } from '../wire/pod-requests.js';
import { affinityTermsOf, antiAffinityTermsOf } from '../wire/pod-terms.js';
import { parseQuantity } from '../wire/quantity.js';
import type { Container, Pod, ResourceQuota } from '../wire/types.js';
import { ONE, showAmount } from './amounts.js';
import { isOfState, type NodeView, untolerated } from './node-view.js';
import { isScoped, quotaObstacle } from './quota-room.js';

/** The answer to whether a pod can run. */
export interface RunAnswer {
  /** Now, later, or never on the nodes as they are. */
  readonly answer: 'yes' | 'later' | 'never';
  /** One line for people that says why. */
  readonly reason: string;
  /** Nodes that take it now; empty unless the answer is `yes`. */
  readonly nodes: readonly string[];
  /** How many nodes each obstacle was met on, such as `lack cpu`. */
  readonly obstacles: Readonly<Record<string, number>>;
  /** What the pod asks for and was not looked at: `volumes`, `resource claims`, `quota`, `namespace selectors`, `scheduler`. */
  readonly unchecked: readonly string[];
}

interface Obstacle {
  readonly reason: string;
  /** Whether neither pods that end nor a node that comes back can change it. */
  readonly isLasting: boolean;
}

/** Only a missing topology is there to stay, whatever pods come or go. */
const NEIGHBOURS: Readonly<Record<NeighbourObstacle, Obstacle>> = {
  affinityTopology: { reason: 'lack the topology of its pod affinity', isLasting: true },
  affinity: { reason: 'have no pod near that its pod affinity asks for', isLasting: false },
  antiAffinity: { reason: 'have a pod near that its anti-affinity keeps away from', isLasting: false },
  existingAntiAffinity: { reason: 'have a pod near whose anti-affinity keeps it away', isLasting: false },
  spreadTopology: { reason: 'lack the topology of its spread constraint', isLasting: true },
  spread: { reason: 'would break its topology spread constraint', isLasting: false },
};

const MAX_DETAILS = 4;

/** Resources that a node lacks, and whether it lacks them even when empty. */
function resourceObstacle({ allocatable, requested }: NodeView, wanted: Amounts): Obstacle | undefined {
  const missing: string[] = [];
  let isLasting = false;
  for (const [name, nano] of wanted) {
    if (nano === 0n) continue;
    const all = allocatable.get(name) ?? 0n;
    if (nano > all) isLasting = true;
    if (nano > all - (requested.get(name) ?? 0n)) missing.push(name);
  }
  return missing.length === 0 ? undefined : { reason: `lack ${missing.join(' and ')}`, isLasting };
}

/** What does not depend on other pods. */
function nodeObstacle(pod: Pod, view: NodeView): Obstacle | undefined {
  const { nodeName } = pod.spec ?? {};
  if (nodeName !== undefined && nodeName !== '' && nodeName !== view.name)
    return { reason: 'are not the node that it names', isLasting: true };
  if (!nodeAffinityMatches(pod, view.node))
    return { reason: 'do not match its node selector or affinity', isLasting: true };
  const taint = untolerated(view, pod.spec?.tolerations);
  if (taint === undefined) return undefined;
  if (!isOfState(taint)) return { reason: `have the taint ${taint.key}, which it does not tolerate`, isLasting: true };
  // A cordon is lifted and a node comes back; but not a lasting taint behind them.
  const other = view.taints.filter((one) => !isOfState(one));
  const behind = untolerated({ ...view, taints: other }, pod.spec?.tolerations);
  return {
    reason: taint.key.endsWith('unschedulable') ? 'are cordoned' : 'are not ready',
    isLasting: behind !== undefined,
  };
}

function portObstacle(view: NodeView, ports: readonly HostPort[]): Obstacle | undefined {
  const isTaken = ports.some((port) => view.pods.some((other) => other.ports.some((one) => portsClash(one, port))));
  return isTaken ? { reason: 'have its host ports taken', isLasting: false } : undefined;
}

/** Everything that keeps a pod off a node; the first is told, all decide whether waiting helps. */
function obstaclesOn(
  pod: Pod,
  view: NodeView,
  wanted: Amounts,
  ports: readonly HostPort[],
  judges: ReturnType<typeof neighbourJudges>,
): Obstacle[] {
  return [
    nodeObstacle(pod, view),
    portObstacle(view, ports),
    resourceObstacle(view, wanted),
    ...judges.map((judge) => {
      const found = judge(view);
      return found && NEIGHBOURS[found];
    }),
  ].filter((one) => one !== undefined);
}

function uncheckedOf(pod: Pod, quotas: readonly ResourceQuota[] | undefined): string[] {
  const { volumes = [], resourceClaims, schedulerName } = pod.spec ?? { containers: [] };
  const { namespace = 'default' } = pod.metadata ?? {};
  const own = quotas?.filter(({ metadata }) => metadata?.namespace === namespace);
  const terms = [...affinityTermsOf(pod), ...antiAffinityTermsOf(pod)];
  const found: [string, boolean][] = [
    [
      'volumes',
      volumes.some(({ persistentVolumeClaim, ephemeral }) => (persistentVolumeClaim ?? ephemeral) !== undefined),
    ],
    ['resource claims', Array.isArray(resourceClaims) && resourceClaims.length > 0],
    ['quota', own === undefined || own.some(isScoped)],
    ['namespace selectors', terms.some(({ namespaceSelector }) => namespaceSelector !== undefined)],
    ['scheduler', schedulerName !== undefined && schedulerName !== '' && schedulerName !== 'default-scheduler'],
  ];
  return found.filter(([, is]) => is).map(([name]) => name);
}

const sentence = (counts: ReadonlyMap<string, number>, total: number, wanted: Amounts): string => {
  const parts = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MAX_DETAILS);
  const asks = [...wanted].filter(([name, nano]) => name !== 'pods' && nano > 0n);
  const amounts = asks.map(([name, nano]) => `${name} ${showAmount(name, nano)}`).join(', ');
  return `none of ${total} nodes: ${parts.map(([reason, count]) => `${count} ${reason}`).join('; ')}${amounts === '' ? '' : ` (it asks for ${amounts})`}`;
};

/** Amounts that cannot be read would count as nothing. */
function quantityProblems({ spec }: Pod): ConfigProblem[] {
  const of = (containers: readonly Container[] | undefined, path: string) =>
    (containers ?? []).flatMap(({ resources }, index) =>
      (['requests', 'limits'] as const).flatMap((part) =>
        Object.entries(resources?.[part] ?? {})
          .filter(([, value]) => parseQuantity(value) === undefined)
          .map(([name, value]) => ({
            field: `spec.${path}[${index}].resources.${part}.${name}`,
            value,
            rule: 'must be a quantity, such as "500m" or "1Gi"',
          })),
      ),
    );
  return [...of(spec?.containers, 'containers'), ...of(spec?.initContainers, 'initContainers')];
}

/** Judges a pod. @throws ConfigError where it is no pod. */
export function judgePod(
  pod: Pod,
  views: readonly NodeView[],
  quotas: readonly ResourceQuota[] | undefined,
): RunAnswer {
  if (!Array.isArray(pod?.spec?.containers))
    throw new ConfigError([{ field: 'pod', value: pod, rule: 'must be a pod with containers' }], { subject: 'pod' });
  const problems = quantityProblems(pod);
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'pod' });
  const unchecked = uncheckedOf(pod, quotas);
  const wanted = podRequests(pod);
  wanted.set('pods', ONE);
  const ports = hostPortsOf(pod);
  const judges = neighbourJudges(pod, views);
  const counts = new Map<string, number>();
  const nodes: string[] = [];
  let mayFit = false;
  for (const view of views) {
    const obstacles = obstaclesOn(pod, view, wanted, ports, judges);
    const [first] = obstacles;
    if (first === undefined) nodes.push(view.name);
    else counts.set(first.reason, (counts.get(first.reason) ?? 0) + 1);
    mayFit ||= obstacles.every(({ isLasting }) => !isLasting);
  }
  const { namespace = 'default' } = pod.metadata ?? {};
  const quota = quotaObstacle(
    pod,
    (quotas ?? []).filter(({ metadata }) => metadata?.namespace === namespace),
  );
  const result = (answer: RunAnswer['answer'], reason: string): RunAnswer => ({
    answer,
    reason,
    nodes: answer === 'yes' ? nodes : [],
    obstacles: Object.fromEntries(counts),
    unchecked,
  });
  if (views.length === 0) return result('never', 'the cluster has no nodes');
  if (nodes.length === 0)
    return result(mayFit && quota?.isLasting !== true ? 'later' : 'never', sentence(counts, views.length, wanted));
  if (quota !== undefined) return result(quota.isLasting ? 'never' : 'later', quota.reason);
  const { schedulingGates } = pod.spec;
  if (schedulingGates !== undefined && schedulingGates.length > 0)
    return result('later', `it is held back by the gate ${schedulingGates.map(({ name }) => name).join(', ')}`);
  return result('yes', `${nodes.length} of ${views.length} nodes have room`);
}
