/**
 * Which lists are merged item by item and which values are owned as a whole, as the `x-kubernetes-list-type`,
 * `x-kubernetes-list-map-keys` and `x-kubernetes-map-type` marks of Kubernetes v1.36's OpenAPI document say.
 */

/** How a list is merged: by keys of its items, as a set of values, or not at all. */
export type ListKind = readonly string[] | 'set' | 'atomic';

const KEYED: Readonly<Record<string, readonly string[]>> = {
  'ServiceAccount.secrets': ['name'],
  'ObjectMeta.ownerReferences': ['uid'],
  'PodSpec.containers': ['name'],
  'PodSpec.ephemeralContainers': ['name'],
  'PodSpec.hostAliases': ['ip'],
  'PodSpec.imagePullSecrets': ['name'],
  'PodSpec.initContainers': ['name'],
  'PodSpec.resourceClaims': ['name'],
  'PodSpec.schedulingGates': ['name'],
  'PodSpec.topologySpreadConstraints': ['topologyKey', 'whenUnsatisfiable'],
  'PodSpec.volumes': ['name'],
  'PodStatus.conditions': ['type'],
  'PodStatus.podIPs': ['ip'],
  'PodStatus.resourceClaimStatuses': ['name'],
  'NamespaceStatus.conditions': ['type'],
  'NodeStatus.addresses': ['type'],
  'NodeStatus.conditions': ['type'],
  'PodDisruptionBudgetStatus.conditions': ['type'],
  'Container.env': ['name'],
  'Container.ports': ['containerPort', 'protocol'],
  'Container.volumeDevices': ['devicePath'],
  'Container.volumeMounts': ['mountPath'],
  'EphemeralContainer.env': ['name'],
  'EphemeralContainer.ports': ['containerPort', 'protocol'],
  'EphemeralContainer.volumeDevices': ['devicePath'],
  'EphemeralContainer.volumeMounts': ['mountPath'],
  'ResourceRequirements.claims': ['name'],
};

const SETS = new Set(['ObjectMeta.finalizers', 'NodeSpec.podCIDRs', 'ContainerRestartRuleOnExitCodes.values']);

const ATOMIC_TYPES = new Set([
  'ObjectReference',
  'LocalObjectReference',
  'OwnerReference',
  'ScopeSelector',
  'LabelSelector',
  'NodeSelector',
  'NodeSelectorTerm',
  'ConfigMapKeySelector',
  'ObjectFieldSelector',
  'FileKeySelector',
  'ResourceFieldSelector',
  'SecretKeySelector',
  'TypedLocalObjectReference',
]);

const ATOMIC_MAPS = new Set(['PodSpec.nodeSelector']);

/** How the list in a field of a type is merged. */
export function listKind(struct: string, field: string): ListKind {
  const path = `${struct}.${field}`;
  return KEYED[path] ?? (SETS.has(path) ? 'set' : 'atomic');
}

/** Whether a type is owned as a whole. */
export function isAtomicType(type: string): boolean {
  return ATOMIC_TYPES.has(type);
}

/** Whether the map in a field of a type is owned as a whole. */
export function isAtomicMap(struct: string, field: string): boolean {
  return ATOMIC_MAPS.has(`${struct}.${field}`);
}
