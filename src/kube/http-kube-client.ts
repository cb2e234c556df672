/**
 * The {@link KubeClient} over HTTP: paths, bodies, deadlines, retries. What carries the bytes is a {@link Transport}; who the caller is,
 * {@link RequestCredentials}.
 */
import { type BackoffPolicy, backoffMs } from '../core/backoff.js';
import { type Clock, systemClock } from '../core/clock.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { type Random, systemRandom } from '../core/random.js';
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
import { type ConnectOptions, connectTransport } from './connect.js';
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
import { errorOfResponse } from './status-errors.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** Proves who the caller is. */
export interface RequestCredentials {
  /** Headers to send, `authorization` for one. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** The server has refused what `headers()` gave: forget it. */
  invalidate(): void;
}

/** How often and how far apart calls are repeated. */
export interface RetryPolicy extends BackoffPolicy {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
}

/** Options of a {@link HttpKubeClient}. */
export interface HttpKubeClientOptions {
  /** Carries requests. */
  readonly transport: Transport;
  /** Who the caller is. @default nobody */
  readonly credentials?: RequestCredentials | undefined;
  /** Retries of calls that may be repeated. @default 6 attempts, 250 ms to 10 s apart */
  readonly retry?: RetryPolicy | undefined;
  /** Limit for a call with its retries, in milliseconds. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /** Name sent to the server; it becomes the field manager. @default 'podwright' */
  readonly userAgent?: string | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 6, initialMs: 250, maxMs: 10_000 };
const DEFAULT_TIMEOUT_MS = 60_000;
/** A server answers a watch's headers at once; a proxy in between may hold them back for a while. */
const STREAM_HEADERS_TIMEOUT_MS = 60_000;
const MAX_ERROR_BODY = 256 * 1024;

interface Call extends CallOptions {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Whether it may be sent again although the server may have acted. */
  readonly isRepeatable: boolean;
}

/** See the module's text. */
export class HttpKubeClient implements KubeClient {
  readonly #options: HttpKubeClientOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  /** Monotonic time until which the server wants no calls at all. */
  #quietUntil = 0;
  #timeOffsetMs: number | undefined;

  constructor(options: HttpKubeClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
  }

  /**
   * A client for the cluster that the environment names: `KUBECONFIG`, `~/.kube/config`, or the service account of the pod this runs in.
   * @throws KubeConfigError where there is none, or it cannot be used.
   */
  static async connect(
    options: ConnectOptions & Omit<HttpKubeClientOptions, 'transport' | 'credentials'> = {},
  ): Promise<HttpKubeClient> {
    return new HttpKubeClient({ ...options, ...(await connectTransport(options)) });
  }

  serverTimeOffsetMs(): number | undefined {
    return this.#timeOffsetMs;
  }

  async close(): Promise<void> {
    await this.#options.transport.close?.();
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
    return this.#json<Pod>({ ...options, method: 'POST', path, body: pod, isRepeatable: false });
  }

