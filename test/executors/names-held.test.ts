/** Names of pods that are held after the outcome, for other executors that were given the same task and have nobody to ask whether it is still wanted. */
import { expect, it } from 'vitest';
import { secret } from '../../src/core/secret.js';
import { LeaseHeldError } from '../../src/errors.js';
import { lasting, ProcessKit, TASK } from './process-kit.js';

const kit = ProcessKit.use();
const created = () =>
  kit.cluster.requests.filter(
    ({ verb, resource, status }) => verb === 'create' && resource === 'pods' && status === 201,
  ).length;

it('a name stays held when the executor that told the outcome ends, as long as others are there', async () => {
  const [a, b] = [await kit.started('a'), await kit.started('b')];
  a.executor.queueTask(lasting('40s'));
  await kit.cluster.clock.advance('5s');
  b.executor.queueTask(lasting('40s'));
  await kit.cluster.clock.advance('20s');
  const ending = a.executor.end();
  await kit.cluster.clock.advance('3m');
  await ending;
  expect([created(), a.outcomes.length, b.outcomes.length]).toEqual([1, 1, 1]);
  expect(b.executor.hasTask(TASK.key)).toBe(false);
  // Whoever is left clears it away.
  expect([kit.cluster.pods(), (await kit.leases()).length]).toEqual([[], 1]);
});

it.each([
  ['is to go', {}],
  ['is kept', { 'testing.podwright.dev/exit-code': '3' }],
])('a pod that %s holds its name though somebody deletes it between its outcome and its mark', async (_what, more) => {
  const [a, b] = [await kit.started('a', { acknowledge: 'manual' }), await kit.started('b')];
  const { annotations } = lasting('30s').executorConfig;
  const task = { ...TASK, executorConfig: { annotations: { ...annotations, ...more } } };
  a.executor.queueTask(task);
  await kit.cluster.clock.advance('5s');
  b.executor.queueTask(task);
  await kit.cluster.clock.advanceUntil(() => a.outcomes.length > 0);
  await kit.cluster.kubeClient().deletePod('default', kit.cluster.pods()[0]?.metadata?.name ?? '', {});
  const acknowledging = a.outcomes[0]?.acknowledge();
  await kit.cluster.clock.advance('2m');
  await acknowledging;
  expect([created(), a.outcomes.length, b.outcomes.length]).toEqual([1, 1, 1]);
  expect(kit.cluster.pods()).toEqual([]);
});

it('an end amid a doubt about the lease does not wait for ever for a launch that waits for that', async () => {
  const a = await kit.started('a', { parallelism: 1 });
  kit.cluster.faults.add({ status: 503 });
  await kit.cluster.clock.advance('20s');
  a.executor.queueTask(lasting('30s'));
  await kit.cluster.clock.advance('5s');
  let report: unknown;
  void a.executor.terminate().then((end) => {
    report = end;
  });
  await kit.cluster.clock.advance('30m');
  expect(report).toBeDefined();
  kit.cluster.faults.clear();
  expect([created(), a.outcomes]).toEqual([0, []]);
});

it('a pod that is kept, and whose turn to go comes early, holds its name until then', async () => {
  const [a, b] = [await kit.started('a', { keepPods: { failed: { last: 0 } } }), await kit.started('b')];
  const { executorConfig } = lasting('30s');
  const task = {
    ...TASK,
    executorConfig: { annotations: { ...executorConfig.annotations, 'testing.podwright.dev/exit-code': '3' } },
  };
  a.executor.queueTask(task);
  await kit.cluster.clock.advance('5s');
  b.executor.queueTask(task);
  await kit.cluster.clock.advance('2m');
  expect([created(), a.outcomes.length, b.outcomes.length]).toEqual([1, 1, 1]);
  expect(kit.cluster.pods()).toEqual([]);
});

