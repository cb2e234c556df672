/** What a pod has reserved, from what was observed of it. */
import { podRequests } from '../wire/pod-requests.js';
import { formatQuantity } from '../wire/quantity.js';
import type { Container } from '../wire/types.js';
import type { ContainerObservation, PodObservation } from './observation.js';

const containerOf = ({ name, role, requests, limits }: ContainerObservation): Container => ({
  name,
  resources: { ...(requests === undefined ? {} : { requests }), ...(limits === undefined ? {} : { limits }) },
  ...(role === 'sidecar' ? { restartPolicy: 'Always' } : {}),
});

/** Quantities by resource name, as the scheduler counts them; overhead and requests of the pod as a whole are not observed. */
export function observedRequests({ containers }: PodObservation): Readonly<Record<string, string>> {
  const isInit = ({ role }: ContainerObservation) => role === 'init' || role === 'sidecar';
  const amounts = podRequests({
    spec: {
      containers: containers.filter((one) => !isInit(one)).map(containerOf),
      initContainers: containers.filter(isInit).map(containerOf),
    },
  });
  const isBytes = (name: string) => name === 'memory' || name === 'ephemeral-storage';
  return Object.fromEntries(
    [...amounts].map(([name, nano]) => [name, formatQuantity({ nano, format: isBytes(name) ? 'binary' : 'decimal' })]),
  );
}
