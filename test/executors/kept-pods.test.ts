import { describe, expect, it } from 'vitest';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { call, PODS } from '../testing/call.js';
import { KubeKit, key, work } from './kube-kit.js';

const kit = KubeKit.use();

async function fails(executor: Awaited<ReturnType<typeof kit.connect>>, name: string, exitCode = '1') {
  await kit.ended(executor.queueTask({ ...work({ duration: '1s', 'exit-code': exitCode }), key: key(name) }));
  await kit.cluster.clock.advance('10s');
}
const names = () => kit.cluster.pods().map(({ metadata }) => metadata?.name);

describe('pods that are kept', () => {
  it('go after their time', async () => {
    const executor = await kit.connect({ keepPods: { failed: { for: '1h' }, succeeded: { for: '5m' } } });
    await fails(executor, 'bad');
    await fails(executor, 'good', '0');
    expect(kit.cluster.pods()).toHaveLength(2);
    await kit.cluster.clock.advance('10m');
    expect(kit.cluster.pods()).toHaveLength(1);
    await kit.cluster.clock.advance('1h');
    expect(names()).toEqual([]);
    expect(kit.count('delete', 'pods')).toBe(2);
  });

  it('go so long after their end, also where the host acknowledges it late', async () => {
    const executor = await kit.connect({ acknowledge: 'manual', keepPods: { failed: { for: '1h' } } });
    const outcome = await kit.ended(executor.queueTask(work({ duration: '1s', 'exit-code': '1' })));
    await kit.cluster.clock.advance('50m');
    const acknowledged = outcome.acknowledge();
    await kit.cluster.clock.advance('5m');
    await acknowledged;
    expect(names()).toHaveLength(1);
    await kit.cluster.clock.advance('6m');
    expect(names()).toEqual([]);
  });

  it('go when newer ones are as many as may stay, the oldest first', async () => {
    const executor = await kit.connect({ keepPods: { failed: { last: 2 } } });
    for (const name of ['a', 'b', 'c']) await fails(executor, name);
    expect(names()).toHaveLength(2);
    expect(names().every((name) => !name?.includes('d-a-'))).toBe(true);
  });

  it('go by when they ended, also where one could not be looked at, or was found after others', async () => {
    const options: Partial<KubernetesExecutorOptions> = { executorId: 'one', keepPods: { failed: { last: 2 } } };
    const first = await kit.connect(options);
    for (const name of ['a', 'b']) await fails(first, name);
    // The oldest cannot be looked at when it is to go; the others do not go in its stead.
    kit.cluster.faults.add({ verb: 'get', resource: 'pods', status: 403, times: 1 });
    for (const name of ['c', 'd']) await fails(first, name);
    await kit.cluster.clock.advance('1m');
    expect(names().map((name) => name?.slice(0, 4))).toEqual(['d-c-', 'd-d-']);
    const ending = first.end();
    await kit.cluster.clock.settle();
    await ending;
    // What the former life has kept is found later than what is kept in this one.
    kit.cluster.faults.add({ verb: 'list', resource: 'pods', status: 403, times: 1 });
    const second = await kit.connect(options);
    await fails(second, 'e');
    await kit.cluster.clock.advance('1m');
    expect(names().map((name) => name?.slice(0, 4))).toEqual(['d-d-', 'd-e-']);
  });

  it('stay while somebody has labelled them, even later', async () => {
    const executor = await kit.connect({ keepPods: { failed: { for: '1h' } } });
    await fails(executor, 'a');
    await fails(executor, 'b');
    const [held] = names();
    const patch = { metadata: { labels: { 'podwright.dev/keep': 'true' } } };
    await call(kit.cluster.transport(), 'PATCH', `${PODS}/${held}`, patch, 'application/merge-patch+json');
    await kit.cluster.clock.advance('2h');
    expect(names()).toEqual([held]);
  });

  it('stay from the start where the task says so', async () => {
    const executor = await kit.connect();
    const { executorConfig } = work({ duration: '1s' });
    const labels = { 'podwright.dev/keep': 'true' };
    await kit.ended(executor.queueTask({ ...work(), executorConfig: { ...executorConfig, labels } }));
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()[0]?.metadata?.labels).toMatchObject({ 'podwright.dev/done': 'true' });
  });

  it('are taken over by the next executor of the same id, with their age', async () => {
    const options: Partial<KubernetesExecutorOptions> = { executorId: 'one', keepPods: { failed: { for: '1h' } } };
    const first = await kit.connect(options);
    await fails(first, 'a');
    const ending = first.end();
    await kit.cluster.clock.settle();
    await ending;
    await kit.cluster.clock.advance('40m');
    const second = await kit.connect(options);
    await kit.cluster.clock.advance('15m');
    expect(names()).toHaveLength(1);
    await kit.cluster.clock.advance('10m');
    expect(names()).toEqual([]);
    expect(second.slotsOccupied).toBe(0);
  });

  it('have rules that are checked', () => {
    const keepPods = { failed: { for: 'long', last: -1 } };
    expect(() => new KubernetesExecutor({ kubeClient: kit.cluster.kubeClient(), keepPods })).toThrowError(
      /keepPods\.failed\.for .*keepPods\.failed\.last /,
    );
  });
});
