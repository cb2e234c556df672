/** Creating, replacing and patching objects. */
import yaml from 'js-yaml';
import { jsonPatch } from '../../wire/json-patch.js';
import { mergePatch, PatchError, strategicMergePatch } from '../../wire/strategic-merge.js';
import type { KubeObject } from '../../wire/types.js';
import { admitCreate } from './admission.js';
import { type Core, nameSuffix, newUid, nowTime } from './core.js';
import { DecodeError, decodeKind } from './decode.js';
import { isMap, type JsonMap, sameJson } from './json.js';
import { dropEmpty } from './pod-defaults.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { apiVersionOf, keyOf, RESOURCES, type ResourceDef } from './resources.js';
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

/** The message of Go's JSON decoder for a text that JavaScript's refused as well. */
function goJsonError(error: unknown, text: string): string {
  const { message } = error as Error;
  if (/end of JSON input|Unterminated|Expected .* at position \d+$/.test(message) && !/Unexpected token/.test(message))
    return 'unexpected end of JSON input';
  const at = Number(/position (\d+)/.exec(message)?.[1] ?? 0);
  return `invalid character '${text[at] ?? ''}' looking for beginning of value`;
}

/** Reads a JSON or YAML body. @throws ApiError 400 or 415. */
export function readBody(text: string, contentType: string | undefined, prefix = ''): unknown {
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
    throw badRequest(
      `${prefix}couldn't get version/kind; json parse error: ${goJsonError(error, text)} (${text === '' ? '<empty>' : text})`,
    );
  }
}

/** Whether the server knows a kind in a version at all. */
function isRegistered(version: string, kind: string): boolean {
  return RESOURCES.some((known) => apiVersionOf(known) === version && known.kind === kind);
}

function checkKind(def: ResourceDef, object: JsonMap): void {
  const version = apiVersionOf(def);
  const kind = String(object.kind ?? def.kind);
  const given = String(object.apiVersion ?? version);
  if (kind === def.kind && given === version) return;
  const start = `${kind} in version ${JSON.stringify(def.version)} cannot be handled as a ${def.kind}`;
  if (!isRegistered(given, kind))
    throw badRequest(
      `${start}: no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(given)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  throw badRequest(`${start}: converting (v1.${kind}) to (core.${def.kind}): unknown conversion`);
}

/** Reads the object a request carries and puts kind and apiVersion first. */
export function decodeObject(request: ResourceRequest): JsonMap {
  const body = readBody(
    request.body,
    request.headers['content-type'],
    `the object provided is unrecognized (must be of type ${request.def.kind}): `,
  );
  if (!isMap(body)) throw badRequest("Object 'Kind' is missing in 'null'");
  checkKind(request.def, body);
  return shaped(request, body);
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Decodes an object by its type and brings it into the stored form; unknown fields go, and are reported as the request asks. */
function shaped(request: ResourceRequest, body: JsonMap): JsonMap {
  const { def } = request;
  const { metadata: given, ...rest } = decoded(request, body);
  const metadata = mapOf(given);
  dropEmpty(metadata);
  return { apiVersion: apiVersionOf(def), kind: def.kind, metadata, ...rest };
}

function decoded(request: ResourceRequest, body: JsonMap): JsonMap {
  const { def } = request;
  const start = `${def.kind} in version ${JSON.stringify(def.version)} cannot be handled as a ${def.kind}`;
  try {
    const { object, unknown } = decodeKind(def.kind, body);
    if (unknown.length === 0) return object;
    const mode = request.query.get('fieldValidation') ?? 'Warn';
    const texts = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
    if (mode === 'Strict') throw badRequest(`${start}: strict decoding error: ${texts.join(', ')}`);
    if (mode === 'Warn') request.warnings.push(...texts);
    return object;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`${start}: ${error.message}`);
    throw error;
  }
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
  prepareCreate(def, object, nowTime(core));
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
  if (apply === undefined) throw new ApiError(failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {}));
  const old = core.store.get(def.resource, keyOf(def, request.namespace, name));
  let body: unknown;
  try {
    body = JSON.parse(request.body);
  } catch (error) {
    throw badRequest(`error decoding patch: ${goJsonError(error, request.body)}`);
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
    object = shaped(request, mapOf(patched));
  } catch (error) {
    // A patch that leads to values of a wrong type is the patch's fault, not the request's.
    if (error instanceof ApiError)
      throw invalid({ group: '', resource: '', kind: '' }, '', [
        fault.invalid('patch', JSON.stringify(patched), error.message.replace(/^.*?: (?=json:)/, '')),
      ]);
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
  if (def.hasStatus && request.subresource === '') {
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
    // The answer shows the version before the removal, the event the one after it.
    core.store.remove(def.resource, key, old);
    return { code: 200, object: object as KubeObject };
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
