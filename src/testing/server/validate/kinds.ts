/** Faults of objects by their kind, apart from their metadata. */
import { qualifiedNameProblems } from '../../../wire/name-rules.js';
import { goJsonError } from '../go-json.js';
import { isMap, type JsonMap, sameJson } from '../json.js';
import type { ResourceDef } from '../resources.js';
import { type FieldFault, fault } from '../status.js';
import { budgetFaults, quotaFaults, quotaStatusFaults } from './budget.js';
import { Faults, maps } from './kit.js';
import { configKeyProblems } from './names.js';
import { podCreateFaults, podSpecFaults, podUpdateFaults } from './pod.js';
import { podStatusFaults } from './pod-status.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

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

const EVENT_LIMITS = [
  ['reportingInstance', 128],
  ['action', 128],
  ['reason', 128],
  ['message', 1024],
] as const;

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
  for (const [field, limit] of EVENT_LIMITS)
    if (String(event[field] ?? '').length > limit)
      faults.add(fault.invalid(field, '', `can have at most ${limit} characters`));
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
  const seen = new Set<string>();
  for (const [index, taint] of maps(spec.taints).entries()) {
    const key = String(taint.key ?? '');
    faults.problems(`metadata.taints[${index}].key`, key, qualifiedNameProblems(key));
    if (!TAINT_EFFECTS.includes(String(taint.effect)))
      faults.add(fault.unsupported(`metadata.taints[${index}].effect`, taint.effect, TAINT_EFFECTS));
    const pair = `${key}/${String(taint.effect)}`;
    const shown = { Key: key, Value: taint.value ?? '', Effect: taint.effect, TimeAdded: taint.timeAdded ?? null };
    if (seen.has(pair)) {
      const { message, ...duplicate } = fault.duplicate(`metadata.taints[${index}]`, shown);
      faults.add({ ...duplicate, message: `${message}: taints must be unique by key and effect pair` });
    }
    seen.add(pair);
  }
  return faults.list;
}

function namespaceStatusFaults(object: JsonMap): FieldFault[] {
  const { phase } = mapOf(object.status);
  const isEnding = mapOf(object.metadata).deletionTimestamp !== undefined;
  if (isEnding === (phase === 'Terminating')) return [];
  const why = isEnding
    ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
    : "may only be 'Active' if `deletionTimestamp` is empty";
  return [fault.invalid('status.Phase', phase, why)];
}

function podCidrFaults(spec: JsonMap, old: JsonMap): FieldFault[] {
  if (old.podCIDR === undefined || spec.podCIDR === old.podCIDR) return [];
  return [fault.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid')];
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
      return old === undefined ? faults : [...faults, ...faults, ...podCidrFaults(mapOf(object.spec), mapOf(old.spec))];
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
  if (def.resource === 'namespaces') return namespaceStatusFaults(object);
  return def.resource === 'resourcequotas' ? quotaStatusFaults(object) : [];
}
