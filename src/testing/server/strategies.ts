/** What differs from kind to kind when objects are written: preparation, defaults and validation. */

import { goJsonError } from './go-json.js';
import { isMap, type JsonMap, sameJson } from './json.js';
import { allContainers, canonicalQuantities, defaultPodSpec, dropEmpty, qosClass } from './pod-defaults.js';
import { podWarnings } from './pod-warnings.js';
import type { ResourceDef } from './resources.js';
import { badRequest, type FieldFault, fault } from './status.js';
import { budgetFaults, quotaFaults, quotaStatusFaults } from './validate/budget.js';
import { Faults, maps } from './validate/kit.js';
import { configKeyProblems, dnsLabelProblem, qualifiedNameProblems, subdomainProblem } from './validate/names.js';
import { podCreateFaults, podSpecFaults, podUpdateFaults } from './validate/pod.js';
import { podStatusFaults } from './validate/pod-status.js';
import { tlsPairWarning } from './validate/tls-pair.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** What is wrong with a name of this kind, or `undefined`. */
export function nameProblem(def: ResourceDef, name: string): string | undefined {
  return def.resource === 'namespaces' ? dnsLabelProblem(name) : subdomainProblem(name);
}

function podConditions(status: JsonMap): void {
  if (!Array.isArray(status.conditions)) return;
  for (const condition of status.conditions.filter(isMap)) {
    condition.lastProbeTime ??= null;
    condition.lastTransitionTime ??= null;
  }
}

function containerStates(status: JsonMap): void {
  for (const field of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses']) {
    const list = status[field];
    if (!Array.isArray(list)) continue;
    for (const container of list.filter(isMap)) {
      container.ready ??= false;
      container.restartCount ??= 0;
      container.image ??= '';
      container.imageID ??= '';
      for (const stateField of ['state', 'lastState']) {
        const state = mapOf(container[stateField]);
        container[stateField] = state;
        if (isMap(state.terminated)) {
          state.terminated.startedAt ??= null;
          state.terminated.finishedAt ??= null;
          state.terminated.exitCode ??= 0;
        }
        if (isMap(state.running)) state.running.startedAt ??= null;
      }
    }
  }
}

/** Brings a pod's status into the form the server shows. Changes its argument. */
export function normalizePodStatus(status: JsonMap): void {
  const [first] = maps(status.podIPs);
  if (status.podIP === undefined || status.podIP === '') {
    if (first !== undefined) status.podIP = first.ip;
  } else if (first?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  dropEmpty(status);
  podConditions(status);
  containerStates(status);
}

function defaultSecret(secret: JsonMap): void {
  if (secret.type === undefined || secret.type === '') secret.type = 'Opaque';
  if (isMap(secret.stringData)) {
    const folded = Object.fromEntries(
      Object.entries(secret.stringData).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]),
    );
    secret.data = { ...mapOf(secret.data), ...folded };
    delete secret.stringData;
  }
  for (const [key, value] of Object.entries(mapOf(secret.data))) {
    if (
      typeof value !== 'string' ||
      !/^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/.test(value) ||
      value.replace(/\s/g, '').length % 4 !== 0
    )
      throw badRequest(
        `Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte ${Math.max(0, String(value).search(/[^A-Za-z0-9+/=]/))}`,
      );
    void key;
  }
}

function defaultEvent(event: JsonMap): void {
  event.eventTime ??= null;
  event.firstTimestamp ??= null;
  event.lastTimestamp ??= null;
  event.source = mapOf(event.source);
  event.involvedObject = mapOf(event.involvedObject);
  event.reportingComponent ??= '';
  event.reportingInstance ??= '';
}

/** What a node's description always shows. */
const NODE_INFO = [
  'architecture',
  'bootID',
  'containerRuntimeVersion',
  'kernelVersion',
  'kubeProxyVersion',
  'kubeletVersion',
  'machineID',
  'operatingSystem',
  'osImage',
  'systemUUID',
];

function defaultNode(node: JsonMap): void {
  const status = mapOf(node.status);
  node.status = status;
  node.spec = mapOf(node.spec);
  const spec = mapOf(node.spec);
  if (typeof spec.podCIDR === 'string' && spec.podCIDRs === undefined) spec.podCIDRs = [spec.podCIDR];
  for (const condition of maps(status.conditions)) {
    condition.lastHeartbeatTime ??= null;
    condition.lastTransitionTime ??= null;
  }
  canonicalQuantities(status.capacity);
  canonicalQuantities(status.allocatable);
  if (status.allocatable === undefined && isMap(status.capacity)) status.allocatable = { ...status.capacity };
  status.daemonEndpoints ??= { kubeletEndpoint: { Port: 0 } };
  const blank = Object.fromEntries(NODE_INFO.map((field) => [field, '']));
  status.nodeInfo = { ...blank, ...mapOf(status.nodeInfo) };
}

