/** Leases and takeovers, by name; test/simulation meets them under all faults at once. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import type { Transport } from '../../src/kube/transport.js';
import { ANNOTATIONS, LABELS } from '../../src/wire/names.js';
import type { Pod } from '../../src/wire/types.js';
import { lasting, Process, ProcessKit, TASK } from './process-kit.js';

const kit = ProcessKit.use();
const LATE = { ...TASK.key, taskId: 'late' };

/** Two processes, of which the first has launched a task and was cut off, and the second has taken that over. */
async function takenOver(duration: string): Promise<readonly [Process, Process]> {
  const [a, b] = [await kit.started('a'), await kit.started('b')];
  a.executor.queueTask(lasting(duration));
  await kit.cluster.clock.advance('5s');
  a.isCut = true;
  await kit.cluster.clock.advance('46s');
  return [a, b];
}

/** Makes a pod that the first of them had asked for as it did for the one that stands there. */
async function makeLatePod(duration: string): Promise<void> {
  const { metadata: { labels, annotations } = {}, spec = { containers: [] } } = kit.cluster.pods()[0] as Pod;
  const { nodeName: _bound, ...unbound } = spec;
  const own = { [ANNOTATIONS.key]: JSON.stringify(LATE), 'testing.podwright.dev/duration': duration };
  const metadata = {
    name: 'late',
    labels: { ...labels, [LABELS.executorId]: 'a' },
    annotations: { ...annotations, ...own },
  };
  await kit.cluster.kubeClient().createPod('default', { metadata, spec: unbound });
}

