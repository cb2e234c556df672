/** Lets go of pods that a host which will never come back holds by its finalizer. */
import { KubeApiError } from '../errors.js';
import { eachPod } from '../kube/each-pod.js';
import type { PodReader, PodWriter } from '../kube/kube-client.js';
import { makeSafeLabelValue } from '../pod/names.js';
import { FINALIZER, LABELS, MANAGED_BY } from '../wire/names.js';

/** Options of {@link releaseFinalizers}. */
export interface ReleaseFinalizersOptions {
  /** The namespace; left out, all. */
  readonly namespace?: string | undefined;
  /** Only pods of this executor. @default those of all executors */
  readonly executorId?: string | undefined;
  /** Changes nothing, and tells what would be released. @default false */
  readonly dryRun?: boolean | undefined;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of one pod. */
export interface ReleasedPod {
  /** As `namespace/name`. */
  readonly pod: string;
  /** Value of the label that carries its executor's id. */
  readonly executor: string;
  /** Whether its deletion had been asked for, so that it is gone now. */
  readonly wasDeleting: boolean;
  /** Why it could not be released; `undefined` where it was, or would be. */
  readonly error: string | undefined;
}

/**
 * Takes podwright's finalizer off pods, and changes nothing else of them. Meant for what an executor that will never run again has left: one that
 * runs, or is started again, still wants the end of these pods, and their outcomes would be lost to it.
 * @throws KubeApiError where the pods cannot be listed. What goes wrong with one pod is told in its entry.
 */
export async function releaseFinalizers(
  client: PodReader & PodWriter,
  { namespace, executorId, dryRun = false, signal }: ReleaseFinalizersOptions = {},
): Promise<ReleasedPod[]> {
  const owner = executorId === undefined ? '' : `,${LABELS.executorId}=${makeSafeLabelValue(executorId)}`;
  const released: ReleasedPod[] = [];
  for await (const { metadata = {} } of eachPod(client, {
    namespace,
    labelSelector: `${LABELS.managedBy}=${MANAGED_BY}${owner}`,
    signal,
  })) {
    if (metadata.finalizers?.includes(FINALIZER) !== true) continue;
    const { namespace: home = '', name = '', uid } = metadata;
    let error: string | undefined;
    const patch = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [FINALIZER] } };
    if (!dryRun)
      await client.patchPod(home, name, patch, { type: 'strategic', signal }).catch((cause: unknown) => {
        const isGone = cause instanceof KubeApiError && cause.status === 404;
        if (!isGone) error = cause instanceof Error ? cause.message : String(cause);
      });
    released.push({
      pod: `${home}/${name}`,
      executor: metadata.labels?.[LABELS.executorId] ?? '',
      wasDeleting: metadata.deletionTimestamp !== undefined,
      error,
    });
  }
  return released;
}
