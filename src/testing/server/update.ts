/** Changing stored objects: PUT, and the common end of PUT and PATCH. */
import type { KubeObject } from '../../wire/types.js';
import { decodeObject } from './body.js';
import type { Core } from './core.js';
import { create } from './create.js';
import { isMap, type JsonMap, sameJson } from './json.js';
import { checkWriteOptions } from './options/write-options.js';
import { admitPodSpec } from './pod-defaults.js';
import { admitResize, narrowed, narrowFaults } from './pod-subresources.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { keyOf, type ResourceDef } from './resources.js';
import {
  badRequest,
  conflict,
  type FieldFault,
  fault,
  internal,
  invalid,
  MODIFIED_MEANWHILE,
  notFound,
} from './status.js';
import { applyDefaults, complete, nameProblem, normalizePodStatus } from './strategies.js';
import { specFaults, statusFaults } from './validate/kinds.js';
import { finalizerFaults, metadataFaults } from './validate/meta.js';
import { checkNamespace, type ManagedFields, orderMetadata, own, type Written, writerOf } from './write.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** Subresources through which only some fields of the spec change. */
const NARROW = new Set(['ephemeralcontainers', 'resize']);

/** Replaces the object a request names. */
export function update(core: Core, request: ResourceRequest): Written {
  const { def, name } = request;
  checkWriteOptions(request, 'UpdateOptions');
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
  return commit(core, request, old, object);
}

function metadataUpdateFaults(metadata: JsonMap, old: JsonMap): FieldFault[] {
  const faults: FieldFault[] = [];
  const immutable = (field: string) => {
    if (metadata[field] !== undefined && !sameJson(metadata[field], old[field]))
      faults.push(fault.invalid(`metadata.${field}`, metadata[field], 'field is immutable'));
  };
  immutable('uid');
  immutable('deletionTimestamp');
  immutable('deletionGracePeriodSeconds');
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
  managed?: ManagedFields,
): Written {
  const { def, name } = request;
  let object = given;
  let metadata = object.metadata as JsonMap;
  delete metadata.selfLink;
  // Zero is what a version is before it is set.
  if (/^0+$/.test(String(metadata.resourceVersion ?? ''))) delete metadata.resourceVersion;
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
  if (def.resource === 'namespaces' && request.subresource === '')
    object.spec = { ...mapOf(object.spec), finalizers: mapOf((old as JsonMap).spec).finalizers };
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
  if (request.subresource === 'finalize')
    faults.push(...finalizerFaults(mapOf(object.spec).finalizers, 'spec.finalizers'));
  if (faults.length > 0) throw invalid(def, name, faults);
  object.metadata = orderMetadata(metadata);
  if (isUnchanged(object, old as JsonMap)) return { code: 200, object: old };
  if (def.hasGeneration && !sameJson(object.spec, (old as JsonMap).spec))
    (object.metadata as JsonMap).generation = Number(oldMeta.generation ?? 1) + 1;
  if (isDryRun(request)) return { code: 200, object: object as KubeObject };
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
