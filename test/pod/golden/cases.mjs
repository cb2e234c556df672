// Pairs of a pod and a strategic merge patch: written by hand for each rule, and generated at random from a seed.

const pod = (spec, metadata = { name: 'p' }) => ({ metadata, spec });
const base = () =>
  pod(
    {
      serviceAccountName: 'worker',
      nodeSelector: { zone: 'a', disk: 'ssd' },
      tolerations: [{ key: 'a', operator: 'Exists' }],
      securityContext: { runAsUser: 50000, fsGroup: 50000, supplementalGroups: [1, 2] },
      imagePullSecrets: [{ name: 'one' }, { name: 'two' }],
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['a'] }],
      topologySpreadConstraints: [
        { topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' },
        { topologyKey: 'host', maxSkew: 2, whenUnsatisfiable: 'ScheduleAnyway' },
      ],
      containers: [
        {
          name: 'base',
          image: 'app:1',
          args: ['a', 'b'],
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
            { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
          ],
          envFrom: [{ secretRef: { name: 'whole' } }],
          ports: [
            { containerPort: 80, protocol: 'TCP', name: 'web' },
            { containerPort: 53, protocol: 'UDP', name: 'dns' },
            { containerPort: 53, protocol: 'TCP', name: 'dns-tcp' },
          ],
          resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } },
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'logs', mountPath: '/logs' },
          ],
        },
        { name: 'proxy', image: 'proxy:1' },
      ],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'logs', persistentVolumeClaim: { claimName: 'logs' } },
      ],
    },
    { name: 'p', labels: { app: 'worker', team: 'x' }, annotations: { note: 'n' }, finalizers: ['a.io/a', 'a.io/b'] },
  );
const inBase = (fields) => ({ spec: { containers: [{ name: 'base', ...fields }] } });

