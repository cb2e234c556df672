import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

type Json = Record<string, unknown>;

const named = (name: string, run: (c: ScenarioClient) => Promise<unknown>) =>
  scenario(name, (c) => run(c).then(() => {}));
const container = (more: Json = {}): Json => ({ name: 'base', image: 'busybox:1.36', ...more });
const spec = (more: Json) => pod('p', { containers: [container(more)] });
const env = (...list: Json[]) => spec({ env: list });
const MERGE = { type: 'application/merge-patch+json' };
const quotas = (c: ScenarioClient) => `${c.base}/resourcequotas`;
const budgets = (c: ScenarioClient) => `/apis/policy/v1/namespaces/${c.ns}/poddisruptionbudgets`;
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

const pods: readonly [string, Json][] = [
  [
    'a GPU and a limit of storage',
    spec({ resources: { limits: { 'nvidia.com/gpu': '2', 'ephemeral-storage': '10Gi', cpu: '100m' } } }),
  ],
  ['fractions of a byte', spec({ resources: { requests: { memory: '1.5' } } })],
  ['exponents', spec({ resources: { requests: { memory: '1e6', cpu: '1e-1' } } })],
  ['huge pages', spec({ resources: { limits: { 'hugepages-2Mi': '4Mi', memory: '1Gi' } } })],
  ['an unknown resource', spec({ resources: { limits: { gizmos: '1' } } })],
  ['an env without a name', env({ value: 'x' })],
  [
    'an env with value and source',
    env({ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }),
  ],
  [
    'an env with two sources',
    env({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' }, secretKeyRef: { name: 's', key: 'k' } } }),
  ],
  ['an env that refers to another', env({ name: 'A', value: 'x' }, { name: 'B', value: '$(A)' })],
  ['an env twice', env({ name: 'A', value: '1' }, { name: 'A', value: '2' })],
  ['an empty command', spec({ command: [], args: [''] })],
  ['a working directory and tty', spec({ workingDir: '/w', stdin: true, tty: true, stdinOnce: true })],
  ['a privileged container', spec({ securityContext: { privileged: true, allowPrivilegeEscalation: false } })],
  ['a user of zero', spec({ securityContext: { runAsUser: 0, runAsNonRoot: true, runAsGroup: -1 } })],
  ['a probe without a handler', spec({ livenessProbe: { periodSeconds: 5 } })],
  [
    'a probe with wrong numbers',
    spec({ readinessProbe: { exec: { command: ['x'] }, periodSeconds: -1, failureThreshold: 0, successThreshold: 2 } }),
  ],
  ['a gRPC probe', spec({ livenessProbe: { grpc: { port: 9000 } } })],
  [
    'a port twice',
    spec({
      ports: [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 53, protocol: 'UDP', name: 'dns' }],
    }),
  ],
  [
    'a mount path twice',
    pod('p', {
      containers: [
        container({
          volumeMounts: [
            { name: 'a', mountPath: '/a' },
            { name: 'a', mountPath: '/a' },
          ],
        }),
      ],
      volumes: [{ name: 'a', emptyDir: {} }],
    }),
  ],
  [
    'a volume twice',
    pod('p', {
      volumes: [
        { name: 'a', emptyDir: {} },
        { name: 'a', hostPath: { path: '/x', type: 'Directory' } },
      ],
    }),
  ],
  ['a volume of two kinds', pod('p', { volumes: [{ name: 'a', emptyDir: {}, secret: { secretName: 's' } }] })],
  [
    'a read-only and a CSI volume',
    pod('p', {
      volumes: [
        { name: 'a', csi: { driver: 'x.example.com', readOnly: true, volumeAttributes: { a: 'b' } } },
        { name: 'b', nfs: { server: 's', path: '/x' } },
      ],
    }),
  ],
  ['an image volume', pod('p', { volumes: [{ name: 'a', image: { reference: 'x:1', pullPolicy: 'Always' } }] })],
  ['a runtime class', pod('p', { runtimeClassName: 'gvisor' })],
  ['a priority class that is missing', pod('p', { priorityClassName: 'none' })],
  ['a system priority class', pod('p', { priorityClassName: 'system-node-critical' })],
  ['a negative grace', pod('p', { terminationGracePeriodSeconds: -5 })],
  ['a deadline of zero', pod('p', { activeDeadlineSeconds: 0 })],
  ['a service account by its old name', pod('p', { serviceAccount: 'old' })],
  [
    'affinity that is wrong',
    pod('p', {
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
        podAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, podAffinityTerm: { topologyKey: '' } }],
        },
      },
    }),
  ],
  [
    'pod affinity',
    pod('p', {
      affinity: {
        podAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 5,
              podAffinityTerm: {
                topologyKey: 'zone',
                labelSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
                namespaces: ['x'],
              },
            },
          ],
        },
      },
    }),
  ],
  [
    'tolerations that are wrong',
    pod('p', {
      tolerations: [
        { operator: 'Exists', value: 'x', key: 'a' },
        { key: 'b', effect: 'Odd' },
        { key: 'c', operator: 'Exists', tolerationSeconds: 5 },
      ],
    }),
  ],
  [
    'sysctls and supplemental groups',
    pod('p', {
      securityContext: {
        sysctls: [{ name: 'net.core.somaxconn', value: '1' }],
        supplementalGroupsPolicy: 'Strict',
        fsGroupChangePolicy: 'OnRootMismatch',
      },
    }),
  ],
  ['Windows', pod('p', { os: { name: 'windows' }, nodeSelector: { 'kubernetes.io/os': 'windows' } })],
  ['readiness gates', pod('p', { readinessGates: [{ conditionType: 'example.com/ready' }] })],
  [
    'init containers that restart wrongly',
    pod('p', { initContainers: [container({ name: 'i', restartPolicy: 'Maybe' }), container({ name: 'base' })] }),
  ],
  ['a resize policy', spec({ resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] })],
  ['a generated name', pod('p', {}, { name: undefined, generateName: 'job-' })],
];

