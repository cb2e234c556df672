// Pods for the checks: right ones, and broken ones with the path that must be named. A change is [path, value] on a small right pod; `undefined`
// deletes. Each broken one breaks one rule only. record-verdicts.mjs asks a real server about all of them.
const D = undefined;
const base = () => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'task', namespace: 'default', labels: { app: 'x' } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'base', image: 'busybox:1', command: ['true'] }] },
});
const C = 'spec.containers.0';
const vol = (source) => [['spec.volumes', [{ name: 'v', ...source }]]];
const mount = (m, source = { emptyDir: {} }) => [
  ...vol(source),
  [`${C}.volumeMounts`, [{ name: 'v', mountPath: '/v', ...m }]],
];
const env = (...list) => [[`${C}.env`, list]];
const res = (requests, limits, more = {}) => [[`${C}.resources`, { requests, limits, ...more }]];
const tol = (t) => [['spec.tolerations', [t]]];
const req = (r) => [
  [
    'spec.affinity',
    {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [r] }] },
      },
    },
  ],
];
const podTerm = (t) => [
  [
    'spec.affinity',
    {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', ...t }],
      },
    },
  ],
];
const spread = (s) => [
  ['spec.topologySpreadConstraints', [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', ...s }]],
];
const port = (...list) => [[`${C}.ports`, list]];
const long = (n) => 'x'.repeat(n);

/** [name, changes] */
export const RIGHT = [
  ['the base itself', []],
  [
    'nulls for nothing',
    [
      ['metadata.labels', null],
      ['spec.nodeSelector', null],
      ['spec.volumes', null],
    ],
  ],
  [
    'an empty choice',
    [
      ['spec.dnsPolicy', ''],
      [`${C}.imagePullPolicy`, ''],
    ],
  ],
  [
    'quantities of every unit',
    res({ cpu: '100m', memory: '1e6' }, { cpu: 1, memory: '128974848', 'ephemeral-storage': '2Gi' }),
  ],
  ['a GPU', res({ 'nvidia.com/gpu': 1 }, { 'nvidia.com/gpu': '1' })],
  ['a GPU by limit only', res(D, { 'nvidia.com/gpu': 2 })],
  ['zero requests', res({ cpu: 0, memory: '0' }, { cpu: '0.5' })],
  [
    'a sidecar with a probe',
    [
      [
        'spec.initContainers',
        [
          {
            name: 's',
            image: 'i',
            restartPolicy: 'Always',
            startupProbe: { exec: { command: ['true'] } },
            lifecycle: { preStop: { sleep: { seconds: 1 } } },
          },
        ],
      ],
    ],
  ],
  [
    'volumes of many kinds',
    [
      [
        'spec.volumes',
        [
          { name: 'a', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } },
          {
            name: 'b',
            secret: { secretName: 's', items: [{ key: 'k.v', path: 'a/b', mode: 0o400 }], defaultMode: 0o644 },
          },
          { name: 'c', configMap: { name: 'c', optional: true } },
          { name: 'd', persistentVolumeClaim: { claimName: 'pvc.1' } },
          { name: 'e', hostPath: { path: '/x', type: '' } },
          {
            name: 'f',
            projected: {
              sources: [
                { serviceAccountToken: { path: 'token', expirationSeconds: 600 } },
                { secret: { name: 's' } },
                { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
              ],
            },
          },
          { name: 'g', nfs: { server: 's', path: '/p' } },
          { name: 'h', csi: { driver: 'd.example.com' } },
          {
            name: 'i',
            ephemeral: {
              volumeClaimTemplate: {
                spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
              },
            },
          },
        ],
      ],
      ['spec.serviceAccountName', 'runner'],
    ],
  ],
  ['a volume without a source', [['spec.volumes', [{ name: 'v' }]]]],
  ['mounts with sub-paths', mount({ subPath: 'a/b', readOnly: true })],
  [
    'a block device',
    [
      ['spec.volumes', [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }]],
      [`${C}.volumeDevices`, [{ name: 'v', devicePath: '/dev/x' }]],
    ],
  ],
  [
    'variables of every source',
    env(
      { name: 'A' },
      { name: 'B.C-d_1', value: '' },
      { name: 'a b', value: 'x' },
      { name: 'N', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'M', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
      { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } },
    ),
  ],
  [
    'sources of variables',
    [[`${C}.envFrom`, [{ prefix: 'P_', configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }]]],
  ],
  [
    'tolerations of every form',
    [
      [
        'spec.tolerations',
        [
          { operator: 'Exists' },
          { key: 'a/b', value: 'c' },
          { key: 'k', operator: 'Equal', value: '' },
          { key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 },
        ],
      ],
    ],
  ],
  [
    'affinity of every form',
    [
      [
        'spec.affinity',
        {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [
                    { key: 'z', operator: 'In', values: ['a'] },
                    { key: 'n', operator: 'Gt', values: ['3'] },
                    { key: 'e', operator: 'Exists' },
                  ],
                },
                { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node'] }] },
              ],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 100, preference: { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] } },
            ],
          },
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                podAffinityTerm: { topologyKey: 'k', labelSelector: { matchLabels: { a: '' } }, namespaces: ['x'] },
              },
            ],
          },
        },
      ],
    ],
  ],
  ['spreading', spread({ minDomains: 2, labelSelector: { matchLabels: { app: 'x' } } })],
  [
    'two spreads by what may be done',
    [
      [
        'spec.topologySpreadConstraints',
        ['DoNotSchedule', 'ScheduleAnyway'].map((whenUnsatisfiable) => ({
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable,
        })),
      ],
    ],
  ],
  [
    'network',
    [
      ['spec.hostNetwork', true],
      ['spec.dnsPolicy', 'None'],
      [
        'spec.dnsConfig',
        { nameservers: ['1.1.1.1', '::1'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }] },
      ],
      ['spec.hostAliases', [{ ip: '10.0.0.1', hostnames: ['a.b'] }]],
      [
        `${C}.ports`,
        [
          { containerPort: 80, hostPort: 80 },
          { name: 'web', containerPort: 8080, hostPort: 8080, protocol: 'TCP' },
        ],
      ],
    ],
  ],
  [
    'security',
    [
      [
        'spec.securityContext',
        {
          runAsNonRoot: true,
          runAsUser: 0,
          fsGroup: 1,
          seccompProfile: { type: 'RuntimeDefault' },
          supplementalGroups: [1],
        },
      ],
      [`${C}.securityContext`, { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }],
    ],
  ],
  [
    'names',
    [
      ['spec.serviceAccountName', 'sa.1'],
      ['spec.priorityClassName', ''],
      ['spec.hostname', 'h-1'],
      ['spec.subdomain', 's'],
      ['spec.imagePullSecrets', [{ name: 'regcred' }]],
      ['spec.schedulerName', 'my.scheduler'],
    ],
  ],
  [
    'annotations and finalizers',
    [
      ['metadata.annotations', { 'a.b/C_d': long(1000), 'X.Y/z': '' }],
      ['metadata.finalizers', ['example.com/x']],
    ],
  ],
  ['a gate', [['spec.schedulingGates', [{ name: 'example.com/gate' }]]]],
  [
    'numbers at their ends',
    [
      ['spec.activeDeadlineSeconds', 1],
      ['spec.terminationGracePeriodSeconds', 0],
    ],
  ],
  [
    'probes',
    [
      [`${C}.livenessProbe`, { httpGet: { port: 'web', path: '/' }, timeoutSeconds: 0 }],
      [`${C}.readinessProbe`, { tcpSocket: { port: 1 }, successThreshold: 3 }],
      [`${C}.ports`, [{ name: 'web', containerPort: 1 }]],
    ],
  ],
  [
    'images of every form',
    [
      [
        'spec.initContainers',
        [
          'a',
          'A.b:5000/c/d',
          'localhost/x:T_1.a-b',
          `r.io/x@sha256:${'a'.repeat(64)}`,
          'a__b/c--d',
          `r.io/x:1@sha256:${'b'.repeat(64)}`,
        ].map((image, index) => ({ name: `i${index}`, image })),
      ],
    ],
  ],
  ['an owner', [['metadata.ownerReferences', [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: 'u' }]]]],
];

