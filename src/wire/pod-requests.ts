/** What a pod takes of a node, computed as the scheduler does. */
import { parseQuantity } from './quantity.js';
import type { Container, ContainerStatus, Pod, ResourceRequirements } from './types.js';

/** Amounts by resource name, in billionths of the unit: cores, bytes, pieces. */
export type Amounts = Map<string, bigint>;

const NANO = 1_000_000_000n;
const MILLI = 1_000_000n;

/** The scheduler counts CPU in thousandths and everything else in whole units; what lies between counts as the next one. */
function rounded(name: string, nano: bigint): bigint {
  const unit = name === 'cpu' ? MILLI : NANO;
  return ((nano + unit - 1n) / unit) * unit;
}

/** Adds amounts to others, in place. */
export function addAmounts(total: Amounts, more: Amounts): Amounts {
  for (const [name, nano] of more) total.set(name, (total.get(name) ?? 0n) + nano);
  return total;
}

function raiseTo(total: Amounts, least: Amounts): void {
  for (const [name, nano] of least) if (nano > (total.get(name) ?? 0n)) total.set(name, nano);
}

/** Quantities by name as amounts; what cannot be read is left out. */
export function amountsOf(quantities: Readonly<Record<string, unknown>> | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const [name, value] of Object.entries(quantities ?? {})) {
    const quantity = parseQuantity(value);
    if (quantity !== undefined) amounts.set(name, quantity.nano);
  }
  return amounts;
}

/** Requests of a container; a limit without a request is one, as the API server writes it into the pod. */
function requestsOf(resources: ResourceRequirements | undefined): Amounts {
  return amountsOf({ ...resources?.limits, ...resources?.requests });
}

interface ResizableStatus extends ContainerStatus {
  readonly resources?: ResourceRequirements;
  readonly allocatedResources?: Record<string, string>;
}

/** While a container is being resized in place, the larger of what it has and what it asks for is taken. */
function containerRequests(container: Container, statuses: readonly ContainerStatus[] | undefined): Amounts {
  const requests = requestsOf(container.resources);
  const status = statuses?.find(({ name }) => name === container.name) as ResizableStatus | undefined;
  raiseTo(requests, amountsOf(status?.resources?.requests));
  raiseTo(requests, amountsOf(status?.allocatedResources));
  return requests;
}

/** Resources that may be given for a pod as a whole. */
const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/**
 * What a pod takes of a node: its containers and native sidecars together, or whatever one of its init containers takes with the sidecars
 * started before it, if that is more; what is set for the pod as a whole goes before both; its overhead comes on top. Without `pods`.
 */
export function podRequests({ spec, status }: Pod): Amounts {
  const total: Amounts = new Map();
  for (const container of spec?.containers ?? [])
    addAmounts(total, containerRequests(container, status?.containerStatuses));
  const sidecars: Amounts = new Map();
  const startup: Amounts = new Map();
  for (const container of spec?.initContainers ?? []) {
    const requests = containerRequests(container, status?.initContainerStatuses);
    if (container.restartPolicy === 'Always') {
      addAmounts(total, requests);
      raiseTo(startup, addAmounts(sidecars, requests));
    } else raiseTo(startup, addAmounts(requests, sidecars));
  }
  raiseTo(total, startup);
  const whole = spec?.resources as ResourceRequirements | undefined;
  const asked = amountsOf(whole?.requests);
  // A limit for the whole pod is a request only where none of its containers has one.
  for (const [name, nano] of amountsOf(whole?.limits)) if (!asked.has(name) && !total.has(name)) asked.set(name, nano);
  for (const [name, nano] of asked) if (isPodLevel(name)) total.set(name, nano);
  addAmounts(total, amountsOf(spec?.overhead));
  for (const [name, nano] of total) total.set(name, rounded(name, nano));
  return total;
}
