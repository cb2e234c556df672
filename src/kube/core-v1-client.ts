/**
 * A {@link KubeClient} over a `CoreV1Api` of @kubernetes/client-node 1.x, for hosts that have one already, with its credentials, its
 * middleware and its HTTP library. Repetition, flow control and deadlines are the same as those of {@link HttpKubeClient}; connections
 * are client-node's, which opens a new one for every call. Leases and access reviews are not part of CoreV1Api: what needs them is off.
 */
import { KubeApiError } from '../errors.js';
import type { KubeEvent, KubeList, Namespace, Node, Pod, ResourceQuota } from '../wire/types.js';
import { CallRunner, type CallRunnerOptions } from './call-runner.js';
import { type CoreV1Call, type CoreV1Method, callCoreV1, streamCoreV1 } from './core-v1-api.js';
import type { CallPriority } from './flow-control.js';
import type {
  CallOptions,
  CreateOptions,
  DeleteCollectionOptions,
  DeleteOptions,
  KubeClient,
  ListOptions,
  LogOptions,
  PatchOptions,
  PodWatchEvent,
  WatchOptions,
} from './kube-client.js';
import { PodEvents } from './pod-events.js';
import { deleteBody, PATCH_TYPES } from './requests.js';

/** The methods of a `CoreV1Api` that are used: any object of this shape will do. */
export interface CoreV1ApiLike {
  /** See CoreV1Api. */
  createNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  readNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listPodForAllNamespaces(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  patchNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  deleteNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  deleteCollectionNamespacedPod(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  readNamespacedPodLog(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNamespacedEvent(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listEventForAllNamespaces(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNode(param?: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  readNamespace(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listNamespacedResourceQuota(param: object, options?: object): Promise<unknown>;
  /** See CoreV1Api. */
  listResourceQuotaForAllNamespaces(param?: object, options?: object): Promise<unknown>;
}

/** Options of a {@link CoreV1KubeClient}. */
export interface CoreV1KubeClientOptions extends CallRunnerOptions {
  /** The API, as `kubeConfig.makeApiClient(CoreV1Api)` gives it. */
  readonly api: CoreV1ApiLike;
}

/** How a call is sent and repeated. */
interface Sent extends CallOptions, Omit<CoreV1Call, 'signal'> {
  readonly isRepeatable?: boolean;
  readonly priority?: CallPriority;
}

/** Parameters of a list, by client-node's names. */
function listParams(options: ListOptions | WatchOptions): object {
  const { namespace, labelSelector, fieldSelector, resourceVersion, resourceVersionMatch } = options;
  const { limit, continue: token } = options as ListOptions;
  const isContinued = token !== undefined && token !== '';
  return {
    namespace,
    labelSelector,
    fieldSelector,
    limit,
    _continue: isContinued ? token : undefined,
    resourceVersion: isContinued ? undefined : resourceVersion,
    resourceVersionMatch: isContinued ? undefined : resourceVersionMatch,
  };
}

/** A manifest without the fields that client-node's classes want as `Date`; what is sent has them all. */
function classSafe({ status: _, metadata = {}, ...pod }: Pod): Pod {
  const { creationTimestamp: _c, deletionTimestamp: _d, managedFields: _m, ...rest } = metadata;
  return { ...pod, metadata: rest };
}

/** See the module's text. */
export class CoreV1KubeClient implements KubeClient {
  /** See {@link PodReader}. */
  readonly canStreamLists = true;
  readonly #api: CoreV1ApiLike;
  readonly #runner: CallRunner;

  constructor(options: CoreV1KubeClientOptions) {
    this.#api = options.api;
    this.#runner = new CallRunner(options);
  }

  readPod(namespace: string, name: string, options: CallOptions = {}): Promise<Pod | undefined> {
    return this.#found(
      this.#send<Pod>('read pod', options, (o) => this.#api.readNamespacedPod({ namespace, name }, o)),
    );
  }

  listPods(options: ListOptions = {}): Promise<KubeList<Pod>> {
    const { listNamespacedPod, listPodForAllNamespaces } = this.#api;
    return this.#list('list pods', options, listNamespacedPod, listPodForAllNamespaces);
  }

  watchPods(options: WatchOptions = {}): AsyncIterable<PodWatchEvent> {
    const { timeoutSeconds, allowWatchBookmarks = true, sendInitialEvents, signal, namespace } = options;
    const params = {
      ...listParams(options),
      watch: true,
      timeoutSeconds,
      allowWatchBookmarks,
      sendInitialEvents,
    };
    const method: CoreV1Method = (o) =>
      namespace === undefined ? this.#api.listPodForAllNamespaces(params, o) : this.#api.listNamespacedPod(params, o);
    return new PodEvents(() => this.#stream('watch pods', { signal }, method), options.omitManagedFields);
  }

  createPod(namespace: string, pod: Pod, { dryRun = false, ...options }: CreateOptions = {}): Promise<Pod> {
    const params = { namespace, body: classSafe(pod), dryRun: dryRun ? 'All' : undefined };
    const sent = { ...options, body: pod, isRepeatable: false, priority: 'low' } as const;
    return this.#send('create pod', sent, (o) => this.#api.createNamespacedPod(params, o));
  }

  patchPod(
    namespace: string,
    name: string,
    patch: unknown,
    { type = 'merge', fieldManager, force, ...options }: PatchOptions = {},
  ): Promise<Pod> {
    const params = { namespace, name, body: patch, fieldManager, force };
    const sent = { ...options, body: patch, contentType: PATCH_TYPES[type], isRepeatable: type !== 'json' };
    return this.#send('patch pod', sent, (o) => this.#api.patchNamespacedPod(params, o));
  }

  async deletePod(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    const { signal, timeoutMs, uid } = options;
    const body = deleteBody(options);
    const sent = { signal, timeoutMs, body, isRepeatable: uid !== undefined, priority: 'high' } as const;
    try {
      await this.#send('delete pod', sent, (o) => this.#api.deleteNamespacedPod({ namespace, name, body }, o));
      return true;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return error.attempts > 1;
      throw error;
    }
  }

  async deletePods(options: DeleteCollectionOptions): Promise<void> {
    const { signal, timeoutMs, gracePeriodSeconds, propagationPolicy } = options;
    const body = deleteBody({ gracePeriodSeconds, propagationPolicy });
    const params = { ...listParams(options), body };
    const sent = { signal, timeoutMs, body, isRepeatable: false, priority: 'high' } as const;
    await this.#send('delete pods', sent, (o) => this.#api.deleteCollectionNamespacedPod(params, o));
  }

  async *readLog(namespace: string, name: string, options: LogOptions = {}): AsyncGenerator<Uint8Array> {
    const { signal, timeoutMs, sinceTime, ...rest } = options;
    const params = { namespace, name, ...rest };
    // The method has no parameter for a start in absolute time.
    const sent = { signal, timeoutMs, query: { sinceTime } };
    yield* await this.#stream('read log', sent, (o) => this.#api.readNamespacedPodLog(params, o));
  }

  listEvents(options: ListOptions = {}): Promise<KubeList<KubeEvent>> {
    const { listNamespacedEvent, listEventForAllNamespaces } = this.#api;
    return this.#list('list events', options, listNamespacedEvent, listEventForAllNamespaces);
  }

  listNodes(options: ListOptions = {}): Promise<KubeList<Node>> {
    return this.#list('list nodes', { ...options, namespace: undefined }, this.#api.listNode, this.#api.listNode);
  }

  listQuotas(options: ListOptions = {}): Promise<KubeList<ResourceQuota>> {
    const { listNamespacedResourceQuota, listResourceQuotaForAllNamespaces } = this.#api;
    return this.#list('list quotas', options, listNamespacedResourceQuota, listResourceQuotaForAllNamespaces);
  }

  readNamespace(name: string, options: CallOptions = {}): Promise<Namespace | undefined> {
    return this.#found(this.#send('read namespace', options, (o) => this.#api.readNamespace({ name }, o)));
  }

  async #found<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  #list<T>(
    name: string,
    options: ListOptions,
    ofOne: CoreV1ApiLike['listNamespacedPod'],
    ofAll: CoreV1ApiLike['listNamespacedPod'],
  ): Promise<T> {
    const { signal, timeoutMs, namespace } = options;
    const method = namespace === undefined ? ofAll : ofOne;
    return this.#send(name, { signal, timeoutMs }, (o) => method.call(this.#api, listParams(options), o));
  }

  #send<T>(name: string, sent: Omit<Sent, 'name'>, method: CoreV1Method): Promise<T> {
    const { isRepeatable = true, priority = 'normal', signal, timeoutMs, ...call } = sent;
    return this.#runner.repeated({ name, signal, timeoutMs, isRepeatable, priority }, async (limit) => {
      try {
        return await untilAborted(callCoreV1<T>(method, { ...call, name, signal: limit }), limit);
      } catch (error) {
        if (error instanceof KubeApiError) this.#runner.turnedAway(error);
        throw error;
      }
    });
  }

  /** Opens a stream; the limit of an attempt ends with its opening, the caller's signal does not. */
  async #stream(
    name: string,
    { signal, timeoutMs, query }: Omit<Sent, 'name'>,
    method: CoreV1Method,
  ): Promise<AsyncIterable<Uint8Array>> {
    const call = { name, signal, timeoutMs, isRepeatable: false, priority: 'normal' } as const;
    return this.#runner.once(call, this.#runner.attemptLimitMs(call), async (limit) => {
      await this.#runner.untilUnpaused(limit);
      const opening = new AbortController();
      const onLimit = () => opening.abort(limit.reason);
      limit.addEventListener('abort', onLimit, { once: true });
      const ends = signal === undefined ? opening.signal : AbortSignal.any([signal, opening.signal]);
      try {
        return await untilAborted(streamCoreV1(method, { name, query, signal: ends }), limit);
      } catch (error) {
        if (error instanceof KubeApiError) this.#runner.turnedAway(error);
        throw error;
      } finally {
        limit.removeEventListener('abort', onLimit);
      }
    });
  }
}

/** Waits no longer than the signal: credentials are fetched by client-node, which heeds none. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