describe('with leases', () => {
  it('the pods of a dead executor are taken over by another of its group within seconds', async () => {
    const [a, b] = await takenOver('60s');
    expect(b.executor.hasTask(TASK.key)).toBe(true);
    expect(kit.cluster.pods()[0]?.metadata?.labels?.[LABELS.executorId]).toBe('b');
    expect(await kit.holders()).toEqual([undefined, 'b']);
    await kit.cluster.clock.advance('10s');
    expect(b.outcomes).toMatchObject([{ state: 'success', executor: 'KubernetesExecutor' }]);
    expect(a.outcomes).toEqual([]);
    // The one that was thought dead comes back, finds its lease taken, and lets go.
    a.isCut = false;
    await kit.cluster.clock.advance('1m');
    expect(a.lost).toHaveLength(1);
    expect(a.executor.slotsOccupied).toBe(0);
    expect(a.outcomes).toEqual([]);
  });

  it('a pod of a dead executor that comes after the takeover is taken over, too, and then the lease goes', async () => {
    const [a, b] = await takenOver('10m');
    expect(kit.cluster.pods()[0]?.metadata?.labels?.[LABELS.executorId]).toBe('b');
    await makeLatePod('4m');
    await kit.cluster.clock.advance('2m');
    expect(await kit.holders()).toEqual(['b']);
    expect(b.executor.hasTask(LATE)).toBe(true);
    await kit.cluster.clock.advance('3m');
    expect(b.outcomes).toMatchObject([{ key: { taskId: 'late' }, state: 'success' }]);
    expect(kit.cluster.pods()).toHaveLength(1);
    a.isCut = false;
  });

  it('a pod of a dead executor is nobody’s to take where its lease cannot be had again', async () => {
    const [a, b] = await takenOver('60s');
    await makeLatePod('1s');
    await kit.cluster.clock.advance('5s');
    const label = () => kit.cluster.pods().find((one) => one.metadata?.name === 'late')?.metadata?.labels;
    const someoneElseHasIt = kit.cluster.faults.add({ verb: 'update', resource: 'leases', name: '*-a-*', status: 409 });
    expect(await b.executor.adoptCompletedPods()).toEqual([]);
    expect(label()?.[LABELS.executorId]).toBe('a');
    someoneElseHasIt();
    await b.executor.adoptCompletedPods();
    await kit.cluster.clock.advance('1s');
    expect(b.outcomes.map(({ key }) => key.taskId)).toContain('late');
    a.isCut = false;
  });

  it('a task that waits here for a slot, and whose pod is taken over, goes on with that pod', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b', { parallelism: 1 })];
    a.executor.queueTask(lasting('60s'));
    b.executor.queueTask({ ...lasting('50s'), key: { ...TASK.key, taskId: 'other' } });
    await kit.cluster.clock.advance('5s');
    const run = b.executor.queueTask(lasting('60s'));
    const { uid } =
      kit.cluster.pods().find(({ metadata }) => metadata?.labels?.[LABELS.executorId] === 'a')?.metadata ?? {};
    a.isCut = true;
    await kit.cluster.clock.advance('46s');
    a.isCut = false;
    expect(run.state).toBe('running');
    expect(kit.cluster.pods().map(({ metadata }) => metadata?.uid)).toContain(uid);
    await kit.cluster.clock.advance('20s');
    expect(await run.outcome).toMatchObject({ state: 'success', launches: 1 });
  });

  it('takes over pods of every namespace that it watches', async () => {
    await kit.cluster.transport().request({
      method: 'POST',
      path: '/api/v1/namespaces',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } }),
    });
    const [a, b] = [
      await kit.started('a', { config: { image: 'x', namespace: 'other' }, lease: { namespace: 'default' } }),
      await kit.started('b', { config: { image: 'x', watchNamespaces: ['other'] } }),
    ];
    const run = a.executor.queueTask({
      ...TASK,
      executorConfig: {
        annotations: { 'testing.podwright.dev/duration': '60s', 'testing.podwright.dev/log': 'hello' },
      },
    });
    await kit.cluster.clock.advance('5s');
    a.isCut = true;
    await kit.cluster.clock.advance('30s');
    expect((await b.executor.getTaskLog(run.key)).lines).toMatchObject([{ text: 'hello' }]);
    await kit.cluster.clock.advance('30s');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    a.isCut = false;
    await kit.cluster.clock.advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('takes over all namespaces at once, and each pod with one write', async () => {
    const config = { image: 'x', watchNamespaces: ['kube-public'] };
    const [a, b] = [await kit.started('a', { config }), await kit.started('b', { config })];
    for (const [index, namespace] of ['default', 'kube-public', 'default', 'kube-public'].entries()) {
      const { executorConfig } = lasting('60s');
      a.executor.queueTask({
        ...TASK,
        key: { ...TASK.key, runId: `${index}` },
        executorConfig: { ...executorConfig, namespace },
      });
    }
    await kit.cluster.clock.advance('5s');
    a.isCut = true;
    kit.cluster.faults.add({ verb: 'list', resource: 'pods', latencyMs: 4_000 });
    const seen = kit.cluster.requests.length;
    await kit.cluster.clock.advance('45s');
    const patches = kit.cluster.requests
      .slice(seen)
      .filter(({ verb, resource }) => verb === 'patch' && resource === 'pods');
    const times = patches.map(({ at }) => at);
    expect(patches).toHaveLength(4);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(4_000);
    await kit.cluster.clock.advance('60s');
    expect(b.outcomes.map(({ state }) => state)).toEqual(['success', 'success', 'success', 'success']);
    kit.cluster.faults.clear();
    a.isCut = false;
  });

  it('an executor whose lease is in doubt decides and writes nothing, and goes on where nobody took it', async () => {
    const a = await kit.started('a', { config: { image: 'x', runningTimeout: '30s' } });
    const run = a.executor.queueTask(lasting('1h'));
    await kit.cluster.clock.advance('5s');
    kit.cluster.faults.add({ status: 503, resource: 'leases' });
    await kit.cluster.clock.advance('40s');
    expect(kit.cluster.pods()[0]?.metadata?.deletionTimestamp).toBeUndefined();
    expect(run.state).toBe('running');
    kit.cluster.faults.clear();
    await kit.cluster.clock.advance('1m');
    expect(a.outcomes).toMatchObject([{ state: 'failed', verdict: { kind: 'deadline.running' } }]);
    expect(a.lost).toEqual([]);
  });

  it('36: a task that two executors were given runs as one pod, and both tell the same', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    a.executor.queueTask(lasting('20s'));
    await kit.cluster.clock.advance('2s');
    b.executor.queueTask(lasting('20s'));
    await kit.cluster.clock.advance('10s');
    expect(kit.cluster.pods()).toHaveLength(1);
    expect(b.executor.pending(TASK.key)?.summary).toContain('executor a has its pod, and is alive');
    await kit.cluster.clock.advance('20s');
    expect(a.outcomes).toMatchObject([{ state: 'success' }]);
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    expect(kit.cluster.requests.filter(({ verb, resource }) => verb === 'create' && resource === 'pods')).toHaveLength(
      2,
    );
  });

  it.each(['terminate', 'cancel', 'revokeTask'] as const)(
    'who only waits for the end of another executor’s pod does not end it: %s',
    async (how) => {
      const [a, b] = [await kit.started('a'), await kit.started('b')];
      const run = a.executor.queueTask(lasting('2m'));
      await kit.cluster.clock.advance('5s');
      b.executor.queueTask(lasting('2m'));
      await kit.cluster.clock.advance('5s');
      const left = how === 'terminate' ? b.executor.terminate() : b.executor[how](TASK.key);
      await kit.cluster.clock.advance('20s');
      await left;
      expect(b.executor.hasTask(TASK.key)).toBe(false);
      expect(kit.cluster.pods()[0]?.metadata?.deletionTimestamp).toBeUndefined();
      await kit.cluster.clock.advance('2m');
      expect((await run.outcome).state).toBe('success');
      expect(b.outcomes).toEqual([]);
    },
  );

  it.each([
    ['whose lease has run out', false],
    ['that has no lease any more', true],
  ])(
    'a cancel that finds its pod gone, and that of a dead executor %s in its place, ends that one, too',
    async (_, isLeaseGone) => {
      const options = { lease: { adoptionInterval: '30s' } };
      const [a, b] = [await kit.started('a', options), await kit.started('b', options)];
      const owners = () => kit.cluster.pods().map(({ metadata }) => metadata?.labels?.[LABELS.executorId]);
      a.executor.queueTask(lasting('1h'));
      await kit.cluster.clock.advance('5s');
      b.executor.queueTask(lasting('1h'));
      await kit.cluster.clock.advance('2s');
      kit.cluster.silenceWatches();
      const client = kit.cluster.kubeClient();
      const name = kit.cluster.pods()[0]?.metadata?.name ?? '';
      await client.patchPod('default', name, { metadata: { finalizers: null } });
      await client.deletePod('default', name, { gracePeriodSeconds: 0 });
      await kit.cluster.clock.advance('10s');
      expect(owners()).toEqual(['b']);
      b.isCut = true;
      const [, lease] = await kit.leases();
      if (isLeaseGone) await client.deleteLease('default', lease?.metadata?.name ?? '');
      await kit.cluster.clock.advance('35s');
      expect([owners(), a.executor.hasTask(TASK.key)]).toEqual([['b'], true]);
      const cancelling = a.executor.cancel(TASK.key);
      await kit.cluster.clock.advance('10s');
      const phases = kit.cluster.pods().map(({ status }) => status?.phase);
      kit.cluster.silenceWatches(false);
      b.isCut = false;
      expect([(await cancelling).observed, phases]).toEqual(['terminated', ['Failed']]);
    },
  );

  it('who waits for the end of another executor’s pod asks for it less and less often', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    a.executor.queueTask(lasting('10m'));
    await kit.cluster.clock.advance('2s');
    b.executor.queueTask(lasting('10m'));
    await kit.cluster.clock.advance('9m');
    // Every five seconds it would be 108 times.
    expect(
      kit.cluster.requests.filter(({ verb, resource }) => verb === 'get' && resource === 'pods').length,
    ).toBeLessThan(30);
    await kit.cluster.clock.advance('2m');
    expect([...a.outcomes, ...b.outcomes]).toMatchObject([{ state: 'success' }, { state: 'success' }]);
  });

  it('who waits for the end of another executor’s pod goes on at once when that has died and its pods were taken over', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    a.executor.queueTask(lasting('5m'));
    await kit.cluster.clock.advance('2s');
    b.executor.queueTask(lasting('5m'));
    // By now it asks twice a minute.
    await kit.cluster.clock.advance('290s');
    a.isCut = true;
    const owner = () => kit.cluster.pods()[0]?.metadata?.labels?.[LABELS.executorId];
    for (let waits = 0; owner() === 'a' && waits < 60; waits += 1) await kit.cluster.clock.advance('1s');
    await kit.cluster.clock.advance('1s');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
  });

  it('36: what was told of a failure stands on its pod while that holds the name, for whoever is given the task next', async () => {
    const options = { config: { image: 'x', deleteWorkerPodsOnFailure: true } };
    const [a, b] = [await kit.started('a', options), await kit.started('b', options)];
    const failing = {
      ...TASK,
      executorConfig: {
        annotations: { 'testing.podwright.dev/duration': '5s', 'testing.podwright.dev/exit-code': '3' },
      },
    };
    a.executor.queueTask(failing);
    await kit.cluster.clock.advance('20s');
    expect(kit.cluster.pods()[0]?.metadata?.annotations?.[ANNOTATIONS.verdict]).toBe('app_exit');
    b.executor.queueTask(failing);
    await kit.cluster.clock.advance('10s');
    const told = { state: 'failed', exitCode: 3, launches: 1, verdict: { kind: 'app_exit' } };
    expect([...a.outcomes, ...b.outcomes]).toMatchObject([told, told]);
  });

  it('the name of a pod stays taken for a while after its outcome, so that a late create makes no second one', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    a.executor.queueTask(lasting('5s'));
    await kit.cluster.clock.advance('20s');
    expect(a.outcomes).toMatchObject([{ state: 'success' }]);
    b.executor.queueTask(lasting('5s'));
    await kit.cluster.clock.advance('30s');
    expect(b.outcomes).toMatchObject([{ state: 'success', launches: 1 }]);
    expect(new Set(kit.cluster.pods().map(({ metadata }) => metadata?.uid)).size).toBe(1);
    await kit.cluster.clock.advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('a second process of the same id is refused, and says who holds the lease', async () => {
    const a = await kit.started('one');
    const second = new Process(kit.cluster, 'one', { lease: true, random: seededRandom(9) });
    const refused = second.executor.start().catch((error: unknown) => error);
    await kit.cluster.clock.advance('70s');
    expect(await refused).toMatchObject({
      code: 'ERR_PODWRIGHT_LEASE_HELD',
      message: expect.stringMatching(/held by one_/),
    });
    expect(a.executor.peers()).toEqual([]);
  });

  it('one that is ended while it waits for its lease ends', async () => {
    await kit.started('one');
    const second = new Process(kit.cluster, 'one', { lease: true, random: seededRandom(9) });
    const refused = second.executor.start().catch((error: unknown) => error);
    await kit.cluster.clock.advance('5s');
    let isOver = false;
    void second.executor.end().then(() => {
      isOver = true;
    });
    await kit.cluster.clock.advance('30s');
    expect(isOver).toBe(true);
    expect(await refused).toBeInstanceOf(Error);
  });

  it('a detached executor leaves the pods of a takeover at work, also of a task that waited in its queue', async () => {
    const a = await kit.started('a');
    const b = await kit.started('b', { parallelism: 1 });
    a.executor.queueTask(lasting('10m'));
    b.executor.queueTask({ ...lasting('10m'), key: { ...TASK.key, taskId: 'other' } });
    b.executor.queueTask(lasting('10m'));
    await kit.cluster.clock.advance('5s');
    kit.cluster.faults.add({ verb: 'patch', resource: 'pods', latencyMs: 3_000, times: 1 });
    a.isCut = true;
    while ((await kit.holders()).includes('a')) await kit.cluster.clock.advance('500ms');
    const detaching = b.executor.detach();
    await kit.cluster.clock.advance('20s');
    await detaching;
    a.isCut = false;
    const states = kit.cluster.pods().map(({ metadata, status }) => [status?.phase, metadata?.deletionTimestamp]);
    expect(states).toEqual([
      ['Running', undefined],
      ['Running', undefined],
    ]);
    expect(kit.cluster.pods().map(({ metadata }) => metadata?.labels?.[LABELS.executorId])).toEqual(['b', 'b']);
  });

  it('a detached executor leaves its lease free for the next process of its id; one that has ended removes it', async () => {
    const a = await kit.started('one');
    a.executor.queueTask(lasting('1m'));
    await kit.cluster.clock.advance('2s');
    const detaching = a.executor.detach();
    await kit.cluster.clock.advance('5s');
    await detaching;
    expect((await kit.leases()).map(({ spec }) => [spec?.holderIdentity, spec?.leaseDurationSeconds])).toEqual([
      [undefined, 1],
    ]);
    const before = kit.cluster.clock.monotonic();
    const b = await kit.started('one', { random: seededRandom(9) });
    expect(kit.cluster.clock.monotonic() - before).toBeLessThan(2_000);
    await kit.cluster.clock.advance('2m');
    expect(b.outcomes).toMatchObject([{ state: 'success' }]);
    const ending = b.executor.end();
    await kit.cluster.clock.advance('30s');
    await ending;
    expect(await kit.leases()).toEqual([]);
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('one that lost its lease while it asked for a pod, and has it back, leaves it at its end to who looks for that pod', async () => {
    const inner = kit.cluster.transport();
    let isCut = false;
    const transport: Transport = {
      request: (request) => {
        const isLate = request.method === 'POST' && String(request.body).includes('late');
        if (isLate || isCut) return Promise.reject(new KubeApiError('cut', { status: 0, reason: '', retryable: true }));
        return inner.request(request);
      },
    };
    const kubeClient = new HttpKubeClient({ transport, clock: kit.cluster.clock, random: seededRandom(1) });
    const a = await kit.started('a', { kubeClient });
    const b = await kit.started('b');
    a.executor.queueTask(lasting('10m'));
    a.executor.queueTask({ ...lasting('10m'), key: LATE });
    await kit.cluster.clock.advance('5s');
    isCut = true;
    await kit.cluster.clock.advance('46s');
    isCut = false;
    await kit.cluster.clock.advance('10s');
    expect(a.lost).toHaveLength(1);
    expect(await kit.holders()).toEqual(['a', 'b']);
    const ending = a.executor.end();
    await kit.cluster.clock.advance('10s');
    await ending;
    expect(await kit.holders()).toEqual([undefined, 'b']);
    await makeLatePod('4m');
    await kit.cluster.clock.advance('2m');
    expect(b.executor.hasTask(LATE)).toBe(true);
    expect(await kit.holders()).toEqual(['b']);
  });

  it('gives a create up before names are free again, however patient its client is', async () => {
    const inner = kit.cluster.transport();
    const givenUp: number[] = [];
    const transport: Transport = {
      request: (request) => {
        if (request.method !== 'POST' || !request.path.endsWith('/pods')) return inner.request(request);
        const sentAt = kit.cluster.clock.monotonic();
        return new Promise((_resolve, reject) => {
          request.signal?.addEventListener('abort', () => {
            givenUp.push(kit.cluster.clock.monotonic() - sentAt);
            reject(request.signal?.reason);
          });
        });
      },
    };
    const patience = { timeoutMs: 600_000, attemptTimeoutMs: 600_000 };
    const kubeClient = new HttpKubeClient({
      transport,
      clock: kit.cluster.clock,
      random: seededRandom(1),
      ...patience,
    });
    const { executor } = await kit.started('a', { lease: { holdNames: '20s' }, kubeClient });
    executor.queueTask(lasting('1m'));
    await kit.cluster.clock.advance('22s');
    expect(givenUp).toEqual([20_000]);
    const cancelling = executor.cancel(TASK.key);
    await kit.cluster.clock.advance('1m');
    await cancelling;
  });

  it('tasks fall to one of the living each, and to the others when it goes', async () => {
    const [a, b] = [await kit.started('a'), await kit.started('b')];
    await kit.cluster.clock.advance('20s');
    const keys = Array.from({ length: 40 }, (_, index) => ({ ...TASK.key, taskId: `t${index}` }));
    for (const key of keys) expect(a.executor.isMine(key)).toBe(!b.executor.isMine(key));
    expect(a.executor.peers()).toMatchObject([{ executorId: 'b', isAlive: true }]);
    const members: (readonly string[])[] = [];
    a.executor.on('members', (event) => void members.push(event.members));
    const ending = b.executor.end();
    await kit.cluster.clock.advance('40s');
    await ending;
    expect(members).toEqual([['a']]);
    for (const key of keys) expect(a.executor.isMine(key)).toBe(true);
  });

  it('says what is wrong with its options', () => {
    const kubeClient = kit.cluster.kubeClient();
    const options = { kubeClient, config: { image: 'x' } };
    expect(
      () => new KubernetesExecutor({ ...options, lease: { duration: '2s', holdNames: 'soon', group: '' } }),
    ).toThrow(/lease\.duration.*lease\.holdNames.*lease\.group/s);
    expect(() => new KubernetesExecutor({ ...options, lease: { holdNames: 0 } })).toThrow(/lease\.holdNames.*above 0/);
    const { readPod, listPods, createPod } = kubeClient;
    expect(
      () => new KubernetesExecutor({ ...options, kubeClient: { readPod, listPods, createPod } as never, lease: true }),
    ).toThrow(/kubeClient.*LeaseClient/s);
  });
});
