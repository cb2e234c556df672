/** Faults of one pod that are played by hand: no kubelet, the test writes what one would report. */
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS } from '../../src/wire/names.js';
import type { ContainerState, PodStatus } from '../../src/wire/types.js';
import { base, disrupted, exited, runs, statuses, waits } from '../lifecycle/pods.js';
import { call, PODS } from '../testing/call.js';
import { KubeKit, key, once } from './kube-kit.js';

const kit = KubeKit.use({ kubelet: 'none' });
const proxied = { spec: { containers: [{ name: 'proxy', image: 'p' }] } };
const task = (more: object = {}) => ({ key: key(), command: ['any'], ...more });
const running = (states: Record<string, ContainerState>): PodStatus => ({
  phase: 'Running',
  containerStatuses: statuses(states),
});
const unschedulable = (nodes: number): PodStatus => ({
  phase: 'Pending',
  conditions: [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: `0/${nodes} nodes are available: ${nodes} Insufficient memory.`,
    },
  ],
});

describe('containers beside the base container', () => {
  it('11: one that is killed for memory is told of while the task runs, and stands in its outcome', async () => {
    const executor = await kit.connect({ podTemplate: proxied });
    const warnings: string[] = [];
    executor.on('task:warning', ({ warning }) => void warnings.push(warning));
    const run = executor.queueTask(task());
    await kit.play(running({ base: runs, proxy: exited(137, 'OOMKilled') }), 'n');
    await kit.cluster.clock.advance('1h');
    expect(warnings).toEqual(['Container proxy has failed while the task runs: OOMKilled']);
    await kit.play({ ...running({ base: exited(0), proxy: exited(137, 'OOMKilled') }), phase: 'Failed' });
    expect(await kit.ended(run)).toMatchObject({
      state: 'success',
      warnings: ['Container proxy ended with OOMKilled (exit code 137)'],
    });
  });

  it('11: one that dies ends the task where it is so configured', async () => {
    const executor = await kit.connect({ podTemplate: proxied, sidecarFailure: 'fail' });
    const run = executor.queueTask(task());
    await kit.play(running({ base: runs, proxy: exited(1) }), 'n');
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: { kind: 'sidecar_failed', mainStarted: true, evidence: { container: 'proxy' } },
    });
    await kit.cluster.clock.advance('2m');
    expect(kit.count('delete', 'pods')).toBe(1);
  });

  it('12: one that never ends does not hold up the outcome, and its pod is ended', async () => {
    const executor = await kit.connect({ podTemplate: proxied });
    const run = executor.queueTask(task());
    await kit.play(running({ base: exited(0), proxy: runs }), 'n');
    expect(await kit.ended(run)).toMatchObject({ state: 'success', exitCode: 0 });
    await kit.cluster.clock.advance('2m');
    expect(kit.count('delete', 'pods', 200)).toBe(1);
  });

  it('14: an init container that fails is named', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(task());
    const inits = [{ name: 'fetch', state: exited(7) }];
    await kit.play(
      { phase: 'Failed', initContainerStatuses: inits, containerStatuses: base(waits('PodInitializing')) },
      'n',
    );
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: {
        kind: 'init_failed',
        mainStarted: false,
        message: 'Init container fetch exited with code 7',
        evidence: { container: 'fetch', exitCode: 7 },
      },
    });
  });
});

describe('ends that come together', () => {
  it('13: a container that succeeded in a pod that was evicted is a success, with a warning', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(task());
    await kit.play(
      { phase: 'Failed', reason: 'Evicted', message: 'low on disk', containerStatuses: base(exited(0)) },
      'n',
    );
    expect(await kit.ended(run)).toMatchObject({
      state: 'success',
      warnings: ['The work was done before: The pod ended with reason Evicted: low on disk'],
    });
  });

  it('10: exit 137 without the word OOMKilled is a SIGKILL, and out of memory only a likely reason', async () => {
    const run = (await kit.connect()).queueTask(task());
    await kit.play({ phase: 'Failed', containerStatuses: base(exited(137)) }, 'n');
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      exitCode: 137,
      verdict: { kind: 'killed_signal', confidence: 'likely', evidence: { signal: 'SIGKILL' } },
    });
  });

  it('34: a finished pod that a foreign finalizer keeps gives its outcome and its slot', async () => {
    const executor = await kit.connect({ parallelism: 1 });
    const run = executor.queueTask(task());
    const { metadata } = await kit.onlyPod();
    const path = `${PODS}/${metadata?.name}`;
    const finalizers = { metadata: { finalizers: ['example.com/keep'] } };
    await call(kit.cluster.transport(), 'PATCH', path, finalizers, 'application/merge-patch+json');
    await kit.play(running({ base: runs }), 'n');
    await call(kit.cluster.transport(), 'DELETE', path);
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) });
    expect(await kit.ended(run)).toMatchObject({ state: 'success' });
    expect(executor.slotsAvailable).toBe(1);
    expect(kit.cluster.pods()).toHaveLength(1);
  });

  it('33: a pod that a controller removes as it ends is judged by what was seen last', async () => {
    const run = (await kit.connect()).queueTask(task());
    await kit.play(running({ base: runs }), 'n');
    const path = `${PODS}/${(await kit.onlyPod()).metadata?.name}`;
    const transport = kit.cluster.transport();
    const status = { phase: 'Failed', containerStatuses: base(exited(3)) };
    await call(transport, 'PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
    await call(transport, 'DELETE', path, { gracePeriodSeconds: 0 });
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', exitCode: 3, verdict: { kind: 'app_exit' } });
  });
});

