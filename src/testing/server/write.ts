/** Creating, replacing and patching objects. */
import yaml from 'js-yaml';
import { jsonPatch } from '../../wire/json-patch.js';
import { formatTime, parseTime } from '../../wire/micro-time.js';
import { mergePatch, PatchError, strategicMergePatch } from '../../wire/strategic-merge.js';
import type { KubeObject } from '../../wire/types.js';
import { admitCreate } from './admission.js';
import { type Core, nameSuffix, newUid, nowTime } from './core.js';
import { cloneJson, isMap, type JsonMap, sameJson } from './json.js';
import { dropEmpty } from './pod-defaults.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { apiVersionOf, keyOf, type ResourceDef } from './resources.js';
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  type FieldFault,
  failure,
  fault,
  internal,
  invalid,
  invalidOptions,
  MODIFIED_MEANWHILE,
  notFound,
  qualified,
  unprocessable,
  unsupportedBody,
} from './status.js';
import { applyDefaults, complete, nameProblem, podStatusFaults, prepareCreate, specFaults } from './strategies.js';
import { metadataFaults } from './validate-meta.js';

/** An object and the HTTP status to answer with. */
export interface Written {
  readonly code: number;
  readonly object: KubeObject;
}

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** Reads a JSON or YAML body. @throws ApiError 400 or 415. */
export function readBody(text: string, contentType: string | undefined): unknown {
  const type = (contentType ?? 'application/json').split(';')[0]?.trim() ?? '';
  if (type === 'application/yaml') {
    try {
      return yaml.load(text, { schema: yaml.JSON_SCHEMA });
    } catch (error) {
      throw badRequest(`error parsing YAML: ${(error as Error).message}`);
    }
  }
  if (type !== 'application/json' && type !== '*/*' && type !== '') throw unsupportedBody();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
}

function checkKind(def: ResourceDef, object: JsonMap): void {
  const version = apiVersionOf(def);
  const given = `${String(object.apiVersion ?? version)}, Kind=${String(object.kind ?? def.kind)}`;
  if ((object.kind ?? def.kind) === def.kind && (object.apiVersion ?? version) === version) return;
  if (object.kind !== undefined && object.apiVersion === version && object.kind !== def.kind)
    throw badRequest(
      `${String(object.kind)} in version "${def.version}" cannot be handled as a ${def.kind}: converting (v1.${String(object.kind)}) to (core.${def.kind}): unknown conversion`,
    );
  throw badRequest(
    `the API version in the data (${String(object.apiVersion ?? version)}) does not match the expected API version (${version})${given === '' ? '' : ''}`,
  );
}

/** Reads the object a request carries and puts kind and apiVersion first. */
export function decodeObject(request: ResourceRequest): JsonMap {
  const body = readBody(request.body, request.headers['content-type']);
  if (!isMap(body)) throw badRequest("Object 'Kind' is missing in 'null'");
  checkKind(request.def, body);
  return shaped(request.def, body);
}

