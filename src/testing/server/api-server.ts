/**
 * The embedded API server: a function from requests to answers, without sockets. Adapters put it on HTTP, or let a client call it
 * directly.
 */
import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import { ClusterError } from '../../errors.js';
import type { TransportRequest } from '../../kube/transport.js';
import { WatchFaults } from '../faults/watch-faults.js';
import { Access } from './access.js';
import { seedCluster, startControllers } from './controllers.js';
import type { Core, LogSource } from './core.js';
import { newUid } from './core.js';
import { deleteCollection, deleteOne } from './delete.js';
import { discover } from './discovery.js';
import { type RequestFacts, type RequestFault, RequestFaults, reasonOf } from './faults.js';
import { FieldLedger } from './fields/managed-fields.js';
import { isMap } from './json.js';
import { awaitVersion, list, parseVersion } from './list.js';
import { readLog } from './logs.js';
import { patch } from './patch.js';
import {
  parseResourcePath,
  type ResourcePath,
  type ResourceRequest,
  resourceRequest,
  type UserInfo,
} from './request.js';
import { keyOf } from './resources.js';
import { type Answer, encoded, eventRenderer, formOf, listAnswer, objectAnswer } from './respond.js';
import { reviewAccess } from './review.js';
import {
  ApiError,
  badRequest,
  failure,
  methodNotAllowed,
  notFound,
  notImplemented,
  PlainError,
  tooLarge,
  unknownResource,
} from './status.js';
import { Store } from './store.js';
import type { ByteStream } from './stream.js';
import { bind, evict } from './subresources.js';
import { type WatchControl, watch } from './watch.js';
import { create, update } from './write.js';

const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** One request as it was answered. */
export interface RequestRecord {
  /** HTTP method. */
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** Kubernetes verb such as `list`; empty for paths that are not about objects. */
  readonly verb: string;
  /** Resource with subresource, such as `pods/log`; empty likewise. */
  readonly resource: string;
  /** HTTP status answered; 0 where the connection was dropped. */
  readonly status: number;
  /** When it came, in milliseconds since the epoch on the cluster's clock. */
  readonly at: number;
}

/** Options of the server. */
export interface ApiServerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly historyLimit: number;
  readonly controllers: boolean;
  readonly serviceAccounts: boolean;
  readonly token: string | undefined;
}

/** The connection is lost without an answer; adapters make the client see that. */
export class ConnectionDropped extends Error {
  constructor() {
    super('connection dropped by a fault');
    this.name = 'ConnectionDropped';
  }
}

const KUBELET = { name: 'system:kubelet', groups: ['system:masters'] };

/** Subresources that stream both ways, which no part of the embedded cluster can serve. */
const STREAMED = new Set(['exec', 'attach', 'portforward', 'proxy']);

const REQUEST_LOG_LIMIT = 100_000;

/** An API server without sockets. */
export class ApiServer {
  readonly core: Core;
  readonly faults: RequestFaults;
  readonly watchFaults: WatchFaults;
  readonly access = new Access();
  /** Begins faults by name that come by HTTP; set by the cluster that this server is part of. */
  inject: (given: unknown) => number = () => 0;
  clearFaults: () => void = () => {};
  /** Every request answered, oldest first; the oldest go beyond a hundred thousand. */
  readonly requests: RequestRecord[] = [];
  readonly #watches = new Set<ByteStream>();
  #isSilent = false;
  #stopControllers: () => void = () => {};

  constructor(options: ApiServerOptions) {
    this.core = {
      store: new Store(options.historyLimit),
      fields: new FieldLedger(),
      clock: options.clock,
      random: options.random,
      logs: undefined,
      controllers: options.controllers,
      serviceAccounts: options.serviceAccounts,
    };
    this.faults = new RequestFaults(options.random);
    this.watchFaults = new WatchFaults(options.random);
    if (options.token !== undefined) this.access.addToken(options.token);
    if (options.controllers) this.#stopControllers = startControllers(this.core);
    seedCluster(this.core);
  }

  set logs(source: LogSource) {
    this.core.logs = source;
  }

  /**
   * Answers a request; `peer` is the user whom a client certificate names. Requests of the cluster's own parts (`isInternal`) meet no faults, need no token and are not recorded.
   * @throws ConnectionDropped where a fault says so.
   */
  async handle(request: TransportRequest, isInternal = false, peer?: UserInfo): Promise<Answer> {
    if (isInternal) return this.#answer(request, { verb: '', resource: '' }, true).catch(errorAnswer);
    const at = this.core.clock.now();
    const facts: { verb: string; resource: string } = { verb: '', resource: '' };
    let status = 0;
    try {
      const answer = await this.#answer(request, facts, false, peer);
      status = answer.status;
      return answer;
    } catch (error) {
      if (error instanceof ConnectionDropped) throw error;
      const answer = errorAnswer(error);
      status = answer.status;
      return answer;
    } finally {
      this.requests.push({ method: request.method, path: request.path, ...facts, status, at });
      if (this.requests.length > REQUEST_LOG_LIMIT) this.requests.splice(0, REQUEST_LOG_LIMIT / 10);
    }
  }

