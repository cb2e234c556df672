/** What a request asks: path, query and headers taken apart once, before anything else looks at them. */
import type { TransportRequest } from '../../kube/transport.js';
import type { RequestFacts } from './faults.js';
import { findResource, type ResourceDef } from './resources.js';
import { badRequest, type FieldFault, fault, PlainError, unknownResource } from './status.js';

/** Who sends a request. */
export interface UserInfo {
  readonly name: string;
  readonly groups: readonly string[];
}

/** A request for objects of the API. */
export interface ResourceRequest {
  readonly method: TransportRequest['method'];
  readonly verb: string;
  readonly def: ResourceDef;
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly user: UserInfo;
  /** Collects texts for the Warning header. */
  readonly warnings: string[];
}

const VERBS: Readonly<Record<string, readonly [item: string, collection: string]>> = {
  GET: ['get', 'list'],
  POST: ['create', 'create'],
  PUT: ['update', 'update'],
  PATCH: ['patch', 'patch'],
  DELETE: ['delete', 'deletecollection'],
};

/** Whether a flag of the query is set: present and neither `false` nor `0`. */
export function isSet(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)?.toLowerCase();
  return value !== undefined && value !== 'false' && value !== '0';
}

/** Groups and versions that the server has, so that unknown ones get the plain 404. */
const GROUP_VERSIONS = new Set([
  'coordination.k8s.io/v1',
  'policy/v1',
  'scheduling.k8s.io/v1',
  'authentication.k8s.io/v1',
  'authorization.k8s.io/v1',
]);

const GROUPS = new Set([...GROUP_VERSIONS].map((version) => version.split('/')[0] ?? ''));

/** The path of a resource taken apart; `def` is missing for those that are not stored. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly isWatchPath: boolean;
}

/** The parts of a path. Escapes are read first, so that an escaped slash parts as well. @throws PlainError 400 where one cannot be read. */
function partsOf(path: string): string[] {
  try {
    return decodeURIComponent(path).replace(/\/$/, '').split('/').slice(1);
  } catch {
    throw new PlainError(400, '400 Bad Request');
  }
}

/** Takes a path below /api or /apis apart. @throws PlainError 404 for groups that do not exist. */
export function parseResourcePath(path: string): ResourcePath {
  const [root, ...rest] = partsOf(path);
  const group = root === 'apis' ? (rest.shift() ?? '') : '';
  const version = rest.shift() ?? '';
  const known = root === 'api' ? version === 'v1' : GROUP_VERSIONS.has(`${group}/${version}`);
  if (root === 'apis' && !GROUPS.has(group)) throw new PlainError(404, '404 page not found');
  if (!known || rest.length === 0 || rest.includes('')) throw unknownResource();
  const isWatchPath = rest[0] === 'watch';
  if (isWatchPath) rest.shift();
  let namespace = '';
  if (
    rest[0] === 'namespaces' &&
    rest.length > 2 &&
    !(rest.length === 3 && (rest[2] === 'status' || rest[2] === 'finalize'))
  ) {
    namespace = rest[1] ?? '';
    rest.splice(0, 2);
  }
  const [resource = '', name = '', subresource = ''] = rest;
  if (rest.length > 3) throw unknownResource();
  return { group, version, resource, namespace, name, subresource, isWatchPath };
}

/** The verb that a method means on a path. */
function verbOf(method: string, path: ResourcePath, query: URLSearchParams): string {
  const [item, collection] = VERBS[method] ?? ['', ''];
  if (path.name !== '' && !path.isWatchPath) return item;
  return collection === 'list' && (path.isWatchPath || isSet(query, 'watch')) ? 'watch' : collection;
}

/** What a request is, as rights and faults see it. */
export function factsOf(method: string, path: ResourcePath, query: URLSearchParams): RequestFacts {
  const { resource, subresource, namespace, name } = path;
  return {
    verb: verbOf(method, path, query),
    resource: subresource === '' ? resource : `${resource}/${subresource}`,
    namespace,
    name,
  };
}

/** Completes a path to a request for objects. @throws ApiError 404 where the resource is unknown, 400 where the name can be none. */
export function resourceRequest(
  request: TransportRequest,
  path: ResourcePath,
  query: URLSearchParams,
  user: UserInfo,
): ResourceRequest {
  const def = findResource(path.group, path.version, path.resource);
  if (def === undefined || (!def.namespaced && path.namespace !== '')) throw unknownResource();
  if (def.namespaced && path.namespace === '' && path.name !== '') throw unknownResource();
  if (path.subresource === '' && path.name.includes('%'))
    throw badRequest(`Name parameter invalid: ${JSON.stringify(path.name)}: may not contain '%'`);
  if (path.subresource === '' && (path.name === '.' || path.name === '..'))
    throw badRequest(`Name parameter invalid: ${JSON.stringify(path.name)}: may not be '${path.name}'`);
  return {
    method: request.method,
    verb: verbOf(request.method, path, query),
    def,
    namespace: path.namespace,
    name: path.name,
    subresource: path.subresource,
    query,
    headers: request.headers ?? {},
    body: request.body ?? '',
    user,
    warnings: [],
  };
}

const INT64_END = 2n ** 63n;

/** A whole number of the query, `undefined` where it is absent. @throws ApiError 400 where it is none, or more than 64 bits hold. */
export function intOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const refuse = (why: string) => badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^[+-]?\d+$/.test(text)) throw refuse('invalid syntax');
  const value = BigInt(text.replace('+', ''));
  if (value >= INT64_END || value < -INT64_END) throw refuse('value out of range');
  return Number(value);
}

/** Faults of the values of `dryRun`, of which only `All` is known. */
export function dryRunFaults(values: readonly string[]): FieldFault[] {
  return values.every((value) => value === 'All') ? [] : [fault.unsupported('dryRun', values, ['All'])];
}

/** Whether the request only asks what would happen. */
export function isDryRun({ query }: Pick<ResourceRequest, 'query'>): boolean {
  return query.getAll('dryRun').length > 0;
}
