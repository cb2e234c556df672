/** Resource quotas: what objects count for, what is used, and refusals of what would be too much. */
import { formatQuantity, parseQuantity } from '../../wire/quantity.js';
import type { KubeObject } from '../../wire/types.js';
import { type Core, nowTime } from './core.js';
import { isMap, type JsonMap, sameJson } from './json.js';
import { allContainers, qosClass } from './pod-defaults.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { findResource, RESOURCEQUOTAS } from './resources.js';
import { forbidden } from './status.js';

const ONE = 1_000_000_000n;
const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});
const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

type Usage = ReadonlyMap<string, bigint>;

/** What one pod counts for, in billionths by quota resource. */
function podUsage(spec: JsonMap): Map<string, bigint> {
  const usage = new Map<string, bigint>([
    ['pods', ONE],
    ['count/pods', ONE],
  ]);
  for (const side of ['requests', 'limits'] as const) {
    const sums = new Map<string, bigint>();
    const add = (list: unknown, combine: (sum: bigint, value: bigint) => bigint) => {
      for (const container of Array.isArray(list) ? list.filter(isMap) : []) {
        for (const [name, value] of Object.entries(mapOf(mapOf(container.resources)[side])))
          sums.set(name, combine(sums.get(name) ?? 0n, parseQuantity(value)?.nano ?? 0n));
      }
    };
    add(spec.containers, (sum, value) => sum + value);
    add(spec.initContainers, (sum, value) => (value > sum ? value : sum));
    for (const [name, nano] of sums) {
      usage.set(`${side}.${name}`, nano);
      if (side === 'requests') usage.set(name, nano);
    }
  }
  return usage;
}

function usageOf(resource: string, object: JsonMap): Usage {
  if (resource === 'pods') return podUsage(mapOf(object.spec));
  return new Map([
    [resource, ONE],
    [`count/${resource}`, ONE],
  ]);
}

function meetsScope(pod: JsonMap, scope: string, { operator = 'Exists', values }: JsonMap): boolean {
  const spec = mapOf(pod.spec);
  const isBestEffort = () => qosClass(spec) === 'BestEffort';
  if (scope === 'Terminating') return spec.activeDeadlineSeconds !== undefined;
  if (scope === 'NotTerminating') return spec.activeDeadlineSeconds === undefined;
  if (scope === 'BestEffort') return isBestEffort();
  if (scope === 'NotBestEffort') return !isBestEffort();
  if (scope !== 'PriorityClass') return false;
  const name = String(spec.priorityClassName ?? '');
  if (operator === 'Exists') return name !== '';
  if (operator === 'DoesNotExist') return name === '';
  return textsOf(values).includes(name) === (operator === 'In');
}

/** Whether a quota counts an object: those with scopes count the pods that are in all of them. */
function counts(quota: JsonMap, resource: string, object: JsonMap): boolean {
  const spec = mapOf(quota.spec);
  const selectors = mapOf(spec.scopeSelector).matchExpressions;
  const scopes: JsonMap[] = [
    ...textsOf(spec.scopes).map((scopeName) => ({ scopeName })),
    ...(Array.isArray(selectors) ? selectors.filter(isMap) : []),
  ];
  if (scopes.length === 0) return true;
  return resource === 'pods' && scopes.every((scope) => meetsScope(object, String(scope.scopeName), scope));
}

function isTerminal(object: JsonMap): boolean {
  const { phase } = mapOf(object.status);
  return phase === 'Succeeded' || phase === 'Failed';
}

function show(nano: bigint, like: unknown): string {
  return formatQuantity({ nano, format: parseQuantity(like)?.format ?? 'decimal' });
}

const RENAMED = /^(?:count\/|(?:requests|limits)\.)?/;

/** The stored resource that a name in a quota counts. */
function countedBy(name: string): string {
  const plain = name.replace(RENAMED, '').split('.')[0] ?? '';
  return findResource('', 'v1', plain) === undefined ? 'pods' : plain;
}

/** What is there of all that a quota limits. */
function actualUse(core: Core, quota: KubeObject, hard: JsonMap): JsonMap {
  const prefix = `${quota.metadata?.namespace ?? ''}/`;
  const used: JsonMap = {};
  for (const name of Object.keys(hard)) {
    const resource = countedBy(name);
    let sum = 0n;
    for (const { object } of core.store.list(resource, prefix))
      if (!isTerminal(object as JsonMap) && counts(quota as JsonMap, resource, object as JsonMap))
        sum += usageOf(resource, object as JsonMap).get(name) ?? 0n;
    used[name] = show(sum, hard[name]);
  }
  return used;
}

