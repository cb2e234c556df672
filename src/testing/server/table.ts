/** Tables and metadata-only forms of objects, which kubectl asks for. */
import type { ContainerStatus, KubeObject, Pod } from '../../wire/types.js';
import { isMap, type JsonMap, valueAt } from './json.js';
import type { ResourceDef } from './resources.js';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

const column = (name: string, type = 'string', priority = 0): Column => ({
  name,
  type,
  format: name === 'Name' ? 'name' : '',
  description: name === 'Name' ? 'Name must be unique within a namespace.' : name,
  priority,
});

/** A duration as kubectl shows ages. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 0) return seconds < -1 ? '<invalid>' : '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y${Math.floor(days % 365) === 0 ? '' : `${days % 365}d`}`;
}

function endedReason({ exitCode, reason, signal }: { exitCode: number; reason?: string; signal?: number }): string {
  if (reason !== undefined && reason !== '') return reason;
  return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

/** The STATUS column of a pod. */
export function podReason(pod: Pod): string {
  const status = pod.status ?? {};
  let reason = status.reason || status.phase || '';
  if (status.conditions?.some((item) => item.type === 'PodScheduled' && item.reason === 'SchedulingGated'))
    reason = 'SchedulingGated';
  const init = status.initContainerStatuses ?? [];
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((item) => item.restartPolicy === 'Always').map((item) => item.name),
  );
  let isInitializing = false;
  for (const [index, container] of init.entries()) {
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started === true) continue;
    if (terminated !== undefined) reason = `Init:${endedReason(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') reason = `Init:${waiting.reason}`;
    else reason = `Init:${index}/${(pod.spec?.initContainers ?? []).length}`;
    isInitializing = true;
    break;
  }
  if (!isInitializing) {
    let hasRunning = false;
    for (const container of [...(status.containerStatuses ?? [])].reverse()) {
      const { waiting, terminated, running } = container.state ?? {};
      if (waiting?.reason) reason = waiting.reason;
      else if (terminated !== undefined) reason = endedReason(terminated);
      else if (container.ready && running !== undefined) hasRunning = true;
    }
    if (reason === 'Completed' && hasRunning) {
      const isReady = status.conditions?.some((item) => item.type === 'Ready' && item.status === 'True');
      reason = isReady ? 'Running' : 'NotReady';
    }
  }
  if (pod.metadata?.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') return 'Unknown';
    if (status.phase !== 'Succeeded' && status.phase !== 'Failed') return 'Terminating';
  }
  return reason;
}

function restarts(statuses: readonly ContainerStatus[], now: number): string {
  const count = statuses.reduce((sum, item) => sum + (item.restartCount ?? 0), 0);
  const ends = statuses
    .map((item) => Date.parse(item.lastState?.terminated?.finishedAt ?? ''))
    .filter((ms) => !Number.isNaN(ms));
  return count > 0 && ends.length > 0 ? `${count} (${humanDuration(now - Math.max(...ends))} ago)` : String(count);
}

function podCells(pod: Pod, now: number): unknown[] {
  const statuses = pod.status?.containerStatuses ?? [];
  const sidecars = (pod.status?.initContainerStatuses ?? []).filter((item) =>
    (pod.spec?.initContainers ?? []).some(
      (container) => container.name === item.name && container.restartPolicy === 'Always',
    ),
  );
  const counted = [...sidecars, ...statuses];
  const total = (pod.spec?.containers ?? []).length + sidecars.length;
  const ready = counted.filter((item) => item.ready && item.state?.running !== undefined).length;
  return [
    pod.metadata?.name ?? '',
    `${ready}/${total}`,
    podReason(pod),
    restarts(counted, now),
    age(pod, now),
    pod.status?.podIP ?? '<none>',
    pod.spec?.nodeName ?? '<none>',
    pod.status?.nominatedNodeName ?? '<none>',
    '<none>',
  ];
}

function age(object: KubeObject, now: number): string {
  const created = Date.parse(object.metadata?.creationTimestamp ?? '');
  return Number.isNaN(created) ? '<unknown>' : humanDuration(now - created);
}

function since(time: unknown, now: number): string {
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? '<unknown>' : humanDuration(now - ms);
}

const countOf = (value: unknown) => (isMap(value) ? Object.keys(value).length : 0);

interface Shape {
  readonly columns: readonly Column[];
  readonly cells: (object: KubeObject, now: number) => unknown[];
}

const NAME = column('Name');
const AGE = column('Age');

function nodeStatus(node: KubeObject): string {
  const conditions = valueAt(node, 'status.conditions');
  const ready = Array.isArray(conditions) ? conditions.filter(isMap).find((item) => item.type === 'Ready') : undefined;
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return valueAt(node, 'spec.unschedulable') === true ? `${state},SchedulingDisabled` : state;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  pods: {
    columns: [
      NAME,
      column('Ready'),
      column('Status'),
      column('Restarts'),
      AGE,
      column('IP', 'string', 1),
      column('Node', 'string', 1),
      column('Nominated Node', 'string', 1),
      column('Readiness Gates', 'string', 1),
    ],
    cells: podCells,
  },
  namespaces: {
    columns: [NAME, column('Status'), AGE],
    cells: (object, now) => [object.metadata?.name, valueAt(object, 'status.phase') ?? '', age(object, now)],
  },
  nodes: {
    columns: [NAME, column('Status'), column('Roles'), AGE, column('Version')],
    cells: (object, now) => [
      object.metadata?.name,
      nodeStatus(object),
      '<none>',
      age(object, now),
      valueAt(object, 'status.nodeInfo.kubeletVersion') ?? '',
    ],
  },
  events: {
    columns: [
      column('Last Seen'),
      column('Type'),
      column('Reason'),
      column('Object'),
      column('Message'),
      column('Name', 'string', 1),
    ],
    cells: (object, now) => {
      const event = object as JsonMap;
      const involved = isMap(event.involvedObject) ? event.involvedObject : {};
      return [
        since(event.lastTimestamp ?? event.firstTimestamp ?? event.eventTime, now),
        event.type ?? '',
        event.reason ?? '',
        `${String(involved.kind ?? '').toLowerCase()}/${String(involved.name ?? '')}`,
        String(event.message ?? '').trim(),
        object.metadata?.name,
      ];
    },
  },
  configmaps: {
    columns: [NAME, column('Data', 'string'), AGE],
    cells: (object, now) => [
      object.metadata?.name,
      countOf((object as JsonMap).data) + countOf((object as JsonMap).binaryData),
      age(object, now),
    ],
  },
  secrets: {
    columns: [NAME, column('Type'), column('Data'), AGE],
    cells: (object, now) => [
      object.metadata?.name,
      (object as JsonMap).type,
      countOf((object as JsonMap).data),
      age(object, now),
    ],
  },
  leases: {
    columns: [NAME, column('Holder'), AGE],
    cells: (object, now) => [object.metadata?.name, valueAt(object, 'spec.holderIdentity') ?? '', age(object, now)],
  },
};

const PLAIN: Shape = {
  columns: [NAME, { ...AGE, name: 'Created At', type: 'date' }],
  cells: (object) => [object.metadata?.name, object.metadata?.creationTimestamp ?? null],
};

/** What of an object is shown beside its cells. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

/** The metadata-only form of an object. */
export function partialOf(object: KubeObject): JsonMap {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
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
  const shape = SHAPES[def.resource] ?? PLAIN;
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: withColumns ? shape.columns : [],
    rows: objects.map((object) => ({
      cells: shape.cells(object, now),
      ...(include === 'None' ? { object: null } : { object: include === 'Object' ? object : partialOf(object) }),
    })),
  };
}
