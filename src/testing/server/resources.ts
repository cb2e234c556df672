/** The kinds that the embedded server knows, and what each of them does differently. */
import type { ResourceName } from './status.js';

/** One resource of the API. */
export interface ResourceDef extends ResourceName {
  readonly version: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Whether metadata.generation counts changes of the spec. */
  readonly hasGeneration: boolean;
  /** Whether deletion waits for a grace period. */
  readonly isGraceful: boolean;
  readonly hasStatus: boolean;
  /** Whether a PUT of a missing object creates it. */
  readonly createsOnPut: boolean;
  /** Whether a PUT needs a resourceVersion. */
  readonly needsVersionOnPut: boolean;
  /** Field selectors besides metadata.name and metadata.namespace, as paths. */
  readonly fields: readonly string[];
  /** Further names of fields, with the path each stands for. */
  readonly fieldAliases: Readonly<Record<string, string>>;
  /** Subresources, for discovery. */
  readonly subresources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly verbs: readonly string[];
    readonly group?: string;
    readonly version?: string;
  }[];
  readonly verbs: readonly string[];
}

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;

type Given = Partial<Omit<ResourceDef, 'resource' | 'kind'>>;

function define(resource: string, kind: string, given: Given = {}): ResourceDef {
  return {
    group: '',
    version: 'v1',
    singular: kind.toLowerCase(),
    namespaced: true,
    shortNames: [],
    categories: [],
    hasGeneration: false,
    isGraceful: false,
    hasStatus: false,
    createsOnPut: false,
    needsVersionOnPut: false,
    fields: [],
    fieldAliases: {},
    subresources: [],
    verbs: ALL_VERBS,
    ...given,
    resource,
    kind,
  };
}

const statusOf = (kind: string) => ({ name: 'status', kind, verbs: ['get', 'patch', 'update'] });

/** Pods. */
export const PODS = define('pods', 'Pod', {
  shortNames: ['po'],
  categories: ['all'],
  hasGeneration: true,
  isGraceful: true,
  hasStatus: true,
  fields: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  fieldAliases: { 'spec.host': 'spec.nodeName' },
  subresources: [
    { name: 'binding', kind: 'Binding', verbs: ['create'] },
    { name: 'ephemeralcontainers', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    { name: 'eviction', kind: 'Eviction', verbs: ['create'], group: 'policy', version: 'v1' },
    { name: 'log', kind: 'Pod', verbs: ['get'] },
    { name: 'resize', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    statusOf('Pod'),
  ],
});

/** Namespaces. */
export const NAMESPACES = define('namespaces', 'Namespace', {
  namespaced: false,
  shortNames: ['ns'],
  hasStatus: true,
  fields: ['status.phase'],
  verbs: ALL_VERBS.filter((verb) => verb !== 'deletecollection'),
  subresources: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }, statusOf('Namespace')],
});

/** Nodes. */
export const NODES = define('nodes', 'Node', {
  namespaced: false,
  shortNames: ['no'],
  hasStatus: true,
  fields: ['spec.unschedulable'],
  subresources: [statusOf('Node')],
});

/** Events of the core group. */
export const EVENTS = define('events', 'Event', {
  shortNames: ['ev'],
  createsOnPut: true,
  fields: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
});

/** Leases. */
export const LEASES = define('leases', 'Lease', {
  group: 'coordination.k8s.io',
  createsOnPut: true,
  needsVersionOnPut: true,
});
/** Config maps. */
export const CONFIGMAPS = define('configmaps', 'ConfigMap', { shortNames: ['cm'] });
/** Secrets. */
export const SECRETS = define('secrets', 'Secret', { fields: ['type'] });
/** Service accounts. */
export const SERVICEACCOUNTS = define('serviceaccounts', 'ServiceAccount', { shortNames: ['sa'] });
/** Resource quotas. */
export const RESOURCEQUOTAS = define('resourcequotas', 'ResourceQuota', {
  shortNames: ['quota'],
  hasStatus: true,
  subresources: [statusOf('ResourceQuota')],
});
/** Disruption budgets, which evictions respect. */
export const PODDISRUPTIONBUDGETS = define('poddisruptionbudgets', 'PodDisruptionBudget', {
  group: 'policy',
  shortNames: ['pdb'],
  hasGeneration: true,
  hasStatus: true,
  subresources: [statusOf('PodDisruptionBudget')],
});
/** Priority classes. */
export const PRIORITYCLASSES = define('priorityclasses', 'PriorityClass', {
  group: 'scheduling.k8s.io',
  namespaced: false,
  shortNames: ['pc'],
  hasGeneration: true,
});

/** Every stored resource. */
export const RESOURCES: readonly ResourceDef[] = [
  CONFIGMAPS,
  EVENTS,
  NAMESPACES,
  NODES,
  PODS,
  RESOURCEQUOTAS,
  SECRETS,
  SERVICEACCOUNTS,
  LEASES,
  PODDISRUPTIONBUDGETS,
  PRIORITYCLASSES,
];

const byPath = new Map(RESOURCES.map((def) => [`${def.group}/${def.version}/${def.resource}`, def]));

/** The resource of a group, version and plural name, or `undefined`. */
export function findResource(group: string, version: string, resource: string): ResourceDef | undefined {
  return byPath.get(`${group}/${version}/${resource}`);
}

/** `v1` or `group/version`. */
export function apiVersionOf(def: Pick<ResourceDef, 'group' | 'version'>): string {
  return def.group === '' ? def.version : `${def.group}/${def.version}`;
}

/** Key of an object in the store. */
export function keyOf(def: ResourceDef, namespace: string, name: string): string {
  return def.namespaced ? `${namespace}/${name}` : name;
}
