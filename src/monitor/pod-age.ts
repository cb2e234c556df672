/** How old pods are, by the server's time. */
import type { Clock } from '../core/clock.js';
import { UnsupportedError } from '../errors.js';
import type { KubeClient } from '../kube/kube-client.js';
import type { Pod } from '../wire/types.js';

/** The epoch stands for a container that has ended without having started. */
const timeOf = (text: string | null | undefined): number | undefined => {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) || time <= 0 ? undefined : time;
};
const latest = (times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
};

/** When a pod was created, in milliseconds since the epoch. */
export const createdAt = ({ metadata }: Pod): number | undefined => timeOf(metadata?.creationTimestamp);

/**
 * When a pod ended: with its last container; where none has told, as in many evictions, with the last change of its conditions, or else when
 * the kubelet took it up, or when it was created.
 */
export function endedAt(pod: Pod): number | undefined {
  const { status = {} } = pod;
  const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  return (
    latest(statuses.map(({ state }) => timeOf(state?.terminated?.finishedAt))) ??
    latest((status.conditions ?? []).map(({ lastTransitionTime }) => timeOf(lastTransitionTime))) ??
    timeOf(status.startTime) ??
    createdAt(pod)
  );
}

/**
 * The server's time now, in milliseconds since the epoch. Known after the first answer.
 * @throws UnsupportedError where the client does not tell it: the host's clock must not judge ages of the server's.
 */
export function serverNow(client: Pick<KubeClient, 'serverTimeOffsetMs'>, clock: Clock): number {
  const offset = client.serverTimeOffsetMs?.();
  if (offset === undefined)
    throw new UnsupportedError(
      "This client does not tell the API server's time, and ages of pods are not judged by the host's clock",
      'Use HttpKubeClient, or give the client serverTimeOffsetMs().',
    );
  return clock.now() + offset;
}
