/** Requests that the server refuses for long: nothing goes on for ever, nothing counts as gone that is not. No kubelet: the test plays it. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import { ANNOTATIONS, FINALIZER, LABELS } from '../../src/wire/names.js';
import { base, exited, runs, statuses } from '../lifecycle/pods.js';
import { KubeKit, key } from './kube-kit.js';

const kit = KubeKit.use({ kubelet: 'none' });
const task = (more: object = {}) => ({ key: key(), command: ['any'], ...more });
const running = { phase: 'Running', containerStatuses: base(runs) };
const succeeded = { phase: 'Succeeded', containerStatuses: base(exited(0)) };
const evicted = { phase: 'Failed', reason: 'Evicted', containerStatuses: base(exited(137)) };
const proxied = { spec: { containers: [{ name: 'proxy', image: 'p' }] } };
const doneBeside = { phase: 'Running', containerStatuses: statuses({ base: exited(0), proxy: runs }) };

const connect = (options: Parameters<KubeKit['connect']>[0] = {}) => kit.connectByClock(options);

async function within<T>(limit: string, work: Promise<T>): Promise<T | 'late'> {
  let result: T | 'late' = 'late';
  void work.then((value) => {
    result = value;
  });
  await kit.cluster.clock.advance(limit);
  return result;
}

describe('a delete that is refused', () => {
  it('for want of rights ends the task, where its next launch would need the name of the pod', async () => {
    const executor = await connect({ lease: true });
    const run = executor.queueTask(task());
    await kit.play(running, 'n');
    kit.cluster.faults.add({ verb: 'delete', resource: 'pods', status: 403 });
    await kit.play(evicted);
    expect(await within('2m', run.outcome)).toMatchObject({
      state: 'failed',
      verdict: { kind: 'evicted' },
      warnings: [expect.stringContaining('could not be deleted')],
    });
    expect(kit.created()).toBe(1);
  });

  it('again and again holds up a cancel for ten minutes at most', async () => {
    const executor = await connect({});
    executor.queueTask(task());
    await kit.play(running, 'n');
    kit.cluster.faults.add({ verb: 'delete', resource: 'pods', status: 500 });
    expect(await within('12m', executor.cancel(key()))).toMatchObject({ observed: 'unconfirmed' });
    kit.cluster.faults.clear();
  });

  it('while the server is away is sent again for as long as that, and finds the work done', async () => {
    const executor = await connect({});
    const run = executor.queueTask(task());
    await kit.play(running, 'n');
    for (const verb of ['delete', 'get']) kit.cluster.faults.add({ verb, resource: 'pods', status: 503 });
    kit.cluster.silenceWatches();
    const cancelling = executor.cancel(key());
    await kit.cluster.clock.advance('5s');
    await kit.play(succeeded);
    await kit.cluster.clock.advance('3m');
    kit.cluster.faults.clear();
    expect(await within('1m', cancelling)).toMatchObject({ observed: 'finished' });
    expect(await run.outcome).toMatchObject({ state: 'success' });
  });

  it('again and again is waited for no more once the pod has ended', async () => {
    const executor = await connect({});
    executor.queueTask(task());
    await kit.play(running, 'n');
    kit.cluster.faults.add({ verb: 'delete', resource: 'pods', status: 500 });
    const cancelling = executor.cancel(key());
    await kit.cluster.clock.advance('5s');
    await kit.play(succeeded);
    expect(await within('10s', cancelling)).toMatchObject({ observed: 'finished' });
    kit.cluster.faults.clear();
  });
});

describe('a pod of another executor', () => {
  /** A task whose host comes back under another name, and queues it again. */
  async function takenUp(status: number): Promise<{ outcome: Promise<Outcome> }> {
    const first = await connect({ executorId: 'one' });
    first.queueTask(task());
    await kit.play(running, 'n');
    const detaching = first.detach();
    await kit.cluster.clock.advance('20s');
    await detaching;
    kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status });
    return (await connect({ executorId: 'two' })).queueTask(task());
  }

  it('that may not be given our label is followed all the same, though no list shows it', async () => {
    const run = await takenUp(403);
    await kit.cluster.clock.advance('30m');
    await kit.play(succeeded);
    expect(await within('10m', run.outcome)).toMatchObject({ state: 'success', launches: 1 });
  });

  it('is given our label as soon as the server lets us', async () => {
    const run = await takenUp(500);
    await kit.cluster.clock.advance('30m');
    kit.cluster.faults.clear();
    await kit.cluster.clock.advance('2m');
    expect((await kit.onlyPod()).metadata?.labels?.[LABELS.executorId]).toBe('two');
    await kit.play(succeeded);
    expect(await within('10s', run.outcome)).toMatchObject({ state: 'success', launches: 1 });
  });
});