/** Fills in what a kind defaults, on creations and updates alike. Changes its argument. */
export function applyDefaults(def: ResourceDef, object: JsonMap): void {
  switch (def.resource) {
    case 'pods': {
      const spec = mapOf(object.spec);
      object.spec = spec;
      if (spec.containers === undefined) spec.containers = null;
      defaultPodSpec(spec);
      break;
    }
    case 'secrets':
      defaultSecret(object);
      break;
    case 'events':
      defaultEvent(object);
      break;
    case 'leases':
      object.spec = mapOf(object.spec);
      break;
    case 'nodes':
      defaultNode(object);
      break;
    case 'resourcequotas': {
      object.spec = mapOf(object.spec);
      object.status = mapOf(object.status);
      canonicalQuantities((object.spec as JsonMap).hard);
      canonicalQuantities((object.status as JsonMap).hard);
      canonicalQuantities((object.status as JsonMap).used);
      break;
    }
    case 'priorityclasses':
      object.preemptionPolicy ??= 'PreemptLowerPriority';
      break;
    case 'namespaces': {
      object.spec = mapOf(object.spec);
      const metadata = mapOf(object.metadata);
      if (typeof metadata.name === 'string')
        metadata.labels = { ...mapOf(metadata.labels), 'kubernetes.io/metadata.name': metadata.name };
      break;
    }
    default:
  }
  for (const field of ['data', 'binaryData'] as const) {
    if (isMap(object[field]) && Object.keys(object[field]).length === 0) delete object[field];
  }
}

/** Stop signals are behind a gate that is off by default: they are dropped, and stay owned by their writer. */
function dropStopSignals(spec: JsonMap): void {
  for (const container of allContainers(spec)) {
    const lifecycle = mapOf(container.lifecycle);
    if (lifecycle.stopSignal === undefined) continue;
    delete lifecycle.stopSignal;
    if (Object.keys(lifecycle).length === 0) delete container.lifecycle;
  }
}

/** What a new object starts with. Changes its argument. */
export function prepareCreate(def: ResourceDef, object: JsonMap, now: string): void {
  switch (def.resource) {
    case 'pods': {
      dropStopSignals(mapOf(object.spec));
      const gated =
        Array.isArray(mapOf(object.spec).schedulingGates) &&
        (mapOf(object.spec).schedulingGates as unknown[]).length > 0;
      object.status = {
        phase: 'Pending',
        ...(gated
          ? {
              conditions: [
                {
                  type: 'PodScheduled',
                  status: 'False',
                  lastProbeTime: null,
                  lastTransitionTime: now,
                  reason: 'SchedulingGated',
                  message: 'Scheduling is blocked due to non-empty scheduling gates',
                },
              ],
            }
          : {}),
      };
      break;
    }
    case 'namespaces':
      (object.spec as JsonMap).finalizers = ['kubernetes'];
      object.status = { phase: 'Active' };
      break;
    case 'poddisruptionbudgets':
      object.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
      break;
    case 'resourcequotas':
      object.status = {};
      break;
    default:
  }
}

/** Sets what follows from the rest of the object, after defaulting. */
export function complete(def: ResourceDef, object: JsonMap): void {
  if (def.resource !== 'pods') return;
  const status = mapOf(object.status);
  object.status = status;
  normalizePodStatus(status);
  status.qosClass ??= qosClass(mapOf(object.spec));
}

