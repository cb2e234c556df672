/** Pods of a Deployment that work are not scaled away first: their deletion cost says how busy they are. */
import { type Clock, systemClock } from '../core/clock.js';
import { type Duration, durationMs } from '../core/duration.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { ConfigError } from '../errors.js';
import type { PodWriter } from '../kube/kube-client.js';

/** Kubernetes' annotation: of several pods of a ReplicaSet those with the lower cost go first. */
export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

/** Options of {@link advertiseDeletionCost}. */
export interface DeletionCostOptions {
  /** The API; it needs the right to patch pods. */
  readonly kubeClient: Pick<PodWriter, 'patchPod'>;
  /** The pod that this process runs in. */
  readonly namespace: string;
  /** Its name; in a pod, the host name. */
  readonly pod: string;
  /** How often it is looked whether the cost has changed; a patch is sent only then. @default '15s' */
  readonly interval?: Duration | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Told when a patch fails; it is tried again. @default silent */
  readonly logger?: Logger | undefined;
}

/** Cost of a pod without tasks is 0; every task adds a hundred. */
const COST_PER_TASK = 100;
const MOST = 2 ** 31 - 1;

/**
 * Keeps the deletion cost of the pod that this process runs in up to date with how many tasks its executor has, so that scaling down takes idle
 * workers first. A hint, not a promise: end the executor with `end({ timeout })` on SIGTERM, within the pod's grace period, and what it
 * runs is finished first.
 * @returns a function that stops it; the last cost stays.
 * @throws ConfigError where an option is wrong.
 */
export function advertiseDeletionCost(
  executor: { readonly slotsOccupied: number },
  options: DeletionCostOptions,
): () => void {
  const { kubeClient, namespace, pod, interval = '15s', clock = systemClock, logger = silentLogger } = options;
  const intervalMs = durationMs(interval, 'interval');
  for (const [field, value] of Object.entries({ namespace, pod }))
    if (typeof value !== 'string' || value === '')
      throw new ConfigError([{ field, value, rule: 'must be a name', hint: 'take it from the downward API' }]);
  const stop = new AbortController();
  let told: number | undefined;
  let cancel = () => {};
  const look = async () => {
    const cost = Math.min(MOST, executor.slotsOccupied * COST_PER_TASK);
    if (cost !== told)
      try {
        const patch = { metadata: { annotations: { [DELETION_COST_ANNOTATION]: String(cost) } } };
        await kubeClient.patchPod(namespace, pod, patch, { signal: stop.signal });
        told = cost;
      } catch (error) {
        if (!stop.signal.aborted) logger.warn({ err: error, pod, namespace }, 'the deletion cost could not be written');
      }
    if (!stop.signal.aborted) cancel = clock.schedule(intervalMs, () => void look());
  };
  void look();
  return () => {
    stop.abort(new Error('the deletion cost is not kept up any more'));
    cancel();
  };
}
