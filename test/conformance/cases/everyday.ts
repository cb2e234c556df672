import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

type Json = Record<string, unknown>;

const named = (name: string, run: (c: ScenarioClient) => Promise<unknown>) =>
  scenario(name, (c) => run(c).then(() => {}));
const container = (more: Json = {}): Json => ({ name: 'base', image: 'busybox:1.36', ...more });
const APPLY = { type: 'application/apply-patch+yaml' };

/** Specs that people write; each is created and read. */
const specs: readonly [string, Json][] = [
  [
    'requests and limits',
    {
      containers: [
        container({ resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: 0.5, memory: '128Mi' } } }),
      ],
    },
  ],
  ['limits alone', { containers: [container({ resources: { limits: { cpu: '1', memory: '1Gi' } } })] }],
  [
    'odd quantities',
    {
      containers: [
        container({ resources: { requests: { cpu: '1500m', memory: '1024Mi', 'ephemeral-storage': '1000Ki' } } }),
      ],
    },
  ],
  ['extended resources', { containers: [container({ resources: { limits: { 'nvidia.com/gpu': 1 } } })] }],
  [
    'extended resources without limits',
    { containers: [container({ resources: { requests: { 'nvidia.com/gpu': 1 } } })] },
  ],
  [
    'requests above limits',
    { containers: [container({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } })] },
  ],
  ['pod-level resources', { resources: { requests: { cpu: '1' }, limits: { cpu: '2', memory: '1Gi' } } }],
  [
    'probes of each kind',
    {
      containers: [
        container({
          livenessProbe: { exec: { command: ['true'] } },
          readinessProbe: { httpGet: { port: 80 }, periodSeconds: 5 },
          startupProbe: { tcpSocket: { port: 'web' }, failureThreshold: 30 },
          ports: [{ name: 'web', containerPort: 80 }],
        }),
      ],
    },
  ],
  [
    'lifecycle hooks',
    {
      containers: [
        container({
          lifecycle: {
            preStop: { exec: { command: ['sleep', '5'] } },
            postStart: { httpGet: { path: '/x', port: 8080 } },
          },
        }),
      ],
    },
  ],
  [
    'volumes of many kinds',
    {
      volumes: [
        { name: 'a', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
        { name: 'b', hostPath: { path: '/tmp' } },
        { name: 'c', secret: { secretName: 's', items: [{ key: 'k', path: 'p' }] } },
        { name: 'd', configMap: { name: 'm', optional: true } },
        { name: 'e', persistentVolumeClaim: { claimName: 'x' } },
        { name: 'f', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        {
          name: 'g',
          projected: {
            sources: [{ secret: { name: 's' } }, { configMap: { name: 'm' } }, { serviceAccountToken: { path: 't' } }],
          },
        },
      ],
    },
  ],
  [
    'volume mounts',
    {
      containers: [
        container({
          volumeMounts: [
            { name: 'a', mountPath: '/a', readOnly: true },
            { name: 'a', mountPath: '/b', subPathExpr: '$(POD)' },
          ],
          env: [{ name: 'POD', value: 'x' }],
        }),
      ],
      volumes: [{ name: 'a', emptyDir: {} }],
    },
  ],
  ['a mount without a volume', { containers: [container({ volumeMounts: [{ name: 'a', mountPath: '/a' }] })] }],
  [
    'an ephemeral volume',
    {
      volumes: [
        {
          name: 'a',
          ephemeral: {
            volumeClaimTemplate: {
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          },
        },
      ],
    },
  ],
  [
    'environment from everywhere',
    {
      containers: [
        container({
          env: [
            { name: 'A', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } },
            { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
            { name: 'C', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'D' },
          ],
          envFrom: [{ configMapRef: { name: 'm' }, prefix: 'X_' }, { secretRef: { name: 's', optional: true } }],
        }),
      ],
    },
  ],
  [
    'a field that cannot be referred to',
    { containers: [container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.containers' } } }] })] },
  ],
  [
    'security contexts',
    {
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        fsGroup: 2000,
        supplementalGroups: [3000],
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        container({
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
          },
        }),
      ],
    },
  ],
  [
    'node selector and affinity',
    {
      nodeSelector: { disk: 'ssd' },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] }],
          },
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 5, preference: { matchExpressions: [{ key: 'x', operator: 'Exists' }] } },
          ],
        },
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'a' } } },
          ],
        },
      },
    },
  ],
  [
    'tolerations',
    {
      tolerations: [
        { key: 'dedicated', operator: 'Equal', value: 'batch', effect: 'NoSchedule' },
        { operator: 'Exists' },
      ],
    },
  ],
  [
    'topology spread',
    {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { a: 'b' } },
        },
      ],
    },
  ],
  [
    'host network and ports',
    {
      hostNetwork: true,
      dnsPolicy: 'ClusterFirstWithHostNet',
      containers: [container({ ports: [{ containerPort: 8080 }] })],
    },
  ],
  [
    'host aliases and DNS',
    {
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['db'] }],
      dnsConfig: { nameservers: ['1.1.1.1'], searches: ['example.com'], options: [{ name: 'ndots', value: '2' }] },
      hostname: 'h',
      subdomain: 's',
    },
  ],
  [
    'a sidecar',
    {
      initContainers: [
        container({ name: 'side', restartPolicy: 'Always' }),
        container({ name: 'init', command: ['true'] }),
      ],
    },
  ],
  ['no grace', { terminationGracePeriodSeconds: 0 }],
  ['a deadline', { activeDeadlineSeconds: 600 }],
  ['an image by digest', { containers: [container({ image: `x@sha256:${'a'.repeat(64)}` })] }],
  [
    'images that default to Always',
    { containers: [container({ image: 'x' }), container({ name: 'b', image: 'host:5000/x:latest' })] },
  ],
  ['no image', { containers: [{ name: 'base' }] }],
  ['two containers of one name', { containers: [container(), container()] }],
  ['a wrong restart policy', { restartPolicy: 'Sometimes' }],
  ['a wrong pull policy', { containers: [container({ imagePullPolicy: 'Maybe' })] }],
  [
    'a wrong port',
    { containers: [container({ ports: [{ containerPort: 70000 }, { containerPort: 80, name: 'A B' }] })] },
  ],
  ['a wrong quantity', { containers: [container({ resources: { requests: { cpu: 'much' } } })] }],
  ['negative resources', { containers: [container({ resources: { requests: { cpu: '-1' } } })] }],
  ['a number where text is due', { containers: [container({ env: [{ name: 'A', value: 5 }] })] }],
  ['args that are no list', { containers: [container({ args: 'ls' })] }],
  ['a string where a number is due', { terminationGracePeriodSeconds: '30' }],
  [
    'a service account and image pull secrets',
    { serviceAccountName: 'default', imagePullSecrets: [{ name: 'reg' }], automountServiceAccountToken: false },
  ],
  ['a stop signal without an operating system', { containers: [container({ lifecycle: { stopSignal: 'SIGUSR1' } })] }],
  [
    'restart rules',
    {
      restartPolicy: 'Never',
      containers: [
        container({
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
        }),
      ],
    },
  ],
  [
    'a termination message policy',
    {
      containers: [container({ terminationMessagePolicy: 'FallbackToLogsOnError', terminationMessagePath: '/tmp/x' })],
    },
  ],
  ['sharing and users', { shareProcessNamespace: true, hostUsers: false, setHostnameAsFQDN: true }],
];

