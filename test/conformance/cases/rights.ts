import { pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

const named = (name: string, run: (c: ScenarioClient) => Promise<unknown>) =>
  scenario(name, (c) => run(c).then(() => {}));
const as = (user: string, ...groups: string[]) => ({
  headers: { 'impersonate-user': user, ...(groups.length === 0 ? {} : { 'impersonate-group': groups.join(',') }) },
});
const leases = (c: ScenarioClient) => `/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases`;

/** What users without rights are told. The sender, an administrator, impersonates them. */
export const rights = [
  named('a user without rights and pods', async (c) => {
    await c.quiet('POST', c.pods, pod('p'));
    for (const path of [c.pods, `${c.pods}/p`, `${c.pods}/p/log`, '/api/v1/pods', `${c.pods}?watch=true`])
      await c.get(path, as('jane'));
    await c.post(c.pods, pod('q'), as('jane'));
    await c.delete(`${c.pods}/p`, undefined, as('jane'));
    await c.call('DELETE', c.pods, undefined, as('jane'));
    await c.put(`${c.pods}/p`, pod('p'), as('jane'));
    await c.merge(`${c.pods}/p`, {}, as('jane'));
    await c.merge(`${c.pods}/p/status`, {}, as('jane'));
    await c.post(`${c.pods}/p/eviction`, {}, as('jane'));
  }),
  named('a user without rights and other kinds', async (c) => {
    await c.get(leases(c), as('jane'));
    await c.get(`${leases(c)}/l`, as('jane'));
    await c.get('/api/v1/nodes', as('jane'));
    await c.get('/api/v1/namespaces', as('jane'));
    await c.get(`/api/v1/namespaces/${c.ns}`, as('jane'));
    await c.post('/api/v1/namespaces', { metadata: { name: 'x' } }, as('jane'));
    await c.get(`${c.base}/secrets/s`, as('jane'));
  }),
  named('a service account without rights', (c) =>
    c.get(c.pods, as(`system:serviceaccount:${c.ns}:worker`, 'system:serviceaccounts')),
  ),
  named('a user of the group of administrators', (c) => c.get(`${c.base}/configmaps`, as('jane', 'system:masters'))),
  named('a user asks what they may', async (c) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const spec = { resourceAttributes: { verb: 'list', resource: 'pods', namespace: c.ns } };
    await c.post(path, { spec }, as('jane', 'system:authenticated'));
    await c.post(path, { spec });
  }),
  named('impersonating a group without a user', (c) =>
    c.get(c.pods, { headers: { 'impersonate-group': 'system:masters' } }),
  ),
];
