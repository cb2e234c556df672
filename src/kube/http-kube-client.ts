/**
 * The {@link KubeClient} over HTTP: paths, bodies and answers of each call. How calls are sent, repeated and bounded is in
 * `api-caller.ts`; what carries the bytes is a {@link Transport}.
 */
import type {
  KubeEvent,
  KubeList,
  KubeObject,
  Lease,
  Namespace,
  Node,
  Pod,
  ResourceQuota,
  Secret,
} from '../wire/types.js';
import { type ApiCall, ApiCaller, type ApiCallerOptions } from './api-caller.js';
import { type ConnectOptions, connectTransport, type InClusterOptions } from './connect.js';
import type {
  AccessQuestion,
  CallOptions,
  CreateOptions,
  DeleteCollectionOptions,
  DeleteOptions,
  KubeClient,
  ListOptions,
  LogOptions,
  PatchOptions,
  PodUsage,
  PodWatchEvent,
  WatchOptions,
} from './kube-client.js';
import { PodEvents } from './pod-events.js';
import { logQuery, pathOf, watchIdleMs, watchQuery, withQuery } from './requests.js';
import { ResourceCalls } from './resource-calls.js';

export type { RequestCredentials } from './api-caller.js';
export type { RetryPolicy } from './retry.js';

/** Options of a {@link HttpKubeClient}. */
export type HttpKubeClientOptions = ApiCallerOptions;

/** Options of the ways to make a {@link HttpKubeClient} with a connection of its own. */
export type HttpKubeClientConnectOptions = ConnectOptions & Omit<HttpKubeClientOptions, 'transport' | 'credentials'>;

const LOG_IDLE_MS = 30_000;

/** See the module's text. */
export class HttpKubeClient implements KubeClient {
  /** See {@link PodReader}. */
  readonly canStreamLists = true;
  readonly #caller: ApiCaller;
  readonly #calls: ResourceCalls;

  constructor(options: HttpKubeClientOptions) {
    this.#caller = new ApiCaller(options);
    this.#calls = new ResourceCalls(this.#caller);
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
    return this.#calls.read<Pod>(pathOf('pods', namespace, name), options);
  }

  listPods(options: ListOptions = {}): Promise<KubeList<Pod>> {
    return this.#calls.listPods(pathOf('pods', options.namespace), options);
  }

  watchPods(options: WatchOptions = {}): AsyncIterable<PodWatchEvent> {
    const { signal, namespace, omitManagedFields } = options;
    const path = withQuery(pathOf('pods', namespace), watchQuery(options));
    const idleTimeoutMs = watchIdleMs(options);
    const call = { method: 'GET', path, isRepeatable: false, priority: 'normal', signal, idleTimeoutMs } as const;
    // Not repeated here: a watch has its own rules for what follows an error.
    return new PodEvents(() => this.#caller.body(call, false), omitManagedFields);
  }

  createPod(namespace: string, pod: Pod, { dryRun = false, ...options }: CreateOptions = {}): Promise<Pod> {
    const path = withQuery(pathOf('pods', namespace), { dryRun: dryRun ? 'All' : undefined });
    return this.#calls.create<Pod>(path, pod, options);
  }

  patchPod(namespace: string, name: string, patch: unknown, options: PatchOptions = {}): Promise<Pod> {
    return this.#calls.patch<Pod>(pathOf('pods', namespace, name), patch, options);
  }

  deletePod(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#calls.delete(pathOf('pods', namespace, name), options);
  }

  deletePods(options: DeleteCollectionOptions): Promise<void> {
    return this.#calls.deleteAll(pathOf('pods', options.namespace), options);
  }

  async *readLog(namespace: string, pod: string, options: LogOptions = {}): AsyncGenerator<Uint8Array> {
    const { signal, timeoutMs } = options;
    const path = withQuery(`${pathOf('pods', namespace, pod)}/log`, logQuery(options));
    const isFollowed = options.follow === true;
    // A followed log may be silent for as long as its container is; a plain one that stops coming will not come any more.
    const idleTimeoutMs = isFollowed ? undefined : LOG_IDLE_MS;
    const call: ApiCall = {
      signal,
      timeoutMs,
      method: 'GET',
      path,
      isRepeatable: true,
      priority: 'normal',
      idleTimeoutMs,
    };
    // A followed log is not repeated here: who follows it knows how far it was read.
    yield* await this.#caller.body(call, !isFollowed);
  }

  listEvents(options: ListOptions = {}): Promise<KubeList<KubeEvent>> {
    return this.#calls.list<KubeEvent>(pathOf('events', options.namespace), options);
  }

  listNodes(options: ListOptions = {}): Promise<KubeList<Node>> {
    return this.#calls.list<Node>(pathOf('nodes', undefined), options);
  }

  listPodUsage(options: ListOptions = {}): Promise<KubeList<PodUsage>> {
    const scope = options.namespace === undefined ? '' : `/namespaces/${encodeURIComponent(options.namespace)}`;
    return this.#calls.list<PodUsage>(`/apis/metrics.k8s.io/v1beta1${scope}/pods`, options);
  }

  listQuotas(options: ListOptions = {}): Promise<KubeList<ResourceQuota>> {
    return this.#calls.list<ResourceQuota>(pathOf('resourcequotas', options.namespace), options);
  }

  createSecret(namespace: string, secret: Secret, options: CallOptions = {}): Promise<Secret> {
    return this.#calls.create<Secret>(pathOf('secrets', namespace), secret, options);
  }

  listSecrets(options: ListOptions = {}): Promise<KubeList<Secret>> {
    return this.#calls.list<Secret>(pathOf('secrets', options.namespace), options);
  }

  patchSecret(namespace: string, name: string, patch: unknown, options: PatchOptions = {}): Promise<Secret> {
    return this.#calls.patch<Secret>(pathOf('secrets', namespace, name), patch, options);
  }

  deleteSecret(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#calls.delete(pathOf('secrets', namespace, name), options);
  }

  readNamespace(name: string, options: CallOptions = {}): Promise<Namespace | undefined> {
    return this.#calls.read<Namespace>(pathOf('namespaces', undefined, name), options);
  }

  readLease(namespace: string, name: string, options: CallOptions = {}): Promise<Lease | undefined> {
    return this.#calls.read<Lease>(pathOf('leases', namespace, name), options, 'lease');
  }

  listLeases(options: ListOptions = {}): Promise<KubeList<Lease>> {
    return this.#calls.list<Lease>(pathOf('leases', options.namespace), options, 'lease');
  }

  createLease(namespace: string, lease: Lease, options: CallOptions = {}): Promise<Lease> {
    return this.#calls.create<Lease>(pathOf('leases', namespace), lease, options, 'lease');
  }

  replaceLease(namespace: string, name: string, lease: Lease, options: CallOptions = {}): Promise<Lease> {
    return this.#caller.json<Lease>({
      ...options,
      method: 'PUT',
      path: pathOf('leases', namespace, name),
      body: lease,
      isRepeatable: false,
      priority: 'lease',
    });
  }

  deleteLease(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#calls.delete(pathOf('leases', namespace, name), options, 'lease');
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
}
