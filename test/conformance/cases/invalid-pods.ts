import { pod } from '../objects.js';
import { type Scenario, scenario } from '../scenario.js';

type Json = Record<string, unknown>;

const base = { name: 'base', image: 'busybox:1.36' };
const one = (fields: Json): Json => ({ containers: [{ ...base, ...fields }] });
const probe = (fields: Json) => one({ livenessProbe: fields });
const volume = (fields: Json): Json => ({ volumes: [{ name: 'v', ...fields }] });
const env = (source: Json) => one({ env: [{ name: 'X', valueFrom: source }] });
const security = (fields: Json) => one({ securityContext: fields });
const nodeAffinity = (fields: Json) => ({ affinity: { nodeAffinity: fields } });
const term = (expression: Json) =>
  nodeAffinity({
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [expression] }] },
  });

/** What is wrong, by the name of its scenario. */
const SPECS: Readonly<Record<string, Json>> = {
  'containers null': { containers: null },
  'container without anything': { containers: [{}] },
  'container name too long': { containers: [{ name: 'a'.repeat(64), image: 'x' }] },
  'container name with a dot': { containers: [{ name: 'a.b', image: 'x' }] },
  'container names across init and main': { initContainers: [base], ...one({}) },
  'image with spaces around': one({ image: ' busybox ' }),
  'three faulty containers': { containers: [{ name: 'A' }, { name: 'b' }, { image: 'c' }] },
  'init container without an image': { initContainers: [{ name: 'i' }] },
  'init container with a probe': {
    initContainers: [{ name: 'i', image: 'x', readinessProbe: { exec: { command: ['x'] } } }],
  },
  'init container with a lifecycle': {
    initContainers: [{ name: 'i', image: 'x', lifecycle: { preStop: { exec: { command: ['x'] } } } }],
  },
  'init container with an odd restart policy': {
    initContainers: [{ name: 'i', image: 'x', restartPolicy: 'Sometimes' }],
  },
  'native sidecar': {
    initContainers: [{ name: 'i', image: 'x', restartPolicy: 'Always', startupProbe: { exec: { command: ['x'] } } }],
  },
  'main container with a restart policy': one({ restartPolicy: 'Always' }),
  'restart policy unknown': { restartPolicy: 'Maybe' },
  'restart policy empty': { restartPolicy: '' },
  'dns policy unknown': { dnsPolicy: 'Mine' },
  'dns policy None without servers': { dnsPolicy: 'None' },
  'dns config with a bad server': { dnsConfig: { nameservers: ['x'], searches: ['Bad_'] } },
  'dns config with too many servers': {
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] },
  },
  'pull policy unknown': one({ imagePullPolicy: 'Often' }),
  'message policy unknown': one({ terminationMessagePolicy: 'Elsewhere' }),
  'port zero': one({ ports: [{ containerPort: 0 }] }),
  'port too high': one({ ports: [{ containerPort: 70000 }] }),
  'port negative': one({ ports: [{ containerPort: -1 }] }),
  'port with a bad protocol': one({ ports: [{ containerPort: 80, protocol: 'ICMP' }] }),
  'port with a bad name': one({ ports: [{ containerPort: 80, name: 'Not_Good' }] }),
  'port with a name too long': one({ ports: [{ containerPort: 80, name: 'abcdefghijklmnop' }] }),
  'port name without a letter': one({ ports: [{ containerPort: 80, name: '123' }] }),
  'port names twice': one({
    ports: [
      { containerPort: 80, name: 'a' },
      { containerPort: 81, name: 'a' },
    ],
  }),
  'ports twice': one({ ports: [{ containerPort: 80 }, { containerPort: 80 }] }),
  'host ports twice': one({
    ports: [
      { containerPort: 80, hostPort: 80 },
      { containerPort: 81, hostPort: 80 },
    ],
  }),
  'host network with another host port': {
    hostNetwork: true,
    ...one({ ports: [{ containerPort: 80, hostPort: 81 }] }),
  },
  'host network': { hostNetwork: true, ...one({ ports: [{ containerPort: 80 }] }) },
  'host IP bad': one({ ports: [{ containerPort: 80, hostIP: 'x' }] }),
  'env name with equals sign': one({ env: [{ name: 'a=b', value: 'x' }] }),
  'env name with spaces': one({ env: [{ name: 'a b', value: 'x' }] }),
  'env names twice warn': one({
    env: [
      { name: 'A', value: 'x' },
      { name: 'A', value: 'y' },
    ],
  }),
  'env from two sources': env({ fieldRef: { fieldPath: 'metadata.name' }, secretKeyRef: { name: 's', key: 'k' } }),
  'env from nothing': env({}),
  'env from a field without a path': env({ fieldRef: {} }),
  'env from all labels': env({ fieldRef: { fieldPath: 'metadata.labels' } }),
  'env from one label': env({ fieldRef: { fieldPath: "metadata.labels['a']" } }),
  'env from a bad label': env({ fieldRef: { fieldPath: "metadata.labels['a b']" } }),
  'env from a subscript that is none': env({ fieldRef: { fieldPath: "metadata.name['a']" } }),
  'env from a field of another version': env({ fieldRef: { apiVersion: 'v2', fieldPath: 'metadata.name' } }),
  'env from an unknown resource': env({ resourceFieldRef: { resource: 'limits.gizmo' } }),
  'env from a resource': env({ resourceFieldRef: { resource: 'limits.cpu' } }),
  'env from a resource with a bad divisor': env({ resourceFieldRef: { resource: 'limits.cpu', divisor: '3' } }),
  'env from a secret without a key': env({ secretKeyRef: { name: 's' } }),
  'env from a secret without a name': env({ secretKeyRef: { key: 'k' } }),
  'env from a config map with a bad key': env({ configMapKeyRef: { name: 's', key: 'a b' } }),
  'envFrom nothing': one({ envFrom: [{}] }),
  'envFrom two': one({ envFrom: [{ configMapRef: { name: 'a' }, secretRef: { name: 'b' } }] }),
  'envFrom without a name': one({ envFrom: [{ configMapRef: {} }] }),
  'envFrom with a bad prefix': one({ envFrom: [{ prefix: 'a=b', configMapRef: { name: 'a' } }] }),
  'mount without a path': { ...volume({ emptyDir: {} }), ...one({ volumeMounts: [{ name: 'v' }] }) },
  'mount with a colon': { ...volume({ emptyDir: {} }), ...one({ volumeMounts: [{ name: 'v', mountPath: '/a:b' }] }) },
  'mount without a name': one({ volumeMounts: [{ mountPath: '/a' }] }),
  'mount with an absolute sub path': {
    ...volume({ emptyDir: {} }),
    ...one({ volumeMounts: [{ name: 'v', mountPath: '/a', subPath: '/b' }] }),
  },
  'mount with dots in its sub path': {
    ...volume({ emptyDir: {} }),
    ...one({ volumeMounts: [{ name: 'v', mountPath: '/a', subPath: '../b' }] }),
  },
  'mount with two sub paths': {
    ...volume({ emptyDir: {} }),
    ...one({ volumeMounts: [{ name: 'v', mountPath: '/a', subPath: 'b', subPathExpr: '$(X)' }] }),
  },
  'mount with a bad propagation': {
    ...volume({ emptyDir: {} }),
    ...one({ volumeMounts: [{ name: 'v', mountPath: '/a', mountPropagation: 'X' }] }),
  },
  'mount both ways without privilege': {
    ...volume({ emptyDir: {} }),
    ...one({ volumeMounts: [{ name: 'v', mountPath: '/a', mountPropagation: 'Bidirectional' }] }),
  },
  'device and mount of one path': one({ volumeDevices: [{ name: 'v', devicePath: '/a' }] }),
  'volume without a name': { volumes: [{ emptyDir: {} }] },
  'volume with a bad name': { volumes: [{ name: 'A_b', emptyDir: {} }] },
  'volumes twice': {
    volumes: [
      { name: 'v', emptyDir: {} },
      { name: 'v', emptyDir: {} },
    ],
  },
  'volume of three kinds': volume({ emptyDir: {}, hostPath: { path: '/x' }, secret: { secretName: 's' } }),
  'config map volume without a name': volume({ configMap: {} }),
  'config map volume with bad items': volume({
    configMap: {
      name: 'c',
      items: [
        { key: '', path: '' },
        { key: 'a', path: '/x' },
        { key: 'a', path: '../x' },
      ],
    },
  }),
  'config map volume with a bad mode': volume({ configMap: { name: 'c', defaultMode: 4096 } }),
  'secret volume without a name': volume({ secret: {} }),
  'host path without a path': volume({ hostPath: {} }),
  'host path with dots': volume({ hostPath: { path: '/a/../b' } }),
  'host path with a bad type': volume({ hostPath: { path: '/a', type: 'Thing' } }),
  'empty dir with a negative limit': volume({ emptyDir: { sizeLimit: '-1' } }),
  'empty dir in memory': volume({ emptyDir: { medium: 'Memory', sizeLimit: '1024Mi' } }),
  'claim without a name': volume({ persistentVolumeClaim: {} }),
  'downward volume': volume({
    downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
  }),
  'downward volume of nothing': volume({ downwardAPI: { items: [{ path: 'x' }] } }),
  'downward volume of a wrong field': volume({
    downwardAPI: { items: [{ path: 'x', fieldRef: { fieldPath: 'status.podIP' } }] },
  }),
  'projected volume': volume({
    projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { configMap: { name: 'c' } }] },
  }),
  'projected volume of nothing': volume({ projected: { sources: [{}] } }),
  'projected volume with a short token': volume({
    projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 5 } }] },
  }),
  'projected volume with paths twice': volume({
    projected: {
      sources: [
        { secret: { name: 'a', items: [{ key: 'x', path: 'y' }] } },
        { configMap: { name: 'c', items: [{ key: 'x', path: 'y' }] } },
      ],
    },
  }),
  'nfs volume without anything': volume({ nfs: {} }),
  'limit of an unknown resource': one({ resources: { limits: { gizmo: '1' } } }),
  'limit of an extended resource': one({ resources: { limits: { 'example.com/gpu': '1' } } }),
  'fraction of an extended resource': one({ resources: { limits: { 'example.com/gpu': '0.5' } } }),
  'request of an extended resource without a limit': one({ resources: { requests: { 'example.com/gpu': '1' } } }),
  'request unlike the limit of an extended resource': one({
    resources: { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '2' } },
  }),
  'huge pages alone': one({ resources: { limits: { 'hugepages-2Mi': '2Mi' } } }),
  'resource with a bad name': one({ resources: { limits: { 'a b': '1' } } }),
  'request of cpu in thousandths of thousandths': one({ resources: { requests: { cpu: '1u' } } }),
  'memory in milli': one({ resources: { requests: { memory: '100m' } } }),
  'requests above limits twice': one({
    resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '2', memory: '2Gi' } },
  }),
  'negative limits': one({ resources: { limits: { cpu: '-1', memory: '-1Gi' } } }),
  'ephemeral storage': one({
    resources: { limits: { 'ephemeral-storage': '1Gi' }, requests: { 'ephemeral-storage': '1Mi' } },
  }),
  'resize policy': one({ resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] }),
  'resize policy bad': one({ resizePolicy: [{ resourceName: 'gpu', restartPolicy: 'Maybe' }] }),
  'probe of nothing': probe({}),
  'probe of two': probe({ exec: { command: ['x'] }, tcpSocket: { port: 80 } }),
  'probe with negative times': probe({
    exec: { command: ['x'] },
    initialDelaySeconds: -1,
    timeoutSeconds: -1,
    periodSeconds: -1,
    failureThreshold: -1,
    successThreshold: -1,
  }),
  'probe that must succeed twice': probe({ exec: { command: ['x'] }, successThreshold: 2 }),
  'probe without a command': probe({ exec: {} }),
  'probe by http without a port': probe({ httpGet: {} }),
  'probe by http with a port that is too high': probe({ httpGet: { port: 70000 } }),
  'probe by http with a bad scheme': probe({ httpGet: { port: 80, scheme: 'FTP' } }),
  'probe by http with a bad header': probe({ httpGet: { port: 80, httpHeaders: [{ name: 'a b', value: 'x' }] } }),
  'probe by a named port': probe({ tcpSocket: { port: 'web' } }),
  'probe by grpc': probe({ grpc: { port: 80 } }),
  'readiness probe with a grace period': one({
    readinessProbe: { exec: { command: ['x'] }, terminationGracePeriodSeconds: 5 },
  }),
  'lifecycle of nothing': one({ lifecycle: { preStop: {} } }),
  'lifecycle that sleeps': one({ lifecycle: { preStop: { sleep: { seconds: 5 } } } }),
  'lifecycle that sleeps too long': one({ lifecycle: { preStop: { sleep: { seconds: 500 } } } }),
  'run as a negative user': security({ runAsUser: -1, runAsGroup: -1 }),
  'run as a user that is too high': { securityContext: { runAsUser: 2147483648, fsGroup: -5 } },
  'privileged without escalation': security({ privileged: true, allowPrivilegeEscalation: false }),
  capabilities: security({ capabilities: { add: ['SYS_ADMIN'] }, allowPrivilegeEscalation: false }),
  'seccomp profile without a type': security({ seccompProfile: {} }),
  'seccomp profile unknown': security({ seccompProfile: { type: 'Mine' } }),
  'seccomp profile local without a path': security({ seccompProfile: { type: 'Localhost' } }),
  'proc mount unknown': security({ procMount: 'Odd' }),
  'sysctl bad': {
    securityContext: {
      sysctls: [
        { name: 'a b', value: 'x' },
        { name: 'kernel.shm', value: '1' },
        { name: 'kernel.shm', value: '1' },
      ],
    },
  },
  'fsGroup policy bad': { securityContext: { fsGroupChangePolicy: 'Odd' } },
  'toleration of all with a key missing': { tolerations: [{ operator: 'Equal' }] },
  'toleration with seconds for another effect': {
    tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 5 }],
  },
  'toleration that exists with a value': { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] },
  'toleration with a bad key': { tolerations: [{ key: 'a b', operator: 'Exists' }] },
  'toleration with a bad value': { tolerations: [{ key: 'a', operator: 'Equal', value: 'a b' }] },
  'node selector bad': { nodeSelector: { 'a b': 'c d' } },
  'node name bad': { nodeName: 'Bad_Name' },
  'node name given': { nodeName: 'somewhere' },
  'hostname bad': { hostname: 'a.b', subdomain: 'A' },
  'host alias bad': { hostAliases: [{ ip: 'x', hostnames: ['A_b'] }] },
  'deadline negative': { activeDeadlineSeconds: -1 },
  'deadline too long': { activeDeadlineSeconds: 2147483648 },
  'grace negative': { terminationGracePeriodSeconds: -5 },
  'grace zero': { terminationGracePeriodSeconds: 0 },
  'scheduler name bad': { schedulerName: 'Bad_Name' },
  'service account bad': { serviceAccountName: 'Bad_Name' },
  'priority given': { priority: 5 },
  'priority zero': { priority: 0 },
  'preemption policy given': { preemptionPolicy: 'Never' },
  'preemption policy bad': { preemptionPolicy: 'Odd' },
  'runtime class bad': { runtimeClassName: 'Bad_Name' },
  'runtime class missing': { runtimeClassName: 'none-such' },
  'overhead without a class': { overhead: { cpu: '1' } },
  'readiness gate bad': { readinessGates: [{ conditionType: 'a b' }] },
  'readiness gates': { readinessGates: [{ conditionType: 'example.com/ready' }] },
  'scheduling gate bad': { schedulingGates: [{ name: 'a b' }, { name: 'a' }, { name: 'a' }] },
  'scheduling gate with a node': { schedulingGates: [{ name: 'a' }], nodeName: 'n' },
  'pull secret without a name': { imagePullSecrets: [{}] },
  'pull secrets twice': { imagePullSecrets: [{ name: 'a' }, { name: 'a' }] },
  'os unknown': { os: { name: 'beos' } },
  'os windows with linux fields': { os: { name: 'windows' }, hostPID: true, securityContext: { runAsUser: 1 } },
  'host users and host network': { hostUsers: false, hostNetwork: true },
  'share the process namespace': { shareProcessNamespace: true, hostPID: true },
  'set hostname as FQDN': { setHostnameAsFQDN: true, enableServiceLinks: false },
  'affinity to nodes': term({ key: 'a', operator: 'In', values: ['b'] }),
  'affinity without terms': nodeAffinity({ requiredDuringSchedulingIgnoredDuringExecution: {} }),
  'affinity with an unknown operator': term({ key: 'a', operator: 'Like', values: ['b'] }),
  'affinity in nothing': term({ key: 'a', operator: 'In' }),
  'affinity exists with values': term({ key: 'a', operator: 'Exists', values: ['b'] }),
  'affinity greater than two': term({ key: 'a', operator: 'Gt', values: ['1', '2'] }),
  'affinity with a bad key': term({ key: 'a b', operator: 'Exists' }),
  'preferred affinity with a bad weight': nodeAffinity({
    preferredDuringSchedulingIgnoredDuringExecution: [
      { weight: 0, preference: {} },
      { weight: 101, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
    ],
  }),
  'pod affinity without a topology': {
    affinity: {
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { a: 'b' } } }] },
    },
  },
  'pod anti-affinity': {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { a: 'b' } }, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    },
  },
  'topology spread': {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { a: 'b' } },
      },
    ],
  },
  'topology spread bad': { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Odd' }] },
  'ephemeral containers on create': { ephemeralContainers: [{ name: 'e', image: 'x' }] },
};