/** A further set, recorded to see how much of what was not looked at before is right. */
export const more = [
  ...pods.map(([name, body]) =>
    named(`new pod: ${name}`, (c) =>
      name.includes('generated')
        ? c.quiet('POST', c.pods, body).then(() => c.get(`${c.pods}?fieldSelector=metadata.name%3Dx`))
        : c.post(c.pods, body),
    ),
  ),
  named('a quota by scope, by priority, and changed', async (c) => {
    await c.post(quotas(c), { metadata: { name: 'q' }, spec: { hard: { pods: '2' }, scopes: ['BestEffort'] } });
    await c.post(quotas(c), { metadata: { name: 'r' }, spec: { hard: { pods: 'x' } } });
    await c.post(quotas(c), {
      metadata: { name: 's' },
      spec: { hard: { pods: '1.5', 'limits.cpu': '2', 'requests.nvidia.com/gpu': '1' } },
    });
    await c.post(quotas(c), { metadata: { name: 't' }, spec: { hard: { pods: '1' }, scopes: ['Odd'] } });
    await c.merge(`${quotas(c)}/q`, { spec: { scopes: ['NotBestEffort'] } });
    await c.get(quotas(c), TABLE);
  }),
  named('a budget: percentages, selectors and its status', async (c) => {
    await c.post(budgets(c), {
      metadata: { name: 'a' },
      spec: { maxUnavailable: '50%', selector: { matchLabels: { a: 'b' } }, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    });
    await c.post(budgets(c), { metadata: { name: 'b' }, spec: { minAvailable: 'many' } });
    await c.post(budgets(c), {
      metadata: { name: 'c' },
      spec: { minAvailable: -1, unhealthyPodEvictionPolicy: 'Odd' },
    });
    await c.post(budgets(c), { metadata: { name: 'd' }, spec: {} });
    await c.merge(`${budgets(c)}/a/status`, {
      status: { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2, observedGeneration: 1 },
    });
    await c.get(`${budgets(c)}/a`, TABLE);
  }),
  named('a secret in each way', async (c) => {
    const secret = (body: Json) => c.post(`${c.base}/secrets`, body);
    await secret({ metadata: { name: 'a' }, data: { k: 'not base64' } });
    await secret({ metadata: { name: 'b' }, data: { k: 'YQ==' }, stringData: { k: 'b', l: '' } });
    await secret({ metadata: { name: 'c' }, data: { k: null } });
    await secret({ metadata: { name: 'd' }, immutable: true });
    await c.merge(`${c.base}/secrets/d`, { data: { a: 'YQ==' } });
    await c.get(`${c.base}/secrets?fieldSelector=type%3DOpaque&limit=1`);
  }),
  named('a service account and its lists', async (c) => {
    await c.post(`${c.base}/serviceaccounts`, { metadata: { name: 'a', annotations: { x: 'y' } } });
    await c.call(
      'PATCH',
      `${c.base}/serviceaccounts/a`,
      { imagePullSecrets: [{ name: 'reg' }] },
      { type: 'application/strategic-merge-patch+json' },
    );
    await c.get(`${c.base}/serviceaccounts`);
  }),
  named('an ephemeral container of kubectl debug', async (c) => {
    await c.quiet('POST', c.pods, pod('p', { nodeName: 'n' }));
    const at = `${c.pods}/p/ephemeralcontainers`;
    const patch = (body: Json) =>
      c.call(
        'PATCH',
        at,
        { spec: { ephemeralContainers: [body] } },
        { type: 'application/strategic-merge-patch+json' },
      );
    await patch({
      name: 'dbg',
      image: 'busybox',
      stdin: true,
      tty: true,
      targetContainerName: 'base',
      terminationMessagePolicy: 'File',
      imagePullPolicy: 'IfNotPresent',
      resources: {},
    });
    await patch({ name: 'dbg2', image: 'x', targetContainerName: 'none' });
    await patch({ name: 'dbg3', image: 'x', ports: [{ containerPort: 1 }] });
    await patch({ name: 'dbg', image: 'other' });
  }),
  named('a collection of pods is deleted', async (c) => {
    for (const name of ['a', 'b'])
      await c.quiet('POST', c.pods, pod(name, { nodeName: name === 'a' ? 'n' : undefined }, { labels: { x: name } }));
    await c.call('DELETE', `${c.pods}?labelSelector=x`, { gracePeriodSeconds: 5 });
    await c.get(c.pods);
  }),
  named('writes that meet a deletion', async (c) => {
    await c.quiet('POST', c.pods, pod('p', { nodeName: 'n' }));
    await c.delete(`${c.pods}/p`);
    await c.merge(`${c.pods}/p`, { metadata: { labels: { a: 'b' } } });
    await c.merge(`${c.pods}/p`, { metadata: { finalizers: ['example.com/x'] } });
    await c.call('PATCH', `${c.pods}/p/status`, { status: { phase: 'Failed' } }, MERGE);
    await c.post(c.pods, pod('p'));
    await c.post(`${c.pods}/p/eviction`, { metadata: { name: 'p' } });
  }),
  named('lists with a limit and a selector, and their end', async (c) => {
    for (const name of ['a', 'b', 'd'])
      await c.quiet('POST', `${c.base}/configmaps`, configMap(name, {}, { labels: { l: 'x' } }));
    const first = await c.get(`${c.base}/configmaps?limit=1&labelSelector=l%3Dx`);
    const token = encodeURIComponent(first.json.metadata.continue);
    await c.get(`${c.base}/configmaps?limit=5&labelSelector=l%3Dx&continue=${token}`);
    await c.get(`${c.base}/configmaps?limit=1&continue=${token}`, TABLE);
  }),
];