function store(core: Core, quota: KubeObject, status: JsonMap, manager: string): void {
  const next = { ...quota, status } as JsonMap;
  const writer = {
    manager,
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    subresource: 'status',
    now: nowTime(core),
    reset: [['f:spec']],
  };
  const managedFields = core.fields.update(writer, quota as JsonMap, next, undefined);
  next.metadata = { ...quota.metadata, ...(managedFields === undefined ? {} : { managedFields }) };
  const { namespace = '', name = '' } = quota.metadata ?? {};
  core.store.put(RESOURCEQUOTAS.resource, `${namespace}/${name}`, next as KubeObject);
}

/** Brings the status of a namespace's quotas up to date, as the quota controller does. */
export function syncQuotas(core: Core, namespace: string): void {
  for (const { object: quota } of core.store.list(RESOURCEQUOTAS.resource, `${namespace}/`)) {
    const hard = mapOf(mapOf((quota as JsonMap).spec).hard);
    const status = { hard, used: actualUse(core, quota, hard) };
    if (!sameJson(status, (quota as JsonMap).status)) store(core, quota, status, 'kube-controller-manager');
  }
}

function isCompute(resource: string): boolean {
  return /^(?:(?:requests|limits)\.)?(?:cpu|memory)$/.test(resource);
}

/** `limits.memory for: base; requests.cpu for: base`, or an empty text. */
function missingCompute(spec: JsonMap, relevant: readonly string[]): string {
  const missing: string[] = [];
  for (const resource of relevant.filter(isCompute).sort()) {
    const [side, kind] = resource.includes('.') ? (resource.split('.') as [string, string]) : ['requests', resource];
    const without = allContainers(spec)
      .filter((container) => mapOf(mapOf(container.resources)[side])[kind] === undefined)
      .map((container) => String(container.name));
    if (without.length > 0) missing.push(`${resource} for: ${without.sort().join(',')}`);
  }
  return missing.join('; ');
}

/** Refuses what a quota has no room for, and counts what it has. @throws ApiError 403. */
export function admitQuota(core: Core, request: ResourceRequest, object: JsonMap, name: string): void {
  const { def, namespace } = request;
  if (core.controllers) syncQuotas(core, namespace);
  const taken: { quota: KubeObject; status: JsonMap }[] = [];
  for (const { object: quota } of core.store.list(RESOURCEQUOTAS.resource, `${namespace}/`)) {
    // Until somebody has written its status, a quota limits nothing.
    const status = mapOf((quota as JsonMap).status);
    const hard = mapOf(status.hard);
    if (!counts(quota as JsonMap, def.resource, object)) continue;
    const asked = usageOf(def.resource, object);
    const relevant = Object.keys(hard).filter(
      (resource) => asked.has(resource) || (def.resource === 'pods' && isCompute(resource)),
    );
    const quotaName = quota.metadata?.name ?? '';
    const missing = def.resource === 'pods' ? missingCompute(mapOf(object.spec), relevant) : '';
    if (missing !== '') throw forbidden(def, name, `failed quota: ${quotaName}: must specify ${missing}`);
    const used = mapOf(status.used);
    const usedOf = (resource: string) => parseQuantity(used[resource])?.nano ?? 0n;
    const askedOf = (resource: string) => asked.get(resource) ?? 0n;
    const exceeded = relevant
      .filter((resource) => {
        const limit = parseQuantity(hard[resource])?.nano ?? 0n;
        return askedOf(resource) > 0n && usedOf(resource) + askedOf(resource) > limit;
      })
      .sort();
    const part = (value: (resource: string) => string) =>
      exceeded.map((resource) => `${resource}=${value(resource)}`).join(',');
    if (exceeded.length > 0)
      throw forbidden(
        def,
        name,
        `exceeded quota: ${quotaName}, requested: ${part((resource) => show(askedOf(resource), hard[resource]))}, used: ${part((resource) => show(usedOf(resource), hard[resource]))}, limited: ${part((resource) => String(hard[resource]))}`,
      );
    const more = relevant.filter((resource) => askedOf(resource) > 0n);
    const sums = more.map((resource) => [resource, show(usedOf(resource) + askedOf(resource), hard[resource])]);
    if (sums.length > 0) taken.push({ quota, status: { ...status, used: { ...used, ...Object.fromEntries(sums) } } });
  }
  if (isDryRun(request)) return;
  for (const { quota, status } of taken) store(core, quota, status, 'kube-apiserver');
}
