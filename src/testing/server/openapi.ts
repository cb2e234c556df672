/** As much OpenAPI as kubectl needs to send objects. */
import { RESOURCES } from './resources.js';
import { SERVER_VERSION } from './version.js';

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

/** The OpenAPI document at a path: the index, or the one of a group that the server has; `undefined` at other paths. */
export function openApi(path: string, groups: readonly string[]): unknown {
  if (path === '/openapi/v3') {
    const keys = groups.map((group) => (group === '' ? 'api/v1' : `apis/${group}/v1`));
    return {
      paths: Object.fromEntries(keys.map((key) => [key, { serverRelativeURL: `/openapi/v3/${key}?hash=1` }])),
    };
  }
  const [isDocument, group = ''] = /^\/openapi\/v3\/(?:api\/v1|apis\/([^/]+)\/v1)$/.exec(path) ?? [];
  return isDocument !== undefined && groups.includes(group) ? openApiGroup(group) : undefined;
}
