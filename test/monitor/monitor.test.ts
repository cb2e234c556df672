import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, UnsupportedError } from '../../src/errors.js';
import { cleanupCompletedPods } from '../../src/monitor/cleanup.js';
import { chooseCleanup } from '../../src/monitor/cleanup-rules.js';
import type { PodMetrics } from '../../src/monitor/pod-metrics.js';
import { PodMonitor } from '../../src/monitor/pod-monitor.js';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import type { Pod, PodStatus } from '../../src/wire/types.js';
import { call, PODS } from '../testing/call.js';

const HOUR = 3_600_000;
let cluster: FakeCluster<VirtualClock>;
beforeEach(async () => {
  cluster = await FakeCluster.start({ seed: 1, kubelet: 'none', clock: 'virtual' });
});
afterEach(() => cluster.stop());

const at = (hoursAgo: number) => new Date(cluster.clock.now() - hoursAgo * HOUR).toISOString().replace('.000', '');

async function settled<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  await cluster.clock.advanceUntil(() => isOver);
  return work;
}

/** A pod with a status, as if a kubelet had run it. */
async function put(name: string, status: PodStatus, labels: Record<string, string> = {}, annotations = {}) {
  const transport = cluster.transport();
  const spec = { containers: [{ name: 'base', image: 'any' }], nodeName: 'n' };
  await call(transport, 'POST', PODS, { metadata: { name, labels, annotations }, spec });
  await call(transport, 'PATCH', `${PODS}/${name}/status`, { status }, 'application/merge-patch+json');
}
const ended = (hoursAgo: number, phase = 'Succeeded'): PodStatus => ({
  phase,
  containerStatuses: [
    { name: 'base', state: { terminated: { exitCode: phase === 'Failed' ? 1 : 0, finishedAt: at(hoursAgo) } } },
  ],
});
const client = () => cluster.kubeClient();
const clean = (options: Parameters<typeof cleanupCompletedPods>[1] = {}) =>
  settled(cleanupCompletedPods(client(), { clock: cluster.clock, ...options }));
const names = () => cluster.pods().map(({ metadata }) => metadata?.name);

describe('which pods go', () => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  const ages = { completedMs: 10 * HOUR, evictedMs: HOUR, pendingMs: undefined, undeliveredMs: undefined };
  const choose = (pod: Pod, more: Partial<typeof ages> | object = {}) => {
    const choice = chooseCleanup(pod, { ...ages, ...more }, now);
    return `${choice.take ? 'take' : 'keep'} ${choice.reason}`;
  };
  const done = (finishedAt: string, metadata: Pod['metadata'] = {}): Pod => ({
    metadata,
    status: { phase: 'Failed', containerStatuses: [{ name: 'a', state: { terminated: { exitCode: 1, finishedAt } } }] },
  });

  test('by the end of the last container, not by creation', () => {
    const old = { creationTimestamp: '2025-12-01T00:00:00Z' };
    expect(choose(done('2026-01-01T13:00:00Z', old))).toBe('take completed');
    expect(choose(done('2026-01-01T15:00:00Z', old))).toBe('keep young');
    expect(choose(done('1970-01-01T00:00:00Z', old))).toBe('take completed');
    expect(choose({ status: { phase: 'Failed' } })).toBe('keep young');
  });

  test('an evicted pod has its own age, and a pending one goes only where that was asked for', () => {
    const conditions = [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: '2026-01-01T22:00:00Z' }];
    expect(choose({ status: { phase: 'Failed', reason: 'Evicted', conditions } })).toBe('take evicted');
    const pending = { metadata: { creationTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Pending' } };
    expect(choose(pending)).toBe('keep running');
    expect(choose(pending, { pendingMs: HOUR })).toBe('take pending');
    expect(choose({ status: { phase: 'Running' } }, { pendingMs: 0 })).toBe('keep running');
  });

  test('what an executor still needs stays, and what somebody holds', () => {
    const own = { 'app.kubernetes.io/managed-by': 'podwright' };
    const long = '2025-12-01T00:00:00Z';
    expect(choose(done(long, { labels: own }))).toBe('keep undelivered');
    expect(choose(done(long, { labels: { ...own, 'podwright.dev/done': 'true' } }))).toBe('take completed');
    expect(choose(done(long, { labels: own }), { undeliveredMs: HOUR })).toBe('take completed');
    expect(choose(done(long, { finalizers: ['podwright.dev/outcome'] }))).toBe('keep undelivered');
    expect(choose(done(long, { labels: { 'podwright.dev/keep': 'true' } }))).toBe('keep held');
    expect(choose(done(long, { deletionTimestamp: long }))).toBe('keep terminating');
  });
});

