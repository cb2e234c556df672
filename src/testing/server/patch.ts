/** Patching objects. */
import yaml from 'js-yaml';
import { jsonPatch } from '../../wire/json-patch.js';
import { mergePatch, PatchError, strategicMergePatch } from '../../wire/strategic-merge.js';
import { goJsonError, jsonType, shaped } from './body.js';
import type { Core } from './core.js';
import { isMap, type JsonMap } from './json.js';
import { isDryRun, isSet, type ResourceRequest } from './request.js';
import { apiVersionOf, keyOf } from './resources.js';
import {
  ApiError,
  badRequest,
  type FieldFault,
  failure,
  fault,
  internal,
  invalid,
  invalidOptions,
  notFound,
  unprocessable,
} from './status.js';
import { commit, create, managerFaults, type Written, writerOf } from './write.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

const PATCHES: Readonly<Record<string, (target: unknown, patch: unknown) => unknown>> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicMergePatch,
};

const APPLY = 'application/apply-patch+yaml';

/** Checks the options of a patch. @throws ApiError 422. */
function checkOptions(request: ResourceRequest, isApply: boolean): void {
  const faults: FieldFault[] = [];
  const manager = request.query.get('fieldManager') ?? '';
  if (isApply && manager === '') faults.push(fault.required('fieldManager', 'is required for apply patch'));
  if (!isApply && request.query.get('force') !== null)
    faults.push(fault.forbidden('force', 'may not be specified for non-apply patch'));
  faults.push(...managerFaults(manager));
  if (faults.length > 0) throw invalidOptions('PatchOptions', faults);
}

/** Applies the configuration a request carries: its fields become those of the manager, and what it no longer names goes. */
function apply(core: Core, request: ResourceRequest, dryRun: boolean): Written {
  const { def, name } = request;
  let config: unknown;
  try {
    config = yaml.load(request.body, { schema: yaml.JSON_SCHEMA });
  } catch (error) {
    throw badRequest(`error decoding YAML: ${(error as Error).message}`);
  }
  if (!isMap(config)) throw badRequest('error decoding YAML: expected an object');
  const version = apiVersionOf(def);
  if (config.apiVersion !== version)
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${String(config.apiVersion ?? '')}, expected: ${version}`,
    );
  const old = core.store.get(def.resource, keyOf(def, request.namespace, name));
  if (old === undefined && request.subresource !== '') throw notFound(def, name);
  const applied = core.fields.apply(
    writerOf(core, request),
    old as JsonMap | undefined,
    config,
    isSet(request.query, 'force'),
  );
  const managed = mapOf(applied.metadata).managedFields as JsonMap[];
  const object = shaped(request, applied);
  checkName(request, object);
  if (old !== undefined) return commit(core, request, old, object, dryRun, managed);
  return create(core, request, object, managed);
}

function checkName({ name }: ResourceRequest, object: JsonMap): void {
  const given = mapOf(object.metadata).name;
  if (given !== name)
    throw badRequest(`the name of the object (${String(given ?? '')}) does not match the name on the URL (${name})`);
}

/** Patches the object a request names. */
export function patch(core: Core, request: ResourceRequest): Written {
  const { def, name } = request;
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  const dryRun = isDryRun(request.query.getAll('dryRun'), 'PatchOptions');
  checkOptions(request, type === APPLY);
  if (type === APPLY) return apply(core, request, dryRun);
  const change = PATCHES[type];
  if (change === undefined) throw new ApiError(failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {}));
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
    patched = change(old, body);
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
  checkName(request, object);
  return commit(core, request, old, object, dryRun);
}