it('a pod whose finalizer may not be taken off for the next launch keeps its name until its end is marked', async () => {
  const [a, b] = [await kit.started('a', { acknowledge: 'manual' }), await kit.started('b')];
  a.executor.queueTask(lasting('60s'));
  await kit.cluster.clock.advance('5s');
  b.executor.queueTask(lasting('60s'));
  const allow = kit.cluster.forbid({ verb: 'patch', resource: 'pods' });
  await kit.cluster.when(({ phase }) => phase === 'Running').evict();
  await kit.cluster.clock.advance('20s');
  expect(a.outcomes).toMatchObject([{ state: 'failed', verdict: { kind: 'evicted' } }]);
  allow();
  await kit.cluster.clock.advance('1m');
  const acknowledging = a.outcomes[0]?.acknowledge();
  await kit.cluster.clock.advance('3m');
  await acknowledging;
  expect([created(), b.outcomes.map(({ state }) => state)]).toEqual([1, ['failed']]);
  expect(kit.cluster.pods()).toEqual([]);
});

it('executors that do not look for others by themselves find what a dead one of their group has left, and hold their names when they end', async () => {
  const lease = { adoptionInterval: 'never' as const };
  const [a, b] = [await kit.started('a', { lease }), await kit.started('b', { lease })];
  a.executor.queueTask(lasting('20s'));
  await kit.cluster.clock.advance('5s');
  a.isCut = true;
  await kit.cluster.clock.advance('1m');
  // Dead is who was seen to stand still.
  for (let looks = 0; looks < 4 && b.outcomes.length === 0; looks += 1) {
    const adopting = b.executor.adoptCompletedPods();
    await kit.cluster.clock.advance('20s');
    await adopting;
  }
  expect(b.outcomes).toHaveLength(1);
  const c = await kit.started('c', { lease });
  const other = { ...lasting('20s'), key: { ...TASK.key, taskId: 'other' } };
  b.executor.queueTask(other);
  await kit.cluster.clock.advance('5s');
  c.executor.queueTask(other);
  await kit.cluster.clock.advance('10s');
  const ending = b.executor.end();
  await kit.cluster.clock.advance('3m');
  await ending;
  expect([created(), c.outcomes.length]).toEqual([2, 1]);
  expect(kit.cluster.pods()).toEqual([]);
  a.isCut = false;
});

it('a create that waits for the lease is not sent once its task was cancelled and let go of', async () => {
  const a = await kit.started('a');
  kit.cluster.faults.add({ verb: 'create', resource: 'pods', status: 503 });
  a.executor.queueTask(lasting('30s'));
  await kit.cluster.clock.advance('5s');
  kit.cluster.faults.add({ status: 503 });
  await kit.cluster.clock.advance('20s');
  let result: unknown;
  void a.executor.cancel(TASK.key).then((seen) => {
    result = seen;
  });
  await kit.cluster.clock.advance('30m');
  expect(result).toMatchObject({ observed: 'unconfirmed' });
  kit.cluster.faults.clear();
  await kit.cluster.clock.advance('5m');
  expect(created()).toBe(0);
});

it('a cancel is told though the note on its pod cannot be written, as long as the lease is held', async () => {
  const a = await kit.started('a', { config: { image: 'x', runningTimeout: '10s' } });
  a.executor.queueTask(lasting('10m'));
  await kit.cluster.clock.advance('5s');
  kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 500 });
  await kit.cluster.clock.advance('1m');
  void a.executor.cancel(TASK.key);
  await kit.cluster.clock.advance('30m');
  expect(a.outcomes).toMatchObject([{ state: 'failed', verdict: { kind: 'cancelled' } }]);
  kit.cluster.faults.clear();
});

