import { describe, expect, it } from 'vitest';
import { redact } from '../../src/core/redact.js';

describe('what is taken out of evidence', () => {
  it.each([
    ['DB_PASSWORD=hunter2 next', 'DB_PASSWORD=[redacted] next'],
    ['{"api_key": "abc,def", "user": "me"}', '{"api_key": [redacted], "user": "me"}'],
    ['token: abc; retry in 5 s', 'token: [redacted]; retry in 5 s'],
    ['Authorization: Basic dXNlcjpwdw==', 'Authorization: Basic [redacted]'],
    ['sent Bearer abcdefghijklmnopqrstuvwxyz123', 'sent Bearer [redacted]'],
    ['postgres://app:s3cret@db:5432/x', 'postgres://app:[redacted]@db:5432/x'],
    ['key AKIAABCDEFGHIJKLMNOP used', 'key [redacted] used'],
    ['ghp_abcdefghijklmnopqrstuvwxyz0123456789', '[redacted]'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter', '[redacted]\nafter'],
    ['-----BEGIN PRIVATE KEY-----\nMIIE cut here', '[redacted]'],
  ])('%s', (text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  it.each([
    'exit code 3',
    'container base: OOMKilled',
    'tokens counted: 12',
    'http://host:8080/path',
    'the secret "db" was not found',
  ])('leaves "%s" as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('takes patterns of one’s own, everywhere they fit, or none', () => {
    expect(redact('id 17, id 18', [/id \d+/])).toBe('[redacted], [redacted]');
    expect(redact('password=x', [])).toBe('password=x');
  });
});
