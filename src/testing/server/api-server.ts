/**
 * The embedded API server: a function from requests to answers, without sockets. Adapters put it on HTTP, or let a client call it
 * directly.
 */
import type { Clock } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import type { TransportRequest } from '../../kube/transport.js';
import { Access } from './access.js';
import { ConnectionDropped } from './connection-dropped.js';
import { type Controlled, control } from './control.js';
import { seedCluster, startControllers } from './controllers.js';
import type { Core, LogSource } from './core.js';
import { discover } from './discovery.js';
import { dispatch } from './dispatch.js';
import { type RequestFacts, type RequestFault, RequestFaults, refusalOf } from './faults.js';
import { FieldLedger } from './fields/managed-fields.js';
import { OpenWatches } from './open-watches.js';
import { factsOf, parseResourcePath, resourceRequest, type UserInfo } from './request.js';
import { type Answer, errorAnswer } from './respond.js';
import { answerReview, reviewAt } from './review.js';
import { PlainError, tooLarge } from './status.js';
import { Store } from './store.js';

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

const KUBELET = { name: 'system:kubelet', groups: ['system:masters'] };

const REQUEST_LOG_LIMIT = 100_000;

/** An API server without sockets. */
export class ApiServer {
  readonly core: Core;
  readonly faults: RequestFaults;
  readonly access = new Access();
  /** Every request answered, oldest first; the oldest go beyond a hundred thousand. */
  readonly requests: RequestRecord[] = [];
  readonly watches: OpenWatches;
  #controlled: Pick<Controlled, 'inject' | 'clearFaults'> = { inject: () => 0, clearFaults: () => {} };
  #answers = 0;
  #date = { second: 0, text: '' };
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
    this.watches = new OpenWatches(options.random);
    if (options.token !== undefined) this.access.addToken(options.token);
    if (options.controllers) this.#stopControllers = startControllers(this.core);
    seedCluster(this.core);
  }

  /** Lets faults by name be set by HTTP. */
  set control(hooks: Pick<Controlled, 'inject' | 'clearFaults'>) {
    this.#controlled = hooks;
  }

  set logs(source: LogSource) {
    this.core.logs = source;
  }

  /**
   * Answers a request; `peer` is the user whom a client certificate names. Requests of the cluster's own parts (`isInternal`) meet no faults, need no token and are not recorded.
   * @throws ConnectionDropped where a fault says so.
   */
  async handle(request: TransportRequest, isInternal = false, peer?: UserInfo): Promise<Answer> {
    if (isInternal) return this.#answer(request, { verb: '', resource: '' }, true).catch((error) => errorAnswer(error));
    const at = this.core.clock.now();
    const facts: { verb: string; resource: string } = { verb: '', resource: '' };
    let answer: Answer | undefined;
    try {
      answer = await this.#answer(request, facts, false, peer);
    } catch (error) {
      answer = errorAnswer(error, request.headers?.accept);
    } finally {
      this.requests.push({ method: request.method, path: request.path, ...facts, status: answer?.status ?? 0, at });
      if (this.requests.length > REQUEST_LOG_LIMIT) this.requests.splice(0, REQUEST_LOG_LIMIT / 10);
    }
    return this.#finished(answer);
  }

  async #answer(
    request: TransportRequest,
    seen: { verb: string; resource: string },
    isInternal: boolean,
    peer?: UserInfo,
  ): Promise<Answer> {
    const headers = request.headers ?? {};
    const [path = '/', search = ''] = splitPath(request.path);
    if (path.startsWith('/_podwright/'))
      return control({ ...this.#controlled, store: this.core.store, faults: this.faults }, path, request);
    const discovered = discover(request.method, path, search, headers.accept ?? '');
    if (discovered !== undefined) {
      if (!discovered.isOpen) this.access.authenticate(headers, peer);
      return discovered.answer;
    }
    const user = isInternal ? KUBELET : this.access.authenticate(headers, peer);
    if (!path.startsWith('/api/') && !path.startsWith('/apis/')) {
      this.access.authorizePath(user, request.method, path);
      throw new PlainError(404, '404 page not found');
    }
    const target = parseResourcePath(path);
    const query = new URLSearchParams(search);
    const review = reviewAt(target);
    if (review !== undefined) return answerReview(this.core, this.access, user, review, target, request, query);
    const facts = factsOf(request.method, target, query);
    seen.verb = facts.verb;
    seen.resource = facts.resource;
    const met = isInternal || this.faults.isEmpty ? [] : this.faults.meet(named(facts, request.body));
    if (met.length > 0) await this.#suffer(met, named(facts, request.body), request.signal);
    if (!isInternal) this.access.authorize(user, facts, target.group);
    const resource = resourceRequest(request, target, query, user);
    if (Buffer.byteLength(resource.body) > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
    let answer: Answer;
    try {
      answer = await dispatch(this.core, resource, {
        control: isInternal ? undefined : this.watches.controlOf(resource),
        staleRevision: met.find(isStale)?.staleRevision,
      });
    } catch (error) {
      // Warnings go out with refusals, too.
      answer = errorAnswer(error, headers.accept);
    }
    if (met.some((fault) => fault.applyThenDrop)) throw new ConnectionDropped();
    if (resource.warnings.length > 0)
      answer.headers.warning = resource.warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', ');
    return answer;
  }

  /** Puts the headers into an answer that every answer has. */
  #finished(answer: Answer): Answer {
    answer.headers['cache-control'] = 'no-cache, private';
    // Audit ids only have to differ; drawing them would use up the randomness that faults are drawn from.
    answer.headers['audit-id'] = `${(++this.#answers).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
    const second = Math.floor(this.core.clock.now() / 1000);
    if (second !== this.#date.second) this.#date = { second, text: new Date(second * 1000).toUTCString() };
    answer.headers.date = this.#date.text;
    return answer;
  }

  async #suffer(met: readonly RequestFault[], facts: RequestFacts, sender: AbortSignal | undefined): Promise<void> {
    for (const fault of met) {
      if (fault.latencyMs !== undefined) await this.core.clock.delay(fault.latencyMs);
      // A connection that broke takes along what has not been looked at yet; a sender that only waits no longer takes nothing back.
      if (fault.drop || sender?.reason instanceof ConnectionDropped) throw new ConnectionDropped();
      if (fault.status === undefined) continue;
      throw refusalOf(fault, fault.status, facts);
    }
  }

  /** Ends everything that is open. */
  close(): void {
    this.#stopControllers();
    this.watches.drop(true);
  }
}

const isStale = (fault: RequestFault) => fault.staleRevision !== undefined;

/** Creations have no name in their path, and are aimed at by the one in their body. */
function named(facts: RequestFacts, body = ''): RequestFacts {
  if (facts.verb !== 'create' || facts.name !== '') return facts;
  const match = /"(?:name|generateName)"\s*:\s*"([^"]*)"/.exec(body.slice(body.indexOf('"metadata"')));
  return { ...facts, name: match?.[1] ?? '' };
}

function splitPath(path: string): [string, string] {
  const at = path.indexOf('?');
  return at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at + 1)];
}
