/** Builders of pods for tests of the heart. */
import type { ContainerState, Pod, PodStatus } from '../../src/wire/types.js';

/** A pod with a base container; parts given win. */
export function pod(status: PodStatus = {}, parts: Partial<Pod> = {}): Pod {
  return {
    metadata: {
      name: 'p',
      namespace: 'n',
      uid: 'u',
      resourceVersion: '10',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...parts.metadata,
    },
    spec: parts.spec ?? {
      nodeName: 'node-1',
      restartPolicy: 'Never',
      containers: [{ name: 'base', image: 'i', resources: { limits: { memory: '1Gi' } } }],
    },
    status: { phase: 'Pending', ...status },
  };
}

/** Status of containers by name. */
export const statuses = (states: Record<string, ContainerState>) =>
  Object.entries(states).map(([name, state]) => ({ name, state }));
/** The base container in a state. */
export const base = (state: ContainerState) => statuses({ base: state });
/** A terminated state. */
export const exited = (
  exitCode: number,
  reason = exitCode === 0 ? 'Completed' : 'Error',
  more: object = {},
): ContainerState => ({
  terminated: { exitCode, reason, startedAt: '2026-01-01T00:00:01Z', finishedAt: '2026-01-01T00:00:02Z', ...more },
});
/** A waiting state. */
export const waits = (reason: string, message?: string): ContainerState => ({
  waiting: { reason, ...(message === undefined ? {} : { message }) },
});
/** A running state. */
export const runs: ContainerState = { running: { startedAt: '2026-01-01T00:00:01Z' } };
/** The condition DisruptionTarget. */
export const disrupted = (reason: string, message = '') => ({
  type: 'DisruptionTarget',
  status: 'True',
  reason,
  message,
});
