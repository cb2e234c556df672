/** Leases, takeovers and finalizers, by name; test/simulation meets them under all faults at once. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/core/outcome.js';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import type { Transport } from '../../src/kube/transport.js';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import { ANNOTATIONS, FINALIZER, LABELS } from '../../src/wire/names.js';

const TASK = { key: { dagId: 'd', taskId: 't', runId: 'r' }, command: ['x'] };
const lasting = (duration: string) => ({
  ...TASK,
  executorConfig: { annotations: { 'testing.podwright.dev/duration': duration } },
});

/** One process: its wire can be cut, after which it can neither be told apart from a dead one, nor do harm. */
class Process {
  readonly executor: KubernetesExecutor;
  readonly outcomes: Outcome[] = [];
  readonly lost: string[] = [];
  isCut = false;

  constructor(cluster: FakeCluster<VirtualClock>, id: string, options: Partial<KubernetesExecutorOptions>) {
    const inner = cluster.transport();
    const transport: Transport = {
      request: (request) =>
        this.isCut
          ? Promise.reject(new KubeApiError('cut', { status: 0, reason: 'ConnectionReset', retryable: true }))
          : inner.request(request),
    };
    this.executor = new KubernetesExecutor({
      kubeClient: new HttpKubeClient({ transport, clock: cluster.clock, random: seededRandom(1) }),
      clock: cluster.clock,
      random: seededRandom(3),
      drive: 'self',
      executorId: id,
      config: { image: 'x' },
      ...options,
    });
    this.executor.on('outcome', (outcome) => void this.outcomes.push(outcome));
    this.executor.on('lease:lost', ({ holder }) => void this.lost.push(holder));
  }
}

let cluster: FakeCluster<VirtualClock>;
const processes: Process[] = [];
beforeEach(async () => {
  cluster = await FakeCluster.start({ seed: 5, clock: 'virtual', kubelet: 'scripted', nodes: 2 });
});
afterEach(async () => {
  const ended = Promise.all(processes.splice(0).map(({ executor }) => executor.terminate()));
  await cluster.clock.advance('2m');
  await ended;
  await cluster.stop();
});

/** Starts a process; its clock is moved on until it is up. */
async function started(id: string, options: Partial<KubernetesExecutorOptions> = {}): Promise<Process> {
  const process = new Process(cluster, id, { lease: true, ...options });
  processes.push(process);
  let isUp = false;
  const starting = process.executor.start().then(() => {
    isUp = true;
  });
  while (!isUp) await Promise.race([starting, cluster.clock.advance('1s')]);
  return process;
}

const leases = async () =>
  (await cluster.kubeClient().listLeases({ labelSelector: `${LABELS.managedBy}=podwright` })).items;

