/** Tasks that are stopped, or taken back, while one launch is over and the next has no pod yet. */
import { expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import type { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { ANNOTATIONS } from '../../src/wire/names.js';
import { KubeKit, key, ours, work } from './kube-kit.js';

const kit = KubeKit.use();
const advance = (time: string) => kit.cluster.clock.advance(time);
const outcomesOf = (executor: KubernetesExecutor): Outcome[] => {
  const told: Outcome[] = [];
  executor.on('outcome', (outcome) => void told.push(outcome));
  return told;
};

/** A task whose pod has just been evicted. */
async function evicted(executor: KubernetesExecutor): Promise<void> {
  executor.queueTask(work());
  await kit.cluster.when(ours).evict();
  await advance('100ms');
}

it('a task that was taken back is not told as cancelled when it is handed over again', async () => {
  const executor = await kit.connect();
  const told = outcomesOf(executor);
  await evicted(executor);
  const revoking = executor.revokeTask(key(), { evenIfRunning: true });
  await advance('5s');
  expect(await revoking).toBe(true);
  expect([told, kit.cluster.pods()]).toEqual([[], []]);
  executor.queueTask(work({ duration: '5s' }));
  await advance('20s');
  expect(told).toMatchObject([{ state: 'success', launches: 1 }]);
});

it('a task that is taken back between two launches of one name is not given the pod of the first, which somebody’s finalizer keeps', async () => {
  const executor = await kit.connectByClock({ lease: true });
  const told = outcomesOf(executor);
  executor.queueTask(work());
  await kit.cluster.when(ours).matched();
  const client = kit.cluster.kubeClient();
  const name = kit.cluster.pods()[0]?.metadata?.name ?? '';
  const finalizers = kit.cluster.pods()[0]?.metadata?.finalizers ?? [];
  await client.patchPod('default', name, { metadata: { finalizers: [...finalizers, 'example.com/kept'] } });
  await kit.cluster.when(ours).evict();
  await advance('30s');
  expect(executor.pending(key())?.summary).toContain('still on its way out');
  const revoking = executor.revokeTask(key(), { evenIfRunning: true });
  await advance('1m');
  expect(await revoking).toBe(true);
  executor.queueTask(work({ duration: '5s' }));
  await advance('30s');
  expect([told, executor.pending(key())?.summary]).toEqual([[], expect.stringContaining('still on its way out')]);
  await client.patchPod('default', name, { metadata: { finalizers: null } });
  await advance('1m');
  expect(told).toMatchObject([{ state: 'success', launches: 1 }]);
});

it('a cancel is repeated by the next life until it is acknowledged, and nothing is launched, whoever does not say what is wanted', async () => {
  const options = { executorId: 'same', acknowledge: 'manual' as const };
  const first = await kit.connect(options);
  await evicted(first);
  const cancelling = first.cancel(key());
  await advance('5s');
  await cancelling;
  expect(kit.cluster.pods()[0]?.metadata?.annotations).toMatchObject({ [ANNOTATIONS.verdict]: 'cancelled' });
  const detaching = first.detach();
  await advance('20s');
  await detaching;
  const second = await kit.connect(options);
  const told = outcomesOf(second);
  await advance('1m');
  expect(told).toMatchObject([{ state: 'failed', verdict: { kind: 'cancelled' } }]);
  expect(kit.cluster.pods()).toHaveLength(1);
});

it('the pod of the launch before says how a task has ended whose next pod could not be made, until that is acknowledged', async () => {
  const executor = await kit.connect({ acknowledge: 'manual' });
  const told = outcomesOf(executor);
  executor.queueTask(work());
  await kit.cluster.when(ours).matched();
  kit.cluster.forbid({ verb: 'create', resource: 'pods' });
  await kit.cluster.when(ours).evict();
  await advance('10s');
  expect(told).toMatchObject([{ verdict: { kind: 'rejected_by_api' }, launches: 2 }]);
  expect(kit.cluster.pods()[0]?.metadata?.annotations).toMatchObject({ [ANNOTATIONS.verdict]: 'rejected_by_api' });
  const acknowledging = told[0]?.acknowledge();
  await advance('5s');
  await acknowledging;
  expect(kit.cluster.pods()).toEqual([]);
});

it('a cancel does not wait for long for a server that takes no notes', async () => {
  const executor = await kit.connect();
  const told = outcomesOf(executor);
  kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 503 });
  await evicted(executor);
  const cancelling = executor.cancel(key());
  await advance('15s');
  expect(told).toMatchObject([{ state: 'failed', verdict: { kind: 'cancelled' } }]);
  await cancelling;
});
