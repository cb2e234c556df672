import { describe, expect, test } from 'vitest';
import { ClusterResources } from '../../src/capacity/cluster-resources.js';
import { ConfigError, KubeApiError, UnsupportedError } from '../../src/errors.js';
import { FakeCluster } from '../../src/testing/index.js';
import { podRequests } from '../../src/wire/pod-requests.js';
import { parseQuantity } from '../../src/wire/quantity.js';
import type { Container, Node, Pod, PodSpec } from '../../src/wire/types.js';

const GiB = 2 ** 30;

const node = (name: string, allocatable: Record<string, string> = {}, rest: Partial<Node> = {}): Node => ({
  ...rest,
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...rest.metadata?.labels } },
  status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10', ...allocatable }, ...rest.status },
});
const container = (cpu?: string, memory?: string, rest: Partial<Container> = {}): Container => ({
  name: 'base',
  image: 'any',
  resources: { requests: { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) } },
  ...rest,
});
const pod = (spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod => ({
  metadata: { name: 'p', namespace: 'default', ...metadata },
  spec: { containers: [container('1', '1Gi')], ...spec },
});
const on = (name: string, spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod =>
  pod({ ...spec, nodeName: name }, metadata);
const cluster = (nodes: Node[], pods: Pod[] = []) => new ClusterResources({ nodes, pods, quotas: [] });
const requests = (spec: Partial<PodSpec>) => Object.fromEntries(podRequests(pod(spec)));

describe('what a pod takes', () => {
  test('quantities of every form are read', () => {
    const value = (text: unknown) => Number(parseQuantity(text)?.nano ?? -1n) / 1e9;
    expect(['250m', '3920m', '1.5Gi', '1e3', '128974848', '2', '.5', '1E', '12e-1', '+1Ki'].map(value)).toEqual([
      0.25,
      3.92,
      1.5 * GiB,
      1_000,
      128_974_848,
      2,
      0.5,
      1e18,
      1.2,
      1_024,
    ]);
    for (const wrong of ['', 'Gi', '1 Gi', '1gi', '0x10', '1.5.2', 'e3', '1e', null, {}, Number.NaN])
      expect(parseQuantity(wrong)).toBeUndefined();
  });

  test('containers add up, and a limit without a request counts as one', () => {
    const second = { name: 'b', resources: { requests: { cpu: '250m' }, limits: { cpu: '2', memory: '1Gi' } } };
    expect(requests({ containers: [container('1', '1Gi'), second] })).toEqual({
      cpu: 1_250_000_000n,
      memory: BigInt(2 * GiB) * 10n ** 9n,
    });
  });

  test('an init container counts with the sidecars before it, and only where that is more', () => {
    const sidecar = (name: string, cpu: string) => container(cpu, undefined, { name, restartPolicy: 'Always' });
    const init = (cpu: string) => container(cpu, undefined, { name: 'i' });
    const containers = [container('1')];
    expect(requests({ containers, initContainers: [init('900m')] }).cpu).toBe(10n ** 9n);
    expect(requests({ containers, initContainers: [init('3'), sidecar('s', '500m')] }).cpu).toBe(3n * 10n ** 9n);
    expect(requests({ containers, initContainers: [sidecar('s', '500m'), init('3')] }).cpu).toBe(3_500_000_000n);
    expect(requests({ containers, initContainers: [sidecar('s', '1'), sidecar('t', '1')] }).cpu).toBe(3n * 10n ** 9n);
  });

  test('what is set for the pod as a whole goes before its containers, and overhead comes on top', () => {
    const spec = { containers: [container('1')], resources: { requests: { cpu: '3' } }, overhead: { cpu: '100m' } };
    expect(requests(spec).cpu).toBe(3_100_000_000n);
  });

  test('thousandths of a core and whole bytes are rounded up', () => {
    expect(requests({ containers: [container('1500u', '1500m')] })).toEqual({
      cpu: 2_000_000n,
      memory: 2n * 10n ** 9n,
    });
  });
});

describe('what a cluster has', () => {
  test('requests are subtracted from what is allocatable, node by node and in all', () => {
    const pods = [on('a'), on('a', { containers: [container('250m', '512Mi')] }), on('b'), pod()];
    const resources = cluster([node('a', { cpu: '3920m' }), node('b')], pods);
    expect(resources.nodes[0]).toMatchObject({
      name: 'a',
      state: 'ready',
      allocatable: { cpu: 3.92, memory: 8 * GiB, pods: 10 },
      requested: { cpu: 1.25, memory: 1.5 * GiB, pods: 2 },
      available: { cpu: 2.67, memory: 6.5 * GiB, pods: 8 },
    });
    expect(resources.total.available).toEqual({ cpu: 5.67, memory: 13.5 * GiB, pods: 17 });
    expect(resources.waiting).toEqual({ cpu: 1, memory: GiB, pods: 1 });
  });

  test('pods that have ended take nothing', () => {
    const ended = { ...on('a'), status: { phase: 'Succeeded' } };
    expect(cluster([node('a')], [ended]).total.requested).toEqual({ pods: 0 });
  });

  test('nodes that do not take pods stand apart', () => {
    const conditions = [{ type: 'Ready', status: 'Unknown' }];
    const resources = cluster([
      node('ready'),
      node('silent', {}, { status: { conditions } }),
      node('cordoned', {}, { spec: { unschedulable: true } }),
      node('gpu', { 'nvidia.com/gpu': '2' }, { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } }),
      node('soft', {}, { spec: { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] } }),
    ]);
    expect(resources.nodes.map(({ state }) => state)).toEqual(['ready', 'unready', 'cordoned', 'tainted', 'ready']);
    expect(resources.total.allocatable.cpu).toBe(8);
    expect(resources.totalOf('tainted').available['nvidia.com/gpu']).toBe(2);
    expect(resources.totalOf('ready', 'unready', 'cordoned', 'tainted').allocatable.cpu).toBe(20);
  });

  test('is read from a cluster, without pods that have ended', async () => {
    await using fake = await FakeCluster.start({ kubelet: 'scripted', nodes: [{ name: 'n', capacity: { cpu: '2' } }] });
    const client = fake.kubeClient();
    await client.createPod(
      'default',
      pod({}, { name: 'lives', annotations: { 'testing.podwright.dev/duration': '1h' } }),
    );
    await client.createPod('default', pod({ restartPolicy: 'Never' }, { name: 'ended' }));
    await fake.waitFor(({ name, phase }) => name === 'ended' && phase === 'Succeeded');
    await fake.waitFor(({ name, phase }) => name === 'lives' && phase === 'Running');
    const resources = await ClusterResources.read(client);
    expect(resources.total).toMatchObject({ requested: { cpu: 1, pods: 1 }, available: { cpu: 1 } });
    expect(resources.canRun(pod())).toMatchObject({ answer: 'yes', nodes: ['n'] });
    expect((await ClusterResources.read(client, { namespaces: ['other'] })).total.available.cpu).toBe(2);
  });

  test('a missing right is told with what grants it, and quotas may be hidden', async () => {
    await using fake = await FakeCluster.start({ kubelet: 'none', controllers: false });
    const client = fake.kubeClient();
    const allow = fake.forbid({ verb: 'list', resource: 'nodes' });
    const refused = await ClusterResources.read(client).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(KubeApiError);
    expect((refused as KubeApiError).hint).toContain('--features capacity');
    allow();
    fake.forbid({ verb: 'list', resource: 'resourcequotas' });
    expect((await ClusterResources.read(client)).canRun(pod()).unchecked).toContain('quota');
  });

  test('wrong input is refused with its place', async () => {
    const { listPods } = { listPods: async () => ({ items: [], metadata: {} }) };
    await expect(ClusterResources.read({ listPods })).rejects.toBeInstanceOf(UnsupportedError);
    await expect(ClusterResources.read(undefined as never)).rejects.toBeInstanceOf(ConfigError);
    expect(() => new ClusterResources({} as never)).toThrow(ConfigError);
    const odd = pod({ containers: [container('two')] });
    expect(() => cluster([node('a')]).canRun(odd)).toThrow(
      /spec.containers\[0\].resources.requests.cpu must be a quantity/,
    );
    expect(JSON.parse(JSON.stringify(cluster([node('a')])))).toMatchObject({ total: { available: { cpu: 4 } } });
    expect(() => cluster([node('a')]).canRun({} as Pod)).toThrow(/pod must be a pod with containers/);
  });
});

