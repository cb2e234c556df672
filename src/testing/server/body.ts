/** Reading the objects that requests carry. */
import yaml from 'js-yaml';
import { KUBERNETES_SCHEMA } from '../../wire/yaml.js';
import { DecodeError, decodeKind } from './decode.js';
import { duplicateFields, goJsonError, jsonType } from './go-json.js';
import { isMap, type JsonMap } from './json.js';
import { dropEmpty } from './pod-defaults.js';
import type { ResourceRequest } from './request.js';
import { apiVersionOf, RESOURCES, type ResourceDef } from './resources.js';
import { badRequest, unsupportedBody } from './status.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

const HEADER_TYPE =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

const hex = (text: string) => Buffer.from(text).toString('hex');

/** What is wrong with a YAML text, in the words of the server's parser. */
export function yamlError(error: unknown): string {
  const { mark, reason = '' } = error as { mark?: { line: number }; reason?: string };
  const why = reason.includes('tab characters')
    ? 'found character that cannot start any token'
    : reason.includes('unexpected end of the stream within a flow collection')
      ? 'did not find expected node content'
      : reason;
  const isAtEnd = why === 'did not find expected node content';
  return `yaml: line ${Math.max(1, (mark?.line ?? 0) + (isAtEnd ? 0 : 1))}: ${why}`;
}

/** Reads a JSON or YAML body. @throws ApiError 400 or 415. */
export function readBody(text: string, contentType: string | undefined, prefix = ''): unknown {
  const type = (contentType ?? 'application/json').split(';')[0]?.trim() ?? '';
  if (type === 'application/yaml') {
    try {
      return yaml.load(text, { schema: KUBERNETES_SCHEMA });
    } catch (error) {
      throw badRequest(`${prefix}${yamlError(error)} (${hex(text)})`);
    }
  }
  if (type !== 'application/json' && type !== '*/*' && type !== '') throw unsupportedBody();
  const wrong = (why: string, shown: string) =>
    badRequest(`${prefix}couldn't get version/kind; json parse error: ${why} (${shown})`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong(goJsonError(text) ?? '', text === '' ? '<empty>' : text);
  }
  if (prefix !== '' && value !== null && !isMap(value))
    throw wrong(`json: cannot unmarshal ${jsonType(value)} into Go value of type ${HEADER_TYPE}`, hex(text));
  return value;
}

/** Kinds that a real server has and this one has not: sent to a wrong path, they are told apart from unknown ones. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  v1: ['Service', 'Endpoints', 'PersistentVolume', 'PersistentVolumeClaim', 'ReplicationController', 'LimitRange'],
  'apps/v1': ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ControllerRevision'],
  'batch/v1': ['Job', 'CronJob'],
  'networking.k8s.io/v1': ['Ingress', 'NetworkPolicy', 'IngressClass'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
  'storage.k8s.io/v1': ['StorageClass', 'CSIDriver', 'CSINode'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
};

/** Whether a server knows a kind in a version at all. */
function isRegistered(version: string, kind: string): boolean {
  if (ELSEWHERE[version]?.includes(kind.replace(/List$/, ''))) return true;
  return RESOURCES.some(
    (known) => apiVersionOf(known) === version && (known.kind === kind || `${known.kind}List` === kind),
  );
}

/** Checks that an object is what the path names. @throws ApiError 400. */
export function checkKind(def: ResourceDef, object: JsonMap): void {
  const version = apiVersionOf(def);
  const kind = String(object.kind ?? def.kind);
  const given = String(object.apiVersion ?? version);
  if (kind === def.kind && given === version) return;
  const start = `${kind} in version ${JSON.stringify(given.split('/').at(-1))} cannot be handled as a ${def.kind}`;
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
  const given = mapOf(body);
  checkKind(request.def, given);
  const type = request.headers['content-type'] ?? '';
  return shaped(request, given, type.includes('yaml') ? [] : duplicateFields(request.body));
}

/** Decodes an object by its type and brings it into the stored form; unknown fields go, and are reported as the request asks. */
export function shaped(request: ResourceRequest, body: JsonMap, duplicates: readonly string[] = []): JsonMap {
  const { def } = request;
  const { metadata: given, ...rest } = decoded(request, body, duplicates);
  const { managedFields, ...metadata } = mapOf(given);
  dropEmpty(metadata);
  // Owners are written in a form of their own, in which empty maps mean something.
  if (managedFields !== undefined) metadata.managedFields = managedFields;
  return { apiVersion: apiVersionOf(def), kind: def.kind, metadata, ...rest };
}

function decoded(request: ResourceRequest, body: JsonMap, duplicates: readonly string[]): JsonMap {
  const { def } = request;
  const start = `${def.kind} in version ${JSON.stringify(def.version)} cannot be handled as a ${def.kind}`;
  try {
    const { object, unknown } = decodeKind(def.kind, body);
    if (unknown.length + duplicates.length === 0) return object;
    const mode = request.query.get('fieldValidation') ?? 'Warn';
    const texts = [
      ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
      ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
    ];
    if (mode === 'Strict') throw badRequest(`${start}: strict decoding error: ${texts.join(', ')}`);
    if (mode === 'Warn') request.warnings.push(...texts);
    return object;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`${start}: ${error.message}`);
    throw error;
  }
}
