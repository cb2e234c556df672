/** What the server says about itself: version, groups, resources, and as much OpenAPI as kubectl needs. */
import { apiVersionOf, RESOURCES, type ResourceDef } from './resources.js';

/** The version the server claims. */
export const SERVER_VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3',
  gitCommit: 'unknown',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'go1.26',
  compiler: 'gc',
  platform: `linux/amd64`,
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
};

const REVIEW = {
  group: 'authorization.k8s.io',
  version: 'v1',
  resource: 'selfsubjectaccessreviews',
  kind: 'SelfSubjectAccessReview',
};

function groupsOf(): string[] {
  return [...new Set([...RESOURCES.map(({ group }) => group).filter((group) => group !== ''), REVIEW.group])].sort();
}

function apiGroup(name: string) {
  const version = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [version], preferredVersion: version };
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
    storageVersionHash: Buffer.from(`${def.group}/${def.resource}`).toString('base64').slice(0, 12),
  };
}

function resourceList(group: string, version: string) {
  const resources = RESOURCES.filter((def) => def.group === group).flatMap((def) => [
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
  if (group === REVIEW.group)
    resources.push({
      name: REVIEW.resource,
      singularName: 'selfsubjectaccessreview',
      namespaced: false,
      kind: REVIEW.kind,
      verbs: ['create'],
    } as never);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: resources.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

const LIST_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation', 'force', 'pretty'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string' },
}));

function openApiGroup(group: string) {
  const paths: Record<string, unknown> = {};
  const schemas: Record<string, unknown> = {};
  for (const def of RESOURCES.filter((item) => item.group === group)) {
    const root = group === '' ? '/api/v1' : `/apis/${group}/v1`;
    const base = `${root}/${def.namespaced ? 'namespaces/{namespace}/' : ''}${def.resource}`;
    const gvk = { group, kind: def.kind, version: 'v1' };
    const operation = (action: string) => ({
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': gvk,
      parameters: LIST_PARAMETERS,
      responses: {},
    });
    paths[base] = { post: operation('post') };
    paths[`${base}/{name}`] = { patch: operation('patch'), put: operation('put') };
    schemas[`io.k8s.api.${group === '' ? 'core' : (group.split('.')[0] ?? '')}.v1.${def.kind}`] = {
      type: 'object',
      'x-kubernetes-group-version-kind': [gvk],
    };
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: SERVER_VERSION.gitVersion },
    paths,
    components: { schemas },
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

/** An answer of discovery: JSON, or text. */
export type DiscoveryAnswer = { readonly json: unknown; readonly contentType?: string } | { readonly text: string };

/** Answers paths that are not about objects; `undefined` where the path is none of them. */
export function discover(path: string, accept: string): DiscoveryAnswer | undefined {
  const clean = path.length > 1 ? path.replace(/\/$/, '') : path;
  const wantsAggregated = accept.includes('as=APIGroupDiscoveryList') && accept.includes('v=v2;');
  const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  if (clean === '/healthz' || clean === '/livez' || clean === '/readyz') return { text: 'ok' };
  if (/^\/(?:livez|readyz|healthz)\/ping$/.test(clean)) return { text: 'ok' };
  if (clean === '/version') return { json: SERVER_VERSION };
  if (clean === '/api')
    return wantsAggregated
      ? { json: aggregated(['']), contentType: aggregatedType }
      : {
          json: {
            kind: 'APIVersions',
            versions: ['v1'],
            serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '127.0.0.1' }],
          },
        };
  if (clean === '/apis')
    return wantsAggregated
      ? { json: aggregated(groupsOf()), contentType: aggregatedType }
      : { json: { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf().map(apiGroup) } };
  if (clean === '/api/v1') return { json: resourceList('', 'v1') };
  if (clean === '/openapi/v3') {
    const entries = ['', ...groupsOf()].map((group) => {
      const key = group === '' ? 'api/v1' : `apis/${group}/v1`;
      return [key, { serverRelativeURL: `/openapi/v3/${key}?hash=1` }];
    });
    return { json: { paths: Object.fromEntries(entries) } };
  }
  const openApi = /^\/openapi\/v3\/(?:api\/v1|apis\/([^/]+)\/v1)$/.exec(clean);
  if (openApi !== null) return { json: openApiGroup(openApi[1] ?? '') };
  const group = /^\/apis\/([^/]+)(\/v1)?$/.exec(clean);
  if (group !== null && groupsOf().includes(group[1] ?? ''))
    return {
      json:
        group[2] === undefined
          ? { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group[1] ?? '') }
          : resourceList(group[1] ?? '', 'v1'),
    };
  if (clean === '/')
    return {
      json: {
        paths: [
          '/api',
          '/api/v1',
          '/apis',
          '/healthz',
          '/livez',
          '/readyz',
          '/version',
          ...RESOURCES.map(apiVersionOf)
            .filter((v) => v !== 'v1')
            .map((v) => `/apis/${v}`),
        ],
      },
    };
  return undefined;
}
