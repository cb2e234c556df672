/**
 * The {@link KubeClient} over HTTP: paths, bodies and answers of each call. How calls are sent, repeated and bounded is in
 * `api-caller.ts`; what carries the bytes is a {@link Transport}.
 */
import { KubeApiError } from '../errors.js';
import type {
  KubeEvent,
  KubeList,
  KubeObject,
  KubeStatus,
  Lease,
  Namespace,
  Node,
  Pod,
  WireWatchEvent,
} from '../wire/types.js';
import { type ApiCall, ApiCaller, type ApiCallerOptions } from './api-caller.js';
import { type ConnectOptions, connectTransport, type InClusterOptions } from './connect.js';
import { splitLines } from './json-lines.js';
import type {
  AccessQuestion,
  CallOptions,
  CreateOptions,
  DeleteOptions,
  KubeClient,
  ListOptions,
  LogOptions,
  PatchOptions,
  PatchType,
  PodWatchEvent,
  WatchOptions,
} from './kube-client.js';
import { deleteBody, listQuery, logQuery, pathOf, withQuery } from './requests.js';

export type { RequestCredentials } from './api-caller.js';
export type { RetryPolicy } from './retry.js';

/** Options of a {@link HttpKubeClient}. */
export type HttpKubeClientOptions = ApiCallerOptions;

/** Options of the ways to make a {@link HttpKubeClient} with a connection of its own. */
export type HttpKubeClientConnectOptions = ConnectOptions & Omit<HttpKubeClientOptions, 'transport' | 'credentials'>;

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** See the module's text. */
export class HttpKubeClient implements KubeClient {
  readonly #caller: ApiCaller;

  constructor(options: HttpKubeClientOptions) {
    this.#caller = new ApiCaller(options);
  }

  /**
   * A client for the cluster that the environment names: `KUBECONFIG`, `~/.kube/config`, or the service account of the pod this runs in.
   * @throws KubeConfigError where there is none, or it cannot be used.
   */
  static async connect(options: HttpKubeClientConnectOptions = {}): Promise<HttpKubeClient> {
    return new HttpKubeClient({ ...options, ...(await connectTransport(options)) });
  }

  /**
   * A client for the cluster of a kubeconfig; never falls back to a service account.
   * @throws KubeConfigError
   */
  static fromKubeconfig(options: HttpKubeClientConnectOptions = {}): Promise<HttpKubeClient> {
    return HttpKubeClient.connect({ ...options, source: 'kubeconfig' });
  }

  /**
   * A client for the cluster that this process runs in as a pod.
   * @throws KubeConfigError outside a pod.
   */
  static inCluster(
    options: InClusterOptions & Omit<HttpKubeClientOptions, 'transport' | 'credentials'> = {},
  ): Promise<HttpKubeClient> {
    return HttpKubeClient.connect({ ...options, source: 'in-cluster' });
  }

  serverTimeOffsetMs(): number | undefined {
    return this.#caller.serverTimeOffsetMs;
  }

  async close(): Promise<void> {
    await this.#caller.close();
  }

  readPod(namespace: string, name: string, options: CallOptions = {}): Promise<Pod | undefined> {
    return this.#read<Pod>(pathOf('pods', namespace, name), options);
  }

  listPods(options: ListOptions = {}): Promise<KubeList<Pod>> {
    return this.#list<Pod>(pathOf('pods', options.namespace), options);
  }

  watchPods(options: WatchOptions = {}): AsyncIterable<PodWatchEvent> {
    return this.#watch(options);
  }

