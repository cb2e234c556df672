/** Faults under which Airflow's executor was measured to lose, delay or repeat outcomes, each with ours. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import { KubeKit, once, ours, work } from './kube-kit.js';

const kit = KubeKit.use();
const seconds = (ms: number) => ms / 1_000;

/** Ends the task by a fault; tells its outcome and how long that took. */
async function endedBy(fault: () => Promise<unknown>, annotations = {}): Promise<{ outcome: Outcome; took: number }> {
  const executor = await kit.connect({ retry: once });
  const run = executor.queueTask(work(annotations));
  await fault();
  const before = kit.cluster.clock.now();
  const outcome = await kit.ended(run);
  expect(executor.slotsOccupied).toBe(0);
  return { outcome, took: seconds(kit.cluster.clock.now() - before) };
}
const verdictOf = (outcome: Outcome) => (outcome.state === 'failed' ? outcome.verdict : undefined);

describe('where the reason was “None”', () => {
  it('OOMKilled', async () => {
    const { outcome } = await endedBy(() => kit.cluster.when(ours).oom());
    expect(verdictOf(outcome)).toMatchObject({
      kind: 'oom_killed',
      message: expect.stringContaining('want of memory'),
    });
  });

  it('evicted', async () => {
    const { outcome } = await endedBy(() => kit.cluster.when(ours).evict());
    expect(verdictOf(outcome)).toMatchObject({ kind: 'evicted', blame: 'infra' });
  });

  it('exit 1, and the pod that is kept is not told of again by a watch that starts anew', async () => {
    const executor = await kit.connect();
    const outcomes: Outcome[] = [];
    executor.on('outcome', (outcome) => void outcomes.push(outcome));
    await kit.ended(executor.queueTask(work({ duration: '1s', 'exit-code': '1' })));
    for (let round = 0; round < 3; round += 1) {
      kit.cluster.dropWatches();
      await kit.cluster.clock.advance('30s');
    }
    expect(outcomes.map(verdictOf)).toMatchObject([{ kind: 'app_exit', evidence: { exitCode: 1 } }]);
    expect(kit.cluster.pods()).toHaveLength(1);
  });

  it('a running pod that is deleted, by grace or by force', async () => {
    const { outcome } = await endedBy(() => kit.cluster.when(ours).delete());
    expect(verdictOf(outcome)).toMatchObject({ kind: 'deleted_externally', blame: 'caller' });
    const forced = await endedBy(() => kit.cluster.when(ours).delete({ gracePeriodSeconds: 0 }));
    expect(verdictOf(forced.outcome)).toMatchObject({ kind: 'deleted_externally' });
    expect(forced.took).toBeLessThan(5);
  });
});

describe('where a slot was held, and nothing told', () => {
  it('an image that cannot be pulled is told of at once, and fails after its grace', async () => {
    const executor = await kit.connect({ retry: once });
    const run = executor.queueTask(work({ result: 'ImagePullBackOff' }));
    await kit.cluster.clock.advance('10s');
    expect(executor.pending(run.key)).toMatchObject({ phase: 'broken', limitMs: 60_000 });
    expect(verdictOf(await kit.ended(run))).toMatchObject({ kind: 'image_pull.not_found', blame: 'config' });
  });

  it('a pending pod that is deleted', async () => {
    const { outcome, took } = await endedBy(() => kit.cluster.when(({ phase }) => phase === 'Pending').delete(), {
      'start-delay': '1h',
    });
    expect(verdictOf(outcome)).toMatchObject({ kind: 'deleted_externally', mainStarted: false });
    expect(took).toBeLessThan(60);
  });

  it('a pod that is deleted while nobody watches', async () => {
    const { outcome, took } = await endedBy(async () => {
      await kit.cluster.when(ours).matched();
      kit.cluster.silenceWatches();
      await kit.cluster.when(ours).delete({ gracePeriodSeconds: 0 });
    });
    expect(verdictOf(outcome)).toMatchObject({ kind: 'deleted_externally' });
    expect(took).toBeLessThan(360);
  });
});

