/** What an executor does with the pods of its former self, and when: not before it has started, and somebody listens. */
import { expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import { LifecycleError, TimeoutError } from '../../src/errors.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { KubernetesJobWatcher } from '../../src/watch/job-watcher.js';
import { LABELS } from '../../src/wire/names.js';
import { KubeKit, work } from './kube-kit.js';

const kit = KubeKit.use();
const NAMESPACES = ['default', 'kube-public'];
const config = { image: 'any', watchNamespaces: ['kube-public'] };

/** Leaves a task in each namespace that has ended while nobody was there. */
async function leaveEnded(): Promise<void> {
  const former = await kit.connect({ executorId: 'a', config });
  for (const namespace of NAMESPACES) {
    const task = work({ duration: '10s' }, namespace);
    former.queueTask({ ...task, executorConfig: { ...task.executorConfig, namespace } });
  }
  await kit.cluster.clock.advanceUntil(() => former.slotsOccupied === 2 && kit.cluster.pods().length === 2);
  await kit.cluster.clock.advance('5s');
  await former.detach();
  await kit.cluster.clock.advance('10s');
}

/** One that has no right to watch the whole cluster, so that each namespace is watched by itself. */
function watchingOneByOne(): KubernetesExecutor {
  const { clock } = kit.cluster;
  const kubeClient = kit.cluster.kubeClient();
  const watcher = new KubernetesJobWatcher({
    client: kubeClient,
    clock,
    namespaces: NAMESPACES,
    clusterWide: false,
    streamingList: false,
    labelSelector: `${LABELS.executorId}=a,${LABELS.done}!=true`,
  });
  return new KubernetesExecutor({ kubeClient, clock, executorId: 'a', config, watcher });
}

it('has started when the pods of all namespaces are known, though each has a list of its own', async () => {
  await leaveEnded();
  kit.cluster.faults.add({ verb: 'list', resource: 'pods', namespace: 'kube-public', latencyMs: 3_000 });
  const executor = watchingOneByOne();
  let isStarted = false;
  const starting = executor.start().then(() => {
    isStarted = true;
  });
  await kit.cluster.clock.advance('2s');
  expect(isStarted).toBe(false);
  await kit.cluster.clock.advance('2s');
  await starting;
  expect([...executor.getEventBuffer().values()].map(({ state }) => state)).toEqual(['success', 'success']);
  await executor.detach();
});

it('tells what has ended meanwhile only when whoever started it can listen', async () => {
  await leaveEnded();
  const executor = await kit.connect({ executorId: 'a', config });
  const outcomes: Outcome[] = [];
  executor.on('outcome', (outcome) => void outcomes.push(outcome));
  await kit.cluster.clock.advance(1);
  expect(outcomes.map(({ state }) => state)).toEqual(['success', 'success']);
});

it('touches nothing where it cannot start, and says at once that it is of no more use', async () => {
  await leaveEnded();
  kit.cluster.faults.add({ verb: 'list', resource: 'pods', namespace: 'kube-public', status: 403 });
  const executor = watchingOneByOne();
  const outcomes: Outcome[] = [];
  executor.on('outcome', (outcome) => void outcomes.push(outcome));
  const starting = expect(executor.start()).rejects.toBeInstanceOf(TimeoutError);
  await kit.cluster.clock.advance('5m');
  await starting;
  expect(outcomes).toEqual([]);
  expect(kit.cluster.pods()).toHaveLength(2);
  await expect(executor.start()).rejects.toBeInstanceOf(LifecycleError);
  const ending = executor.end();
  await kit.cluster.clock.advance('30s');
  await ending;
  expect(kit.cluster.pods()).toHaveLength(2);
});
