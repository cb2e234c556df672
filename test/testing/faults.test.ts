import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import { call, HANG, PODS, pod } from './call.js';

describe('faults of pods', () => {
  let cluster: FakeCluster<VirtualClock>;
  beforeEach(async () => {
    cluster = await FakeCluster.start({ seed: 1, clock: 'virtual' });
  });
  afterEach(() => cluster.stop());

  const create = (name: string, annotations = {}, spec = {}) =>
    call(cluster.transport(), 'POST', PODS, pod(name, spec, annotations));
  const status = async (name: string) => (await call(cluster.transport(), 'GET', `${PODS}/${name}`)).json?.status;
  const isRunning = (view: { phase: string }) => view.phase === 'Running';
  const terminated = (value: { containerStatuses: { state: { terminated: object } }[] }) =>
    value.containerStatuses[0]?.state.terminated;

  it('evicts a pod', async () => {
    await create('a', HANG);
    await cluster.when(isRunning).evict();
    const now = await status('a');
    expect(now).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
    expect(now.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
    );
    expect(terminated(now)).toMatchObject({ exitCode: 137 });
  });

  it('preempts a pod', async () => {
    await create('a', HANG);
    await cluster.when(isRunning).preempt();
    await cluster.clock.advance('1m');
    expect((await call(cluster.transport(), 'GET', `${PODS}/a`)).status).toBe(404);
  });

  it('shuts a node down', async () => {
    await create('a', HANG);
    await cluster.when(isRunning).nodeShutdown();
    expect(await status('a')).toMatchObject({
      phase: 'Failed',
      reason: 'Terminated',
      message: 'Pod was terminated in response to imminent node shutdown.',
    });
  });

  it('kills a container for memory, also with exit code 0', async () => {
    await create('a', HANG);
    await cluster.when(isRunning).oom();
    expect(terminated(await status('a'))).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect((await status('a')).phase).toBe('Failed');
    await create('b', HANG);
    await cluster.when((view) => view.name === 'b' && view.phase === 'Running').oom({ exitZero: true });
    expect(terminated(await status('b'))).toMatchObject({ exitCode: 0, reason: 'OOMKilled' });
    expect((await status('b')).phase).toBe('Succeeded');
  });

  it('fails a container with an exit code', async () => {
    await create('a', HANG);
    await cluster.when(isRunning).fail(3);
    expect(terminated(await status('a'))).toMatchObject({ exitCode: 3, reason: 'Error' });
  });

  it('cannot pull an image, and heals', async () => {
    const held = cluster.when((view) => view.name === 'a').imagePull('unauthorized');
    await create('a');
    await held;
    await cluster.clock.advance('1m');
    const now = await status('a');
    expect(now.phase).toBe('Pending');
    expect(now.containerStatuses[0].state.waiting.reason).toMatch(/ErrImagePull|ImagePullBackOff/);
    expect(now.containerStatuses[0].state.waiting.message).toContain('authorization failed');
    await cluster.when((view) => view.name === 'a').heal();
    await cluster.clock.advance('1m');
    expect((await status('a')).phase).toBe('Succeeded');
  });

  it('cannot make a container for its configuration', async () => {
    const held = cluster.when((view) => view.name === 'a').configError();
    await create('a');
    await held;
    expect((await status('a')).containerStatuses[0].state.waiting).toEqual({
      reason: 'CreateContainerConfigError',
      message: 'secret "missing" not found',
    });
  });

  it('rejects a pod at admission', async () => {
    const rejected = cluster.when((view) => view.name === 'a').reject('OutOfcpu');
    await create('a');
    await rejected;
    await cluster.clock.advance('1m');
    expect(await status('a')).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu' });
  });

  it('plays the results that annotations name', async () => {
    for (const result of ['OOMKilled', 'Evicted', 'ImagePullBackOff', 'Pending'])
      await create(result.toLowerCase(), { 'testing.podwright.dev/result': result });
    await create('code', { 'testing.podwright.dev/exit-code': '4', 'testing.podwright.dev/log': 'said' });
    await cluster.clock.advance('1m');
    expect(terminated(await status('oomkilled'))).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect(await status('evicted')).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
    expect((await status('imagepullbackoff')).containerStatuses[0].state.waiting.reason).toBe('ImagePullBackOff');
    expect((await status('pending')).phase).toBe('Pending');
    expect(terminated(await status('code'))).toMatchObject({ exitCode: 4 });
    expect((await call(cluster.transport(), 'GET', `${PODS}/code/log`)).text).toBe('said\n');
  });

  it('says why a pod cannot be scheduled, and schedules it when a node comes', async () => {
    await create('a', {}, { nodeSelector: { disk: 'fast' } });
    await cluster.clock.advance('1s');
    const scheduled = (await status('a')).conditions.find((item: { type: string }) => item.type === 'PodScheduled');
    expect(scheduled).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message:
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    });
    await cluster.addNode({ name: 'fast', labels: { disk: 'fast' } });
    await cluster.clock.advance('10s');
    expect((await status('a')).phase).toBe('Succeeded');
  });
});

describe('faults of requests', () => {
  it('answers with a status and Retry-After as often as asked', async () => {
    const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none' });
    cluster.faults.add({ verb: 'list', resource: 'pods', status: 429, retryAfter: 2, times: 1 });
    expect((await call(cluster.transport(), 'GET', PODS)).json).toMatchObject({
      code: 429,
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 2 },
    });
    expect((await call(cluster.transport(), 'GET', PODS)).status).toBe(200);
    expect(cluster.requests.map(({ verb, status }) => [verb, status])).toEqual([
      ['list', 429],
      ['list', 200],
    ]);
    await cluster.stop();
  });

  it('loses the answer of a create that took effect', async () => {
    const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none' });
    cluster.faults.add({ verb: 'create', applyThenDrop: true, times: 1 });
    await expect(call(cluster.transport(), 'POST', PODS, pod('a'))).rejects.toMatchObject({ status: 0 });
    expect(cluster.pods().map(({ metadata }) => metadata?.name)).toEqual(['a']);
    await cluster.stop();
  });

  it('forbids a verb with the words of RBAC', async () => {
    const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none' });
    cluster.forbid({ verb: 'list', resource: 'pods' });
    expect((await call(cluster.transport(), 'GET', PODS)).json.message).toBe(
      'pods is forbidden: User "kubernetes-admin" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    await cluster.stop();
  });
});