describe('cleanupCompletedPods', () => {
  test('deletes what is old and reports what it kept', async () => {
    await put('old', ended(25));
    await put('young', ended(23));
    await put('running', { phase: 'Running' });
    const dry = await clean({ dryRun: true });
    expect(dry).toMatchObject({ examined: 3, deleted: 0, pods: [{ pod: 'default/old', reason: 'completed' }] });
    expect(dry.pods[0]?.ageMs).toBeCloseTo(25 * HOUR, -4);
    expect(await clean()).toMatchObject({ deleted: 1, failures: [], kept: { young: 1, running: 1 } });
    expect(names()).toEqual(['running', 'young']);
  });

  test('the host’s clock does not count', async () => {
    await put('young', ended(1));
    const clock = {
      now: () => cluster.clock.now() + 100 * HOUR,
      monotonic: () => cluster.clock.monotonic(),
      schedule: cluster.clock.schedule.bind(cluster.clock),
      delay: cluster.clock.delay.bind(cluster.clock),
    };
    // A client on the wrong clock knows the offset, which takes it out again.
    const { HttpKubeClient } = await import('../../src/kube/http-kube-client.js');
    const skewed = new HttpKubeClient({ transport: cluster.transport(), clock });
    expect(await settled(cleanupCompletedPods(skewed, { clock }))).toMatchObject({ deleted: 0, kept: { young: 1 } });
  });

  test('5,000 pods with half of the calls failing are all deleted, by pages and within the bounds', async () => {
    await Promise.all(
      Array.from({ length: 5_000 }, (_, index) => put(`p${index}`, ended(48, index % 2 ? 'Failed' : 'Succeeded'))),
    );
    cluster.faults.add({ verb: 'delete', status: 500, share: 0.5 });
    cluster.faults.add({ verb: 'list', status: 503, share: 0.5 });
    const progress: number[] = [];
    const report = await clean({ onProgress: ({ examined }) => progress.push(examined) });
    expect(report).toMatchObject({ examined: 5_000, deleted: 5_000, failed: 0, failures: [] });
    expect(cluster.pods()).toEqual([]);
    expect(progress).toEqual(Array.from({ length: 10 }, (_, index) => 500 * (index + 1)));
  });

  test('goes on after errors that stay, and names them', async () => {
    for (const name of ['a', 'b', 'c']) await put(name, ended(48));
    cluster.faults.add({ verb: 'delete', name: 'b', status: 500, message: 'no luck' });
    cluster.forbid({ verb: 'list', resource: 'pods', namespace: 'secret' } as never);
    const report = await clean({ namespaces: ['default'] });
    expect(report).toMatchObject({ deleted: 2, failed: 1, failures: [{ subject: 'default/b' }] });
    expect(report.failures[0]?.message).toContain('no luck');
    cluster.faults.add({ verb: 'list', status: 403, times: 1 });
    const next = await clean({ namespaces: ['one', 'default'] });
    expect(next.failures.map(({ subject }) => subject)).toEqual(['one', 'default/b']);
  });

  test('a list that the server has forgotten is begun anew', async () => {
    await Promise.all(Array.from({ length: 600 }, (_, index) => put(`p${index}`, ended(48))));
    cluster.faults.add({ verb: 'list', status: 410, times: 1 });
    expect(await clean()).toMatchObject({ examined: 600, deleted: 600, failures: [] });
  });

  test('wrong input is named', async () => {
    const wrong = { namespaces: [], completedAge: 'old', pendingAge: '-1h', concurrency: 0, phases: ['Running'] };
    const error = await cleanupCompletedPods(client(), wrong as never).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    const fields = (error as ConfigError).problems.map(({ field }) => field);
    expect(fields).toEqual(['namespaces', 'concurrency', 'phases', 'completedAge', 'evictedAge', 'pendingAge']);
    await put('a', ended(48));
    const timeless = client();
    const { listPods, deletePod } = timeless;
    const blind = { listPods: listPods.bind(timeless), deletePod: deletePod.bind(timeless) };
    await expect(cleanupCompletedPods(blind)).rejects.toBeInstanceOf(UnsupportedError);
  });
});

describe('PodMonitor', () => {
  const worker = { component: 'worker' };
  const monitor = () =>
    new PodMonitor({ kubeClient: client(), clock: cluster.clock, labelSelector: 'component=worker' });

  test('lists, tells the state of one, and counts', async () => {
    await put('a', { phase: 'Running' }, worker, { 'podwright.dev/queue': 'gpu' });
    await put('b', ended(30), worker);
    await put('c', { phase: 'Weird' }, worker);
    await put('d', ended(30));
    expect((await monitor().listWorkerPods()).map(({ metadata }) => metadata?.name)).toEqual(['a', 'b', 'c']);
    expect(await monitor().getPodStatus('a')).toMatchObject({ name: 'a', status: 'Running', nodeName: 'n' });
    expect(await monitor().getPodStatus('nobody')).toBeUndefined();
    const metrics = await monitor().getPodMetrics();
    expect(metrics).toMatchObject({ total: 3, running: 1, pending: 0, succeeded: 1, failed: 0, unknown: 1 });
    expect(metrics.byQueue).toMatchObject({ gpu: { total: 1, running: 1 }, '': { total: 2 } });
    expect(metrics.byNamespace.default?.total).toBe(3);
    expect(metrics.ages.oldestEndedMs).toBeCloseTo(30 * HOUR, -4);
    const cleaned = await settled(monitor().cleanupOldPods({ maxAge: '12h' }));
    expect(cleaned).toMatchObject({ deleted: 1 });
    expect(names()).toEqual(['a', 'c', 'd']);
  });

  test('gives metrics as a stream, not more often than asked, and ends its watch', async () => {
    const seen: PodMetrics[] = [];
    const abort = new AbortController();
    const reading = (async () => {
      for await (const metrics of monitor().watch({ signal: abort.signal, interval: '10s' })) seen.push(metrics);
    })();
    await cluster.clock.settle();
    for (const name of ['a', 'b', 'c']) await put(name, { phase: 'Running' }, worker);
    await cluster.clock.advance('30s');
    expect(seen.map(({ running }) => running)).toEqual([0, 3]);
    await call(cluster.transport(), 'DELETE', `${PODS}/a`, { gracePeriodSeconds: 0 });
    await cluster.clock.advance('30s');
    expect(seen.at(-1)?.running).toBe(2);
    abort.abort();
    await settled(reading);
    expect(cluster.openWatches).toBe(0);
  });

  test('wrong input is named', async () => {
    expect(() => new PodMonitor({} as never)).toThrow(/kubeClient must be a KubeClient/);
    await expect(monitor().getPodStatus('')).rejects.toBeInstanceOf(ConfigError);
  });
});
