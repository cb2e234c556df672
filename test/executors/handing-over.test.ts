/** Pods that go to another executor, and come back. */
import { describe, expect, it } from 'vitest';
import { secret } from '../../src/core/secret.js';
import { LABELS } from '../../src/wire/names.js';
import { lasting, ProcessKit, TASK } from './process-kit.js';

const kit = ProcessKit.use();

async function giveTo(label: string): Promise<void> {
  const { namespace = '', name = '' } = kit.cluster.pods()[0]?.metadata ?? {};
  await kit.cluster.kubeClient().patchPod(namespace, name, { metadata: { labels: { [LABELS.executorId]: label } } });
  await kit.cluster.clock.advance('5s');
}

/** A task that fails after some seconds, and whose pod is kept. */
const failing = (labels = {}) => ({
  ...TASK,
  executorConfig: {
    labels,
    annotations: { 'testing.podwright.dev/duration': '5s', 'testing.podwright.dev/exit-code': '3' },
  },
});

describe('what a host leaves that never comes back', () => {
  it('are pods that were kept: whoever takes over from it removes them in their time, and so does who takes over from that one', async () => {
    const keepPods = { failed: { for: '1h' } } as const;
    const [a, b] = [await kit.started('a', { keepPods }), await kit.started('b', { keepPods })];
    a.executor.queueTask(failing());
    await kit.cluster.clock.advance('1m');
    expect(a.outcomes).toMatchObject([{ state: 'failed' }]);
    a.isCut = true;
    await kit.cluster.clock.advance('5m');
    expect(kit.cluster.pods()[0]?.metadata?.labels).toMatchObject({ [LABELS.executorId]: 'b', [LABELS.done]: 'true' });
    const c = await kit.started('c', { keepPods });
    b.isCut = true;
    await kit.cluster.clock.advance('30m');
    expect(kit.cluster.pods()).toHaveLength(1);
    await kit.cluster.clock.advance('30m');
    expect(kit.cluster.pods()).toEqual([]);
    expect([...b.outcomes, ...c.outcomes]).toEqual([]);
    a.isCut = false;
    b.isCut = false;
  });
});

describe('an executor that ends after a takeover without an answer', () => {
  it('gives its lease back, so that others find the pod that became its own without its knowing', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    a.executor.queueTask(lasting('30m'));
    await kit.cluster.clock.advance('5s');
    kit.cluster.silenceWatches();
    kit.cluster.faults.add({ verb: 'patch', resource: 'pods', times: 1, applyThenDrop: true });
    kit.cluster.faults.add({ verb: 'get', resource: 'pods', status: 403 });
    a.isCut = true;
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()[0]?.metadata?.labels?.[LABELS.executorId]).toBe('b');
    const ending = b.executor.end();
    await kit.cluster.clock.advance('1m');
    await ending;
    kit.cluster.faults.clear();
    kit.cluster.silenceWatches(false);
    const c = await kit.started('c');
    await kit.cluster.clock.advance('40m');
    expect(c.outcomes).toMatchObject([{ state: 'success' }]);
    a.isCut = false;
  });
});

it('an outcome that is not acknowledged keeps its pod, also where that was with another executor meanwhile', async () => {
  const manual = { acknowledge: 'manual' } as const;
  const [a, b] = [await kit.started('a', manual), await kit.started('b', manual)];
  a.executor.queueTask(lasting('5s'));
  await kit.cluster.clock.advance('20s');
  expect(a.outcomes).toMatchObject([{ state: 'success' }]);
  a.isCut = true;
  await kit.cluster.clock.advance('1m');
  expect(b.outcomes).toMatchObject([{ state: 'success' }]);
  a.isCut = false;
  await kit.cluster.clock.advance('1m');
  b.isCut = true;
  await kit.cluster.clock.advance('3m');
  const { labels } = kit.cluster.pods()[0]?.metadata ?? {};
  expect([labels?.[LABELS.executorId], labels?.[LABELS.done]]).toEqual(['a', undefined]);
  await a.outcomes[0]?.acknowledge();
  await kit.cluster.clock.advance('3m');
  expect(kit.cluster.pods()).toEqual([]);
  b.isCut = false;
});

