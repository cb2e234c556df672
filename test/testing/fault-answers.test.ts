/** What requests are answered that meet a fault: as a real server words it, since clients read it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from '../../src/testing/index.js';
import { type Send, sendTo } from '../conformance/connect.js';
import { call, PODS, pod } from './call.js';

describe.each([false, true])('answers of faults (TLS: %s)', (tls) => {
  let cluster: FakeCluster;
  let send: Send;
  beforeAll(async () => {
    cluster = await FakeCluster.start({ tls, token: 'open-sesame' });
    send = sendTo(cluster.url, { token: 'open-sesame', rejectUnauthorized: false });
  });
  afterAll(() => cluster?.stop());
  const inject = async (fault: object) => {
    const headers = { 'content-type': 'application/json' };
    const { text } = await send({ method: 'POST', path: '/_podwright/faults', headers, body: JSON.stringify(fault) });
    return JSON.parse(text);
  };

  it('who orders a restart by HTTP is told so, and the watches of others are reset', async () => {
    let opened = () => {};
    const isOpen = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const onPiece = () => {
      opened();
      return false;
    };
    expect((await call(cluster.transport(), 'POST', PODS, pod('seen'))).status).toBe(201);
    const watching = send({ method: 'GET', path: `${PODS}?watch=true`, headers: {}, body: undefined, onPiece });
    const end = watching.then(
      () => 'ended',
      () => 'reset',
    );
    await isOpen;
    expect(await inject({ fault: 'apiRotate' })).toEqual({ added: 1 });
    expect(await end).toBe('reset');
  });
});

describe('bodies of faults', () => {
  let cluster: FakeCluster;
  beforeAll(async () => {
    cluster = await FakeCluster.start({ listen: false });
  });
  afterAll(() => cluster?.stop());
  const create = () => call(cluster.transport(), 'POST', PODS, pod('p1'));

  it('an overloaded server answers in plain text, another refusal with a Status', async () => {
    cluster.faults.inject({ fault: 'tooManyRequests', retryAfter: 3, times: 1 });
    const { status, text, headers } = await create();
    expect([status, text]).toEqual([429, 'Too many requests, please try again later.\n']);
    expect(headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'retry-after': '3' });
    cluster.faults.inject({ fault: 'tooManyRequests', message: 'storage is (re)initializing', times: 1 });
    const later = await create();
    expect(later.headers['retry-after']).toBe('1');
    expect(later.json).toMatchObject({
      message: 'storage is (re)initializing',
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 1 },
      code: 429,
    });
  });

  it('says which object was refused', async () => {
    const details = async (fault: 'quotaFull' | 'quotaImpossible' | 'quotaConflict' | 'serverError') => {
      cluster.faults.inject({ fault, times: 1 });
      return (await create()).json.details;
    };
    expect(await details('quotaFull')).toEqual({ name: 'p1', kind: 'pods' });
    expect(await details('quotaImpossible')).toEqual({ name: 'p1', kind: 'pods' });
    expect(await details('quotaConflict')).toEqual({ name: 'quota', kind: 'resourcequotas' });
    expect(await details('serverError')).toBeUndefined();
    cluster.faults.add({ resource: 'pods', status: 403, details: { name: 'other' }, times: 1 });
    expect((await create()).json.details).toEqual({ name: 'other' });
  });
});
