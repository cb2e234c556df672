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

const latest = (texts: readonly (string | null | undefined)[]) =>
  Math.max(0, ...texts.map((text) => timeOf(text) ?? 0));

/** When the last container of a pod ended, by its node, in milliseconds since the epoch; `undefined` where none ran, or nobody knows. */
export const endTimeOf = ({ containers }: PodObservation): number | undefined =>
  latest(containers.map(({ finishedAt }) => finishedAt)) || undefined;

/** When a pod was made or one of its conditions changed last, in milliseconds since the epoch. */
export const lastChangeOf = ({ createdAt, conditions }: PodObservation): number =>
  latest([createdAt, ...conditions.map(({ lastTransitionTime }) => lastTransitionTime)]);