const invalid = (name: string, metadata: Json): Scenario =>
  scenario(`pod with ${name}`, (c) => c.post(c.pods, pod('p', {}, metadata)).then(() => {}));

/** Pods with one thing odd in each, good or bad. */
export const invalidPods: readonly Scenario[] = [
  ...Object.entries(SPECS).map(([name, spec]) =>
    scenario(`pod with ${name}`, (c) => c.post(c.pods, pod('p', spec)).then(() => {})),
  ),
  invalid('a name that ends in a dash', { name: 'a-' }),
  invalid('an empty name', { name: '' }),
  invalid('a name with a slash', { name: 'a/b' }),
  invalid('a name that is a dot', { name: '.' }),
  invalid('another namespace', { namespace: 'elsewhere' }),
  invalid('a label key with two slashes', { labels: { 'a/b/c': 'x' } }),
  invalid('a label key with a bad prefix', { labels: { 'A_/b': 'x' } }),
  invalid('an empty label key', { labels: { '': 'x' } }),
  invalid('a label key that is too long', { labels: { ['a'.repeat(64)]: 'x' } }),
  invalid('a label key without a name', { labels: { 'a.b/': 'x' } }),
  invalid('a bad annotation prefix', { annotations: { 'A_/b': 'x' } }),
  invalid('an annotation in capitals', { annotations: { 'Example.com/Key': 'x' } }),
  invalid('a finalizer that is malformed', { finalizers: ['a b/c d'] }),
  invalid('finalizers twice', { finalizers: ['a.b/c', 'a.b/c'] }),
  invalid('two controllers', {
    ownerReferences: ['a', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'Pod', name, uid: name, controller: true })),
  }),
  invalid('an owner that is an Event', { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'e', uid: 'u' }] }),
  invalid('owners twice', {
    ownerReferences: ['a', 'a'].map((name) => ({ apiVersion: 'v1', kind: 'Pod', name, uid: name })),
  }),
  invalid('an owner without a group version', {
    ownerReferences: [{ apiVersion: 'a/b/c', kind: 'Pod', name: 'e', uid: 'u' }],
  }),
  invalid('a resource version', { resourceVersion: '5' }),
  invalid('a resource version that is no number', { resourceVersion: 'x' }),
  invalid('managed fields', {
    managedFields: [
      { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:metadata': {} } },
    ],
  }),
  invalid('bad managed fields', { managedFields: [{ manager: 'm', operation: 'Odd', fieldsType: 'X' }] }),
  invalid('metadata everywhere', {
    labels: { a: 'b' },
    annotations: { c: 'd' },
    finalizers: ['a.b/c'],
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' }],
  }),
];
