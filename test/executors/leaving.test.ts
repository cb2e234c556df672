/** Executors that leave while something is under way, alone. */
import { expect, it } from 'vitest';
import { secret } from '../../src/core/secret.js';
import type { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { KubeKit, key, ours, work } from './kube-kit.js';

const kit = KubeKit.use();
const advance = (time: string) => kit.cluster.clock.advance(time);

async function detach(executor: KubernetesExecutor): Promise<void> {
  const detaching = executor.detach();
  await advance('20s');
  await detaching;
}

it.each([
  ['waits for the server', { status: 503 }],
  ['is to be quiet for a while', { status: 429, retryAfter: 50 }],
  ['waits for quota', { status: 403, message: 'pods "x" is forbidden: exceeded quota: q' }],
])('a launch that %s makes no pod once its executor has detached', async (_what, fault) => {
  const executor = await kit.connect();
  kit.cluster.faults.add({ verb: 'create', resource: 'pods', ...fault });
  const task = work();
  executor.queueTask({
    ...task,
    executorConfig: { ...task.executorConfig, env: { PASSWORD: secret('hunter2-hunter2') } },
  });
  await advance('5s');
  await detach(executor);
  kit.cluster.faults.clear();
  await advance('2h');
  expect(kit.created()).toBe(0);
  // The next executor of its id may have made the pod that needs it.
  expect((await kit.cluster.kubeClient().listSecrets()).items).toHaveLength(1);
});

it('an end does not wait for ever for a server that is gone', async () => {
  const executor = await kit.connect();
  const run = executor.queueTask(work());
  await kit.cluster.when(ours).matched();
  kit.cluster.faults.add({ status: 503 });
  let report: unknown;
  void executor.terminate().then((end) => {
    report = end;
  });
  await advance('30m');
  expect(report).toMatchObject({ stopped: [key()] });
  expect(await run.outcome).toMatchObject({ verdict: { kind: 'cancelled' } });
});

it('a cancel amid the create gives the pod the grace that it names', async () => {
  const executor = await kit.connect();
  kit.cluster.faults.add({ verb: 'create', resource: 'pods', latencyMs: 5_000, times: 1 });
  executor.queueTask(work({ 'stop-delay': '20s' }));
  await advance('4s');
  let result: unknown;
  void executor.cancel(key(), { grace: '2s' }).then((seen) => {
    result = seen;
  });
  await advance('6s');
  expect(result).toMatchObject({ observed: 'terminated' });
});

it('an end does not wait for ever for a server that is gone, nor for a note on a pod that its finalizer holds', async () => {
  const executor = await kit.connect({ trackWithFinalizer: true, config: { image: 'any', runningTimeout: '10s' } });
  executor.queueTask(work());
  await kit.cluster.when(ours).matched();
  kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 500 });
  await advance('1m');
  let report: unknown;
  void executor.terminate().then((end) => {
    report = end;
  });
  await advance('30m');
  expect(report).toMatchObject({ stopped: [key()] });
});

it('a revoke, and the end after it, do not wait for ever for a finalizer that cannot be taken off', async () => {
  const executor = await kit.connect({ trackWithFinalizer: true });
  executor.queueTask(work());
  await kit.cluster.when(ours).matched();
  kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 500 });
  const over: string[] = [];
  const told: unknown[] = [];
  executor.on('outcome', (outcome) => told.push(outcome));
  void executor.revokeTask(key(), { evenIfRunning: true }).then((is) => over.push(`revoked: ${is}`));
  await advance('1m');
  void executor.end().then(() => over.push('end'));
  await advance('30m');
  // Its pod still stands there, under the name of the next.
  expect(over).toEqual(['revoked: false', 'end']);
  expect(told).toMatchObject([{ state: 'failed', verdict: { kind: 'cancelled' } }]);
});
