import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import yaml from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contextOfKubeConfig } from '../../src/kube/client-node-config.js';
import { connectTransport } from '../../src/kube/connect.js';
import { credentialsOf } from '../../src/kube/credentials.js';
import { inClusterContext, readKubeconfig } from '../../src/kube/kubeconfig.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');

function write(name: string, content: string | object): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : yaml.dump(content));
  return file;
}

function config(user: object, cluster: object = {}, name = 'main'): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: `https://${name}.test:6443`, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'ns' } }],
  };
}

const load = (user: object, cluster: object = {}) => readKubeconfig([write('config', config(user, cluster))]);

describe('a kubeconfig', () => {
  test('gives server, namespace and TLS material, with paths relative to itself', () => {
    write('ca.pem', 'THE CA');
    const context = load(
      { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      { 'certificate-authority': 'ca.pem', 'tls-server-name': 'other', 'proxy-url': 'http://proxy:1' },
    );
    expect(context).toMatchObject({
      server: 'https://main.test:6443',
      namespace: 'ns',
      proxyUrl: 'http://proxy:1',
      tls: { ca: 'THE CA', cert: 'CERT', key: 'KEY', servername: 'other', insecureSkipTlsVerify: false },
      tlsFiles: { ca: join(folder, 'ca.pem'), cert: undefined, key: undefined },
    });
  });

  test('is merged from several files; the first to name something wins', () => {
    const first = write('first', { ...config({ token: 'first' }), 'current-context': '' });
    const second = write('second', {
      ...config({ token: 'second' }),
      ...{ contexts: [{ name: 'two', context: { cluster: 'main', user: 'main' } }], 'current-context': 'two' },
    });
    expect(readKubeconfig([first, join(folder, 'missing'), second])).toMatchObject({
      name: 'two',
      user: { token: 'first' },
    });
    expect(readKubeconfig([first, second], 'main').namespace).toBe('ns');
  });

  test.each<[string, () => unknown, RegExp]>([
    ['is missing', () => readKubeconfig([join(folder, 'nowhere')]), /nowhere.*ENOENT/],
    ['is no YAML', () => readKubeconfig([write('bad', 'token: hunter2: [')]), /^(?!.*hunter2).*YAML/],
    ['is something else', () => readKubeconfig([write('text', 'just text')]), /no kubeconfig/],
    ['has no such context', () => readKubeconfig([write('c', config({}))], 'other'), /no context "other"/],
    ['has no server', () => readKubeconfig([write('d', config({}, { server: '' }))]), /without a server/],
    ['names a missing file', () => load({}, { 'certificate-authority': 'gone.pem' }), /gone\.pem.*ENOENT/],
  ])('that %s is an error that says so', (_, read, message) => {
    let failure: unknown;
    try {
      read();
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: 'ERR_PODWRIGHT_KUBECONFIG', message: expect.stringMatching(message) });
  });

  test('runs no code and takes no tags', () => {
    expect(() => readKubeconfig([write('tags', 'clusters: !!js/function "function(){}"')])).toThrow(/YAML/);
  });
});

