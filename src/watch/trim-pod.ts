/** Drops what nobody reads from a pod as it arrives: managed fields alone are a third of it. */
import type { Pod } from '../wire/types.js';

/** kubectl's copy of the whole manifest. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Trims a pod in place, and returns it. */
export function trimPod(pod: Pod): Pod {
  const { metadata } = pod;
  if (metadata === undefined) return pod;
  if (metadata.managedFields !== undefined) delete metadata.managedFields;
  if (metadata.annotations?.[LAST_APPLIED] !== undefined) delete metadata.annotations[LAST_APPLIED];
  return pod;
}
