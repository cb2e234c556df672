import { gzipSync } from 'node:zlib';
import nock from 'nock';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type KubeApiError, KubeConfigError } from '../../../src/errors.js';
import type { RequestCredentials } from '../../../src/kube/api-caller.js';
import { HttpKubeClient, type HttpKubeClientOptions } from '../../../src/kube/http-kube-client.js';
import { HttpsTransport } from '../../../src/kube/https-transport.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

const SERVER = 'https://kube.test:6443';
const PODS = '/api/v1/namespaces/ns/pods';
const clients: HttpKubeClient[] = [];

function client(options: Partial<HttpKubeClientOptions> = {}): HttpKubeClient {
  const made = new HttpKubeClient({
    transport: new HttpsTransport({ server: SERVER }),
    retry: { maxAttempts: 4, initialMs: 1, maxMs: 2 },
    ...options,
  });
  clients.push(made);
  return made;
}

const status = (code: number, reason: string, message = reason) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  code,
  reason,
  message,
});
const secretPod = {
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'base', env: [{ name: 'PASSWORD', value: 'hunter2' }] }] },
};

beforeAll(() => nock.disableNetConnect());
afterEach(async () => {
  const pending = nock.pendingMocks();
  nock.abortPendingRequests();
  nock.cleanAll();
  for (const one of clients.splice(0)) await one.close();
  expect(pending).toEqual([]);
});
afterAll(() => {
  nock.restore();
});

describe('calls', () => {
  test('reads a pod, and tells a missing one from a failure', async () => {
    nock(SERVER, { reqheaders: { accept: 'application/json', 'user-agent': 'podwright', 'accept-encoding': 'gzip' } })
      .get(`${PODS}/p`)
      .reply(200, { metadata: { name: 'p' } });
    nock(SERVER).get(`${PODS}/q`).reply(404, status(404, 'NotFound'));
    nock(SERVER).get(`${PODS}/r`).reply(403, status(403, 'Forbidden'));
    const kube = client();
    expect(await kube.readPod('ns', 'p')).toEqual({ metadata: { name: 'p' } });
    expect(await kube.readPod('ns', 'q')).toBeUndefined();
    await expect(kube.readPod('ns', 'r')).rejects.toMatchObject({
      status: 403,
      reason: 'Forbidden',
      retryable: false,
      code: 'ERR_PODWRIGHT_KUBE_API',
    });
  });

  test('lists compressed pages with selectors', async () => {
    nock(SERVER)
      .get('/api/v1/pods')
      .query({ labelSelector: 'a in (b,c)', fieldSelector: 'status.phase=Running', limit: '2', continue: 'tok' })
      .reply(200, gzipSync(JSON.stringify({ metadata: { resourceVersion: '5' }, items: [{}, {}] })), {
        'content-encoding': 'gzip',
      });
    const page = await client().listPods({
      labelSelector: 'a in (b,c)',
      fieldSelector: 'status.phase=Running',
      limit: 2,
      continue: 'tok',
      resourceVersion: '9',
    });
    expect(page.items).toHaveLength(2);
  });

  test.each([
    ['json', 'application/json-patch+json'],
    ['merge', 'application/merge-patch+json'],
    ['strategic', 'application/strategic-merge-patch+json'],
    ['apply', 'application/apply-patch+yaml'],
  ] as const)('patches by %s', async (type, contentType) => {
    nock(SERVER, { reqheaders: { 'content-type': contentType } })
      .patch(`${PODS}/p`, { a: 1 })
      .query({ fieldManager: 'me', force: 'true' })
      .reply(200, {});
    expect(await client().patchPod('ns', 'p', { a: 1 }, { type, fieldManager: 'me', force: true })).toEqual({});
  });

  test('deletes with preconditions; a missing pod is no error', async () => {
    nock(SERVER)
      .delete(`${PODS}/p`, {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        gracePeriodSeconds: 0,
        preconditions: { uid: 'u', resourceVersion: '7' },
        propagationPolicy: 'Background',
      })
      .reply(200, {});
    nock(SERVER).delete(`${PODS}/q`).reply(404, status(404, 'NotFound'));
    const kube = client();
    expect(
      await kube.deletePod('ns', 'p', {
        gracePeriodSeconds: 0,
        uid: 'u',
        resourceVersion: '7',
        propagationPolicy: 'Background',
      }),
    ).toBe(true);
    expect(await kube.deletePod('ns', 'q')).toBe(false);
  });

  test('a delete whose first answer was lost has deleted', async () => {
    nock(SERVER)
      .delete(`${PODS}/p`)
      .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    nock(SERVER).delete(`${PODS}/p`).reply(404, status(404, 'NotFound'));
    expect(await client().deletePod('ns', 'p', { uid: 'u' })).toBe(true);
  });

  test('reads a log as bytes', async () => {
    nock(SERVER)
      .get(`${PODS}/p/log`)
      .query({ container: 'c', tailLines: '0', timestamps: 'true' })
      .reply(200, 'one\ntwo\n');
    const chunks: Uint8Array[] = [];
    for await (const chunk of client().readLog('ns', 'p', { container: 'c', tailLines: 0, timestamps: true }))
      chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('one\ntwo\n');
  });

  test('asks what it may do', async () => {
    nock(SERVER)
      .post(
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        (body) => body.spec.resourceAttributes.verb === 'create',
      )
      .reply(201, { status: { allowed: true } });
    expect(await client().canI({ verb: 'create', resource: 'pods', namespace: 'ns' })).toBe(true);
  });

  test('knows the server’s clock from its answers', async () => {
    nock(SERVER)
      .get(`${PODS}/p`)
      .reply(200, {}, { date: new Date(Date.now() + 3_600_000).toUTCString() });
    const kube = client();
    expect(kube.serverTimeOffsetMs()).toBeUndefined();
    await kube.readPod('ns', 'p');
    expect(Math.abs((kube.serverTimeOffsetMs() ?? 0) - 3_600_000)).toBeLessThan(1_500);
  });
});

