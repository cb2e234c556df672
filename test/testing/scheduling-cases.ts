/**
 * What the scheduler says of a pod that finds no node, and where it puts one that does. The messages are those of kube-scheduler v1.36;
 * test/cluster/scheduling.test.ts holds the real one to them.
 */

/** A node of a case. */
export interface CaseNode {
  readonly labels?: Readonly<Record<string, string>>;
  readonly capacity?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly unschedulable?: boolean;
}

/** A pod that is on a node already. */
export interface CasePod {
  readonly node: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** @default the namespace of the pod in question */
  readonly namespace?: string;
  readonly spec?: object;
  /** Whether it was deleted and has not ended yet. */
  readonly isDeleting?: boolean;
}

/** A case. */
export interface SchedulingCase {
  readonly name: string;
  readonly nodes: Readonly<Record<string, CaseNode>>;
  readonly pods?: readonly CasePod[];
  /** Namespaces besides the pod's own, with their labels. */
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** A priority class that does not preempt, by this name. */
  readonly patient?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec: object;
  /** The message of its PodScheduled condition, or the node it goes to. */
  readonly expected: { readonly message: string } | { readonly node: string };
}

const ZONE = 'topology.kubernetes.io/zone';
const a = { labels: { [ZONE]: 'a' } };
const b = { labels: { [ZONE]: 'b' } };
const web = { matchLabels: { app: 'web' } };
const affinity = (kind: 'podAffinity' | 'podAntiAffinity', ...terms: object[]) => ({
  affinity: {
    [kind]: {
      requiredDuringSchedulingIgnoredDuringExecution: terms.map((term) => ({ topologyKey: ZONE, ...term })),
    },
  },
});
const near = (term: object = {}) => affinity('podAffinity', { labelSelector: web, ...term });
const apart = (term: object = {}) => affinity('podAntiAffinity', { labelSelector: web, ...term });
const spread = (constraint: object = {}) => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: ZONE, whenUnsatisfiable: 'DoNotSchedule', labelSelector: web, ...constraint },
  ],
});
const asking = (requests: object) => ({ containers: [{ name: 'base', image: 'x', resources: { requests } }] });
const listening = (...ports: object[]) => ({ containers: [{ name: 'base', image: 'x', ports }] });
const webOn = (node: string) => ({ node, labels: { app: 'web' } });
const no = (message: string) => ({ message });

