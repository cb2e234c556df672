/** Access reviews: whether somebody may do something, and who is asking. They are answered, never stored. */
import type { TransportRequest } from '../../kube/transport.js';
import type { Access } from './access.js';
import { readBody } from './body.js';
import { type Core, nowTime } from './core.js';
import { isMap, type JsonMap } from './json.js';
import { managerOf } from './options/write-options.js';
import type { ResourcePath, UserInfo } from './request.js';
import { type Answer, encoded } from './respond.js';
import { type FieldFault, fault, invalid, methodNotAllowed, unknownResource } from './status.js';

/** A kind that is only created, and answered at once. */
export interface ReviewKind {
  readonly group: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const AUTHORIZATION = 'authorization.k8s.io';

/** The kinds of reviews. */
export const REVIEWS: readonly ReviewKind[] = [
  { group: AUTHORIZATION, resource: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview', namespaced: true },
  { group: AUTHORIZATION, resource: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview', namespaced: false },
  { group: AUTHORIZATION, resource: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespaced: false },
  {
    group: 'authentication.k8s.io',
    resource: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    namespaced: false,
  },
];

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The kind of review at a path, or `undefined`. */
export function reviewAt({ group, resource }: ResourcePath): ReviewKind | undefined {
  return REVIEWS.find((review) => review.group === group && review.resource === resource);
}

/** What a review holds, as its owner's fields. */
function fieldsOf(value: JsonMap): JsonMap {
  const entries = Object.entries(value).map(([field, item]) => [
    `f:${field}`,
    isMap(item) ? { '.': {}, ...fieldsOf(item) } : {},
  ]);
  return Object.fromEntries(entries);
}

function specFaults({ kind }: ReviewKind, spec: JsonMap, namespace: string): FieldFault[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const { path, verb } = mapOf(nonResourceAttributes);
  const shown = { Path: textOf(path), Verb: textOf(verb) };
  const faults: FieldFault[] = [];
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined)
    faults.push(
      fault.invalid('spec.nonResourceAttributes', shown, 'cannot be specified in combination with resourceAttributes'),
    );
  if (resourceAttributes === undefined && nonResourceAttributes === undefined)
    faults.push(
      fault.invalid(
        'spec.resourceAttributes',
        undefined,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
  const hasSubject = textOf(spec.user) !== '' || (Array.isArray(spec.groups) && spec.groups.length > 0);
  if (kind !== 'SelfSubjectAccessReview' && !hasSubject)
    faults.push(fault.invalid('spec.user', '', 'at least one of user or group must be specified'));
  if (kind !== 'LocalSubjectAccessReview') return faults;
  const asked = textOf(mapOf(resourceAttributes).namespace);
  if (resourceAttributes !== undefined && asked !== namespace)
    faults.push(fault.invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace'));
  if (nonResourceAttributes !== undefined)
    faults.push(fault.invalid('spec.nonResourceAttributes', shown, 'disallowed on this kind of request'));
  return faults;
}

/** Whether a review's subject may do what it asks about. Paths other than those of objects are open to all. */
function allows(access: Access, subject: UserInfo, spec: JsonMap): boolean {
  if (spec.resourceAttributes === undefined) return true;
  const { verb, resource, subresource, namespace, name } = mapOf(spec.resourceAttributes);
  const full = textOf(subresource) === '' ? textOf(resource) : `${textOf(resource)}/${textOf(subresource)}`;
  return access.allows(subject, {
    verb: textOf(verb),
    resource: full,
    namespace: textOf(namespace),
    name: textOf(name),
  });
}

const SPEC_FIELDS = ['resourceAttributes', 'nonResourceAttributes', 'user', 'groups', 'uid', 'extra'];

/** Answers a review. @throws ApiError 404, 405 or 422. */
export function answerReview(
  core: Core,
  access: Access,
  user: UserInfo,
  review: ReviewKind,
  path: ResourcePath,
  request: TransportRequest,
  query: URLSearchParams,
): Answer {
  if (path.name !== '' || review.namespaced !== (path.namespace !== '')) throw unknownResource();
  if (request.method !== 'POST') throw methodNotAllowed();
  const headers = request.headers ?? {};
  const body = readBody(request.body ?? '', headers['content-type'], review.kind);
  const apiVersion = `${review.group}/v1`;
  const { kind } = review;
  if (kind === 'SelfSubjectReview') {
    const userInfo = { username: user.name, ...(user.groups.length === 0 ? {} : { groups: user.groups }) };
    return encoded(201, { kind, apiVersion, metadata: { creationTimestamp: nowTime(core) }, status: { userInfo } });
  }
  const isSelf = kind === 'SelfSubjectAccessReview';
  const given = mapOf(body.spec);
  const known = isSelf ? SPEC_FIELDS.slice(0, 2) : SPEC_FIELDS;
  const spec: JsonMap = {};
  for (const field of known) if (given[field] !== undefined && given[field] !== null) spec[field] = given[field];
  const { namespace: _, managedFields: _managed, ...own } = mapOf(body.metadata);
  const { labels, annotations } = own;
  const ownFields = fieldsOf({ ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) });
  const owner: JsonMap = {
    manager: managerOf(headers, query),
    operation: 'Update',
    apiVersion,
    time: nowTime(core),
    fieldsType: 'FieldsV1',
    fieldsV1: {
      ...(Object.keys(ownFields).length === 0 ? {} : { 'f:metadata': ownFields }),
      'f:spec': fieldsOf(spec),
    },
  };
  const metadata = { ...own, managedFields: [owner] };
  const faults = specFaults(review, spec, path.namespace);
  if (Object.keys(own).length > 0) faults.push(fault.invalid('metadata', metadata, 'must be empty'));
  if (faults.length > 0) throw invalid({ group: review.group, resource: '', kind: '' }, '', faults);
  const groups = Array.isArray(spec.groups) ? spec.groups.map(String) : [];
  const subject = isSelf ? user : { name: textOf(spec.user), groups };
  const placed = review.namespaced ? { namespace: path.namespace, ...metadata } : metadata;
  const status = { allowed: allows(access, subject, spec) };
  return encoded(201, { kind, apiVersion, metadata: placed, spec, status });
}
