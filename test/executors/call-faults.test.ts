/** Faults around one task that are not the pod's: quota, logs, namespaces, drains, keys. */
import { describe, expect, it } from 'vitest';
import { DuplicateTaskError } from '../../src/errors.js';
import { call, PODS } from '../testing/call.js';
import { KubeKit, key, once, ours, work } from './kube-kit.js';

const kit = KubeKit.use();

async function quota(hard: Record<string, string>): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } };
  const answer = await call(kit.cluster.transport(), 'POST', '/api/v1/namespaces/default/resourcequotas', body);
  expect(answer.status).toBe(201);
  await kit.cluster.clock.settle();
}

describe('quota', () => {
  it('21: a full one is waited for without holding up others, and used when it comes free', async () => {
    await quota({ pods: '1' });
    const executor = await kit.connect();
    const long = executor.queueTask(work({ duration: '10m' }, 'long'));
    await kit.cluster.clock.advance('10s');
    const parked = executor.queueTask(work({ duration: '1s' }, 'parked'));
    const elsewhere = executor.queueTask({
      ...work({ duration: '1s' }, 'elsewhere'),
      executorConfig: { ...work({ duration: '1s' }).executorConfig, namespace: 'other' },
    });
    const other = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } };
    await call(kit.cluster.transport(), 'POST', '/api/v1/namespaces', other);
    await kit.cluster.clock.advance('1m');
    expect(executor.pending(parked.key)).toMatchObject({
      phase: 'launch',
      summary: expect.stringContaining('exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'),
    });
    expect(elsewhere.state).not.toBe('queued');
    expect(await kit.ended(long)).toMatchObject({ state: 'success' });
    const freed = kit.cluster.clock.now();
    expect(await kit.ended(parked)).toMatchObject({ state: 'success', launches: 1 });
    expect(kit.cluster.clock.now() - freed).toBeLessThan(60_000);
  });

  it('21: a request above the whole of it fails at once, with the numbers', async () => {
    await quota({ 'limits.memory': '1Gi' });
    const executor = await kit.connect();
    const big = { ...work(), executorConfig: { ...work().executorConfig, limitMemory: '2Gi' } };
    const before = kit.cluster.clock.now();
    expect(await kit.ended(executor.queueTask(big))).toMatchObject({
      state: 'failed',
      verdict: {
        kind: 'quota.impossible',
        blame: 'config',
        message: expect.stringContaining('limited: limits.memory=1Gi'),
      },
    });
    expect(kit.cluster.clock.now() - before).toBeLessThan(5_000);
  });

  it('21: a conflict on the quota itself is tried again', async () => {
    const message = 'Operation cannot be fulfilled on resourcequotas "q": the object has been modified';
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', status: 409, reason: 'Conflict', message, times: 2 });
    const executor = await kit.connect();
    expect(await kit.ended(executor.queueTask(work({ duration: '1s' })))).toMatchObject({ state: 'success' });
  });

  it('21: a full one that nobody frees has its limit, and a verdict then', async () => {
    await quota({ pods: '1' });
    const executor = await kit.connect({ config: { image: 'any', quotaTimeout: '10m' } });
    executor.queueTask(work({ duration: '2h' }, 'filler'));
    await kit.cluster.clock.advance('5s');
    const before = kit.cluster.clock.now();
    expect(await kit.ended(executor.queueTask(work()))).toMatchObject({
      state: 'failed',
      verdict: { kind: 'quota.full', blame: 'infra', mainStarted: false },
    });
    expect(kit.cluster.clock.now() - before).toBeLessThan(12 * 60_000);
  });
});

describe('the cluster around the pod', () => {
  it('6: a drain through the eviction API is infrastructure, and another launch follows', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work({ duration: '2m' }));
    const relaunched: string[] = [];
    executor.on('task:relaunch', ({ verdict }) => void relaunched.push(verdict.kind));
    const { metadata } = await kit.cluster.when(ours).matched();
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata?.name } };
    const answer = await call(kit.cluster.transport(), 'POST', `${PODS}/${metadata?.name}/eviction`, eviction);
    expect(answer.status).toBe(201);
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
    expect(relaunched).toEqual(['api_eviction']);
  });

  it.each([400, 502])('31: logs that answer %s do not hold up the outcome', async (status) => {
    kit.cluster.faults.add({ verb: 'get', resource: 'pods/log', status });
    const executor = await kit.connect();
    const run = executor.queueTask(work({ duration: '1s', 'exit-code': '3' }));
    const started = kit.cluster.clock.now();
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', exitCode: 3, verdict: { kind: 'app_exit' } });
    expect(kit.cluster.clock.now() - started).toBeLessThan(30_000);
  });

  it('42: a namespace that is being deleted has its own verdict, at once', async () => {
    const transport = kit.cluster.transport();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leaving' } };
    await call(transport, 'POST', '/api/v1/namespaces', namespace);
    const kept = { metadata: { name: 'kept', finalizers: ['example.com/keep'] } };
    await call(transport, 'POST', '/api/v1/namespaces/leaving/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      ...kept,
    });
    await call(transport, 'DELETE', '/api/v1/namespaces/leaving');
    const executor = await kit.connect({ config: { image: 'any', namespace: 'leaving' } });
    const before = kit.cluster.clock.now();
    expect(await kit.ended(executor.queueTask(work()))).toMatchObject({
      state: 'failed',
      verdict: { kind: 'namespace_terminating', blame: 'caller' },
    });
    expect(kit.cluster.clock.now() - before).toBeLessThan(5_000);
    expect(kit.count('create', 'pods')).toBe(1);
  });
});

describe('hosts', () => {
  it('41: a cleanup goes on although the signal of the caller has long been aborted', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work());
    await kit.cluster.when(ours).matched();
    expect(await executor.cancel(run.key, { signal: AbortSignal.abort() })).toMatchObject({ observed: 'unconfirmed' });
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled' } });
    await kit.cluster.clock.advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('44: a key that is queued, runs or has ended here is refused', async () => {
    const executor = await kit.connect({ parallelism: 1 });
    const first = executor.queueTask(work({ duration: '1s' }));
    expect(() => executor.queueTask(work())).toThrowError(DuplicateTaskError);
    const second = executor.queueTask(work({ duration: '1s' }, 'second'));
    expect(() => executor.queueTask(work({}, 'second'))).toThrowError(/already queued/);
    await kit.ended(first);
    expect(() => executor.queueTask(work())).toThrowError(/already finished/);
    expect(await kit.ended(second)).toMatchObject({ state: 'success' });
    expect(kit.created()).toBe(2);
  });

  it('22: whatever happens to one create, there is one pod and one outcome', async () => {
    const executor = await kit.connect({ retry: once });
    const faults = [
      { applyThenDrop: true },
      { drop: true },
      { status: 500 },
      { status: 504 },
      { status: 429, retryAfter: 2 },
      { status: 409, reason: 'Conflict' },
    ];
    for (const [index, fault] of faults.entries()) {
      kit.cluster.faults.add({ verb: 'create', resource: 'pods', times: 1, ...fault });
      const run = executor.queueTask({ ...work({ duration: '1s' }), key: key(`t${index}`) });
      expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
    }
    expect(kit.created()).toBeLessThanOrEqual(faults.length);
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });
});
