/** What the API server fills in when a pod is written, and the forms it brings values into. */
import { canonicalQuantity, formatQuantity, parseQuantity } from '../../wire/quantity.js';
import { isMap, type JsonMap } from './json.js';

const maps = (value: unknown): JsonMap[] => (Array.isArray(value) ? value.filter(isMap) : []);

function defaultTo(target: JsonMap, field: string, value: unknown): void {
  if (target[field] === undefined || target[field] === '') target[field] = value;
}

/** Empty maps and lists are not stored; some objects are, even when empty. */
const KEPT_EMPTY = new Set([
  'securityContext',
  'resources',
  'emptyDir',
  'status',
  'state',
  'lastState',
  'source',
  'spec',
  'metadata',
  'running',
  'waiting',
  'terminated',
  'podAntiAffinity',
  'podAffinity',
  'nodeAffinity',
  'affinity',
  'podSelector',
  'namespaceSelector',
  'labelSelector',
  'env',
]);

/** Drops nulls, empty lists, empty maps and empty strings where the API server would. Changes its argument. */
export function dropEmpty(object: JsonMap, keepStrings = true): void {
  for (const field of Object.keys(object)) {
    const value = object[field];
    if (value === null || (Array.isArray(value) && value.length === 0) || (!keepStrings && value === '')) {
      delete object[field];
    } else if (Array.isArray(value)) {
      for (const item of value) if (isMap(item)) dropEmpty(item);
    } else if (isMap(value)) {
      const wasEmpty = Object.keys(value).length === 0;
      if (field !== 'labels' && field !== 'annotations' && field !== 'data' && field !== 'nodeSelector')
        dropEmpty(value);
      if (wasEmpty && !KEPT_EMPTY.has(field)) delete object[field];
    }
  }
}

const MILLI = 1_000_000n;

function inMilli(value: unknown): unknown {
  const quantity = parseQuantity(value);
  if (quantity === undefined || quantity.nano % MILLI === 0n) return value;
  return formatQuantity({ ...quantity, nano: (quantity.nano / MILLI + (quantity.nano > 0n ? 1n : 0n)) * MILLI });
}

/** Brings quantities of a map into canonical form, in thousandths at the finest; unreadable ones stay for validation. */
export function canonicalQuantities(quantities: unknown): void {
  if (!isMap(quantities)) return;
  for (const name of Object.keys(quantities))
    quantities[name] = canonicalQuantity(inMilli(quantities[name])) ?? quantities[name];
}

function probeDefaults(probe: unknown): void {
  if (!isMap(probe)) return;
  for (const [field, value] of [
    ['timeoutSeconds', 1],
    ['periodSeconds', 10],
    ['successThreshold', 1],
    ['failureThreshold', 3],
  ] as const) {
    if (probe[field] === undefined || probe[field] === 0) probe[field] = value;
  }
  if (isMap(probe.httpGet)) httpGetDefaults(probe.httpGet);
  if (isMap(probe.grpc)) defaultTo(probe.grpc, 'service', '');
}

function httpGetDefaults(httpGet: JsonMap): void {
  defaultTo(httpGet, 'path', '/');
  defaultTo(httpGet, 'scheme', 'HTTP');
}

