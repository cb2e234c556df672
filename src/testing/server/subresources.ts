/** Binding and eviction of pods. */

import { matchesLabels, parseLabelSelector } from '../../wire/selectors.js';
import type { Condition, KubeObject, KubeStatus, Pod } from '../../wire/types.js';
import { decodeObject } from './body.js';
import { type Core, nowTime } from './core.js';
import { deleteObject } from './delete.js';
import { isMap, type JsonMap } from './json.js';
import { optionsOf } from './options/delete-options.js';
import { checkWriteOptions } from './options/write-options.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { keyOf, PODS, type ResourceDef } from './resources.js';
import { ApiError, badRequest, conflict, failure, internal, notFound } from './status.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

const created: KubeStatus = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/** Sets a condition in a list of conditions; the time moves only when the status changes. */
export function withCondition(conditions: readonly Condition[] | undefined, condition: Condition): Condition[] {
  const list = conditions ?? [];
  const at = list.findIndex(({ type }) => type === condition.type);
  if (at < 0) return [...list, condition];
  const old = list[at] as Condition;
  const next =
    old.status === condition.status ? { ...condition, lastTransitionTime: old.lastTransitionTime ?? null } : condition;
  return list.map((item, index) => (index === at ? next : item));
}

const BINDING = { ...PODS, resource: 'bindings', kind: 'Binding' };
const EVICTION = { ...PODS, resource: 'evictions', kind: 'Eviction', group: 'policy' };

/** Reads an object that is sent to a subresource. @throws ApiError 400 or 422. */
function bodyOf(request: ResourceRequest, def: ResourceDef): JsonMap {
  checkWriteOptions(request, 'CreateOptions');
  return decodeObject({ ...request, def });
}

function podOf(core: Core, request: ResourceRequest): { key: string; pod: Pod } {
  const key = keyOf(PODS, request.namespace, request.name);
  const pod = core.store.get('pods', key) as Pod | undefined;
  if (pod === undefined) throw notFound(PODS, request.name);
  return { key, pod };
}

