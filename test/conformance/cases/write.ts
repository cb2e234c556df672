import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

const created = async (c: ScenarioClient, ...args: Parameters<typeof pod>) =>
  (await c.quiet('POST', c.pods, pod(...args))).json;
const status = (c: ScenarioClient, name: string, value: unknown) =>
  c.quiet('PATCH', `${c.pods}/${name}/status`, { status: value }, { type: 'application/merge-patch+json' });

/** Updates, patches and the status. */
export const write = [
  scenario('get of a missing object is 404', async (c) => {
    await c.get(`${c.pods}/none`);
    await c.get(`/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases/none`);
  }),
  scenario('put without a version overwrites', async (c) => {
    await created(c, 'p');
    await c.put(`${c.pods}/p`, pod('p', {}, { labels: { a: 'b' } }));
  }),
  scenario('put with a stale version is 409', async (c) => {
    const p = await created(c, 'p');
    await c.quiet(
      'PATCH',
      `${c.pods}/p`,
      { metadata: { labels: { a: 'b' } } },
      { type: 'application/merge-patch+json' },
    );
    await c.put(`${c.pods}/p`, p);
  }),
  scenario('put that changes nothing writes nothing', async (c) => {
    const p = await created(c, 'p');
    await c.put(`${c.pods}/p`, p);
  }),
  scenario('put with another uid is 409', async (c) => {
    await created(c, 'p');
    await c.put(`${c.pods}/p`, pod('p', {}, { uid: '00000000-0000-4000-8000-000000000000' }));
  }),
  scenario('put of a missing pod is 404', (c) => c.put(`${c.pods}/p`, pod('p')).then(() => {})),
  scenario('put with another name is 400', async (c) => {
    await created(c, 'p');
    await c.put(`${c.pods}/p`, pod('q'));
  }),
  scenario('put without a name is 400', async (c) => {
    await created(c, 'p');
    await c.put(`${c.pods}/p`, { ...pod('p'), metadata: {} });
  }),
  scenario('put creates a lease', async (c) => {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases/l`;
    await c.put(path, { metadata: { name: 'l' }, spec: {} });
    await c.put(path, { metadata: { name: 'l' }, spec: { holderIdentity: 'x' } });
  }),
  scenario('put ignores the status', async (c) => {
    const p = await created(c, 'p');
    await c.put(`${c.pods}/p`, { ...p, status: { phase: 'Running' } });
  }),
  scenario('put of an image changes the generation', async (c) => {
    const p = await created(c, 'p');
    p.spec.containers[0].image = 'busybox:2';
    await c.put(`${c.pods}/p`, p);
  }),
  scenario('put of another command is 422', async (c) => {
    const p = await created(c, 'p');
    p.spec.containers[0].command = ['x'];
    const answer = await c.quiet('PUT', `${c.pods}/p`, p);
    c.records.push({
      request: 'put',
      status: answer.status,
      body: {
        start: answer.json.message.slice(0, 400),
        fields: answer.json.details.causes.map((cause: { field: string }) => cause.field),
      },
    });
  }),
  scenario('put of another container is 422', async (c) => {
    const p = await created(c, 'p');
    p.spec.containers.push({ name: 'b', image: 'x' });
    await c.put(`${c.pods}/p`, p);
  }),
  scenario('activeDeadlineSeconds may be set and lowered only', async (c) => {
    await created(c, 'p');
    await c.merge(`${c.pods}/p`, { spec: { activeDeadlineSeconds: 100 } });
    await c.merge(`${c.pods}/p`, { spec: { activeDeadlineSeconds: 50 } });
    await c.merge(`${c.pods}/p`, { spec: { activeDeadlineSeconds: 60 } });
    await c.merge(`${c.pods}/p`, { spec: { activeDeadlineSeconds: null } });
  }),
  scenario('tolerations may be added', async (c) => {
    const p = await created(c, 'p');
    await c.merge(`${c.pods}/p`, { spec: { tolerations: [...p.spec.tolerations, { key: 'a', operator: 'Exists' }] } });
  }),
  scenario('removed default tolerations come back', async (c) => {
    await created(c, 'p');
    await c.merge(`${c.pods}/p`, { spec: { tolerations: null } });
  }),
  scenario('gates may be removed', async (c) => {
    await created(c, 'p', { schedulingGates: [{ name: 'a' }, { name: 'b' }] });
    await c.merge(`${c.pods}/p`, { spec: { schedulingGates: [{ name: 'a' }] } });
    await c.merge(`${c.pods}/p`, { spec: { schedulingGates: [{ name: 'a' }, { name: 'c' }] } });
    await c.merge(`${c.pods}/p`, { spec: { schedulingGates: null } });
  }),
  scenario('metadata that cannot change', async (c) => {
    await created(c, 'p');
    await c.merge(`${c.pods}/p`, { metadata: { uid: '00000000-0000-4000-8000-000000000000' } });
    await c.merge(`${c.pods}/p`, { metadata: { creationTimestamp: '2020-01-01T00:00:00Z', generation: 9 } });
    await c.merge(`${c.pods}/p`, { metadata: { deletionTimestamp: '2020-01-01T00:00:00Z' } });
    await c.merge(`${c.pods}/p`, { metadata: { name: 'q' } });
    await c.merge(`${c.pods}/p`, { metadata: { resourceVersion: '1' } });
  }),
  scenario('merge patch of a missing pod is 404', (c) => c.merge(`${c.pods}/p`, {}).then(() => {})),
  scenario('merge patch with null deletes', async (c) => {
    await created(c, 'p', {}, { labels: { a: '1', b: '2' } });
    await c.merge(`${c.pods}/p`, { metadata: { labels: { a: null, c: '3' } } });
  }),
  scenario('merge patch that is no object is 400', async (c) => {
    await created(c, 'p');
    await c.merge(`${c.pods}/p`, [1]);
    await c.call('PATCH', `${c.pods}/p`, undefined, { raw: '{"a":', type: 'application/merge-patch+json' });
  }),
  scenario('merge patch to a wrong type is 422', async (c) => {
    await created(c, 'p');
    await c.merge(`${c.pods}/p`, { metadata: { labels: 'x' } });
  }),
  scenario('patch with an unknown type is 415', async (c) => {
    await created(c, 'p');
    await c.call('PATCH', `${c.pods}/p`, {}, { type: 'application/json' });
  }),
  scenario('JSON patch operations', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, configMap('m', { a: '1', b: '2' }));
    const path = `${c.base}/configmaps/m`;
    await c.jsonPatch(path, [
      { op: 'test', path: '/data/a', value: '1' },
      { op: 'replace', path: '/data/a', value: '9' },
      { op: 'remove', path: '/data/b' },
      { op: 'add', path: '/data/c', value: '3' },
    ]);
    await c.jsonPatch(path, [
      { op: 'copy', from: '/data/a', path: '/data/d' },
      { op: 'move', from: '/data/c', path: '/data/e' },
    ]);
    await c.jsonPatch(path, [{ op: 'test', path: '/data/a', value: 'no' }]);
    await c.jsonPatch(path, [{ op: 'remove', path: '/data/none' }]);
    await c.jsonPatch(path, [{ op: 'replace', path: '/data/none', value: 'x' }]);
    await c.jsonPatch(path, [{ op: 'add', path: '/none/x', value: 'x' }]);
    await c.jsonPatch(path, [{ op: 'frob', path: '/data/a' }]);
    await c.jsonPatch(path, { op: 'add' });
  }),
  scenario('strategic merge of conditions keeps others', async (c) => {
    await created(c, 'p');
    const conditions = (...types: string[]) => ({
      status: { conditions: types.map((type) => ({ type, status: 'True' })) },
    });
    await c.strategic(`${c.pods}/p/status`, conditions('Ready', 'Mine'));
    await c.strategic(`${c.pods}/p/status`, conditions('Ready', 'New'));
    await c.strategic(`${c.pods}/p/status`, { status: { conditions: [{ type: 'Mine', $patch: 'delete' }] } });
  }),
  scenario('strategic merge of containers by name', async (c) => {
    await created(c, 'p', {
      containers: [
        { name: 'base', image: 'a:1' },
        { name: 'side', image: 'b:1' },
      ],
    });
    await c.strategic(`${c.pods}/p`, { spec: { containers: [{ name: 'side', image: 'b:2' }] } });
  }),
  scenario('strategic merge adds and deletes finalizers', async (c) => {
    await created(c, 'p', {}, { finalizers: ['a.b/c'] });
    await c.strategic(`${c.pods}/p`, { metadata: { finalizers: ['d.e/f'] } });
    await c.strategic(`${c.pods}/p`, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.b/c'] } });
    await c.strategic(`${c.pods}/p`, { metadata: { labels: { $patch: 'replace', z: '1' } } });
    await c.strategic(`${c.pods}/p`, { metadata: { finalizers: null } });
  }),
  scenario('strategic merge without the merge key', async (c) => {
    await created(c, 'p');
    await c.strategic(`${c.pods}/p`, { spec: { containers: [{ image: 'x' }] } });
    await c.strategic(`${c.pods}/p`, { spec: { containers: [{ name: 'base', $patch: 'frob' }] } });
  }),
  scenario('status takes status and labels, not the spec', async (c) => {
    const p = await created(c, 'p');
    await c.put(`${c.pods}/p/status`, {
      ...p,
      metadata: { ...p.metadata, labels: { l: '1' } },
      spec: { ...p.spec, activeDeadlineSeconds: 9 },
      status: { phase: 'Running' },
    });
    await c.merge(`${c.pods}/p/status`, { status: { qosClass: 'Guaranteed' } });
    await c.merge(`${c.pods}/p/status`, { status: { phase: 'Odd' } });
    await c.merge(`${c.pods}/p/status`, { status: null });
    await c.get(`${c.pods}/p/status`);
    await c.post(`${c.pods}/p/status`, p);
    await c.delete(`${c.pods}/p/status`);
  }),
  scenario('status of containers gets its form', async (c) => {
    await created(c, 'p');
    await c.merge(`${c.pods}/p/status`, {
      status: {
        phase: 'Failed',
        containerStatuses: [{ name: 'base', state: { terminated: { exitCode: 1 } } }],
        conditions: [{ type: 'Ready', status: 'False' }],
      },
    });
  }),
  scenario('a terminated container stays terminated', async (c) => {
    await created(c, 'p');
    await status(c, 'p', { containerStatuses: [{ name: 'base', state: { terminated: { exitCode: 1 } } }] });
    await c.merge(`${c.pods}/p/status`, { status: { containerStatuses: [{ name: 'base', state: { running: {} } }] } });
  }),
  scenario('status of a stale version is 409', async (c) => {
    const p = await created(c, 'p');
    await status(c, 'p', { phase: 'Running' });
    await c.put(`${c.pods}/p/status`, p);
  }),
  scenario('immutable config maps', async (c) => {
    await c.quiet('POST', `${c.base}/configmaps`, { ...configMap('m'), immutable: true });
    await c.merge(`${c.base}/configmaps/m`, { data: { a: '2' } });
    await c.merge(`${c.base}/configmaps/m`, { immutable: null });
  }),
  scenario('the type of a secret is immutable', async (c) => {
    await c.quiet('POST', `${c.base}/secrets`, { metadata: { name: 's' } });
    await c.merge(`${c.base}/secrets/s`, { type: 'other' });
  }),
  scenario('patch with dryRun stores nothing', async (c) => {
    await created(c, 'p');
    await c.merge(`${c.pods}/p?dryRun=All`, { metadata: { labels: { a: 'b' } } });
    await c.get(`${c.pods}/p`);
  }),
];