it('an executor of another group that is alive is left alone, one that is dead is not waited for', async () => {
  const a = await kit.started('a', { lease: { group: 'day' }, acknowledge: 'manual' });
  const b = await kit.started('b', { lease: { group: 'night' } });
  a.executor.queueTask(lasting('20s'));
  await kit.cluster.clock.advance('40s');
  expect(a.outcomes).toHaveLength(1);
  const adopting = b.executor.adoptCompletedPods();
  await kit.cluster.clock.advance('5s');
  expect(await adopting).toEqual([]);
  const { key, ...more } = lasting('2m');
  a.executor.queueTask({ ...more, key: { ...key, taskId: 'other' } });
  await kit.cluster.clock.advance('5s');
  b.executor.queueTask({ ...more, key: { ...key, taskId: 'other' } });
  await kit.cluster.clock.advance('40s');
  expect([a.lost, b.outcomes, created()]).toEqual([[], [], 2]);
  a.isCut = true;
  await kit.cluster.clock.advance('2m');
  // What else it has left is for its own group.
  expect(b.outcomes.map((outcome) => outcome.key.taskId)).toEqual(['other']);
  expect(created()).toBe(2);
  const c = await kit.started('c', { lease: { group: 'day' } });
  await kit.cluster.clock.advance('2m');
  expect(c.outcomes).toMatchObject([{ state: 'success', key: { taskId: 't' } }]);
  a.isCut = false;
});

it('an executor whose id begins with that of a dead one is not taken for it', async () => {
  const [short, long] = [await kit.started('w'), await kit.started('w_1')];
  short.executor.queueTask(lasting('10m'));
  await kit.cluster.clock.advance('20s');
  // The takeover comes to no end, and the lease of the dead one carries the name of the other in between.
  kit.cluster.faults.add({ verb: 'patch', resource: 'pods', status: 409, reason: 'Conflict' });
  short.isCut = true;
  await kit.cluster.clock.advance('1m');
  const alive = new Set<string>();
  for (let looks = 0; looks < 40; looks += 1) {
    for (const { executorId, isAlive } of long.executor.peers()) if (isAlive) alive.add(executorId);
    await kit.cluster.clock.advance('5s');
  }
  expect([...alive]).toEqual([]);
  kit.cluster.faults.clear();
  short.isCut = false;
});

it('an executor that found its lease held can be started again once that is free', async () => {
  const first = await kit.started('a', { lease: { identity: 'first' } });
  const second = kit.made('a', { lease: { identity: 'second' } });
  let refusal: unknown;
  void second.executor.start().catch((error: unknown) => {
    refusal = error;
  });
  await kit.cluster.clock.advance('3m');
  expect(refusal).toBeInstanceOf(LeaseHeldError);
  const ending = first.executor.end();
  await kit.cluster.clock.advance('10s');
  await ending;
  const starting = second.executor.start();
  await kit.cluster.clock.advance('30s');
  await starting;
  second.executor.queueTask(lasting('5s'));
  await kit.cluster.clock.advance('20s');
  expect(second.outcomes).toMatchObject([{ state: 'success' }]);
});

it('a launch of a lost term leaves the Secret to that of the next, which was handed the task again', async () => {
  const a = await kit.started('a');
  const quota = { status: 403, message: 'pods "x" is forbidden: exceeded quota: q' };
  kit.cluster.faults.add({ verb: 'create', resource: 'pods', ...quota });
  const task = { ...TASK, executorConfig: { env: { PASSWORD: secret('hunter2-hunter2') } } };
  a.executor.queueTask(task);
  await kit.cluster.clock.advance('5s');
  await kit.started('b');
  a.isCut = true;
  // The other one takes the lease, and may not take the Secret.
  kit.cluster.faults.add({ verb: 'patch', resource: 'secrets', status: 403 });
  await kit.cluster.clock.advance('2m');
  kit.cluster.faults.clear();
  kit.cluster.faults.add({ verb: 'create', resource: 'pods', ...quota });
  // What the lost launch would clean up it finds after the next one has begun.
  kit.cluster.faults.add({ verb: 'list', resource: 'secrets', latencyMs: 5_000, times: 1 });
  a.isCut = false;
  const isAgain = () => !a.executor.hasTask(TASK.key);
  await kit.cluster.clock.advanceUntil(isAgain);
  a.executor.queueTask(task);
  await kit.cluster.clock.advance('1m');
  kit.cluster.faults.clear();
  await kit.cluster.clock.advance('1m');
  const { metadata: { uid } = {} } = kit.cluster.pods()[0] ?? {};
  const { items } = await kit.cluster.kubeClient().listSecrets();
  expect(items).toMatchObject([{ metadata: { ownerReferences: [{ uid }] } }]);
});
