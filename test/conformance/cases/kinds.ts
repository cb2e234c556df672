import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

type Json = Record<string, unknown>;
type Run = (c: ScenarioClient) => Promise<unknown>;

const named = (name: string, run: Run) => scenario(name, (c) => run(c).then(() => {}));
const leases = (c: ScenarioClient) => `/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases`;
const budgets = (c: ScenarioClient) => `/apis/policy/v1/namespaces/${c.ns}/poddisruptionbudgets`;
const event = (c: ScenarioClient, fields: Json = {}): Json => ({
  metadata: { name: 'e' },
  involvedObject: { kind: 'Pod', name: 'p', namespace: c.ns },
  reason: 'R',
  message: 'm',
  type: 'Normal',
  ...fields,
});
const MERGE = { type: 'application/merge-patch+json' };
const APPLY = { type: 'application/apply-patch+yaml' };
const apply = (c: ScenarioClient, path: string, body: unknown) => c.call('PATCH', path, body, APPLY);
const map = (data: Json, metadata: Json = {}): Json => configMap('a', data, metadata);
const bound = async (c: ScenarioClient, spec: Json = {}, metadata: Json = {}) => {
  await c.quiet('POST', c.pods, pod('p', { nodeName: 'somewhere', ...spec }, metadata));
};
const status = (c: ScenarioClient, value: unknown) => c.quiet('PATCH', `${c.pods}/p/status`, { status: value }, MERGE);