describe('a pod whose sidecar lives on after its outcome', () => {
  it('is not told again by the next executor', async () => {
    const options = { executorId: 'one', podTemplate: proxied, acknowledge: 'manual' as const };
    const first = await connect(options);
    const run = first.queueTask(task());
    await kit.play(doneBeside, 'n');
    const outcome = (await within('10s', run.outcome)) as Outcome;
    expect(outcome).toMatchObject({ state: 'success' });
    await within('10s', outcome.acknowledge());
    expect((await kit.onlyPod()).metadata?.deletionTimestamp).toBeDefined();
    const detaching = first.detach();
    await kit.cluster.clock.advance('15s');
    await detaching;
    const second = await connect(options);
    await kit.cluster.clock.advance('5s');
    expect([...second.getEventBuffer().values()]).toEqual([]);
  });

  it('keeps its name for a while, where another executor may make a pod of that name', async () => {
    const executor = await connect({ lease: true, podTemplate: proxied });
    const run = executor.queueTask(task());
    await kit.play(doneBeside, 'n');
    await within('10s', run.outcome);
    const { metadata } = await kit.onlyPod();
    expect(metadata?.labels?.[LABELS.done]).toBe('true');
    expect(metadata?.annotations?.[ANNOTATIONS.holdsName]).toBe('60000');
    await kit.play({ phase: 'Succeeded', containerStatuses: statuses({ base: exited(0), proxy: exited(0) }) });
    await kit.cluster.clock.advance('40s');
    expect((await kit.onlyPod()).metadata?.finalizers).toEqual([FINALIZER]);
    await kit.cluster.clock.advance('90s');
    expect((await kit.onlyPod()).metadata?.finalizers ?? []).toEqual([]);
  });
});

it('a cancel in doubt about the lease is told in the end, where nobody took the lease', async () => {
  const executor = await connect({ lease: true });
  const outcomes: Outcome[] = [];
  executor.on('outcome', (outcome) => void outcomes.push(outcome));
  executor.queueTask(task());
  await kit.play(running, 'n');
  kit.cluster.faults.add({ resource: 'leases', status: 503 });
  void executor.cancel(key());
  await kit.cluster.clock.advance('12s');
  await kit.play({ phase: 'Failed', containerStatuses: base(exited(143)) });
  await kit.cluster.clock.advance('2m');
  expect(outcomes).toEqual([]);
  kit.cluster.faults.clear();
  await kit.cluster.clock.advance('10m');
  expect(outcomes).toMatchObject([{ verdict: { kind: 'cancelled' } }]);
  expect(executor.slotsOccupied).toBe(0);
});

it('a task that is cancelled in doubt before it has started is not launched again', async () => {
  const executor = await connect({ lease: true });
  const outcomes: Outcome[] = [];
  executor.on('outcome', (outcome) => void outcomes.push(outcome));
  executor.queueTask(task());
  await kit.onlyPod();
  await kit.cluster.clock.advance('1s');
  kit.cluster.faults.add({ resource: 'leases', status: 503 });
  void executor.cancel(key());
  await kit.cluster.clock.advance('2m');
  kit.cluster.faults.clear();
  await kit.cluster.clock.advance('10m');
  expect(kit.created()).toBe(1);
  expect(outcomes).toMatchObject([{ verdict: { kind: 'cancelled' } }]);
});

it('a task whose pod would be where nobody watches is refused', async () => {
  const executor = await connect({});
  const run = executor.queueTask(task({ executorConfig: { namespace: 'kube-public' } }));
  expect(await within('10s', run.outcome)).toMatchObject({
    verdict: {
      kind: 'invalid_workload',
      message: expect.stringMatching(
        /must be one that the executor watches: default, got "kube-public".*config\.watchNamespaces/,
      ),
    },
  });
  expect(kit.created()).toBe(0);
});

describe('a conflict that the server has with itself', () => {
  it('does not count as a pod that is gone', async () => {
    const executor = await connect({ config: { image: 'any', deleteWorkerPods: false } });
    const run = executor.queueTask(task());
    await kit.play(running, 'n');
    kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 409, times: 2 });
    await kit.play(succeeded);
    expect(await within('10s', run.outcome)).toMatchObject({ state: 'success' });
    await kit.cluster.clock.advance('1m');
    expect((await kit.onlyPod()).metadata?.labels).toMatchObject({ [LABELS.done]: 'true' });
  });
});

describe('a revoke whose pod somebody else has removed meanwhile', () => {
  it('does not say that it had not started', async () => {
    const kubeClient = kit.cluster.kubeClient();
    const { deletePod } = kubeClient;
    const executor = await connect({ kubeClient, retry: { infra: { max: 0 } } });
    const run = executor.queueTask(task());
    await kit.onlyPod();
    kubeClient.deletePod = async (namespace, name, options) => {
      kubeClient.deletePod = deletePod;
      await deletePod.call(kubeClient, namespace, name, { gracePeriodSeconds: 0 });
      return deletePod.call(kubeClient, namespace, name, options);
    };
    expect(await within('10s', executor.revokeTask(key()))).toBe(false);
    expect(await within('10s', run.outcome)).toMatchObject({ verdict: { kind: 'deleted_externally' } });
  });
});
