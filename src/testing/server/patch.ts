/** Patching objects. */
import { jsonPatch } from '../../wire/json-patch.js';
import { mergePatch, PatchError, strategicMergePatch } from '../../wire/strategic-merge.js';
import { goJsonError, jsonType, shaped } from './body.js';
import type { Core } from './core.js';
import { isMap, type JsonMap } from './json.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { keyOf } from './resources.js';
import { ApiError, badRequest, failure, fault, internal, invalid, notFound, unprocessable } from './status.js';
import { checkManager, commit, type Written } from './write.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

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