describe('the service account of a pod', () => {
  test('is found by environment and files', () => {
    const account = mkdtempSync(join(folder, 'account-'));
    expect(inClusterContext({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, account)).toBeUndefined();
    for (const [name, text] of [
      ['token', 't'],
      ['ca.crt', 'CA'],
      ['namespace', 'team\n'],
    ] as const)
      writeFileSync(join(account, name), text);
    expect(inClusterContext({}, account)).toBeUndefined();
    expect(
      inClusterContext({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }, account),
    ).toMatchObject({ server: 'https://[fd00::1]:443', namespace: 'team', tls: { ca: 'CA' } });
  });
});

describe('credentials', () => {
  const start = (user: object, cluster: object = {}) => {
    const clock = new VirtualClock();
    return { clock, credentials: credentialsOf(load(user, cluster), clock) };
  };

  test.each<[string, object, object]>([
    ['a token', { token: 'abc' }, { authorization: 'Bearer abc' }],
    ['a name and a password', { username: 'u', password: 'p' }, { authorization: `Basic ${base64('u:p')}` }],
    [
      'an impersonation',
      { token: 't', as: 'jane', 'as-uid': '7', 'as-groups': ['a', 'cn=b,dc=c'] },
      {
        authorization: 'Bearer t',
        'impersonate-user': 'jane',
        'impersonate-uid': '7',
        'impersonate-group': 'a\ncn=b,dc=c',
      },
    ],
    [
      'an impersonation with extras',
      { as: 'jane', 'as-user-extra': { 'acme.com/Project': ['x', 'y'] } },
      { 'impersonate-user': 'jane', 'impersonate-extra-acme.com%2fproject': 'x\ny' },
    ],
    ['nothing', {}, {}],
  ])('of %s', async (_, user, headers) => {
    expect(await start(user).credentials.headers()).toEqual(headers);
  });

  test('refuse an impersonated group that would become two', () => {
    expect(() => load({ as: 'jane', 'as-groups': ['a\nsystem:masters'] })).toThrow(/as-groups has a line break/);
  });

  test('a token file is read again every minute, and at once after a 401', async () => {
    write('token', 'one\n');
    const { clock, credentials } = start({ tokenFile: 'token', token: 'ignored' });
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer one' });
    write('token', 'two');
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer one' });
    await clock.advance('1m');
    const second = await credentials.headers();
    expect(second).toEqual({ authorization: 'Bearer two' });
    write('token', 'three');
    // A call that was sent before with an older token is refused late: that says nothing about the present one.
    credentials.invalidate({ authorization: 'Bearer one' });
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer two' });
    credentials.invalidate(second);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer three' });
  });

  test('TLS files are read again; the material is the same object until they change', async () => {
    write('ca.pem', 'CA 1');
    const { clock, credentials } = start({}, { 'certificate-authority': 'ca.pem' });
    const first = await credentials.tls();
    await clock.advance('1m');
    expect(await credentials.tls()).toBe(first);
    write('ca.pem', 'CA 2');
    await clock.advance('1m');
    expect((await credentials.tls()).ca).toBe('CA 2');
  });

  describe('from an exec plugin', () => {
    const plugin = (script: string, more: object = {}) => ({
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script], ...more },
    });
    const prints = (status: string) => `process.stdout.write(JSON.stringify({ status: ${status} }))`;

    test('run once for all who ask at the same time, and again when they end', async () => {
      const runs = write('runs', '');
      const counting = `require('fs').appendFileSync(${JSON.stringify(runs)}, 'x'); const n = require('fs').readFileSync(${JSON.stringify(runs)}, 'utf8').length;`;
      const { clock, credentials } = start(
        plugin(`${counting}${prints(`{ token: 't' + n, expirationTimestamp: '2026-01-01T01:00:00Z' }`)}`),
      );
      const all = await Promise.all(Array.from({ length: 20 }, () => credentials.headers()));
      expect(new Set(all.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer t1']));
      await clock.advance('59m');
      expect((await credentials.headers()).authorization).toBe('Bearer t1');
      await clock.advance('31s');
      expect((await credentials.headers()).authorization).toBe('Bearer t2');
    });

    test('get the cluster and their environment, and may give certificates', async () => {
      const script = `const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO); ${prints('{ clientCertificateData: info.spec.cluster.server, clientKeyData: process.env.EXTRA }')}`;
      const { credentials } = start(
        plugin(script, { provideClusterInfo: true, env: [{ name: 'EXTRA', value: 'KEY' }] }),
      );
      expect(await credentials.tls()).toMatchObject({ cert: 'https://main.test:6443', key: 'KEY' });
      expect(await credentials.tls()).toBe(await credentials.tls());
      expect(await credentials.headers()).toEqual({});
    });

    test.each<[string, object, RegExp]>([
      ['fails', plugin('console.error("hunter2"); process.exit(3)'), /failed \(3\)/],
      ['prints no JSON', plugin('console.log("hunter2")'), /printed no JSON/],
      ['gives nothing', plugin(prints('{}')), /neither a token nor a certificate/],
      ['is missing', { exec: { command: 'no-such-plugin-anywhere' } }, /ENOENT/],
    ])('that %s is an error without its output, and is tried again', async (_, user, message) => {
      const { credentials } = start(user);
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const failure = await credentials.headers().catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: 'ERR_PODWRIGHT_KUBECONFIG', message: expect.stringMatching(message) });
        expect(String(failure)).not.toContain('hunter2');
      }
    });
  });

  test('of OpenID Connect by way of client-node, with an impersonation that it does not know', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const idToken = `${part({ alg: 'none' })}.${part({ exp: 4_102_444_800 })}.x`;
    const provider = { name: 'oidc', config: { 'id-token': idToken, 'client-id': 'c', 'idp-issuer-url': 'https://i' } };
    const file = write('oidc', config({ 'auth-provider': provider, as: 'jane', 'as-groups': ['a'] }));
    const { credentials } = await connectTransport({ kubeconfig: file });
    expect(await credentials.headers()).toMatchObject({
      authorization: `Bearer ${idToken}`,
      'impersonate-user': 'jane',
      'impersonate-group': 'a',
    });
  });

  test('of a KubeConfig of client-node, real or of its shape', async () => {
    let token = 'one';
    const shape = {
      getCurrentCluster: () => ({ server: 'https://shape.test', skipTLSVerify: true }),
      applyToHTTPSOptions: async (options: { headers: Record<string, string>; ca?: Buffer }) => {
        options.headers.Authorization = `Bearer ${token}`;
        options.ca = Buffer.from('CA');
      },
    };
    const { server, credentials } = contextOfKubeConfig(shape as never, new VirtualClock());
    expect(server).toBe('https://shape.test');
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer one' });
    expect(await credentials.tls()).toMatchObject({ ca: 'CA', insecureSkipTlsVerify: true });
    token = 'two';
    credentials.invalidate();
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer two' });
    const { KubeConfig } = await import('@kubernetes/client-node');
    const real = new KubeConfig();
    real.loadFromString(yaml.dump(config({ token: 'abc' })));
    const found = contextOfKubeConfig(real, new VirtualClock());
    expect(await found.credentials.headers()).toEqual({ authorization: 'Bearer abc' });
  });
});
