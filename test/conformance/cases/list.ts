import { configMap, pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

async function maps(c: ScenarioClient): Promise<string> {
  for (const name of ['b', 'a', 'a-b', 'a.b', 'a0'])
    await c.quiet(
      'POST',
      `${c.base}/configmaps`,
      configMap(
        name,
        { n: name },
        { labels: { n: name.replace('.', '-'), ...(name === 'b' ? { level: '7', empty: '' } : {}) } },
      ),
    );
  return `${c.base}/configmaps`;
}

/** The names of a list, and what its metadata holds. */
async function names(c: ScenarioClient, path: string): Promise<string | undefined> {
  const { status, json } = await c.quiet('GET', path);
  c.records.push({
    request: `NAMES ${path}`,
    status,
    body:
      status === 200
        ? {
            names: json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
            hasMore: json.metadata.continue !== undefined,
            remaining: json.metadata.remainingItemCount,
          }
        : json,
  });
  return json.metadata?.continue;
}

const q = encodeURIComponent;
const labels = (text: string) => `labelSelector=${q(text)}`;
const fields = (text: string) => `fieldSelector=${q(text)}`;

/** Lists, selectors, pages and versions. */
export const list = [
  scenario('a list is sorted and has no kinds in its items', async (c) => {
    await c.get(`${await maps(c)}?${labels('n')}`);
  }),
  scenario('a list of a missing namespace is empty', (c) =>
    c.get('/api/v1/namespaces/nowhere-at-all/pods').then(() => {}),
  ),
  scenario('pages are a snapshot with the rest counted', async (c) => {
    const path = await maps(c);
    await c.quiet('DELETE', `${path}/kube-root-ca.crt`);
    const token = await names(c, `${path}?limit=2&${labels('n')}`);
    await c.quiet('DELETE', `${path}/b`);
    const next = await names(c, `${path}?limit=2&${labels('n')}&continue=${q(token ?? '')}`);
    await names(c, `${path}?${labels('n')}&continue=${q(next ?? '')}`);
  }),
  scenario('the rest is counted without selectors', async (c) => {
    for (const name of ['a', 'b', 'd']) await c.quiet('POST', c.pods, pod(name));
    const token = await names(c, `${c.pods}?limit=1`);
    await names(c, `${c.pods}?limit=1&continue=${q(token ?? '')}`);
    await names(c, `${c.pods}?limit=-1`);
    await names(c, `${c.pods}?limit=1&resourceVersion=0`);
    await names(c, `${c.pods}?limit=x`);
    await names(c, `${c.pods}?limit=1&continue=${q(token ?? '')}&resourceVersion=5000`);
    await names(c, `${c.pods}?limit=1&continue=nonsense`);
  }),
  ...[
    'n=a',
    'n==a',
    'n!=a',
    'n in (a,b)',
    'n notin (a, b)',
    'n',
    '!level',
    'level>6',
    'level<7',
    'level>6,n',
    'empty=',
    'empty in (,x)',
    'n in ()',
    'n x',
    'n in a',
    'n in (a',
    'a b c',
    '=a',
    'n=a=b',
    'n>x',
    'n=a b',
    '!n=a',
    'n,',
    ',n',
    'bad key!=x',
    'n=-bad-',
    'n=!',
  ].map((selector) =>
    scenario(`label selector ${selector}`, async (c) => {
      await names(c, `${await maps(c)}?${labels(selector)}`);
    }),
  ),
  ...[
    'metadata.name=p',
    'metadata.name!=p',
    'status.phase=Pending',
    'spec.nodeName=',
    'spec.restartPolicy==Never',
    'spec.gizmo=1',
    'metadata.name',
    'metadata.name=p,spec.nodeName=',
    'status.phase in (a)',
    'metadata.labels.a=b',
    'spec.host=',
  ].map((selector) =>
    scenario(`field selector of pods ${selector}`, async (c) => {
      await c.quiet('POST', c.pods, pod('p'));
      await c.quiet('POST', c.pods, pod('q'));
      await names(c, `${c.pods}?${fields(selector)}`);
    }),
  ),
  scenario('field selectors of other kinds', async (c) => {
    const path = await maps(c);
    await names(c, `${path}?${fields('metadata.name=a')}`);
    await names(c, `${path}?${fields('data.a=1')}`);
    await c.quiet('POST', `${c.base}/events`, {
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: c.ns },
      reason: 'R',
      type: 'Normal',
      source: { component: 'me' },
    });
    for (const selector of ['involvedObject.name=p', 'reason=R', 'type=Warning', 'source=me', 'message=x'])
      await names(c, `${c.base}/events?${fields(selector)}`);
    await names(c, `${c.base}/secrets?${fields('type=Opaque')}`);
    await names(c, `/apis/coordination.k8s.io/v1/namespaces/${c.ns}/leases?${fields('spec.x=1')}`);
  }),
  scenario('versions of lists', async (c) => {
    const p = await c.quiet('POST', c.pods, pod('p'));
    const version = p.json.metadata.resourceVersion;
    const q = await c.quiet('POST', c.pods, pod('q'));
    // Not older than the last, since a list from a cache need not show what came after the version that is asked for.
    await names(c, `${c.pods}?resourceVersion=${q.json.metadata.resourceVersion}`);
    await names(c, `${c.pods}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    await names(c, `${c.pods}?resourceVersion=${version}&limit=5`);
    await names(c, `${c.pods}?resourceVersion=0`);
    await names(c, `${c.pods}?resourceVersion=text`);
    await names(c, `${c.pods}?resourceVersionMatch=Exact`);
    await names(c, `${c.pods}?resourceVersion=0&resourceVersionMatch=Exact`);
    await names(c, `${c.pods}?resourceVersion=${version}&resourceVersionMatch=Sometimes`);
    await names(c, `${c.pods}?sendInitialEvents=true`);
  }),
  scenario('a list of a future version is 504', async (c) => {
    const { status, json } = await c.quiet('GET', `${c.pods}?resourceVersion=99999999`);
    c.records.push({
      request: 'future',
      status,
      body: { ...json, message: json.message.replace(/current: \d+/, 'current: n') },
    });
  }),
  scenario('versions of gets', async (c) => {
    await c.quiet('POST', c.pods, pod('p'));
    await c.get(`${c.pods}/p?resourceVersion=0`);
    await c.get(`${c.pods}/p?resourceVersion=text`);
    await c.get(`${c.pods}/p?watch=true`);
  }),
  scenario('a table of pods', async (c) => {
    await c.quiet('POST', c.pods, pod('p'));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const { json } = await c.quiet('GET', c.pods, undefined, { accept });
    for (const row of json.rows) row.cells[4] = 'age';
    c.records.push({ request: 'table', status: 200, body: json });
    const none = await c.quiet('GET', `${c.pods}/p?includeObject=None`, undefined, { accept });
    for (const row of none.json.rows) row.cells[4] = 'age';
    c.records.push({ request: 'table of one', status: 200, body: none.json });
  }),
  scenario('metadata only', async (c) => {
    await c.quiet('POST', c.pods, pod('p', {}, { labels: { a: 'b' } }));
    await c.get(c.pods, { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' });
    await c.get(`${c.pods}/p`, { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' });
  }),
  scenario('an unknown representation is 406', (c) => c.get(c.pods, { accept: 'text/html' }).then(() => {})),
  scenario('unknown paths and methods', async (c) => {
    await c.get('/nowhere');
    await c.get('/apis/none.example/v1/things');
    await c.get(`${c.base}/gizmos`);
    await c.get('/apis/coordination.k8s.io/v1/gizmos');
    await c.post(`${c.pods}/p`, pod('p'));
    await c.put(c.pods, pod('p'));
    await c.merge(c.pods, {});
    await c.delete('/api/v1/namespaces');
    await c.get(`${c.pods}/p/gizmo`);
  }),
];
