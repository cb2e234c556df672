/**
 * What podwright asks of a Kubernetes API, as narrow interfaces: the executor needs pods, events and logs; the rest is
 * optional, and a feature whose interface is missing is switched off with a notice. Implement these over any client you
 * like; {@link HttpKubeClient} is ours.
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

/** Decides, at each attempt of a call, whether it may be sent: what was right at the first may be wrong at the next. */
export interface CallGate {
  /** Whether an attempt may be sent right now. */
  readonly isOpen: boolean;
  /** Resolves when one may be sent again; rejects where none ever may, and the call does likewise. */
  opened(): Promise<void>;
}

/** Options that every call takes. */
export interface CallOptions {
  /** Ends the call; it then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Limit for the whole call with its retries, in milliseconds. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /**
   * Asked before each attempt is sent, retries included; where it stays shut until the deadline, the call fails like one that found no turn. Executors
   * pass one with each create, and with a lease with each write. A client that sends calls again must heed it, or they may come from a host that others hold for dead by then.
   * @default always open
   */
  readonly gate?: CallGate | undefined;
}

/** Which objects a list or a watch covers. */
export interface ListScope {
  /** The namespace; left out, all namespaces. */
  readonly namespace?: string | undefined;
  /** Kubernetes label selector. */
  readonly labelSelector?: string | undefined;
  /** Kubernetes field selector. */
  readonly fieldSelector?: string | undefined;
}

/** How objects are read. */
export interface ReadShape {
  /**
   * Leaves `metadata.managedFields` out of the objects, a third of a pod, before they are parsed. A client that cannot may pass them on.
   * @default false
   */
  readonly omitManagedFields?: boolean | undefined;
}

/** Options of a list. */
export interface ListOptions extends CallOptions, ListScope, ReadShape {
  /** Objects in a page; the server may give fewer. */
  readonly limit?: number | undefined;
  /** The token of the page before. */
  readonly continue?: string | undefined;
  /** Not older than this version; left out, the newest state. */
  readonly resourceVersion?: string | undefined;
  /** How `resourceVersion` is meant. */
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined;
  /**
   * Called with the size of the page's JSON in bytes, for whoever adapts `limit` to what objects weigh. A client that does not know it never
   * calls this. Pods only.
   */
  readonly onSize?: ((bytes: number) => void) | undefined;
}

/** Options of a watch. */
export interface WatchOptions extends ListScope, ReadShape {
  /** Events after this version; left out, the stream starts with what exists. */
  readonly resourceVersion?: string | undefined;
  /** After how many seconds the server shall end the stream. */
  readonly timeoutSeconds?: number | undefined;
  /** Asks for bookmarks. @default true */
  readonly allowWatchBookmarks?: boolean | undefined;
  /** Asks for a streaming list (Kubernetes 1.34 and up). */
  readonly sendInitialEvents?: boolean | undefined;
  /** Needed together with `sendInitialEvents`. */
  readonly resourceVersionMatch?: 'NotOlderThan' | undefined;
  /** Ends the watch. */
  readonly signal?: AbortSignal | undefined;
}

/** A change that a watch shows; a `BOOKMARK` carries nothing but a version. */
export interface PodWatchChange {
  /** Kind of the change. */
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** The pod after the change; of a deleted one, its last state. */
  readonly object: Pod;
}

