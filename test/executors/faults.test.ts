import { describe, expect, it } from 'vitest';
import type { FakeCluster, VirtualClock } from '../../src/testing/index.js';
import { any, KubeKit, once, ours, work } from './kube-kit.js';

const kit = KubeKit.use();

describe('faults of one pod', () => {
  it('1: an eviction by the kubelet is infrastructure and costs a launch', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work());
    await kit.cluster.when(ours).evict();
    const relaunched: string[] = [];
    executor.on('task:relaunch', ({ verdict }) => void relaunched.push(verdict.kind));
    await kit.cluster.clock.advance('2h');
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
    expect(relaunched).toEqual(['evicted']);
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('2: a pod that somebody deletes while it runs is deleted_externally, at once, and not launched again', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work());
    await kit.cluster.when(ours).delete({ gracePeriodSeconds: 0 });
    const before = kit.cluster.clock.now();
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      launches: 1,
      verdict: { kind: 'deleted_externally', blame: 'caller', mainStarted: true },
    });
    expect(kit.cluster.clock.now() - before).toBeLessThan(5_000);
  });

  it('3: a lost node is found out by the terminating clock or by its taint, and no second pod starts before proof', async () => {
    const executor = await kit.connect({ retry: once });
    const run = executor.queueTask(work());
    await kit.cluster.when(ours).nodeLost();
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', verdict: { kind: 'node_lost', blame: 'infra' } });
    expect(kit.created()).toBe(1);
  });

  it.each([
    ['4: a node shutdown', 'nodeShutdown', 'node_shutdown'],
    ['5: a preemption', 'preempt', 'preempted'],
    ['7: a rejection by the kubelet', 'reject', 'kubelet_rejected'],
  ] as const)('%s is infrastructure', async (_, fault, kind) => {
    const executor = await kit.connect({ retry: once });
    const run = executor.queueTask(work());
    await kit.cluster.when(fault === 'reject' ? any : ours)[fault]();
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', verdict: { kind, blame: 'infra' } });
  });

  it('8: a container that is killed for memory has a verdict with its limit, and a budget of its own', async () => {
    const executor = await kit.connect({ retry: { oom: { max: 1 } } });
    const run = executor.queueTask({ ...work(), executorConfig: { ...work().executorConfig, limitMemory: '64Mi' } });
    await kit.cluster.when(ours).oom();
    await kit.cluster.clock.advance('10s');
    await kit.cluster.when(ours).oom();
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      launches: 2,
      verdict: { kind: 'oom_killed', blame: 'task', evidence: { memoryLimit: '96Mi' } },
    });
  });

  it('9: a process killed for memory in a container that exits with 0 is no plain success', async () => {
    const run = (await kit.connect()).queueTask(work());
    await kit.cluster.when(ours).oom({ exitZero: true });
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', exitCode: 0, verdict: { kind: 'oom_killed' } });
  });

  it.each([
    ['not_found', 'config'],
    ['unauthorized', 'config'],
    ['rate_limited', 'infra'],
    ['network', 'infra'],
  ] as const)('15: an image that cannot be pulled (%s) fails after its grace', async (kind, blame) => {
    const run = (await kit.connect({ retry: once })).queueTask(work());
    await kit.cluster.when(any).imagePull(kind);
    const before = kit.cluster.clock.now();
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: { kind: `image_pull.${kind}`, blame, mainStarted: false },
    });
    expect(kit.cluster.clock.now() - before).toBeGreaterThanOrEqual(60_000);
  });

  it('16: a missing secret is waited for, and named when it does not come', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work());
    await kit.cluster.when(any).configError('secret "db" not found');
    await kit.cluster.clock.advance('30s');
    expect(run.state).toBe('running');
    expect(executor.pending(run.key)?.summary).toContain('secret "db" not found');
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: { kind: 'config_error.secret', blame: 'config' },
    });
  });

  it('16: a missing secret that comes in time harms nobody', async () => {
    const run = (await kit.connect()).queueTask(work({ duration: '1s' }));
    await kit.cluster.when(any).configError('secret "db" not found');
    await kit.cluster.clock.advance('30s');
    await kit.cluster.when(any).heal();
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
  });

  it('19: a pod that no node takes fails at its clock with the reason of the scheduler, and is deleted', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask({ ...work(), executorConfig: { requestMemory: '900Ti' } });
    await kit.cluster.clock.advance('1m');
    expect(executor.pending(run.key)?.summary).toMatch(/^unschedulable for 60 s: of 1 node, 1 short of memory$/);
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: { kind: 'unschedulable.resources', mainStarted: false },
    });
    await kit.cluster.clock.advance('1m');
    expect(kit.created()).toBe(1);
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('20: a pod that is deleted while pending is launched again', async () => {
    const run = (await kit.connect()).queueTask(work({ 'start-delay': '10m', duration: '1s' }));
    await kit.cluster.when(any).delete({ gracePeriodSeconds: 0 });
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
  });
});

