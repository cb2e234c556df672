/** What the server says about itself: version, groups, resources. */
import { createHash } from 'node:crypto';
import { openApi } from './openapi.js';
import { apiVersionOf, RESOURCES, type ResourceDef } from './resources.js';
import { type Answer, encoded, formOf } from './respond.js';
import { REVIEWS } from './review.js';
import { methodNotAllowed } from './status.js';
import { SERVER_VERSION } from './version.js';

function groupsOf(): string[] {
  return [...new Set([...RESOURCES, ...REVIEWS].map(({ group }) => group).filter((group) => group !== ''))].sort();
}

function apiGroup(name: string) {
  const version = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [version], preferredVersion: version };
}

/** By which clients see that the stored form of a kind has changed. */
function storageVersionHash({ group, version, kind }: ResourceDef): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

function resourceEntry(def: ResourceDef) {
  return {
    name: def.resource,
    singularName: def.singular,
    namespaced: def.namespaced,
    kind: def.kind,
    verbs: def.verbs,
    ...(def.shortNames.length === 0 ? {} : { shortNames: def.shortNames }),
    ...(def.categories.length === 0 ? {} : { categories: def.categories }),
    storageVersionHash: storageVersionHash(def),
  };
}

function resourceList(group: string, version: string) {
  const reviews = REVIEWS.filter((review) => review.group === group).map(({ resource, kind, namespaced }) => ({
    name: resource,
    singularName: kind.toLowerCase(),
    namespaced,
    kind,
    verbs: ['create'],
  }));
  const stored = RESOURCES.filter((def) => def.group === group).flatMap((def) => [
    resourceEntry(def),
    ...def.subresources.map((sub) => ({
      name: `${def.resource}/${sub.name}`,
      singularName: '',
      namespaced: def.namespaced,
      ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: [...stored, ...reviews].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** The aggregated form, which newer clients ask for first. */
function aggregated(groups: readonly string[]) {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: group === '' ? {} : { name: group },
      versions: [
        {
          version: 'v1',
          freshness: 'Current',
          resources: resourceList(group, 'v1')
            .resources.filter(({ name }) => !name.includes('/'))
            .map((entry) => ({
              resource: entry.name,
              responseKind: { group: group === '' ? '' : group, version: 'v1', kind: entry.kind },
              scope: entry.namespaced ? 'Namespaced' : 'Cluster',
              singularResource: entry.singularName,
              verbs: entry.verbs,
              ...('shortNames' in entry ? { shortNames: entry.shortNames } : {}),
              ...('categories' in entry ? { categories: entry.categories } : {}),
              ...subresourcesOf(group, entry.name),
            })),
        },
      ],
    })),
  };
}

function subresourcesOf(group: string, resource: string) {
  const def = RESOURCES.find((item) => item.group === group && item.resource === resource);
  if (def === undefined || def.subresources.length === 0) return {};
  return {
    subresources: def.subresources.map((sub) => ({
      subresource: sub.name,
      responseKind: { group: sub.group ?? group, version: sub.version ?? 'v1', kind: sub.kind },
      verbs: sub.verbs,
    })),
  };
}

/** An answer that needs no object; those that are open need no user either. */
export interface Discovered {
  readonly isOpen: boolean;
  readonly answer: Answer;
}

const PROBE = /^\/(livez|readyz|healthz)(?:\/(ping|log|etcd))?$/;

/** Whether the server is well: always, as long as it answers. */
function probe(path: string, query: string): Discovered | undefined {
  const [, name, check] = PROBE.exec(path) ?? [];
  if (name === undefined) return undefined;
  const isVerbose = check === undefined && new URLSearchParams(query).has('verbose');
  const body = isVerbose ? `[+]ping ok\n[+]log ok\n[+]etcd ok\n${name} check passed\n` : 'ok';
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
  return { isOpen: true, answer: { status: 200, headers, body } };
}

/** The lists at the roots, which newer clients ask for in one document. */
function rootList(path: string): unknown {
  if (path === '/api')
    return {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '127.0.0.1' }],
    };
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf().map(apiGroup) };
}

const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

function root(path: '/api' | '/apis', accept: string): Answer {
  if (!accept.includes('as=APIGroupDiscoveryList') || !accept.includes('v=v2;')) return encoded(200, rootList(path));
  const answer = encoded(200, aggregated(path === '/api' ? [''] : groupsOf()));
  answer.headers['content-type'] = AGGREGATED_TYPE;
  return answer;
}

/** The documents that are only read. */
function documentAt(path: string): unknown {
  if (path === '/version') return SERVER_VERSION;
  if (path === '/api/v1') return resourceList('', 'v1');
  if (path === '/') return { paths: PATHS };
  const [, name = '', version] = /^\/apis\/([^/]+)(\/v1)?$/.exec(path) ?? [];
  if (groupsOf().includes(name))
    return version === undefined ? { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(name) } : resourceList(name, 'v1');
  return openApi(path, ['', ...groupsOf()]);
}

const PATHS = [
  ...['/api', '/api/v1', '/apis', '/healthz', '/livez', '/readyz', '/version'],
  ...[...new Set(RESOURCES.map(apiVersionOf))]
    .filter((version) => version !== 'v1')
    .map((version) => `/apis/${version}`),
];

/** Answers paths that are not about objects; `undefined` where the path is none of them. @throws ApiError 405 or 406. */
export function discover(method: string, path: string, query: string, accept: string): Discovered | undefined {
  const probed = probe(path, query);
  if (probed !== undefined) return probed;
  const clean = path.length > 1 ? path.replace(/\/$/, '') : path;
  if (/^\/apis?\/[^/]+\/[^/]+\/./.test(clean)) return undefined;
  // The group list is no route of its own, and answers each method alike.
  if (clean === '/apis') return { isOpen: false, answer: root(clean, accept) };
  const isApi = clean === '/api';
  const document = isApi ? undefined : documentAt(clean);
  if (!isApi && document === undefined) return undefined;
  if (method !== 'GET') throw methodNotAllowed();
  if (isApi) return { isOpen: false, answer: root(clean, accept) };
  const isVersion = clean === '/version';
  const { isYaml } = formOf(accept, false, isVersion ? ['application/json'] : undefined);
  return { isOpen: isVersion, answer: encoded(200, document, isYaml) };
}
