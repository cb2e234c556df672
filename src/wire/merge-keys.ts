/**
 * Which lists of the API merge item by item: the patch strategy and merge key that Kubernetes' own types carry, by field name. Within a pod no
 * two merging fields of one name differ, so that a name is enough; lists that are not named here are replaced as a whole.
 */

/** How lists of this field name merge: by this key of their items. The second of several map keys plays no part in a strategic merge. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  allocatedResourcesStatus: 'name',
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  imagePullSecrets: 'name',
  schedulingGates: 'name',
  secrets: 'name',
  env: 'name',
  ports: 'containerPort',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  resourceClaims: 'name',
  resourceClaimStatuses: 'name',
  conditions: 'type',
  addresses: 'type',
  podIPs: 'ip',
  hostIPs: 'ip',
  ownerReferences: 'uid',
};

/** Lists of scalars that merge as sets. */
const MERGE_SETS: ReadonlySet<string> = new Set(['finalizers']);

/** Merge key of a list's items, or `undefined` where it has none. */
export const mergeKeyOf = (field: string): string | undefined =>
  Object.hasOwn(MERGE_KEYS, field) ? MERGE_KEYS[field] : undefined;

/** Whether lists of this name merge at all; others are replaced. */
export const isMergeList = (field: string): boolean => MERGE_SETS.has(field) || mergeKeyOf(field) !== undefined;