describe('with leases', () => {
  it('the pods of a dead executor are taken over by another of its group within seconds, and its lease goes', async () => {
    const [a, b] = [await started('a'), await started('b')];
    a.executor.queueTask(lasting('60s'));
    await cluster.clock.advance('5s');
    a.isCut = true;
    await cluster.clock.advance('46s');
    expect(b.executor.hasTask(TASK.key)).toBe(true);
    expect(cluster.pods()[0]?.metadata?.labels?.[LABELS.executorId]).toBe('b');
    expect((await leases()).map(({ spec }) => spec?.holderIdentity?.split('_')[0])).toEqual(['b']);
    await cluster.clock.advance('10s');
    expect(b.outcomes).toMatchObject([{ state: 'success', executor: 'KubernetesExecutor' }]);
    expect(a.outcomes).toEqual([]);
    // The one that was thought dead comes back, finds its lease taken, and lets go.
    a.isCut = false;
    await cluster.clock.advance('1m');
    expect(a.lost).toHaveLength(1);
    expect(a.executor.slotsOccupied).toBe(0);
    expect(a.outcomes).toEqual([]);
  });

  it('a task that waits here for a slot, and whose pod is taken over, goes on with that pod', async () => {
    const [a, b] = [await started('a'), await started('b', { parallelism: 1 })];
    a.executor.queueTask(lasting('60s'));
    b.executor.queueTask({ ...lasting('50s'), key: { ...TASK.key, taskId: 'other' } });
    await cluster.clock.advance('5s');
    const run = b.executor.queueTask(lasting('60s'));
    const { uid } =
      cluster.pods().find(({ metadata }) => metadata?.labels?.[LABELS.executorId] === 'a')?.metadata ?? {};
    a.isCut = true;
    await cluster.clock.advance('46s');
    a.isCut = false;
    expect(run.state).toBe('running');
    expect(cluster.pods().map(({ metadata }) => metadata?.uid)).toContain(uid);
    await cluster.clock.advance('20s');
    expect(await run.outcome).toMatchObject({ state: 'success', launches: 1 });
  });

  it('takes over pods of every namespace that it watches', async () => {
    await cluster.transport().request({
      method: 'POST',
      path: '/api/v1/namespaces',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } }),
    });
    const [a, b] = [
      await started('a', { config: { image: 'x', namespace: 'other' }, lease: { namespace: 'default' } }),
      await started('b', { config: { image: 'x', watchNamespaces: ['other'] } }),
    ];
    const run = a.executor.queueTask({
      ...TASK,
      executorConfig: {
        annotations: { 'testing.podwright.dev/duration': '60s', 'testing.podwright.dev/log': 'hello' },
      },
    });
    await cluster.clock.advance('5s');
    a.isCut = true;
    await cluster.clock.advance('30s');
    expect((await b.executor.getTaskLog(run.key)).lines).toMatchObject([{ text: 'hello' }]);
    await cluster.clock.advance('30s');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    a.isCut = false;
    await cluster.clock.advance('2m');
    expect(cluster.pods()).toEqual([]);
  });

  it('an executor whose lease is in doubt decides and writes nothing, and goes on where nobody took it', async () => {
    const a = await started('a', { config: { image: 'x', runningTimeout: '30s' } });
    const run = a.executor.queueTask(lasting('1h'));
    await cluster.clock.advance('5s');
    cluster.faults.add({ status: 503, resource: 'leases' });
    await cluster.clock.advance('40s');
    expect(cluster.pods()[0]?.metadata?.deletionTimestamp).toBeUndefined();
    expect(run.state).toBe('running');
    cluster.faults.clear();
    await cluster.clock.advance('1m');
    expect(a.outcomes).toMatchObject([{ state: 'failed', verdict: { kind: 'deadline.running' } }]);
    expect(a.lost).toEqual([]);
  });

  it('36: a task that two executors were given runs as one pod, and both tell the same', async () => {
    const [a, b] = [await started('a'), await started('b')];
    a.executor.queueTask(lasting('20s'));
    await cluster.clock.advance('2s');
    b.executor.queueTask(lasting('20s'));
    await cluster.clock.advance('10s');
    expect(cluster.pods()).toHaveLength(1);
    expect(b.executor.pending(TASK.key)?.summary).toContain('executor a has its pod, and is alive');
    await cluster.clock.advance('20s');
    expect(a.outcomes).toMatchObject([{ state: 'success' }]);
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    expect(cluster.requests.filter(({ verb, resource }) => verb === 'create' && resource === 'pods')).toHaveLength(2);
  });

  it.each(['terminate', 'cancel', 'revokeTask'] as const)(
    'who only waits for the end of another executor’s pod does not end it: %s',
    async (how) => {
      const [a, b] = [await started('a'), await started('b')];
      const run = a.executor.queueTask(lasting('2m'));
      await cluster.clock.advance('5s');
      b.executor.queueTask(lasting('2m'));
      await cluster.clock.advance('5s');
      const left = how === 'terminate' ? b.executor.terminate() : b.executor[how](TASK.key);
      await cluster.clock.advance('20s');
      await left;
      expect(b.executor.hasTask(TASK.key)).toBe(false);
      expect(cluster.pods()[0]?.metadata?.deletionTimestamp).toBeUndefined();
      await cluster.clock.advance('2m');
      expect((await run.outcome).state).toBe('success');
      expect(b.outcomes).toEqual([]);
    },
  );

  it('who waits for the end of another executor’s pod asks for it less and less often', async () => {
    const [a, b] = [await started('a'), await started('b')];
    a.executor.queueTask(lasting('10m'));
    await cluster.clock.advance('2s');
    b.executor.queueTask(lasting('10m'));
    await cluster.clock.advance('9m');
    // Every five seconds it would be 108 times.
    expect(cluster.requests.filter(({ verb, resource }) => verb === 'get' && resource === 'pods').length).toBeLessThan(
      30,
    );
    await cluster.clock.advance('2m');
    expect([...a.outcomes, ...b.outcomes]).toMatchObject([{ state: 'success' }, { state: 'success' }]);
  });

  it('who waits for the end of another executor’s pod goes on at once when that has died and its pods were taken over', async () => {
    const [a, b] = [await started('a'), await started('b')];
    a.executor.queueTask(lasting('5m'));
    await cluster.clock.advance('2s');
    b.executor.queueTask(lasting('5m'));
    // By now it asks twice a minute.
    await cluster.clock.advance('290s');
    a.isCut = true;
    const owner = () => cluster.pods()[0]?.metadata?.labels?.[LABELS.executorId];
    for (let waits = 0; owner() === 'a' && waits < 60; waits += 1) await cluster.clock.advance('1s');
    await cluster.clock.advance('1s');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
  });

  it('36: what was told of a failure stands on its pod while that holds the name, for whoever is given the task next', async () => {
    const options = { config: { image: 'x', deleteWorkerPodsOnFailure: true } };
    const [a, b] = [await started('a', options), await started('b', options)];
    const failing = {
      ...TASK,
      executorConfig: {
        annotations: { 'testing.podwright.dev/duration': '5s', 'testing.podwright.dev/exit-code': '3' },
      },
    };
    a.executor.queueTask(failing);
    await cluster.clock.advance('20s');
    expect(cluster.pods()[0]?.metadata?.annotations?.[ANNOTATIONS.verdict]).toBe('app_exit');
    b.executor.queueTask(failing);
    await cluster.clock.advance('10s');
    const told = { state: 'failed', exitCode: 3, launches: 1, verdict: { kind: 'app_exit' } };
    expect([...a.outcomes, ...b.outcomes]).toMatchObject([told, told]);
  });

  it('the name of a pod stays taken for a while after its outcome, so that a late create makes no second one', async () => {
    const [a, b] = [await started('a'), await started('b')];
    a.executor.queueTask(lasting('5s'));
    await cluster.clock.advance('20s');
    expect(a.outcomes).toMatchObject([{ state: 'success' }]);
    b.executor.queueTask(lasting('5s'));
    await cluster.clock.advance('30s');
    expect(b.outcomes).toMatchObject([{ state: 'success', launches: 1 }]);
    expect(new Set(cluster.pods().map(({ metadata }) => metadata?.uid)).size).toBe(1);
    await cluster.clock.advance('1m');
    expect(cluster.pods()).toEqual([]);
  });

  it('a second process of the same id is refused, and says who holds the lease', async () => {
    const a = await started('one');
    const second = new Process(cluster, 'one', { lease: true, random: seededRandom(9) });
    const refused = second.executor.start().catch((error: unknown) => error);
    await cluster.clock.advance('70s');
    expect(await refused).toMatchObject({
      code: 'ERR_PODWRIGHT_LEASE_HELD',
      message: expect.stringMatching(/held by one_/),
    });
    expect(a.executor.peers()).toEqual([]);
  });

  it('one that is ended while it waits for its lease ends', async () => {
    await started('one');
    const second = new Process(cluster, 'one', { lease: true, random: seededRandom(9) });
    const refused = second.executor.start().catch((error: unknown) => error);
    await cluster.clock.advance('5s');
    let isOver = false;
    void second.executor.end().then(() => {
      isOver = true;
    });
    await cluster.clock.advance('30s');
    expect(isOver).toBe(true);
    expect(await refused).toBeInstanceOf(Error);
  });

  it('a detached executor leaves its lease free for the next process of its id; one that has ended removes it', async () => {
    const a = await started('one');
    a.executor.queueTask(lasting('1m'));
    await cluster.clock.advance('2s');
    const detaching = a.executor.detach();
    await cluster.clock.advance('5s');
    await detaching;
    expect((await leases()).map(({ spec }) => [spec?.holderIdentity, spec?.leaseDurationSeconds])).toEqual([
      [undefined, 1],
    ]);
    const before = cluster.clock.monotonic();
    const b = await started('one', { random: seededRandom(9) });
    expect(cluster.clock.monotonic() - before).toBeLessThan(2_000);
    await cluster.clock.advance('2m');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    const ending = b.executor.end();
    await cluster.clock.advance('30s');
    await ending;
    expect(await leases()).toEqual([]);
    expect(cluster.pods()).toEqual([]);
  });

  it('gives a create up before names are free again, however patient its client is', async () => {
    const inner = cluster.transport();
    const givenUp: number[] = [];
    const transport: Transport = {
      request: (request) => {
        if (request.method !== 'POST' || !request.path.endsWith('/pods')) return inner.request(request);
        const sentAt = cluster.clock.monotonic();
        return new Promise((_resolve, reject) => {
          request.signal?.addEventListener('abort', () => {
            givenUp.push(cluster.clock.monotonic() - sentAt);
            reject(request.signal?.reason);
          });
        });
      },
    };
    const patience = { timeoutMs: 600_000, attemptTimeoutMs: 600_000 };
    const kubeClient = new HttpKubeClient({ transport, clock: cluster.clock, random: seededRandom(1), ...patience });
    const { executor } = await started('a', { lease: { holdNames: '20s' }, kubeClient });
    executor.queueTask(lasting('1m'));
    await cluster.clock.advance('22s');
    expect(givenUp).toEqual([20_000]);
    const cancelling = executor.cancel(TASK.key);
    await cluster.clock.advance('1m');
    await cancelling;
  });

  it('tasks fall to one of the living each, and to the others when it goes', async () => {
    const [a, b] = [await started('a'), await started('b')];
    await cluster.clock.advance('20s');
    const keys = Array.from({ length: 40 }, (_, index) => ({ ...TASK.key, taskId: `t${index}` }));
    for (const key of keys) expect(a.executor.isMine(key)).toBe(!b.executor.isMine(key));
    expect(a.executor.peers()).toMatchObject([{ executorId: 'b', isAlive: true }]);
    const members: (readonly string[])[] = [];
    a.executor.on('members', (event) => void members.push(event.members));
    const ending = b.executor.end();
    await cluster.clock.advance('40s');
    await ending;
    expect(members).toEqual([['a']]);
    for (const key of keys) expect(a.executor.isMine(key)).toBe(true);
  });

  it('says what is wrong with its options', () => {
    const kubeClient = cluster.kubeClient();
    const options = { kubeClient, config: { image: 'x' } };
    expect(
      () => new KubernetesExecutor({ ...options, lease: { duration: '2s', holdNames: 'soon', group: '' } }),
    ).toThrow(/lease\.duration.*lease\.holdNames.*lease\.group/s);
    const { readPod, listPods, createPod } = kubeClient;
    expect(
      () => new KubernetesExecutor({ ...options, kubeClient: { readPod, listPods, createPod } as never, lease: true }),
    ).toThrow(/kubeClient.*LeaseClient/s);
  });
});

