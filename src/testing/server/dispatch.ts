/** From a request for objects to the part of the server that answers it. */
import type { Core } from './core.js';
import { create } from './create.js';
import { deleteCollection, deleteOne } from './delete.js';
import { awaitVersion, list } from './list.js';
import { readLog } from './logs.js';
import { parseVersion } from './options/list-options.js';
import { patch } from './patch.js';
import { isSet, type ResourceRequest } from './request.js';
import { keyOf } from './resources.js';
import { type Answer, encoded, eventRenderer, formOf, listAnswer, objectAnswer } from './respond.js';
import { badRequest, methodNotAllowed, notFound, notImplemented, unknownResource } from './status.js';
import { bind, evict } from './subresources.js';
import { update } from './update.js';
import { type WatchControl, watch } from './watch.js';

/** Subresources that stream both ways, which no part of the embedded cluster can serve. */
const STREAMED = new Set(['exec', 'attach', 'portforward', 'proxy']);

/** The control of watches that meet no faults. */
const UNTOUCHED: WatchControl = {
  isSilent: () => false,
  isGone: () => false,
  copiesOf: () => 1,
  register: () => {},
};

/** What faults do to a request while it is answered. */
export interface DispatchContext {
  /** What they do to a watch. @default nothing */
  readonly control: WatchControl | undefined;
  /** The version that lists which take any are shown. @default the newest */
  readonly staleRevision: number | undefined;
}

/** The deprecated path of a watch on one object is a watch with a field selector. */
function byName(request: ResourceRequest): ResourceRequest {
  const query = new URLSearchParams(request.query);
  query.set('fieldSelector', `metadata.name=${request.name}`);
  return { ...request, query };
}

/** Answers a request for objects. @throws ApiError where it is refused. */
export async function dispatch(
  core: Core,
  request: ResourceRequest,
  { control, staleRevision }: DispatchContext,
): Promise<Answer> {
  const now = core.clock.now();
  if (request.subresource !== '') return subresource(core, request, now);
  const form = formOf(request.headers.accept, request.verb === 'list' || request.verb === 'watch');
  switch (request.verb) {
    case 'list':
      return listAnswer(request, await list(core, request, staleRevision), form, now);
    case 'watch': {
      const scoped = request.name === '' ? request : byName(request);
      const stream = watch(
        core,
        scoped,
        control ?? UNTOUCHED,
        eventRenderer(scoped, form, () => core.clock.now()),
      );
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: stream,
      };
    }
    case 'get': {
      if (isSet(request.query, 'export') && request.query.get('export') !== '')
        throw badRequest('the export parameter, deprecated since v1.14, is no longer supported');
      const version = request.query.get('resourceVersion') ?? '';
      if (version !== '') await awaitVersion(core, parseVersion(version, 500));
      const object = core.store.get(request.def.resource, keyOf(request.def, request.namespace, request.name));
      if (object === undefined) throw notFound(request.def, request.name);
      return objectAnswer(request, 200, object, form, now);
    }
    case 'create': {
      if (request.name !== '' || (request.def.namespaced && request.namespace === '')) throw methodNotAllowed();
      const written = create(core, request);
      return objectAnswer(request, written.code, written.object, form, now);
    }
    case 'update':
    case 'patch': {
      if (request.name === '') throw methodNotAllowed();
      const written = request.verb === 'update' ? update(core, request) : patch(core, request);
      return objectAnswer(request, written.code, written.object, form, now);
    }
    case 'delete':
      return objectAnswer(request, 200, deleteOne(core, request), form, now);
    case 'deletecollection': {
      if (!request.def.verbs.includes('deletecollection') || (request.def.namespaced && request.namespace === ''))
        throw methodNotAllowed();
      const items = deleteCollection(core, request);
      return listAnswer(request, { items, metadata: { resourceVersion: String(core.store.revision) } }, form, now);
    }
    default:
      throw methodNotAllowed();
  }
}

async function subresource(core: Core, request: ResourceRequest, now: number): Promise<Answer> {
  const known = request.def.subresources.find(({ name }) => name === request.subresource);
  if (request.def.resource === 'pods' && STREAMED.has(request.subresource)) throw notImplemented(request.subresource);
  if (known === undefined) throw unknownResource();
  if (!known.verbs.includes(request.verb)) throw methodNotAllowed();
  if (request.subresource === 'log') {
    const log = readLog(core, request);
    if (log.code === 204) return { status: 204, headers: {}, body: '' };
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: log.body };
  }
  if (request.subresource === 'binding') return encoded(201, bind(core, request), false);
  if (request.subresource === 'eviction') return encoded(201, evict(core, request), false);
  const form = formOf(request.headers.accept);
  if (request.verb === 'get') {
    const object = core.store.get(request.def.resource, keyOf(request.def, request.namespace, request.name));
    if (object === undefined) throw notFound(request.def, request.name);
    return objectAnswer(request, 200, object, form, now);
  }
  const written = request.verb === 'update' ? update(core, request) : patch(core, request);
  return objectAnswer(request, written.code, written.object, form, now);
}