function pullPolicy(image: unknown): string {
  // A reference that cannot be read has no tag.
  if (typeof image !== 'string' || !/^[\w.:/@-]+$/.test(image)) return 'IfNotPresent';
  if (image.includes('@')) return 'IfNotPresent';
  const last = image.slice(image.lastIndexOf('/') + 1);
  const tag = last.includes(':') ? last.slice(last.indexOf(':') + 1) : 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function containerDefaults(container: JsonMap, hostNetwork: boolean): void {
  defaultTo(container, 'terminationMessagePath', '/dev/termination-log');
  defaultTo(container, 'terminationMessagePolicy', 'File');
  defaultTo(container, 'imagePullPolicy', pullPolicy(container.image));
  if (!isMap(container.resources)) container.resources = {};
  const resources = container.resources as JsonMap;
  canonicalQuantities(resources.limits);
  canonicalQuantities(resources.requests);
  if (isMap(resources.limits))
    resources.requests = { ...resources.limits, ...(isMap(resources.requests) ? resources.requests : {}) };
  for (const port of maps(container.ports)) {
    defaultTo(port, 'protocol', 'TCP');
    if (hostNetwork && port.hostPort === undefined) port.hostPort = port.containerPort;
  }
  for (const variable of maps(container.env)) {
    if (variable.value === '') delete variable.value;
    const fieldRef = isMap(variable.valueFrom) ? variable.valueFrom.fieldRef : undefined;
    if (isMap(fieldRef)) defaultTo(fieldRef, 'apiVersion', 'v1');
    const resourceRef = isMap(variable.valueFrom) ? variable.valueFrom.resourceFieldRef : undefined;
    if (isMap(resourceRef)) resourceRef.divisor = canonicalQuantity(resourceRef.divisor) ?? '0';
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) probeDefaults(container[probe]);
  if (isMap(container.lifecycle)) {
    for (const hook of Object.values(container.lifecycle))
      if (isMap(hook) && isMap(hook.httpGet)) httpGetDefaults(hook.httpGet);
  }
}

function volumeDefaults(volume: JsonMap): void {
  const sources = Object.keys(volume).filter((field) => field !== 'name');
  if (sources.length === 0) volume.emptyDir = {};
  if (isMap(volume.emptyDir) && volume.emptyDir.sizeLimit !== undefined)
    volume.emptyDir.sizeLimit = canonicalQuantity(volume.emptyDir.sizeLimit) ?? volume.emptyDir.sizeLimit;
  for (const field of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    const source = volume[field];
    if (isMap(source) && source.defaultMode === undefined) source.defaultMode = 420;
  }
  const claim = isMap(volume.ephemeral) ? volume.ephemeral.volumeClaimTemplate : undefined;
  if (isMap(claim)) {
    claim.metadata ??= {};
    if (isMap(claim.spec)) defaultTo(claim.spec, 'volumeMode', 'Filesystem');
  }
  const hostPath = volume.hostPath;
  if (isMap(hostPath) && hostPath.type === undefined) hostPath.type = '';
  const downward = isMap(volume.downwardAPI) ? maps(volume.downwardAPI.items) : [];
  const projected = isMap(volume.projected) ? maps(volume.projected.sources) : [];
  for (const source of projected) {
    if (isMap(source.serviceAccountToken) && source.serviceAccountToken.expirationSeconds === undefined)
      source.serviceAccountToken.expirationSeconds = 3600;
    if (isMap(source.downwardAPI)) downward.push(...maps(source.downwardAPI.items));
  }
  for (const item of downward) if (isMap(item.fieldRef)) defaultTo(item.fieldRef, 'apiVersion', 'v1');
}

function tolerated(tolerations: readonly JsonMap[], key: string): boolean {
  return tolerations.some(
    (toleration) =>
      (toleration.key === key || toleration.key === undefined || toleration.key === '') &&
      (toleration.effect === 'NoExecute' || toleration.effect === undefined || toleration.effect === ''),
  );
}

/** The tolerations that admission adds to every pod unless it has its own. */
function addTolerations(spec: JsonMap): void {
  const tolerations = maps(spec.tolerations);
  const missing = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter(
    (key) => !tolerated(tolerations, key),
  );
  if (missing.length === 0) return;
  spec.tolerations = [
    ...tolerations,
    ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 })),
  ];
}

/** What admission fills in after defaulting; the writer does not own it. Changes its argument. */
export function admitPodSpec(spec: JsonMap): void {
  if (spec.priority === undefined) spec.priority = 0;
  defaultTo(spec, 'preemptionPolicy', 'PreemptLowerPriority');
  addTolerations(spec);
}

