/** Whether a cluster autoscaler is at work for a pod that has no node. */
import type { EventReader } from '../../kube/kube-client.js';
import type { PodObservation } from '../../lifecycle/observation.js';

/** Reasons by which the cluster autoscaler and Karpenter say that a node is on its way. */
const SCALE_UP_REASONS: ReadonlySet<string> = new Set(['TriggeredScaleUp', 'Nominated']);

/** A mark of the newest such event of a pod, different for each repetition; `undefined` where there is none, or events cannot be read. */
export async function scaleUpMark(client: EventReader, pod: PodObservation): Promise<string | undefined> {
  try {
    const fieldSelector = `involvedObject.uid=${pod.uid}`;
    const { items } = await client.listEvents({ namespace: pod.namespace, fieldSelector, limit: 100 });
    const marks = items
      .filter(({ reason }) => reason !== undefined && SCALE_UP_REASONS.has(reason))
      .map(({ metadata, lastTimestamp, eventTime, count }) =>
        [lastTimestamp ?? eventTime ?? '', count ?? '', metadata?.uid ?? ''].join(' '),
      );
    return marks.sort().at(-1);
  } catch {
    return undefined;
  }
}
