/** Patching objects. */
import yaml from 'js-yaml';
import { jsonPatch } from '../../wire/json-patch.js';
import { mergePatch, PatchError, strategicMergePatch } from '../../wire/strategic-merge.js';
import { KUBERNETES_SCHEMA } from '../../wire/yaml.js';
import { checkKind, mediaType, shaped, yamlError } from './body.js';
import type { Core } from './core.js';
import { create } from './create.js';
import { schemaProblem } from './fields/schema-problem.js';
import { goJsonError, goText, jsonType } from './go-json.js';
import { patchedText } from './go-order.js';
import { isMap, type JsonMap } from './json.js';
import { checkPatchOptions } from './options/write-options.js';
import { isSet, type ResourceRequest } from './request.js';
import { apiVersionOf, keyOf } from './resources.js';
import { ApiError, badRequest, failure, fault, internal, invalid, notFound, unprocessable } from './status.js';
import { commit } from './update.js';
import { type Written, writerOf } from './write.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

const PATCHES: Readonly<Record<string, (target: unknown, patch: unknown) => unknown>> = {
  'application/json-patch+json': jsonPatch,
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicMergePatch,
};

const JSON_PATCH = 'application/json-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';

function readPatch(type: string, text: string): unknown {
  const start = type === STRATEGIC ? '' : 'error decoding patch: ';
  const problem = goJsonError(text);
  if (problem !== undefined) throw badRequest(`${start}${problem}`);
  const body: unknown = JSON.parse(text);
  const odd = Array.isArray(body) ? body.find((operation) => !isMap(operation) && operation !== null) : undefined;
  if (type === JSON_PATCH && odd !== undefined)
    throw badRequest(`${start}json: cannot unmarshal ${jsonType(odd)} into Go value of type handlers.jsonPatchOp`);
  if (type === JSON_PATCH ? Array.isArray(body) : isMap(body)) return body;
  if (body === null && type !== JSON_PATCH) throw badRequest('Invalid JSON Patch');
  const wanted = type === JSON_PATCH ? '[]handlers.jsonPatchOp' : 'map[string]interface {}';
  throw badRequest(`${start}json: cannot unmarshal ${jsonType(body)} into Go value of type ${wanted}`);
}

/** What a patch changes, in the shape of the object. */
function changedShape(body: unknown): unknown {
  if (!Array.isArray(body)) return body;
  const root: JsonMap = {};
  for (const { path } of body.filter(isMap)) {
    let node = root;
    for (const part of String(path ?? '')
      .split('/')
      .slice(1, -1)) {
      const next: JsonMap = isMap(node[part]) ? (node[part] as JsonMap) : {};
      node[part] = next;
      node = next;
    }
  }
  return root;
}

function patchFault(value: string, why: string): ApiError {
  return invalid({ group: '', resource: '', kind: '' }, '', [fault.invalid('patch', value, why)]);
}

function checkKindAndNamespace({ def, namespace }: ResourceRequest, patched: JsonMap): void {
  const given = mapOf(patched.metadata).namespace;
  if (def.namespaced && typeof given === 'string' && given !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

const WRONG_KINDS: Readonly<Record<string, string>> = {
  '[]': 'cannot restore slice from',
  'map[': 'cannot restore map from',
  'v1.': 'cannot restore struct from',
};

/** Brings a patched object into its form. Values of a wrong type are the patch's fault, not the request's. */
function fitted(request: ResourceRequest, patched: JsonMap, body: unknown, type: string): JsonMap {
  try {
    checkKind(request.def, patched);
    return shaped(request, patched);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const why = error.message.replace(/^.*?: (?=json:|strict|no kind|converting|parsing time|quantities)/, '');
    if (type !== STRATEGIC) throw patchFault(patchedText(patched, changedShape(body)), why);
    const [, from = '', to = ''] = /cannot unmarshal (\S+) into .* of type (\S+)$/.exec(why) ?? [];
    const restore = Object.entries(WRONG_KINDS).find(([start]) => to.startsWith(start))?.[1];
    throw patchFault(goText(body), restore === undefined ? why : `${restore} ${from === 'object' ? 'map' : from}`);
  }
}

const APPLY = 'application/apply-patch+yaml';

function groupVersionKind({ apiVersion, kind }: JsonMap): string {
  const [first = '', second] = String(apiVersion ?? '').split('/');
  return second === undefined
    ? `/${first}, Kind=${String(kind ?? '')}`
    : `${first}/${second}, Kind=${String(kind ?? '')}`;
}

/** Applies the configuration a request carries: its fields become those of the manager, and what it no longer names goes. */
function apply(core: Core, request: ResourceRequest): Written {
  const { def, name } = request;
  let config: unknown;
  try {
    config = yaml.load(request.body, { schema: KUBERNETES_SCHEMA });
  } catch (error) {
    throw badRequest(`error decoding YAML: error converting YAML to JSON: ${yamlError(error)}`);
  }
  const given = config ?? {};
  if (!isMap(given))
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonType(given)} into Go value of type map[string]interface {}`,
    );
  if (given.apiVersion !== apiVersionOf(def) || given.kind !== def.kind)
    throw badRequest(`invalid object type: ${groupVersionKind(given)}`);
  const misfit = schemaProblem(def.kind, given);
  if (misfit !== undefined) {
    const own = mapOf(given.metadata);
    throw internal(
      `failed to create typed patch object (${String(own.namespace ?? '')}/${String(own.name ?? '')}; ${groupVersionKind(given)}): ${misfit}`,
    );
  }
  const old = core.store.get(def.resource, keyOf(def, request.namespace, name));
  if (old === undefined && request.subresource !== '') throw notFound(def, name);
  const applied = core.fields.apply(
    writerOf(core, request),
    old as JsonMap | undefined,
    given,
    isSet(request.query, 'force'),
  );
  checkKindAndNamespace(request, given);
  const managed = mapOf(applied.metadata).managedFields as JsonMap[];
  const object = shaped(request, applied);
  checkName(request, object);
  if (old !== undefined) return commit(core, request, old, object, managed);
  return create(core, request, object, managed);
}

function checkName({ name }: ResourceRequest, object: JsonMap): void {
  const given = mapOf(object.metadata).name;
  if (given === undefined)
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (given !== name)
    throw badRequest(`the name of the object (${String(given ?? '')}) does not match the name on the URL (${name})`);
}

/** Patches the object a request names. */
export function patch(core: Core, request: ResourceRequest): Written {
  const { def, name } = request;
  const type = mediaType(request.headers['content-type']);
  checkPatchOptions(request, type === APPLY);
  if (type === APPLY) return apply(core, request);
  const change = PATCHES[type];
  if (change === undefined) throw new ApiError(failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {}));
  const old = core.store.get(def.resource, keyOf(def, request.namespace, name));
  const body = readPatch(type, request.body);
  if (old === undefined) throw notFound(def, name);
  let patched: unknown;
  try {
    patched = change(old, body);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw error.unprocessable ? unprocessable() : internal(error.message);
  }
  checkKindAndNamespace(request, mapOf(patched));
  const object = fitted(request, mapOf(patched), body, type);
  checkName(request, object);
  return commit(core, request, old, object);
}