/** All containers of a pod's spec, init containers first. */
export function allContainers(spec: JsonMap): JsonMap[] {
  return [...maps(spec.initContainers), ...maps(spec.containers)];
}

const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/** Resources of the pod as a whole: what its containers do not ask for is asked for as it is limited. */
function podResourceDefaults(spec: JsonMap): void {
  const { resources } = spec;
  if (!isMap(resources)) return;
  canonicalQuantities(resources.limits);
  canonicalQuantities(resources.requests);
  if (!isMap(resources.limits)) return;
  const requests: JsonMap = isMap(resources.requests) ? resources.requests : {};
  for (const [name, limit] of Object.entries(resources.limits)) {
    if (!isPodLevel(name) || requests[name] !== undefined) continue;
    const asked = allContainers(spec).some(
      (container) =>
        isMap(container.resources) && isMap(container.resources.requests) && container.resources.requests[name],
    );
    if (!asked) requests[name] = limit;
  }
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

/** Fills in the defaults of a pod's spec. Changes its argument. */
export function defaultPodSpec(spec: JsonMap): void {
  defaultTo(spec, 'restartPolicy', 'Always');
  defaultTo(spec, 'dnsPolicy', 'ClusterFirst');
  defaultTo(spec, 'schedulerName', 'default-scheduler');
  if (spec.terminationGracePeriodSeconds === undefined) spec.terminationGracePeriodSeconds = 30;
  else if (typeof spec.terminationGracePeriodSeconds === 'number' && spec.terminationGracePeriodSeconds < 0)
    spec.terminationGracePeriodSeconds = 1;
  if (spec.securityContext === undefined) spec.securityContext = {};
  if (spec.enableServiceLinks === undefined) spec.enableServiceLinks = true;
  for (const flag of ['hostNetwork', 'hostPID', 'hostIPC']) if (spec[flag] === false) delete spec[flag];
  if (typeof spec.serviceAccountName === 'string') spec.serviceAccount = spec.serviceAccountName;
  else if (typeof spec.serviceAccount === 'string') spec.serviceAccountName = spec.serviceAccount;
  for (const volume of maps(spec.volumes)) volumeDefaults(volume);
  for (const container of [...allContainers(spec), ...maps(spec.ephemeralContainers)])
    containerDefaults(container, spec.hostNetwork === true);
  podResourceDefaults(spec);
  canonicalQuantities(spec.overhead);
}

const QOS_RESOURCES = ['cpu', 'memory'] as const;

/** The quality-of-service class of a spec. */
export function qosClass(spec: JsonMap): string {
  const sums = { requests: new Map<string, bigint>(), limits: new Map<string, bigint>() };
  let everyContainerLimited = true;
  // Resources of the pod as a whole count instead of those of its containers.
  for (const container of isMap(spec.resources) ? [spec] : allContainers(spec)) {
    const resources = isMap(container.resources) ? container.resources : {};
    const limited = new Set<string>();
    for (const side of ['requests', 'limits'] as const) {
      const quantities = resources[side];
      if (!isMap(quantities)) continue;
      for (const name of QOS_RESOURCES) {
        const nano = parseQuantity(quantities[name])?.nano ?? 0n;
        if (nano <= 0n) continue;
        sums[side].set(name, (sums[side].get(name) ?? 0n) + nano);
        if (side === 'limits') limited.add(name);
      }
    }
    if (limited.size < QOS_RESOURCES.length) everyContainerLimited = false;
  }
  if (sums.requests.size === 0 && sums.limits.size === 0) return 'BestEffort';
  const equal =
    [...sums.limits].every(([name, limit]) => sums.requests.get(name) === limit) &&
    sums.requests.size === sums.limits.size;
  return everyContainerLimited && equal ? 'Guaranteed' : 'Burstable';
}
