/** What a request asks: path, query and headers taken apart once, before anything else looks at them. */
import type { TransportRequest } from '../../kube/transport.js';
import { findResource, type ResourceDef } from './resources.js';
import { badRequest, fault, invalidOptions, PlainError, unknownResource } from './status.js';

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
  const value = query.get(name);
  return value !== null && value !== 'false' && value !== '0';
}

/** Groups and versions that the server has, so that unknown ones get the plain 404. */
const GROUP_VERSIONS = new Set([
  'coordination.k8s.io/v1',
  'policy/v1',
  'scheduling.k8s.io/v1',
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

/** Takes a path below /api or /apis apart. @throws PlainError 404 for groups that do not exist. */
export function parseResourcePath(path: string): ResourcePath {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const [root, ...rest] = parts;
  const group = root === 'apis' ? (rest.shift() ?? '') : '';
  const version = rest.shift() ?? '';
  const known = root === 'api' ? version === 'v1' : GROUP_VERSIONS.has(`${group}/${version}`);
  if (!known && rest.length > 0 && (root === 'api' || GROUPS.has(group))) throw unknownResource();
  if (!known || rest.length === 0) throw new PlainError(404, '404 page not found');
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
  if (rest.length > 3) throw new PlainError(404, '404 page not found');
  return { group, version, resource, namespace, name, subresource, isWatchPath };
}

/** Completes a path to a request for objects. @throws ApiError 404 where the resource is unknown. */
export function resourceRequest(
  request: TransportRequest,
  path: ResourcePath,
  query: URLSearchParams,
  user: UserInfo,
): ResourceRequest {
  const def = findResource(path.group, path.version, path.resource);
  if (def === undefined || (!def.namespaced && path.namespace !== '')) throw unknownResource();
  if (def.namespaced && path.namespace === '' && path.name !== '') throw unknownResource();
  const isItem = path.name !== '' && !path.isWatchPath;
  const pair = VERBS[request.method] ?? ['', ''];
  let verb = isItem ? pair[0] : pair[1];
  if (verb === 'list' && (path.isWatchPath || isSet(query, 'watch'))) verb = 'watch';
  return {
    method: request.method,
    verb,
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

/** A whole number of the query, `undefined` where it is absent. @throws ApiError 400 where it is none. */
export function intOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** Whether the request only asks what would happen. @throws ApiError 422 for another value than `All`. */
export function isDryRun(values: readonly string[], kind: string): boolean {
  const wrong = values.filter((value) => value !== 'All');
  if (wrong.length > 0) throw invalidOptions(kind, [fault.unsupported('dryRun', wrong, ['All'])]);
  return values.length > 0;
}
