/** What holds when hosts come and go, and when the watch tells old news. */
import { describe, expect, it } from 'vitest';
import { AsyncQueue } from '../../src/core/async-queue.js';
import type { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { WatchEvent } from '../../src/watch/watcher.js';
import { ANNOTATIONS, LABELS } from '../../src/wire/names.js';
import { base, exited, runs, waits } from '../lifecycle/pods.js';
import { call, PODS } from '../testing/call.js';
import { KubeKit, key, once } from './kube-kit.js';

const kit = KubeKit.use({ kubelet: 'none' });
const task = () => ({ key: key(), command: ['any'], executorConfig: { image: 'special', requestMemory: '1Gi' } });
const running = { phase: 'Running', containerStatuses: base(runs) };
const evicted = { phase: 'Failed', reason: 'Evicted', containerStatuses: base(exited(137)) };

async function detach(executor: KubernetesExecutor): Promise<void> {
  const detaching = executor.detach();
  await kit.cluster.clock.advance('20s');
  await detaching;
}

describe('an adopted task', () => {
  it('is launched again as its pod was, where nobody has queued it since', async () => {
    const first = await kit.connect({ executorId: 'one', config: { image: 'first' } });
    first.queueTask(task());
    await kit.play(running, 'n');
    await detach(first);
    await kit.connect({ executorId: 'one', config: { image: 'second' } });
    await kit.play(evicted);
    await kit.cluster.clock.advance('1m');
    const pod = await kit.onlyPod();
    expect(pod.metadata?.annotations).toMatchObject({
      [ANNOTATIONS.launch]: '2',
      [ANNOTATIONS.spent]: 'infra=1,oom=0,task=0',
    });
    expect(pod.spec?.nodeName).toBeUndefined();
    expect(pod.spec?.containers[0]).toMatchObject({ image: 'special', resources: { requests: { memory: '1Gi' } } });
  });

  it('is launched again from its workload, once the host has queued it', async () => {
    const first = await kit.connect({ executorId: 'one' });
    first.queueTask(task());
    await kit.play(running, 'n');
    await detach(first);
    const second = await kit.connect({ executorId: 'one' });
    const run = second.queueTask({ ...task(), executorConfig: { image: 'newer' } });
    await kit.play(evicted);
    await kit.cluster.clock.advance('1m');
    expect((await kit.onlyPod()).spec?.containers[0]).toMatchObject({ image: 'newer' });
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) }, 'n');
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 2 });
  });
});

describe('what was told of a pod that may still run', () => {
  it('is told again by the next executor, whatever has become of the pod', async () => {
    const options = { executorId: 'one', acknowledge: 'manual' as const, timeouts: { terminating: '5m' } };
    const first = await kit.connect(options);
    const told = first.queueTask(task());
    await kit.play(running, 'n');
    const { metadata } = await kit.onlyPod();
    await call(kit.cluster.transport(), 'DELETE', `${PODS}/${metadata?.name}`);
    expect(await kit.ended(told)).toMatchObject({
      state: 'failed',
      verdict: { kind: 'node_lost' },
      warnings: ['Not launched again: the end of its pod could not be proven'],
    });
    await detach(first);
    await kit.play({ phase: 'Failed', containerStatuses: base(exited(143)) });
    const second = await kit.connect(options);
    const run = second.queueTask(task());
    expect(await kit.ended(run)).toMatchObject({ state: 'failed', launches: 1, verdict: { kind: 'node_lost' } });
    expect(kit.created()).toBe(1);
  });

  it('is not taken up again once the host has acknowledged it', async () => {
    const executor = await kit.connect({ executorId: 'one', timeouts: { terminating: '5m' }, retry: once });
    const run = executor.queueTask(task());
    await kit.play(running, 'n');
    await call(kit.cluster.transport(), 'DELETE', `${PODS}/${(await kit.onlyPod()).metadata?.name}`);
    await kit.ended(run);
    await kit.cluster.clock.advance('1m');
    expect((await kit.onlyPod()).metadata?.labels?.[LABELS.done]).toBe('true');
    await detach(executor);
    const next = await kit.connect({ executorId: 'one' });
    expect(next.slotsOccupied).toBe(0);
  });
});

describe('old news', () => {
  it('of a pod whose end was proven by a read are not taken for a pod of a former self', async () => {
    const news = new AsyncQueue<WatchEvent>();
    const status = { synced: true, lists: 1, restarts: {}, silentMs: 0, lastError: undefined };
    const watcher = { watch: () => news, status: () => status };
    news.push({ type: 'init' });
    news.push({ type: 'init-done', resourceVersion: '1' });
    const executor = await kit.connect({ executorId: 'one', watcher });
    const outcomes: string[] = [];
    executor.on('outcome', ({ state }) => void outcomes.push(state));
    const run = executor.queueTask(task());
    const pod = await kit.onlyPod();
    const cancelling = executor.cancel(run.key, { grace: '1s' });
    await kit.cluster.clock.advance('1m');
    expect(await cancelling).toMatchObject({ observed: 'terminated' });
    news.push({ type: 'apply', pod: { ...pod, status: running } });
    await kit.cluster.clock.advance('1m');
    expect(executor.slotsOccupied).toBe(0);
    news.push({ type: 'delete', pod: { ...pod, metadata: { ...pod.metadata, deletionTimestamp: 'x' } } });
    await kit.cluster.clock.advance('1m');
    expect(outcomes).toEqual(['failed']);
  });

  it('do not end a pod that has healed meanwhile: the server is asked first', async () => {
    const executor = await kit.connect({ timeouts: { broken: '1m' } });
    const run = executor.queueTask(task());
    await kit.play(
      { phase: 'Pending', containerStatuses: base(waits('CreateContainerConfigError', 'secret "x" not found')) },
      'n',
    );
    kit.cluster.silenceWatches();
    await kit.play(running);
    await kit.cluster.clock.advance('70s');
    expect(kit.count('delete', 'pods')).toBe(0);
    kit.cluster.silenceWatches(false);
    await kit.play({ phase: 'Succeeded', containerStatuses: base(exited(0)) });
    expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
  });
});