  createPod(namespace: string, pod: Pod, { dryRun = false, ...options }: CreateOptions = {}): Promise<Pod> {
    const path = withQuery(pathOf('pods', namespace), { dryRun: dryRun ? 'All' : undefined });
    return this.#caller.json<Pod>({
      ...options,
      method: 'POST',
      path,
      body: pod,
      isRepeatable: false,
      priority: 'low',
    });
  }

  patchPod(
    namespace: string,
    name: string,
    patch: unknown,
    { type = 'merge', fieldManager, force, ...options }: PatchOptions = {},
  ): Promise<Pod> {
    return this.#caller.json<Pod>({
      ...options,
      method: 'PATCH',
      path: withQuery(pathOf('pods', namespace, name), {
        fieldManager,
        force: force === undefined ? undefined : String(force),
      }),
      body: patch,
      contentType: PATCH_TYPES[type],
      isRepeatable: type !== 'json',
      priority: 'normal',
    });
  }

  deletePod(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#delete(pathOf('pods', namespace, name), options);
  }

  async *readLog(namespace: string, pod: string, options: LogOptions = {}): AsyncGenerator<Uint8Array> {
    const { signal, timeoutMs } = options;
    const path = withQuery(`${pathOf('pods', namespace, pod)}/log`, logQuery(options));
    const call: ApiCall = { signal, timeoutMs, method: 'GET', path, isRepeatable: true, priority: 'normal' };
    // A followed log is not repeated here: who follows it knows how far it was read.
    yield* await this.#caller.body(call, options.follow !== true);
  }

  listEvents(options: ListOptions = {}): Promise<KubeList<KubeEvent>> {
    return this.#list<KubeEvent>(pathOf('events', options.namespace), options);
  }

  listNodes(options: ListOptions = {}): Promise<KubeList<Node>> {
    return this.#list<Node>(pathOf('nodes', undefined), options);
  }

  readNamespace(name: string, options: CallOptions = {}): Promise<Namespace | undefined> {
    return this.#read<Namespace>(pathOf('namespaces', undefined, name), options);
  }

  readLease(namespace: string, name: string, options: CallOptions = {}): Promise<Lease | undefined> {
    return this.#read<Lease>(pathOf('leases', namespace, name), options, 'high');
  }

  listLeases(options: ListOptions = {}): Promise<KubeList<Lease>> {
    return this.#list<Lease>(pathOf('leases', options.namespace), options);
  }

  createLease(namespace: string, lease: Lease, options: CallOptions = {}): Promise<Lease> {
    return this.#caller.json<Lease>({
      ...options,
      method: 'POST',
      path: pathOf('leases', namespace),
      body: lease,
      isRepeatable: false,
      priority: 'high',
    });
  }

  replaceLease(namespace: string, name: string, lease: Lease, options: CallOptions = {}): Promise<Lease> {
    return this.#caller.json<Lease>({
      ...options,
      method: 'PUT',
      path: pathOf('leases', namespace, name),
      body: lease,
      isRepeatable: false,
      priority: 'high',
    });
  }

  deleteLease(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#delete(pathOf('leases', namespace, name), options);
  }

  async canI(
    { verb, resource, subresource, group = '', namespace }: AccessQuestion,
    options: CallOptions = {},
  ): Promise<boolean> {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, resource, subresource, group, namespace } },
    };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const review = await this.#caller.json<KubeObject & { status?: { allowed?: boolean } }>({
      ...options,
      method: 'POST',
      path,
      body,
      isRepeatable: true,
      priority: 'high',
    });
    return review.status?.allowed === true;
  }

  async #read<T>(path: string, options: CallOptions, priority: ApiCall['priority'] = 'normal'): Promise<T | undefined> {
    try {
      return await this.#caller.json<T>({ ...options, method: 'GET', path, isRepeatable: true, priority });
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  #list<T extends KubeObject>(path: string, options: ListOptions): Promise<KubeList<T>> {
    const { signal, timeoutMs } = options;
    const full = withQuery(path, listQuery(options));
    return this.#caller.json<KubeList<T>>({
      signal,
      timeoutMs,
      method: 'GET',
      path: full,
      isRepeatable: true,
      priority: 'normal',
    });
  }

  async #delete(path: string, options: DeleteOptions): Promise<boolean> {
    const { signal, timeoutMs, uid } = options;
    try {
      // Without a uid a second delete might hit the next object of the same name.
      await this.#caller.json({
        signal,
        timeoutMs,
        method: 'DELETE',
        path,
        body: deleteBody(options),
        isRepeatable: uid !== undefined,
        priority: 'high',
      });
      return true;
    } catch (error) {
      // Gone on a later attempt: an earlier one, whose answer was lost, has done it.
      if (error instanceof KubeApiError && error.status === 404) return error.attempts > 1;
      throw error;
    }
  }

  async *#watch(options: WatchOptions): AsyncGenerator<PodWatchEvent> {
    const { signal, namespace, timeoutSeconds, allowWatchBookmarks = true, sendInitialEvents } = options;
    const path = withQuery(pathOf('pods', namespace), {
      ...listQuery(options),
      watch: 'true',
      timeoutSeconds: timeoutSeconds === undefined ? undefined : String(timeoutSeconds),
      allowWatchBookmarks: String(allowWatchBookmarks),
      sendInitialEvents: sendInitialEvents === undefined ? undefined : String(sendInitialEvents),
    });
    // Not repeated here: a watch has its own rules for what follows an error.
    const body = await this.#caller.body(
      { method: 'GET', path, isRepeatable: false, priority: 'normal', signal },
      false,
    );
    for await (const line of splitLines(body)) yield eventOf(line);
  }
}

/** One line of a watch. @throws KubeApiError where it is no event; the text never gets into the message. */
function eventOf(line: Buffer): PodWatchEvent {
  let event: WireWatchEvent<Pod>;
  try {
    event = JSON.parse(line.toString('utf8')) as WireWatchEvent<Pod>;
  } catch {
    throw new KubeApiError('GET pods: a line of the watch is no JSON', {
      status: 0,
      reason: 'BadAnswer',
      retryable: true,
    });
  }
  if (event.type !== 'ERROR') return { type: event.type, object: event.object as Pod };
  const { code = 500, reason = '', message = '', details } = event.object as KubeStatus;
  const retryAfterMs = details?.retryAfterSeconds === undefined ? undefined : details.retryAfterSeconds * 1_000;
  return { type: 'ERROR', status: code, reason, message, retryAfterMs };
}
