/** Random nodes and pods that use every rule of scheduling that the capacity knows. */
import type { Random } from '../../src/core/random.js';
import type { Container, Node, Pod, PodSpec } from '../../src/wire/types.js';

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
const chance = (random: Random, share: number) => random.next() < share;
const ZONES = ['a', 'b', 'c', 'd'];
const GPU = 'example.com/gpu';

/** A node, which may be cordoned, unready or tainted. */
export function randomNode(random: Random, name: string): Node {
  const taints: { key: string; value?: string; effect: string }[] = [];
  const isUnready = chance(random, 0.05);
  if (isUnready) taints.push({ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' });
  if (chance(random, 0.25))
    taints.push({
      key: 'dedicated',
      value: pick(random, ['batch', 'web']),
      effect: pick(random, ['NoSchedule', 'NoExecute', 'PreferNoSchedule']),
    });
  if (chance(random, 0.1)) taints.push({ key: 'spot', effect: 'NoSchedule' });
  const allocatable = {
    cpu: pick(random, ['1', '1930m', '3920m', '4', '7910m']),
    memory: pick(random, ['1900Mi', '3.5Gi', '8e9', '7634188Ki', '16Gi']),
    'ephemeral-storage': pick(random, ['10Gi', '47093746742', '100G']),
    pods: pick(random, ['1', '2', '3', '110']),
    ...(chance(random, 0.1) ? { [GPU]: pick(random, ['1', '2']) } : {}),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        ...(chance(random, 0.9) ? { zone: pick(random, ZONES) } : {}),
        disk: pick(random, ['ssd', 'hdd']),
        cores: pick(random, ['4', '8', '16', 'many']),
      },
    },
    spec: { ...(chance(random, 0.08) ? { unschedulable: true } : {}), ...(taints.length === 0 ? {} : { taints }) },
    status: {
      capacity: allocatable,
      allocatable,
      conditions: [{ type: 'Ready', status: isUnready ? 'False' : 'True' }],
    },
  };
}

function amounts(random: Random, isSmall: boolean): Record<string, string> {
  const cpu = isSmall ? ['50m', '0.1', '250m'] : ['250m', '500m', '1', '1.5', '2', '3500m', '6', '8'];
  const memory = isSmall ? ['64Mi', '1e8'] : ['128Mi', '0.5Gi', '1G', '3e9', '6Gi', '12Gi', '20Gi'];
  return {
    ...(chance(random, 0.8) ? { cpu: pick(random, cpu) } : {}),
    ...(chance(random, 0.8) ? { memory: pick(random, memory) } : {}),
    ...(chance(random, 0.15) ? { 'ephemeral-storage': pick(random, ['1Gi', '20Gi', '60G']) } : {}),
  };
}

function container(random: Random, name: string, isSmall: boolean): Container {
  const requests = amounts(random, isSmall);
  // A limit alone becomes the request.
  const resources = chance(random, 0.2) ? { limits: requests } : { requests };
  const gpu = !isSmall && chance(random, 0.06) ? { limits: { ...resources.limits, [GPU]: '1' } } : {};
  const ports = chance(random, 0.12)
    ? { ports: [{ containerPort: 80, hostPort: pick(random, [8_080, 8_081]), protocol: pick(random, ['TCP', 'UDP']) }] }
    : {};
  return { name, image: 'any', resources: { ...resources, ...gpu }, ...(isSmall ? {} : ports) };
}

function affinity(random: Random): PodSpec['affinity'] {
  const apps = { matchLabels: { app: pick(random, ['x', 'y']) } };
  const term = { labelSelector: apps, topologyKey: pick(random, ['kubernetes.io/hostname', 'zone']) };
  const between = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
  const node = pick(random, [
    { key: 'zone', operator: 'In', values: ['a', 'b'] },
    { key: 'zone', operator: 'NotIn', values: ['a', 'b'] },
    { key: 'zone', operator: 'DoesNotExist' },
    { key: 'cores', operator: 'Gt', values: ['4'] },
    { key: 'cores', operator: 'Lt', values: ['4'] },
    { key: 'zone', operator: 'In', values: ['nowhere'] },
  ]);
  return pick(random, [
    { podAntiAffinity: between },
    { podAffinity: between },
    {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [node] }] },
      },
    },
  ]);
}

/** A pod, which may ask for anything. */
export function randomPod(
  random: Random,
  { name, namespace, schedulerName }: { name: string; namespace: string; schedulerName: string },
): Pod {
  // Requests for the whole pod must not be below those of its containers.
  const isWhole = chance(random, 0.08);
  const containers = [container(random, 'base', isWhole)];
  if (chance(random, 0.3)) containers.push(container(random, 'beside', true));
  const initContainers: Container[] = [];
  if (chance(random, 0.2)) initContainers.push({ ...container(random, 'sidecar', true), restartPolicy: 'Always' });
  if (chance(random, 0.3)) initContainers.push(container(random, 'init', isWhole));
  if (chance(random, 0.1)) initContainers.push({ ...container(random, 'late', true), restartPolicy: 'Always' });
  const tolerations = pick(random, [
    [],
    [],
    [{ key: 'dedicated', operator: 'Equal', value: 'batch', effect: 'NoSchedule' }],
    [{ key: 'dedicated', operator: 'Exists' }],
    [{ operator: 'Exists' }],
    [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }],
  ]);
  const spread = {
    maxSkew: pick(random, [1, 2]),
    topologyKey: 'zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app: pick(random, ['x', 'y']) } },
    ...(chance(random, 0.3) ? { minDomains: pick(random, [4, 6]) } : {}),
    ...(chance(random, 0.3) ? { nodeTaintsPolicy: 'Honor' } : {}),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: pick(random, ['x', 'y', 'z']) } },
    spec: {
      schedulerName,
      containers,
      ...(initContainers.length > 0 ? { initContainers } : {}),
      ...(tolerations.length > 0 ? { tolerations } : {}),
      ...(chance(random, 0.2) ? { nodeSelector: { disk: pick(random, ['ssd', 'hdd', 'hdd', 'tape']) } } : {}),
      ...(chance(random, 0.3) ? { affinity: affinity(random) } : {}),
      ...(chance(random, 0.15) ? { topologySpreadConstraints: [spread] } : {}),
      ...(isWhole ? { resources: { requests: { cpu: '2500m', memory: '2Gi' } } } : {}),
    } as PodSpec,
  };
}
