/** Creating and replacing objects. */

import type { KubeObject } from '../../wire/types.js';
import { admitCreate } from './admission.js';
import { decodeObject } from './body.js';
import { type Core, nameSuffix, newUid, nowTime } from './core.js';
import type { FieldWriter } from './fields/managed-fields.js';
import { isMap, type JsonMap, sameJson } from './json.js';
import { admitPodSpec } from './pod-defaults.js';
import { admitResize, narrowed, narrowFaults } from './pod-subresources.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { apiVersionOf, keyOf, type ResourceDef } from './resources.js';
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldFault,
  fault,
  internal,
  invalid,
  invalidOptions,
  MODIFIED_MEANWHILE,
  notFound,
} from './status.js';
import {
  applyDefaults,
  complete,
  nameProblem,
  normalizePodStatus,
  prepareCreate,
  specFaults,
  statusFaults,
  warningsOf,
} from './strategies.js';
import { metadataFaults } from './validate/meta.js';

/** An object and the HTTP status to answer with. */
export interface Written {
  readonly code: number;
  readonly object: KubeObject;
}

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

function checkNamespace(request: ResourceRequest, metadata: JsonMap): void {
  if (!request.def.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace !== undefined && metadata.namespace !== request.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  metadata.namespace = request.namespace;
}

function orderMetadata(metadata: JsonMap): JsonMap {
  const { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, ...rest } = metadata;
  const result: JsonMap = {
    name,
    generateName,
    namespace,
    uid,
    resourceVersion,
    generation,
    creationTimestamp,
    ...rest,
  };
  for (const field of Object.keys(result)) if (result[field] === undefined) delete result[field];
  return result;
}

/** Who owns which fields, where that is known already; without it the writer owns what changes. */
export type ManagedFields = readonly JsonMap[];

/** The name under which a request owns fields: the one it gives, else its client's. */
export function managerOf(headers: Readonly<Record<string, string>>, query: URLSearchParams): string {
  const agent = (headers['user-agent'] ?? '').split('/')[0] ?? '';
  return query.get('fieldManager') || agent.replace(/[^\x20-\x7e]/g, '').slice(0, 128) || 'unknown';
}

/** The one who sends a request, as owner of fields. */
export function writerOf(core: Core, request: ResourceRequest): FieldWriter {
  const { def, subresource } = request;
  return {
    manager: managerOf(request.headers, request.query),
    apiVersion: apiVersionOf(def),
    kind: def.kind,
    subresource,
    now: nowTime(core),
    reset: subresource === 'status' ? STATUS_RESET : def.hasStatus ? MAIN_RESET : [],
  };
}

/** Subresources through which only some fields of the spec change. */
const NARROW = new Set(['ephemeralcontainers', 'resize']);
const MAIN_RESET = [['f:status']];
const STATUS_RESET = [['f:spec'], ['f:metadata', 'f:deletionTimestamp'], ['f:metadata', 'f:ownerReferences']];

/** Owners that are named twice are kept once, with a warning. */
function dropRepeatedOwners(request: ResourceRequest, metadata: JsonMap): void {
  if (!Array.isArray(metadata.ownerReferences)) return;
  const seen = new Set<unknown>();
  const repeatedUids = new Set<unknown>();
  const kept = metadata.ownerReferences.filter((owner) => {
    const { uid } = mapOf(owner);
    const isNew = !seen.has(uid);
    if (isNew) seen.add(uid);
    else repeatedUids.add(uid);
    return isNew;
  });
  if (repeatedUids.size === 0) return;
  metadata.ownerReferences = kept;
  request.warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...repeatedUids].join(', ')}`,
  );
}

function own(metadata: JsonMap, managed: ManagedFields | undefined): void {
  if (managed === undefined) delete metadata.managedFields;
  else metadata.managedFields = managed;
}

/** Creates the object of a request, or one given by another part of the server. */
export function create(core: Core, request: ResourceRequest, given?: JsonMap, managed?: ManagedFields): Written {
  const { def } = request;
  const dryRun = isDryRun(request.query.getAll('dryRun'), 'CreateOptions');
  checkManager(request, 'CreateOptions');
  const object = given ?? decodeObject(request);
  const metadata = object.metadata as JsonMap;
  checkNamespace(request, metadata);
  if (/^0*[1-9]\d*$/.test(String(metadata.resourceVersion ?? '')))
    throw internal('resourceVersion should not be set on objects to be created');
  dropRepeatedOwners(request, metadata);
  for (const field of [
    'uid',
    'creationTimestamp',
    'generation',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'resourceVersion',
  ])
    delete metadata[field];
  if (def.resource !== 'nodes') delete object.status;
  if (metadata.name === undefined && typeof metadata.generateName === 'string' && metadata.generateName !== '')
    metadata.name = `${metadata.generateName.slice(0, 58)}${nameSuffix(core.random)}`;
  const name = typeof metadata.name === 'string' ? metadata.name : '';
  metadata.uid = newUid(core.random);
  metadata.creationTimestamp = nowTime(core);
  if (def.hasGeneration) metadata.generation = 1;
  applyDefaults(def, object);
  if (managed === undefined)
    own(metadata, core.fields.update(writerOf(core, request), undefined, object, metadata.managedFields));
  else own(metadata, managed);
  prepareCreate(def, object, nowTime(core));
  if (def.resource === 'pods') admitPodSpec(mapOf(object.spec));
  admitCreate(core, request, object, 'mutate');
  const faults = [...metadataFaults(metadata, (text) => nameProblem(def, text)), ...specFaults(def, object, undefined)];
  if (faults.length > 0) throw invalid(def, name, faults);
  complete(def, object);
  admitCreate(core, request, object, 'validate');
  const key = keyOf(def, request.namespace, name);
  const existing = core.store.get(def.resource, key);
  if (existing !== undefined) throw alreadyExists(def, name, existing.metadata?.deletionTimestamp !== undefined);
  request.warnings.push(...warningsOf(def, object));
  object.metadata = orderMetadata(metadata);
  if (dryRun) return { code: 201, object: object as KubeObject };
  return { code: 201, object: core.store.put(def.resource, key, object as KubeObject) };
}

/** Faults of a field manager's name. */
export function managerFaults(manager: string): FieldFault[] {
  const faults: FieldFault[] = [];
  if (Buffer.byteLength(manager) > 128) faults.push(fault.tooLong('fieldManager', 128));
  for (const [position, char] of [...manager].entries()) {
    if (/[\x20-\x7e\u00a1-\uffff]/.test(char)) continue;
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    faults.push(fault.invalid('fieldManager', manager, `invalid character U+${code} (at position ${position})`));
  }
  return faults;
}

/** Faults of the way that unknown fields shall be met. */
export function fieldValidationFaults({ query }: ResourceRequest): FieldFault[] {
  const mode = query.get('fieldValidation') ?? '';
  if (FIELD_VALIDATIONS.includes(mode)) return [];
  return [fault.unsupported('fieldValidation', mode, FIELD_VALIDATIONS)];
}

const FIELD_VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'];

function checkManager(request: ResourceRequest, kind: string): void {
  const faults = [...managerFaults(request.query.get('fieldManager') ?? ''), ...fieldValidationFaults(request)];
  if (faults.length > 0) throw invalidOptions(kind, faults);
}

/** Replaces the object a request names. */
export function update(core: Core, request: ResourceRequest): Written {
  const { def, name } = request;
  const dryRun = isDryRun(request.query.getAll('dryRun'), 'UpdateOptions');
  checkManager(request, 'UpdateOptions');
  const object = decodeObject(request);
  const metadata = object.metadata as JsonMap;
  if (metadata.name === undefined)
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (metadata.name !== name)
    throw badRequest(`the name of the object (${String(metadata.name)}) does not match the name on the URL (${name})`);
  checkNamespace(request, metadata);
  const key = keyOf(def, request.namespace, name);
  const old = core.store.get(def.resource, key);
  if (old === undefined) {
    if (!def.createsOnPut || request.subresource !== '') throw notFound(def, name);
    return create(core, { ...request, query: new URLSearchParams() }, object);
  }
  if (metadata.uid !== undefined && metadata.uid !== old.metadata?.uid) {
    const where = `/registry/${def.resource}/${key}`;
    throw conflict(
      def,
      name,
      `StorageError: invalid object, Code: 4, Key: ${where}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${String(metadata.uid)}, UID in object meta: ${old.metadata?.uid ?? ''}`,
    );
  }
  const version = metadata.resourceVersion;
  if ((version === undefined || version === '') && def.needsVersionOnPut)
    throw invalid({ ...def, kind: def.resource }, name, [
      fault.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  return commit(core, request, old, object, dryRun);
}

function metadataUpdateFaults(metadata: JsonMap, old: JsonMap): FieldFault[] {
  const faults: FieldFault[] = [];
  const immutable = (field: string) => {
    if (metadata[field] !== undefined && !sameJson(metadata[field], old[field]))
      faults.push(fault.invalid(`metadata.${field}`, metadata[field], 'field is immutable'));
  };
  immutable('uid');
  immutable('deletionTimestamp');
  if (old.deletionTimestamp !== undefined && Array.isArray(metadata.finalizers)) {
    const known = new Set(Array.isArray(old.finalizers) ? old.finalizers : []);
    const added = metadata.finalizers.filter((item) => !known.has(item));
    if (added.length > 0)
      faults.push(
        fault.forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((item) => JSON.stringify(item)).join(', ')}}`,
        ),
      );
  }
  return faults;
}