/** Every kind, subresource and verb besides those of pods' own files. */
export const kinds = [
  named('config map with binary data', (c) =>
    c.post(`${c.base}/configmaps`, { metadata: { name: 'a' }, binaryData: { b: 'AAE=' } }),
  ),
  named('config map with one key in both', (c) =>
    c.post(`${c.base}/configmaps`, { metadata: { name: 'a' }, data: { b: 'x' }, binaryData: { b: 'AAE=' } }),
  ),
  named('config map with odd keys', (c) => c.post(`${c.base}/configmaps`, map({ '..': 'x' }))),
  named('config map with a key of dots', (c) => c.post(`${c.base}/configmaps`, map({ '..a': 'x' }))),
  named('config map that is too large', (c) => c.post(`${c.base}/configmaps`, map({ a: 'x'.repeat(1024 * 1024 + 1) }))),
  named('config map without data', (c) => c.post(`${c.base}/configmaps`, { metadata: { name: 'a' } })),
  named('config map that cannot change', async (c) => {
    await c.post(`${c.base}/configmaps`, { ...map({ a: '1' }), immutable: true });
    await c.merge(`${c.base}/configmaps/a`, { data: { a: '2' } });
    await c.merge(`${c.base}/configmaps/a`, { immutable: false });
    await c.merge(`${c.base}/configmaps/a`, { metadata: { labels: { a: 'b' } } });
  }),
  named('config map is replaced and patched', async (c) => {
    await c.post(`${c.base}/configmaps`, map({ a: '1', b: '2' }));
    await c.put(`${c.base}/configmaps/a`, map({ a: '2' }));
    await c.strategic(`${c.base}/configmaps/a`, { data: { a: null, c: '3' } });
    await c.jsonPatch(`${c.base}/configmaps/a`, [{ op: 'replace', path: '/data/c', value: '4' }]);
    await c.delete(`${c.base}/configmaps/a`);
    await c.get(`${c.base}/configmaps/a`);
  }),
  named('config map with a bad label is refused on update', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, map({ a: '1' }));
    await c.merge(`${c.base}/configmaps/a`, { metadata: { labels: { a: 'b c' } } });
  }),
  named('secrets of several types', async (c) => {
    const secret = (name: string, type: string, stringData: Json) =>
      c.post(`${c.base}/secrets`, { metadata: { name }, type, stringData });
    await secret('a', 'kubernetes.io/tls', {});
    await secret('b', 'kubernetes.io/tls', { 'tls.crt': 'x', 'tls.key': 'y' });
    await secret('d', 'kubernetes.io/dockerconfigjson', {});
    await secret('e', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': 'x' });
    await secret('f', 'kubernetes.io/basic-auth', {});
    await secret('g', 'kubernetes.io/ssh-auth', {});
    await secret('h', 'kubernetes.io/service-account-token', {});
    await secret('i', 'example.com/own', { a: 'b' });
  }),
  named('secret with a bad key', (c) =>
    c.post(`${c.base}/secrets`, { metadata: { name: 's' }, stringData: { 'a b': 'x' } }),
  ),
  named('secret changes its type', async (c) => {
    await c.quiet('POST', `${c.base}/secrets`, { metadata: { name: 's' }, stringData: { a: 'b' } });
    await c.merge(`${c.base}/secrets/s`, { type: 'other' });
    await c.merge(`${c.base}/secrets/s`, { stringData: { c: 'd' } });
    await c.merge(`${c.base}/secrets/s`, { immutable: true });
    await c.merge(`${c.base}/secrets/s`, { stringData: { c: 'e' } });
  }),
  named('service account', async (c) => {
    const path = `${c.base}/serviceaccounts`;
    await c.post(path, { metadata: { name: 'a' }, secrets: [{ name: 's' }], imagePullSecrets: [{ name: 'i' }] });
    await c.merge(`${path}/a`, { automountServiceAccountToken: false });
    await c.delete(`${path}/a`);
    await c.post(path, { metadata: { name: 'A_b' } });
  }),
  named('namespace: status, update and subresources', async (c) => {
    const path = `/api/v1/namespaces/${c.ns}`;
    await c.get(path);
    await c.get(`${path}/status`);
    await c.merge(path, { metadata: { labels: { a: 'b' } } });
    await c.merge(path, { metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } } });
    await c.call('POST', `${path}/finalize`, {});
    await c.call('DELETE', '/api/v1/namespaces');
    await c.delete('/api/v1/namespaces/kube-system');
    await c.delete('/api/v1/namespaces/none-such');
    await c.post('/api/v1/namespaces', { metadata: { name: c.ns } });
  }),
  named('namespace that ends', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, map({ a: '1' }));
    await c.delete(`/api/v1/namespaces/${c.ns}`);
    await c.post(`${c.base}/configmaps`, configMap('b'));
    await c.post(c.pods, pod('p'));
    await c.post(leases(c), { metadata: { name: 'l' } });
    await c.merge(`${c.base}/configmaps/a`, { data: { a: '2' } });
    await c.delete(`/api/v1/namespaces/${c.ns}`);
    await c.post('/api/v1/namespaces', { metadata: { name: c.ns } });
  }),
  named('node: create, cordon, taint, status, delete', async (c) => {
    const name = c.unique('node');
    await c.post('/api/v1/nodes', {
      metadata: { name, labels: { a: 'b' } },
      spec: { podCIDR: '10.0.0.0/24' },
      status: { capacity: { cpu: '4' } },
    });
    await c.strategic(`/api/v1/nodes/${name}`, { spec: { unschedulable: true } });
    await c.strategic(`/api/v1/nodes/${name}`, { spec: { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] } });
    await c.strategic(`/api/v1/nodes/${name}`, { spec: { taints: [{ key: 'a b', effect: 'Odd' }] } });
    await c.strategic(`/api/v1/nodes/${name}/status`, {
      status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] },
    });
    await c.merge(`/api/v1/nodes/${name}`, { spec: { unschedulable: null } });
    await c.delete(`/api/v1/nodes/${name}`);
  }),
  named('node with a bad name', (c) => c.post('/api/v1/nodes', { metadata: { name: 'A_b' } })),
  named('event in another namespace than its object', (c) =>
    c.post(`${c.base}/events`, event(c, { involvedObject: { kind: 'Pod', name: 'p', namespace: 'x' } })),
  ),
  named('event without an object', (c) => c.post(`${c.base}/events`, { metadata: { name: 'e' } })),
  named('event of a node in a namespace', (c) =>
    c.post(`${c.base}/events`, event(c, { involvedObject: { kind: 'Node', name: 'n' } })),
  ),
  named('event is counted', async (c) => {
    await c.post(
      `${c.base}/events`,
      event(c, {
        count: 1,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
        source: { component: 'me', host: 'h' },
      }),
    );
    await c.strategic(`${c.base}/events/e`, { count: 2, lastTimestamp: '2026-01-01T00:01:00Z' });
    await c.merge(`${c.base}/events/e`, { involvedObject: { name: 'q' } });
    await c.put(`${c.base}/events/f`, event(c, { metadata: { name: 'f' } }));
    await c.delete(`${c.base}/events/e`);
  }),
  named('event of a new sort', (c) =>
    c.post(
      `${c.base}/events`,
      event(c, {
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingComponent: 'example.com/me',
        reportingInstance: 'i',
        action: 'Do',
      }),
    ),
  ),
  named('event of a new sort without what it needs', (c) =>
    c.post(`${c.base}/events`, event(c, { eventTime: '2026-01-01T00:00:00.000000Z' })),
  ),
  named('lease: renewals and wrong values', async (c) => {
    await c.post(leases(c), {
      metadata: { name: 'l' },
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: '2026-01-01T00:00:00.000000Z',
        renewTime: '2026-01-01T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    });
    await c.merge(`${leases(c)}/l`, { spec: { renewTime: '2026-01-01T00:00:01.000000Z' } });
    await c.merge(`${leases(c)}/l`, { spec: { leaseTransitions: -1 } });
    await c.merge(`${leases(c)}/l`, { spec: { leaseDurationSeconds: -1 } });
    await c.merge(`${leases(c)}/l`, { spec: { renewTime: 'now' } });
    await c.delete(`${leases(c)}/l`);
    await c.delete(`${leases(c)}/l`);
  }),
  named('quota: create, wrong values, status', async (c) => {
    const path = `${c.base}/resourcequotas`;
    await c.post(path, {
      metadata: { name: 'q' },
      spec: { hard: { pods: '1', 'requests.cpu': '1000m', 'count/configmaps': '5' } },
    });
    await c.post(path, { metadata: { name: 'r' }, spec: { hard: { pods: '-1', gizmo: '1' } } });
    await c.merge(`${path}/q`, { spec: { hard: { pods: '2' } } });
    await c.merge(`${path}/q/status`, { status: { hard: { pods: '2' }, used: { pods: '0' } } });
    await c.get(`${path}/q`);
    await c.delete(`${path}/q`);
  }),
  named('disruption budget', async (c) => {
    await c.post(budgets(c), {
      metadata: { name: 'b' },
      spec: { minAvailable: 1, selector: { matchLabels: { a: 'b' } } },
    });
    await c.post(budgets(c), { metadata: { name: 'd' }, spec: { minAvailable: 1, maxUnavailable: 1 } });
    await c.post(budgets(c), { metadata: { name: 'e' }, spec: { minAvailable: '120%' } });
    await c.merge(`${budgets(c)}/b`, { spec: { minAvailable: 2 } });
    await c.delete(`${budgets(c)}/b`);
  }),
  named('priority class', async (c) => {
    const name = c.unique('high');
    const path = '/apis/scheduling.k8s.io/v1/priorityclasses';
    await c.post(path, { metadata: { name }, value: 1000 });
    await c.post(c.pods, pod('p', { priorityClassName: name }));
    await c.post(c.pods, pod('q', { priorityClassName: name, priority: 5 }));
    await c.merge(`${path}/${name}`, { value: 5 });
    await c.delete(`${path}/${name}`);
  }),
  named('apply creates, changes nothing, and drops what is gone', async (c) => {
    const path = `${c.base}/configmaps/a?fieldManager=m1`;
    await apply(c, path, map({ a: '1', b: '2' }, { labels: { x: 'y' } }));
    await apply(c, path, map({ a: '1', b: '2' }, { labels: { x: 'y' } }));
    await apply(c, path, map({ a: '1' }));
  }),
  named('apply meets other managers', async (c) => {
    const path = `${c.base}/configmaps/a`;
    await apply(c, `${path}?fieldManager=m1`, map({ a: '1', b: '1' }));
    await apply(c, `${path}?fieldManager=m2`, map({ a: '2' }));
    await apply(c, `${path}?fieldManager=m2`, map({ a: '2', b: '2' }));
    await apply(c, `${path}?fieldManager=m2`, map({ a: '1' }));
    await apply(c, `${path}?fieldManager=m2&force=true`, map({ a: '2', b: '2' }));
    await apply(c, `${path}?fieldManager=m1`, map({}));
  }),
  named('apply after an update', async (c) => {
    const path = `${c.base}/configmaps/a`;
    await c.quiet('POST', `${c.base}/configmaps?fieldManager=creator`, map({ a: '1', b: '1' }));
    await apply(c, `${path}?fieldManager=m1`, map({ b: '1', c: '1' }));
    await c.merge(`${path}?fieldManager=other`, { data: { c: '2' } });
    await apply(c, `${path}?fieldManager=m1`, map({ b: '1' }));
  }),
  named('apply of a pod', async (c) => {
    const path = `${c.pods}/p?fieldManager=m1`;
    await apply(
      c,
      path,
      pod(
        'p',
        {
          containers: [
            { name: 'base', image: 'busybox:1.36', env: [{ name: 'A', value: 'b' }], ports: [{ containerPort: 80 }] },
          ],
        },
        { labels: { a: 'b' } },
      ),
    );
    await apply(
      c,
      path,
      pod('p', {
        containers: [
          { name: 'base', image: 'busybox:1.37', env: [{ name: 'A', value: 'b' }], ports: [{ containerPort: 80 }] },
        ],
      }),
    );
    await apply(c, path, pod('p', { containers: [{ name: 'base', image: 'busybox:1.37' }] }));
    await c.call(
      'PATCH',
      `${c.pods}/p/status?fieldManager=kubelet`,
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, status: { phase: 'Running' } },
      APPLY,
    );
  }),
  named('apply with wrong options and bodies', async (c) => {
    const path = `${c.base}/configmaps/a`;
    await apply(c, path, map({ a: '1' }));
    await apply(c, `${path}?fieldManager=m1`, { ...map({}), apiVersion: 'v2' });
    await apply(c, `${path}?fieldManager=m1`, { metadata: { name: 'a' } });
    await apply(c, `${path}?fieldManager=m1`, map({}, { managedFields: [{ manager: 'x' }] }));
    await apply(c, `${path}?fieldManager=m1`, { ...map({}), metadata: { name: 'b' } });
    await apply(c, `${path}?fieldManager=m1&dryRun=All`, map({ a: '1' }));
    await c.call('PATCH', `${path}?fieldManager=m1`, undefined, { ...APPLY, raw: 'a: [' });
    await apply(c, `${path}?fieldManager=m1`, { ...map({}), gizmo: 1 });
  }),
  named('logs: options', async (c) => {
    await bound(c, { initContainers: [{ name: 'init', image: 'x' }] });
    for (const query of [
      '',
      '?container=none',
      '?container=base&tailLines=-1',
      '?container=base&limitBytes=0',
      '?container=base&sinceSeconds=0',
      '?container=base&sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
      '?container=base&tailLines=x',
      '?container=base&sinceTime=x',
      '?container=base&stream=Odd',
    ])
      await c.get(`${c.pods}/p/log${query}`);
    await c.get(`${c.pods}/none/log`);
    await c.call('POST', `${c.pods}/p/log`, {});
  }),
  named('binding: faults', async (c) => {
    await c.quiet('POST', c.pods, pod('p'));
    const bind = (name: string, body: Json) => c.post(`${c.pods}/${name}/binding`, body);
    await bind('none', { metadata: { name: 'none' }, target: { name: 'n' } });
    await bind('p', { metadata: { name: 'q' }, target: { name: 'n' } });
    await bind('p', { metadata: { name: 'p' }, target: {} });
    await bind('p', { metadata: { name: 'p' }, target: { kind: 'Gizmo', name: 'n' } });
    await bind('p', {
      metadata: { name: 'p', labels: { x: 'y' }, annotations: { s: 't' } },
      target: { kind: 'Node', name: 'n' },
    });
    await c.get(`${c.pods}/p`);
    await bind('p', { metadata: { name: 'p' }, target: { name: 'n' } });
    await c.get(`${c.pods}/p/binding`);
  }),
  named('eviction', async (c) => {
    await bound(c);
    const evict = (body: Json) => c.post(`${c.pods}/p/eviction`, body);
    await evict({ metadata: { name: 'q' } });
    await evict({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'p' },
      deleteOptions: { dryRun: ['All'] },
    });
    await evict({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } });
    await c.get(`${c.pods}/p`);
    await c.post(`${c.pods}/none/eviction`, { metadata: { name: 'none' } });
  }),
  named('eviction that a budget forbids', async (c) => {
    await bound(c, {}, { labels: { a: 'b' } });
    await c.quiet('POST', budgets(c), {
      metadata: { name: 'b' },
      spec: { minAvailable: 1, selector: { matchLabels: { a: 'b' } } },
    });
    await status(c, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
    await c.post(`${c.pods}/p/eviction`, { metadata: { name: 'p' } });
  }),
  named('ephemeral containers', async (c) => {
    await bound(c);
    await c.strategic(`${c.pods}/p/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox:1.36' }] },
    });
    await c.get(`${c.pods}/p/ephemeralcontainers`);
    await c.strategic(`${c.pods}/p/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'base', image: 'x' }] },
    });
  }),
  named('resize', async (c) => {
    await bound(c, { containers: [{ name: 'base', image: 'x', resources: { requests: { cpu: '1' } } }] });
    await c.strategic(`${c.pods}/p/resize`, {
      spec: { containers: [{ name: 'base', resources: { requests: { cpu: '2' } } }] },
    });
    await c.strategic(`${c.pods}/p/resize`, { spec: { containers: [{ name: 'base', image: 'y' }] } });
    await c.get(`${c.pods}/p/resize`);
  }),
  named('status: methods and more', async (c) => {
    await bound(c);
    await c.get(`${c.pods}/p/status`);
    await c.call('POST', `${c.pods}/p/status`, {});
    await c.delete(`${c.pods}/p/status`);
    await c.merge(`${c.pods}/p/status`, {
      status: { phase: 'Running', startTime: '2026-01-01T00:00:00Z', podIPs: [{ ip: '10.0.0.1' }], hostIP: '10.0.0.2' },
    });
    await c.merge(`${c.pods}/p/status`, {
      metadata: { annotations: { a: 'b' } },
      spec: { nodeName: 'x' },
      status: { reason: 'R' },
    });
    await c.merge(`${c.pods}/p/status`, { status: { podIPs: [{ ip: 'x' }] } });
    await c.merge(`${c.pods}/p/status`, { status: { nominatedNodeName: 'A_b' } });
  }),
  named('subresources and kinds that do not exist', async (c) => {
    await bound(c);
    await c.get(`${c.pods}/p/gizmo`);
    await c.get(`${c.base}/gizmos`);
    await c.get(`${c.base}/configmaps/a/status`);
    await c.get('/apis/none.example.com/v1/things');
    await c.get('/apis/policy/v9/poddisruptionbudgets');
    await c.get('/api/v2/pods');
    await c.get('/nowhere');
    await c.get(`/api/v1/pods/p`);
    await c.call('PUT', c.pods, pod('p'));
    await c.call('PATCH', c.pods, {}, MERGE);
    await c.call('POST', `${c.pods}/p`, pod('p'));
    await c.call('POST', '/api/v1/pods', pod('p'));
    await c.call('DELETE', '/api/v1/pods');
    await c.call('OPTIONS', c.pods);
  }),
  named('access reviews', async (c) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    await c.post(path, { spec: { resourceAttributes: { verb: 'list', resource: 'pods', namespace: c.ns } } });
    await c.post(path, { spec: {} });
    await c.post(path, { spec: { nonResourceAttributes: { verb: 'get', path: '/healthz' } } });
    await c.get(path);
  }),
  named('a table of each kind', async (c) => {
    const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    await c.quiet('POST', `${c.base}/configmaps`, map({ a: '1' }));
    await c.quiet('POST', `${c.base}/secrets`, { metadata: { name: 's' }, stringData: { a: 'b' } });
    await c.quiet('POST', `${c.base}/serviceaccounts`, { metadata: { name: 'a' } });
    await c.quiet('POST', leases(c), { metadata: { name: 'l' }, spec: { holderIdentity: 'me' } });
    await c.quiet('POST', budgets(c), { metadata: { name: 'b' }, spec: { minAvailable: 1 } });
    await c.quiet('POST', `${c.base}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard: { pods: '1' } } });
    for (const path of [
      `${c.base}/configmaps`,
      `${c.base}/secrets`,
      `${c.base}/serviceaccounts`,
      leases(c),
      budgets(c),
      `${c.base}/resourcequotas`,
      `/api/v1/namespaces/${c.ns}`,
    ])
      await c.get(`${path}?includeObject=None`, table);
  }),
  named('ways to ask for an answer', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, map({ a: '1' }));
    for (const accept of [
      'text/html',
      'application/json;as=Table;v=v1beta1;g=meta.k8s.io',
      'application/json;as=Gizmo;v=v1;g=meta.k8s.io',
      'application/json;as=Table;v=v7;g=meta.k8s.io',
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
      'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
      'text/html,application/json;q=0.5',
      'application/json;stream=watch',
    ])
      await c.get(`${c.base}/configmaps/a`, { accept });
    await c.get(`${c.base}/configmaps?pretty=true&fieldSelector=metadata.name%3Dnone`);
    await c.get(`${c.base}/configmaps/a?includeObject=Odd`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    await c.get(`${c.base}/configmaps/none`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  }),
  named('delete options', async (c) => {
    for (const body of [
      { gracePeriodSeconds: 0 },
      { propagationPolicy: 'Odd' },
      { orphanDependents: true, propagationPolicy: 'Foreground' },
      { dryRun: ['Some'] },
      { gracePeriodSeconds: 'x' },
      { preconditions: { uid: 'x' } },
      { preconditions: { resourceVersion: '1' } },
      { kind: 'Gizmo', apiVersion: 'v1' },
      { gizmo: 1, dryRun: ['All'] },
      { propagationPolicy: 'Orphan' },
      { propagationPolicy: 'Foreground' },
    ]) {
      await c.quiet('POST', `${c.base}/configmaps`, map({ a: '1' }));
      await c.delete(`${c.base}/configmaps/a`, body);
    }
  }),
  named('delete options in the query', async (c) => {
    for (const query of [
      'gracePeriodSeconds=x',
      'propagationPolicy=Odd',
      'dryRun=All',
      'dryRun=Odd',
      'gracePeriodSeconds=5',
      'orphanDependents=true',
    ]) {
      await c.quiet('POST', `${c.base}/configmaps`, map({ a: '1' }));
      await c.delete(`${c.base}/configmaps/a?${query}`);
    }
  }),
  named('delete by collection', async (c) => {
    for (const name of ['a', 'b', 'd'])
      await c.quiet('POST', `${c.base}/configmaps`, configMap(name, { n: name }, { labels: { n: name } }));
    await c.delete(`${c.base}/configmaps?labelSelector=n%20in%20(a,b)&dryRun=All`);
    await c.delete(`${c.base}/configmaps?labelSelector=n%20in%20(a,b)`);
    await c.delete(`${c.base}/configmaps?labelSelector=n%20is%20a`);
    await c.delete(`${c.base}/configmaps?fieldSelector=spec.x%3Dy`);
    await c.get(`${c.base}/configmaps`);
  }),
  ...[
    'a in b',
    'a notin',
    '!',
    'a=b=c',
    'a>x',
    'a in (b',
    'a,,b',
    '=a',
    'a b',
    'a in (b,c),d',
    '-a=b',
    'a=b c',
    'a!=,b',
    'x>5',
    `a=${'x'.repeat(64)}`,
  ].map((text) =>
    named(`label selector ${text.slice(0, 20)}`, (c) =>
      c.get(`${c.base}/configmaps?labelSelector=${encodeURIComponent(text)}`),
    ),
  ),
  ...[
    'a',
    'metadata.name=a=b',
    'metadata.name!=a',
    'metadata.name==a',
    'spec.gizmo=x',
    'metadata.labels=x',
    'status.phase=Running',
    'metadata.name in (a)',
    ',',
    'metadata.name=a,metadata.name=b',
    'metadata.name=a\\,b',
  ].map((text) =>
    named(`field selector ${text}`, async (c) => {
      await c.get(`${c.pods}?fieldSelector=${encodeURIComponent(text)}`);
      await c.get(`${c.base}/configmaps?fieldSelector=${encodeURIComponent(text)}`);
    }),
  ),
  ...[
    'limit=x',
    'limit=-1',
    'resourceVersion=x',
    'resourceVersion=-1',
    'resourceVersion=0&resourceVersionMatch=Exact',
    'resourceVersionMatch=Exact',
    'resourceVersion=1&resourceVersionMatch=Odd',
    'resourceVersion=1&resourceVersionMatch=Exact',
    'resourceVersion=1&limit=1',
    'continue=x',
    'continue=!!',
    'continue=eyJ2IjoieCJ9',
    'sendInitialEvents=true',
    'timeoutSeconds=x',
    'continue=x&resourceVersionMatch=Exact&resourceVersion=1',
  ].map((query) => named(`list with ${query}`, (c) => c.get(`${c.pods}?${query}`))),
  ...[
    'watch=true&resourceVersion=x',
    'watch=true&resourceVersionMatch=NotOlderThan',
    'watch=true&sendInitialEvents=true',
    'watch=true&sendInitialEvents=true&resourceVersionMatch=Exact',
    'watch=true&timeoutSeconds=x',
    'watch=true&labelSelector=a%20is',
    'watch=true&fieldSelector=spec.x%3Dy',
    'watch=true&limit=x',
  ].map((query) => named(`watch with ${query}`, (c) => c.get(`${c.pods}?${query}`))),
];
