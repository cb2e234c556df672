/** Faults of one pod and of one call, on the real API server; the numbers are those of the embedded cluster's tests. */
import { describe, expect, it } from 'vitest';
import type { Pod } from '../../src/wire/types.js';
import { base, disrupted, exited, runs, statuses, waits } from '../lifecycle/pods.js';
import { REAL_KUBECONFIG, RealKit } from './real-kit.js';

const key = (taskId = 't') => ({ dagId: 'd', taskId, runId: 'r' });
const task = (more: object = {}) => ({ key: key(), command: ['any'], ...more });
const once = { infra: { max: 0 } };
const fast = { infra: { max: 2, backoff: { initial: 10, max: 10 } } };
const running = { phase: 'Running', containerStatuses: base(runs) };
const launch = (number: number) => (pod: Pod) => pod.metadata?.annotations?.['podwright.dev/launch'] === String(number);

describe.skipIf(REAL_KUBECONFIG === undefined)('on the real API server', () => {
  const kit = RealKit.use();

  it('a success costs one pod, and nothing is left', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(task());
    await kit.play(running);
    await expect.poll(() => run.state).toBe('running');
    const pod = await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) });
    expect(await run.outcome).toMatchObject({ state: 'success', launches: 1 });
    await kit.finishDelete(pod);
    await expect.poll(() => kit.pods()).toEqual([]);
  });

  it('1: an eviction costs a launch, 5: and so does a preemption', async () => {
    const executor = await kit.connect({ retry: fast });
    const run = executor.queueTask(task());
    await kit.play({
      phase: 'Failed',
      reason: 'Evicted',
      message: 'low on memory',
      containerStatuses: base(exited(137)),
    });
    await kit.onlyPod(launch(2));
    await kit.play(
      { phase: 'Failed', containerStatuses: base(exited(137)), conditions: [disrupted('PreemptionByScheduler')] },
      launch(2),
    );
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) }, launch(3));
    expect(await run.outcome).toMatchObject({ state: 'success', launches: 3 });
  });

  it('2: a running pod that is deleted by force is found out by its absence', async () => {
    const run = (await kit.connect()).queueTask(task());
    await kit.finishDelete(await kit.play(running));
    expect(await run.outcome).toMatchObject({
      state: 'failed',
      verdict: { kind: 'deleted_externally', blame: 'caller' },
    });
  });

  it('2: one that is deleted with grace is called deleted, though its container ended by a signal', async () => {
    const run = (await kit.connect()).queueTask(task());
    const pod = await kit.play(running);
    await kit.raw('DELETE', kit.podPath(pod.metadata?.name), { gracePeriodSeconds: 5 });
    const finishedAt = new Date(Date.now() + 1_000).toISOString().replace(/\.\d+/, '');
    await kit.play({ phase: 'Failed', containerStatuses: base(exited(143, 'Error', { finishedAt })) });
    await kit.finishDelete(pod);
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'deleted_externally' } });
  });

  it('6: an eviction through the API is told by its condition', async () => {
    const run = (await kit.connect({ retry: once })).queueTask(task());
    const pod = await kit.play(running);
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod.metadata?.name } };
    expect((await kit.raw('POST', `${kit.podPath(pod.metadata?.name)}/eviction`, eviction)).status).toBe(201);
    await kit.finishDelete(pod);
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'api_eviction', blame: 'infra' } });
  });

  it('8: out-of-memory has its limit, and grows', async () => {
    const executor = await kit.connect({ retry: { oom: { max: 1, memoryFactor: 2, backoff: { initial: 10 } } } });
    const run = executor.queueTask(task({ executorConfig: { limitMemory: '64Mi' } }));
    await kit.play({ phase: 'Failed', containerStatuses: base(exited(137, 'OOMKilled')) });
    await kit.play({ phase: 'Failed', containerStatuses: base(exited(137, 'OOMKilled')) }, launch(2));
    expect(await run.outcome).toMatchObject({
      state: 'failed',
      launches: 2,
      verdict: { kind: 'oom_killed', evidence: { memoryLimit: '128Mi' } },
    });
  });

  it('12: a sidecar that never ends does not hold up the outcome', async () => {
    const podTemplate = { spec: { containers: [{ name: 'proxy', image: 'p' }] } };
    const run = (await kit.connect({ podTemplate })).queueTask(task());
    await kit.play({ phase: 'Running', containerStatuses: statuses({ base: exited(0), proxy: runs }) });
    expect(await run.outcome).toMatchObject({ state: 'success' });
    await expect.poll(async () => (await kit.onlyPod()).metadata?.deletionTimestamp).toBeDefined();
  });

  it('16: a missing secret is told while it waits, and named when it does not come', async () => {
    const executor = await kit.connect({ timeouts: { broken: '300ms' } });
    const run = executor.queueTask(task());
    const pod = await kit.play({
      phase: 'Pending',
      containerStatuses: base(waits('CreateContainerConfigError', 'secret "db" not found')),
    });
    await expect.poll(async () => (await kit.onlyPod()).metadata?.deletionTimestamp).toBeDefined();
    await kit.finishDelete(pod);
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'config_error.secret' } });
  });

  it('21: a full quota is waited for, and used when it comes free', async () => {
    const path = `/api/v1/namespaces/${kit.namespace}/resourcequotas`;
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } };
    await kit.raw('POST', path, quota);
    const used = (pods: string) =>
      kit.raw(
        'PATCH',
        `${path}/q/status`,
        { status: { hard: { pods: '1' }, used: { pods } } },
        'application/merge-patch+json',
      );
    await used('1');
    const pods = `/api/v1/namespaces/${kit.namespace}/pods?dryRun=All`;
    const trial = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x' },
      spec: { containers: [{ name: 'b', image: 'i' }] },
    };
    await expect.poll(async () => (await kit.raw('POST', pods, trial)).status, { timeout: 20_000 }).toBe(403);
    const executor = await kit.connect();
    const run = executor.queueTask(task());
    await expect
      .poll(() => executor.pending(run.key)?.summary, { timeout: 20_000 })
      .toMatch(/exceeded quota: q, requested: pods=1/);
    await used('0');
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) });
    expect(await run.outcome).toMatchObject({ state: 'success', launches: 1 });
  });

  it('24: a task that is cancelled leaves no pod', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(task());
    const cancelling = executor.cancel(run.key, { grace: '1s' });
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled' } });
    expect(await cancelling).toMatchObject({ observed: expect.stringMatching(/not_started|terminated/) });
    expect(await kit.pods()).toEqual([]);
  });

  it('34: a finished pod that a foreign finalizer keeps gives its outcome and its slot', async () => {
    const executor = await kit.connect({ parallelism: 1 });
    const run = executor.queueTask(task());
    const { metadata } = await kit.onlyPod();
    const keep = { metadata: { finalizers: ['example.com/keep'] } };
    await kit.raw('PATCH', kit.podPath(metadata?.name), keep, 'application/merge-patch+json');
    await kit.play(running);
    await kit.raw('DELETE', kit.podPath(metadata?.name));
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) });
    expect(await run.outcome).toMatchObject({ state: 'success' });
    expect(executor.slotsAvailable).toBe(1);
  });

  it('36: two executors that are given the same task have one pod', async () => {
    const [one, two] = [await kit.connect({ executorId: 'one' }), await kit.connect({ executorId: 'two' })];
    const first = one.queueTask(task());
    await kit.play(running);
    await expect.poll(() => first.state).toBe('running');
    const second = two.queueTask(task());
    expect(await first.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'cancelled' } });
    expect(await kit.pods()).toHaveLength(1);
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) });
    expect(await second.outcome).toMatchObject({ state: 'success' });
  });

  it('42: a namespace that is being deleted has its own verdict', async () => {
    const keeper = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'k', finalizers: ['example.com/keep'] } };
    await kit.raw('POST', `/api/v1/namespaces/${kit.namespace}/configmaps`, keeper);
    await kit.raw('DELETE', `/api/v1/namespaces/${kit.namespace}`);
    const run = (await kit.connect()).queueTask(task());
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'namespace_terminating' } });
  });

  it('45: slots are right after a restart, also for what has ended or gone meanwhile', async () => {
    const first = await kit.connect({ executorId: 'same' });
    for (const name of ['runs', 'ends', 'goes']) first.queueTask({ key: key(name), command: ['any'] });
    const of = (name: string) => (pod: Pod) => pod.metadata?.labels?.['podwright.dev/task-id'] === name;
    for (const name of ['runs', 'ends', 'goes']) await kit.play(running, of(name));
    await first.detach();
    await kit.play({ phase: 'Failed', containerStatuses: base(exited(3)) }, of('ends'));
    await kit.finishDelete(await kit.onlyPod(of('goes')));
    const second = await kit.connect({ executorId: 'same' });
    await expect.poll(() => second.slotsOccupied).toBe(1);
    const ended = second.queueTask({ key: key('ends'), command: ['any'] });
    expect(await ended.outcome).toMatchObject({ state: 'failed', exitCode: 3 });
    expect(second.getRun(key('runs'))?.state).toBe('running');
    expect(second.hasTask(key('goes'))).toBe(false);
  });
});
