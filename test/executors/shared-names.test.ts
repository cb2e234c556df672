/** Launches of one try that have one name, on one host or two. */
import { expect, it } from 'vitest';
import { call } from '../testing/call.js';
import { lasting, ProcessKit, TASK } from './process-kit.js';

const kit = ProcessKit.use();
const advance = (time: string) => kit.cluster.clock.advance(time);

it('what a pod that is taken over has spent counts for a task whose own launch waits here', async () => {
  const [a, b] = [await kit.started('a'), await kit.started('b')];
  a.executor.queueTask(lasting('5m'));
  await kit.cluster.when(({ phase }) => phase === 'Running').evict();
  await advance('20s');
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { pods: '1' } } };
  await call(kit.cluster.transport(), 'POST', '/api/v1/namespaces/default/resourcequotas', quota);
  const run = b.executor.queueTask(lasting('5m'));
  await advance('5s');
  expect(b.executor.pending(TASK.key)).toMatchObject({ summary: expect.stringContaining('exceeded quota') });
  a.isCut = true;
  await advance('6m');
  a.isCut = false;
  expect(await run.outcome).toMatchObject({ state: 'success', launches: 2 });
});

it('a log goes on with the next launch, which has the same name', async () => {
  const a = await kit.started('a');
  const run = a.executor.queueTask({
    ...TASK,
    executorConfig: {
      annotations: { 'testing.podwright.dev/duration': '60s', 'testing.podwright.dev/log': 'hello' },
    },
  });
  const lines: string[] = [];
  const reading = (async () => {
    for await (const { text } of run.logs()) lines.push(text);
  })();
  await kit.cluster.when(({ phase }) => phase === 'Running').matched();
  await advance('10s');
  await kit.cluster.when(({ phase }) => phase === 'Running').evict();
  await advance('3m');
  await reading;
  expect(lines).toEqual(['hello', 'hello']);
});

it('a pod whose outcome was told is looked at while it holds its name, however short that is', async () => {
  const lease = { holdNames: '6s' };
  const [a, b] = [await kit.started('a', { lease }), await kit.started('b', { lease })];
  a.executor.queueTask(lasting('5m'));
  await advance('2s');
  b.executor.queueTask(lasting('5m'));
  await advance('6m');
  expect(a.outcomes).toMatchObject([{ state: 'success' }]);
  expect(b.outcomes).toMatchObject([{ state: 'success' }]);
  expect(b.outcomes[0]?.ranAs).toBe(a.outcomes[0]?.ranAs);
  expect(
    kit.cluster.requests.filter(
      ({ verb, resource, status }) => verb === 'create' && resource === 'pods' && status === 201,
    ),
  ).toHaveLength(1);
});

it('whether a task is still wanted is asked anew when a doubt is over', async () => {
  let isWanted = true;
  const a = await kit.started('a', { isStillWanted: () => isWanted, lease: { adoptionInterval: 'never' } });
  a.isCut = true;
  a.executor.queueTask(lasting('1m'));
  await advance('1m');
  isWanted = false;
  a.isCut = false;
  await advance('1m');
  expect(a.outcomes).toMatchObject([{ verdict: { kind: 'cancelled' } }]);
  expect(kit.cluster.pods()).toEqual([]);
});

it('the pods of a dead executor that nobody can see here keep its lease until somebody comes who does', async () => {
  const other = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } };
  await call(kit.cluster.transport(), 'POST', '/api/v1/namespaces', other);
  const lease = { namespace: 'default' };
  const config = { image: 'x', watchNamespaces: ['other'] };
  const a = await kit.started('a', { lease, config });
  const b = await kit.started('b', { lease });
  a.executor.queueTask(lasting('10m'));
  const task = lasting('10m');
  const there = {
    ...task,
    key: { ...TASK.key, taskId: 'there' },
    executorConfig: { ...task.executorConfig, namespace: 'other' },
  };
  a.executor.queueTask(there);
  await advance('5s');
  a.isCut = true;
  await advance('2m');
  expect(b.executor.hasTask(TASK.key)).toBe(true);
  expect((await kit.leases()).map(({ metadata }) => metadata?.annotations?.['podwright.dev/executor-id'])).toEqual([
    'a',
    'b',
  ]);
  const c = await kit.started('c', { lease, config });
  await advance('4m');
  expect(c.executor.hasTask(there.key)).toBe(true);
  expect(await kit.leases()).toHaveLength(2);
  a.isCut = false;
  await advance('10m');
});
