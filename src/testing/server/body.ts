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

const SHOWN_BYTES = 30;

/** How a refusal shows a body: its first bytes, in hexadecimal where they do not begin an object. */
function summary(text: string): string {
  if (text === '') return '<empty>';
  const bytes = Buffer.from(text);
  const shown = bytes.subarray(0, SHOWN_BYTES).toString(text.startsWith('{') ? 'utf8' : 'hex');
  return bytes.length > SHOWN_BYTES ? `${shown} ...` : shown;
}

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

/** The media type of a Content-Type header, without its parameters. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** What keeps the kind and version of a body from being read, in the server's words. */
function headerProblem(body: unknown): string | undefined {
  const problem = (why: string) => `couldn't get version/kind; json parse error: json: cannot unmarshal ${why}`;
  if (body === null || body === undefined) return undefined;
  if (!isMap(body)) return problem(`${jsonType(body)} into Go value of type ${HEADER_TYPE}`);
  for (const field of Object.keys(body)) {
    const known = field.toLowerCase();
    if (known !== 'kind' && known !== 'apiversion') continue;
    const value = body[field];
    if (typeof value === 'string' || value === null || value === undefined) continue;
    return problem(
      `${jsonType(value)} into Go struct field .${known === 'kind' ? 'kind' : 'apiVersion'} of type string`,
    );
  }
  const version = body.apiVersion;
  return typeof version === 'string' && version.split('/').length > 2
    ? `unexpected GroupVersion string: ${version}`
    : undefined;
}

function parsed(text: string, isYaml: boolean): { readonly body: unknown } | { readonly problem: string } {
  try {
    return { body: isYaml ? yaml.load(text, { schema: KUBERNETES_SCHEMA }) : JSON.parse(text) };
  } catch (error) {
    if (isYaml) return { problem: yamlError(error) };
    return { problem: `couldn't get version/kind; json parse error: ${goJsonError(text) ?? ''}` };
  }
}

/**
 * Reads a JSON or YAML body. Where an object of a kind is expected, refusals name that kind and show how the body begins.
 * @throws ApiError 400 or 415.
 */
export function readBody(text: string, contentType: string | undefined, kind?: string): JsonMap {
  const type = mediaType(contentType);
  const isYaml = type === 'application/yaml';
  if (!isYaml && type !== 'application/json' && type !== '*/*' && type !== '') throw unsupportedBody();
  const read = parsed(text, isYaml);
  const problem = 'problem' in read ? read.problem : headerProblem(read.body);
  if (problem !== undefined)
    throw badRequest(
      kind === undefined
        ? problem
        : `the object provided is unrecognized (must be of type ${kind}): ${problem} (${summary(text)})`,
    );
  return 'body' in read ? mapOf(read.body) : {};
}

/** Kinds that a real server has and this one has not: sent to a wrong path, they are told apart from unknown ones. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  v1: [
    ...['Service', 'Endpoints', 'PersistentVolume', 'PersistentVolumeClaim', 'ReplicationController', 'LimitRange'],
    ...['Binding', 'ComponentStatus', 'PodTemplate', 'List', 'Status', 'DeleteOptions', 'APIGroup', 'APIVersions'],
  ],
  'apps/v1': ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ControllerRevision'],
  'batch/v1': ['Job', 'CronJob'],
  'networking.k8s.io/v1': ['Ingress', 'NetworkPolicy', 'IngressClass'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
  'storage.k8s.io/v1': ['StorageClass', 'CSIDriver', 'CSINode'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
};

/** Whether a server knows a kind in a version at all. */
function isRegistered(version: string, kind: string): boolean {
  if (ELSEWHERE[version]?.includes(kind === 'List' ? kind : kind.replace(/List$/, ''))) return true;
  return RESOURCES.some(
    (known) => apiVersionOf(known) === version && (known.kind === kind || `${known.kind}List` === kind),
  );
}

/** Checks that an object is what the path names. @throws ApiError 400. */
export function checkKind(def: ResourceDef, object: JsonMap): void {
  const version = apiVersionOf(def);
  const kind = String(object.kind || def.kind);
  const given = String(object.apiVersion || version);
  if (kind === def.kind && (given === version || (kind === 'Eviction' && given === 'policy/v1beta1'))) return;
  const start = `${kind} in version ${JSON.stringify(given.split('/').at(-1))} cannot be handled as a ${def.kind}`;
  if (!isRegistered(given, kind))
    throw badRequest(
      `${start}: no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(given)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  throw badRequest(
    `${start}: converting (v1.${kind}) to (${def.group.split('.')[0] || 'core'}.${def.kind}): unknown conversion`,
  );
}

/** Reads the object a request carries and puts kind and apiVersion first. */
export function decodeObject(request: ResourceRequest): JsonMap {
  const given = readBody(request.body, request.headers['content-type'], request.def.kind);
  checkKind(request.def, given);
  const isYaml = mediaType(request.headers['content-type']) === 'application/yaml';
  return shaped(request, given, isYaml ? [] : duplicateFields(request.body));
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
    const mode = request.query.get('fieldValidation') || 'Warn';
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