  patchPod(
    namespace: string,
    name: string,
    patch: unknown,
    { type = 'merge', fieldManager, force, ...options }: PatchOptions = {},
  ): Promise<Pod> {
    return this.#json<Pod>({
      ...options,
      method: 'PATCH',
      path: withQuery(pathOf('pods', namespace, name), {
        fieldManager,
        force: force === undefined ? undefined : String(force),
      }),
      body: patch,
      contentType: PATCH_TYPES[type],
      isRepeatable: type !== 'json',
    });
  }

  deletePod(namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    return this.#delete(pathOf('pods', namespace, name), options);
  }

  async *readLog(namespace: string, pod: string, options: LogOptions = {}): AsyncGenerator<Uint8Array> {
    const path = withQuery(`${pathOf('pods', namespace, pod)}/log`, logQuery(options));
    const response = await this.#open(
      { method: 'GET', path, isRepeatable: true, signal: options.signal },
      options.follow === true,
    );
    yield* response.body;
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
    return this.#read<Lease>(pathOf('leases', namespace, name), options);
  }

  listLeases(options: ListOptions = {}): Promise<KubeList<Lease>> {
    return this.#list<Lease>(pathOf('leases', options.namespace), options);
  }

  createLease(namespace: string, lease: Lease, options: CallOptions = {}): Promise<Lease> {
    return this.#json<Lease>({
      ...options,
      method: 'POST',
      path: pathOf('leases', namespace),
      body: lease,
      isRepeatable: false,
    });
  }

  replaceLease(namespace: string, name: string, lease: Lease, options: CallOptions = {}): Promise<Lease> {
    return this.#json<Lease>({
      ...options,
      method: 'PUT',
      path: pathOf('leases', namespace, name),
      body: lease,
      isRepeatable: false,
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
    const review = await this.#json<KubeObject & { status?: { allowed?: boolean } }>({
      ...options,
      method: 'POST',
      path,
      body,
      isRepeatable: true,
    });
    return review.status?.allowed === true;
  }

  async #read<T>(path: string, options: CallOptions): Promise<T | undefined> {
    try {
      return await this.#json<T>({ ...options, method: 'GET', path, isRepeatable: true });
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  #list<T extends KubeObject>(path: string, options: ListOptions): Promise<KubeList<T>> {
    const { signal, timeoutMs } = options;
    return this.#json<KubeList<T>>({
      signal,
      timeoutMs,
      method: 'GET',
      path: withQuery(path, listQuery(options)),
      isRepeatable: true,
    });
  }

  async #delete(path: string, options: DeleteOptions): Promise<boolean> {
    const { signal, timeoutMs } = options;
    try {
      await this.#json({ signal, timeoutMs, method: 'DELETE', path, body: deleteBody(options), isRepeatable: true });
      return true;
    } catch (error) {
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
    const response = await this.#attempt({ method: 'GET', path, isRepeatable: false, signal }, signal, true);
    for await (const line of splitLines(response.body)) {
      const event = JSON.parse(line.toString('utf8')) as WireWatchEvent<Pod>;
      if (event.type !== 'ERROR') {
        yield { type: event.type, object: event.object as Pod };
        continue;
      }
      const { code = 500, reason = '', message = '', details } = event.object as KubeStatus;
      const retryAfterMs = details?.retryAfterSeconds === undefined ? undefined : details.retryAfterSeconds * 1_000;
      yield { type: 'ERROR', status: code, reason, message, retryAfterMs };
    }
  }

  async #json<T>(call: Call): Promise<T> {
    return this.#withRetries(call, async (signal) => {
      const response = await this.#attempt(call, signal, false);
      return JSON.parse(await textOf(response)) as T;
    });
  }

  #open(call: Call, isStream: boolean): Promise<TransportResponse> {
    return this.#withRetries(call, (signal) => this.#attempt(call, isStream ? call.signal : signal, isStream));
  }

  /** One attempt; whatever is no success throws. */
  async #attempt(call: Call, signal: AbortSignal | undefined, isStream: boolean): Promise<TransportResponse> {
    const { transport, credentials, userAgent = 'podwright' } = this.#options;
    const what = `${call.method} ${call.path.split('?')[0]}`;
    for (let isSecond = false; ; isSecond = true) {
      const response = await transport.request({
        method: call.method,
        path: call.path,
        headers: {
          accept: 'application/json',
          'user-agent': userAgent,
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
          ...(call.method === 'GET' && !isStream ? { 'accept-encoding': 'gzip' } : {}),
          ...(await credentials?.headers()),
        },
        body: call.body === undefined ? undefined : JSON.stringify(call.body),
        signal,
        stream: isStream,
        headersTimeoutMs: isStream ? STREAM_HEADERS_TIMEOUT_MS : undefined,
      });
      this.#noteServerTime(response);
      if (response.status >= 200 && response.status < 300) return response;
      const error = errorOfResponse(what, response.status, await textOf(response, MAX_ERROR_BODY), response.headers);
      if (error.status !== 401 || credentials === undefined || isSecond) throw error;
      credentials.invalidate();
    }
  }

  async #withRetries<T>(call: Call, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { retry = DEFAULT_RETRY, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    call.signal?.throwIfAborted();
    const limitMs = call.timeoutMs ?? timeoutMs;
    const limit = new AbortController();
    const late = new KubeApiError(`${call.method} ${call.path.split('?')[0]}: no success within ${limitMs} ms`, {
      status: 0,
      reason: 'Timeout',
      retryable: true,
    });
    const cancelLimit = this.#clock.schedule(limitMs, () => limit.abort(late));
    const signal = call.signal === undefined ? limit.signal : AbortSignal.any([call.signal, limit.signal]);
    try {
      for (let count = 1; ; count += 1) {
        try {
          if (this.#quietUntil > this.#clock.monotonic())
            await this.#clock.delay(this.#quietUntil - this.#clock.monotonic(), { signal });
          return await attempt(signal);
        } catch (error) {
          if (call.signal?.aborted) throw call.signal.reason;
          const failure = withAttempts(error, count);
          if (!this.#mayRepeat(call, failure) || count >= retry.maxAttempts || limit.signal.aborted) throw failure;
          this.#logger.debug({ err: failure, attempt: count }, 'a call to the API server is repeated');
          await this.#clock
            .delay(failure.retryAfterMs ?? backoffMs(retry, count, this.#random), { signal })
            .catch(() => {
              throw call.signal?.aborted ? call.signal.reason : failure;
            });
        }
      }
    } finally {
      cancelLimit();
    }
  }

  #mayRepeat(call: Call, error: unknown): error is KubeApiError {
    if (!(error instanceof KubeApiError)) return false;
    if (error.status === 429 && error.retryAfterMs !== undefined)
      this.#quietUntil = Math.max(this.#quietUntil, this.#clock.monotonic() + error.retryAfterMs);
    return call.isRepeatable && error.retryable;
  }

  #noteServerTime({ headers }: TransportResponse): void {
    const at = Date.parse(headers.date ?? '');
    // The header has whole seconds; half a second is the middle of what it may mean.
    if (!Number.isNaN(at)) this.#timeOffsetMs = at + 500 - this.#clock.now();
  }
}

function withAttempts(error: unknown, attempts: number): unknown {
  if (!(error instanceof KubeApiError) || attempts === 1) return error;
  const { status, reason, retryAfterMs, retryable, causes, requestId, cause } = error;
  return new KubeApiError(error.message, {
    status,
    reason,
    retryAfterMs,
    retryable,
    causes,
    requestId,
    cause,
    attempts,
  });
}

async function textOf(response: TransportResponse, maxBytes = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
