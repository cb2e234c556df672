/** SelfSubjectAccessReview: whether the caller may do something. */
import type { TransportRequest } from '../../kube/transport.js';
import type { Access } from './access.js';
import { readBody } from './body.js';
import { type Core, nowTime } from './core.js';
import { isMap, type JsonMap } from './json.js';
import type { UserInfo } from './request.js';
import { type Answer, encoded } from './respond.js';
import { fault, invalid, methodNotAllowed } from './status.js';
import { managerOf } from './write.js';

const VERSION = 'authorization.k8s.io/v1';
const PARTS = ['resourceAttributes', 'nonResourceAttributes'] as const;
const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** Who wrote the review, which is answered as any other object's owners are. */
function managedFields(core: Core, manager: string, spec: JsonMap): JsonMap {
  const fields = Object.entries(spec).map(([part, value]) => [
    `f:${part}`,
    { '.': {}, ...Object.fromEntries(Object.keys(mapOf(value)).map((field) => [`f:${field}`, {}])) },
  ]);
  const fieldsV1 = { 'f:spec': Object.fromEntries(fields) };
  return { manager, operation: 'Update', apiVersion: VERSION, time: nowTime(core), fieldsType: 'FieldsV1', fieldsV1 };
}

/** Answers a review. @throws ApiError 405 or 422. */
export function reviewAccess(
  core: Core,
  access: Access,
  user: UserInfo,
  request: TransportRequest,
  query: URLSearchParams,
): Answer {
  if (request.method !== 'POST') throw methodNotAllowed();
  const headers = request.headers ?? {};
  const given = mapOf(mapOf(readBody(request.body ?? '', headers['content-type'])).spec);
  const spec: JsonMap = Object.fromEntries(
    PARTS.filter((part) => isMap(given[part])).map((part) => [part, given[part]]),
  );
  if (Object.keys(spec).length !== 1)
    throw invalid({ group: 'authorization.k8s.io', resource: '', kind: '' }, '', [
      fault.invalid(
        'spec.resourceAttributes',
        spec.resourceAttributes,
        Object.keys(spec).length === 0
          ? 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
          : 'cannot be specified in combination with nonResourceAttributes',
      ),
    ]);
  const attributes = mapOf(spec.resourceAttributes);
  const text = (field: string) => (typeof attributes[field] === 'string' ? attributes[field] : '');
  const resource = text('subresource') === '' ? text('resource') : `${text('resource')}/${text('subresource')}`;
  const facts = { verb: text('verb'), resource, namespace: text('namespace'), name: text('name') };
  const allowed = spec.resourceAttributes === undefined || access.allows(user, facts);
  const metadata = { managedFields: [managedFields(core, managerOf(headers, query), spec)] };
  const kind = 'SelfSubjectAccessReview';
  return encoded(201, { kind, apiVersion: VERSION, metadata, spec, status: { allowed } }, false);
}
