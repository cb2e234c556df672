/** Tables and metadata-only forms of objects, which kubectl asks for. */
import type { KubeObject, Pod } from '../../wire/types.js';
import { ageOf, since } from './age.js';
import { isMap, type JsonMap, valueAt } from './json.js';
import type { ResourceDef } from './resources.js';
import { COLUMNS } from './table-columns.js';
import { podCells, podRowConditions } from './table-pods.js';

const countOf = (value: unknown) => (isMap(value) ? Object.keys(value).length : 0);
const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});
const mapsOf = (value: unknown): JsonMap[] => (Array.isArray(value) ? value.filter(isMap) : []);

function nodeStatus(node: KubeObject): string {
  const ready = mapsOf(valueAt(node, 'status.conditions')).find((item) => item.type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return valueAt(node, 'spec.unschedulable') === true ? `${state},SchedulingDisabled` : state;
}

function nodeRoles(node: KubeObject): string {
  const roles = Object.entries(node.metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith('node-role.kubernetes.io/')) return [key.slice('node-role.kubernetes.io/'.length)];
    return key === 'kubernetes.io/role' ? [value] : [];
  });
  return [...new Set(roles.filter((role) => role !== ''))].sort().join(',') || '<none>';
}

function nodeCells(node: KubeObject, now: number): unknown[] {
  const info = (field: string) => valueAt(node, `status.nodeInfo.${field}`) || '<unknown>';
  const address = (type: string) =>
    mapsOf(valueAt(node, 'status.addresses')).find((item) => item.type === type)?.address ?? '<none>';
  return [
    node.metadata?.name,
    nodeStatus(node),
    nodeRoles(node),
    ageOf(node, now),
    valueAt(node, 'status.nodeInfo.kubeletVersion') ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    info('osImage'),
    info('kernelVersion'),
    info('containerRuntimeVersion'),
  ];
}

function eventCells(object: KubeObject, now: number): unknown[] {
  const event = object as JsonMap;
  const involved = mapOf(event.involvedObject);
  const source = mapOf(event.source);
  const series = isMap(event.series) ? event.series : undefined;
  const kind = String(involved.kind ?? '').toLowerCase();
  return [
    since(series?.lastObservedTime ?? event.lastTimestamp ?? event.firstTimestamp ?? event.eventTime, now),
    event.type ?? '',
    event.reason ?? '',
    involved.name ? `${kind}/${String(involved.name)}` : kind,
    involved.fieldPath ?? '',
    [source.component || event.reportingComponent, source.host || event.reportingInstance].filter(Boolean).join(', '),
    String(event.message ?? '').trim(),
    since(event.firstTimestamp ?? event.eventTime, now),
    series?.count ?? (event.count || 1),
    object.metadata?.name,
  ];
}

/** `cpu: 1/4, memory: 0/8Gi` of the quota's resources that are limits, or of those that are not. */
function quotaText(quota: KubeObject, isLimit: boolean): string {
  const { hard, used } = mapOf((quota as JsonMap).status);
  return Object.keys(mapOf(hard))
    .filter((name) => name.startsWith('limits.') === isLimit)
    .sort()
    .map((name) => `${name}: ${String(mapOf(used)[name] ?? '0')}/${String(mapOf(hard)[name])}`)
    .join(', ');
}

const CELLS: Readonly<Record<string, (object: KubeObject, now: number) => unknown[]>> = {
  pods: (object, now) => podCells(object as Pod, now),
  namespaces: (object, now) => [object.metadata?.name, valueAt(object, 'status.phase') ?? '', ageOf(object, now)],
  nodes: nodeCells,
  events: eventCells,
  configmaps: (object, now) => [
    object.metadata?.name,
    countOf((object as JsonMap).data) + countOf((object as JsonMap).binaryData),
    ageOf(object, now),
  ],
  secrets: (object, now) => [
    object.metadata?.name,
    (object as JsonMap).type,
    countOf((object as JsonMap).data),
    ageOf(object, now),
  ],
  serviceaccounts: (object, now) => [object.metadata?.name, ageOf(object, now)],
  resourcequotas: (object, now) => [
    object.metadata?.name,
    quotaText(object, false),
    quotaText(object, true),
    ageOf(object, now),
  ],
  leases: (object, now) => [object.metadata?.name, valueAt(object, 'spec.holderIdentity') ?? '', ageOf(object, now)],
  poddisruptionbudgets: (object, now) => [
    object.metadata?.name,
    String(valueAt(object, 'spec.minAvailable') ?? 'N/A'),
    String(valueAt(object, 'spec.maxUnavailable') ?? 'N/A'),
    valueAt(object, 'status.disruptionsAllowed') ?? 0,
    ageOf(object, now),
  ],
  priorityclasses: (object, now) => [
    object.metadata?.name,
    (object as JsonMap).value ?? 0,
    (object as JsonMap).globalDefault ?? false,
    ageOf(object, now),
    (object as JsonMap).preemptionPolicy ?? '',
  ],
};

/** What of an object is shown beside its cells. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

/** The metadata-only form of an object. */
export function partialOf(object: KubeObject, version = 'v1'): JsonMap {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

/** A Table of objects; column definitions may be left out, as in all but the first event of a watch. */
export function tableOf(
  def: ResourceDef,
  objects: readonly KubeObject[],
  metadata: unknown,
  {
    now,
    include,
    version,
    withColumns,
  }: { now: number; include: IncludeObject; version: string; withColumns: boolean },
): JsonMap {
  const shown = (object: KubeObject) => (include === 'Object' ? object : partialOf(object, version));
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: withColumns ? COLUMNS[def.resource] : [],
    rows: objects.map((object) => ({
      cells: CELLS[def.resource]?.(object, now) ?? [],
      ...(def.resource === 'pods' ? podRowConditions(object as Pod) : {}),
      object: include === 'None' ? null : shown(object),
    })),
  };
}
