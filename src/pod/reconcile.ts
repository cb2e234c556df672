/** Merging two pods, as the generator does with its layers. */
import { PodTemplateError } from '../errors.js';
import { PatchError, strategicMergePatch } from '../wire/strategic-merge.js';
import type { Pod } from '../wire/types.js';
import { withoutUnwritten } from '../wire/unwritten.js';

/**
 * A pod over another one, by Kubernetes' strategic merge: maps merge, containers, variables, mounts and volumes merge by their keys, other
 * lists are replaced, `null` removes, and an explicit `false`, `0` or `''` overrides. Neither pod is changed.
 * @param base - the pod below; `undefined` for none
 * @param over - the pod, or patch of a pod, whose fields win
 * @throws PodTemplateError where an item lacks the key that its list is merged by.
 */
export function reconcilePods(base: Pod | undefined, over: object | undefined): Pod {
  try {
    return structuredClone(strategicMergePatch(withoutUnwritten({ ...base }, { ...over }), over ?? {})) as Pod;
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw new PodTemplateError(`The pods cannot be merged: ${error.message}`);
  }
}
