/** Paths, queries and bodies of Kubernetes requests. Pure. */
import type { DeleteOptions, ListOptions, LogOptions, PatchType, WatchOptions } from './kube-client.js';

/** Base path of each resource that podwright uses. */
const BASES = {
  pods: '/api/v1',
  events: '/api/v1',
  nodes: '/api/v1',
  namespaces: '/api/v1',
  resourcequotas: '/api/v1',
  secrets: '/api/v1',
  leases: '/apis/coordination.k8s.io/v1',
} as const;

/** Path of a collection or of an object. */
export function pathOf(resource: keyof typeof BASES, namespace: string | undefined, name?: string): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${BASES[resource]}${scope}/${resource}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** A path with the query parameters that are set. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set)}`;
}

/** Query of a list or watch. */
export function listQuery(options: ListOptions | WatchOptions): Record<string, string | undefined> {
  const { labelSelector, fieldSelector, resourceVersion, resourceVersionMatch } = options;
  const { limit, continue: token } = options as ListOptions;
  const isContinued = token !== undefined && token !== '';
  return {
    labelSelector,
    fieldSelector,
    limit: limit === undefined ? undefined : String(limit),
    continue: isContinued ? token : undefined,
    // The server refuses a version together with a continue token, which carries its own.
    resourceVersion: isContinued ? undefined : resourceVersion,
    resourceVersionMatch: isContinued ? undefined : resourceVersionMatch,
  };
}

/** Query of a watch. */
export function watchQuery(options: WatchOptions): Record<string, string | undefined> {
  const { timeoutSeconds, allowWatchBookmarks = true, sendInitialEvents } = options;
  return {
    ...listQuery(options),
    watch: 'true',
    timeoutSeconds: timeoutSeconds === undefined ? undefined : String(timeoutSeconds),
    allowWatchBookmarks: String(allowWatchBookmarks),
    sendInitialEvents: sendInitialEvents === undefined ? undefined : String(sendInitialEvents),
  };
}

/** No server keeps a watch open for longer than this of its own accord. */
const LONGEST_WATCH_S = 3_600;
const GRACE_S = 30;

/** How long a watch may be silent before nobody can be there any more, in milliseconds. */
export function watchIdleMs({ timeoutSeconds = LONGEST_WATCH_S }: WatchOptions): number {
  return (timeoutSeconds + GRACE_S) * 1_000;
}

/** Media types of the four kinds of patch. */
export const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** Query of a log request. */
export function logQuery(options: LogOptions): Record<string, string | undefined> {
  const { container, follow, tailLines, limitBytes, sinceTime, timestamps, previous } = options;
  const text = (value: number | boolean | undefined) =>
    value === undefined || value === false ? undefined : String(value);
  return {
    container,
    follow: text(follow),
    tailLines: text(tailLines),
    limitBytes: text(limitBytes),
    sinceTime,
    timestamps: text(timestamps),
    previous: text(previous),
  };
}

/** Body of a delete. */
export function deleteBody({ gracePeriodSeconds, uid, resourceVersion, propagationPolicy }: DeleteOptions): object {
  const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
  return { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, preconditions, propagationPolicy };
}
