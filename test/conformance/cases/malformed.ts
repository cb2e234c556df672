import { pod } from '../objects.js';
import { type ScenarioClient, scenario } from '../scenario.js';

type Json = Record<string, unknown>;

const raw = (name: string, text: string, type = 'application/json') =>
  scenario(`body: ${name}`, (c) => c.call('POST', c.pods, undefined, { raw: text, type }).then(() => {}));
const body = (name: string, value: unknown, query = '') =>
  scenario(`body: ${name}`, (c) => c.post(`${c.pods}${query}`, value).then(() => {}));
const one = (fields: Json) => ({ containers: [{ name: 'base', image: 'x', ...fields }] });
const patched = (name: string, type: string, text: string, query = '', sub = '') =>
  scenario(`patch: ${name}`, async (c) => {
    await c.quiet('POST', c.pods, pod('p', {}, { labels: { a: 'b' } }));
    await c.call('PATCH', `${c.pods}/p${sub}${query}`, undefined, { raw: text, type });
  });
const JSONP = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const withPod = (name: string, run: (c: ScenarioClient, p: Json) => Promise<unknown>) =>
  scenario(name, async (c) => {
    const { json } = await c.quiet('POST', c.pods, pod('p'));
    await run(c, json);
  });

/** Bodies and patches that cannot be read, or mean nothing. */
export const malformed = [
  raw('empty', ''),
  raw('not JSON', '{"a": x}'),
  raw('cut off', '{"kind": "Pod", "metadata": {'),
  raw('an array', '[]'),
  raw('null', 'null'),
  raw('a number', '5'),
  raw('a text', '"x"'),
  raw('trailing garbage', '{} x'),
  raw(
    'duplicate keys',
    '{"metadata":{"name":"p"},"metadata":{"name":"q"},"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"x"}]}}',
  ),
  raw(
    'duplicate keys deep',
    '{"metadata":{"name":"p"},"spec":{"restartPolicy":"Never","restartPolicy":"Always","containers":[{"name":"a","image":"x","image":"y"}]}}',
  ),
  raw('YAML that is none', 'a: [', 'application/yaml'),
  raw('YAML with a tab', 'metadata:\n\tname: p', 'application/yaml'),
  raw('a form', 'a=b', 'application/x-www-form-urlencoded'),
  raw(
    'JSON with a charset',
    '{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"x"}]}}',
    'application/json; charset=utf-8',
  ),
  body('an unknown kind', { apiVersion: 'v1', kind: 'Gizmo', metadata: { name: 'p' } }),
  body('an unknown version', { apiVersion: 'v7', kind: 'Pod', metadata: { name: 'p' } }),
  body('another kind', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'p' } }),
  body('a kind without a version', { kind: 'Pod', metadata: { name: 'p' } }),
  body('a version without a kind', { apiVersion: 'v1', metadata: { name: 'p' } }),
  body('a list', { apiVersion: 'v1', kind: 'PodList', items: [] }),
  body('metadata of a wrong type', { metadata: 'x' }),
  body('metadata of a list', { metadata: [] }),
  body('a name of a wrong type', { metadata: { name: 5 } }),
  body('spec of a wrong type', { metadata: { name: 'p' }, spec: [] }),
  body('labels of a wrong type', { metadata: { name: 'p', labels: [] } }),
  body('a time that is none', { metadata: { name: 'p', creationTimestamp: 'yesterday' } }),
  body('a bool of a wrong type', pod('p', { hostNetwork: 'yes' })),
  body('an int of a wrong type', pod('p', { activeDeadlineSeconds: '5' })),
  body('an int with a fraction', pod('p', { activeDeadlineSeconds: 5.5 })),
  body('an int too large', pod('p', { priority: 99_999_999_999 })),
  body('a port of a wrong type', pod('p', one({ ports: [{ containerPort: 'http' }] }))),
  body('a command of a wrong type', pod('p', one({ command: 'x' }))),
  body('a command of numbers', pod('p', one({ command: [1, 2] }))),
  body('env as a map', pod('p', one({ env: { A: 'b' } }))),
  body('an env value that is a number', pod('p', one({ env: [{ name: 'A', value: 1 }] }))),
  body('an env value that is a bool', pod('p', one({ env: [{ name: 'A', value: true }] }))),
  body('a quantity that is a bool', pod('p', one({ resources: { limits: { cpu: true } } }))),
  body('a quantity that is empty', pod('p', one({ resources: { limits: { cpu: '' } } }))),
  body('a quantity with a space', pod('p', one({ resources: { limits: { cpu: '1 ' } } }))),
  body('a quantity with an odd suffix', pod('p', one({ resources: { limits: { memory: '1gb' } } }))),
  body('a quantity that is a fraction', pod('p', one({ resources: { limits: { cpu: 0.25 } } }))),
  body('an annotation that is a number', pod('p', {}, { annotations: { a: 1 } })),
  body('a probe port that is a bool', pod('p', one({ livenessProbe: { httpGet: { port: true } } }))),
  body('unknown fields everywhere, warned of', {
    gizmo: 1,
    ...pod('p', { widget: 1, ...one({ env: [{ name: 'A', valu: 'x' }] }) }, { odd: 1 }),
  }),
  body(
    'unknown fields everywhere, refused',
    { gizmo: 1, ...pod('p', { widget: 1, ...one({ env: [{ name: 'A', valu: 'x' }] }) }, { odd: 1 }) },
    '?fieldValidation=Strict',
  ),
  body('unknown fields everywhere, ignored', { gizmo: 1, ...pod('p', { widget: 1 }) }, '?fieldValidation=Ignore'),
  body('an unknown field validation', pod('p'), '?fieldValidation=Maybe'),
  body('a field manager', pod('p'), '?fieldManager=mine'),
  body('a field manager that is too long', pod('p'), `?fieldManager=${'a'.repeat(129)}`),
  body('a field manager with odd characters', pod('p'), '?fieldManager=a%0Ab'),
  body('names of fields in another case', { Metadata: { name: 'p' }, Spec: { containers: [] } }),
  body('three mebibytes', pod('p', {}, { annotations: { a: 'x'.repeat(3 * 1024 * 1024) } })),
  body('three mebibytes and a half', pod('p', {}, { annotations: { a: 'x'.repeat(3 * 1024 * 1024 + 512 * 1024) } })),
  raw('duplicate keys, refused', '{"metadata":{"name":"p","name":"q"},"spec":{"containers":[]}}'),
  scenario('body: duplicate keys when strict', (c) =>
    c
      .call('POST', `${c.pods}?fieldValidation=Strict`, undefined, {
        raw: '{"metadata":{"name":"p","name":"q"},"spec":{"restartPolicy":"Never","restartPolicy":"Always","containers":[{"name":"a","image":"x"}]}}',
      })
      .then(() => {}),
  ),
  patched('JSON: an object', JSONP, '{}'),
  patched('JSON: not JSON', JSONP, '[x]'),
  patched('JSON: empty', JSONP, ''),
  patched('JSON: nothing to do', JSONP, '[]'),
  patched('JSON: unknown operation', JSONP, '[{"op":"fix","path":"/metadata"}]'),
  patched('JSON: no path', JSONP, '[{"op":"add","value":1}]'),
  patched('JSON: no operation', JSONP, '[{"path":"/metadata/labels/a"}]'),
  patched('JSON: a path without a slash', JSONP, '[{"op":"add","path":"metadata","value":1}]'),
  patched('JSON: no value', JSONP, '[{"op":"add","path":"/metadata/labels/x"}]'),
  patched('JSON: value null', JSONP, '[{"op":"add","path":"/metadata/labels/x","value":null}]'),
  patched('JSON: below a missing parent', JSONP, '[{"op":"add","path":"/metadata/annotations/x","value":"y"}]'),
  patched('JSON: remove of a missing', JSONP, '[{"op":"remove","path":"/metadata/labels/none"}]'),
  patched('JSON: replace of a missing', JSONP, '[{"op":"replace","path":"/metadata/labels/none","value":"x"}]'),
  patched(
    'JSON: test that holds',
    JSONP,
    '[{"op":"test","path":"/metadata/labels/a","value":"b"},{"op":"replace","path":"/metadata/labels/a","value":"c"}]',
  ),
  patched('JSON: test that fails', JSONP, '[{"op":"test","path":"/metadata/labels/a","value":"x"}]'),
  patched('JSON: move', JSONP, '[{"op":"move","from":"/metadata/labels/a","path":"/metadata/labels/z"}]'),
  patched('JSON: copy', JSONP, '[{"op":"copy","from":"/metadata/labels/a","path":"/metadata/labels/z"}]'),
  patched('JSON: copy from nowhere', JSONP, '[{"op":"copy","from":"/metadata/labels/q","path":"/metadata/labels/z"}]'),
  patched('JSON: index out of range', JSONP, '[{"op":"replace","path":"/spec/containers/7/image","value":"x"}]'),
  patched('JSON: index that is none', JSONP, '[{"op":"replace","path":"/spec/containers/x/image","value":"x"}]'),
  patched('JSON: append', JSONP, '[{"op":"add","path":"/spec/tolerations/-","value":{"key":"a","operator":"Exists"}}]'),
  patched('JSON: to a wrong type', JSONP, '[{"op":"replace","path":"/metadata/labels","value":"x"}]'),
  patched('JSON: the name', JSONP, '[{"op":"replace","path":"/metadata/name","value":"q"}]'),
  patched('JSON: the version', JSONP, '[{"op":"replace","path":"/metadata/resourceVersion","value":"1"}]'),
  patched('JSON: escaped keys', JSONP, '[{"op":"add","path":"/metadata/labels/a.b~1c","value":"x"}]'),
  patched('JSON: the root', JSONP, '[{"op":"replace","path":"","value":{}}]'),
  patched('merge: an array', MERGE, '[]'),
  patched('merge: null', MERGE, 'null'),
  patched('merge: a number', MERGE, '5'),
  patched('merge: not JSON', MERGE, '{x}'),
  patched('merge: empty', MERGE, ''),
  patched('merge: an empty object', MERGE, '{}'),
  patched('merge: an unknown field', MERGE, '{"spec":{"gizmo":1}}'),
  patched('merge: an unknown field, refused', MERGE, '{"spec":{"gizmo":1}}', '?fieldValidation=Strict'),
  patched('merge: forced', MERGE, '{}', '?force=true'),
  patched('merge: a manager', MERGE, '{"metadata":{"labels":{"a":"c"}}}', '?fieldManager=mine'),
  patched('merge: another kind', MERGE, '{"kind":"ConfigMap"}'),
  patched('merge: another version', MERGE, '{"apiVersion":"v2"}'),
  patched('merge: another name', MERGE, '{"metadata":{"name":"q"}}'),
  patched('merge: another namespace', MERGE, '{"metadata":{"namespace":"q"}}'),
  patched('merge: another uid', MERGE, '{"metadata":{"uid":"q"}}'),
  patched('merge: a stale version', MERGE, '{"metadata":{"resourceVersion":"1"}}'),
  patched('merge: a bad version', MERGE, '{"metadata":{"resourceVersion":"x"}}'),
  patched('merge: containers replaced', MERGE, '{"spec":{"containers":[{"name":"x","image":"y"}]}}'),
  patched('merge: image', MERGE, '{"spec":{"containers":[{"name":"base","image":"y"}]}}'),
  patched('merge: all labels gone', MERGE, '{"metadata":{"labels":null}}'),
  patched('merge: managed fields reset', MERGE, '{"metadata":{"managedFields":[{}]}}'),
  patched('merge: a bad label', MERGE, '{"metadata":{"labels":{"a":"b c"}}}'),
  patched('merge: status is ignored', MERGE, '{"status":{"phase":"Running"}}'),
  patched(
    'merge: status subresource',
    MERGE,
    '{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}',
    '',
    '/status',
  ),
  patched('merge: status of a wrong type', MERGE, '{"status":{"phase":5}}', '', '/status'),
  patched('merge: dry run', MERGE, '{"metadata":{"labels":{"a":"c"}}}', '?dryRun=All'),
  patched('merge: bad dry run', MERGE, '{}', '?dryRun=Maybe'),
  patched('strategic: an array', STRATEGIC, '[]'),
  patched('strategic: not JSON', STRATEGIC, '{'),
  patched('strategic: an unknown directive', STRATEGIC, '{"spec":{"$patch":"fix"}}'),
  patched('strategic: a container without a key', STRATEGIC, '{"spec":{"containers":[{"image":"x"}]}}'),
  patched('strategic: containers of a wrong type', STRATEGIC, '{"spec":{"containers":"x"}}'),
  patched('strategic: labels of a wrong type', STRATEGIC, '{"metadata":{"labels":"x"}}'),
  patched('strategic: an unknown field', STRATEGIC, '{"spec":{"gizmo":1}}'),
  patched('strategic: an unknown field, refused', STRATEGIC, '{"spec":{"gizmo":1}}', '?fieldValidation=Strict'),
  patched('strategic: image', STRATEGIC, '{"spec":{"containers":[{"name":"base","image":"y"}]}}'),
  patched('strategic: a second container', STRATEGIC, '{"spec":{"containers":[{"name":"more","image":"y"}]}}'),
  patched('strategic: deadline', STRATEGIC, '{"spec":{"activeDeadlineSeconds":60}}'),
  patched('strategic: label deleted', STRATEGIC, '{"metadata":{"labels":{"a":null,"c":"d"}}}'),
  patched('strategic: replaced', STRATEGIC, '{"metadata":{"labels":{"$patch":"replace","c":"d"}}}'),
  patched('unknown type', 'application/xml', '<a/>'),
  patched('plain JSON', 'application/json', '{}'),
  withPod('put with unknown fields', (c, p) => c.put(`${c.pods}/p`, { ...p, gizmo: 1 })),
  withPod('put with unknown fields, refused', (c, p) =>
    c.put(`${c.pods}/p?fieldValidation=Strict`, { ...p, gizmo: 1 }),
  ),
  withPod('put with a dry run', (c, p) =>
    c.put(`${c.pods}/p?dryRun=All`, { ...p, metadata: { ...(p.metadata as Json), labels: { a: 'b' } } }),
  ),
  withPod('put with another namespace', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, metadata: { ...(p.metadata as Json), namespace: 'x' } }),
  ),
  withPod('put with a bad version', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, metadata: { ...(p.metadata as Json), resourceVersion: 'x' } }),
  ),
  withPod('put by a manager', (c, p) =>
    c.put(`${c.pods}/p?fieldManager=mine`, { ...p, metadata: { ...(p.metadata as Json), labels: { a: 'b' } } }),
  ),
  withPod('put without managed fields', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, metadata: { name: 'p', labels: { a: 'b' } } }),
  ),
  withPod('put of another kind', (c, p) => c.put(`${c.pods}/p`, { ...p, kind: 'ConfigMap' })),
  withPod('put of a restart policy', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, spec: { ...(p.spec as Json), restartPolicy: 'Always' } }),
  ),
  withPod('put of a node name', (c, p) => c.put(`${c.pods}/p`, { ...p, spec: { ...(p.spec as Json), nodeName: 'n' } })),
  withPod('put of a grace period', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, spec: { ...(p.spec as Json), terminationGracePeriodSeconds: 5 } }),
  ),
  withPod('put of an environment', (c, p) =>
    c.put(`${c.pods}/p`, {
      ...p,
      spec: {
        ...(p.spec as Json),
        containers: [{ name: 'base', image: 'busybox:1.36', env: [{ name: 'A', value: 'b' }] }],
      },
    }),
  ),
  withPod('put of an empty image', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, spec: { ...(p.spec as Json), containers: [{ name: 'base', image: '' }] } }),
  ),
  withPod('put of no containers', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, spec: { ...(p.spec as Json), containers: [] } }),
  ),
  withPod('put of a changed toleration', (c, p) =>
    c.put(`${c.pods}/p`, { ...p, spec: { ...(p.spec as Json), tolerations: [{ key: 'a', operator: 'Exists' }] } }),
  ),
];