describe('canRun', () => {
  const busy = { containers: [container('3500m')] };

  test('says yes with the nodes, later where pods must end first, never where none is large enough', () => {
    const resources = cluster([node('a'), node('b')], [on('a', busy)]);
    expect(resources.canRun(pod())).toMatchObject({ answer: 'yes', nodes: ['b'], obstacles: { 'lack cpu': 1 } });
    const full = cluster([node('a')], [on('a', busy)]);
    expect(full.canRun(pod())).toMatchObject({ answer: 'later', nodes: [] });
    expect(full.canRun(pod()).reason).toBe('none of 1 nodes: 1 lack cpu (it asks for cpu 1, memory 1Gi)');
    expect(full.canRun(pod({ containers: [container('5')] })).answer).toBe('never');
    expect(full.canRun(pod({ containers: [container(undefined, undefined)] })).answer).toBe('yes');
  });

  test('counts pods and extended resources', () => {
    const tiny = cluster([node('a', { pods: '1' })], [on('a', { containers: [container()] })]);
    expect(tiny.canRun(pod())).toMatchObject({ answer: 'later', obstacles: { 'lack pods': 1 } });
    const gpu = { name: 'base', resources: { limits: { 'nvidia.com/gpu': '1' } } };
    expect(tiny.canRun(pod({ containers: [gpu] })).answer).toBe('never');
  });

  test('a cordoned or silent node is worth waiting for, an untolerated taint is not', () => {
    const cordoned = node('a', {}, { spec: { unschedulable: true } });
    expect(cluster([cordoned]).canRun(pod())).toMatchObject({ answer: 'later', obstacles: { 'are cordoned': 1 } });
    const taints = [{ key: 'gpu', effect: 'NoSchedule' }];
    const behind = node('a', {}, { spec: { unschedulable: true, taints } });
    expect(cluster([behind]).canRun(pod()).answer).toBe('never');
    expect(cluster([node('a', {}, { spec: { taints } })]).canRun(pod()).answer).toBe('never');
    const tolerations = [{ key: 'gpu', operator: 'Exists' }];
    expect(cluster([node('a', {}, { spec: { taints } })]).canRun(pod({ tolerations })).answer).toBe('yes');
  });

  test('host ports, anti-affinity of both sides, affinity and spreading hold a pod up', () => {
    const ports = [{ containerPort: 80, hostPort: 80 }];
    const withPort = { containers: [container('1', '1Gi', { ports })] };
    expect(cluster([node('a')], [on('a', withPort)]).canRun(pod(withPort)).answer).toBe('later');
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } };
    const required = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
    const [apart, near] = [{ affinity: { podAntiAffinity: required } }, { affinity: { podAffinity: required } }];
    const labels = { app: 'x' };
    expect(cluster([node('a')], [on('a', {}, { labels })]).canRun(pod(apart)).answer).toBe('later');
    expect(cluster([node('a')], [on('a', apart)]).canRun(pod({}, { labels })).answer).toBe('later');
    expect(cluster([node('a')], [on('a', apart, { namespace: 'b' })]).canRun(pod({}, { labels })).answer).toBe('yes');
    expect(cluster([node('a')]).canRun(pod(near)).answer).toBe('later');
    expect(cluster([node('a')]).canRun(pod(near, { labels })).answer).toBe('yes');
    const spread = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' };
    const topologySpreadConstraints = [{ ...spread, labelSelector: { matchLabels: labels } }];
    const resources = cluster([node('a'), node('b')], [on('a', {}, { labels })]);
    expect(resources.canRun(pod({ topologySpreadConstraints }, { labels })).nodes).toEqual(['b']);
  });

  test('a cordoned node counts in a spread that honours taints, until the taint stands there', () => {
    const spread = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' };
    const labels = { app: 'x' };
    const topologySpreadConstraints = [
      { ...spread, labelSelector: { matchLabels: labels }, nodeTaintsPolicy: 'Honor' },
    ];
    const wanted = pod({ topologySpreadConstraints }, { labels });
    const taints = [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }];
    const answer = (spec: NonNullable<Node['spec']>) =>
      cluster([node('a'), node('b', {}, { spec })], [on('a', {}, { labels })]).canRun(wanted).answer;
    expect(answer({ unschedulable: true })).toBe('later');
    expect(answer({ unschedulable: true, taints })).toBe('yes');
  });

  test('a quota holds a pod up, or rules it out', () => {
    const quota = (hard: string, used: string) => ({
      metadata: { name: 'q', namespace: 'default' },
      status: { hard: { 'requests.cpu': hard, 'limits.memory': '1Gi' }, used: { 'requests.cpu': used } },
    });
    const canRun = (hard: string, used: string) =>
      new ClusterResources({ nodes: [node('a')], pods: [], quotas: [quota(hard, used)] }).canRun(pod());
    expect(canRun('2', '1').answer).toBe('yes');
    expect(canRun('2', '1500m')).toMatchObject({
      answer: 'later',
      reason: 'quota q has 2 of requests.cpu, 1500m are used and the pod counts for 1',
    });
    expect(canRun('500m', '0').answer).toBe('never');
  });

  test('says what it has not looked at', () => {
    const spec = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }], schedulerName: 'mine' };
    expect(cluster([node('a')]).canRun(pod(spec)).unchecked).toEqual(['volumes', 'scheduler']);
    expect(cluster([node('a')]).canRun(pod({ schedulingGates: [{ name: 'kueue' }] })).answer).toBe('later');
    expect(cluster([]).canRun(pod()).answer).toBe('never');
  });
});