describe('waits', () => {
  it('17: a container that cannot be created is infrastructure, for it never started', async () => {
    const executor = await kit.connect({ retry: once });
    const run = executor.queueTask(task());
    const reserved = waits('CreateContainerError', 'failed to reserve container name "base": name is reserved');
    await kit.play({ phase: 'Pending', containerStatuses: base(reserved) }, 'n');
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: { kind: 'container_create_failed', blame: 'infra', mainStarted: false },
    });
  });

  it('18: a pod without a node is waited for as long as an autoscaler says that one is on its way', async () => {
    const executor = await kit.connect({ timeouts: { unschedulable: '5m' }, retry: once });
    const run = executor.queueTask(task());
    await kit.play(unschedulable(3));
    const { metadata } = await kit.onlyPod();
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'scale-up', namespace: 'default' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: metadata?.name, uid: metadata?.uid },
      reason: 'TriggeredScaleUp',
      message: 'pod triggered scale-up',
      lastTimestamp: new Date(kit.cluster.clock.now()).toISOString().replace(/\.\d+/, ''),
      type: 'Normal',
    };
    const created = await call(kit.cluster.transport(), 'POST', '/api/v1/namespaces/default/events', event);
    expect(created.status).toBe(201);
    await kit.cluster.clock.advance('6m');
    expect(executor.pending(run.key)).toMatchObject({
      phase: 'unschedulable',
      sinceMs: 60_000,
      summary: 'unschedulable for 60 s: of 3 nodes, 3 short of memory; an autoscaler is adding a node',
    });
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) }, 'n');
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
  });

  it('18: without a new word of the autoscaler the clock runs out', async () => {
    const executor = await kit.connect({ timeouts: { unschedulable: '5m' }, retry: once });
    const run = executor.queueTask(task());
    await kit.play(unschedulable(3));
    const before = kit.cluster.clock.now();
    expect(await kit.ended(run)).toMatchObject({
      state: 'failed',
      verdict: {
        kind: 'unschedulable.resources',
        evidence: { conditions: [expect.stringContaining('3 Insufficient memory')] },
      },
    });
    expect(kit.cluster.clock.now() - before).toBeLessThan(7 * 60_000);
  });

  it('38: texts that only count anew are reported once', async () => {
    const executor = await kit.connect();
    const reasons: string[] = [];
    executor.on('task:pending', ({ reason }) => void reasons.push(reason));
    executor.queueTask(task());
    for (let nodes = 40; nodes < 60; nodes += 1) {
      await kit.play(unschedulable(nodes));
      await kit.cluster.clock.advance('10s');
    }
    expect(reasons.filter((reason) => reason.startsWith('unschedulable'))).toEqual([
      'unschedulable: of 40 nodes, 40 short of memory',
    ]);
  });

  it('35: gated for an hour it is pending, then runs, and a preemption by deletion costs infrastructure a launch', async () => {
    const executor = await kit.connect({
      podTemplate: { spec: { schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }], containers: [] } },
    });
    const run = executor.queueTask(task());
    await kit.onlyPod();
    await kit.cluster.clock.advance('1h');
    expect(executor.pending(run.key)).toMatchObject({ phase: 'gated', limitMs: undefined });
    const path = `${PODS}/${(await kit.onlyPod()).metadata?.name}`;
    const transport = kit.cluster.transport();
    await call(transport, 'PATCH', path, { spec: { schedulingGates: null } }, 'application/strategic-merge-patch+json');
    const preempted = {
      type: 'TerminationTarget',
      status: 'True',
      reason: 'WorkloadEvictedDueToPreempted',
      message: 'Preempted',
    };
    await kit.play({ ...running({ base: runs }), conditions: [preempted] }, 'n');
    await call(transport, 'DELETE', path, { gracePeriodSeconds: 0 });
    const relaunched: string[] = [];
    executor.on('task:relaunch', ({ verdict }) => void relaunched.push(verdict.kind));
    await kit.cluster.clock.advance('1m');
    expect(relaunched).toEqual(['preempted']);
    expect(kit.created()).toBe(2);
    expect(run.state).toBe('running');
  });

  it('limits of a task of its own travel with its pod, and hold for whoever adopts it', async () => {
    const first = await kit.connect({ executorId: 'one' });
    first.queueTask(task({ timeouts: { running: '10m' } }));
    await kit.play(running({ base: runs }), 'n');
    expect((await kit.onlyPod()).metadata?.annotations?.[ANNOTATIONS.timeouts]).toBe('running=600000');
    const detaching = first.detach();
    await kit.cluster.clock.settle();
    await detaching;
    const second = await kit.connect({ executorId: 'one', retry: once });
    const run = second.getRun(key());
    if (run === undefined) throw new Error('it was not adopted');
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', verdict: { kind: 'deadline.running' } });
  });

  it('a task that gets no slot in its time fails as deadline.queued, without a pod', async () => {
    const executor = await kit.connect({ parallelism: 1 });
    executor.queueTask(task());
    const late = executor.queueTask({ key: key('late'), command: ['any'], timeouts: { queued: '5m' } });
    await kit.onlyPod();
    await kit.cluster.clock.advance('1m');
    expect(executor.pending(late.key)).toMatchObject({ phase: 'queued', sinceMs: 60_000, limitMs: 300_000 });
    expect(await kit.ended(late)).toMatchObject({
      state: 'failed',
      ranAs: undefined,
      verdict: { kind: 'deadline.queued', mainStarted: false },
    });
    expect(kit.created()).toBe(1);
  });
});

