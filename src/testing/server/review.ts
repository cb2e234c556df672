/** SelfSubjectAccessReview: whether the caller may do something. */
import type { TransportRequest } from '../../kube/transport.js';
import type { Access } from './access.js';
import { readBody } from './body.js';
import { isMap } from './json.js';
import type { UserInfo } from './request.js';
import { type Answer, encoded } from './respond.js';
import { methodNotAllowed } from './status.js';

/** Answers a review. */
export function reviewAccess(access: Access, user: UserInfo, request: TransportRequest): Answer {
  if (request.method !== 'POST') throw methodNotAllowed();
  const body = readBody(request.body ?? '', request.headers?.['content-type']);
  const spec = isMap(body) && isMap(body.spec) ? body.spec : {};
  const attributes = isMap(spec.resourceAttributes) ? spec.resourceAttributes : {};
  const text = (field: string) => (typeof attributes[field] === 'string' ? attributes[field] : '');
  const resource = text('subresource') === '' ? text('resource') : `${text('resource')}/${text('subresource')}`;
  const allowed = access.allows(user, {
    verb: text('verb'),
    resource,
    namespace: text('namespace'),
    name: text('name'),
  });
  return encoded(
    201,
    {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec,
      status: { allowed },
    },
    false,
  );
}
