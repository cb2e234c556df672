import { describe, expect, it } from 'vitest';
import { KubeApiError } from '../../src/errors.js';
import { classifyCreateError, isQuotaImpossible } from '../../src/launch/create-errors.js';

const classify = (status: number, reason = '', message = 'm', more = {}) =>
  classifyCreateError(new KubeApiError(message, { status, reason, ...more }));
const full =
  'pods "p" is forbidden: exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=4Gi, limited: requests.memory=4Gi';
const never =
  'pods "p" is forbidden: exceeded quota: q, requested: pods=1,requests.memory=8Gi, used: pods=0,requests.memory=0, limited: pods=10,requests.memory=4Gi';

describe('errors of a create', () => {
  it.each([
    [400, 'BadRequest', 'm', 'permanent'],
    [403, 'Forbidden', 'pods is forbidden: User "u" cannot create resource "pods"', 'permanent'],
    [403, 'Forbidden', full, 'quota'],
    [403, 'Forbidden', never, 'permanent'],
    [403, 'Forbidden', 'pods "p" is forbidden: status unknown for quota: q, resources: pods', 'quota'],
    [404, 'NotFound', 'namespaces "n" not found', 'permanent'],
    [409, 'AlreadyExists', 'm', 'exists'],
    [409, 'Conflict', 'Operation cannot be fulfilled on resourcequotas "q": the object has been modified', 'transient'],
    [410, 'Expired', 'too old resource version', 'transient'],
    [422, 'Invalid', 'm', 'permanent'],
    [429, 'TooManyRequests', 'm', 'transient'],
    [500, 'InternalError', 'failed calling webhook', 'transient'],
    [502, '', 'm', 'transient'],
    [503, 'ServiceUnavailable', 'm', 'transient'],
    [504, 'Timeout', 'm', 'transient'],
    [0, 'ConnectionError', 'm', 'transient'],
  ])('%i %s (%s) is %s', (status, reason, message, type) => {
    expect(classify(status, reason, message).type).toBe(type);
  });

  it('tells a quota that is full from one that is too small', () => {
    expect([isQuotaImpossible(full), isQuotaImpossible(never)]).toEqual([false, true]);
    expect(classify(403, 'Forbidden', full)).toMatchObject({ verdict: { kind: 'quota.full', blame: 'infra' } });
    expect(classify(403, 'Forbidden', never)).toMatchObject({ verdict: { kind: 'quota.impossible', blame: 'config' } });
  });

  it('tells a namespace that is going', () => {
    const causes = [
      { reason: 'NamespaceTerminating', message: 'namespace n is being terminated', field: 'metadata.namespace' },
    ];
    expect(classify(403, 'Forbidden', 'unable to create new content', { causes })).toMatchObject({
      verdict: { kind: 'namespace_terminating', blame: 'caller' },
    });
  });

  it('says which right is missing', () => {
    expect(classify(403, 'Forbidden', 'pods is forbidden: User "u" cannot create resource "pods"')).toMatchObject({
      verdict: { kind: 'rejected_by_api', hint: expect.stringContaining('right to create pods') },
    });
  });

  it('passes on how long the server wants quiet', () => {
    expect(classify(429, '', 'm', { retryAfterMs: 3000 })).toMatchObject({ retryAfterMs: 3000 });
  });
});