describe('launches within a try', () => {
  it('grow their memory after an out-of-memory, up to the limit, and then are the last', async () => {
    const retry = { oom: { max: 5, memoryFactor: 2, maxMemory: '3Gi' } };
    const executor = await kit.connect({ retry });
    const run = executor.queueTask(task({ executorConfig: { limitMemory: '1Gi', requestMemory: '1Gi' } }));
    const limits: unknown[] = [];
    for (let launch = 1; launch <= 3; launch += 1) {
      const { spec } = await kit.onlyPod();
      limits.push(spec?.containers[0]?.resources?.limits?.memory);
      await kit.play({ phase: 'Failed', containerStatuses: base(exited(137, 'OOMKilled')) }, 'n');
      await kit.cluster.clock.advance('2m');
    }
    expect(limits).toEqual(['1Gi', '2Gi', '3Gi']);
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', launches: 3, verdict: { kind: 'oom_killed' } });
  });

  it('leave spot nodes after so many interruptions', async () => {
    const overlay = { spec: { nodeSelector: { capacity: 'on-demand' } } };
    const executor = await kit.connect({ retry: { infra: { max: 3 }, afterInterruptions: { count: 1, overlay } } });
    const run = executor.queueTask(task());
    expect((await kit.onlyPod()).spec?.nodeSelector).toBeUndefined();
    const status = {
      phase: 'Failed',
      containerStatuses: base(exited(137)),
      conditions: [disrupted('PreemptionByScheduler')],
    };
    await kit.play(status, 'n');
    await kit.cluster.clock.advance('1m');
    expect((await kit.onlyPod()).spec?.nodeSelector).toEqual({ capacity: 'on-demand' });
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) }, 'n');
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
  });

  it('3: after a lost node need its fence, which removes the old pod by force', async () => {
    const executor = await kit.connect({ nodeLostFence: '10m', timeouts: { terminating: '5m' } });
    executor.queueTask(task());
    await kit.play(running({ base: runs }), 'n');
    const { metadata } = await kit.onlyPod();
    await call(kit.cluster.transport(), 'DELETE', `${PODS}/${metadata?.name}`);
    await kit.cluster.clock.advance('15m');
    expect(kit.created()).toBe(1);
    expect(kit.cluster.pods()).toHaveLength(1);
    await kit.cluster.clock.advance('2m');
    expect(kit.created()).toBe(2);
    expect(kit.cluster.pods().map(({ metadata: { uid } = {} }) => uid)).not.toContain(metadata?.uid);
  });

  it('3: are not for a pod whose node comes back within the time of the fence, and shows that it has done its work', async () => {
    const executor = await kit.connect({ nodeLostFence: '10m', timeouts: { terminating: '5m' } });
    const run = executor.queueTask(task());
    await kit.play(running({ base: runs }), 'n');
    const { metadata } = await kit.onlyPod();
    await call(kit.cluster.transport(), 'DELETE', `${PODS}/${metadata?.name}`);
    await kit.cluster.clock.advance('12m');
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) });
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
    expect(kit.created()).toBe(1);
  });
});