export const SCHEDULING_CASES: readonly SchedulingCase[] = [
  { name: 'a cluster without nodes', nodes: {}, spec: {}, expected: no('no nodes available to schedule pods') },
  {
    name: 'nodes that are full, and nodes that are too small',
    nodes: { one: { capacity: { cpu: '1' } }, two: { capacity: { cpu: '4' } } },
    pods: [{ node: 'two', spec: asking({ cpu: '3' }) }],
    spec: asking({ cpu: '2' }),
    expected: no(
      '0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
    ),
  },
  {
    name: 'several reasons on one node',
    nodes: { one: { capacity: { cpu: '1', memory: '1Gi', pods: '1' } } },
    pods: [{ node: 'one' }],
    spec: asking({ cpu: '2', memory: '2Gi' }),
    expected: no(
      '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    ),
  },
  {
    name: 'cordons, taints and selectors',
    nodes: {
      one: { unschedulable: true },
      two: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] },
      three: {},
    },
    spec: { nodeSelector: { disk: 'ssd' } },
    expected: no(
      "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'a cordon that is tolerated',
    nodes: { one: { unschedulable: true } },
    spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }] },
    expected: { node: 'one' },
  },
  {
    name: 'a node by its name',
    nodes: { one: { capacity: { cpu: '1' } }, two: {} },
    spec: {
      ...asking({ cpu: '2' }),
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['one'] }] }],
          },
        },
      },
    },
    expected: no(
      "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'a pod that does not preempt',
    nodes: { one: { capacity: { cpu: '1' } } },
    patient: 'patient',
    spec: { ...asking({ cpu: '2' }), priorityClassName: 'patient' },
    expected: no(
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    ),
  },
  {
    name: 'host ports',
    nodes: { one: {} },
    pods: [{ node: 'one', spec: listening({ containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1' }) }],
    spec: listening({ containerPort: 81, hostPort: 8080 }),
    expected: no(
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    ),
  },
  {
    name: 'host ports of other addresses and protocols',
    nodes: { one: {} },
    pods: [{ node: 'one', spec: listening({ containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1' }) }],
    spec: listening(
      { containerPort: 81, hostPort: 8080, hostIP: '127.0.0.2' },
      { containerPort: 82, hostPort: 8080, protocol: 'UDP' },
    ),
    expected: { node: 'one' },
  },
  {
    name: 'affinity to pods that are nowhere',
    nodes: { one: a, two: {} },
    spec: near(),
    expected: no(
      "0/2 nodes are available: 2 node(s) didn't match pod affinity rules. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'affinity of the first pod of its kind to its own kind',
    nodes: { one: {}, two: a },
    labels: { app: 'web' },
    spec: near(),
    expected: { node: 'two' },
  },
  {
    name: 'affinity to a pod on another node of the zone',
    nodes: { one: { ...a, unschedulable: true }, two: a, three: b },
    pods: [webOn('one'), { node: 'two' }],
    spec: near(),
    expected: { node: 'two' },
  },
  {
    name: 'affinity to a pod that only one of two terms means',
    nodes: { one: a },
    pods: [webOn('one')],
    spec: affinity('podAffinity', { labelSelector: web }, { labelSelector: { matchLabels: { app: 'db' } } }),
    expected: no(
      "0/1 nodes are available: 1 node(s) didn't match pod affinity rules. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'affinity does not look into other namespaces',
    nodes: { one: a },
    namespaces: { other: { team: 'x' } },
    pods: [{ ...webOn('one'), namespace: 'other' }],
    spec: near(),
    expected: no(
      "0/1 nodes are available: 1 node(s) didn't match pod affinity rules. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'affinity to a namespace by name',
    nodes: { one: b, two: a },
    namespaces: { other: { team: 'x' } },
    pods: [{ ...webOn('two'), namespace: 'other' }],
    spec: near({ namespaces: ['other'] }),
    expected: { node: 'two' },
  },
  {
    name: 'affinity to namespaces by their labels',
    nodes: { one: b, two: a },
    namespaces: { other: { team: 'x' }, third: { team: 'y' } },
    pods: [
      { ...webOn('one'), namespace: 'third' },
      { ...webOn('two'), namespace: 'other' },
    ],
    spec: near({ namespaceSelector: { matchLabels: { team: 'x' } } }),
    expected: { node: 'two' },
  },
  {
    name: 'affinity to all namespaces',
    nodes: { one: b, two: a },
    namespaces: { other: {} },
    pods: [{ ...webOn('two'), namespace: 'other' }],
    spec: near({ namespaceSelector: {} }),
    expected: { node: 'two' },
  },
  {
    name: 'anti-affinity by zone',
    nodes: { one: a, two: a, three: { ...b, capacity: { cpu: '1' } } },
    pods: [webOn('one')],
    spec: { ...asking({ cpu: '2' }), ...apart() },
    expected: no(
      "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match pod anti-affinity rules. no new claims to deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
    ),
  },
  {
    name: 'anti-affinity finds the other zone',
    nodes: { one: a, two: a, three: b },
    pods: [webOn('one'), { node: 'three' }],
    spec: apart(),
    expected: { node: 'three' },
  },
  {
    name: 'anti-affinity of a pod that is there already',
    nodes: { one: a },
    pods: [{ node: 'one', spec: apart() }],
    labels: { app: 'web' },
    spec: {},
    expected: no(
      "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    ),
  },
  {
    name: 'anti-affinity of a pod of another namespace, by labels of namespaces',
    nodes: { one: a, two: b },
    namespaces: { other: { team: 'x' } },
    pods: [
      {
        node: 'one',
        namespace: 'other',
        spec: apart({
          namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'Exists' }] },
        }),
      },
      { node: 'two' },
    ],
    labels: { app: 'web' },
    spec: {},
    expected: { node: 'two' },
  },
  {
    name: 'spreading that is uneven, and nodes without a zone',
    nodes: { one: a, two: { ...b, capacity: { cpu: '1' } }, three: {} },
    pods: [webOn('one')],
    labels: { app: 'web' },
    spec: { ...asking({ cpu: '2' }), ...spread() },
    expected: no(
      "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label). no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'spreading finds the emptier zone',
    nodes: { one: a, two: b },
    pods: [webOn('one'), { node: 'two' }, { node: 'two' }],
    labels: { app: 'web' },
    spec: spread(),
    expected: { node: 'two' },
  },
  {
    name: 'spreading that does not count a pod which is being deleted',
    nodes: { one: a, two: { ...b, unschedulable: true } },
    pods: [{ ...webOn('one'), isDeleting: true }],
    labels: { app: 'web' },
    spec: spread(),
    expected: { node: 'one' },
  },
  {
    name: 'anti-affinity to a pod that is being deleted',
    nodes: { one: a },
    pods: [{ ...webOn('one'), isDeleting: true }],
    spec: apart(),
    expected: no(
      "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    ),
  },
  {
    name: 'spreading over more zones than there are',
    nodes: { one: a, two: b },
    pods: [webOn('one'), webOn('two')],
    labels: { app: 'web' },
    spec: spread({ minDomains: 3 }),
    expected: no(
      "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
    ),
  },
  {
    name: 'spreading that counts nodes behind taints, unless told otherwise',
    nodes: { one: a, two: { ...b, taints: [{ key: 'k', effect: 'NoSchedule' }] } },
    pods: [webOn('one')],
    labels: { app: 'web' },
    spec: spread(),
    expected: no(
      "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'spreading that is told not to count nodes behind taints',
    nodes: { one: a, two: { ...b, taints: [{ key: 'k', effect: 'NoSchedule' }] } },
    pods: [webOn('one')],
    labels: { app: 'web' },
    spec: spread({ nodeTaintsPolicy: 'Honor' }),
    expected: { node: 'one' },
  },
  {
    name: 'spreading that counts nodes which the pod may not use, where it is told to',
    nodes: { one: { labels: { ...a.labels, disk: 'ssd' } }, two: b },
    pods: [webOn('one')],
    labels: { app: 'web' },
    spec: { ...spread({ nodeAffinityPolicy: 'Ignore' }), nodeSelector: { disk: 'ssd' } },
    expected: no(
      "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't match pod topology spread constraints. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
    ),
  },
  {
    name: 'spreading over the nodes that the pod may use, and no others',
    nodes: { one: { labels: { ...a.labels, disk: 'ssd' } }, two: b },
    pods: [webOn('one')],
    labels: { app: 'web' },
    spec: { ...spread(), nodeSelector: { disk: 'ssd' } },
    expected: { node: 'one' },
  },
  {
    name: 'spreading of one revision among others',
    nodes: { one: a, two: { ...b, unschedulable: true } },
    pods: [{ node: 'one', labels: { app: 'web', revision: '1' } }],
    labels: { app: 'web', revision: '2' },
    spec: spread({ matchLabelKeys: ['revision'] }),
    expected: { node: 'one' },
  },
];
