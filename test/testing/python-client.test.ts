/** The requests of Airflow's executor as its Python client (kubernetes 37) spells them, with its headers: no Content-Type on POST and DELETE. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from '../../src/testing/index.js';
import { type Send, sendTo } from '../conformance/connect.js';

const PODS = '/api/v1/namespaces/default/pods';
const AGENT = { accept: 'application/json', 'user-agent': 'OpenAPI-Generator/37.0.2/python' };
const ALIVE = 'labelSelector=airflow-worker%3D5%2Ckubernetes_executor_done%21%3DTrue';
const TASK = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { labels: { 'airflow-worker': '5', kubernetes_executor: 'True' }, name: 'task-1' },
  spec: { containers: [{ image: 'x:1', name: 'base' }], restartPolicy: 'Never' },
};

describe('the Python client of Airflow', () => {
  let cluster: FakeCluster;
  let send: Send;
  const ask = async (method: string, path: string, body?: unknown, headers = {}) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const answer = await send({ method, path, headers: { ...AGENT, ...headers }, body: payload });
    return { ...answer, json: answer.text.startsWith('{') ? JSON.parse(answer.text) : undefined };
  };
  beforeAll(async () => {
    cluster = await FakeCluster.start({
      tls: true,
      token: 'open-sesame',
      script: () => ({ duration: '50ms', log: 'one\ntwo\n' }),
    });
    send = sendTo(cluster.url, { token: 'open-sesame', rejectUnauthorized: false });
  });
  afterAll(() => cluster?.stop());

  it('creates a pod, once', async () => {
    const made = await ask('POST', PODS, TASK);
    expect([made.status, made.json.metadata.name]).toEqual([201, 'task-1']);
    expect(made.json.metadata.managedFields[0].manager).toBe('OpenAPI-Generator');
    const again = await ask('POST', PODS, TASK);
    expect([again.status, again.json.reason]).toEqual([409, 'AlreadyExists']);
  });

  it('watches it to its end, then sees the label that hides it', async () => {
    const seen: string[] = [];
    let rest = '';
    const onPiece = (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { type, object } = JSON.parse(line);
        seen.push(`${type} ${object.status.phase}`);
      }
      return seen.some((event) => event.endsWith('Succeeded'));
    };
    const path = `${PODS}?${ALIVE}&resourceVersion=0&timeoutSeconds=60&watch=true`;
    await send({ method: 'GET', path, headers: AGENT, body: undefined, onPiece });
    expect(seen[0]).toMatch(/^ADDED /);
    expect(seen.at(-1)).toMatch(/ Succeeded$/);
    const labels = { metadata: { labels: { kubernetes_executor_done: 'True' } } };
    const type = { 'content-type': 'application/strategic-merge-patch+json' };
    const patched = await ask('PATCH', `${PODS}/task-1`, labels, type);
    expect(patched.json.metadata.labels).toEqual({ ...TASK.metadata.labels, kubernetes_executor_done: 'True' });
    expect((await ask('GET', `${PODS}?${ALIVE}`)).json.items).toEqual([]);
  });

  it('lists by label and field, with a limit', async () => {
    const query = 'fieldSelector=status.phase%3DSucceeded&labelSelector=airflow-worker%3D5&limit=10';
    const { json } = await ask('GET', `${PODS}?${query}`);
    expect(json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['task-1']);
  });

  it('reads the log, also to its end', async () => {
    const log = `${PODS}/task-1/log?container=base`;
    expect((await ask('GET', `${log}&follow=true`)).text).toBe('one\ntwo\n');
    expect((await ask('GET', `${log}&follow=false&tailLines=1`)).text).toBe('two\n');
    const stamped = (await ask('GET', `${log}&follow=false&tailLines=10&timestamps=true`)).text;
    expect(stamped).toMatch(/^\d{4}-\S+Z one\n\d{4}-\S+Z two\n$/);
  });

  it('is told of a version that is too old inside the stream', async () => {
    const { status, json } = await ask('GET', `${PODS}?resourceVersion=1&timeoutSeconds=2&watch=true`);
    expect([status, json.type, json.object.code, json.object.reason]).toEqual([200, 'ERROR', 410, 'Expired']);
  });

  it('deletes with options in the body, and finds nothing the second time', async () => {
    const gone = await ask('DELETE', `${PODS}/task-1`, { gracePeriodSeconds: 0 });
    expect([gone.status, gone.json.kind]).toEqual([200, 'Pod']);
    const missing = await ask('DELETE', `${PODS}/task-1`, {});
    expect([missing.status, missing.json.message]).toEqual([404, 'pods "task-1" not found']);
  });

  it('asks for the version with a slash', async () => {
    expect((await ask('GET', '/version/')).json.gitVersion).toMatch(/^v1\./);
  });
});
