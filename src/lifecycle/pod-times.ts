/** When the steps of a pod happened, as the cluster saw them. */
import type { PodTimes } from '../core/outcome.js';
import type { PodObservation } from './observation.js';

const timeOf = (text: string | null | undefined) => {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) || time === 0 ? undefined : time;
};

/** Reads the times that a pod tells. */
export function podTimesOf({ createdAt, conditions, base }: PodObservation): PodTimes {
  const reached = (type: string) =>
    timeOf(conditions.find((condition) => condition.type === type && condition.status === 'True')?.lastTransitionTime);
  return {
    createdAt: timeOf(createdAt),
    scheduledAt: reached('PodScheduled'),
    sandboxAt: reached('PodReadyToStartContainers'),
    startedAt: timeOf(base?.startedAt),
    finishedAt: timeOf(base?.finishedAt),
  };
}
