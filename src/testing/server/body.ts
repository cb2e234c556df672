/** Reading the objects that requests carry. */
import yaml from 'js-yaml';
import { DecodeError, decodeKind } from './decode.js';
import { isMap, type JsonMap } from './json.js';
import { dropEmpty } from './pod-defaults.js';
import type { ResourceRequest } from './request.js';
import { apiVersionOf, RESOURCES, type ResourceDef } from './resources.js';
import { badRequest, unsupportedBody } from './status.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** The message of Go's JSON decoder for a text that JavaScript's refused as well. */
export function goJsonError(error: unknown, text: string): string {
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

/** A JSON type as Go names it. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Decodes an object by its type and brings it into the stored form; unknown fields go, and are reported as the request asks. */
export function shaped(request: ResourceRequest, body: JsonMap): JsonMap {
  const { def } = request;
  const { metadata: given, ...rest } = decoded(request, body);
  const { managedFields, ...metadata } = mapOf(given);
  dropEmpty(metadata);
  // Owners are written in a form of their own, in which empty maps mean something.
  if (managedFields !== undefined) metadata.managedFields = managedFields;
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