describe('with finalizers', () => {
  const options = { lease: false, trackWithFinalizer: true } as const;

  it('33: a pod that somebody deletes while the host is away still gives its outcome, and goes then', async () => {
    const a = await started('a', options);
    a.executor.queueTask(lasting('5s'));
    await cluster.clock.advance('2s');
    expect(cluster.pods()[0]?.metadata?.finalizers).toEqual([FINALIZER]);
    const detaching = a.executor.detach();
    await cluster.clock.advance('20s');
    await detaching;
    const { name = '' } = cluster.pods()[0]?.metadata ?? {};
    await cluster.kubeClient().deletePod('default', name);
    expect(cluster.pods()).toHaveLength(1);
    const b = await started('a', options);
    await cluster.clock.advance('5s');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    expect(b.executor.slotsOccupied).toBe(0);
    await cluster.clock.advance('5s');
    expect(cluster.pods()).toEqual([]);
  });

  it('a pod that is deleted before it has a node counts as dead at once', async () => {
    await cluster.stop();
    cluster = await FakeCluster.start({ seed: 5, clock: 'virtual', kubelet: 'none' });
    const a = await started('a', { ...options, retry: { infra: { max: 0 } } });
    a.executor.queueTask(TASK);
    await cluster.clock.advance('2s');
    await cluster.kubeClient().deletePod('default', cluster.pods()[0]?.metadata?.name ?? '');
    await cluster.clock.advance('5s');
    expect(a.outcomes).toMatchObject([
      { state: 'failed', verdict: { kind: 'deleted_externally', mainStarted: false } },
    ]);
    expect(cluster.pods()).toEqual([]);
  });

  it('a pod that is kept loses its finalizer with its mark', async () => {
    const a = await started('a', { ...options, config: { image: 'x', deleteWorkerPods: false } });
    a.executor.queueTask(lasting('5s'));
    await cluster.clock.advance('20s');
    expect(a.outcomes).toHaveLength(1);
    const { labels, finalizers } = cluster.pods()[0]?.metadata ?? {};
    expect([labels?.[LABELS.done], finalizers ?? []]).toEqual(['true', []]);
  });
});

