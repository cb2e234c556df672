/** The calls of a {@link CoreV1KubeClient} that not every API of its host has: secrets, leases, access reviews. */
import { KubeApiError } from '../errors.js';
import type { Lease, Secret } from '../wire/types.js';
import type { CoreV1Call, CoreV1Method } from './core-v1-api.js';
import type { AuthorizationV1ApiLike, CoordinationV1ApiLike, CoreV1ApiLike } from './core-v1-shapes.js';
import type { CallPriority } from './flow-control.js';
import type {
  AccessReviewer,
  CallOptions,
  DeleteOptions,
  LeaseClient,
  ListOptions,
  SecretClient,
  WatchOptions,
} from './kube-client.js';
import { deleteBody, PATCH_TYPES } from './requests.js';

/** The methods of a `CoreV1Api` for secrets. */
export type CoreV1SecretsApi = Required<
  Pick<
    CoreV1ApiLike,
    | 'createNamespacedSecret'
    | 'listNamespacedSecret'
    | 'listSecretForAllNamespaces'
    | 'patchNamespacedSecret'
    | 'deleteNamespacedSecret'
  >
>;

/** How a call is sent and repeated. */
export interface CoreV1Sent extends CallOptions, Omit<CoreV1Call, 'signal'> {
  readonly isRepeatable?: boolean;
  readonly priority?: CallPriority;
}

/** Sends a call. */
export type CoreV1Send = <T>(name: string, sent: Omit<CoreV1Sent, 'name'>, method: CoreV1Method) => Promise<T>;

/** Parameters of a list, by client-node's names. */
export function listParams(options: ListOptions | WatchOptions): object {
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

/** The object, or `undefined` where there is none. */
export async function found<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Deletes an object; whether there was one. */
export async function deleteBy(
  send: CoreV1Send,
  name: string,
  options: DeleteOptions,
  method: (body: object, options: object) => Promise<unknown>,
  priority: CallPriority = 'high',
): Promise<boolean> {
  const { signal, timeoutMs, gate, uid } = options;
  const body = deleteBody(options);
  try {
    // Without a uid a second delete might hit the next object of the same name.
    const sent = { signal, timeoutMs, gate, body, isRepeatable: uid !== undefined, priority } as const;
    await send(name, sent, (o) => method(body, o));
    return true;
  } catch (error) {
    // Gone on a later attempt: an earlier one, whose answer was lost, has done it.
    if (error instanceof KubeApiError && error.status === 404) return error.attempts > 1;
    throw error;
  }
}

/** Stands for what is sent past client-node's classes, which want times as `Date`. */
const STUB = {};

/** Secrets, by the same `CoreV1Api`. */
export function secretsOf(api: CoreV1SecretsApi, send: CoreV1Send): SecretClient {
  return {
    createSecret: (namespace, secret, options = {}) =>
      send<Secret>('create secret', { ...options, body: secret, isRepeatable: false, priority: 'low' }, (o) =>
        api.createNamespacedSecret({ namespace, body: STUB }, o),
      ),
    listSecrets: ({ signal, timeoutMs, ...scope } = {}) =>
      send('list secrets', { signal, timeoutMs }, (o) =>
        scope.namespace === undefined
          ? api.listSecretForAllNamespaces(listParams(scope), o)
          : api.listNamespacedSecret(listParams(scope), o),
      ),
    patchSecret: (namespace, name, patch, { type = 'merge', fieldManager, force, ...options } = {}) => {
      const sent = { ...options, body: patch, contentType: PATCH_TYPES[type], isRepeatable: type !== 'json' };
      return send<Secret>('patch secret', sent, (o) =>
        api.patchNamespacedSecret({ namespace, name, body: STUB, fieldManager, force }, o),
      );
    },
    deleteSecret: (namespace, name, options = {}) =>
      deleteBy(send, 'delete secret', options, (body, o) => api.deleteNamespacedSecret({ namespace, name, body }, o)),
  };
}

/** Leases, by a `CoordinationV1Api`. */
export function leasesOf(api: CoordinationV1ApiLike, send: CoreV1Send): LeaseClient {
  const priority = 'lease';
  return {
    readLease: (namespace, name, options = {}) =>
      found(
        send<Lease>('read lease', { ...options, priority }, (o) => api.readNamespacedLease({ namespace, name }, o)),
      ),
    listLeases: ({ signal, timeoutMs, ...scope } = {}) =>
      send('list leases', { signal, timeoutMs, priority }, (o) =>
        scope.namespace === undefined
          ? api.listLeaseForAllNamespaces(listParams(scope), o)
          : api.listNamespacedLease(listParams(scope), o),
      ),
    createLease: (namespace, lease, options = {}) =>
      send<Lease>('create lease', { ...options, body: lease, isRepeatable: false, priority }, (o) =>
        api.createNamespacedLease({ namespace, body: STUB }, o),
      ),
    replaceLease: (namespace, name, lease, options = {}) =>
      send<Lease>('replace lease', { ...options, body: lease, isRepeatable: false, priority }, (o) =>
        api.replaceNamespacedLease({ namespace, name, body: STUB }, o),
      ),
    deleteLease: (namespace, name, options = {}) =>
      deleteBy(
        send,
        'delete lease',
        options,
        (body, o) => api.deleteNamespacedLease({ namespace, name, body }, o),
        priority,
      ),
  };
}

/** Access reviews, by an `AuthorizationV1Api`. */
export function reviewsOf(api: AuthorizationV1ApiLike, send: CoreV1Send): AccessReviewer {
  return {
    async canI({ verb, resource, subresource, group = '', namespace }, options = {}) {
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, resource, subresource, group, namespace } },
      };
      const review = await send<{ status?: { allowed?: boolean } }>(
        'review access',
        { ...options, body, priority: 'high' },
        (o) => api.createSelfSubjectAccessReview({ body: STUB }, o),
      );
      return review.status?.allowed === true;
    },
  };
}
