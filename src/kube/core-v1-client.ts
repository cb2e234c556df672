/**
 * A {@link KubeClient} over a `CoreV1Api` of @kubernetes/client-node 1.x, for hosts that have one already, with its credentials, its
 * middleware and its HTTP library. Repetition, flow control and deadlines are the same as those of {@link HttpKubeClient}; connections
 * are client-node's, which opens a new one for every call. Leases and access reviews are not part of CoreV1Api: they come with APIs of their
 * own, and what needs them is off without.
 */
import { linkedAbort } from '../core/linked-abort.js';
import { untilAborted } from '../core/within.js';
import { KubeApiError } from '../errors.js';
import type { KubeEvent, KubeList, Namespace, Node, Pod, ResourceQuota } from '../wire/types.js';
import { CallRunner, type CallRunnerOptions } from './call-runner.js';
import { type CoreV1Method, callCoreV1, streamCoreV1 } from './core-v1-api.js';
import {
  type CoreV1SecretsApi,
  type CoreV1Send,
  type CoreV1Sent,
  deleteBy,
  found,
  leasesOf,
  listParams,
  reviewsOf,
  secretsOf,
} from './core-v1-optional.js';
import type { AuthorizationV1ApiLike, CoordinationV1ApiLike, CoreV1ApiLike } from './core-v1-shapes.js';
import type {
  AccessReviewer,
  CallOptions,
  CreateOptions,
  DeleteCollectionOptions,
  DeleteOptions,
  KubeClient,
  LeaseClient,
  ListOptions,
  LogOptions,
  PatchOptions,
  PodWatchEvent,
  SecretClient,
  WatchOptions,
} from './kube-client.js';
import { PodEvents } from './pod-events.js';
import { deleteBody, PATCH_TYPES } from './requests.js';

/** Options of a {@link CoreV1KubeClient}. */
export interface CoreV1KubeClientOptions extends CallRunnerOptions {
  /** The API, as `kubeConfig.makeApiClient(CoreV1Api)` gives it. */
  readonly api: CoreV1ApiLike;
  /** The API of access reviews, `kubeConfig.makeApiClient(AuthorizationV1Api)`. @default `canI` is missing */
  readonly authorization?: AuthorizationV1ApiLike | undefined;
  /** The API of leases, `kubeConfig.makeApiClient(CoordinationV1Api)`. @default the methods of leases are missing */
  readonly coordination?: CoordinationV1ApiLike | undefined;
}

/** A manifest without the fields that client-node's classes want as `Date`; what is sent has them all. */
function classSafe({ status: _, metadata = {}, ...pod }: Pod): Pod {
  const { creationTimestamp: _c, deletionTimestamp: _d, managedFields: _m, ...rest } = metadata;
  return { ...pod, metadata: rest };
}

function hasSecrets(api: CoreV1ApiLike): api is CoreV1ApiLike & CoreV1SecretsApi {
  return [
    api.createNamespacedSecret,
    api.listNamespacedSecret,
    api.listSecretForAllNamespaces,
    api.patchNamespacedSecret,
    api.deleteNamespacedSecret,
  ].every((method) => method !== undefined);
}

/** See the module's text. */
export class CoreV1KubeClient implements KubeClient {
  /** See {@link PodReader}. */
  readonly canStreamLists = true;
  /** See {@link SecretClient}; there where the API has its methods. */
  declare readonly createSecret?: SecretClient['createSecret'];
  /** See {@link SecretClient}. */
  declare readonly listSecrets?: SecretClient['listSecrets'];
  /** See {@link SecretClient}. */
  declare readonly patchSecret?: SecretClient['patchSecret'];
  /** See {@link SecretClient}. */
  declare readonly deleteSecret?: SecretClient['deleteSecret'];
  /** See {@link LeaseClient}; there where `coordination` was given. */
  declare readonly readLease?: LeaseClient['readLease'];
  /** See {@link LeaseClient}. */
  declare readonly listLeases?: LeaseClient['listLeases'];
  /** See {@link LeaseClient}. */
  declare readonly createLease?: LeaseClient['createLease'];
  /** See {@link LeaseClient}. */
  declare readonly replaceLease?: LeaseClient['replaceLease'];
  /** See {@link LeaseClient}. */
  declare readonly deleteLease?: LeaseClient['deleteLease'];
  /** See {@link AccessReviewer}; there where `authorization` was given. */
  declare readonly canI?: AccessReviewer['canI'];
  readonly #api: CoreV1ApiLike;
  readonly #runner: CallRunner;
  readonly #send: CoreV1Send;

  constructor(options: CoreV1KubeClientOptions) {
    const { api, authorization, coordination } = options;
    this.#api = api;
    this.#runner = new CallRunner(options);
    this.#send = (name, sent, method) => this.#repeated(name, sent, method);
    Object.assign(
      this,
      hasSecrets(api) ? secretsOf(api, this.#send) : {},
      coordination === undefined ? {} : leasesOf(coordination, this.#send),
      authorization === undefined ? {} : reviewsOf(authorization, this.#send),
    );
  }

  readPod(namespace: string, name: string, options: CallOptions = {}): Promise<Pod | undefined> {
    return found(this.#send<Pod>('read pod', options, (o) => this.#api.readNamespacedPod({ namespace, name }, o)));
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

  deletePod(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    return deleteBy(this.#send, 'delete pod', options, (body, o) =>
      this.#api.deleteNamespacedPod({ namespace, name, body }, o),
    );
  }

  async deletePods(options: DeleteCollectionOptions): Promise<void> {
    const { signal, timeoutMs, gate, gracePeriodSeconds, propagationPolicy } = options;
    const body = deleteBody({ gracePeriodSeconds, propagationPolicy });
    const params = { ...listParams(options), body };
    const sent = { signal, timeoutMs, gate, body, isRepeatable: false, priority: 'high' } as const;
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
    return found(this.#send('read namespace', options, (o) => this.#api.readNamespace({ name }, o)));
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

  #repeated<T>(name: string, sent: Omit<CoreV1Sent, 'name'>, method: CoreV1Method): Promise<T> {
    const { isRepeatable = true, priority = 'normal', signal, timeoutMs, gate, ...call } = sent;
    const runnable = { name, signal, timeoutMs, gate, isRepeatable, priority };
    return this.#runner.repeated(runnable, async (limit) => {
      try {
        // Credentials are fetched by client-node, which heeds no signal.
        return await untilAborted(callCoreV1<T>(method, { ...call, name, signal: limit }), limit);
      } catch (error) {
        if (error instanceof KubeApiError) this.#runner.turnedAway(runnable, error);
        throw error;
      }
    });
  }

  /** Opens a stream; the limit of an attempt ends with its opening, the caller's signal does not. */
  async #stream(
    name: string,
    { signal, timeoutMs, query }: Omit<CoreV1Sent, 'name'>,
    method: CoreV1Method,
  ): Promise<AsyncIterable<Uint8Array>> {
    const call = { name, signal, timeoutMs, isRepeatable: false, priority: 'normal' } as const;
    return this.#runner.once(call, this.#runner.attemptLimitMs(call), async (limit) => {
      await this.#runner.untilUnpaused(limit);
      const opening = linkedAbort(limit);
      const ends = signal === undefined ? opening.signal : AbortSignal.any([signal, opening.signal]);
      try {
        return await untilAborted(streamCoreV1(method, { name, query, signal: ends }), limit);
      } catch (error) {
        if (error instanceof KubeApiError) this.#runner.turnedAway(call, error);
        throw error;
      } finally {
        opening.unlink();
      }
    });
  }
}