/** Binds a pod to a node, as a scheduler asks. */
export function bind(core: Core, request: ResourceRequest): KubeStatus {
  const body = bodyOf(request, BINDING);
  const metadata = mapOf(body.metadata);
  if (metadata.name !== undefined && metadata.name !== '' && metadata.name !== request.name)
    throw badRequest(`name in URL does not match name in Binding object`);
  const node = mapOf(body.target).name;
  if (typeof node !== 'string' || node === '') throw internal('target.name: Required value');
  const kind = mapOf(body.target).kind ?? '';
  if (kind !== '' && kind !== 'Node')
    throw internal(`target.kind: Unsupported value: ${JSON.stringify(kind)}: supported values: "Node", "<empty>"`);
  const { key, pod } = podOf(core, request);
  const refuse = (why: string) => conflict(PODS, request.name, why, 'pods/binding');
  for (const [field, label] of [
    ['uid', 'UID'],
    ['resourceVersion', 'ResourceVersion'],
  ] as const) {
    const wanted = metadata[field];
    if (wanted === undefined || wanted === '' || wanted === pod.metadata?.[field]) continue;
    const why = `Precondition failed: ${label} in precondition: ${String(wanted)}, ${label} in object meta: ${pod.metadata?.[field] ?? ''}`;
    throw conflict(
      PODS,
      request.name,
      `StorageError: invalid object, Code: 4, Key: /registry/pods/${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
    );
  }
  if (pod.metadata?.deletionTimestamp !== undefined)
    throw refuse(`pod ${request.name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName)
    throw refuse(`pod ${request.name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0)
    throw refuse(`pod ${request.name} has non-empty .spec.schedulingGates`);
  const merged = (field: 'labels' | 'annotations') => {
    const added = mapOf(metadata[field]) as Record<string, string>;
    return Object.keys(added).length === 0 ? {} : { [field]: { ...pod.metadata?.[field], ...added } };
  };
  const scheduled: Condition = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: nowTime(core),
  };
  if (isDryRun(request)) return created;
  core.store.put('pods', key, {
    ...pod,
    metadata: { ...pod.metadata, ...merged('labels'), ...merged('annotations') },
    spec: { ...(pod.spec ?? { containers: [] }), nodeName: node },
    status: { ...pod.status, conditions: withCondition(pod.status?.conditions, scheduled) },
  });
  return created;
}

/** Takes one disruption from a budget, as the server does before it evicts. */
function spend(core: Core, budget: JsonMap, pod: Pod): void {
  const before = mapOf(budget.status);
  const allowed = Number(before.disruptionsAllowed ?? 0) - 1;
  const { generation = 1, namespace = '', name = '' } = mapOf(budget.metadata);
  const spent: Condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    observedGeneration: Number(generation),
    lastTransitionTime: nowTime(core),
    reason: 'InsufficientPods',
    message: '',
  };
  const conditions = before.conditions as Condition[] | undefined;
  const status = {
    ...before,
    disruptedPods: { ...mapOf(before.disruptedPods), [pod.metadata?.name ?? '']: nowTime(core) },
    disruptionsAllowed: allowed,
    ...(allowed > 0 ? {} : { conditions: withCondition(conditions, spent) }),
  };
  const next = { ...budget, status };
  const managedFields = core.fields.update(
    {
      manager: 'kube-apiserver',
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      subresource: 'status',
      now: nowTime(core),
      reset: [['f:spec']],
    },
    budget,
    next,
    undefined,
  );
  const metadata = { ...mapOf(budget.metadata), managedFields };
  core.store.put('poddisruptionbudgets', `${String(namespace)}/${String(name)}`, { ...next, metadata } as KubeObject);
}

function meetsSelector(selector: unknown, pod: Pod): boolean {
  const { matchLabels, matchExpressions } = mapOf(selector);
  const equal = Object.entries(mapOf(matchLabels)).map(([key, value]) => `${key}=${String(value)}`);
  const expressions = (Array.isArray(matchExpressions) ? matchExpressions.filter(isMap) : []).map(
    ({ key, operator, values }) => {
      if (operator === 'Exists') return String(key);
      if (operator === 'DoesNotExist') return `!${String(key)}`;
      return `${String(key)} ${operator === 'In' ? 'in' : 'notin'} (${(Array.isArray(values) ? values : []).join(',')})`;
    },
  );
  return matchesLabels(parseLabelSelector([...equal, ...expressions].join(',')), pod.metadata?.labels);
}

/** The budget of a pod; without a selector a budget has no pods. @throws ApiError 500 where there are several. */
function budgetOf(core: Core, pod: Pod): JsonMap | undefined {
  const budgets = core.store
    .list('poddisruptionbudgets', `${pod.metadata?.namespace ?? ''}/`)
    .map(({ object }) => object as JsonMap)
    .filter(({ spec }) => isMap(mapOf(spec).selector) && meetsSelector(mapOf(spec).selector, pod));
  if (budgets.length > 1)
    throw internal('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  return budgets[0];
}

/** Evicts a pod, unless a disruption budget forbids it. */
export function evict(core: Core, request: ResourceRequest): KubeStatus {
  const body = bodyOf(request, EVICTION);
  const metadata = mapOf(body.metadata);
  if (metadata.name !== undefined && metadata.name !== '' && metadata.name !== request.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const { key, pod } = podOf(core, request);
  const options = { ...optionsOf(mapOf(body.deleteOptions)) };
  const dryRun = options.dryRun || isDryRun(request);
  const budget = pod.status?.phase === 'Running' ? budgetOf(core, pod) : undefined;
  if (budget !== undefined && Number(mapOf(budget.status).disruptionsAllowed ?? 0) <= 0) {
    const name = String(mapOf(budget.metadata).name ?? '');
    const status = mapOf(budget.status);
    const isSettled = Number(status.observedGeneration ?? 0) >= Number(mapOf(budget.metadata).generation ?? 0);
    const message = isSettled
      ? `The disruption budget ${name} needs ${String(status.desiredHealthy ?? 0)} healthy pods and has ${String(status.currentHealthy ?? 0)} currently`
      : `The disruption budget ${name} is still being processed by the server.`;
    throw new ApiError(
      failure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
        causes: [{ reason: 'DisruptionBudget', message }],
        ...(isSettled ? {} : { retryAfterSeconds: 10 }),
      }),
    );
  }
  if (dryRun) return created;
  if (budget !== undefined) spend(core, budget, pod);
  const disrupted: Condition = {
    type: 'DisruptionTarget',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: nowTime(core),
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  const stored = core.store.put('pods', key, {
    ...pod,
    status: { ...pod.status, conditions: withCondition(pod.status?.conditions, disrupted) },
  });
  deleteObject(core, PODS, key, stored, { ...options, resourceVersion: undefined });
  return created;
}