it('a task that is found ended takes no slot, and is not counted as running', async () => {
  const first = await started('a', { lease: false, acknowledge: 'manual', parallelism: 1 });
  first.executor.queueTask(lasting('5s'));
  await cluster.clock.advance('10s');
  const detaching = first.executor.detach();
  await cluster.clock.advance('20s');
  await detaching;
  const slots: number[] = [];
  const second = new Process(cluster, 'a', { acknowledge: 'manual', parallelism: 1 });
  processes.push(second);
  second.executor.on('outcome', () => void slots.push(second.executor.slotsOccupied));
  await second.executor.start();
  slots.push(second.executor.slotsOccupied);
  await cluster.clock.advance('1s');
  expect(second.outcomes).toMatchObject([{ state: 'success' }]);
  expect(slots).toEqual([0, 0]);
});

it('an end that is still being looked into when the executor detaches is left to the next one, pod and all', async () => {
  const options = { lease: false, config: { image: 'x', deleteWorkerPodsOnFailure: true } } as const;
  const a = await started('a', options);
  const annotations = { 'testing.podwright.dev/duration': '5s', 'testing.podwright.dev/exit-code': '3' };
  a.executor.queueTask({ ...TASK, executorConfig: { annotations } });
  a.executor.queueTask({ ...lasting('4s'), key: { ...TASK.key, taskId: 'other' } });
  cluster.faults.add({ verb: 'list', resource: 'events', times: 1, latencyMs: 3_000 });
  // The cleanup after the other task keeps the executor from closing at once.
  cluster.faults.add({ verb: 'delete', resource: 'pods', times: 1, latencyMs: 8_000 });
  await cluster.clock.advance('6s');
  const detaching = a.executor.detach();
  await cluster.clock.advance('20s');
  expect(await detaching).toEqual([expect.objectContaining(TASK.key)]);
  expect(a.outcomes.map(({ key }) => key.taskId)).toEqual(['other']);
  expect(cluster.pods()).toHaveLength(1);
  const b = await started('a', options);
  await cluster.clock.advance('20s');
  expect(b.outcomes).toMatchObject([{ state: 'failed', exitCode: 3 }]);
});

