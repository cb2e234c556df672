import { describe, expect, it } from 'vitest';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';
import type { Pod } from '../../src/wire/types.js';
import { call, HANG, PODS, pod } from './call.js';
import { SCHEDULING_CASES, type SchedulingCase } from './scheduling-cases.js';

const unscheduled = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === 'PodScheduled');

describe('the scheduler', () => {
  const verdict = async (given: SchedulingCase, cluster: FakeCluster<VirtualClock>) => {
    const transport = cluster.transport();
    const post = async (path: string, body: object) =>
      expect((await call(transport, 'POST', path, body)).status, path).toBe(201);
    for (const [name, labels] of Object.entries(given.namespaces ?? {}))
      await post('/api/v1/namespaces', { metadata: { name, labels } });
    if (given.patient !== undefined) {
      const patient = { metadata: { name: given.patient }, value: 0, preemptionPolicy: 'Never' };
      await post('/apis/scheduling.k8s.io/v1/priorityclasses', patient);
    }
    for (const [index, before] of (given.pods ?? []).entries()) {
      const { node: nodeName, labels = {}, namespace = 'default', spec = {}, isDeleting = false } = before;
      const body = pod(`before-${index}`, { ...spec, nodeName }, { ...HANG, 'testing.podwright.dev/stop-delay': '1h' });
      const path = `/api/v1/namespaces/${namespace}/pods`;
      await post(path, { ...body, metadata: { ...body.metadata, labels } });
      if (!isDeleting) continue;
      // What has not started yet would be gone at once.
      await cluster.clock.settle();
      await call(transport, 'DELETE', `${path}/before-${index}`, { gracePeriodSeconds: 1000 });
    }
    await cluster.clock.settle();
    const body = pod('a', given.spec, HANG);
    await post(PODS, { ...body, metadata: { ...body.metadata, labels: given.labels ?? {} } });
    await cluster.clock.advance('1s');
    const found: Pod = (await call(transport, 'GET', `${PODS}/a`)).json;
    const node = found.spec?.nodeName;
    return node === undefined ? { message: unscheduled(found)?.message ?? '' } : { node };
  };

  for (const given of SCHEDULING_CASES)
    it(`knows ${given.name}`, async () => {
      const nodes = Object.entries(given.nodes).map(([name, { labels, capacity, taints }]) => ({
        name,
        labels,
        capacity,
        taints,
      }));
      const cluster = await FakeCluster.start({ seed: 1, clock: 'virtual', nodes });
      try {
        for (const [name, { unschedulable }] of Object.entries(given.nodes)) {
          if (unschedulable !== true) continue;
          const patch = { spec: { unschedulable } };
          await call(cluster.transport(), 'PATCH', `/api/v1/nodes/${name}`, patch, 'application/merge-patch+json');
        }
        await cluster.clock.settle();
        expect(await verdict(given, cluster)).toEqual(given.expected);
      } finally {
        await cluster.stop();
      }
    });

  it('binds a pod whose gates are taken away, and not before', async () => {
    await using cluster = await FakeCluster.start({ seed: 1, clock: 'virtual' });
    const transport = cluster.transport();
    await call(transport, 'POST', PODS, pod('a', { schedulingGates: [{ name: 'example.org/wait' }] }, HANG));
    await cluster.clock.advance('1m');
    const held: Pod = (await call(transport, 'GET', `${PODS}/a`)).json;
    expect(held.spec?.nodeName).toBeUndefined();
    expect(unscheduled(held)).toMatchObject({ status: 'False', reason: 'SchedulingGated' });
    const patch = { spec: { schedulingGates: null } };
    expect((await call(transport, 'PATCH', `${PODS}/a`, patch, 'application/merge-patch+json')).status).toBe(200);
    await cluster.clock.advance('1s');
    const bound: Pod = (await call(transport, 'GET', `${PODS}/a`)).json;
    expect(bound.spec?.nodeName).toBe('node-1');
    expect(unscheduled(bound)).toMatchObject({ status: 'True' });
    expect(unscheduled(bound)?.reason).toBeUndefined();
  });

  it('binds a pod at once when one that kept it away, or took its room, has ended', async () => {
    const labels = { app: 'web' };
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } };
    const apart = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
    const big = { containers: [{ name: 'base', image: 'x', resources: { requests: { cpu: '1' } } }] };
    for (const spec of [apart, big]) {
      await using cluster = await FakeCluster.start({ seed: 1, clock: 'virtual', nodes: [{ capacity: { cpu: '1' } }] });
      for (const name of ['a', 'b']) {
        const body = pod(name, spec, { 'testing.podwright.dev/duration': '11s' });
        await call(cluster.transport(), 'POST', PODS, { ...body, metadata: { ...body.metadata, labels } });
      }
      await cluster.clock.advance('10s');
      const phases = () => cluster.pods().map(({ status }) => status?.phase);
      expect(phases()).toEqual(['Running', 'Pending']);
      // Before the next of the retries, which come every five seconds.
      await cluster.clock.advance('1500ms');
      expect(phases()).toEqual(['Succeeded', 'Running']);
    }
  });
});
