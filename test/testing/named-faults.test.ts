import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { POD_FAULTS, REQUEST_FAULTS, SERVER_FAULTS, WATCH_FAULTS } from '../../src/testing/faults/spec.js';
import { FakeCluster, type FaultSpec, type VirtualClock } from '../../src/testing/index.js';
import { call, HANG, PODS, pod } from './call.js';

describe('faults by name', () => {
  let cluster: FakeCluster<VirtualClock>;
  beforeEach(async () => {
    cluster = await FakeCluster.start({ seed: 1, clock: 'virtual' });
  });
  afterEach(() => cluster.stop());

  const get = (path: string) => call(cluster.transport(), 'GET', path);
  const create = (name: string, annotations: Record<string, string> = {}) =>
    call(cluster.transport(), 'POST', PODS, pod(name, {}, annotations));
  const remove = (name: string) => call(cluster.transport(), 'DELETE', `${PODS}/${name}`);
  const statusOf = async (name: string) => (await get(`${PODS}/${name}`)).json?.status;
  const runFor = (duration: string) => cluster.clock.advance(duration);

  /** Reads a watch until it has ended or time has passed; gives its events. */
  async function watched(
    query: string,
    during: () => Promise<unknown>,
  ): Promise<{ type: string; object: { code?: number; metadata?: { name?: string } } }[]> {
    const response = await cluster
      .transport()
      .request({ method: 'GET', path: `${PODS}?watch=true&timeoutSeconds=30${query}` });
    const pieces: Uint8Array[] = [];
    const reading = (async () => {
      for await (const piece of response.body) pieces.push(piece);
    })().catch(() => undefined);
    await during();
    await runFor('40s');
    await reading;
    return Buffer.concat(pieces)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  const ended: readonly [FaultSpec, object][] = [
    [
      { fault: 'evict', pod: 'a*' },
      { phase: 'Failed', reason: 'Evicted' },
    ],
    [{ fault: 'nodeShutdown' }, { phase: 'Failed', reason: 'Terminated' }],
    [
      { fault: 'reject', reason: 'OutOfcpu' },
      { phase: 'Failed', reason: 'OutOfcpu' },
    ],
    [
      { fault: 'fail', exitCode: 7 },
      {
        phase: 'Failed',
        containerStatuses: [
          expect.objectContaining({ state: { terminated: expect.objectContaining({ exitCode: 7 }) } }),
        ],
      },
    ],
    [
      { fault: 'oom' },
      {
        phase: 'Failed',
        containerStatuses: [
          expect.objectContaining({
            state: { terminated: expect.objectContaining({ reason: 'OOMKilled', exitCode: 137 }) },
          }),
        ],
      },
    ],
    [{ fault: 'oom', exitZero: true }, { phase: 'Succeeded' }],
    [
      { fault: 'imagePull', kind: 'network' },
      {
        phase: 'Pending',
        containerStatuses: [
          expect.objectContaining({
            state: { waiting: expect.objectContaining({ message: expect.stringContaining('i/o timeout') }) },
          }),
        ],
      },
    ],
    [
      { fault: 'configError', message: 'secret "x" not found' },
      {
        phase: 'Pending',
        containerStatuses: [
          expect.objectContaining({
            state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } },
          }),
        ],
      },
    ],
  ];
  for (const [spec, status] of ended)
    it(`${spec.fault} meets the pods that fit${spec.exitZero ? ', with exit code 0' : ''}`, async () => {
      cluster.faults.inject(spec);
      await create('a1', HANG);
      await runFor('5s');
      expect(await statusOf('a1')).toMatchObject(status);
    });

  it('aims at a pod and a namespace, and leaves others alone', async () => {
    cluster.faults.inject({ fault: 'evict', pod: 'a-*-z', namespace: 'default' });
    cluster.faults.inject({ fault: 'evict', namespace: 'other' });
    for (const name of ['a-1-z', 'a-1', 'b-a-1-z']) await create(name, HANG);
    await runFor('5s');
    expect((await statusOf('a-1-z')).reason).toBe('Evicted');
    expect((await statusOf('a-1')).phase).toBe('Running');
    expect((await statusOf('b-a-1-z')).phase).toBe('Running');
  });

  it('meets a share of the pods from the seed, and a number of them', async () => {
    cluster.faults.inject({ fault: 'fail', share: 0.5 });
    for (let i = 0; i < 40; i++) await create(`a${i}`, HANG);
    await runFor('5s');
    const failed = cluster.pods().filter(({ status }) => status?.phase === 'Failed').length;
    expect(failed).toBeGreaterThan(8);
    expect(failed).toBeLessThan(32);
    cluster.faults.clear();
    cluster.faults.inject({ fault: 'evict', times: 2 });
    expect(cluster.pods().length).toBe(40);
    await runFor('5s');
    expect(cluster.pods().filter(({ status }) => status?.reason === 'Evicted')).toHaveLength(2);
  });

  it('begins and ends at its time', async () => {
    cluster.faults.inject({ fault: 'tooManyRequests', verb: 'list', after: '5m', lasts: '1m', retryAfter: 3 });
    expect((await get(PODS)).status).toBe(200);
    await runFor('5m');
    const refused = await get(PODS);
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBe('3');
    await runFor('1m');
    expect((await get(PODS)).status).toBe(200);
  });

  it('preempt and delete take pods away', async () => {
    cluster.faults.inject({ fault: 'preempt', pod: 'a' });
    cluster.faults.inject({ fault: 'delete', pod: 'b', gracePeriodSeconds: 0 });
    await create('a', HANG);
    await create('b', HANG);
    await runFor('1m');
    expect((await get(PODS)).json.items).toEqual([]);
  });

  it('nodeLost leaves a pod that nobody ends', async () => {
    cluster.faults.inject({ fault: 'nodeLost', times: 1 });
    await create('a', HANG);
    await runFor('1s');
    await remove('a');
    await runFor('1h');
    expect((await get(`${PODS}/a`)).json.metadata.deletionTimestamp).toBeDefined();
  });

  it('heal lets pods start that were held', async () => {
    cluster.faults.inject({ fault: 'imagePull' });
    await create('a', HANG);
    await runFor('1m');
    cluster.faults.inject({ fault: 'heal' });
    await runFor('1m');
    expect((await statusOf('a')).phase).toBe('Running');
  });

  it('ttlRace removes a pod as soon as it has ended', async () => {
    cluster.faults.inject({ fault: 'ttlRace' });
    await create('a');
    await runFor('5s');
    expect((await get(`${PODS}/a`)).status).toBe(404);
  });

  it('foreignFinalizer keeps a deleted pod until it is stopped', async () => {
    const stop = cluster.faults.inject({ fault: 'foreignFinalizer' });
    await create('a');
    await runFor('5s');
    await remove('a');
    await runFor('1h');
    expect((await get(`${PODS}/a`)).json.metadata.finalizers).toEqual(['example.com/hold']);
    stop();
    await runFor('1s');
    expect((await get(`${PODS}/a`)).status).toBe(404);
  });

  const refused: readonly [FaultSpec, number, string][] = [
    [
      { fault: 'quotaFull' },
      403,
      'pods "a" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=10, limited: pods=10',
    ],
    [{ fault: 'quotaImpossible' }, 403, 'requested: requests.memory=1Ti'],
    [{ fault: 'quotaConflict' }, 409, 'Operation cannot be fulfilled on resourcequotas "quota"'],
    [{ fault: 'serverError', verb: 'create' }, 500, 'etcdserver: leader changed'],
    [{ fault: 'serverError', status: 503 }, 503, 'currently unable'],
    [{ fault: 'forbid', verb: 'create', resource: 'pods' }, 403, 'cannot create resource "pods"'],
  ];
  for (const [spec, status, text] of refused)
    it(`${spec.fault} answers ${status}`, async () => {
      const stop = cluster.faults.inject(spec);
      const answer = await create('a');
      expect(answer.status).toBe(status);
      expect(answer.json.message).toContain(text);
      stop();
      expect((await create('a')).status).toBe(201);
    });

  it('aims a refusal at the name of a new pod', async () => {
    cluster.faults.inject({ fault: 'quotaFull', pod: 'a*' });
    expect((await create('a1')).status).toBe(403);
    expect((await create('b1')).status).toBe(201);
  });

  it('logsError answers the log endpoint only', async () => {
    await create('a');
    await runFor('5s');
    cluster.faults.inject({ fault: 'logsError', times: 1 });
    cluster.faults.inject({ fault: 'logsError', times: 1, status: 400 });
    expect((await get(`${PODS}/a/log`)).status).toBe(502);
    expect((await get(`${PODS}/a/log`)).json.message).toContain('pod "a" is waiting to start');
    expect((await get(`${PODS}/a/log`)).status).toBe(200);
  });

  it('createTimeoutButCreated loses the answer of a create that took effect', async () => {
    cluster.faults.inject({ fault: 'createTimeoutButCreated', times: 1 });
    await expect(create('a')).rejects.toThrow('ECONNRESET');
    expect((await create('a')).status).toBe(409);
  });

  it('connectionReset loses the request', async () => {
    cluster.faults.inject({ fault: 'connectionReset', times: 1 });
    await expect(create('a')).rejects.toThrow('ECONNRESET');
    expect((await create('a')).status).toBe(201);
  });

  it('latency holds requests back', async () => {
    cluster.faults.inject({ fault: 'latency', delay: '10s' });
    const answer = create('a');
    await runFor('9s');
    expect(cluster.pods()).toEqual([]);
    await runFor('1s');
    expect((await answer).status).toBe(201);
  });

  it('staleList shows lists of any version as they were', async () => {
    await create('a', HANG);
    cluster.faults.inject({ fault: 'staleList' });
    await create('b', HANG);
    const names = async (query: string) =>
      (await get(`${PODS}${query}`)).json.items.map((item: { metadata: { name: string } }) => item.metadata.name);
    expect(await names('?resourceVersion=0')).toEqual(['a']);
    expect(await names('')).toEqual(['a', 'b']);
  });

  it('dropEvent loses events and duplicateEvent sends them twice', async () => {
    cluster.faults.inject({ fault: 'dropEvent', pod: 'lost' });
    cluster.faults.inject({ fault: 'duplicateEvent', pod: 'twice', times: 1 });
    const events = await watched('', async () => {
      for (const name of ['lost', 'twice', 'once']) await create(name, HANG);
    });
    const added = events.filter(({ type }) => type === 'ADDED').map(({ object }) => object.metadata?.name);
    expect(added).toEqual(['twice', 'twice', 'once']);
  });

  it('watchSilent delivers nothing while it lasts', async () => {
    cluster.faults.inject({ fault: 'watchSilent', resource: 'pods', lasts: '10s' });
    const events = await watched('', async () => {
      await create('a', HANG);
      await runFor('10s');
      await create('b', HANG);
    });
    expect(new Set(events.map(({ object }) => object.metadata?.name))).toEqual(new Set(['b']));
  });

  it('gone410Storm refuses the next watches, then no more', async () => {
    cluster.faults.inject({ fault: 'gone410Storm', times: 2 });
    for (let i = 0; i < 2; i++)
      expect((await watched('', async () => {})).map(({ object }) => object.code)).toEqual([410]);
    expect((await watched('', () => create('a', HANG))).some(({ type }) => type === 'ADDED')).toBe(true);
  });

  it('watchDrop, watch410 and apiRotate end open watches, again and again where told so', async () => {
    const versionOf = async () => (await get(PODS)).json.metadata.resourceVersion;
    for (const fault of ['watchDrop', 'watch410', 'apiRotate'] as const) {
      const before = await versionOf();
      await create(`a-${fault.toLowerCase()}`, HANG);
      await runFor('1s');
      const events = await watched('', async () => {
        expect(cluster.openWatches).toBe(1);
        cluster.faults.inject({ fault });
        expect(cluster.openWatches).toBe(0);
      });
      expect(events.every(({ type }) => type === 'ADDED')).toBe(true);
      const again = await watched(`&resourceVersion=${before}`, async () => {});
      if (fault !== 'watchDrop') expect(again[0]?.object.code).toBe(410);
    }
    const stop = cluster.faults.inject({ fault: 'watchDrop', every: '10s', times: 2 });
    for (const expected of [0, 1]) {
      const open = cluster.transport().request({ method: 'GET', path: `${PODS}?watch=true` });
      (await open).body[Symbol.asyncIterator]()
        .next()
        .catch(() => undefined);
      await runFor('10s');
      expect(cluster.openWatches).toBe(expected);
    }
    stop();
  });

  it('tokenRotate refuses the tokens of before', async () => {
    const guarded = await FakeCluster.start({ clock: 'virtual', token: 'one' });
    const old = guarded.transport();
    guarded.faults.inject({ fault: 'tokenRotate', token: 'two' });
    expect((await call(old, 'GET', PODS)).status).toBe(401);
    guarded.faults.inject({ fault: 'tokenRotate', token: 'one' });
    expect((await call(old, 'GET', PODS)).status).toBe(200);
    await guarded.stop();
  });

  it('names every field that is wrong, and never a token', () => {
    const wrong = { fault: 'evicted', share: 2, after: 'soon', gizmo: 1, token: 5 } as unknown as FaultSpec;
    expect(() => cluster.faults.inject(wrong)).toThrow(
      /faults\[0\]\.fault.*faults\[0\]\.share.*faults\[0\]\.after.*gizmo.*token(?!.*5)/,
    );
  });

  it('says that a fault needs a kubelet', async () => {
    const bare = await FakeCluster.start({ kubelet: 'none', clock: 'virtual' });
    expect(() => bare.faults.inject({ fault: 'evict' })).toThrow('needs a kubelet');
    await bare.stop();
  });

  it('is set and cleared from outside', async () => {
    const post = (body: object) => call(cluster.transport(), 'POST', '/_podwright/faults', body);
    expect((await post({ faults: [{ fault: 'quotaFull' }, { verb: 'list', status: 503 }] })).json).toEqual({
      added: 2,
    });
    expect((await create('a')).status).toBe(403);
    expect((await get(PODS)).status).toBe(503);
    expect((await post({ clear: true })).json).toEqual({ added: 0 });
    expect((await create('a')).status).toBe(201);
    const refusal = await post([{ fault: 'nonsense' }]);
    expect(refusal.status).toBe(400);
    expect(refusal.json.message).toContain('must be one of evict, preempt');
  });
});

it('docs/faults.md has a section for every fault', () => {
  const headings = readFileSync(new URL('../../docs/faults.md', import.meta.url), 'utf8').match(/^### (.+)$/gm);
  const names = [...POD_FAULTS, ...REQUEST_FAULTS, ...WATCH_FAULTS, ...SERVER_FAULTS];
  expect(headings?.map((line) => line.slice(4)).sort()).toEqual([...names].sort());
});
