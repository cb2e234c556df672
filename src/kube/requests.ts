/** Paths, queries and bodies of Kubernetes requests. Pure. */
import type { DeleteOptions, ListOptions, LogOptions, WatchOptions } from './kube-client.js';

/** Base path of each resource that podwright uses. */
const BASES = {
  pods: '/api/v1',
  events: '/api/v1',
  nodes: '/api/v1',
  namespaces: '/api/v1',
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
