/** Rights that a host lacks for a while: what they were needed for is made up for, and nothing is told that may turn out otherwise. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import { ANNOTATIONS, FINALIZER, LABELS } from '../../src/wire/names.js';
import { KubeKit, key, ours, work } from './kube-kit.js';

const kit = KubeKit.use();
const advance = (time: string) => kit.cluster.clock.advance(time);
const short = work({ duration: '5s' });

/** Ends an executor that keeps its pods, as a supervisor would. */
async function detached(executor: { detach(): Promise<unknown> }): Promise<void> {
  const ending = executor.detach();
  await advance('1m');
  await ending;
}

describe('without the right to delete pods', () => {
  it('an outcome that was acknowledged is not told again by the next life, which removes the pod', async () => {
    const options = { executorId: 'same', acknowledge: 'manual' as const };
    const allow = kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    const first = await kit.connect(options);
    const acknowledging = (await kit.ended(first.queueTask(short))).acknowledge();
    await advance('5s');
    await acknowledging;
    expect(kit.cluster.pods()[0]?.metadata?.annotations).toMatchObject({ [ANNOTATIONS.acknowledged]: 'true' });
    await detached(first);
    const second = await kit.connect(options);
    const told: Outcome[] = [];
    second.on('outcome', (outcome) => void told.push(outcome));
    await advance('2m');
    expect(kit.cluster.pods()).toHaveLength(1);
    allow();
    await advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
    expect(told).toEqual([]);
  });

  it('a cancel waits for it for some minutes, and ends the program then', async () => {
    const allow = kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    const executor = await kit.connect();
    executor.queueTask(work());
    await kit.cluster.when(ours).matched();
    const cancelling = executor.cancel(key());
    await advance('5m');
    expect(executor.hasTask(key())).toBe(true);
    allow();
    await advance('2m');
    expect(await cancelling).toMatchObject({ observed: 'terminated' });
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('what was cancelled all the same is ended when the right is there, also by the next life', async () => {
    const allow = kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    const first = await kit.connect({ executorId: 'same' });
    first.queueTask(work({ duration: '10h' }));
    await kit.cluster.when(ours).matched();
    const cancelling = first.cancel(key());
    await advance('13m');
    expect(await cancelling).toMatchObject({ observed: 'unconfirmed' });
    await detached(first);
    await kit.connect({ executorId: 'same' });
    await advance('2m');
    expect(kit.cluster.pods()[0]?.status?.phase).toBe('Running');
    allow();
    await advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('the pod of a former launch does not begin its task anew after a restart', async () => {
    const allow = kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    const first = await kit.connect({ executorId: 'same' });
    const run = first.queueTask(work({ duration: '1m' }));
    await kit.cluster.when(ours).matched();
    await kit.cluster.when(ours).evict();
    await advance('30s');
    expect(kit.created()).toBe(2);
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
    await detached(first);
    await kit.connect({ executorId: 'same' });
    await advance('10m');
    expect(kit.created()).toBe(2);
    allow();
    await advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });
});

describe('without the rights to delete and patch pods', () => {
  it('a pod whose companion lives on is let go of once they are there', async () => {
    const podTemplate = { spec: { containers: [{ name: 'beside', image: 'b' }] } };
    const executor = await kit.connect({ trackWithFinalizer: true, podTemplate });
    const run = executor.queueTask(work({ duration: '5s', 'beside.duration': '10h' }));
    await kit.cluster.when(ours).matched();
    const allow = ['delete', 'patch'].map((verb) => kit.cluster.forbid({ verb, resource: 'pods' }));
    expect(await kit.ended(run)).toMatchObject({ state: 'success' });
    await advance('3m');
    expect(kit.cluster.pods()[0]?.status?.phase).toBe('Running');
    for (const one of allow) one();
    await advance('3m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('a pod that somebody asks to keep meanwhile is kept', async () => {
    const executor = await kit.connect();
    const allow = kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    await kit.ended(executor.queueTask(short));
    await advance('10s');
    const { name = '' } = kit.cluster.pods()[0]?.metadata ?? {};
    await kit.cluster.kubeClient().patchPod('default', name, { metadata: { labels: { [LABELS.keep]: 'true' } } });
    allow();
    await advance('2m');
    expect(kit.cluster.pods()[0]?.metadata?.labels).toMatchObject({ [LABELS.done]: 'true' });
  });

  it('what was told is not reported as adopted', async () => {
    const allow = kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    const first = await kit.connect({ executorId: 'one' });
    const { key } = await kit.ended(first.queueTask(short));
    await advance('10s');
    await detached(first);
    const second = await kit.connect({ executorId: 'two' });
    const asking = second.tryAdoptTaskInstances([key]);
    await advance('10s');
    expect(await asking).toMatchObject([{ taskId: 't' }]);
    allow();
  });
});

describe('without the right to patch pods', () => {
  it('the finalizer of a pod is taken off as soon as it is there', async () => {
    const executor = await kit.connect({ trackWithFinalizer: true });
    const run = executor.queueTask(short);
    await kit.cluster.when(ours).matched();
    const allow = kit.cluster.forbid({ verb: 'patch', resource: 'pods' });
    await kit.ended(run);
    await advance('3m');
    expect(kit.cluster.pods()[0]?.metadata?.finalizers).toEqual([FINALIZER]);
    allow();
    await advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('a pod that holds its name stays until it is marked, for others to see', async () => {
    const executor = await kit.connectByClock({ lease: true });
    const run = executor.queueTask(short);
    await kit.cluster.when(ours).matched();
    const allow = kit.cluster.forbid({ verb: 'patch', resource: 'pods' });
    await kit.ended(run);
    await advance('10m');
    expect(kit.cluster.pods()).toHaveLength(1);
    allow();
    await advance('61s');
    expect(kit.cluster.pods()[0]?.metadata?.labels).toMatchObject({ [LABELS.done]: 'true' });
    await advance('5m');
    expect(kit.cluster.pods()).toEqual([]);
  });
});

describe('without the rights to create and read pods', () => {
  it('a launch whose answer was lost is not given up before it is known whether its pod is there', async () => {
    const executor = await kit.connect();
    kit.cluster.silenceWatches();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', applyThenDrop: true, times: 1 });
    const run = executor.queueTask(short);
    await kit.cluster.clock.settle();
    const allow = ['create', 'get'].map((verb) => kit.cluster.forbid({ verb, resource: 'pods' }));
    await advance('2m');
    for (const one of allow) one();
    kit.cluster.silenceWatches(false);
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
  });

  it('a pod that somebody has removed, after the answer to its create was lost, is told without the right to look for another', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', applyThenDrop: true, times: 1 });
    const run = executor.queueTask(work());
    await advance('5s');
    kit.cluster.forbid({ verb: 'get', resource: 'pods' });
    const [pod] = kit.cluster.pods();
    await kit.cluster.kubeClient().deletePod('default', pod?.metadata?.name ?? '', { gracePeriodSeconds: 0 });
    await advance('15m');
    expect(executor.hasTask(key())).toBe(false);
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'deleted_externally' } });
  });

  it('a second pod of a launch, which the watch shows, is followed without the right to look for it', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', applyThenDrop: true, times: 1 });
    const run = executor.queueTask(work());
    await advance('5s');
    kit.cluster.forbid({ verb: 'get', resource: 'pods' });
    const client = kit.cluster.kubeClient();
    const { metadata: { name = '', labels = {}, annotations = {} } = {}, spec = { containers: [] } } =
      await kit.onlyPod();
    await client.deletePod('default', name, { gracePeriodSeconds: 0 });
    await advance('1m');
    // As a create does that was sent again, and comes late.
    await client.createPod('default', { metadata: { name, labels, annotations }, spec });
    await advance('15m');
    expect(executor.hasTask(key())).toBe(true);
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
  });

  it('a second pod of a launch that has gone, too, is not waited for', async () => {
    const executor = await kit.connect();
    kit.cluster.faults.add({ verb: 'create', resource: 'pods', applyThenDrop: true, times: 1 });
    const run = executor.queueTask(work());
    await advance('5s');
    kit.cluster.forbid({ verb: 'get', resource: 'pods' });
    const client = kit.cluster.kubeClient();
    const { metadata: { name = '', labels = {}, annotations = {} } = {}, spec = { containers: [] } } =
      await kit.onlyPod();
    await client.deletePod('default', name, { gracePeriodSeconds: 0 });
    await client.createPod('default', { metadata: { name, labels, annotations }, spec });
    await advance('1m');
    await client.deletePod('default', name, { gracePeriodSeconds: 0 });
    await advance('15m');
    expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'deleted_externally' } });
  });
});
