/** Pods whose programs may take their time to end. */
import { expect, it } from 'vitest';
import { KubeKit, key, ours, work } from './kube-kit.js';

const kit = KubeKit.use();
const advance = (time: string) => kit.cluster.clock.advance(time);
/** A task whose pod has so many seconds to end, and needs so long. */
const slow = (graceSeconds: number, stopDelay: string) => {
  const { executorConfig, ...task } = work({ duration: '10h', 'stop-delay': stopDelay });
  return {
    ...task,
    executorConfig: { ...executorConfig, podOverride: { spec: { terminationGracePeriodSeconds: graceSeconds } } },
  };
};

it('a cancel waits as long as the pod itself gives its program', async () => {
  const executor = await kit.connect();
  executor.queueTask(slow(600, '8m'));
  await kit.cluster.when(ours).matched();
  const cancelling = executor.cancel(key());
  await advance('7m');
  expect(executor.hasTask(key())).toBe(true);
  await advance('2m');
  expect(await cancelling).toMatchObject({ observed: 'terminated' });
});

it('a pod that somebody has deleted, and that works on within its grace, has not lost its node', async () => {
  const executor = await kit.connect();
  const run = executor.queueTask(slow(900, '10m'));
  await kit.cluster.when(ours).delete();
  await advance('9m');
  expect(executor.hasTask(key())).toBe(true);
  await advance('2m');
  expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'deleted_externally' } });
});