describe('with manual acknowledgement', () => {
  const manual = { lease: false, trackWithFinalizer: true, acknowledge: 'manual' } as const;

  it('a cancel is told again after a crash, until it is acknowledged', async () => {
    const a = await started('a', manual);
    a.executor.queueTask(lasting('1h'));
    await cluster.clock.advance('5s');
    const cancelling = a.executor.cancel(TASK.key, { grace: '5s' });
    await cluster.clock.advance('1m');
    expect(await cancelling).toMatchObject({ observed: 'terminated' });
    expect(a.outcomes).toMatchObject([{ verdict: { kind: 'cancelled', message: 'The task was cancelled' } }]);
    a.isCut = true;
    const b = await started('a', manual);
    await cluster.clock.advance('10s');
    expect(b.outcomes).toMatchObject([{ key: TASK.key, state: 'failed', verdict: { kind: 'cancelled' } }]);
    expect(cluster.pods()).toHaveLength(1);
    await b.outcomes[0]?.acknowledge();
    await cluster.clock.advance('10s');
    expect(cluster.pods()).toEqual([]);
  });

  it('the pod of a cancelled task goes once that is acknowledged', async () => {
    const a = await started('a', manual);
    a.executor.queueTask(lasting('1h'));
    await cluster.clock.advance('5s');
    const cancelling = a.executor.cancel(TASK.key, { grace: '5s' });
    await cluster.clock.advance('1m');
    await cancelling;
    expect(cluster.pods()).toHaveLength(1);
    const acknowledged = a.outcomes[0]?.acknowledge();
    await cluster.clock.advance('10s');
    await acknowledged;
    expect(cluster.pods()).toEqual([]);
  });
});