/** An error inside a watch's stream, which ends it. */
export interface PodWatchError {
  /** Discriminates. */
  readonly type: 'ERROR';
  /** HTTP status that it stands for; 410 where the version was too old. */
  readonly status: number;
  /** The Status' reason. */
  readonly reason: string;
  /** The Status' message. */
  readonly message: string;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** One event of a pod watch, as the server sends it. */
export type PodWatchEvent = PodWatchChange | PodWatchError;

/** Options of a delete. */
export interface DeleteOptions extends CallOptions {
  /** Seconds between SIGTERM and SIGKILL; left out, the pod's own. */
  readonly gracePeriodSeconds?: number | undefined;
  /** Deletes only the object with this uid; another one gives a 409. */
  readonly uid?: string | undefined;
  /** Deletes only this version of the object; another one gives a 409. */
  readonly resourceVersion?: string | undefined;
  /** What happens to dependents. */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

/** Options of deleting a collection. */
export interface DeleteCollectionOptions extends CallOptions, ListScope {
  /** The namespace. A collection is never deleted over all namespaces. */
  readonly namespace: string;
  /** Seconds between SIGTERM and SIGKILL; left out, each pod's own. */
  readonly gracePeriodSeconds?: number | undefined;
  /** What happens to dependents. */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

/** The four kinds of patch. */
export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

/** Options of a patch. */
export interface PatchOptions extends CallOptions {
  /** Kind of the patch. @default 'merge' */
  readonly type?: PatchType | undefined;
  /** Needed for `apply`. */
  readonly fieldManager?: string | undefined;
  /** Takes over fields of other managers in an `apply`. */
  readonly force?: boolean | undefined;
  /**
   * What the answer must show: `metadata` spares the server and the client the rest, which a client that cannot ask for less may send all the
   * same. @default 'all'
   */
  readonly answer?: 'all' | 'metadata' | undefined;
}

/** Options of a create. */
export interface CreateOptions extends CallOptions {
  /** Checks everything and stores nothing. @default false */
  readonly dryRun?: boolean | undefined;
}

/** Options of reading a log. */
export interface LogOptions extends CallOptions {
  /** The container; needed where the pod has several. */
  readonly container?: string | undefined;
  /** Follows the log until the container ends. @default false */
  readonly follow?: boolean | undefined;
  /** Only this many lines from the end. */
  readonly tailLines?: number | undefined;
  /** At most this many bytes. */
  readonly limitBytes?: number | undefined;
  /** Only lines at or after this RFC 3339 time. */
  readonly sinceTime?: string | undefined;
  /** Puts an RFC 3339 time and a space before each line. @default false */
  readonly timestamps?: boolean | undefined;
  /** The log of the container's previous run. @default false */
  readonly previous?: boolean | undefined;
}

/** Reads pods. */
export interface PodReader {
  /** The pod, or `undefined` where there is none. */
  readPod(namespace: string, name: string, options?: CallOptions): Promise<Pod | undefined>;
  /** One page of pods. A version that is too old rejects with a {@link KubeApiError} of status 410. */
  listPods(options?: ListOptions): Promise<KubeList<Pod>>;
  /**
   * Opens a watch. Rejections before the stream (401, 403, 410, 429, …) reject the first `next()`; an error inside the stream is an
   * event of type `ERROR`; a broken connection rejects `next()` with status 0; a clean end ends the iteration.
   */
  watchPods(options?: WatchOptions): AsyncIterable<PodWatchEvent>;
  /**
   * Whether {@link PodReader.watchPods} passes `sendInitialEvents` on. Watchers then ask for the list and what follows in one stream, where
   * the server knows that; where it does not, they list by pages. @default false
   */
  readonly canStreamLists?: boolean | undefined;
}

/** Changes pods. */
export interface PodWriter {
  /** Creates a pod. Never repeated by itself after the request may have reached the server: names decide what to do then. */
  createPod(namespace: string, pod: Pod, options?: CreateOptions): Promise<Pod>;
  /** Patches a pod; resolves with its new state. */
  patchPod(namespace: string, name: string, patch: unknown, options?: PatchOptions): Promise<Pod>;
  /** Deletes a pod. Resolves with `false` where there was none; a uid or version that differs rejects with status 409. */
  deletePod(namespace: string, name: string, options?: DeleteOptions): Promise<boolean>;
}

/** Reads logs. */
export interface LogReader {
  /** The log as chunks of bytes. A container that has not started rejects with status 400. */
  readLog(namespace: string, pod: string, options?: LogOptions): AsyncIterable<Uint8Array>;
}

/** Reads events. */
export interface EventReader {
  /** One page of events. */
  listEvents(options?: ListOptions): Promise<KubeList<KubeEvent>>;
}

/** Deletes many pods at once. */
export interface PodCollectionWriter {
  /**
   * Deletes all pods of the scope (Kubernetes' `deletecollection`). Resolves when the server has been through all of them; those with a
   * grace period are then terminating.
   */
  deletePods(options: DeleteCollectionOptions): Promise<void>;
}

/** Reads quotas. */
export interface QuotaReader {
  /** One page of resource quotas. */
  listQuotas(options?: ListOptions): Promise<KubeList<ResourceQuota>>;
}

/** Reads and writes secrets. Their values never get into an error. */
export interface SecretClient {
  /** Creates a secret. */
  createSecret(namespace: string, secret: Secret, options?: CallOptions): Promise<Secret>;
  /** One page of secrets. */
  listSecrets(options?: ListOptions): Promise<KubeList<Secret>>;
  /** Patches a secret; resolves with its new state. */
  patchSecret(namespace: string, name: string, patch: unknown, options?: PatchOptions): Promise<Secret>;
  /** Deletes a secret. Resolves with `false` where there was none. */
  deleteSecret(namespace: string, name: string, options?: DeleteOptions): Promise<boolean>;
}

/** Reads nodes. */
export interface NodeReader {
  /** One page of nodes. */
  listNodes(options?: ListOptions): Promise<KubeList<Node>>;
}

/** What a pod uses, as metrics-server tells. */
export interface PodUsage extends KubeObject {
  /** Use of each container, as quantities by resource name. */
  readonly containers?: readonly {
    /** Name of the container. */
    readonly name: string;
    /** Quantities by resource name. */
    readonly usage?: Readonly<Record<string, string>>;
  }[];
}

/** Reads what pods use, where metrics-server is there. */
export interface UsageReader {
  /** One page of what pods use. Without metrics-server it rejects with status 404 or 503. */
  listPodUsage(options?: ListOptions): Promise<KubeList<PodUsage>>;
}

/** Reads namespaces. */
export interface NamespaceReader {
  /** The namespace, or `undefined` where there is none. */
  readNamespace(name: string, options?: CallOptions): Promise<Namespace | undefined>;
}

/** Reads and writes leases. */
export interface LeaseClient {
  /** The lease, or `undefined` where there is none. */
  readLease(namespace: string, name: string, options?: CallOptions): Promise<Lease | undefined>;
  /** One page of leases. */
  listLeases(options?: ListOptions): Promise<KubeList<Lease>>;
  /** Creates a lease. */
  createLease(namespace: string, lease: Lease, options?: CallOptions): Promise<Lease>;
  /** Replaces a lease; its `resourceVersion` must be the stored one, else 409. */
  replaceLease(namespace: string, name: string, lease: Lease, options?: CallOptions): Promise<Lease>;
  /** Deletes a lease. Resolves with `false` where there was none. */
  deleteLease(namespace: string, name: string, options?: DeleteOptions): Promise<boolean>;
}

/** What an access review asks. */
export interface AccessQuestion {
  /** For example `create`. */
  readonly verb: string;
  /** For example `pods`. */
  readonly resource: string;
  /** For example `log`. */
  readonly subresource?: string | undefined;
  /** API group; empty for core. */
  readonly group?: string | undefined;
  /** Namespace; left out, all. */
  readonly namespace?: string | undefined;
}

/** Asks what the caller may do. */
export interface AccessReviewer {
  /** Whether the caller may do it (SelfSubjectAccessReview). */
  canI(question: AccessQuestion, options?: CallOptions): Promise<boolean>;
}

/** The API server's own time, for judging ages. */
export interface ServerClock {
  /** Milliseconds to add to the host's clock for the server's, from the Date header of its answers; `undefined` before the first. */
  serverTimeOffsetMs(): number | undefined;
}

/** A Kubernetes API as podwright uses it. Pods, events and logs are required, the rest is optional. */
export interface KubeClient extends PodReader, PodWriter, LogReader, EventReader {
  /** See {@link PodCollectionWriter}. */
  deletePods?: PodCollectionWriter['deletePods'];
  /** See {@link QuotaReader}. */
  listQuotas?: QuotaReader['listQuotas'];
  /** See {@link SecretClient}. */
  createSecret?: SecretClient['createSecret'];
  /** See {@link SecretClient}. */
  listSecrets?: SecretClient['listSecrets'];
  /** See {@link SecretClient}. */
  patchSecret?: SecretClient['patchSecret'];
  /** See {@link SecretClient}. */
  deleteSecret?: SecretClient['deleteSecret'];
  /** See {@link NodeReader}. */
  listNodes?: NodeReader['listNodes'];
  /** See {@link UsageReader}. */
  listPodUsage?: UsageReader['listPodUsage'];
  /** See {@link NamespaceReader}. */
  readNamespace?: NamespaceReader['readNamespace'];
  /** See {@link LeaseClient}. */
  readLease?: LeaseClient['readLease'];
  /** See {@link LeaseClient}. */
  listLeases?: LeaseClient['listLeases'];
  /** See {@link LeaseClient}. */
  createLease?: LeaseClient['createLease'];
  /** See {@link LeaseClient}. */
  replaceLease?: LeaseClient['replaceLease'];
  /** See {@link LeaseClient}. */
  deleteLease?: LeaseClient['deleteLease'];
  /** See {@link AccessReviewer}. */
  canI?: AccessReviewer['canI'];
  /** See {@link ServerClock}. */
  serverTimeOffsetMs?: ServerClock['serverTimeOffsetMs'];
  /** Closes connections. The client cannot be used afterwards. */
  close?(): Promise<void>;
}