/** The common end of PUT and PATCH: takes the part of the object that may change, judges it and stores it. */
export function commit(
  core: Core,
  request: ResourceRequest,
  old: KubeObject,
  given: JsonMap,
  dryRun: boolean,
  managed?: ManagedFields,
): Written {
  const { def, name } = request;
  let object = given;
  let metadata = object.metadata as JsonMap;
  const oldMeta = (old.metadata ?? {}) as JsonMap;
  const version = metadata.resourceVersion;
  if (version !== undefined && version !== '' && !/^\d+$/.test(String(version)))
    throw internal(`strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
  if (version !== undefined && version !== '' && version !== oldMeta.resourceVersion)
    throw conflict(def, name, MODIFIED_MEANWHILE);
  // The server judges metadata twice, and reports each fault as two causes.
  const metaFaults = metadataUpdateFaults(metadata, oldMeta);
  const faults = [...metaFaults, ...metaFaults];
  for (const field of [
    'uid',
    'resourceVersion',
    'creationTimestamp',
    'generation',
    'generateName',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ]) {
    if (oldMeta[field] === undefined) delete metadata[field];
    else metadata[field] = oldMeta[field];
  }
  if (def.hasStatus && request.subresource !== 'status') {
    if ((old as JsonMap).status === undefined) delete object.status;
    else object.status = (old as JsonMap).status;
  }
  if (request.subresource === 'status') {
    object.spec = (old as JsonMap).spec;
    const status = mapOf(object.status);
    object.status = status;
    if (def.resource === 'pods') status.qosClass ??= mapOf((old as JsonMap).status).qosClass;
    if (metadata.ownerReferences !== undefined || oldMeta.ownerReferences !== undefined)
      metadata.ownerReferences = oldMeta.ownerReferences;
    if (metadata.ownerReferences === undefined) delete metadata.ownerReferences;
  }
  applyDefaults(def, object);
  if (def.resource === 'pods') normalizePodStatus(mapOf(object.status));
  own(metadata, managed ?? core.fields.update(writerOf(core, request), old as JsonMap, object, metadata.managedFields));
  if (def.resource === 'pods') admitPodSpec(mapOf(object.spec));
  if (NARROW.has(request.subresource)) {
    object = narrowed(request.subresource, object, old as JsonMap);
    metadata = object.metadata as JsonMap;
    if (request.subresource === 'resize') admitResize(core, name, object, old as JsonMap);
    faults.push(...narrowFaults(request.subresource, object, old as JsonMap));
  }
  if (request.subresource === 'status') {
    const { observedGeneration } = mapOf((old as JsonMap).status);
    // What was observed once is not forgotten, and its writer keeps no field for it.
    if (observedGeneration !== undefined) mapOf(object.status).observedGeneration ??= observedGeneration;
    complete(def, object);
    faults.push(...statusFaults(def, object, old as JsonMap));
  }
  if (request.subresource === '') {
    complete(def, object);
    faults.push(
      ...repeated(
        metadataFaults(metadata, (text) => nameProblem(def, text)),
        4,
      ),
      ...specFaults(def, object, old as JsonMap),
    );
  }
  if (faults.length > 0) throw invalid(def, name, faults);
  object.metadata = orderMetadata(metadata);
  if (isUnchanged(object, old as JsonMap)) return { code: 200, object: old };
  if (def.hasGeneration && !sameJson(object.spec, (old as JsonMap).spec))
    (object.metadata as JsonMap).generation = Number(oldMeta.generation ?? 1) + 1;
  if (dryRun) return { code: 200, object: object as KubeObject };
  const key = keyOf(def, request.namespace, name);
  if (isReleased(def, object)) {
    // The answer shows the version before the removal, the event the one after it.
    core.store.remove(def.resource, key, old);
    return { code: 200, object: object as KubeObject };
  }
  return { code: 200, object: core.store.put(def.resource, key, object as KubeObject) };
}

/** The server judges an object's metadata again with each set of rules for updates, and reports each finding. */
function repeated(faults: readonly FieldFault[], times: number): FieldFault[] {
  return Array.from({ length: times }, () => faults).flat();
}

/** Whether a write changes nothing; that owners would get a newer time is no change. */
function isUnchanged(object: JsonMap, old: JsonMap): boolean {
  const timeless = (value: JsonMap) => {
    const { managedFields, ...metadata } = mapOf(value.metadata);
    const owners = Array.isArray(managedFields)
      ? managedFields.filter(isMap).map(({ time: _, ...owner }) => owner)
      : [];
    return { ...value, metadata: { ...metadata, managedFields: owners } };
  };
  return sameJson(object.spec, old.spec) && sameJson(timeless(object), timeless(old));
}

/** Whether nothing holds a marked object any more. */
function isReleased(def: ResourceDef, object: JsonMap): boolean {
  const metadata = object.metadata as JsonMap;
  if (metadata.deletionTimestamp === undefined || metadata.finalizers !== undefined) return false;
  if (def.resource === 'namespaces')
    return !Array.isArray(mapOf(object.spec).finalizers) || (mapOf(object.spec).finalizers as unknown[]).length === 0;
  return (metadata.deletionGracePeriodSeconds ?? 0) === 0;
}
