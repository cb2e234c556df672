/** Lists: pages of one snapshot, versions, selectors. */
import { matchesLabels, parseFieldSelector, parseLabelSelector, SelectorError } from '../../wire/selectors.js';
import type { KubeObject } from '../../wire/types.js';
import type { Core } from './core.js';
import { goJsonError } from './go-json.js';
import { isMap, valueAt } from './json.js';
import { checkVersionOptions, parseVersion } from './options/list-options.js';
import { intOf, type ResourceRequest } from './request.js';
import type { ResourceDef } from './resources.js';
import { ApiError, badRequest, expired, tooLargeVersion } from './status.js';

/** A page of a list. */
export interface Page {
  readonly items: readonly KubeObject[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

function fieldOf(def: ResourceDef, object: KubeObject, field: string): string {
  const path = def.fieldAliases[field] ?? field;
  if (def.resource === 'events' && path === 'source')
    return String(valueAt(object, 'source.component') ?? valueAt(object, 'reportingComponent') ?? '');
  const value = valueAt(object, path);
  if (Array.isArray(value)) return value.map((item) => (isMap(item) ? String(item.ip ?? '') : String(item))).join(',');
  if (value === undefined || value === null)
    return path === 'spec.unschedulable' || path === 'spec.hostNetwork' ? 'false' : '';
  return String(value);
}

function checkField(def: ResourceDef, field: string): void {
  if (field === 'metadata.name' || (def.namespaced && field === 'metadata.namespace')) return;
  if (def.fields.includes(field) || def.fieldAliases[field] !== undefined) return;
  throw badRequest(
    def.fields.length > 0
      ? `field label not supported: ${field}`
      : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

/** The test that a request's selectors make. @throws ApiError 400 where one cannot be read. */
export function selectorOf(request: ResourceRequest): (object: KubeObject) => boolean {
  const { def, query } = request;
  try {
    const labels = parseLabelSelector(query.get('labelSelector') ?? '');
    const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
    for (const { field } of fields) checkField(def, field);
    return (object) =>
      (labels.length === 0 || matchesLabels(labels, object.metadata?.labels)) &&
      fields.every(({ field, value, negated }) => (fieldOf(def, object, field) === value) !== negated);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

/** Whether the request has any selector. */
export function hasSelector(request: ResourceRequest): boolean {
  return (request.query.get('labelSelector') ?? '') !== '' || (request.query.get('fieldSelector') ?? '') !== '';
}

interface Token {
  readonly revision: number;
  readonly start: string;
}

function encodeToken({ revision, start }: Token): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })).toString('base64url');
}

function decodeToken(text: string): Token {
  const refuse = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`);
  // One letter beyond a group of four is not a byte.
  const odd = text.length % 4 === 1 ? text.length - 1 : text.search(/[^A-Za-z0-9_-]/);
  if (odd >= 0) throw refuse(`illegal base64 data at input byte ${odd}`);
  const decoded = Buffer.from(text, 'base64url');
  const problem = goJsonError(decoded);
  if (problem !== undefined) throw refuse(problem);
  const token: unknown = JSON.parse(decoded.toString('latin1'));
  const { v, rv, start } = isMap(token) ? token : {};
  if (v !== 'meta.k8s.io/v1') throw refuse(`server does not recognize this encoded version ${String(v ?? '')}`);
  if (typeof rv !== 'number' || rv === 0)
    throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '') throw refuse('encoded start key empty (version meta.k8s.io/v1)');
  if (start.split('/').includes('..')) throw refuse(start);
  return { revision: rv, start };
}

const EXPIRED_CONTINUE =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** How long a server waits for a version of the future before it gives up, in milliseconds. */
export const FUTURE_WAIT_MS = 3000;

/** Waits for a version of the future. @throws ApiError 504 when it does not come. */
export async function awaitVersion(core: Core, version: number): Promise<void> {
  if (version <= core.store.revision) return;
  await core.clock.delay(FUTURE_WAIT_MS);
  if (version > core.store.revision)
    throw new ApiError(tooLargeVersion(version, core.store.revision), { 'retry-after': '1' });
}

/** Which revision a list without a token shows. */
async function revisionFor(core: Core, request: ResourceRequest, limit: number): Promise<number> {
  const text = request.query.get('resourceVersion') ?? '';
  if (text === '') return core.store.revision;
  const version = parseVersion(text);
  await awaitVersion(core, version);
  const isExact =
    request.query.get('resourceVersionMatch') === 'Exact' ||
    (limit > 0 && version > 0 && request.query.get('resourceVersionMatch') === null);
  if (!isExact) return core.store.revision;
  if (version < core.store.floor) throw expired('The resourceVersion for the provided list is too old.');
  return version;
}

/** Answers a list; with `staleRevision`, one that takes any version is shown that one while it is in the history. */
export async function list(core: Core, request: ResourceRequest, staleRevision?: number): Promise<Page> {
  const { def, query, namespace } = request;
  checkVersionOptions(request, false);
  const matches = selectorOf(request);
  intOf(query, 'timeoutSeconds');
  const asked = Math.max(0, intOf(query, 'limit') ?? 0);
  const tokenText = query.get('continue') ?? '';
  const version = query.get('resourceVersion') ?? '';
  if (tokenText !== '' && version !== '' && version !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  const limit = version === '0' && tokenText === '' ? 0 : asked;
  let start = '';
  let revision: number;
  if (tokenText === '') revision = await revisionFor(core, request, limit);
  else {
    const token = decodeToken(tokenText);
    start = token.start;
    revision = token.revision;
    if (revision < 0) revision = core.store.revision;
    else if (revision < core.store.floor) throw expired(EXPIRED_CONTINUE, encodeToken({ revision: -1, start }));
  }
  if (staleRevision !== undefined && tokenText === '' && version === '0')
    revision = Math.max(staleRevision, core.store.floor);
  const all = core.store.list(def.resource, namespace === '' ? '' : `${namespace}/`, revision);
  const items: KubeObject[] = [];
  let lastKey = '';
  let index = 0;
  let hasMore = false;
  for (; index < all.length; index++) {
    const { key, object } = all[index] as { key: string; object: KubeObject };
    if ((start !== '' && key < start) || !matches(object)) continue;
    if (limit > 0 && items.length === limit) {
      hasMore = true;
      break;
    }
    items.push(object);
    lastKey = key;
  }
  if (!hasMore) return { items, metadata: { resourceVersion: String(revision) } };
  return {
    items,
    metadata: {
      resourceVersion: String(revision),
      continue: encodeToken({ revision, start: `${lastKey}\u0000` }),
      ...(hasSelector(request) ? {} : { remainingItemCount: all.length - index }),
    },
  };
}
