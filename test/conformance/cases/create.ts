import { configMap, pod } from '../objects.js';
import { scenario } from '../scenario.js';

const one = (container: Record<string, unknown>) => ({
  containers: [{ name: 'base', image: 'busybox:1.36', ...container }],
});

/** Creation: what is filled in, and what is refused. */
export const create = [
  scenario('create answers a pod with its defaults', async (c) => {
    await c.post(c.pods, pod('p'));
    await c.get(`${c.pods}/p`);
  }),
  scenario('create ignores fields the server owns', async (c) => {
    const metadata = {
      uid: 'mine',
      creationTimestamp: '2020-01-01T00:00:00Z',
      generation: 7,
      deletionTimestamp: '2020-01-01T00:00:00Z',
      selfLink: '/x',
      resourceVersion: '',
    };
    await c.post(c.pods, { ...pod('p', {}, metadata), status: { phase: 'Running' } });
  }),
  scenario('create refuses a resourceVersion', (c) =>
    c.post(c.pods, pod('p', {}, { resourceVersion: '5' })).then(() => {}),
  ),
  scenario('create of a name that is taken is 409', async (c) => {
    await c.post(c.pods, pod('p'));
    await c.post(c.pods, pod('p'));
  }),
  scenario('create in a missing namespace is 404', (c) =>
    c.post('/api/v1/namespaces/nowhere-at-all/pods', pod('p')).then(() => {}),
  ),
  scenario('create with another namespace in the body is 400', (c) =>
    c.post(c.pods, pod('p', {}, { namespace: 'other' })).then(() => {}),
  ),
  scenario('create without kind and apiVersion', (c) =>
    c.post(c.pods, { metadata: { name: 'p' }, spec: pod('p').spec }).then(() => {}),
  ),
  scenario('create with another kind is 400', (c) => c.post(c.pods, { ...pod('p'), kind: 'ConfigMap' }).then(() => {})),
  scenario('create with another apiVersion is 400', (c) =>
    c.post(c.pods, { ...pod('p'), apiVersion: 'apps/v1' }).then(() => {}),
  ),
  scenario('create with an unknown kind is 400', (c) => c.post(c.pods, { ...pod('p'), kind: 'Gizmo' }).then(() => {})),
  scenario('create with an empty body', (c) => c.call('POST', c.pods, undefined, { raw: '' }).then(() => {})),
  scenario('create with a malformed body', (c) => c.call('POST', c.pods, undefined, { raw: '{"a":' }).then(() => {})),
  scenario('create with an unknown media type is 415', (c) =>
    c.call('POST', c.pods, undefined, { raw: 'x', type: 'text/plain' }).then(() => {}),
  ),
  scenario('create from YAML', (c) =>
    c
      .call('POST', c.pods, undefined, {
        type: 'application/yaml',
        raw: 'metadata: {name: p}\nspec: {restartPolicy: Never, containers: [{name: base, image: "busybox:1.36"}]}\n',
      })
      .then(() => {}),
  ),
  scenario('create without a name is 422', (c) => c.post(c.pods, { ...pod('p'), metadata: {} }).then(() => {})),
  scenario('create with dryRun stores nothing', async (c) => {
    const answer = await c.quiet('POST', `${c.pods}?dryRun=All`, pod('p'));
    c.records.push({
      request: 'dry run',
      status: answer.status,
      body: {
        hasVersion: answer.json.metadata.resourceVersion !== undefined,
        hasUid: answer.json.metadata.uid !== undefined,
      },
    });
    await c.get(`${c.pods}/p`);
  }),
  scenario('create with a wrong dryRun is 422', (c) => c.post(`${c.pods}?dryRun=Some`, pod('p')).then(() => {})),
  scenario('create with a generated name keeps generateName', async (c) => {
    const answer = await c.quiet('POST', c.pods, { ...pod('p'), metadata: { generateName: 'run-' } });
    const { name, generateName } = answer.json.metadata;
    c.records.push({
      request: 'generated',
      status: answer.status,
      body: { generateName, fits: /^run-[bcdfghjklmnpqrstvwxz2456789]{5}$/.test(name) },
    });
  }),
  scenario('create with a bad name is 422', (c) => c.post(c.pods, pod('Bad_Name')).then(() => {})),
  scenario('create with a name that is too long is 422', (c) => c.post(c.pods, pod('a'.repeat(254))).then(() => {})),
  scenario('create with a dotted name warns', (c) => c.post(c.pods, pod('a.b')).then(() => {})),
  scenario('create with a bad label value is 422', (c) =>
    c.post(c.pods, pod('p', {}, { labels: { a: 'not good' } })).then(() => {}),
  ),
  scenario('create with a bad label key is 422', (c) =>
    c.post(c.pods, pod('p', {}, { labels: { 'a b': 'x' } })).then(() => {}),
  ),
  scenario('create with a label value that is too long', (c) =>
    c.post(c.pods, pod('p', {}, { labels: { a: 'x'.repeat(64) } })).then(() => {}),
  ),
  scenario('create with a bad annotation key is 422', (c) =>
    c.post(c.pods, pod('p', {}, { annotations: { 'a b': 'x' } })).then(() => {}),
  ),
  scenario('create with too many annotations is 422', (c) =>
    c.post(c.pods, pod('p', {}, { annotations: { a: 'x'.repeat(262_145) } })).then(() => {}),
  ),
  scenario('create with a label of a wrong type is 400', (c) =>
    c.post(c.pods, pod('p', {}, { labels: { a: 1 } })).then(() => {}),
  ),
  scenario('create with containers of a wrong type is 400', (c) =>
    c.post(c.pods, pod('p', { containers: 'x' })).then(() => {}),
  ),
  scenario('create with an image of a wrong type is 400', (c) =>
    c.post(c.pods, pod('p', one({ image: 5 }))).then(() => {}),
  ),
  scenario('create with a quantity that cannot be read is 400', (c) =>
    c.post(c.pods, pod('p', one({ resources: { limits: { cpu: 'much' } } }))).then(() => {}),
  ),
  scenario('create without containers is 422', (c) => c.post(c.pods, pod('p', { containers: [] })).then(() => {})),
  scenario('create with several faults reports all', (c) =>
    c
      .post(
        c.pods,
        pod('p', {
          restartPolicy: 'Sometimes',
          containers: [{ name: 'Base' }, { name: 'b', image: 'x', imagePullPolicy: 'Maybe' }],
        }),
      )
      .then(() => {}),
  ),
  scenario('create with a container twice is 422', (c) =>
    c
      .post(
        c.pods,
        pod('p', {
          containers: [
            { name: 'a', image: 'x' },
            { name: 'a', image: 'x' },
          ],
        }),
      )
      .then(() => {}),
  ),
  scenario('create with a mount of no volume is 422', (c) =>
    c.post(c.pods, pod('p', one({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }))).then(() => {}),
  ),
  scenario('create with a mount path twice is 422', (c) =>
    c
      .post(
        c.pods,
        pod('p', {
          ...one({
            volumeMounts: [
              { name: 'v', mountPath: '/v' },
              { name: 'v', mountPath: '/v' },
            ],
          }),
          volumes: [{ name: 'v' }],
        }),
      )
      .then(() => {}),
  ),
  scenario('create with two sources in a volume is 422', (c) =>
    c.post(c.pods, pod('p', { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] })).then(() => {}),
  ),
  scenario('create with requests above limits is 422', (c) =>
    c.post(c.pods, pod('p', one({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }))).then(() => {}),
  ),
  scenario('create with a negative request is 422', (c) =>
    c.post(c.pods, pod('p', one({ resources: { requests: { cpu: '-1' } } }))).then(() => {}),
  ),
  scenario('create with a variable without a name is 422', (c) =>
    c.post(c.pods, pod('p', one({ env: [{ value: 'x' }] }))).then(() => {}),
  ),
  scenario('create with value and valueFrom is 422', (c) =>
    c
      .post(
        c.pods,
        pod('p', one({ env: [{ name: 'X', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] })),
      )
      .then(() => {}),
  ),
  scenario('create with an unknown fieldPath is 422', (c) =>
    c
      .post(c.pods, pod('p', one({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.gizmo' } } }] })))
      .then(() => {}),
  ),
  scenario('create with a bad activeDeadlineSeconds is 422', (c) =>
    c.post(c.pods, pod('p', { activeDeadlineSeconds: 0 })).then(() => {}),
  ),
  scenario('create with a bad toleration is 422', (c) =>
    c.post(c.pods, pod('p', { tolerations: [{ operator: 'Is', key: 'a', effect: 'No' }] })).then(() => {}),
  ),
  scenario('create with a bad finalizer is 422', (c) =>
    c.post(c.pods, pod('p', {}, { finalizers: ['mine'] })).then(() => {}),
  ),
  scenario('create with a bad owner is 422', (c) =>
    c.post(c.pods, pod('p', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod' }] })).then(() => {}),
  ),
  scenario('create with a gate is SchedulingGated', (c) =>
    c.post(c.pods, pod('p', { schedulingGates: [{ name: 'a.b/c' }] })).then(() => {}),
  ),
  scenario('create with an unknown priority class is 403', (c) =>
    c.post(c.pods, pod('p', { priorityClassName: 'none-such' })).then(() => {}),
  ),
  scenario('quantities get their canonical form', (c) =>
    c
      .post(
        c.pods,
        pod(
          'p',
          one({
            resources: {
              requests: { cpu: '0.5', memory: '1024Mi' },
              limits: { cpu: 2, memory: '1.5Gi', 'ephemeral-storage': '1e9' },
            },
          }),
        ),
      )
      .then(() => {}),
  ),
  scenario('requests follow from limits, and the pod is Guaranteed', (c) =>
    c.post(c.pods, pod('p', one({ resources: { limits: { cpu: '1000m', memory: '0.5Gi' } } }))).then(() => {}),
  ),
  scenario('pull policy follows from the tag', (c) =>
    c
      .post(
        c.pods,
        pod('p', {
          containers: ['a', 'a:1', 'a:latest', 'r:5000/a', `a@sha256:${'0'.repeat(64)}`].map((image, i) => ({
            name: `c${i}`,
            image,
          })),
        }),
      )
      .then(() => {}),
  ),
  scenario('ports, probes and volumes get their defaults', (c) =>
    c
      .post(
        c.pods,
        pod('p', {
          volumes: [
            { name: 'a' },
            { name: 'b', configMap: { name: 'x' } },
            { name: 'd', hostPath: { path: '/x' } },
            { name: 'e', secret: { secretName: 's' } },
          ],
          ...one({
            ports: [{ containerPort: 80 }],
            livenessProbe: { httpGet: { port: 80 } },
            env: [
              { name: 'A', value: '' },
              { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ],
          }),
        }),
      )
      .then(() => {}),
  ),
  scenario('own tolerations are kept beside those added', (c) =>
    c
      .post(
        c.pods,
        pod('p', {
          tolerations: [
            { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 },
          ],
        }),
      )
      .then(() => {}),
  ),
  scenario('unknown fields warn by default', (c) =>
    c.post(c.pods, pod('p', { gizmo: 1, ...one({ imagee: 'x' }) })).then(() => {}),
  ),
  scenario('unknown fields are 400 when strict', (c) =>
    c.post(`${c.pods}?fieldValidation=Strict`, pod('p', { gizmo: 1 })).then(() => {}),
  ),
  scenario('unknown fields are dropped silently when ignored', (c) =>
    c.post(`${c.pods}?fieldValidation=Ignore`, pod('p', { gizmo: 1 })).then(() => {}),
  ),
  scenario('empty maps and lists are dropped', (c) =>
    c
      .post(
        c.pods,
        pod(
          'p',
          { nodeSelector: {}, volumes: [], imagePullSecrets: [], ...one({ env: [], command: [], args: [] }) },
          { labels: {}, annotations: {}, finalizers: [] },
        ),
      )
      .then(() => {}),
  ),
  scenario('a config map and what is wrong with one', async (c) => {
    await c.post(`${c.base}/configmaps`, configMap('a'));
    await c.post(`${c.base}/configmaps`, configMap('b', { 'bad key': 'x' }));
    await c.post(`${c.base}/configmaps`, configMap('d', { a: 1 }));
  }),
  scenario('a secret folds stringData', async (c) => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } };
    await c.post(`${c.base}/secrets`, { ...secret, stringData: { a: 'b' }, data: { c: 'ZA==' } });
    await c.post(`${c.base}/secrets`, { ...secret, metadata: { name: 't' }, data: { c: '!' } });
  }),
  scenario('a namespace with a bad name is 422', (c) =>
    c.post('/api/v1/namespaces', { metadata: { name: 'a.b' } }).then(() => {}),
  ),
  scenario('a namespace gets its label and finalizer', (c) =>
    c.post('/api/v1/namespaces', { metadata: { name: c.unique('n') } }).then(() => {}),
  ),
  scenario('a node keeps its status on create', (c) =>
    c
      .post('/api/v1/nodes', {
        metadata: { name: c.unique('n') },
        status: { capacity: { cpu: '4', memory: '1024Mi' } },
      })
      .then(() => {}),
  ),
  scenario('an event gets its empty fields', async (c) => {
    const event = {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: c.ns },
      reason: 'R',
      message: 'm',
      type: 'Normal',
    };
    await c.post(`${c.base}/events`, event);
    await c.post(`${c.base}/events`, { ...event, metadata: { name: 'f' }, eventTime: '2026-01-01T00:00:00Z' });
  }),
  scenario('a lease, and its micro times', async (c) => {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases`;
    await c.post(leases, {
      metadata: { name: 'l' },
      spec: { holderIdentity: 'me', renewTime: '2026-01-01T00:00:00.000000Z' },
    });
    await c.post(leases, { metadata: { name: 'm' }, spec: { renewTime: '2026-01-01T00:00:00.123Z' } });
    await c.post(leases, { metadata: { name: 'n' }, spec: { renewTime: '2026-01-01T00:00:00Z' } });
    await c.post(leases, { metadata: { name: 'o' }, spec: { leaseDurationSeconds: 0 } });
  }),
];