describe('where the executor itself gave way', () => {
  it('a foreign pod under our label does not disturb the watch', async () => {
    const executor = await kit.connect({ executorId: 'me' });
    await kit.cluster.kubeClient().createPod('default', {
      metadata: { name: 'foreign', labels: { 'podwright.dev/executor-id': 'me' } },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    const watches = kit.count('watch', 'pods');
    expect(await kit.ended(executor.queueTask(work({ duration: '15s' })))).toMatchObject({ state: 'success' });
    expect(kit.count('watch', 'pods') - watches).toBeLessThanOrEqual(1);
  });

  it('a version that is too old leads to one list, not to a start from nothing', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work({ duration: '1m' }));
    await kit.cluster.when(ours).matched();
    kit.cluster.compact();
    kit.cluster.dropWatches();
    const lists = kit.count('list', 'pods');
    expect(await kit.ended(run)).toMatchObject({ state: 'success' });
    expect(kit.count('list', 'pods') - lists).toBeLessThanOrEqual(2);
  });

  it('a delete that is forbidden is told once, tried once a minute for all of them, holds up nobody, and is made up for', async () => {
    const allow = kit.cluster.forbid({ verb: 'delete', resource: 'pods' });
    const executor = await kit.connect();
    const notices: string[] = [];
    executor.on('notice', ({ hint }) => void notices.push(hint ?? ''));
    expect(await kit.ended(executor.queueTask(work({ duration: '1s' })))).toMatchObject({ state: 'success' });
    for (const name of ['u', 'v', 'w']) await kit.ended(executor.queueTask(work({ duration: '1s' }, name)));
    await kit.cluster.clock.advance('2s');
    expect(kit.count('delete', 'pods')).toBe(4);
    await kit.cluster.clock.advance('10m');
    expect(kit.count('delete', 'pods')).toBe(14);
    expect(notices).toEqual([expect.stringContaining('the verb delete on pods in namespace default')]);
    expect(executor.slotsOccupied).toBe(0);
    allow();
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('an end waits for what runs, or ends it when told to, and says which', async () => {
    const executor = await kit.connect();
    const run = executor.queueTask(work({ duration: '10m' }));
    await kit.cluster.when(ours).matched();
    const ending = executor.end();
    expect(await kit.ended(run)).toMatchObject({ state: 'success' });
    await kit.cluster.clock.advance('1m');
    expect(await ending).toMatchObject({ finished: [{ taskId: 't' }], stopped: [] });

    const other = await kit.connect();
    const stopped = other.queueTask(work({}, 'u'));
    await kit.cluster.when(ours).matched();
    const terminating = other.terminate();
    expect(verdictOf(await kit.ended(stopped))).toMatchObject({ kind: 'cancelled' });
    await kit.cluster.clock.advance('1m');
    expect(await terminating).toMatchObject({ stopped: [{ taskId: 'u' }] });
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('a create that fails once costs no try', async () => {
    for (const status of [429, 500, 503]) {
      kit.cluster.faults.add({ verb: 'create', resource: 'pods', status, times: 1 });
      const executor = await kit.connect();
      const run = executor.queueTask(work({ duration: '1s' }, `s${status}`));
      expect(await kit.ended(run)).toMatchObject({ state: 'success', launches: 1 });
    }
  });

  it('an adopted pod is judged as one of its own is', async () => {
    const first = await kit.connect({ executorId: 'one' });
    first.queueTask(work());
    await kit.cluster.when(ours).matched();
    const detaching = first.detach();
    await kit.cluster.clock.settle();
    await detaching;
    const second = await kit.connect({ executorId: 'one', retry: once });
    const run = second.getRun(work().key);
    if (run === undefined) throw new Error('it was not adopted');
    await kit.cluster.when(ours).evict();
    expect(verdictOf(await kit.ended(run))).toMatchObject({ kind: 'evicted' });
  });
});
