/** What differs from kind to kind when objects are written: preparation and defaults. */

import { subdomainProblem } from '../../wire/name-rules.js';
import { isMap, type JsonMap } from './json.js';
import { allContainers, canonicalQuantities, defaultPodSpec, dropEmpty, qosClass } from './pod-defaults.js';
import { podWarnings } from './pod-warnings.js';
import type { ResourceDef } from './resources.js';
import { badRequest } from './status.js';
import { maps } from './validate/kit.js';
import { dnsLabelProblem } from './validate/names.js';
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
    case 'leases': {
      // Both are behind a gate that is off by default: they are dropped, and stay owned by their writer.
      const { strategy: _, preferredHolder: _holder, ...spec } = mapOf(object.spec);
      object.spec = spec;
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

/** What the server warns of though it takes the object. */
export function warningsOf(def: ResourceDef, object: JsonMap): string[] {
  if (def.resource === 'pods') return podWarnings(object);
  if (def.resource !== 'secrets' || object.type !== 'kubernetes.io/tls') return [];
  const text = (key: string) => Buffer.from(String(mapOf(object.data)[key] ?? ''), 'base64').toString('utf8');
  const warning = tlsPairWarning(text('tls.crt'), text('tls.key'));
  return warning === undefined ? [] : [warning];
}