function dataFaults(object: JsonMap, fields: readonly string[]): FieldFault[] {
  const faults = new Faults();
  let size = 0;
  for (const field of fields) {
    for (const [key, value] of Object.entries(mapOf(object[field]))) {
      faults.problems(`${field}[${key}]`, key, configKeyProblems(key));
      if (field === 'data' && mapOf(object.binaryData)[key] !== undefined)
        faults.add(fault.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
      size += String(value).length;
    }
  }
  if (size > 1024 * 1024) faults.add(fault.tooLong('[]', 1024 * 1024));
  return faults.list;
}

/** The keys that secrets of a type must have. */
const SECRET_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

function secretTypeFaults(secret: JsonMap): FieldFault[] {
  const type = String(secret.type ?? '');
  const data = mapOf(secret.data);
  const faults = new Faults();
  for (const key of SECRET_KEYS[type] ?? []) faults.required(`data[${key}]`, data[key]);
  if (type === 'kubernetes.io/basic-auth' && data.username === undefined && data.password === undefined)
    for (const key of ['username', 'password']) faults.required(`data[${key}]`, undefined);
  const config = data['.dockerconfigjson'];
  if (type === 'kubernetes.io/dockerconfigjson' && typeof config === 'string') {
    const problem = goJsonError(Buffer.from(config, 'base64').toString('utf8'));
    if (problem !== undefined)
      faults.add(fault.invalid('data[.dockerconfigjson]', '<secret contents redacted>', problem));
  }
  if (type === 'kubernetes.io/service-account-token')
    faults.required(
      'metadata.annotations[kubernetes.io/service-account.name]',
      mapOf(mapOf(secret.metadata).annotations)['kubernetes.io/service-account.name'],
    );
  return faults.list;
}

function eventFaults(event: JsonMap): FieldFault[] {
  const faults = new Faults();
  const { namespace = '' } = mapOf(event.involvedObject);
  if (namespace !== mapOf(event.metadata).namespace)
    faults.add(fault.invalid('involvedObject.namespace', namespace, 'does not match event.namespace'));
  if (event.eventTime === undefined || event.eventTime === null) return faults.list;
  const component = String(event.reportingComponent ?? '');
  faults.required('reportingComponent', component);
  faults.problems('reportingComponent', component, qualifiedNameProblems(component));
  faults.required('reportingInstance', event.reportingInstance);
  faults.required('action', event.action);
  faults.required('reason', event.reason);
  return faults.list;
}

function leaseFaults(spec: JsonMap): FieldFault[] {
  const faults = new Faults();
  if (typeof spec.leaseDurationSeconds === 'number' && spec.leaseDurationSeconds <= 0)
    faults.add(fault.invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
  faults.notNegative('spec.leaseTransitions', spec.leaseTransitions);
  return faults.list;
}

const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function taintFaults(spec: JsonMap): FieldFault[] {
  const faults = new Faults();
  for (const [index, taint] of maps(spec.taints).entries()) {
    const key = String(taint.key ?? '');
    faults.problems(`metadata.taints[${index}].key`, key, qualifiedNameProblems(key));
    if (!TAINT_EFFECTS.includes(String(taint.effect)))
      faults.add(fault.unsupported(`metadata.taints[${index}].effect`, taint.effect, TAINT_EFFECTS));
  }
  return faults.list;
}

function immutableFaults(object: JsonMap, old: JsonMap): FieldFault[] {
  if (old.immutable !== true) return [];
  if (object.immutable !== true) return [fault.forbidden('immutable', 'field is immutable when `immutable` is set')];
  return ['data', 'binaryData'].flatMap((field) =>
    sameJson(object[field], old[field]) ? [] : [fault.forbidden(field, 'field is immutable when `immutable` is set')],
  );
}

/** Faults of an object of this kind, apart from its metadata; `old` is the stored one on updates. */
export function specFaults(def: ResourceDef, object: JsonMap, old: JsonMap | undefined): FieldFault[] {
  switch (def.resource) {
    case 'pods': {
      const spec = mapOf(object.spec);
      const faults = podSpecFaults(spec);
      return [...faults, ...(old === undefined ? podCreateFaults(spec) : podUpdateFaults(spec, mapOf(old.spec)))];
    }
    case 'configmaps':
      return [
        ...dataFaults(object, ['data', 'binaryData']),
        ...(old === undefined ? [] : immutableFaults(object, old)),
      ];
    case 'secrets':
      return [
        ...(old !== undefined && object.type !== old.type
          ? [fault.invalid('type', object.type, 'field is immutable')]
          : []),
        ...dataFaults(object, ['data']),
        ...(old === undefined ? secretTypeFaults(object) : []),
        ...(old === undefined ? [] : immutableFaults(object, old)),
      ];
    case 'events':
      return eventFaults(object);
    case 'leases':
      return leaseFaults(mapOf(object.spec));
    case 'nodes': {
      // An update judges taints twice.
      const faults = taintFaults(mapOf(object.spec));
      return old === undefined ? faults : [...faults, ...faults];
    }
    case 'priorityclasses':
      return old !== undefined && object.value !== old.value
        ? [fault.forbidden('value', 'may not be changed in an update.')]
        : [];
    case 'resourcequotas':
      return quotaFaults(object, old);
    case 'poddisruptionbudgets':
      return budgetFaults(object);
    default:
      return [];
  }
}

/** Faults of a change of an object's status. */
export function statusFaults(def: ResourceDef, object: JsonMap, old: JsonMap): FieldFault[] {
  if (def.resource === 'pods') return podStatusFaults(object, old);
  return def.resource === 'resourcequotas' ? quotaStatusFaults(object) : [];
}

/** What the server warns of though it takes the object. */
export function warningsOf(def: ResourceDef, object: JsonMap): string[] {
  if (def.resource === 'pods') return podWarnings(object);
  if (def.resource !== 'secrets' || object.type !== 'kubernetes.io/tls') return [];
  const text = (key: string) => Buffer.from(String(mapOf(object.data)[key] ?? ''), 'base64').toString('utf8');
  const warning = tlsPairWarning(text('tls.crt'), text('tls.key'));
  return warning === undefined ? [] : [warning];
}
