/** Finalizers and acknowledgement: what keeps a pod until its outcome was told, and heard. */
import { describe, expect, it } from 'vitest';
import { FINALIZER, LABELS } from '../../src/wire/names.js';
import { lasting, ProcessKit, TASK } from './process-kit.js';

const kit = ProcessKit.use();

describe('with finalizers', () => {
  const options = { lease: false, trackWithFinalizer: true } as const;

  it('33: a pod that somebody deletes while the host is away still gives its outcome, and goes then', async () => {
    const a = await kit.started('a', options);
    a.executor.queueTask(lasting('5s'));
    await kit.cluster.clock.advance('2s');
    expect(kit.cluster.pods()[0]?.metadata?.finalizers).toEqual([FINALIZER]);
    const detaching = a.executor.detach();
    await kit.cluster.clock.advance('20s');
    await detaching;
    const { name = '' } = kit.cluster.pods()[0]?.metadata ?? {};
    await kit.cluster.kubeClient().deletePod('default', name);
    expect(kit.cluster.pods()).toHaveLength(1);
    const b = await kit.started('a', options);
    await kit.cluster.clock.advance('5s');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    expect(b.executor.slotsOccupied).toBe(0);
    await kit.cluster.clock.advance('5s');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('a pod that is deleted before it has a node counts as dead at once', async () => {
    await kit.restart({ kubelet: 'none' });
    const a = await kit.started('a', { ...options, retry: { infra: { max: 0 } } });
    a.executor.queueTask(TASK);
    await kit.cluster.clock.advance('2s');
    await kit.cluster.kubeClient().deletePod('default', kit.cluster.pods()[0]?.metadata?.name ?? '');
    await kit.cluster.clock.advance('5s');
    expect(a.outcomes).toMatchObject([
      { state: 'failed', verdict: { kind: 'deleted_externally', mainStarted: false } },
    ]);
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('a pod that is kept loses its finalizer with its mark', async () => {
    const a = await kit.started('a', { ...options, config: { image: 'x', deleteWorkerPods: false } });
    a.executor.queueTask(lasting('5s'));
    await kit.cluster.clock.advance('20s');
    expect(a.outcomes).toHaveLength(1);
    const { labels, finalizers } = kit.cluster.pods()[0]?.metadata ?? {};
    expect([labels?.[LABELS.done], finalizers ?? []]).toEqual(['true', []]);
  });
});

it('a task that is found ended takes no slot, and is not counted as running', async () => {
  const first = await kit.started('a', { lease: false, acknowledge: 'manual', parallelism: 1 });
  first.executor.queueTask(lasting('5s'));
  await kit.cluster.clock.advance('10s');
  const detaching = first.executor.detach();
  await kit.cluster.clock.advance('20s');
  await detaching;
  const slots: number[] = [];
  const second = kit.made('a', { acknowledge: 'manual', parallelism: 1 });
  second.executor.on('outcome', () => void slots.push(second.executor.slotsOccupied));
  await second.executor.start();
  slots.push(second.executor.slotsOccupied);
  await kit.cluster.clock.advance('1s');
  expect(second.outcomes).toMatchObject([{ state: 'success' }]);
  expect(slots).toEqual([0, 0]);
});

it('an end that is still being looked into when the executor detaches is left to the next one, pod and all', async () => {
  const options = { lease: false, config: { image: 'x', deleteWorkerPodsOnFailure: true } } as const;
  const a = await kit.started('a', options);
  const annotations = { 'testing.podwright.dev/duration': '5s', 'testing.podwright.dev/exit-code': '3' };
  a.executor.queueTask({ ...TASK, executorConfig: { annotations } });
  a.executor.queueTask({ ...lasting('4s'), key: { ...TASK.key, taskId: 'other' } });
  kit.cluster.faults.add({ verb: 'list', resource: 'events', times: 1, latencyMs: 3_000 });
  // The cleanup after the other task keeps the executor from closing at once.
  kit.cluster.faults.add({ verb: 'delete', resource: 'pods', times: 1, latencyMs: 8_000 });
  await kit.cluster.clock.advance('6s');
  const detaching = a.executor.detach();
  await kit.cluster.clock.advance('20s');
  expect(await detaching).toEqual([expect.objectContaining(TASK.key)]);
  expect(a.outcomes.map(({ key }) => key.taskId)).toEqual(['other']);
  expect(kit.cluster.pods()).toHaveLength(1);
  const b = await kit.started('a', options);
  await kit.cluster.clock.advance('20s');
  expect(b.outcomes).toMatchObject([{ state: 'failed', exitCode: 3 }]);
});

describe('with manual acknowledgement', () => {
  const manual = { lease: false, trackWithFinalizer: true, acknowledge: 'manual' } as const;

  it('a cancel is told again after a crash, until it is acknowledged', async () => {
    const a = await kit.started('a', manual);
    a.executor.queueTask(lasting('1h'));
    await kit.cluster.clock.advance('5s');
    const cancelling = a.executor.cancel(TASK.key, { grace: '5s' });
    await kit.cluster.clock.advance('1m');
    expect(await cancelling).toMatchObject({ observed: 'terminated' });
    expect(a.outcomes).toMatchObject([{ verdict: { kind: 'cancelled', message: 'The task was cancelled' } }]);
    a.isCut = true;
    const b = await kit.started('a', manual);
    await kit.cluster.clock.advance('10s');
    expect(b.outcomes).toMatchObject([{ key: TASK.key, state: 'failed', verdict: { kind: 'cancelled' } }]);
    expect(kit.cluster.pods()).toHaveLength(1);
    await b.outcomes[0]?.acknowledge();
    await kit.cluster.clock.advance('10s');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('the pod of a cancelled task goes once that is acknowledged', async () => {
    const a = await kit.started('a', manual);
    a.executor.queueTask(lasting('1h'));
    await kit.cluster.clock.advance('5s');
    const cancelling = a.executor.cancel(TASK.key, { grace: '5s' });
    await kit.cluster.clock.advance('1m');
    await cancelling;
    expect(kit.cluster.pods()).toHaveLength(1);
    const acknowledged = a.outcomes[0]?.acknowledge();
    await kit.cluster.clock.advance('10s');
    await acknowledged;
    expect(kit.cluster.pods()).toEqual([]);
  });
});