/** One case for each rule of the patch. */
export function writtenCases() {
  const patches = {
    'labels are a union': { metadata: { labels: { team: 'y', more: 'z' } } },
    'null deletes a label': { metadata: { labels: { team: null } } },
    'null deletes a map': { spec: { nodeSelector: null } },
    'null deletes a list': { spec: { tolerations: null } },
    'null for what is not there': { spec: { affinity: null, nodeSelector: { none: null } } },
    'an empty map changes nothing': { spec: { nodeSelector: {} } },
    'an empty list replaces one without a key': { spec: { tolerations: [] } },
    'an empty list leaves one with a key': { spec: { containers: [], imagePullSecrets: [] } },
    'false, 0 and empty text override': {
      spec: {
        hostNetwork: false,
        terminationGracePeriodSeconds: 0,
        serviceAccountName: '',
        securityContext: { runAsUser: 0 },
      },
    },
    'tolerations are replaced': { spec: { tolerations: [{ key: 'b' }] } },
    'args are replaced': inBase({ args: ['c'] }),
    'envFrom is replaced': inBase({ envFrom: [{ configMapRef: { name: 'cm' } }] }),
    'scalars in a security context are replaced as a list': { spec: { securityContext: { supplementalGroups: [3] } } },
    'env merges by name': inBase({
      env: [
        { name: 'B', value: '3' },
        { name: 'D', value: '4' },
      ],
    }),
    'env of another order': inBase({
      env: [
        { name: 'C', value: 'c' },
        { name: 'A', value: 'a' },
      ],
    }),
    'env value and valueFrom stand together': inBase({ env: [{ name: 'C', value: 'x' }] }),
    'env with its source deleted': inBase({ env: [{ name: 'C', value: 'x', valueFrom: null }] }),
    'env replaced in one item': inBase({ env: [{ name: 'C', value: 'x', $patch: 'replace' }] }),
    'env deleted': inBase({ env: [{ name: 'B', $patch: 'delete' }] }),
    'env deleted that is not there': inBase({ env: [{ name: 'Z', $patch: 'delete' }] }),
    'env replaced as a whole': inBase({ env: [{ $patch: 'replace' }, { name: 'Z', value: '1' }] }),
    'env replaced by nothing': inBase({ env: [{ $patch: 'replace' }] }),
    'env deleted and added': inBase({
      env: [
        { name: 'A', $patch: 'delete' },
        { name: 'Z', value: '1' },
      ],
    }),
    'the same name twice in a patch': inBase({
      env: [
        { name: 'Z', value: '1' },
        { name: 'Z', value: '2' },
      ],
    }),
    'env without a name': inBase({ env: [{ value: '1' }] }),
    'env with an unknown directive': inBase({ env: [{ name: 'A', $patch: 'remove' }] }),
    'env with the merge directive': inBase({ env: [{ name: 'A', value: 'z', $patch: 'merge' }] }),
    'a map with the merge directive': { spec: { nodeSelector: { $patch: 'merge', x: 'y' } } },
    'a map replaced': { spec: { nodeSelector: { $patch: 'replace', x: 'y' } } },
    'a map deleted': { spec: { nodeSelector: { $patch: 'delete' } } },
    'a map deleted with fields beside': { spec: { nodeSelector: { $patch: 'delete', x: 'y' } } },
    'a map with an unknown directive': { spec: { nodeSelector: { $patch: 'drop' } } },
    'a directive on a map that is not there': { spec: { affinity: { $patch: 'replace', nodeAffinity: {} } } },
    'a directive below a map that is not there': {
      spec: { affinity: { nodeAffinity: { $patch: 'delete' }, podAffinity: {} } },
    },
    'nested directives below a replaced map': {
      spec: {
        securityContext: { $patch: 'replace', seLinuxOptions: { $patch: 'replace', user: 'u' }, runAsUser: null },
      },
    },
    'a container replaced': { spec: { containers: [{ name: 'base', image: 'new', $patch: 'replace' }] } },
    'a container deleted': { spec: { containers: [{ name: 'proxy', $patch: 'delete' }] } },
    'a container added stands before the others': { spec: { containers: [{ name: 'side', image: 's' }] } },
    'containers in another order': { spec: { containers: [{ name: 'proxy' }, { name: 'base', image: 'b' }] } },
    'all containers replaced': { spec: { containers: [{ $patch: 'replace' }, { name: 'only', image: 'o' }] } },
    'init containers where there are none': {
      spec: {
        initContainers: [
          {
            name: 'i',
            image: 'i',
            env: [
              { name: 'A', $patch: 'delete' },
              { name: 'B', value: null },
            ],
          },
        ],
      },
    },
    'a new container with directives inside': {
      spec: {
        containers: [
          { name: 'n', env: [{ name: 'A', $patch: 'delete' }], resources: { $patch: 'replace', limits: { cpu: '1' } } },
        ],
      },
    },
    'ports merge by container port alone': inBase({ ports: [{ containerPort: 53, name: 'x' }] }),
    'ports of two protocols': inBase({ ports: [{ containerPort: 53, protocol: 'TCP', name: 'y' }] }),
    'ports of two protocols, both given': inBase({
      ports: [
        { containerPort: 53, protocol: 'UDP', hostPort: 1 },
        { containerPort: 53, protocol: 'TCP', hostPort: 2 },
      ],
    }),
    'both new ports of one number': inBase({
      ports: [
        { containerPort: 99, protocol: 'UDP' },
        { containerPort: 99, protocol: 'TCP' },
      ],
    }),
    'a port deleted takes both protocols': inBase({ ports: [{ containerPort: 53, $patch: 'delete' }] }),
    'a port without its number': inBase({ ports: [{ name: 'x' }] }),
    'mounts merge by path': inBase({
      volumeMounts: [
        { name: 'other', mountPath: '/data' },
        { name: 'data', mountPath: '/d2' },
      ],
    }),
    'a mount without a path': inBase({ volumeMounts: [{ name: 'data' }] }),
    'a volume gains a second source': { spec: { volumes: [{ name: 'data', hostPath: { path: '/x' } }] } },
    'a volume changes its source': { spec: { volumes: [{ name: 'data', hostPath: { path: '/x' }, emptyDir: null }] } },
    'a volume keeps only listed keys': {
      spec: { volumes: [{ name: 'data', hostPath: { path: '/x' }, $retainKeys: ['name', 'hostPath'] }] },
    },
    'retained keys that the patch does not list': {
      spec: { volumes: [{ name: 'data', hostPath: { path: '/x' }, $retainKeys: ['name'] }] },
    },
    'retained keys that are no list': { spec: { volumes: [{ name: 'data', $retainKeys: 'name' }] } },
    'retained keys in a map': {
      spec: { securityContext: { $retainKeys: ['runAsUser', 'runAsGroup'], runAsGroup: 1 } },
    },
    'retained keys of a new volume': {
      spec: { volumes: [{ name: 'new', emptyDir: {}, $retainKeys: ['name', 'emptyDir'] }] },
    },
    'finalizers are a set': { metadata: { finalizers: ['a.io/c', 'a.io/a'] } },
    'finalizers taken out': { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.io/a', 'a.io/z'] } },
    'finalizers all taken out': { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.io/a', 'a.io/b'] } },
    'finalizers ordered': {
      metadata: { finalizers: ['a.io/c'], '$setElementOrder/finalizers': ['a.io/b', 'a.io/c', 'a.io/a'] },
    },
    'finalizers ordered in part': { metadata: { '$setElementOrder/finalizers': ['a.io/b'] } },
    'args taken out of a list that does not merge': inBase({ '$deleteFromPrimitiveList/args': ['a'] }),
    'taken out of a list that is not there': inBase({ '$deleteFromPrimitiveList/command': ['a'] }),
    'containers ordered': { spec: { '$setElementOrder/containers': [{ name: 'proxy' }, { name: 'base' }] } },
    'containers ordered with a change': {
      spec: {
        '$setElementOrder/containers': [{ name: 'proxy' }, { name: 'base' }],
        containers: [{ name: 'base', image: 'z' }],
      },
    },
    'containers ordered with a new one': {
      spec: {
        '$setElementOrder/containers': [{ name: 'base' }, { name: 'new' }, { name: 'proxy' }],
        containers: [{ name: 'new', image: 'z' }],
      },
    },
    'containers ordered in part': { spec: { '$setElementOrder/containers': [{ name: 'proxy' }] } },
    'an order that does not fit the list': {
      spec: { '$setElementOrder/containers': [{ name: 'base' }], containers: [{ name: 'new' }] },
    },
    'an order for a list that is new': {
      spec: {
        '$setElementOrder/initContainers': [{ name: 'b' }, { name: 'a' }],
        initContainers: [{ name: 'b' }, { name: 'a' }],
      },
    },
    'an order for what is not there': { spec: { '$setElementOrder/initContainers': [{ name: 'b' }] } },
    'an order that is no list': { spec: { '$setElementOrder/containers': 'base' } },
    'env ordered with deletes': inBase({
      '$setElementOrder/env': [{ name: 'C' }, { name: 'A' }],
      env: [{ name: 'B', $patch: 'delete' }],
    }),
    'env in an empty order': inBase({ '$setElementOrder/env': [], env: [{ name: 'A', value: 'z' }] }),
    'requests merge by resource': inBase({ resources: { requests: { memory: '4Gi' } } }),
    'limits gain a GPU': inBase({ resources: { limits: { 'nvidia.com/gpu': '1' } } }),
    'resources replaced': inBase({ resources: { $patch: 'replace', limits: { cpu: '3' } } }),
    'a claim list is replaced': inBase({ resources: { claims: [{ name: 'x' }] } }),
    'a topology constraint merges by its key': {
      spec: { topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway' }] },
    },
    'a topology constraint deleted': {
      spec: { topologySpreadConstraints: [{ topologyKey: 'zone', $patch: 'delete' }] },
    },
    'a host alias merges by address': {
      spec: {
        hostAliases: [
          { ip: '10.0.0.1', hostnames: ['b'] },
          { ip: '10.0.0.2', hostnames: ['c'] },
        ],
      },
    },
    'pull secrets merge by name': { spec: { imagePullSecrets: [{ name: 'two' }, { name: 'three' }] } },
    'scheduling gates added': { spec: { schedulingGates: [{ name: 'x.io/g' }] } },
    'owner references merge by uid': {
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' }] },
    },
    'a map where a list was': { spec: { tolerations: { key: 'x' } } },
    'a list where a map was': { spec: { nodeSelector: ['x'] } },
    'text where a map was': { spec: { nodeSelector: 'x' } },
    'a list of texts where maps merge': { spec: { containers: ['x'] } },
    'an affinity merges as maps': {
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }],
            },
          },
        },
      },
    },
    'a probe merges as a map': inBase({ livenessProbe: { httpGet: { path: '/x', port: 80 }, periodSeconds: 1 } }),
    'an empty patch': {},
  };
  const affinity = {
    spec: {
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'a' } }],
        },
      },
    },
  };
  const more = [
    {
      name: 'preferred terms are replaced',
      target: pod({ containers: [], affinity: affinity.spec.affinity }),
      patch: {
        spec: {
          affinity: {
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 2, podAffinityTerm: { topologyKey: 'b' } }],
            },
          },
        },
      },
    },
    {
      name: 'projected sources are replaced',
      target: pod({
        containers: [],
        volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 'a' } }], defaultMode: 420 } }],
      }),
      patch: { spec: { volumes: [{ name: 'v', projected: { sources: [{ configMap: { name: 'b' } }] } }] } },
    },
    {
      name: 'secret items are replaced',
      target: pod({
        containers: [],
        volumes: [{ name: 'v', secret: { secretName: 's', items: [{ key: 'a', path: 'a' }] } }],
      }),
      patch: { spec: { volumes: [{ name: 'v', secret: { items: [{ key: 'b', path: 'b' }] } }] } },
    },
    {
      name: 'capabilities are replaced',
      target: pod({ containers: [{ name: 'c', securityContext: { capabilities: { add: ['A'], drop: ['ALL'] } } }] }),
      patch: { spec: { containers: [{ name: 'c', securityContext: { capabilities: { add: ['B'] } } }] } },
    },
    {
      name: 'dns options are replaced',
      target: pod({ containers: [], dnsConfig: { options: [{ name: 'a' }], searches: ['x'] } }),
      patch: { spec: { dnsConfig: { options: [{ name: 'b' }] } } },
    },
    {
      name: 'server-only items keep their places',
      target: pod({ containers: ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, image: name })) }),
      patch: { spec: { containers: ['d', 'x', 'b'].map((name) => ({ name, image: 'new' })) } },
    },
    {
      name: 'server-only items keep their places under an order',
      target: pod({ containers: ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, image: name })) }),
      patch: {
        spec: {
          '$setElementOrder/containers': ['e', 'x', 'b'].map((name) => ({ name })),
          containers: [
            { name: 'x', image: 'new' },
            { name: 'c', $patch: 'delete' },
          ],
        },
      },
    },
    {
      name: 'nothing into an empty spec',
      target: { metadata: { name: 'p' } },
      patch: { spec: { containers: [{ name: 'a', image: 'b' }] } },
    },
  ];
  return [...Object.entries(patches).map(([name, patch]) => ({ name, target: base(), patch })), ...more];
}