/** [name, changes, path that is named, who refuses it: by default a server too; 'us' where only we do] */
export const BROKEN = [
  // form
  ['no object for metadata', [['metadata', 'x']], 'metadata'],
  ['no object for spec', [['spec', []]], 'spec'],
  ['no spec', [['spec', D]], 'spec'],
  ['another kind', [['kind', 'Job']], 'kind'],
  ['another version', [['apiVersion', 'v2']], 'apiVersion'],
  ['no containers', [['spec.containers', D]], 'spec.containers'],
  ['containers null', [['spec.containers', null]], 'spec.containers'],
  ['containers empty', [['spec.containers', []]], 'spec.containers'],
  ['containers as an object', [['spec.containers', { base: {} }]], 'spec.containers'],
  ['a container as text', [['spec.containers.0', 'base']], 'spec.containers[0]'],
  ['an unknown field of the pod', [['specs', {}]], 'specs'],
  ['an unknown field of metadata', [['metadata.label', {}]], 'metadata.label'],
  ['an unknown field of spec', [['spec.restartpolicy', 'Never']], 'spec.restartpolicy'],
  ['an unknown field of a container', [[`${C}.imagePullSecret`, 'x']], 'spec.containers[0].imagePullSecret'],
  ['an unknown field of resources', [[`${C}.resources`, { request: {} }]], 'spec.containers[0].resources.request'],
  ['an unknown field of a volume', vol({ emptydir: {}, emptyDir: {} }), 'spec.volumes[0].emptydir'],
  ['an unknown field of a mount', mount({ mountpath: '/w' }), 'spec.containers[0].volumeMounts[0].mountpath'],
  ['an unknown field of a variable', env({ name: 'A', values: 'x' }), 'spec.containers[0].env[0].values'],
  [
    'an unknown field of a toleration',
    tol({ key: 'a', operator: 'Exists', effects: 'NoExecute' }),
    'spec.tolerations[0].effects',
  ],
  ['an unknown field of affinity', [['spec.affinity', { node: {} }]], 'spec.affinity.node'],
  [
    'an unknown field of a probe',
    [[`${C}.livenessProbe`, { exec: { command: ['x'] }, period: 1 }]],
    'spec.containers[0].livenessProbe.period',
  ],
  [
    'an unknown field of a security context',
    [[`${C}.securityContext`, { user: 1 }]],
    'spec.containers[0].securityContext.user',
  ],
  ['an unknown field of a port', port({ containerPort: 1, port: 2 }), 'spec.containers[0].ports[0].port'],
  ['snake case', [['spec.service_account_name', 'x']], 'spec.service_account_name'],
  ['the name of a prototype', [['spec.constructor', {}]], 'spec.constructor'],
  ['a number for text', [[`${C}.image`, 5]], 'spec.containers[0].image'],
  ['a number for a label', [['metadata.labels', { a: 1 }]], 'metadata.labels.a'],
  ['a truth for an annotation', [['metadata.annotations', { a: true }]], 'metadata.annotations.a'],
  ['a number for a variable', env({ name: 'A', value: 1 }), 'spec.containers[0].env[0].value'],
  ['a truth for a variable', env({ name: 'A', value: true }), 'spec.containers[0].env[0].value'],
  ['variables as an object', [[`${C}.env`, { A: 'x' }]], 'spec.containers[0].env'],
  ['a command as text', [[`${C}.command`, 'sh -c x']], 'spec.containers[0].command'],
  ['a number among arguments', [[`${C}.args`, ['a', 1]]], 'spec.containers[0].args[1]'],
  ['text for a truth', [['spec.hostNetwork', 'true']], 'spec.hostNetwork'],
  ['text for a number', [['spec.terminationGracePeriodSeconds', '30']], 'spec.terminationGracePeriodSeconds'],
  ['a fraction for an integer', [['spec.priority', 1.5]], 'spec.priority'],
  ['too large for 32 bits', [['spec.priority', 2 ** 31]], 'spec.priority'],
  ['a list for an object', [['spec.securityContext', []]], 'spec.securityContext'],
  ['a list for labels', [['metadata.labels', ['a=b']]], 'metadata.labels'],
  ['an object for a list', [['spec.tolerations', { key: 'a' }]], 'spec.tolerations'],
  ['text for a node selector', [['spec.nodeSelector', 'a=b']], 'spec.nodeSelector'],
  ['names for pull secrets', [['spec.imagePullSecrets', ['x']]], 'spec.imagePullSecrets[0]'],
  ['a time that is none', [['metadata.creationTimestamp', 'yesterday']], 'metadata.creationTimestamp'],
  ['a number for a quantity list', [[`${C}.resources`, { limits: 5 }]], 'spec.containers[0].resources.limits'],
  // choices
  ['an unknown restart policy', [['spec.restartPolicy', 'never']], 'spec.restartPolicy'],
  ['an unknown DNS policy', [['spec.dnsPolicy', 'Cluster']], 'spec.dnsPolicy'],
  ['an unknown pull policy', [[`${C}.imagePullPolicy`, 'ifNotPresent']], 'spec.containers[0].imagePullPolicy'],
  [
    'an unknown message policy',
    [[`${C}.terminationMessagePolicy`, 'Logs']],
    'spec.containers[0].terminationMessagePolicy',
  ],
  ['an unknown protocol', port({ containerPort: 1, protocol: 'tcp' }), 'spec.containers[0].ports[0].protocol'],
  ['an unknown effect', tol({ key: 'a', operator: 'Exists', effect: 'noSchedule' }), 'spec.tolerations[0].effect'],
  ['an unknown toleration operator', tol({ key: 'a', operator: 'In' }), 'spec.tolerations[0].operator'],
  ['an unknown preemption policy', [['spec.preemptionPolicy', 'Always']], 'spec.preemptionPolicy'],
  [
    'an unknown propagation',
    mount({ mountPropagation: 'Both' }),
    'spec.containers[0].volumeMounts[0].mountPropagation',
  ],
  ['an unknown host path type', vol({ hostPath: { path: '/x', type: 'Dir' } }), 'spec.volumes[0].hostPath.type'],
  [
    'an unknown seccomp type',
    [['spec.securityContext', { seccompProfile: { type: 'Default' } }]],
    'spec.securityContext.seccompProfile.type',
  ],
  [
    'an unknown scheme',
    [[`${C}.livenessProbe`, { httpGet: { port: 1, scheme: 'https' } }]],
    'spec.containers[0].livenessProbe.httpGet.scheme',
  ],
  [
    'an unknown spread reaction',
    spread({ whenUnsatisfiable: 'Never' }),
    'spec.topologySpreadConstraints[0].whenUnsatisfiable',
  ],
  ['an unknown system', [['spec.os', { name: 'darwin' }]], 'spec.os.name'],
  [
    'an unknown fsGroup policy',
    [['spec.securityContext', { fsGroup: 1, fsGroupChangePolicy: 'Never' }]],
    'spec.securityContext.fsGroupChangePolicy',
  ],
  // names
  ['capitals in the name', [['metadata.name', 'Task']], 'metadata.name'],
  ['an underscore in the name', [['metadata.name', 'my_task']], 'metadata.name'],
  ['a name that ends with a dash', [['metadata.name', 'task-']], 'metadata.name'],
  ['a name too long', [['metadata.name', 'x'.repeat(254)]], 'metadata.name'],
  ['a namespace with a dot', [['metadata.namespace', 'a.b']], 'metadata.namespace', 'us'],
  ['a label value with a blank', [['metadata.labels', { a: 'x y' }]], 'metadata.labels.a'],
  ['a label value too long', [['metadata.labels', { a: long(64) }]], 'metadata.labels.a'],
  ['a label value with a slash', [['metadata.labels', { a: 'x/y' }]], 'metadata.labels.a'],
  ['a label value that ends with a dash', [['metadata.labels', { a: 'x-' }]], 'metadata.labels.a'],
  ['a label key with a blank', [['metadata.labels', { 'a b': 'x' }]], 'metadata.labels["a b"]'],
  ['a label key with two slashes', [['metadata.labels', { 'a/b/c': 'x' }]], 'metadata.labels["a/b/c"]'],
  ['a label key with capitals in its prefix', [['metadata.labels', { 'A.b/c': 'x' }]], 'metadata.labels["A.b/c"]'],
  ['an empty label key', [['metadata.labels', { '': 'x' }]], 'metadata.labels[""]'],
  ['an annotation key with a blank', [['metadata.annotations', { 'a b': 'x' }]], 'metadata.annotations["a b"]'],
  ['an annotation key too long', [['metadata.annotations', { [long(64)]: 'x' }]], `metadata.annotations.${long(64)}`],
  ['annotations too large', [['metadata.annotations', { a: long(262145) }]], 'metadata.annotations'],
  ['a finalizer without sense', [['metadata.finalizers', ['a b']]], 'metadata.finalizers[0]'],
  [
    'an owner without uid',
    [['metadata.ownerReferences', [{ apiVersion: 'v1', kind: 'Pod', name: 'x' }]]],
    'metadata.ownerReferences[0].uid',
  ],
  ['a container without a name', [[`${C}.name`, D]], 'spec.containers[0].name'],
  ['a container with an empty name', [[`${C}.name`, '']], 'spec.containers[0].name'],
  ['capitals in a container name', [[`${C}.name`, 'Base']], 'spec.containers[0].name'],
  ['a dot in a container name', [[`${C}.name`, 'a.b']], 'spec.containers[0].name'],
  ['a container name too long', [[`${C}.name`, long(64)]], 'spec.containers[0].name'],
  ['two containers of a name', [['spec.containers.1', { name: 'base', image: 'x' }]], 'spec.containers[1].name'],
  [
    'an init container with the name of a container',
    [['spec.initContainers', [{ name: 'base', image: 'x' }]]],
    'spec.containers[0].name',
  ],
  ['no image', [[`${C}.image`, D]], 'spec.containers[0].image'],
  ['an empty image', [[`${C}.image`, '']], 'spec.containers[0].image'],
  ['an image with a blank before', [[`${C}.image`, ' x']], 'spec.containers[0].image'],
  ['an image with a blank within', [[`${C}.image`, 'x y']], 'spec.containers[0].image', 'us'],
  ['an image in capitals', [[`${C}.image`, 'Repo/Image:1']], 'spec.containers[0].image', 'us'],
  ['an image with two tags', [[`${C}.image`, 'a:b:c']], 'spec.containers[0].image', 'us'],
  ['an image with an empty tag', [[`${C}.image`, 'a:']], 'spec.containers[0].image', 'us'],
  ['an image with a scheme', [[`${C}.image`, 'https://r.io/x']], 'spec.containers[0].image', 'us'],
  ['an image with a short digest', [[`${C}.image`, 'a@sha256:12']], 'spec.containers[0].image', 'us'],
  ['an init container without an image', [['spec.initContainers', [{ name: 'i' }]]], 'spec.initContainers[0].image'],
  ['a service account with capitals', [['spec.serviceAccountName', 'Default']], 'spec.serviceAccountName'],
  ['a priority class with a blank', [['spec.priorityClassName', 'a b']], 'spec.priorityClassName'],
  ['a node name with an underscore', [['spec.nodeName', 'a_b']], 'spec.nodeName'],
  ['a host name with a dot', [['spec.hostname', 'a.b']], 'spec.hostname'],
  ['a subdomain with capitals', [['spec.subdomain', 'A']], 'spec.subdomain'],
  ['a runtime class with capitals', [['spec.runtimeClassName', 'G']], 'spec.runtimeClassName'],
  ['a gate without sense', [['spec.schedulingGates', [{ name: 'a b' }]]], 'spec.schedulingGates[0].name'],
  ['two gates of a name', [['spec.schedulingGates', [{ name: 'a' }, { name: 'a' }]]], 'spec.schedulingGates[1].name'],
  [
    'a readiness gate without sense',
    [['spec.readinessGates', [{ conditionType: 'a b' }]]],
    'spec.readinessGates[0].conditionType',
  ],
  // resources
  ['a quantity without sense', res({ cpu: 'much' }), 'spec.containers[0].resources.requests.cpu'],
  ['a quantity with a blank', res({ memory: '1 Gi' }), 'spec.containers[0].resources.requests.memory'],
  ['a quantity in GB', res({ memory: '1GB' }), 'spec.containers[0].resources.requests.memory'],
  ['a quantity in small letters', res({ memory: '1gi' }), 'spec.containers[0].resources.requests.memory'],
  ['an empty quantity', res({ memory: '' }), 'spec.containers[0].resources.requests.memory'],
  ['a negative request', res({ cpu: '-1' }), 'spec.containers[0].resources.requests.cpu'],
  ['a negative limit', res(D, { memory: -5 }), 'spec.containers[0].resources.limits.memory'],
  ['a request above its limit', res({ cpu: '2' }, { cpu: '500m' }), 'spec.containers[0].resources.requests.cpu'],
  ['memory above its limit', res({ memory: '1Gi' }, { memory: '1G' }), 'spec.containers[0].resources.requests.memory'],
  [
    'a GPU request without a limit',
    res({ 'nvidia.com/gpu': 1 }),
    'spec.containers[0].resources.requests["nvidia.com/gpu"]',
  ],
  [
    'GPUs that differ',
    res({ 'nvidia.com/gpu': 1 }, { 'nvidia.com/gpu': 2 }),
    'spec.containers[0].resources.requests["nvidia.com/gpu"]',
  ],
  ['half a GPU', res(D, { 'nvidia.com/gpu': '500m' }), 'spec.containers[0].resources.limits["nvidia.com/gpu"]'],
  ['a resource without a domain', res(D, { gpu: 1 }), 'spec.containers[0].resources.limits.gpu'],
  ['a resource that is misspelt', res({ mem: '1Gi' }), 'spec.containers[0].resources.requests.mem'],
  ['a resource with a wrong domain', res(D, { 'a b/c': 1 }), 'spec.containers[0].resources.limits["a b/c"]'],
  ['an object as a quantity', res({ cpu: {} }), 'spec.containers[0].resources.requests.cpu'],
  ['a truth as a quantity', res({ cpu: true }), 'spec.containers[0].resources.requests.cpu'],
  ['a claim that is not there', res(D, D, { claims: [{ name: 'x' }] }), 'spec.containers[0].resources.claims[0].name'],
  // environment
  ['a variable without a name', env({ value: 'x' }), 'spec.containers[0].env[0].name'],
  ['a variable with an empty name', env({ name: '', value: 'x' }), 'spec.containers[0].env[0].name'],
  ['a variable with = in its name', env({ name: 'A=B', value: 'x' }), 'spec.containers[0].env[0].name'],
  ['a variable with a letter beyond ASCII', env({ name: 'Ä', value: 'x' }), 'spec.containers[0].env[0].name'],
  [
    'two variables of a name',
    env({ name: 'A', value: 'x' }, { name: 'A', value: 'y' }),
    'spec.containers[0].env[1].name',
    'us',
  ],
  [
    'a value beside a source',
    env({ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }),
    'spec.containers[0].env[0].valueFrom',
  ],
  ['an empty source', env({ name: 'A', valueFrom: {} }), 'spec.containers[0].env[0].valueFrom'],
  [
    'two sources',
    env({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' }, secretKeyRef: { name: 's', key: 'k' } } }),
    'spec.containers[0].env[0].valueFrom',
  ],
  [
    'a secret without a key',
    env({ name: 'A', valueFrom: { secretKeyRef: { name: 's' } } }),
    'spec.containers[0].env[0].valueFrom.secretKeyRef.key',
  ],
  [
    'a secret with a wrong key',
    env({ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'a b' } } }),
    'spec.containers[0].env[0].valueFrom.secretKeyRef.key',
  ],
  [
    'a field that is not there',
    env({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.nam' } } }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath',
  ],
  [
    'a resource that no variable can take',
    env({ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.gpu' } } }),
    'spec.containers[0].env[0].valueFrom.resourceFieldRef.resource',
  ],
  ['an empty source of variables', [[`${C}.envFrom`, [{}]]], 'spec.containers[0].envFrom[0]'],
  [
    'two sources of variables in one',
    [[`${C}.envFrom`, [{ configMapRef: { name: 'c' }, secretRef: { name: 's' } }]]],
    'spec.containers[0].envFrom[0]',
  ],
  ['a source without a name', [[`${C}.envFrom`, [{ secretRef: {} }]]], 'spec.containers[0].envFrom[0].secretRef.name'],
  ['an argument too long', [[`${C}.args`, [long(131072)]]], 'spec.containers[0].args[0]', 'us'],
  ['a variable too long', env({ name: 'A', value: long(131072) }), 'spec.containers[0].env[0].value', 'us'],
  // volumes
  ['a volume without a name', [['spec.volumes', [{ emptyDir: {} }]]], 'spec.volumes[0].name'],
  ['a volume with capitals', [['spec.volumes', [{ name: 'V', emptyDir: {} }]]], 'spec.volumes[0].name'],
  [
    'two volumes of a name',
    [
      [
        'spec.volumes',
        [
          { name: 'v', emptyDir: {} },
          { name: 'v', emptyDir: {} },
        ],
      ],
    ],
    'spec.volumes[1].name',
  ],
  ['a volume with two sources', vol({ emptyDir: {}, secret: { secretName: 's' } }), 'spec.volumes[0]'],
  ['a secret volume without a name', vol({ secret: {} }), 'spec.volumes[0].secret.secretName'],
  ['a secret volume with `name`', vol({ secret: { name: 's', secretName: 's' } }), 'spec.volumes[0].secret.name'],
  ['a configMap volume without a name', vol({ configMap: {} }), 'spec.volumes[0].configMap.name'],
  ['a claim without a name', vol({ persistentVolumeClaim: {} }), 'spec.volumes[0].persistentVolumeClaim.claimName'],
  [
    'a claim with an empty name',
    vol({ persistentVolumeClaim: { claimName: '' } }),
    'spec.volumes[0].persistentVolumeClaim.claimName',
  ],
  ['a host path with ..', vol({ hostPath: { path: '/a/../b' } }), 'spec.volumes[0].hostPath.path'],
  ['a host path that is empty', vol({ hostPath: { path: '' } }), 'spec.volumes[0].hostPath.path'],
  ['an nfs path that is relative', vol({ nfs: { server: 's', path: 'p' } }), 'spec.volumes[0].nfs.path'],
  [
    'an item that leaves the volume',
    vol({ secret: { secretName: 's', items: [{ key: 'k', path: '../x' }] } }),
    'spec.volumes[0].secret.items[0].path',
  ],
  [
    'an item with an absolute path',
    vol({ configMap: { name: 's', items: [{ key: 'k', path: '/x' }] } }),
    'spec.volumes[0].configMap.items[0].path',
  ],
  [
    'an item without a path',
    vol({ configMap: { name: 's', items: [{ key: 'k' }] } }),
    'spec.volumes[0].configMap.items[0].path',
  ],
  ['a mode beyond 0777', vol({ secret: { secretName: 's', defaultMode: 644 } }), 'spec.volumes[0].secret.defaultMode'],
  [
    'a negative mode',
    vol({ secret: { secretName: 's', items: [{ key: 'k', path: 'p', mode: -1 }] } }),
    'spec.volumes[0].secret.items[0].mode',
  ],
  ['a size without sense', vol({ emptyDir: { sizeLimit: '1 GB' } }), 'spec.volumes[0].emptyDir.sizeLimit'],
  ['a negative size', vol({ emptyDir: { sizeLimit: '-1Gi' } }), 'spec.volumes[0].emptyDir.sizeLimit'],
  ['an unknown medium', vol({ emptyDir: { medium: 'Disk' } }), 'spec.volumes[0].emptyDir.medium', 'us'],
  [
    'a projection with two sources',
    vol({ projected: { sources: [{ secret: { name: 's' }, configMap: { name: 'c' } }] } }),
    'spec.volumes[0].projected.sources[0]',
  ],
  [
    'a projected secret without a name',
    vol({ projected: { sources: [{ secret: {} }] } }),
    'spec.volumes[0].projected.sources[0].secret.name',
  ],
  [
    'a token that lives too short',
    vol({ projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] } }),
    'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds',
  ],
  [
    'a mount without a volume',
    [[`${C}.volumeMounts`, [{ name: 'v', mountPath: '/v' }]]],
    'spec.containers[0].volumeMounts[0].name',
  ],
  [
    'a mount without a path',
    [...vol({ emptyDir: {} }), [`${C}.volumeMounts`, [{ name: 'v' }]]],
    'spec.containers[0].volumeMounts[0].mountPath',
  ],
  ['a mount with an empty path', mount({ mountPath: '' }), 'spec.containers[0].volumeMounts[0].mountPath'],
  [
    'two mounts at a path',
    [
      ...vol({ emptyDir: {} }),
      [
        `${C}.volumeMounts`,
        [
          { name: 'v', mountPath: '/v' },
          { name: 'v', mountPath: '/v' },
        ],
      ],
    ],
    'spec.containers[0].volumeMounts[1].mountPath',
  ],
  ['a sub-path that leaves', mount({ subPath: '../x' }), 'spec.containers[0].volumeMounts[0].subPath'],
  ['a sub-path that is absolute', mount({ subPath: '/x' }), 'spec.containers[0].volumeMounts[0].subPath'],
  ['two sub-paths', mount({ subPath: 'a', subPathExpr: 'b' }), 'spec.containers[0].volumeMounts[0].subPathExpr'],
  [
    'a mount of an init container without a volume',
    [['spec.initContainers', [{ name: 'i', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }]]],
    'spec.initContainers[0].volumeMounts[0].name',
  ],
  [
    'a device that is no claim',
    [...vol({ emptyDir: {} }), [`${C}.volumeDevices`, [{ name: 'v', devicePath: '/d' }]]],
    'spec.containers[0].volumeDevices[0].name',
  ],
  // ports, probes, hooks
  ['no port', port({ name: 'a' }), 'spec.containers[0].ports[0].containerPort'],
  ['port 0', port({ containerPort: 0 }), 'spec.containers[0].ports[0].containerPort'],
  ['port 70000', port({ containerPort: 70000 }), 'spec.containers[0].ports[0].containerPort'],
  ['a port as text', port({ containerPort: '80' }), 'spec.containers[0].ports[0].containerPort'],
  ['a host port too large', port({ containerPort: 80, hostPort: 65536 }), 'spec.containers[0].ports[0].hostPort'],
  [
    'a host port that differs on the host network',
    [['spec.hostNetwork', true], ...port({ containerPort: 80, hostPort: 81 })],
    'spec.containers[0].ports[0].hostPort',
  ],
  ['a port name too long', port({ containerPort: 80, name: 'a-very-long-name' }), 'spec.containers[0].ports[0].name'],
  ['a port name of digits', port({ containerPort: 80, name: '80' }), 'spec.containers[0].ports[0].name'],
  ['a port name in capitals', port({ containerPort: 80, name: 'HTTP' }), 'spec.containers[0].ports[0].name'],
  [
    'two ports of a name',
    port({ containerPort: 80, name: 'a' }, { containerPort: 81, name: 'a' }),
    'spec.containers[0].ports[1].name',
  ],
  ['a probe without a handler', [[`${C}.livenessProbe`, { periodSeconds: 1 }]], 'spec.containers[0].livenessProbe'],
  [
    'a probe with two handlers',
    [[`${C}.livenessProbe`, { exec: { command: ['x'] }, tcpSocket: { port: 1 } }]],
    'spec.containers[0].livenessProbe',
  ],
  [
    'a probe without a program',
    [[`${C}.livenessProbe`, { exec: { command: [] } }]],
    'spec.containers[0].livenessProbe.exec.command',
  ],
  [
    'a probe of port 0',
    [[`${C}.readinessProbe`, { tcpSocket: { port: 0 } }]],
    'spec.containers[0].readinessProbe.tcpSocket.port',
  ],
  [
    'a probe without a port',
    [[`${C}.readinessProbe`, { httpGet: { path: '/' } }]],
    'spec.containers[0].readinessProbe.httpGet.port',
  ],
  [
    'a probe with a negative delay',
    [[`${C}.readinessProbe`, { tcpSocket: { port: 1 }, initialDelaySeconds: -1 }]],
    'spec.containers[0].readinessProbe.initialDelaySeconds',
  ],
  [
    'a liveness probe with two successes',
    [[`${C}.livenessProbe`, { tcpSocket: { port: 1 }, successThreshold: 2 }]],
    'spec.containers[0].livenessProbe.successThreshold',
  ],
  [
    'a probe of an init container',
    [['spec.initContainers', [{ name: 'i', image: 'i', livenessProbe: { tcpSocket: { port: 1 } } }]]],
    'spec.initContainers[0].livenessProbe',
  ],
  [
    'a hook of an init container',
    [['spec.initContainers', [{ name: 'i', image: 'i', lifecycle: { preStop: { sleep: { seconds: 1 } } } }]]],
    'spec.initContainers[0].lifecycle',
  ],
  ['a hook without a handler', [[`${C}.lifecycle`, { preStop: {} }]], 'spec.containers[0].lifecycle.preStop'],
  // scheduling
  ['a node selector with a blank', [['spec.nodeSelector', { a: 'b c' }]], 'spec.nodeSelector.a'],
  ['a node selector with a wrong key', [['spec.nodeSelector', { 'a b': 'c' }]], 'spec.nodeSelector["a b"]'],
  ['a node selector with a truth', [['spec.nodeSelector', { gpu: true }]], 'spec.nodeSelector.gpu'],
  ['a toleration without key and operator', tol({ value: 'a' }), 'spec.tolerations[0].operator'],
  [
    'a toleration that exists with a value',
    tol({ key: 'a', operator: 'Exists', value: 'b' }),
    'spec.tolerations[0].value',
  ],
  ['a toleration with a wrong key', tol({ key: 'a b', operator: 'Exists' }), 'spec.tolerations[0].key'],
  ['a toleration with a wrong value', tol({ key: 'a', value: 'b c' }), 'spec.tolerations[0].value'],
  [
    'a toleration with seconds without NoExecute',
    tol({ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 }),
    'spec.tolerations[0].effect',
  ],
  [
    'no terms',
    [
      [
        'spec.affinity',
        { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      ],
    ],
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms',
  ],
  [
    'In without values',
    req({ key: 'a', operator: 'In' }),
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values',
  ],
  [
    'Exists with values',
    req({ key: 'a', operator: 'Exists', values: ['b'] }),
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values',
  ],
  [
    'Gt with two values',
    req({ key: 'a', operator: 'Gt', values: ['1', '2'] }),
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values',
  ],
  [
    'an unknown operator',
    req({ key: 'a', operator: 'Equals', values: ['1'] }),
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator',
  ],
  [
    'a wrong key of a requirement',
    req({ key: 'a b', operator: 'Exists' }),
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key',
  ],
  [
    'weight 0',
    [
      [
        'spec.affinity',
        {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 0, preference: { matchExpressions: [{ key: 'x', operator: 'Exists' }] } },
            ],
          },
        },
      ],
    ],
    'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight',
  ],
  [
    'weight 101',
    [
      [
        'spec.affinity',
        {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, podAffinityTerm: { topologyKey: 'a' } }],
          },
        },
      ],
    ],
    'spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight',
  ],
  [
    'no topology',
    podTerm({ topologyKey: '' }),
    'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey',
  ],
  [
    'a selector with a wrong operator',
    podTerm({ labelSelector: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] } }),
    'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].operator',
  ],
  [
    'a selector with a wrong value',
    podTerm({ labelSelector: { matchLabels: { a: 'b c' } } }),
    'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels.a',
  ],
  ['a skew of 0', spread({ maxSkew: 0 }), 'spec.topologySpreadConstraints[0].maxSkew'],
  ['a spread without topology', spread({ topologyKey: '' }), 'spec.topologySpreadConstraints[0].topologyKey'],
  [
    'domains without need',
    spread({ whenUnsatisfiable: 'ScheduleAnyway', minDomains: 1 }),
    'spec.topologySpreadConstraints[0].minDomains',
  ],
  ['domains below 1', spread({ minDomains: 0 }), 'spec.topologySpreadConstraints[0].minDomains'],
  [
    'two equal spreads',
    [
      [
        'spec.topologySpreadConstraints',
        [1, 2].map((maxSkew) => ({ maxSkew, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' })),
      ],
    ],
    'spec.topologySpreadConstraints[1]',
  ],
  // the rest of the spec
  ['a deadline of 0', [['spec.activeDeadlineSeconds', 0]], 'spec.activeDeadlineSeconds'],
  ['a deadline too large', [['spec.activeDeadlineSeconds', 2 ** 31]], 'spec.activeDeadlineSeconds'],
  ['a negative user', [['spec.securityContext', { runAsUser: -1 }]], 'spec.securityContext.runAsUser'],
  [
    'a negative user of a container',
    [[`${C}.securityContext`, { runAsUser: -1 }]],
    'spec.containers[0].securityContext.runAsUser',
  ],
  [
    'privileged without escalation',
    [[`${C}.securityContext`, { privileged: true, allowPrivilegeEscalation: false }]],
    'spec.containers[0].securityContext.allowPrivilegeEscalation',
  ],
  [
    'SYS_ADMIN without escalation',
    [[`${C}.securityContext`, { capabilities: { add: ['SYS_ADMIN'] }, allowPrivilegeEscalation: false }]],
    'spec.containers[0].securityContext.allowPrivilegeEscalation',
    'us',
  ],
  [
    'processes shared twice',
    [
      ['spec.hostPID', true],
      ['spec.shareProcessNamespace', true],
    ],
    'spec.shareProcessNamespace',
  ],
  ['no server for DNS', [['spec.dnsPolicy', 'None']], 'spec.dnsConfig.nameservers'],
  ['a server that is no address', [['spec.dnsConfig', { nameservers: ['a.b'] }]], 'spec.dnsConfig.nameservers[0]'],
  [
    'four servers',
    [['spec.dnsConfig', { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] }]],
    'spec.dnsConfig.nameservers',
  ],
  ['an alias without an address', [['spec.hostAliases', [{ ip: 'x', hostnames: ['a'] }]]], 'spec.hostAliases[0].ip'],
  [
    'an alias with a wrong name',
    [['spec.hostAliases', [{ ip: '1.1.1.1', hostnames: ['A_b'] }]]],
    'spec.hostAliases[0].hostnames[0]',
  ],
  [
    'ephemeral containers',
    [
      [
        'spec.ephemeralContainers',
        [{ name: 'e', image: 'e', terminationMessagePolicy: 'File', imagePullPolicy: 'Always' }],
      ],
    ],
    'spec.ephemeralContainers',
  ],
  [
    'too large',
    [
      [
        'spec.initContainers',
        Array.from({ length: 20 }, (_, index) => ({ name: `i${index}`, image: 'i', args: [long(100_000)] })),
      ],
    ],
    'pod',
    'us',
  ],
];

/** The pod of a row. */
export function podOf(changes) {
  const pod = base();
  for (const [path, value] of changes) {
    const names = path.split('.');
    const last = names.pop();
    let at = pod;
    for (const name of names) at = at[name];
    if (value === undefined) delete at[last];
    else at[last] = structuredClone(value);
  }
  return pod;
}
