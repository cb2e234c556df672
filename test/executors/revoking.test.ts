/** Taking tasks back, and telling those that were never launched from those that were. */
import { describe, expect, it, vi } from 'vitest';
import { KubeApiError } from '../../src/errors.js';
import { lasting, ProcessKit, TASK } from './process-kit.js';

const kit = ProcessKit.use();

describe('revoking', () => {
  const slow = (annotations: Record<string, string>) => ({ ...TASK, executorConfig: { annotations } });

  it('spares a task whose program has started, unless told otherwise', async () => {
    const a = await kit.started('a', { lease: false });
    const run = a.executor.queueTask(lasting('1h'));
    await kit.cluster.clock.advance('5s');
    expect(await a.executor.revokeTask(TASK.key)).toBe(false);
    expect(run.state).toBe('running');
    const revoking = a.executor.revokeTask(TASK.key, { evenIfRunning: true });
    await kit.cluster.clock.advance('1m');
    expect(await revoking).toBe(true);
    expect([kit.cluster.pods(), a.outcomes]).toEqual([[], []]);
    expect(await a.executor.revokeTask(TASK.key)).toBe(true);
  });

  it('leaves nothing behind that would speak for the task when it is handed over again', async () => {
    const a = await kit.started('a');
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerConfigError' }));
    await kit.cluster.clock.advance('5s');
    const revoking = a.executor.revokeTask(TASK.key);
    await kit.cluster.clock.advance('1s');
    expect(await revoking).toBe(true);
    a.executor.queueTask(lasting('5s'));
    await kit.cluster.clock.advance('10s');
    expect(a.outcomes).toMatchObject([{ state: 'success' }]);
  });

  it('hands a task out again while its pod, which somebody’s finalizer keeps, is still on its way out', async () => {
    const a = await kit.started('a');
    a.executor.queueTask(lasting('1h'));
    await kit.cluster.clock.advance('5s');
    const client = kit.cluster.kubeClient();
    const name = kit.cluster.pods()[0]?.metadata?.name ?? '';
    await client.patchPod('default', name, { metadata: { finalizers: ['example.com/kept'] } });
    const revoking = a.executor.revokeTask(TASK.key, { evenIfRunning: true });
    await kit.cluster.clock.advance('1m');
    expect(await revoking).toBe(true);
    a.executor.queueTask(lasting('5s'));
    await kit.cluster.clock.advance('10s');
    expect(a.executor.pending(TASK.key)?.summary).toContain('still on its way out');
    await client.patchPod('default', name, { metadata: { finalizers: null } });
    await kit.cluster.clock.advance('1m');
    expect(a.outcomes).toMatchObject([{ state: 'success', launches: 1 }]);
  });

  it('does not take up a pod that a late answer shows, when it has handed the task out again', async () => {
    const kubeClient = kit.cluster.kubeClient();
    const [create, read] = [vi.spyOn(kubeClient, 'createPod'), vi.spyOn(kubeClient, 'readPod')];
    const a = await kit.started('a', { kubeClient });
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerConfigError' }));
    await kit.cluster.clock.advance('5s');
    const [former] = kit.cluster.pods();
    const revoking = a.executor.revokeTask(TASK.key);
    await kit.cluster.clock.advance('1m');
    expect([await revoking, kit.cluster.pods()]).toEqual([true, []]);
    // The server looked before that one had gone, of which the watch has told sooner.
    const taken = new KubeApiError('taken', { status: 409, reason: 'AlreadyExists', retryable: false });
    create.mockRejectedValueOnce(taken);
    read.mockResolvedValueOnce(former);
    a.executor.queueTask(lasting('5s'));
    await kit.cluster.clock.advance('1m');
    expect(a.outcomes).toMatchObject([{ state: 'success', launches: 1 }]);
  });

  it('ends one that waits, and does not even then where it has started unseen', async () => {
    const a = await kit.started('a', { lease: false });
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerConfigError' }));
    await kit.cluster.clock.advance('5s');
    const revoking = a.executor.revokeTask(TASK.key);
    await kit.cluster.clock.advance('1m');
    expect(await revoking).toBe(true);
    expect([kit.cluster.pods(), a.outcomes]).toEqual([[], []]);
    // The watch says nothing of the start; the server does.
    kit.cluster.silenceWatches();
    const run = a.executor.queueTask({ ...lasting('1h'), key: { ...TASK.key, tryNumber: 2 } });
    await kit.cluster.clock.advance('5s');
    expect(await a.executor.revokeTask(run.key)).toBe(false);
    expect(kit.cluster.pods()[0]?.metadata?.deletionTimestamp).toBeUndefined();
    kit.cluster.silenceWatches(false);
  });

  it('tells the success of a task that has done its work meanwhile, and does not call it revoked', async () => {
    const a = await kit.started('a', { lease: false });
    const run = a.executor.queueTask(lasting('20s'));
    await kit.cluster.clock.advance('10s');
    kit.cluster.silenceWatches();
    await kit.cluster.clock.advance('15s');
    const revoking = a.executor.revokeTask(TASK.key, { evenIfRunning: true });
    await kit.cluster.clock.advance('1m');
    expect(await revoking).toBe(false);
    expect(await run.outcome).toMatchObject({ state: 'success' });
    expect(a.outcomes).toHaveLength(1);
    kit.cluster.silenceWatches(false);
  });

  it('tells a task whose end nobody can prove, and does not call it revoked', async () => {
    const a = await kit.started('a', { lease: false });
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerError' }));
    await kit.cluster.clock.advance('5s');
    await kit.cluster.when(({ pod }) => pod.spec?.nodeName !== undefined).nodeLost();
    const revoking = a.executor.revokeTask(TASK.key);
    await kit.cluster.clock.advance('10m');
    expect(await revoking).toBe(false);
    expect(a.outcomes).toMatchObject([{ state: 'failed', verdict: { kind: 'cancelled' } }]);
  });

  it('does not silence a cancel that is under way, and answers a second time as it did first', async () => {
    const a = await kit.started('a', { lease: false });
    a.executor.queueTask(lasting('1h'));
    await kit.cluster.clock.advance('5s');
    const cancelling = a.executor.cancel(TASK.key);
    const late = a.executor.revokeTask(TASK.key);
    await kit.cluster.clock.advance('1m');
    expect([(await cancelling).observed, await late]).toEqual(['terminated', false]);
    expect(a.outcomes).toMatchObject([{ state: 'failed', verdict: { kind: 'cancelled' } }]);

    const other = {
      ...slow({ 'testing.podwright.dev/result': 'CreateContainerError' }),
      key: { ...TASK.key, runId: '2' },
    };
    a.executor.queueTask(other);
    await kit.cluster.clock.advance('5s');
    const both = Promise.all([a.executor.revokeTask(other.key), a.executor.revokeTask(other.key)]);
    await kit.cluster.clock.advance('1m');
    expect([await both, a.outcomes.length]).toEqual([[true, true], 1]);
  });

  it('asks again where the server does not answer', async () => {
    const a = await kit.started('a', { lease: false });
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerConfigError' }));
    await kit.cluster.clock.advance('5s');
    kit.cluster.faults.add({ verb: 'delete', resource: 'pods', times: 12, status: 503 });
    const revoking = a.executor.revokeTask(TASK.key);
    await kit.cluster.clock.advance('5m');
    expect(await revoking).toBe(true);
    expect([kit.cluster.pods(), a.outcomes]).toEqual([[], []]);
  });
});

it('tells tasks that were never launched from those that were, and takes completed ones over', async () => {
  const key = (taskId: string) => ({ ...TASK.key, taskId });
  const old = await kit.started('old', { lease: false, acknowledge: 'manual' });
  for (const [taskId, duration] of [
    ['done', '5s'],
    ['runs', '1h'],
  ] as const)
    old.executor.queueTask({ ...lasting(duration), key: key(taskId) });
  await kit.cluster.clock.advance('10s');
  const detaching = old.executor.detach();
  await kit.cluster.clock.advance('20s');
  await detaching;
  const { executor, outcomes } = await kit.started('new', { lease: false });
  const keys = [key('done'), key('runs'), key('never')];
  expect((await executor.clearNotLaunchedQueuedTasks(keys)).map(({ taskId }) => taskId)).toEqual(['never']);
  expect((await executor.adoptCompletedPods()).map(({ taskId }) => taskId)).toEqual(['done']);
  await kit.cluster.clock.advance('1s');
  expect(outcomes).toMatchObject([{ state: 'success', key: { taskId: 'done' } }]);
  expect(executor.slotsOccupied).toBe(0);
  await kit.cluster.kubeClient().deletePods({ namespace: 'default', gracePeriodSeconds: 0 });
});
