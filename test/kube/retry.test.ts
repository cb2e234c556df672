import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError, type KubeApiErrorFields } from '../../src/errors.js';
import { DEFAULT_RETRY, repeatDelayMs } from '../../src/kube/retry.js';
import { markSent } from '../../src/kube/transport.js';

const READ = { isRepeatable: true };
const CREATE = { isRepeatable: false };
const error = (fields: KubeApiErrorFields, message = 'failed') =>
  new KubeApiError(message, { retryable: true, ...fields });
const delay = (call: { isRepeatable: boolean }, failure: unknown, attempts = 1) =>
  repeatDelayMs(call, failure, attempts, DEFAULT_RETRY, seededRandom(1));

describe('a failed call', () => {
  test.each([0, 408, 429, 500, 502, 503, 504])('that may be repeated is, after %i', (status) => {
    expect(delay(READ, error({ status }))).toBeGreaterThan(0);
  });

  test.each([400, 401, 403, 404, 409, 410, 422])('is not repeated after %i', (status) => {
    expect(delay(READ, error({ status, retryable: false }))).toBeUndefined();
  });

  test.each<[string, unknown, boolean]>([
    ['never reached the server', markSent(error({ status: 0 }), false), true],
    ['was turned away with 429', error({ status: 429 }), true],
    ['was turned away with 503 and Retry-After', error({ status: 503, retryAfterMs: 1_000 }), true],
    ['may have reached the server', markSent(error({ status: 0 }), true), false],
    ['got no answer, by a transport that does not say more', error({ status: 0 }), false],
    ['met a 500', error({ status: 500 }), false],
    ['met a 503 without Retry-After', error({ status: 503 }), false],
    ['met a 504', error({ status: 504 }), false],
  ])('that creates something and %s', (_, failure, isRepeated) => {
    expect(delay(CREATE, failure) !== undefined).toBe(isRepeated);
  });

  test('waits at least as long as the server asks', () => {
    expect(delay(READ, error({ status: 429, retryAfterMs: 32_000 }))).toBeGreaterThanOrEqual(32_000);
  });

  test('is given up after enough attempts', () => {
    expect(delay(READ, error({ status: 503 }), DEFAULT_RETRY.maxAttempts)).toBeUndefined();
  });

  test('is not repeated where the server is behind the version asked for: the watch knows what to do', () => {
    expect(
      delay(READ, error({ status: 504, reason: 'Timeout' }, 'Timeout: Too large resource version: 9, current: 5')),
    ).toBeUndefined();
  });

  test('is not repeated for errors that are not the server’s', () => {
    expect(delay(READ, new TypeError('defect'))).toBeUndefined();
  });
});