/** Metadata that people write. */
const metas: readonly [string, Json][] = [
  [
    'labels and annotations',
    { labels: { 'app.kubernetes.io/name': 'x', a: '' }, annotations: { 'example.com/y': 'any text\nat all' } },
  ],
  ['a name that is too long', { name: 'a'.repeat(254) }],
  ['a name with capital letters', { name: 'MyPod' }],
  ['a name with an underscore', { name: 'dag_task' }],
  ['no name', { name: undefined }],
  ['an empty name', { name: '' }],
  ['a label that is too long', { labels: { a: 'x'.repeat(64) } }],
  ['a label with spaces', { labels: { a: 'x y' } }],
  ['a label key with two slashes', { labels: { 'a/b/c': 'x' } }],
  ['annotations that are too long', { annotations: { a: 'x'.repeat(262145) } }],
  ['a label of a wrong type', { labels: { a: 1 } }],
  ['another namespace', { namespace: 'elsewhere' }],
  ['finalizers', { finalizers: ['example.com/a', 'nonsense'] }],
  ['a resource version', { resourceVersion: '5' }],
  ['what only the server sets', { uid: 'x', creationTimestamp: '2020-01-01T00:00:00Z', generation: 7, selfLink: '/x' }],
];

/** What is asked of lists and single objects, day by day. */
export const everyday = [
  ...specs.map(([name, spec]) => named(`a pod with ${name}`, (c) => c.post(c.pods, pod('p', spec)))),
  ...metas.map(([name, metadata]) => named(`metadata with ${name}`, (c) => c.post(c.pods, pod('p', {}, metadata)))),
  ...specs
    .slice(0, 4)
    .map(([name, spec]) =>
      named(`apply of a pod with ${name}`, (c) =>
        c.call('PATCH', `${c.pods}/p?fieldManager=me`, pod('p', spec), APPLY),
      ),
    ),
  named('apply of volumes, mounts and variables, then fewer', async (c) => {
    const path = `${c.pods}/p?fieldManager=me`;
    const volumes = [
      { name: 'a', emptyDir: {} },
      { name: 'b', configMap: { name: 'm' } },
    ];
    const env = [
      { name: 'A', value: '1' },
      { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
    ];
    await c.call(
      'PATCH',
      path,
      pod('p', {
        volumes,
        containers: [container({ env, volumeMounts: [{ name: 'a', mountPath: '/a' }] })],
        tolerations: [{ key: 'k', operator: 'Exists' }],
      }),
      APPLY,
    );
    await c.call(
      'PATCH',
      path,
      pod('p', {
        volumes,
        containers: [container({ env, image: 'busybox:1.37', volumeMounts: [{ name: 'a', mountPath: '/a' }] })],
        tolerations: [{ key: 'k', operator: 'Exists' }],
      }),
      APPLY,
    );
    await c.call('PATCH', path, pod('p', { containers: [container({ env })] }), APPLY);
  }),
  named('patches of one pod by each kind', async (c) => {
    await c.quiet(
      'POST',
      c.pods,
      pod('p', { containers: [container(), container({ name: 'b' })] }, { labels: { a: 'b' } }),
    );
    await c.strategic(`${c.pods}/p`, { spec: { containers: [{ name: 'b', image: 'busybox:2' }] } });
    await c.merge(`${c.pods}/p`, { spec: { containers: [{ name: 'b', image: 'busybox:2' }] } });
    await c.jsonPatch(`${c.pods}/p`, [
      { op: 'test', path: '/metadata/labels/a', value: 'b' },
      { op: 'add', path: '/metadata/labels/c', value: 'd' },
    ]);
    await c.jsonPatch(`${c.pods}/p`, [{ op: 'test', path: '/metadata/labels/a', value: 'x' }]);
    await c.jsonPatch(`${c.pods}/p`, [{ op: 'remove', path: '/metadata/labels/none' }]);
    await c.jsonPatch(`${c.pods}/p`, [
      { op: 'add', path: '/spec/tolerations/-', value: { key: 'x', operator: 'Exists' } },
    ]);
    await c.strategic(`${c.pods}/p`, { spec: { containers: [{ $patch: 'delete', name: 'b' }] } });
    await c.call('PATCH', `${c.pods}/p`, { metadata: {} }, { type: 'application/json' });
    await c.call('PATCH', `${c.pods}/p`, { metadata: {} }, { type: 'text/plain' });
  }),
  named('a kubelet reports on a pod', async (c) => {
    await c.quiet('POST', c.pods, pod('p', { nodeName: 'node-a' }));
    const at = `${c.pods}/p/status`;
    const condition = (type: string, status: string) => ({
      type,
      status,
      lastProbeTime: null,
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    });
    await c.strategic(at, {
      metadata: { uid: undefined },
      status: {
        $setElementOrder: undefined,
        conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
          (type) => condition(type, 'False'),
        ),
        hostIP: '10.0.0.9',
        hostIPs: [{ ip: '10.0.0.9' }],
        startTime: '2026-01-01T00:00:00Z',
        observedGeneration: 1,
      },
    });
    await c.strategic(at, {
      status: {
        phase: 'Running',
        podIP: '10.1.0.4',
        podIPs: [{ ip: '10.1.0.4' }],
        conditions: [condition('Ready', 'True')],
        containerStatuses: [
          {
            name: 'base',
            image: 'x',
            imageID: 'y',
            containerID: 'containerd://z',
            ready: true,
            started: true,
            restartCount: 0,
            state: { running: { startedAt: '2026-01-01T00:00:01Z' } },
            lastState: {},
            allocatedResources: { cpu: '1' },
            resources: {},
            volumeMounts: [{ name: 'a', mountPath: '/a' }],
          },
        ],
      },
    });
    await c.strategic(at, {
      status: {
        phase: 'Failed',
        message: 'm',
        reason: 'r',
        containerStatuses: [
          {
            name: 'base',
            image: 'x',
            imageID: 'y',
            ready: false,
            started: false,
            restartCount: 0,
            state: {
              running: null,
              terminated: {
                exitCode: 1,
                reason: 'Error',
                message: 'boom',
                startedAt: '2026-01-01T00:00:01Z',
                finishedAt: '2026-01-01T00:00:02Z',
                containerID: 'containerd://z',
              },
            },
          },
        ],
      },
    });
    await c.strategic(at, {
      status: {
        containerStatuses: [
          {
            name: 'base',
            restartCount: 0,
            state: { terminated: null, running: { startedAt: '2026-01-01T00:00:03Z' } },
          },
        ],
      },
    });
    await c.call('PUT', at, pod('p', {}, {}));
  }),
  named('a node and its heartbeats', async (c) => {
    const name = c.unique('node');
    await c.post('/api/v1/nodes', {
      kind: 'Node',
      apiVersion: 'v1',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'node-role.kubernetes.io/worker': '' } },
      spec: {},
      status: {
        capacity: { cpu: '8', memory: '32Gi', pods: '110' },
        allocatable: { cpu: '7800m', memory: '31Gi', pods: '110' },
        addresses: [
          { type: 'InternalIP', address: '10.0.0.9' },
          { type: 'Hostname', address: name },
        ],
        nodeInfo: {
          kubeletVersion: 'v1.36.0',
          osImage: 'Linux',
          kernelVersion: '6.1',
          containerRuntimeVersion: 'containerd://2.0',
        },
      },
    });
    await c.strategic(`/api/v1/nodes/${name}/status`, {
      status: {
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'KubeletReady',
            message: 'ok',
            lastHeartbeatTime: '2026-01-01T00:00:00Z',
            lastTransitionTime: '2026-01-01T00:00:00Z',
          },
        ],
      },
    });
    await c.get(`/api/v1/nodes/${name}?includeObject=None`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    await c.strategic(`/api/v1/nodes/${name}/status`, {
      status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] },
    });
    await c.quiet('DELETE', `/api/v1/nodes/${name}`);
  }),
  named('a pod meets quotas', async (c) => {
    await c.quiet('POST', `${c.base}/resourcequotas`, {
      metadata: { name: 'q' },
      spec: { hard: { 'count/configmaps': '1', pods: '0' } },
    });
    await c.get(`${c.base}/resourcequotas/q`);
    await c.quiet(
      'PATCH',
      `${c.base}/resourcequotas/q/status`,
      { status: { hard: { pods: '0' }, used: { pods: '0' } } },
      { type: 'application/merge-patch+json' },
    );
    await c.post(c.pods, pod('p'));
  }),
  named('lists across namespaces and by field', async (c) => {
    const label = c.unique('x');
    await c.quiet('POST', c.pods, pod('p', { nodeName: 'node-a' }, { labels: { run: label } }));
    await c.get(`/api/v1/pods?labelSelector=run%3D${label}`);
    await c.get(
      `/api/v1/pods?labelSelector=run%3D${label}&fieldSelector=spec.nodeName%3Dnode-a,status.phase%3DPending`,
    );
    await c.get(`/api/v1/pods?labelSelector=run%3D${label}&fieldSelector=metadata.namespace%3D${c.ns}`);
    await c.get(`/api/v1/configmaps?fieldSelector=metadata.name%3D${label}`);
  }),
  named('metadata only', async (c) => {
    await c.quiet('POST', c.pods, pod('p'));
    await c.get(c.pods, { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' });
    await c.get(`${c.pods}/p`, { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' });
  }),
  named('a watch of metadata, of a table and by labels', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, configMap('a', {}, { labels: { a: 'b' } }));
    const { json } = await c.quiet('GET', `${c.base}/configmaps`);
    const from = `watch=true&resourceVersion=${json.metadata.resourceVersion}&timeoutSeconds=10`;
    await c.watch(`${c.base}/configmaps?${from}&labelSelector=a%3Db`, 3, async () => {
      await c.quiet('POST', `${c.base}/configmaps`, configMap('b', {}, { labels: { a: 'b' } }));
      await c.quiet(
        'PATCH',
        `${c.base}/configmaps/b`,
        { metadata: { labels: { a: 'c' } } },
        { type: 'application/merge-patch+json' },
      );
      await c.quiet('DELETE', `${c.base}/configmaps/a`);
    });
  }),
  named('forms of a request that are wrong', async (c) => {
    await c.call('POST', c.pods, undefined, { raw: '' });
    await c.call('POST', c.pods, undefined, { raw: '{"a":' });
    await c.call('POST', c.pods, undefined, { raw: '[]' });
    await c.call('POST', c.pods, undefined, {
      raw: 'kind: Pod\nmetadata: {name: y}\nspec: {containers: [{name: a, image: b}]}\napiVersion: v1\n',
      type: 'application/yaml',
    });
    await c.post(c.pods, { ...pod('p'), apiVersion: 'v2' });
    await c.post(c.pods, { ...pod('p'), kind: 'Deployment', apiVersion: 'apps/v1' });
    await c.post(c.pods, pod('p'), { type: 'text/plain' });
    await c.post(`${c.pods}?dryRun=Some`, pod('p'));
    await c.post(`${c.pods}?fieldValidation=Odd`, pod('p'));
    await c.post(`/api/v1/namespaces/none-such/pods`, pod('p'));
    await c.post(`${c.pods}?dryRun=All`, pod('p'));
  }),
  named('a resize on a node that is there', async (c) => {
    const name = c.unique('node');
    await c.quiet('POST', '/api/v1/nodes', {
      metadata: { name },
      status: { capacity: { cpu: '8', memory: '8Gi', pods: '10' } },
    });
    const resources = { requests: { cpu: '1', memory: '64Mi' }, limits: { cpu: '2', memory: '64Mi' } };
    await c.post(c.pods, pod('p', { nodeName: name, containers: [container({ resources })] }));
    await c.strategic(`${c.pods}/p/resize`, {
      spec: { containers: [{ name: 'base', resources: { requests: { cpu: '2' } } }] },
    });
    await c.strategic(`${c.pods}/p/resize`, {
      spec: { containers: [{ name: 'base', resources: { requests: { cpu: '3' } } }] },
    });
    await c.strategic(`${c.pods}/p`, {
      spec: { containers: [{ name: 'base', resources: { requests: { cpu: '3' } } }] },
    });
    await c.quiet('DELETE', `/api/v1/nodes/${name}`);
  }),
];
