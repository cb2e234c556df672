/** What a namespace's quotas leave for one more pod. */
import { amountsOf, podRequests } from '../wire/pod-requests.js';
import type { Pod, ResourceQuota, ResourceRequirements } from '../wire/types.js';
import { ONE, showAmount } from './amounts.js';

/** Why a quota holds a pod up. */
export interface QuotaObstacle {
  readonly reason: string;
  /** Whether the pod alone is above the quota. */
  readonly isLasting: boolean;
}

/** What a pod counts for under each name of a quota. */
function usageOf(pod: Pod): Map<string, bigint> {
  const usage = new Map<string, bigint>([
    ['pods', ONE],
    ['count/pods', ONE],
  ]);
  for (const [name, nano] of podRequests(pod)) {
    usage.set(`requests.${name}`, nano);
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage') usage.set(name, nano);
  }
  const limitsOnly = (resources: ResourceRequirements | undefined): ResourceRequirements | undefined =>
    resources?.limits === undefined ? undefined : { requests: resources.limits };
  const asLimits = (containers: NonNullable<Pod['spec']>['containers'] | undefined) =>
    containers?.map(({ resources: _, ...container }) => {
      const resources = limitsOnly(_);
      return { ...container, ...(resources === undefined ? {} : { resources }) };
    });
  const initContainers = asLimits(pod.spec?.initContainers);
  const limits = podRequests({
    spec: {
      containers: asLimits(pod.spec?.containers) ?? [],
      ...(initContainers === undefined ? {} : { initContainers }),
    },
  });
  for (const [name, nano] of limits) usage.set(`limits.${name}`, nano);
  return usage;
}

/** Quotas that cover only some pods are left to the server. */
export const isScoped = ({ spec }: ResourceQuota): boolean =>
  spec?.scopes !== undefined || spec?.scopeSelector !== undefined;

/** The first quota that holds a pod up. */
export function quotaObstacle(pod: Pod, quotas: readonly ResourceQuota[]): QuotaObstacle | undefined {
  const usage = usageOf(pod);
  let full: QuotaObstacle | undefined;
  for (const quota of quotas) {
    if (isScoped(quota)) continue;
    const hard = amountsOf(quota.status?.hard ?? quota.spec?.hard);
    const used = amountsOf(quota.status?.used);
    for (const [name, limit] of hard) {
      const wanted = usage.get(name);
      if (wanted === undefined || wanted === 0n) continue;
      const resource = name.replace(/^(?:requests|limits)\./, '');
      const show = (nano: bigint) => showAmount(resource, nano);
      const what = `quota ${quota.metadata?.name} has ${show(limit)} of ${name}`;
      if (wanted > limit) return { reason: `${what}, the pod alone counts for ${show(wanted)}`, isLasting: true };
      const taken = used.get(name) ?? 0n;
      if (taken + wanted > limit)
        full ??= {
          reason: `${what}, ${show(taken)} are used and the pod counts for ${show(wanted)}`,
          isLasting: false,
        };
    }
  }
  return full;
}