describe('faults of one call', () => {
  it('22: a create whose answer is lost leads to one pod; where the watch shows it, nothing is sent again', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', applyThenDrop: true, times: 1 });
    const run = executor.queueTask(work({ duration: '1s' }));
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
    expect(kit.count('create', 'pods')).toBe(1);
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('22: a create whose answer is lost while the watch is silent is sent again, and meets its own pod', async () => {
    const executor = await kit.connect();
    kit.cluster.silenceWatches();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', applyThenDrop: true, times: 1 });
    const run = executor.queueTask(work({ duration: '30s' }));
    await kit.cluster.clock.advance('10s');
    kit.cluster.silenceWatches(false);
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
    expect(kit.count('create', 'pods')).toBe(2);
    expect(kit.count('create', 'pods', 409)).toBe(1);
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('22: a pod that is deleted before its create is sent again is followed by one pod, and one outcome', async () => {
    const executor = await kit.connect();
    const outcomes: string[] = [];
    executor.on('outcome', ({ state }) => void outcomes.push(state));
    kit.cluster.silenceWatches();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', applyThenDrop: true, times: 1 });
    const run = executor.queueTask(work({ duration: '30s' }));
    await kit.cluster.when(any).delete({ gracePeriodSeconds: 0 });
    await kit.cluster.clock.advance('10s');
    kit.cluster.silenceWatches(false);
    expect(await kit.ended(run)).toMatchObject({ state: 'success' });
    await kit.cluster.clock.advance('5m');
    expect(outcomes).toEqual(['success']);
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('24: a task that is cancelled while its create is in flight leaves no pod', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', latencyMs: 5_000, times: 1 });
    const run = executor.queueTask(work());
    await kit.cluster.clock.advance('1s');
    const cancelling = executor.cancel(run.key);
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled', blame: 'caller' } });
    await cancelling;
    await kit.cluster.clock.advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('24: a cancel that reaches the server after the end does not delete what tells of it', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work({ duration: '20s' }));
    await kit.cluster.clock.advance('18s');
    kit.cluster.silenceWatches();
    kit.cluster.faults.add({ verb: 'delete', resource: 'pods', latencyMs: 10_000, times: 1 });
    const cancelling = executor.cancel(run.key);
    expect(await kit.ended(run)).toMatchObject({ state: 'success', exitCode: 0 });
    expect(await cancelling).toMatchObject({ observed: 'finished', exitCode: 0 });
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('25: the limit of a program whose start nobody saw counts from its start', async () => {
    const executor = await kit.connect();
    kit.cluster.silenceWatches();
    const run = executor.queueTask({ ...work({ duration: '10m', log: 'at work' }), timeouts: { running: '2m' } });
    await kit.cluster.clock.advance('90s');
    // Connections that end are what a host notices of a watch that has gone silent.
    kit.cluster.silenceWatches(false);
    kit.cluster.dropWatches();
    const startedAt = kit.cluster.clock.monotonic() - 90_000;
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: { kind: 'deadline.running', evidence: { logTail: 'at work' } },
    });
    const ranMs = kit.cluster.clock.monotonic() - startedAt;
    expect(ranMs).toBeGreaterThan(115_000);
    expect(ranMs).toBeLessThan(140_000);
  });

  it.each([
    ['429 with Retry-After', { status: 429, retryAfter: 7 }],
    ['500', { status: 500 }],
    ['503', { status: 503 }],
    ['a dropped connection', { drop: true }],
  ])('29: a create answered with %s is sent again', async (_, fault) => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', times: 2, ...fault });
    expect(await kit.ended(executor.queueTask(work({ duration: '1s' })))).toMatchObject({
      state: 'success',
      launches: 1,
    });
  });

  it('39: without the rights to delete and to read events and logs it works on and says what is missing', async () => {
    const executor = await kit.connect();
    const notices: string[] = [];
    executor.on('notice', ({ message }) => void notices.push(message));
    kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    kit.cluster.forbid({ verb: 'list', resource: 'events' });
    kit.cluster.forbid({ verb: 'get', resource: 'pods/log' });
    expect(await kit.ended(executor.queueTask(work({ duration: '1s', 'exit-code': '3' })))).toMatchObject({
      state: 'failed',
      exitCode: 3,
    });
    expect(await kit.ended(executor.queueTask(work({ duration: '1s' }, 'u')))).toMatchObject({ state: 'success' });
    await kit.cluster.clock.advance('1m');
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain('cannot be cleaned up');
    expect(
      kit.cluster.requests.filter(({ verb, resource }) => verb === 'delete' && resource === 'pods').length,
    ).toBeLessThanOrEqual(2);
  });

  it.each([
    ['25: a watch that is dropped', (c: FakeCluster<VirtualClock>) => c.dropWatches()],
    ['25: a watch that goes silent', (c: FakeCluster<VirtualClock>) => c.silenceWatches()],
    [
      '25: a history that is compacted',
      (c: FakeCluster<VirtualClock>) => {
        c.compact();
        c.dropWatches();
      },
    ],
    ['28: an API server that is restarted', (c: FakeCluster<VirtualClock>) => c.restartApiServer()],
  ])('%s loses nothing', async (_, fault) => {
    const executor = await kit.connect();
    const run = executor.queueTask(work({ duration: '30s' }));
    await kit.cluster.clock.advance('5s');
    fault(kit.cluster);
    const outcome = await kit.ended(run);
    expect(outcome).toMatchObject({ state: 'success', launches: 1 });
    expect(outcome.times.endedAt - outcome.times.queuedAt).toBeLessThan(15 * 60_000);
  });

  it('26: a pod that ended and was removed while nobody watched is not running for ever', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work());
    await kit.cluster.clock.advance('5s');
    kit.cluster.silenceWatches();
    await kit.cluster.when(ours).delete({ gracePeriodSeconds: 0 });
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', verdict: { kind: 'deleted_externally' } });
  });

  it('40: a pod with our label and nothing else harms nobody', async () => {
    const executor = await kit.connect({ executorId: 'me' });
    await kit.cluster.kubeClient().createPod('default', {
      metadata: { name: 'foreign', labels: { 'podwright.dev/executor-id': 'me' } },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    expect(await kit.ended(executor.queueTask(work({ duration: '1s' })))).toMatchObject({ state: 'success' });
    expect(executor.slotsOccupied).toBe(0);
  });
});