/** A small generator of pseudo-random numbers (mulberry32), so that a seed gives the same cases everywhere. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random pods and patches with all directives, seldom malformed. */
export function generatedCases(count, seed) {
  const random = randomOf(seed);
  const below = (limit) => Math.floor(random() * limit);
  const chance = (share) => random() < share;
  const pick = (list) => list[below(list.length)];
  const some = (names) => names.filter(() => chance(0.5)).sort(() => random() - 0.5);
  const value = () => pick(['x', 'y', '', '0']);

  const strings = (isPatch) => {
    const map = Object.fromEntries(
      some(['a', 'b', 'c', 'd']).map((name) => [name, isPatch && chance(0.2) ? null : value()]),
    );
    if (isPatch && chance(0.15)) map.$patch = pick(['replace', 'delete', 'replace', 'wrong']);
    return map;
  };
  /** A list of maps with a merge key; in a patch with directives. */
  const list = (holder, field, key, keys, make, isPatch) => {
    const ids = some(keys);
    const items = ids.map((id) => {
      if (isPatch && chance(0.15)) return { [key]: id, $patch: 'delete' };
      const item = { [key]: id, ...make() };
      if (isPatch && chance(0.08)) item.$patch = 'replace';
      if (isPatch && chance(0.01)) delete item[key];
      return item;
    });
    if (isPatch && chance(0.06)) items.splice(below(items.length + 1), 0, { $patch: 'replace' });
    if (isPatch && chance(0.2)) {
      const kept = items.filter((item) => item.$patch !== 'delete' && key in item).map((item) => item[key]);
      const others = some(keys).filter((id) => !kept.includes(id));
      const order = [...kept];
      for (const id of others) order.splice(below(order.length + 1), 0, id);
      holder[`$setElementOrder/${field}`] = order.map((id) => ({ [key]: id }));
      if (chance(0.3)) return;
    }
    if (isPatch && chance(0.04)) holder[field] = null;
    else if (items.length > 0 || chance(0.5)) holder[field] = items;
  };
  const env = () => (chance(0.3) ? { valueFrom: { fieldRef: { fieldPath: value() } } } : { value: value() });
  const volume = (isPatch) => {
    const item = chance(0.5) ? { emptyDir: chance(0.5) ? {} : { medium: 'Memory' } } : { hostPath: { path: value() } };
    if (isPatch && chance(0.3)) item.$retainKeys = ['name', ...Object.keys(item)];
    return item;
  };
  const container = (isPatch) => () => {
    const one = chance(0.6) ? { image: value() } : {};
    list(one, 'env', 'name', ['A', 'B', 'C', 'D'], env, isPatch);
    if (chance(0.4))
      list(one, 'ports', 'containerPort', [1, 2, 3], () => ({ protocol: pick(['TCP', 'UDP']) }), isPatch);
    if (chance(0.4)) list(one, 'volumeMounts', 'mountPath', ['/a', '/b', '/c'], () => ({ name: value() }), isPatch);
    if (chance(0.3)) one.args = some(['a', 'b', 'c']);
    if (chance(0.4)) one.resources = { [pick(['limits', 'requests'])]: strings(isPatch) };
    return one;
  };
  const make = (isPatch) => {
    const metadata = isPatch ? {} : { name: 'p' };
    const spec = {};
    if (chance(0.5)) metadata.labels = strings(isPatch);
    if (chance(0.3)) metadata.finalizers = some(['f/a', 'f/b', 'f/c']);
    if (isPatch && chance(0.1) && !('finalizers' in metadata))
      metadata['$deleteFromPrimitiveList/finalizers'] = some(['f/a', 'f/b']);
    list(spec, 'containers', 'name', ['base', 'one', 'two', 'three'], container(isPatch), isPatch);
    if (chance(0.3)) list(spec, 'initContainers', 'name', ['base', 'one'], container(isPatch), isPatch);
    if (chance(0.5)) list(spec, 'volumes', 'name', ['v', 'w', 'x'], () => volume(isPatch), isPatch);
    if (chance(0.3)) spec.nodeSelector = strings(isPatch);
    if (chance(0.3)) spec.tolerations = some(['a', 'b']).map((key) => ({ key }));
    if (chance(0.3)) spec.hostNetwork = chance(0.5);
    return { metadata, spec };
  };
  return Array.from({ length: count }, (_, index) => ({
    name: `generated ${index}`,
    target: make(false),
    patch: make(true),
  }));
}
