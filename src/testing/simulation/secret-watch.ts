/** Whether pods have the Secrets that they refer to for as long as they need them. */
import type { Pod, Secret } from '../../wire/types.js';
import type { SimulatedDatabase } from './database.js';
import { isLive, podIdOf, taskIdOf } from './invariants.js';

/** Names of the Secrets that variables of a pod come from. */
function namesIn({ spec }: Pod): Set<string> {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const references = containers.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom?.secretKeyRef));
  return new Set(
    references.flatMap((reference) => {
      const { name } = (reference ?? {}) as { readonly name?: string };
      return name === undefined ? [] : [name];
    }),
  );
}

/** Whether any of the pods refers to a Secret. */
export const referToSecrets = (pods: readonly Pod[]): boolean => pods.some((pod) => namesIn(pod).size > 0);

/**
 * Adds a fault for each of some pods that is to run and lacks a Secret. What belongs to pods that are no more counts as gone: this cluster has no garbage
 * collector, a real one takes it away at any moment.
 */
export function checkSecrets(
  some: readonly Pod[],
  pods: readonly Pod[],
  secrets: readonly Secret[],
  { faults, outcomes, tasks }: SimulatedDatabase,
): void {
  const uids = new Set(pods.map(({ metadata }) => metadata?.uid));
  const isThere = ({ metadata: { ownerReferences = [] } = {} }: Secret) =>
    ownerReferences.length === 0 || ownerReferences.some(({ uid }) => uids.has(uid));
  const there = new Set(secrets.filter(isThere).map(podIdOf));
  for (const pod of some) {
    const { namespace, name, deletionTimestamp } = pod.metadata ?? {};
    const id = taskIdOf(pod);
    const task = tasks.get(id);
    // Who was handed a task anew may still clean up after its launch of before.
    const isSettled = task === undefined || outcomes.has(id);
    const isWanted = !isSettled && !task.isCancelled && !task.isRevoked;
    if (!isWanted || deletionTimestamp !== undefined || !isLive(pod)) continue;
    for (const secret of namesIn(pod))
      if (!there.has(`${namespace}/${secret}`)) faults.push(`${name} lacks the Secret ${secret}`);
  }
}
