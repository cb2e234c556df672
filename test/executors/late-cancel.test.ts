/** A task that is to be stopped, and whose work is done already: nobody has seen it yet, since the watch is silent. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import { seededRandom } from '../../src/core/random.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import { ANNOTATIONS } from '../../src/wire/names.js';

const TASK = {
  key: { dagId: 'd', taskId: 't', runId: 'r' },
  command: ['x'],
  executorConfig: {
    annotations: { 'testing.podwright.dev/duration': '5s', 'testing.podwright.dev/message': '42 rows' },
  },
};

let cluster: FakeCluster<VirtualClock>;
let executor: KubernetesExecutor;
let outcomes: Outcome[];

beforeEach(async () => {
  cluster = await FakeCluster.start({ seed: 5, clock: 'virtual', kubelet: 'scripted' });
  const { clock } = cluster;
  executor = new KubernetesExecutor({
    kubeClient: cluster.kubeClient(),
    clock,
    random: seededRandom(3),
    drive: 'self',
    executorId: 'a',
    acknowledge: 'manual',
    config: { image: 'x' },
  });
  outcomes = [];
  executor.on('outcome', (outcome) => void outcomes.push(outcome));
  await inTime(executor.start());
  executor.queueTask(TASK);
  await clock.advance('2s');
  cluster.silenceWatches();
  await clock.advance('10s');
});

afterEach(async () => {
  await inTime(executor.terminate());
  await cluster.stop();
});

/** Moves the clock on until something has come about. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  while (!isOver) await Promise.race([over, cluster.clock.advance('1s')]);
  return work;
}

it('a cancel that comes too late tells all of the success, and keeps the pod until that is acknowledged', async () => {
  expect(await inTime(executor.cancel(TASK.key))).toMatchObject({ observed: 'finished', exitCode: 0 });
  await cluster.clock.advance('1m');
  expect(outcomes).toMatchObject([{ state: 'success', exitCode: 0, result: '42 rows', launches: 1 }]);
  // The host may have died before it wrote the outcome down; its next life must find the pod.
  expect(cluster.pods().map(({ status }) => status?.phase)).toEqual(['Succeeded']);
  await inTime(outcomes[0]?.acknowledge() ?? Promise.reject(new Error('there is no outcome')));
  await cluster.clock.advance('1m');
  expect(cluster.pods()).toEqual([]);
});

it('a task that was to be taken back although it runs is told as a success where its work was done', async () => {
  expect(await inTime(executor.revokeTask(TASK.key, { evenIfRunning: true }))).toBe(false);
  expect(outcomes).toMatchObject([{ state: 'success', result: '42 rows' }]);
  expect(() => executor.queueTask(TASK)).toThrow('already finished');
});

it('what is written on a pod whose end cannot be proven is what is told: a task that is to stop was stopped', async () => {
  cluster.silenceWatches(false);
  const key = { ...TASK.key, taskId: 'long' };
  const executorConfig = { annotations: { 'testing.podwright.dev/result': 'Hang' } };
  executor.queueTask({ ...TASK, key, executorConfig, timeouts: { running: '10s' } });
  await cluster.clock.advance('5s');
  await cluster.when(({ phase }) => phase === 'Running').nodeLost();
  // Its limit is over, and the proof of its end is waited for.
  await cluster.clock.advance('10s');
  await inTime(executor.cancel(key));
  expect(outcomes.find((outcome) => outcome.key.taskId === 'long')).toMatchObject({ verdict: { kind: 'cancelled' } });
  const left = cluster.pods().find(({ status }) => status?.phase === 'Running');
  expect(left?.metadata?.annotations?.[ANNOTATIONS.verdict]).toBe('cancelled');
});

it('a cancel that is under way when the executor is detached comes to its end', async () => {
  cluster.silenceWatches(false);
  const other = { ...TASK, key: { ...TASK.key, taskId: 'long' } };
  executor.queueTask({ ...other, executorConfig: { annotations: { 'testing.podwright.dev/result': 'Hang' } } });
  await cluster.clock.advance('5s');
  const cancelling = executor.cancel(other.key);
  await inTime(executor.detach());
  await inTime(cancelling);
  expect(outcomes.filter(({ key }) => key.taskId === 'long')).toEqual([]);
});