describe('repetition', () => {
  test('repeats a read until it succeeds, and counts', async () => {
    nock(SERVER).get(`${PODS}/p`).times(3).reply(503, status(503, 'ServiceUnavailable'));
    nock(SERVER).get(`${PODS}/p`).reply(200, {});
    expect(await client().readPod('ns', 'p')).toEqual({});
    nock(SERVER)
      .get(`${PODS}/p`)
      .times(4)
      .reply(500, status(500, 'InternalError', 'etcdserver: leader changed'));
    await expect(client().readPod('ns', 'p')).rejects.toMatchObject({ attempts: 4, status: 500, retryable: true });
  });

  test('sends a create once where the server may have acted', async () => {
    nock(SERVER)
      .post(PODS)
      .replyWithError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    await expect(client().createPod('ns', secretPod)).rejects.toMatchObject({
      status: 0,
      attempts: 1,
      code: 'ERR_PODWRIGHT_KUBE_CONNECTION',
    });
    nock(SERVER).post(PODS).reply(500, status(500, 'InternalError'));
    await expect(client().createPod('ns', secretPod)).rejects.toMatchObject({ status: 500, attempts: 1 });
  });

  test('sends a create again where the server was not reached, or has turned it away', async () => {
    nock(SERVER)
      .post(PODS)
      .replyWithError(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    nock(SERVER).post(PODS).reply(429, status(429, 'TooManyRequests'), { 'retry-after': '0' });
    nock(SERVER).post(PODS).reply(503, status(503, 'ServiceUnavailable'), { 'retry-after': '0' });
    nock(SERVER)
      .post(PODS, secretPod as never)
      .reply(201, { metadata: { uid: 'u' } });
    expect(await client().createPod('ns', secretPod)).toEqual({ metadata: { uid: 'u' } });
  });

  test('a server that is restarting holds up all calls too, by a date as gateways send it', async () => {
    const clock = new VirtualClock();
    const kube = client({ clock, retry: { maxAttempts: 1, initialMs: 1, maxMs: 1 } });
    const date = new Date('2026-01-01T00:00:00Z').toUTCString();
    const later = new Date('2026-01-01T00:00:20Z').toUTCString();
    nock(SERVER).get(`${PODS}/a`).reply(503, status(503, 'ServiceUnavailable'), { 'retry-after': later, date });
    const failed = kube.readPod('ns', 'a').catch((error: unknown) => error);
    expect(await failed).toMatchObject({ status: 503, retryAfterMs: 20_000 });
    nock(SERVER).get(`${PODS}/b`).reply(200, {});
    let isDone = false;
    const waiting = kube.readPod('ns', 'b').then(() => {
      isDone = true;
    });
    await clock.advance('19s');
    expect(isDone).toBe(false);
    await clock.advance('2s');
    await waiting;
  });

  test('all calls wait as long as one was told to', async () => {
    nock(SERVER).get(`${PODS}/a`).reply(429, status(429, 'TooManyRequests'), { 'retry-after': '1' });
    const kube = client({ retry: { maxAttempts: 1, initialMs: 1, maxMs: 1 } });
    await expect(kube.readPod('ns', 'a')).rejects.toMatchObject({ status: 429, retryAfterMs: 1_000 });
    nock(SERVER).get(`${PODS}/b`).reply(200, {});
    const startedAt = performance.now();
    await kube.readPod('ns', 'b');
    expect(performance.now() - startedAt).toBeGreaterThan(900);
  });

  test('ends at its deadline, with the last failure', async () => {
    nock(SERVER).get(`${PODS}/p`).reply(503, status(503, 'ServiceUnavailable'), { 'retry-after': '30' });
    const startedAt = performance.now();
    await expect(client().readPod('ns', 'p', { timeoutMs: 500 })).rejects.toMatchObject({ status: 503 });
    expect(performance.now() - startedAt).toBeLessThan(450);
    nock(SERVER).get(`${PODS}/q`).delay(5_000).reply(200, {});
    await expect(client().readPod('ns', 'q', { timeoutMs: 50 })).rejects.toMatchObject({
      status: 0,
      reason: 'Timeout',
      retryable: true,
    });
  });

  test('rejects with the reason of its signal', async () => {
    const reason = new Error('the host has had enough');
    await expect(client().readPod('ns', 'p', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    nock(SERVER).get(`${PODS}/q`).delay(5_000).reply(200, {});
    const stop = new AbortController();
    const reading = client().readPod('ns', 'q', { signal: stop.signal });
    setImmediate(() => stop.abort(reason));
    await expect(reading).rejects.toBe(reason);
  });
});

describe('credentials', () => {
  function tokens(...given: string[]): RequestCredentials & { invalidate: ReturnType<typeof vi.fn> } {
    return {
      headers: async () => ({ authorization: `Bearer ${given[0]}` }),
      invalidate: vi.fn(() => void given.shift()),
    };
  }

  test('reads credentials again after a 401, and repeats the call once', async () => {
    nock(SERVER, { reqheaders: { authorization: 'Bearer old' } })
      .post(PODS)
      .reply(401, status(401, 'Unauthorized'));
    nock(SERVER, { reqheaders: { authorization: 'Bearer new' } })
      .post(PODS)
      .reply(201, {});
    const credentials = tokens('old', 'new');
    expect(await client({ credentials }).createPod('ns', secretPod)).toEqual({});
    expect(credentials.invalidate).toHaveBeenCalledWith({ authorization: 'Bearer old' });
  });

  test('does not try a third time', async () => {
    nock(SERVER).get(`${PODS}/p`).times(2).reply(401, status(401, 'Unauthorized'));
    await expect(client({ credentials: tokens('a', 'b', 'c') }).readPod('ns', 'p')).rejects.toMatchObject({
      status: 401,
    });
  });

  test('that cannot be had for once are asked for again, also for a create; those that never could are not', async () => {
    const failure = new KubeConfigError('The exec plugin aws failed (1)');
    const answers = [async () => ({ authorization: 'Bearer a' }), () => Promise.reject(failure)];
    const credentials = {
      headers: async () => (await answers.shift()?.()) ?? { authorization: 'Bearer b' },
      invalidate: vi.fn(),
    };
    const kube = client({ credentials });
    nock(SERVER).get(`${PODS}/p`).reply(200, {});
    await kube.readPod('ns', 'p');
    nock(SERVER, { reqheaders: { authorization: 'Bearer b' } })
      .post(PODS)
      .reply(201, {});
    expect(await kube.createPod('ns', secretPod)).toEqual({});
    const never = { headers: () => Promise.reject(failure), invalidate: vi.fn() };
    await expect(client({ credentials: never }).readPod('ns', 'p')).rejects.toBe(failure);
  });

  test('no message holds a token, a manifest or a query', async () => {
    const echo = `bad object: ${JSON.stringify(secretPod)}`;
    nock(SERVER)
      .post(PODS)
      .query(true)
      .reply(500, `<html>${echo.repeat(50)}`);
    const failure = (await client({ credentials: tokens('s3cret') })
      .createPod('ns', secretPod, { dryRun: true })
      .catch((error: unknown) => error)) as KubeApiError;
    expect(failure.status).toBe(500);
    for (const text of [failure.message, String(failure.stack), JSON.stringify(failure)]) {
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain('s3cret');
      expect(text).not.toContain('dryRun');
    }
  });
});

describe('a watch', () => {
  test('gives events as they come, and errors of the stream as events', async () => {
    const lines = [
      { type: 'ADDED', object: { metadata: { name: 'ü' } } },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
      { type: 'ERROR', object: { ...status(410, 'Expired', 'too old'), details: { retryAfterSeconds: 2 } } },
    ];
    nock(SERVER)
      .get(PODS)
      .query({
        watch: 'true',
        resourceVersion: '5',
        allowWatchBookmarks: 'true',
        timeoutSeconds: '300',
        labelSelector: 'a=b',
      })
      .reply(200, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"type":"MODI`);
    const events = [];
    for await (const event of client().watchPods({
      namespace: 'ns',
      resourceVersion: '5',
      timeoutSeconds: 300,
      labelSelector: 'a=b',
    }))
      events.push(event);
    expect(events).toEqual([
      lines[0],
      lines[1],
      { type: 'ERROR', status: 410, reason: 'Expired', message: 'too old', retryAfterMs: 2_000 },
    ]);
  });

  test('rejects where it cannot be opened, without trying again', async () => {
    nock(SERVER).get(PODS).query(true).reply(503, status(503, 'ServiceUnavailable'));
    await expect(client().watchPods({ namespace: 'ns' })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      status: 503,
      attempts: 1,
    });
  });

  test('rejects at a line that is no JSON, without quoting it', async () => {
    nock(SERVER).get(PODS).query(true).reply(200, '{"type":"ADDED","object":{"env":"hunter2"}\n');
    const failure = await client()
      .watchPods({ namespace: 'ns' })
      [Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 0, retryable: true });
    expect(String(failure)).not.toContain('hunter2');
  });
});