describe('revoking', () => {
  const slow = (annotations: Record<string, string>) => ({ ...TASK, executorConfig: { annotations } });

  it('spares a task whose program has started, unless told otherwise', async () => {
    const a = await started('a', { lease: false });
    const run = a.executor.queueTask(lasting('1h'));
    await cluster.clock.advance('5s');
    expect(await a.executor.revokeTask(TASK.key)).toBe(false);
    expect(run.state).toBe('running');
    const revoking = a.executor.revokeTask(TASK.key, { evenIfRunning: true });
    await cluster.clock.advance('1m');
    expect(await revoking).toBe(true);
    expect([cluster.pods(), a.outcomes]).toEqual([[], []]);
    expect(await a.executor.revokeTask(TASK.key)).toBe(true);
  });

  it('leaves nothing behind that would speak for the task when it is handed over again', async () => {
    const a = await started('a');
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerConfigError' }));
    await cluster.clock.advance('5s');
    const revoking = a.executor.revokeTask(TASK.key);
    await cluster.clock.advance('1s');
    expect(await revoking).toBe(true);
    a.executor.queueTask(lasting('5s'));
    await cluster.clock.advance('10s');
    expect(a.outcomes).toMatchObject([{ state: 'success' }]);
  });

  it('ends one that waits, and does not even then where it has started unseen', async () => {
    const a = await started('a', { lease: false });
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerConfigError' }));
    await cluster.clock.advance('5s');
    const revoking = a.executor.revokeTask(TASK.key);
    await cluster.clock.advance('1m');
    expect(await revoking).toBe(true);
    expect([cluster.pods(), a.outcomes]).toEqual([[], []]);
    // The watch says nothing of the start; the server does.
    cluster.silenceWatches();
    const run = a.executor.queueTask({ ...lasting('1h'), key: { ...TASK.key, tryNumber: 2 } });
    await cluster.clock.advance('5s');
    expect(await a.executor.revokeTask(run.key)).toBe(false);
    expect(cluster.pods()[0]?.metadata?.deletionTimestamp).toBeUndefined();
    cluster.silenceWatches(false);
  });

  it('tells the success of a task that has done its work meanwhile, and does not call it revoked', async () => {
    const a = await started('a', { lease: false });
    const run = a.executor.queueTask(lasting('20s'));
    await cluster.clock.advance('10s');
    cluster.silenceWatches();
    await cluster.clock.advance('15s');
    const revoking = a.executor.revokeTask(TASK.key, { evenIfRunning: true });
    await cluster.clock.advance('1m');
    expect(await revoking).toBe(false);
    expect(await run.outcome).toMatchObject({ state: 'success' });
    expect(a.outcomes).toHaveLength(1);
    cluster.silenceWatches(false);
  });

  it('asks again where the server does not answer', async () => {
    const a = await started('a', { lease: false });
    a.executor.queueTask(slow({ 'testing.podwright.dev/result': 'CreateContainerConfigError' }));
    await cluster.clock.advance('5s');
    cluster.faults.add({ verb: 'delete', resource: 'pods', times: 12, status: 503 });
    const revoking = a.executor.revokeTask(TASK.key);
    await cluster.clock.advance('5m');
    expect(await revoking).toBe(true);
    expect([cluster.pods(), a.outcomes]).toEqual([[], []]);
  });
});

it('tells tasks that were never launched from those that were, and takes completed ones over', async () => {
  const key = (taskId: string) => ({ ...TASK.key, taskId });
  const old = await started('old', { lease: false, acknowledge: 'manual' });
  for (const [taskId, duration] of [
    ['done', '5s'],
    ['runs', '1h'],
  ] as const)
    old.executor.queueTask({ ...lasting(duration), key: key(taskId) });
  await cluster.clock.advance('10s');
  const detaching = old.executor.detach();
  await cluster.clock.advance('20s');
  await detaching;
  const { executor, outcomes } = await started('new', { lease: false });
  const keys = [key('done'), key('runs'), key('never')];
  expect((await executor.clearNotLaunchedQueuedTasks(keys)).map(({ taskId }) => taskId)).toEqual(['never']);
  expect((await executor.adoptCompletedPods()).map(({ taskId }) => taskId)).toEqual(['done']);
  await cluster.clock.advance('1s');
  expect(outcomes).toMatchObject([{ state: 'success', key: { taskId: 'done' } }]);
  expect(executor.slotsOccupied).toBe(0);
  await cluster.kubeClient().deletePods({ namespace: 'default', gracePeriodSeconds: 0 });
});
