import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';
import { type Step, steps } from '../steps.js';

const as = (user: string, ...groups: string[]) => ({
  headers: { 'impersonate-user': user, ...(groups.length === 0 ? {} : { 'impersonate-group': groups.join(',') }) },
});
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/{ns}/leases';
const BUDGETS = '/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets';
const quota = (hard: Record<string, string>, more = {}): Step[] => [
  ['~POST', 'resourcequotas', { metadata: { name: 'q' }, spec: { hard, ...more } }],
  [
    '~MERGE',
    'resourcequotas/q/status',
    { status: { hard, used: Object.fromEntries(Object.keys(hard).map((name) => [name, '0'])) } },
  ],
];
const sized = (name: string, requests: Record<string, string>, limits: Record<string, string> = {}, more = {}) =>
  pod(name, { containers: [{ name: 'base', image: 'x:1', resources: { requests, limits } }], ...more });
const event = (name: string, more = {}) => ({
  metadata: { name },
  involvedObject: { kind: 'Pod', name: 'p', namespace: '{ns}' },
  reason: 'R',
  message: 'm',
  type: 'Normal',
  ...more,
});
const WATCH = 'timeoutSeconds=5&watch=true';
const watched = (name: string, path: string, count: number, act: (c: ScenarioClient) => Promise<unknown>) =>
  scenario(name, async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, configMap('old', { a: '1' }, { labels: { app: 'a' } }));
    const list = await c.quiet('GET', `${c.base}/configmaps`);
    await c.watch(`${c.base}/${path.replace('{rv}', list.json.metadata.resourceVersion)}`, count, () => act(c));
  });