  async #answer(
    request: TransportRequest,
    seen: { verb: string; resource: string },
    isInternal: boolean,
    peer?: UserInfo,
  ): Promise<Answer> {
    const headers = request.headers ?? {};
    const [path = '/', search = ''] = splitPath(request.path);
    if (path.startsWith('/_podwright/')) return this.#control(path, request);
    const discovered = request.method === 'GET' ? discover(path, headers.accept ?? '') : undefined;
    if (discovered !== undefined) {
      const isProbe = 'text' in discovered || path === '/version';
      if (!isProbe) this.access.authenticate(headers, peer);
      if ('text' in discovered)
        return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: discovered.text };
      const answer = encoded(200, discovered.json, false);
      if (discovered.contentType !== undefined) answer.headers['content-type'] = discovered.contentType;
      return answer;
    }
    const user = isInternal ? KUBELET : this.access.authenticate(headers, peer);
    if (!path.startsWith('/api/') && !path.startsWith('/apis/')) throw new PlainError(404, '404 page not found');
    const target = parseResourcePath(path);
    const query = new URLSearchParams(search);
    if (target.resource === 'selfsubjectaccessreviews')
      return reviewAccess(this.core, this.access, user, request, query);
    const resource = resourceRequest(request, target, query, user);
    const facts = factsOf(resource, target);
    seen.verb = facts.verb;
    seen.resource = facts.resource;
    const met = isInternal || this.faults.isEmpty ? [] : this.faults.meet(named(facts, resource));
    await this.#suffer(met, named(facts, resource).name);
    if (!isInternal) this.access.authorize(user, facts, resource.def.group);
    if (Buffer.byteLength(resource.body) > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
    let answer: Answer;
    try {
      answer = await this.#dispatch(resource, target, isInternal, met.find(isStale)?.staleRevision);
    } catch (error) {
      // Warnings go out with refusals, too.
      answer = errorAnswer(error);
    }
    if (met.some((fault) => fault.applyThenDrop)) throw new ConnectionDropped();
    if (resource.warnings.length > 0)
      answer.headers.warning = resource.warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', ');
    return finished(answer, this.core);
  }

  async #suffer(met: readonly RequestFault[], name: string): Promise<void> {
    for (const fault of met) {
      if (fault.latencyMs !== undefined) await this.core.clock.delay(fault.latencyMs);
      if (fault.drop) throw new ConnectionDropped();
      if (fault.status === undefined) continue;
      const details = fault.retryAfter === undefined ? undefined : { retryAfterSeconds: fault.retryAfter };
      const message = (fault.message ?? `fault injected: ${fault.status}`).replaceAll('{name}', name);
      throw new ApiError(
        failure(fault.status, fault.reason ?? reasonOf(fault.status), message, details),
        fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) },
      );
    }
  }

  async #dispatch(
    request: ResourceRequest,
    path: ResourcePath,
    isInternal: boolean,
    staleRevision: number | undefined,
  ): Promise<Answer> {
    const { core } = this;
    const now = core.clock.now();
    if (request.subresource !== '') return this.#subresource(request, now);
    const form = formOf(request.headers.accept, request.verb === 'list' || request.verb === 'watch');
    switch (request.verb) {
      case 'list':
        return listAnswer(request, await list(core, request, staleRevision), form, now);
      case 'watch': {
        const scoped = path.isWatchPath && path.name !== '' ? byName(request) : request;
        const control = isInternal ? UNTOUCHED : this.#watchControl(scoped);
        const stream = watch(
          core,
          scoped,
          control,
          eventRenderer(scoped, form, () => core.clock.now()),
        );
        return {
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: stream,
        };
      }
      case 'get': {
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

  async #subresource(request: ResourceRequest, now: number): Promise<Answer> {
    const { core } = this;
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

  #watchControl({ def, namespace }: ResourceRequest): WatchControl {
    const { resource } = def;
    return {
      isSilent: () => this.#isSilent || this.watchFaults.isSilent({ resource, namespace }),
      isGone: () => this.watchFaults.isGone({ resource, namespace }),
      copiesOf: (object) =>
        this.watchFaults.copiesOf({
          resource,
          namespace: object.metadata?.namespace ?? '',
          name: object.metadata?.name ?? '',
        }),
      register: (stream) => this.#register(stream),
    };
  }

  #register(stream: ByteStream): void {
    this.#watches.add(stream);
    stream.onClose(() => this.#watches.delete(stream));
  }

  /** How many watches are open. */
  get openWatches(): number {
    return this.#watches.size;
  }

  /** Breaks off every open watch, as a restarting server does; `clean` ends them properly instead. */
  dropWatches(clean = false): void {
    for (const stream of [...this.#watches]) {
      if (clean) stream.end();
      else stream.fail(new ConnectionDropped());
    }
  }

  /** Holds back all events of all watches, open and new, or lets them flow again; what was held back is lost to open watches. */
  silenceWatches(isSilent: boolean): void {
    this.#isSilent = isSilent;
  }

  /** Ends everything that is open. */
  close(): void {
    this.#stopControllers();
    this.dropWatches(true);
  }

  /** Faults by name, and rules as {@link RequestFaults.add} takes them. */
  #addFaults(rules: readonly unknown[]): number {
    const byName = rules.filter((rule) => isMap(rule) && rule.fault !== undefined);
    try {
      if (byName.length > 0) this.inject(byName);
    } catch (error) {
      throw badRequest((error as Error).message);
    }
    for (const rule of rules) if (!byName.includes(rule)) this.faults.add(rule as RequestFault);
    return rules.length;
  }

  #control(path: string, request: TransportRequest): Answer {
    if (request.method !== 'POST') throw methodNotAllowed();
    const parsed: unknown = request.body === undefined || request.body === '' ? {} : JSON.parse(request.body);
    const body = isMap(parsed) ? parsed : {};
    if (path === '/_podwright/compact') {
      const version = body.resourceVersion === undefined ? undefined : Number(body.resourceVersion);
      if (Number.isNaN(version)) throw new ClusterError('resourceVersion must be a number');
      this.core.store.compact(version);
      return encoded(200, { compacted: String(this.core.store.floor) }, false);
    }
    if (path === '/_podwright/faults') {
      if (body.clear === true) this.clearFaults();
      const rules = Array.isArray(parsed) ? parsed : Array.isArray(body.faults) ? body.faults : [body];
      const isRule = (rule: unknown) => isMap(rule) && Object.keys(rule).some((field) => field !== 'clear');
      return encoded(200, { added: this.#addFaults(rules.filter(isRule)) }, false);
    }
    throw new PlainError(404, '404 page not found');
  }
}

/** The control of watches that meet no faults. */
const UNTOUCHED: WatchControl = {
  isSilent: () => false,
  isGone: () => false,
  copiesOf: () => 1,
  register: () => {},
};

const isStale = (fault: RequestFault) => fault.staleRevision !== undefined;

/** Creations have no name in their path, and are aimed at by the one in their body. */
function named(facts: RequestFacts, request: ResourceRequest): RequestFacts {
  if (facts.verb !== 'create' || facts.name !== '') return facts;
  const match = /"(?:name|generateName)"\s*:\s*"([^"]*)"/.exec(request.body.slice(request.body.indexOf('"metadata"')));
  return { ...facts, name: match?.[1] ?? '' };
}

