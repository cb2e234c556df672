/** How well pods use what they have reserved, from metrics-server where it is there. */
import { KubeApiError } from '../errors.js';
import { eachPod } from '../kube/each-pod.js';
import type { KubeClient, ListScope, PodReader, PodUsage } from '../kube/kube-client.js';
import { type Amounts, addAmounts, amountsOf, podRequests } from '../wire/pod-requests.js';
import { podUtilization } from './formulas.js';

/** One pod. */
export interface PodUtilization {
  /** As `namespace/name`. */
  readonly pod: string;
  /** What it has reserved: cores, bytes. */
  readonly requested: Readonly<Record<string, number>>;
  /** What it uses; `undefined` where nobody tells. */
  readonly used: Readonly<Record<string, number>> | undefined;
  /** Used by requested; `undefined` where its use is not known. */
  readonly utilization: Readonly<Record<string, number>> | undefined;
}

/** Pods and their sum. */
export interface Utilization {
  /** Whether metrics-server is there; without it only requests are told. */
  readonly isMeasured: boolean;
  /** Running pods. */
  readonly pods: readonly PodUtilization[];
  /** What the pods whose use is known have reserved together. */
  readonly requested: Readonly<Record<string, number>>;
  /** What they use together. */
  readonly used: Readonly<Record<string, number>>;
  /** Used by requested; empty where nothing is measured. */
  readonly utilization: Readonly<Record<string, number>>;
}

/** Options of {@link readUtilization}. */
export interface ReadUtilizationOptions extends Pick<ListScope, 'namespace' | 'labelSelector'> {
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

const numbers = (amounts: Amounts): Record<string, number> =>
  Object.fromEntries([...amounts].map(([name, nano]) => [name, Number(nano) / 1e9]));

/** What pods use, by `namespace/name`; `undefined` without metrics-server. */
async function usageOf(
  client: Pick<KubeClient, 'listPodUsage'>,
  scope: ReadUtilizationOptions,
): Promise<Map<string, Amounts> | undefined> {
  if (client.listPodUsage === undefined) return undefined;
  const usage = new Map<string, Amounts>();
  try {
    const { items } = await client.listPodUsage({ ...scope });
    for (const { metadata, containers = [] } of items as readonly PodUsage[])
      usage.set(
        `${metadata?.namespace}/${metadata?.name}`,
        containers.reduce((sum, container) => addAmounts(sum, amountsOf(container.usage)), new Map()),
      );
  } catch (error) {
    // 404: nobody has registered the API; 503: who has does not answer; 403: not for us.
    if (error instanceof KubeApiError && [403, 404, 503].includes(error.status)) return undefined;
    throw error;
  }
  return usage;
}

/**
 * What running pods have reserved, and what they use of it.
 * @throws KubeApiError where pods cannot be listed.
 */
export async function readUtilization(
  client: Pick<PodReader, 'listPods'> & Pick<KubeClient, 'listPodUsage'>,
  options: ReadUtilizationOptions = {},
): Promise<Utilization> {
  const usage = await usageOf(client, options);
  const pods: PodUtilization[] = [];
  const requestedInAll: Amounts = new Map();
  const usedInAll: Amounts = new Map();
  const scope = { ...options, fieldSelector: 'status.phase=Running', omitManagedFields: true };
  for await (const pod of eachPod(client, scope)) {
    const id = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
    const requests = podRequests(pod);
    const uses = usage?.get(id);
    const requested = numbers(requests);
    if (uses === undefined) {
      pods.push({ pod: id, requested, used: undefined, utilization: undefined });
      continue;
    }
    const used = numbers(uses);
    addAmounts(requestedInAll, requests);
    addAmounts(usedInAll, uses);
    pods.push({ pod: id, requested, used, utilization: podUtilization(used, requested) });
  }
  const [requested, used] = [numbers(requestedInAll), numbers(usedInAll)];
  return { isMeasured: usage !== undefined, pods, requested, used, utilization: podUtilization(used, requested) };
}
