/** The nodes that the kubelet plays. */
import type { Node } from '../../wire/types.js';

/** A taint of a node. */
export interface NodeTaint {
  /** Key. */
  readonly key: string;
  /** Value. */
  readonly value?: string;
  /** `NoSchedule`, `PreferNoSchedule` or `NoExecute`. */
  readonly effect: string;
}

/** A node that the kubelet plays. */
export interface NodeOptions {
  /** @default 'node-1', 'node-2', … */
  readonly name?: string | undefined;
  /** Labels besides the usual ones. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Taints that pods must tolerate. */
  readonly taints?: readonly NodeTaint[] | undefined;
  /** @default cpu 64, memory 256Gi, ephemeral-storage 1Ti, pods 1000 */
  readonly capacity?: Readonly<Record<string, string>> | undefined;
}

const CAPACITY = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '1000' };
/** The Node object of a node at its registration. */
export function nodeObject({ name = '', labels, taints, capacity }: NodeOptions, now: string): Node {
  const resources = { ...CAPACITY, ...capacity };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', ...labels },
    },
    spec: taints === undefined ? {} : { taints: [...taints] },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'kubelet is posting ready status',
          lastHeartbeatTime: now,
          lastTransitionTime: now,
        },
      ],
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      nodeInfo: {
        kubeletVersion: 'v1.36.3',
        operatingSystem: 'linux',
        architecture: 'amd64',
        bootID: '',
        containerRuntimeVersion: 'podwright://1',
        kernelVersion: '',
        kubeProxyVersion: '',
        machineID: '',
        osImage: '',
        systemUUID: '',
      },
    },
  };
}