describe('pods that are kept', () => {
  const keepPods = { failed: { for: '10m' } } as const;

  it('keep nobody from taking over the rest where a patch of one is refused for good', async () => {
    const [a, b] = [await kit.started('a', { keepPods }), await kit.started('b', { keepPods })];
    a.executor.queueTask(failing());
    a.executor.queueTask({ ...lasting('3m'), key: { ...TASK.key, taskId: 'other' } });
    await kit.cluster.clock.advance('1m');
    const name = kit.cluster.pods().find(({ metadata }) => metadata?.labels?.[LABELS.done] === 'true')?.metadata?.name;
    kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 403, name });
    a.isCut = true;
    await kit.cluster.clock.advance('150s');
    expect(await kit.holders()).toEqual(['b']);
    await kit.cluster.clock.advance('90s');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    await kit.cluster.clock.advance('10m');
    expect(kit.cluster.pods()).toEqual([]);
    a.isCut = false;
  });

  it('are left to the others by an executor that ends in good order, with its lease', async () => {
    const [a, b] = [await kit.started('a', { keepPods }), await kit.started('b', { keepPods })];
    a.executor.queueTask(failing());
    await kit.cluster.clock.advance('30s');
    const ended = a.executor.end();
    await kit.cluster.clock.advance('2m');
    await ended;
    expect(kit.cluster.pods()[0]?.metadata?.labels?.[LABELS.executorId]).toBe('b');
    expect(await kit.leases()).toHaveLength(1);
    await kit.cluster.clock.advance('10m');
    expect(kit.cluster.pods()).toEqual([]);
    expect(b.outcomes).toEqual([]);
  });

  it('go when somebody has deleted them, whatever their label says', async () => {
    const { executor, outcomes } = await kit.started('a');
    executor.queueTask(failing({ 'podwright.dev/keep': 'true' }));
    await kit.cluster.clock.advance('2s');
    await kit.cluster.when(() => true).delete();
    await kit.cluster.clock.advance('3m');
    expect(outcomes).toHaveLength(1);
    expect(kit.cluster.pods()).toEqual([]);
  });
});

describe('a Secret', () => {
  it('whose host died before its pod was made goes to whoever takes over, and is swept there', async () => {
    const { clock, faults } = kit.cluster;
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    const withSecret = { ...TASK, executorConfig: { env: { TOKEN: secret('x') } } };
    faults.add({ verb: 'create', resource: 'pods', status: 503 });
    a.executor.queueTask(withSecret);
    await clock.advance('5s');
    a.isCut = true;
    await clock.advance('2m');
    faults.clear();
    const secrets = async () => (await kit.cluster.kubeClient().listSecrets()).items.map(({ metadata }) => metadata);
    expect(await secrets()).toMatchObject([{ labels: { [LABELS.executorId]: 'b' } }]);
    await clock.advance('1h');
    b.executor.queueTask({ ...withSecret, key: { ...TASK.key, taskId: 'other' } });
    await clock.advance('10s');
    expect(await secrets()).toMatchObject([{ labels: { 'podwright.dev/task-id': 'other' } }]);
    a.isCut = false;
  });
});

describe('a pod that is given to another executor', () => {
  it('is let go of without a word, and followed again when it comes back', async () => {
    const { executor, outcomes } = await kit.started('a');
    executor.queueTask(lasting('60s'));
    await kit.cluster.clock.advance('5s');
    await giveTo('z');
    expect(executor.slotsOccupied).toBe(0);
    await giveTo('a');
    expect(executor.slotsOccupied).toBe(1);
    await kit.cluster.clock.advance('60s');
    expect(outcomes).toMatchObject([{ state: 'success', launches: 1 }]);
    await kit.cluster.clock.advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('is not called deleted where its watch has missed that, and only a list lacks it', async () => {
    const { executor, outcomes } = await kit.started('a');
    executor.queueTask(lasting('60s'));
    await kit.cluster.clock.advance('5s');
    kit.cluster.silenceWatches();
    await giveTo('z');
    kit.cluster.silenceWatches(false);
    kit.cluster.restartApiServer();
    await kit.cluster.clock.advance('1m');
    expect(executor.slotsOccupied).toBe(0);
    expect(outcomes).toEqual([]);
  });

  it('is looked for until the server answers', async () => {
    const { executor, outcomes } = await kit.started('a', { retry: { infra: { max: 0 } }, lease: false });
    executor.queueTask(lasting('1h'));
    await kit.cluster.clock.advance('5s');
    kit.cluster.silenceWatches();
    await kit.cluster.when(() => true).delete({ gracePeriodSeconds: 0 });
    kit.cluster.silenceWatches(false);
    kit.cluster.faults.add({ verb: 'get', resource: 'pods', status: 503, times: 12 });
    kit.cluster.restartApiServer();
    await kit.cluster.clock.advance('5s');
    expect(outcomes).toEqual([]);
    await kit.cluster.clock.advance('2m');
    expect(outcomes).toMatchObject([{ state: 'failed', verdict: { kind: 'deleted_externally' } }]);
  });
});