function typeError(def: ResourceDef, what: string, field: string, type: string): ApiError {
  return badRequest(
    `${def.kind} in version "${def.version}" cannot be handled as a ${def.kind}: json: cannot unmarshal ${what} into Go struct field ${field} of type ${type}`,
  );
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function shaped(def: ResourceDef, body: JsonMap): JsonMap {
  const { apiVersion: _, kind: _k, metadata, ...rest } = body;
  if (metadata !== undefined && metadata !== null && !isMap(metadata))
    throw typeError(def, jsonType(metadata), `${def.kind}.metadata`, 'v1.ObjectMeta');
  const meta = cloneJson(mapOf(metadata));
  for (const field of ['labels', 'annotations'] as const) {
    const map = meta[field];
    if (map === undefined || map === null) continue;
    if (!isMap(map)) throw typeError(def, jsonType(map), `ObjectMeta.metadata.${field}`, 'map[string]string');
    for (const value of Object.values(map)) {
      if (typeof value !== 'string' && value !== null)
        throw typeError(def, jsonType(value), `ObjectMeta.metadata.${field}`, 'string');
    }
  }
  dropEmpty(meta);
  for (const field of ['name', 'generateName', 'namespace', 'uid', 'selfLink'] as const)
    if (meta[field] === '') delete meta[field];
  return { apiVersion: apiVersionOf(def), kind: def.kind, metadata: meta, ...rest };
}

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

/** Creates the object of a request, or one given by another part of the server. */
export function create(core: Core, request: ResourceRequest, given?: JsonMap): Written {
  const { def } = request;
  const dryRun = isDryRun(request.query.getAll('dryRun'), 'CreateOptions');
  checkManager(request, 'CreateOptions');
  const object = given ?? decodeObject(request);
  const metadata = object.metadata as JsonMap;
  checkNamespace(request, metadata);
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '' && metadata.resourceVersion !== '0')
    throw internal('resourceVersion should not be set on objects to be created');
  for (const field of [
    'uid',
    'creationTimestamp',
    'generation',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'resourceVersion',
    'managedFields',
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
  prepareCreate(def, object);
  admitCreate(core, request, object, 'mutate');
  const faults = [...metadataFaults(metadata, (text) => nameProblem(def, text)), ...specFaults(def, object, undefined)];
  if (faults.length > 0) throw invalid(def, name, faults);
  complete(def, object);
  admitCreate(core, request, object, 'validate');
  const key = keyOf(def, request.namespace, name);
  const existing = core.store.get(def.resource, key);
  if (existing !== undefined) throw alreadyExists(def, name, existing.metadata?.deletionTimestamp !== undefined);
  if (def.resource === 'pods' && name.includes('.') && dnsWarning(name)) request.warnings.push(dnsWarning(name));
  object.metadata = orderMetadata(metadata);
  if (dryRun) return { code: 201, object: object as KubeObject };
  return { code: 201, object: core.store.put(def.resource, key, object as KubeObject) };
}

function dnsWarning(name: string): string {
  return `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]${name === '' ? name : ''}`;
}

function checkManager(request: ResourceRequest, kind: string): void {
  const manager = request.query.get('fieldManager') ?? '';
  if (manager.length > 128) throw invalidOptions(kind, [fault.tooLong('fieldManager', 128)]);
}

/** Replaces the object a request names. */
export function update(core: Core, request: ResourceRequest): Written {
  const { def, name } = request;
  const dryRun = isDryRun(request.query.getAll('dryRun'), 'UpdateOptions');
  const object = decodeObject(request);
  const metadata = object.metadata as JsonMap;
  if (metadata.name === undefined) throw badRequest('name must be provided');
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
    throw invalid({ ...def, kind: qualified(def), group: '' }, name, [
      fault.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  return commit(core, request, old, object, dryRun);
}

const PATCHES: Readonly<Record<string, (target: unknown, patch: unknown) => unknown>> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicMergePatch,
};

/** Patches the object a request names. */
export function patch(core: Core, request: ResourceRequest): Written {
  const { def, name } = request;
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  const dryRun = isDryRun(request.query.getAll('dryRun'), 'PatchOptions');
  checkManager(request, 'PatchOptions');
  const apply = PATCHES[type];
  if (apply === undefined)
    throw new ApiError(
      failure(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - accepted media types include: ${Object.keys(PATCHES).join(', ')}, application/apply-patch+yaml`,
      ),
    );
  const old = core.store.get(def.resource, keyOf(def, request.namespace, name));
  let body: unknown;
  try {
    body = JSON.parse(request.body);
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message}`);
  }
  if (type.startsWith('application/json-patch') ? !Array.isArray(body) : !isMap(body))
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${jsonType(body)} into Go value of type ${Array.isArray(body) ? 'map[string]interface {}' : '[]handlers.jsonPatchOp'}`,
    );
  if (old === undefined) throw notFound(def, name);
  let patched: unknown;
  try {
    patched = apply(old, body);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw error.unprocessable ? unprocessable() : internal(error.message);
  }
  let object: JsonMap;
  try {
    object = shaped(def, cloneJson(mapOf(patched)));
  } catch (error) {
    // A patch that leads to values of a wrong type is the patch's fault, not the request's.
    if (error instanceof ApiError) throw invalid(def, name, [fault.invalid('patch', body, error.message)]);
    throw error;
  }
  const metadata = object.metadata as JsonMap;
  if (metadata.name !== name)
    throw badRequest(
      `the name of the object (${String(metadata.name ?? '')}) does not match the name on the URL (${name})`,
    );
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

/** Times may come with fractions and offsets; they are kept as whole UTC seconds. */
function wholeSeconds(value: unknown): void {
  if (!isMap(value) && !Array.isArray(value)) return;
  for (const [field, item] of Object.entries(value)) {
    if (
      typeof item === 'string' &&
      /(?:Time|Timestamp|At)$/.test(field) &&
      !/^(?:renew|acquire|event)Time$/.test(field)
    ) {
      const ms = parseTime(item);
      if (ms !== undefined) (value as JsonMap)[field] = formatTime(ms);
    } else wholeSeconds(item);
  }
}

/** The common end of PUT and PATCH: takes the part of the object that may change, judges it and stores it. */
export function commit(
  core: Core,
  request: ResourceRequest,
  old: KubeObject,
  object: JsonMap,
  dryRun: boolean,
): Written {
  const { def, name } = request;
  const metadata = object.metadata as JsonMap;
  const oldMeta = (old.metadata ?? {}) as JsonMap;
  const version = metadata.resourceVersion;
  if (version !== undefined && version !== '' && version !== oldMeta.resourceVersion)
    throw conflict(def, name, MODIFIED_MEANWHILE);
  const faults = metadataUpdateFaults(metadata, oldMeta);
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
  if (def.hasStatus && request.subresource === '') {
    if ((old as JsonMap).status === undefined) delete object.status;
    else object.status = (old as JsonMap).status;
  }
  if (request.subresource === 'status') {
    object.spec = (old as JsonMap).spec;
    const status = mapOf(object.status);
    object.status = status;
    wholeSeconds(status);
    if (def.resource === 'pods') status.qosClass ??= mapOf((old as JsonMap).status).qosClass;
    if (metadata.ownerReferences !== undefined || oldMeta.ownerReferences !== undefined)
      metadata.ownerReferences = oldMeta.ownerReferences;
    if (metadata.ownerReferences === undefined) delete metadata.ownerReferences;
  }
  applyDefaults(def, object);
  if (request.subresource === 'status' && def.resource === 'pods') {
    complete(def, object);
    faults.push(...podStatusFaults(object, old as JsonMap));
  }
  if (request.subresource === '') {
    complete(def, object);
    faults.push(
      ...metadataFaults(metadata, (text) => nameProblem(def, text)),
      ...specFaults(def, object, old as JsonMap),
    );
  }
  if (faults.length > 0) throw invalid(def, name, faults);
  object.metadata = orderMetadata(metadata);
  if (sameJson(object, old)) return { code: 200, object: old };
  if (def.hasGeneration && !sameJson(object.spec, (old as JsonMap).spec))
    (object.metadata as JsonMap).generation = Number(oldMeta.generation ?? 1) + 1;
  if (dryRun) return { code: 200, object: object as KubeObject };
  const key = keyOf(def, request.namespace, name);
  if (isReleased(def, object)) {
    const removed = core.store.remove(def.resource, key, old) ?? old;
    return {
      code: 200,
      object: {
        ...(object as KubeObject),
        metadata: { ...(object.metadata as JsonMap), resourceVersion: removed.metadata?.resourceVersion ?? '' },
      },
    };
  }
  return { code: 200, object: core.store.put(def.resource, key, object as KubeObject) };
}

/** Whether nothing holds a marked object any more. */
function isReleased(def: ResourceDef, object: JsonMap): boolean {
  const metadata = object.metadata as JsonMap;
  if (metadata.deletionTimestamp === undefined || metadata.finalizers !== undefined) return false;
  if (def.resource === 'namespaces')
    return !Array.isArray(mapOf(object.spec).finalizers) || (mapOf(object.spec).finalizers as unknown[]).length === 0;
  return (metadata.deletionGracePeriodSeconds ?? 0) === 0;
}