/** Quotas, namespaces, evictions, bindings, rights and watches. */
export const cluster = [
  steps(
    'quota: counts of pods',
    ...quota({ pods: '1' }),
    ['POST', 'pods', pod('a')],
    ['POST', 'pods', pod('b')],
    ['POST', 'pods?dryRun=All', pod('b')],
    ['~DELETE', 'pods/a', { gracePeriodSeconds: 0 }],
    ['GET', 'resourcequotas/q'],
  ),
  steps(
    'quota: cpu and memory must be given',
    ...quota({ 'requests.cpu': '1', 'limits.memory': '1Gi' }),
    ['POST', 'pods', pod('a')],
    ['POST', 'pods', sized('a', { cpu: '500m' }, { memory: '512Mi' })],
    ['POST', 'pods', sized('b', { cpu: '600m' }, { memory: '256Mi' })],
    ['POST', 'pods', sized('c', { cpu: '600m' }, { memory: '768Mi' })],
    ['POST', 'pods', sized('d', { cpu: '1' })],
    ['GET', 'resourcequotas/q'],
  ),
  steps(
    'quota: short names of resources',
    ...quota({ cpu: '1', memory: '1Gi' }),
    ['POST', 'pods', pod('a')],
    ['POST', 'pods', sized('a', { cpu: '2', memory: '2Gi' })],
    ['POST', 'pods', sized('a', {}, { cpu: '1', memory: '1Gi' })],
    ['GET', 'resourcequotas/q'],
  ),
  steps(
    'quota: counts of objects',
    ...quota({ configmaps: '1', secrets: '0', 'count/pods': '1' }),
    ['POST', 'configmaps', configMap('a')],
    ['POST', 'configmaps', configMap('b')],
    ['POST', 'secrets', { metadata: { name: 's' } }],
    ['POST', 'pods', pod('a')],
    ['POST', 'pods', pod('b')],
    ['GET', 'resourcequotas/q'],
  ),
  steps(
    'quota: scopes',
    ...quota({ pods: '0' }, { scopes: ['BestEffort'] }),
    ['POST', 'pods', pod('a')],
    ['POST', 'pods', sized('b', { cpu: '1' })],
  ),
  steps(
    'quota: scopes of ending and lasting pods',
    ...quota({ pods: '0' }, { scopes: ['Terminating'] }),
    ['POST', 'pods', pod('a')],
    ['POST', 'pods', pod('b', { activeDeadlineSeconds: 5 })],
  ),
  steps(
    'quota: what is refused',
    ['POST', 'resourcequotas', { metadata: { name: 'q' }, spec: { hard: { pods: '-1' } } }],
    ['POST', 'resourcequotas', { metadata: { name: 'q' }, spec: { hard: { pods: '1.5' } } }],
    ['POST', 'resourcequotas', { metadata: { name: 'q' }, spec: { hard: { gizmos: '1' } } }],
    ['POST', 'resourcequotas', { metadata: { name: 'q' }, spec: { hard: { pods: 'x' } } }],
    ['POST', 'resourcequotas', { metadata: { name: 'q' }, spec: { hard: { pods: '1' }, scopes: ['Wrong'] } }],
    [
      'POST',
      'resourcequotas',
      { metadata: { name: 'q' }, spec: { hard: { pods: '1' }, scopes: ['Terminating', 'NotTerminating'] } },
    ],
    [
      'POST',
      'resourcequotas',
      { metadata: { name: 'q' }, spec: { hard: { 'requests.cpu': '1' }, scopes: ['BestEffort'] } },
    ],
    ['POST', 'resourcequotas', { metadata: { name: 'q' } }],
  ),
  steps(
    'namespace: one that ends takes nothing',
    ['~POST', 'pods', pod('p', {}, { finalizers: ['a.b/c'] })],
    ['~POST', 'configmaps', configMap('a')],
    ['DELETE', '/api/v1/namespaces/{ns}'],
    ['DELETE', '/api/v1/namespaces/{ns}'],
    ['POST', 'pods', pod('q')],
    ['POST', 'configmaps', configMap('b')],
    ['POST', LEASES, { metadata: { name: 'l' } }],
    ['MERGE', 'configmaps/a', { data: { b: '2' } }],
    ['APPLY', 'configmaps/b?fieldManager=m', configMap('b')],
    ['POST', '/api/v1/namespaces', { metadata: { name: '{ns}' } }],
    ['MERGE', '/api/v1/namespaces/{ns}', { metadata: { labels: { a: 'b' } } }],
    ['~MERGE', 'pods/p', { metadata: { finalizers: null } }],
  ),
  steps(
    'namespace: what is refused',
    ['POST', '/api/v1/namespaces', { metadata: { name: 'Upper{id}' } }],
    ['POST', '/api/v1/namespaces', { metadata: { name: `${'n'.repeat(64)}` } }],
    ['POST', '/api/v1/namespaces', { metadata: { name: 'a.b{id}' } }],
    ['POST', '/api/v1/namespaces', { metadata: {} }],
    ['POST', '/api/v1/namespaces', { metadata: { name: '{ns}' } }],
    ['DELETE', '/api/v1/namespaces/default'],
    ['DELETE', '/api/v1/namespaces/kube-system'],
    ['DELETE', '/api/v1/namespaces/none{id}'],
    ['DELETE', '/api/v1/namespaces'],
    ['MERGE', '/api/v1/namespaces/{ns}', { spec: { finalizers: [] } }],
    ['MERGE', '/api/v1/namespaces/{ns}', { metadata: { labels: { 'kubernetes.io/metadata.name': 'other' } } }],
    ['PUT', '/api/v1/namespaces/{ns}/finalize', { metadata: { name: '{ns}' }, spec: { finalizers: ['x'] } }],
    ['MERGE', '/api/v1/namespaces/{ns}/status', { status: { phase: 'Terminating' } }],
    ['GET', '/api/v1/namespaces/{ns}/status'],
  ),
  steps(
    'eviction: forms and refusals',
    ['~POST', 'pods', pod('p', { nodeName: 'n' })],
    ['POST', 'pods/p/eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'other' } }],
    ['POST', 'pods/p/eviction', { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: 'p' } }],
    ['POST', 'pods/p/eviction', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } }],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' }, deleteOptions: { preconditions: { uid: 'x' } } }],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' }, deleteOptions: { gracePeriodSeconds: 'x' } }],
    ['POST', 'pods/p/eviction?dryRun=All', { metadata: { name: 'p' } }],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' }, deleteOptions: { dryRun: ['All'] } }],
    ['POST', 'pods/none/eviction', { metadata: { name: 'none' } }],
    ['POST', 'pods/p/eviction'],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' }, deleteOptions: { gracePeriodSeconds: 0 } }],
    ['GET', 'pods/p'],
  ),
  steps(
    'eviction: a budget that is not settled, and one that allows',
    ['~POST', BUDGETS, { metadata: { name: 'b' }, spec: { minAvailable: 1, selector: { matchLabels: { a: 'b' } } } }],
    ['~POST', 'pods', pod('p', { nodeName: 'n' }, { labels: { a: 'b' } })],
    ['~MERGE', 'pods/p/status', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' } }],
    [
      '~MERGE',
      `${BUDGETS}/b/status`,
      {
        status: { observedGeneration: 1, disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
      },
    ],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' } }],
    [
      '~MERGE',
      `${BUDGETS}/b/status`,
      {
        status: { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 },
      },
    ],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' } }],
    ['GET', `${BUDGETS}/b`],
  ),
  steps(
    'eviction: two budgets, and one by expression',
    [
      '~POST',
      BUDGETS,
      {
        metadata: { name: 'b' },
        spec: { minAvailable: 1, selector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
      },
    ],
    ['~POST', 'pods', pod('p', { nodeName: 'n' }, { labels: { a: 'b' } })],
    ['~MERGE', 'pods/p/status', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' } }],
    ['~POST', BUDGETS, { metadata: { name: 'c' }, spec: { maxUnavailable: 0, selector: {} } }],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' } }],
  ),
  steps(
    'eviction: pods that have ended or wait need no budget',
    ['~POST', BUDGETS, { metadata: { name: 'b' }, spec: { minAvailable: 5, selector: { matchLabels: { a: 'b' } } } }],
    ['~POST', 'pods', pod('p', { nodeName: 'n' }, { labels: { a: 'b' } })],
    ['POST', 'pods/p/eviction', { metadata: { name: 'p' } }],
    ['~POST', 'pods', pod('q', { nodeName: 'n' }, { labels: { a: 'b' } })],
    ['~MERGE', 'pods/q/status', { status: { phase: 'Succeeded' } }],
    ['POST', 'pods/q/eviction', { metadata: { name: 'q' } }],
    ['GET', 'pods'],
  ),
  steps(
    'binding: forms and refusals',
    ['~POST', 'pods', pod('p')],
    ['POST', 'pods/p/binding', { metadata: { name: 'p' } }],
    ['POST', 'pods/p/binding', { metadata: { name: 'q' }, target: { name: 'n' } }],
    ['POST', 'pods/p/binding', { metadata: { name: 'p' }, target: { kind: 'Pod', name: 'n' } }],
    ['POST', 'pods/none/binding', { metadata: { name: 'none' }, target: { kind: 'Node', name: 'n' } }],
    ['POST', 'pods/p/binding?dryRun=All', { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } }],
    ['POST', 'pods/p/binding?dryRun=x', { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } }],
    ['POST', 'pods/p/binding', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, target: { name: 'n' } }],
    ['POST', 'pods/p/binding', undefined, { raw: '{' }],
    [
      'POST',
      'pods/p/binding',
      { metadata: { name: 'p', labels: { zone: 'a' } }, target: { apiVersion: 'v1', kind: 'Node', name: 'n' } },
    ],
    ['POST', 'pods/p/binding', { metadata: { name: 'p' }, target: { name: 'm' } }],
    ['GET', 'pods/p'],
  ),
  steps(
    'ephemeral containers: forms and refusals',
    ['~POST', 'pods', pod('p', { nodeName: 'n' })],
    ['GET', 'pods/p/ephemeralcontainers'],
    [
      'STRATEGIC',
      'pods/p/ephemeralcontainers',
      { spec: { ephemeralContainers: [{ name: 'dbg', image: 'x', targetContainerName: 'base' }] } },
    ],
    ['STRATEGIC', 'pods/p/ephemeralcontainers', { spec: { ephemeralContainers: [{ name: 'base', image: 'x' }] } }],
    ['STRATEGIC', 'pods/p/ephemeralcontainers', { spec: { ephemeralContainers: [{ name: 'dbg', image: 'y' }] } }],
    ['MERGE', 'pods/p/ephemeralcontainers', { spec: { ephemeralContainers: [] } }],
    [
      'STRATEGIC',
      'pods/p/ephemeralcontainers',
      { spec: { ephemeralContainers: [{ name: 'two', image: 'x', ports: [{ containerPort: 80 }] }] } },
    ],
    ['POST', 'pods', pod('q', { ephemeralContainers: [{ name: 'e', image: 'x' }] })],
  ),
  steps(
    'resize: forms and refusals',
    ['~POST', 'pods', sized('p', { cpu: '100m' }, { cpu: '200m' })],
    ['GET', 'pods/p/resize'],
    [
      'MERGE',
      'pods/p/resize',
      { spec: { containers: [{ name: 'base', resources: { requests: { cpu: '150m' }, limits: { cpu: '200m' } } }] } },
    ],
    [
      'STRATEGIC',
      'pods/p/resize',
      { spec: { containers: [{ name: 'base', resources: { requests: { cpu: '300m' } } }] } },
    ],
    ['STRATEGIC', 'pods/p/resize', { spec: { containers: [{ name: 'base', image: 'y:1' }] } }],
    [
      'STRATEGIC',
      'pods/p/resize',
      { spec: { containers: [{ name: 'base', resources: { requests: { memory: '1Gi' } } }] } },
    ],
    ['STRATEGIC', 'pods/p', { spec: { containers: [{ name: 'base', resources: { requests: { cpu: '120m' } } }] } }],
    ['GET', 'pods/p'],
  ),
  steps(
    'names that are generated',
    ['POST', 'configmaps', { metadata: { generateName: 'g-', name: 'given' } }],
    ['POST', 'configmaps', { metadata: { generateName: '' } }],
  ),
  steps(
    'names of each kind',
    ...['-a', 'a-', 'a..b', 'a b', 'a/b', 'a%b', '.', 'é', '1', 'a.b-c', 'A', `${'n'.repeat(254)}`].map(
      (name): Step => ['POST', 'configmaps', configMap(name)],
    ),
  ),
  steps(
    'labels and annotations',
    ...[
      { labels: { '': 'x' } },
      { labels: { 'a/': 'x' } },
      { labels: { '/a': 'x' } },
      { labels: { 'A.b/c': 'x' } },
      { labels: { a: '-x' } },
      { labels: { a: 'x'.repeat(64) } },
      { labels: { [`${'p'.repeat(254)}/a`]: 'x' } },
      { labels: { a: null } },
      { labels: { a: '' } },
      { annotations: { 'a b': 'x' } },
      { annotations: { 'A/B': 'x' } },
      { annotations: { a: 1 } },
      { labels: ['a'] },
    ].map((metadata, index): Step => ['POST', 'configmaps', configMap(`m${index}`, {}, metadata)]),
  ),
  steps(
    'events: of the core group',
    ['POST', 'events', event('a')],
    [
      'POST',
      'events',
      event('b', {
        count: 2,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:05:00Z',
        source: { component: 'c' },
      }),
    ],
    ['POST', 'events', event('c', { type: 'Wrong' })],
    [
      'POST',
      'events',
      event('d', {
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingComponent: 'x.y/z',
        reportingInstance: 'i',
        action: 'a',
        type: 'Odd',
      }),
    ],
    ['POST', 'events', event('e', { reason: 'r'.repeat(200) })],
    [
      'POST',
      'events',
      event('f', {
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingComponent: 'c',
        reportingInstance: 'i',
        action: 'a',
        message: 'm'.repeat(1100),
      }),
    ],
    ['PUT', 'events/g', event('g')],
    ['MERGE', 'events/a', { message: 'other' }],
    ['GET', 'events?fieldSelector=reason%3DR'],
    ['GET', 'events?fieldSelector=involvedObject.kind%3DPod,type!%3DNormal'],
    ['DELETE', 'events/a'],
  ),
  steps(
    'nodes: taints, labels and status',
    [
      'POST',
      '/api/v1/nodes',
      {
        metadata: { name: 'n{id}', labels: { a: 'b' } },
        spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }], podCIDR: '10.0.0.0/24' },
        status: { capacity: { cpu: '4', memory: '8Gi', pods: '110' } },
      },
    ],
    ['MERGE', '/api/v1/nodes/n{id}', { spec: { taints: [{ key: 'k', effect: 'Wrong' }] } }],
    [
      'MERGE',
      '/api/v1/nodes/n{id}',
      {
        spec: {
          taints: [
            { key: 'k', effect: 'NoSchedule' },
            { key: 'k', effect: 'NoSchedule' },
          ],
        },
      },
    ],
    ['MERGE', '/api/v1/nodes/n{id}', { spec: { podCIDR: '10.1.0.0/24' } }],
    ['MERGE', '/api/v1/nodes/n{id}', { spec: { providerID: 'x://1' } }],
    [
      'MERGE',
      '/api/v1/nodes/n{id}/status',
      { status: { allocatable: { cpu: '3' }, conditions: [{ type: 'Ready', status: 'True' }] } },
    ],
    [
      'STRATEGIC',
      '/api/v1/nodes/n{id}/status',
      { status: { conditions: [{ type: 'MemoryPressure', status: 'False' }] } },
    ],
    ['TABLE', '/api/v1/nodes/n{id}'],
    ['DELETE', '/api/v1/nodes/n{id}'],
    ['GET', '/api/v1/nodes/n{id}'],
  ),
  steps(
    'leases: values',
    ...[
      { leaseDurationSeconds: 0 },
      { leaseDurationSeconds: -1 },
      { leaseTransitions: -1 },
      { renewTime: '2026-01-01T00:00:00Z' },
      { renewTime: 'x' },
      { renewTime: '2026-01-01T00:00:00.5Z' },
      { strategy: 'Wrong' },
      { holderIdentity: '' },
      { preferredHolder: 'x' },
      { acquireTime: '2026-01-01T02:00:00.123456+02:00' },
    ].map((spec, index): Step => ['POST', LEASES, { metadata: { name: `l${index}` }, spec }]),
  ),
  steps(
    'secrets: values',
    ...[
      { data: { a: 'x' } },
      { data: { a: 'YQ' } },
      { data: { a: 5 } },
      { stringData: { a: 5 } },
      { stringData: { a: 'x' }, data: { a: 'Yg==', b: 'Yw==' } },
      { type: 'kubernetes.io/basic-auth', stringData: { username: 'u' } },
      { type: 'kubernetes.io/dockercfg', stringData: { '.dockercfg': '{}' } },
      { type: 'kubernetes.io/ssh-auth', stringData: { 'ssh-privatekey': 'k' } },
      { type: 'bootstrap.kubernetes.io/token', stringData: { a: 'b' } },
      { immutable: true, data: {} },
    ].map((rest, index): Step => ['POST', 'secrets', { metadata: { name: `s${index}` }, ...rest }]),
  ),
  steps(
    'rights: other kinds of requests',
    ['GET', '/nothing', undefined, as('jane')],
    ['GET', '/api/v1/gadgets', undefined, as('jane')],
    ['POST', 'pods/p/binding', {}, as('jane')],
    ['PUT', 'pods/p/status', {}, as('jane')],
    ['GET', `${BUDGETS}/b`, undefined, as('jane')],
    ['POST', LEASES, {}, as('jane')],
    ['DELETE', '/api/v1/nodes/n', undefined, as('jane')],
    ['GET', 'events?watch=1', undefined, as('system:serviceaccount:a:b')],
    ['GET', '/api/v1/watch/pods', undefined, as('jane')],
    ['PUT', '/api/v1/namespaces/{ns}/finalize', {}, as('jane')],
  ),
  steps(
    'rights: impersonation',
    ['GET', 'pods', undefined, { headers: { 'impersonate-user': 'jane', 'impersonate-uid': '5' } }],
    ['GET', 'pods', undefined, { headers: { 'impersonate-uid': '5' } }],
    ['GET', 'pods', undefined, { headers: { 'impersonate-extra-x': 'y' } }],
    ['GET', 'pods', undefined, { headers: { 'impersonate-user': '' } }],
    ['GET', 'pods', undefined, { headers: { 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' } }],
    ['GET', 'pods', undefined, as('system:anonymous')],
  ),
  watched('watch: everything from a version', `configmaps?${WATCH}&resourceVersion={rv}`, 4, async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, configMap('a'));
    await c.quiet('PATCH', `${c.base}/configmaps/a`, { data: { x: 'y' } }, { type: 'application/merge-patch+json' });
    await c.quiet('DELETE', `${c.base}/configmaps/a`);
    await c.quiet('DELETE', `${c.base}/configmaps/old`);
  }),
  watched(
    'watch: by label, in and out',
    `configmaps?${WATCH}&resourceVersion={rv}&labelSelector=app%3Da`,
    3,
    async (c) => {
      await c.quiet('POST', `${c.base}/configmaps`, configMap('b', {}, { labels: { app: 'b' } }));
      await c.quiet(
        'PATCH',
        `${c.base}/configmaps/old`,
        { metadata: { labels: { app: 'b' } } },
        { type: 'application/merge-patch+json' },
      );
      await c.quiet(
        'PATCH',
        `${c.base}/configmaps/b`,
        { metadata: { labels: { app: 'a' } } },
        { type: 'application/merge-patch+json' },
      );
      await c.quiet('DELETE', `${c.base}/configmaps/b`);
    },
  ),
  watched(
    'watch: by name',
    `configmaps?${WATCH}&resourceVersion={rv}&fieldSelector=metadata.name%3Da`,
    2,
    async (c) => {
      await c.quiet('POST', `${c.base}/configmaps`, configMap('b'));
      await c.quiet('POST', `${c.base}/configmaps`, configMap('a'));
      await c.quiet('DELETE', `${c.base}/configmaps/a`);
    },
  ),
  watched('watch: what is there, then changes', `configmaps?${WATCH}`, 2, async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, configMap('z'));
  }),
  watched(
    'watch: initial events and their end',
    `configmaps?${WATCH}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=app%3Da`,
    2,
    async () => {},
  ),
  watched(
    'watch: a list of nothing and its end',
    `secrets?${WATCH}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0`,
    1,
    async () => {},
  ),
];
