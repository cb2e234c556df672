import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

const created = async (c: ScenarioClient, ...args: Parameters<typeof pod>) =>
  (await c.quiet('POST', c.pods, pod(...args))).json;
const bound = (c: ScenarioClient, name: string, metadata = {}) =>
  created(c, name, { nodeName: 'no-such-node' }, metadata);

/** Deletion, eviction and binding. */
export const remove = [
  scenario('delete of an unscheduled pod takes it away at once', async (c) => {
    await created(c, 'p');
    await c.delete(`${c.pods}/p`);
    await c.get(`${c.pods}/p`);
  }),
  scenario('delete of a missing pod is 404', (c) => c.delete(`${c.pods}/p`).then(() => {})),
  scenario('delete of a bound pod marks it', async (c) => {
    await bound(c, 'p');
    await c.delete(`${c.pods}/p`);
    await c.delete(`${c.pods}/p`);
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 60 });
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 5 });
    await c.post(c.pods, pod('p'));
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 0 });
    await c.get(`${c.pods}/p`);
  }),
  scenario('delete with grace from the query', async (c) => {
    await bound(c, 'p');
    await c.delete(`${c.pods}/p?gracePeriodSeconds=7`);
    await c.delete(`${c.pods}/p?gracePeriodSeconds=x`);
  }),
  scenario('delete of a terminal pod needs no grace', async (c) => {
    await bound(c, 'p');
    await c.quiet(
      'PATCH',
      `${c.pods}/p/status`,
      { status: { phase: 'Succeeded' } },
      { type: 'application/merge-patch+json' },
    );
    await c.delete(`${c.pods}/p`);
    await c.get(`${c.pods}/p`);
  }),
  scenario('a marked pod that turns terminal stays', async (c) => {
    await bound(c, 'p');
    await c.quiet('DELETE', `${c.pods}/p`);
    await c.merge(`${c.pods}/p/status`, { status: { phase: 'Failed' } });
    await c.get(`${c.pods}/p`);
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 0 });
  }),
  scenario('finalizers hold a pod', async (c) => {
    await created(c, 'p', {}, { finalizers: ['a.b/c'] });
    await c.delete(`${c.pods}/p`);
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 0 });
    await c.merge(`${c.pods}/p`, { metadata: { finalizers: ['a.b/c', 'd.e/f'] } });
    await c.merge(`${c.pods}/p`, { metadata: { finalizers: null } });
    await c.get(`${c.pods}/p`);
  }),
  scenario('finalizers go while grace runs', async (c) => {
    await bound(c, 'p', { finalizers: ['a.b/c'] });
    await c.delete(`${c.pods}/p`);
    await c.merge(`${c.pods}/p`, { metadata: { finalizers: null } });
    await c.delete(`${c.pods}/p`, { gracePeriodSeconds: 0 });
  }),
  scenario('preconditions', async (c) => {
    const p = await created(c, 'p');
    await c.delete(`${c.pods}/p`, { preconditions: { uid: '00000000-0000-4000-8000-000000000000' } });
    await c.delete(`${c.pods}/p`, { preconditions: { resourceVersion: '1' } });
    await c.delete(`${c.pods}/p`, {
      preconditions: { uid: p.metadata.uid, resourceVersion: p.metadata.resourceVersion },
    });
    await c.delete(`${c.pods}/p`, { preconditions: { uid: p.metadata.uid } });
  }),
  scenario('propagation policies', async (c) => {
    await created(c, 'p');
    await c.delete(`${c.pods}/p`, { propagationPolicy: 'Never' });
    await c.delete(`${c.pods}/p`, { propagationPolicy: 'Foreground' });
    await c.quiet('POST', `${c.base}/configmaps`, configMap('m'));
    await c.delete(`${c.base}/configmaps/m`, { propagationPolicy: 'Orphan' });
  }),
  scenario('delete of a config map answers a Status', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, configMap('m'));
    await c.delete(`${c.base}/configmaps/m`);
    await c.delete(`${c.base}/configmaps/m`);
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases`;
    await c.quiet('POST', leases, { metadata: { name: 'l' } });
    await c.delete(`${leases}/l`);
  }),
  scenario('delete with dryRun keeps the object', async (c) => {
    await created(c, 'p');
    await c.delete(`${c.pods}/p?dryRun=All`);
    await c.get(`${c.pods}/p`);
  }),
  scenario('delete of a collection answers the objects as they were', async (c) => {
    await created(c, 'a', {}, { labels: { x: '1' } });
    await created(c, 'b');
    await bound(c, 'd', { labels: { x: '1' } });
    await c.delete(`${c.pods}?labelSelector=x%3D1`);
    await c.get(c.pods);
  }),
  scenario('binding', async (c) => {
    await created(c, 'p');
    const binding = (name: string, node: string, metadata = {}) => ({
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, ...metadata },
      target: { kind: 'Node', name: node },
    });
    await c.post(`${c.pods}/p/binding`, binding('q', 'n'));
    await c.post(`${c.pods}/p/binding`, binding('p', ''));
    await c.post(`${c.pods}/p/binding`, binding('p', 'n', { uid: '00000000-0000-4000-8000-000000000000' }));
    await c.post(`${c.pods}/p/binding`, binding('p', 'n', { annotations: { a: '1' }, labels: { l: '1' } }));
    await c.post(`${c.pods}/p/binding`, binding('p', 'm'));
    await c.post(`${c.pods}/none/binding`, binding('none', 'm'));
    await c.get(`${c.pods}/p`);
    await created(c, 'g', { schedulingGates: [{ name: 'a' }] });
    await c.post(`${c.pods}/g/binding`, binding('g', 'n'));
  }),
  scenario('eviction', async (c) => {
    await bound(c, 'p');
    const eviction = (name: string) => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });
    await c.post(`${c.pods}/p/eviction`, eviction('p'));
    await c.get(`${c.pods}/p`);
    await c.post(`${c.pods}/none/eviction`, eviction('none'));
    await c.post(`${c.pods}/p/eviction`, eviction('q'));
  }),
  scenario('logs without a kubelet', async (c) => {
    await created(c, 'p', {
      containers: [
        { name: 'base', image: 'a:1' },
        { name: 'side', image: 'b:1' },
      ],
      initContainers: [{ name: 'init', image: 'c:1' }],
    });
    await c.get(`${c.pods}/none/log`);
    await c.get(`${c.pods}/p/log`);
    await c.get(`${c.pods}/p/log?container=nope`);
    await c.get(`${c.pods}/p/log?container=base`);
    await c.get(`${c.pods}/p/log?container=base&tailLines=-1`);
    await c.get(`${c.pods}/p/log?container=base&limitBytes=0`);
    await c.get(`${c.pods}/p/log?container=base&sinceSeconds=0`);
    await c.get(`${c.pods}/p/log?container=base&sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z`);
    await c.get(`${c.pods}/p/log?container=base&tailLines=x`);
  }),
  scenario('logs of a pod on a node that is not there', async (c) => {
    await bound(c, 'p');
    await c.get(`${c.pods}/p/log`);
  }),
  scenario('quota', async (c) => {
    const quota = `${c.base}/resourcequotas`;
    await c.quiet('POST', quota, {
      metadata: { name: 'q' },
      spec: { hard: { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi' } },
    });
    await c.quiet(
      'PATCH',
      `${quota}/q/status`,
      {
        status: {
          hard: { pods: '1', 'requests.cpu': '1', 'limits.memory': '1Gi' },
          used: { pods: '0', 'requests.cpu': '0', 'limits.memory': '0' },
        },
      },
      { type: 'application/merge-patch+json' },
    );
    await c.post(c.pods, pod('a'));
    const container = (cpu: string) => ({
      containers: [{ name: 'base', image: 'a:1', resources: { requests: { cpu }, limits: { memory: '100Mi' } } }],
    });
    await c.post(c.pods, pod('a', container('2')));
    const ok = await c.quiet('POST', c.pods, pod('b', container('1')));
    c.records.push({ request: 'fits', status: ok.status, body: '' });
    await c.post(c.pods, pod('d', container('1')));
  }),
  scenario('a namespace is marked', async (c) => {
    const name = c.unique('gone');
    await c.quiet('POST', '/api/v1/namespaces', { metadata: { name } });
    await c.quiet(
      'POST',
      `/api/v1/namespaces/${name}/pods`,
      pod('p', { nodeName: 'no-such-node' }, { finalizers: ['a.b/c'] }),
    );
    await c.delete(`/api/v1/namespaces/${name}`);
    await c.post(`/api/v1/namespaces/${name}/configmaps`, configMap('m'));
    await c.delete('/api/v1/namespaces/nowhere-at-all');
  }),
];