function splitPath(path: string): [string, string] {
  const at = path.indexOf('?');
  return at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at + 1)];
}

function factsOf(request: ResourceRequest, path: ResourcePath): RequestFacts {
  const resource = path.subresource === '' ? path.resource : `${path.resource}/${path.subresource}`;
  return { verb: request.verb, resource, namespace: request.namespace, name: request.name };
}

/** The deprecated path of a watch on one object is a watch with a field selector. */
function byName(request: ResourceRequest): ResourceRequest {
  const query = new URLSearchParams(request.query);
  query.set('fieldSelector', `metadata.name=${request.name}`);
  return { ...request, query };
}

function finished(answer: Answer, core: Core): Answer {
  answer.headers['cache-control'] = 'no-cache, private';
  answer.headers['audit-id'] = newUid(core.random);
  answer.headers.date = new Date(core.clock.now()).toUTCString();
  return answer;
}

function errorAnswer(error: unknown): Answer {
  if (error instanceof ApiError) {
    const answer = encoded(error.status.code ?? 500, error.status, false);
    return { ...answer, headers: { ...answer.headers, ...error.headers } };
  }
  if (error instanceof PlainError)
    return { status: error.code, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${error.message}\n` };
  const message = `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`;
  return encoded(500, failure(500, 'InternalError', message), false);
}
