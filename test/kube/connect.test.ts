/** Each way to prove who one is, and each way to the server, from the kubeconfig to what a server on loopback is sent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HttpKubeClient, type HttpKubeClientConnectOptions } from '../../src/kube/http-kube-client.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

const cleanups: (() => unknown)[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-connect-'));
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'])
    vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true });
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that notes what it is sent, and refuses tokens that are not among the good ones. */
async function serve(isGood: (request: IncomingMessage) => boolean = () => true) {
  const seen: IncomingMessage[] = [];
  const answer: RequestListener = (request, response) => {
    seen.push(request);
    response.setHeader('content-type', 'application/json');
    response.writeHead(isGood(request) ? 200 : 401).end('{"metadata":{},"items":[]}');
  };
  const address = await listening(createServer(answer));
  const tokens = () => seen.map(({ headers }) => headers.authorization);
  return { address, seen, tokens };
}

/** Stands between client and server, and leads every name to one address. */
async function proxyTo(address: string) {
  const targets: string[] = [];
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    targets.push(request.url ?? '');
    const through = tcpConnect(Number(address.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      through.pipe(socket).pipe(through);
    });
    for (const end of [socket, through]) end.on('error', () => {});
    cleanups.push(() => {
      through.destroy();
      socket.destroy();
    });
  });
  return { url: `http://${await listening(proxy)}`, targets };
}

async function connect(
  server: string,
  user: object,
  cluster: object = {},
  options: HttpKubeClientConnectOptions = {},
): Promise<HttpKubeClient> {
  const kubeconfig = join(folder, 'config');
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  const client = await HttpKubeClient.connect({ kubeconfig, ...options });
  cleanups.push(() => client.close());
  return client;
}

describe('what a server is sent', () => {
  test('a token, or name and password', async () => {
    const { address, tokens } = await serve();
    await (await connect(`http://${address}`, { token: 'abc' })).listPods();
    await (await connect(`http://${address}`, { username: 'jane', password: 'p:w' })).listPods();
    expect(tokens()).toEqual(['Bearer abc', `Basic ${Buffer.from('jane:p:w').toString('base64')}`]);
  });

  test('the new token of a file after a 401, with the call sent once more, and no third time', async () => {
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'first');
    const good = new Set(['Bearer first']);
    const { address, tokens } = await serve(({ headers }) => good.has(headers.authorization ?? ''));
    const client = await connect(`http://${address}`, { tokenFile });
    await client.listPods();
    good.clear();
    good.add('Bearer second');
    writeFileSync(tokenFile, 'second');
    await client.listPods();
    good.clear();
    await expect(client.listPods()).rejects.toMatchObject({ status: 401 });
    expect(tokens()).toEqual(['first', 'first', 'second', 'second', 'second'].map((token) => `Bearer ${token}`));
  });

  test('the token of an exec plugin until it ends, and then that of its next run', async () => {
    const runs = JSON.stringify(join(folder, 'runs'));
    const script = `const fs = require('fs'); fs.appendFileSync(${runs}, 'x');
      const token = 'run-' + fs.readFileSync(${runs}, 'utf8').length;
      console.log(JSON.stringify({ status: { token, expirationTimestamp: '2026-01-01T01:00:00Z' } }));`;
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] };
    const { address, tokens } = await serve();
    const clock = new VirtualClock();
    const client = await connect(`http://${address}`, { exec }, {}, { clock });
    await client.listPods();
    await client.listPods();
    await clock.advance('1h');
    await client.listPods();
    expect(tokens()).toEqual(['Bearer run-1', 'Bearer run-1', 'Bearer run-2']);
  });

  test('the token of an auth provider', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const idToken = `${part({ alg: 'none' })}.${part({ exp: 4_102_444_800 })}.x`;
    const oidc = { name: 'oidc', config: { 'id-token': idToken, 'client-id': 'c', 'idp-issuer-url': 'https://i' } };
    const cloud = {
      name: 'gcp',
      config: { 'access-token': 'from-the-cloud', expiry: '2100-01-01T00:00:00Z' },
    };
    const { address, tokens } = await serve();
    // client-node sends tokens over plain HTTP only where certificates go unchecked.
    for (const provider of [oidc, cloud])
      await (
        await connect(`http://${address}`, { 'auth-provider': provider }, { 'insecure-skip-tls-verify': true })
      ).listPods();
    expect(tokens()).toEqual([`Bearer ${idToken}`, 'Bearer from-the-cloud']);
  });

  test('whom to act for, each group and each value in a header of its own', async () => {
    const { address, seen } = await serve();
    const user = {
      token: 't',
      as: 'jane',
      'as-uid': '7',
      'as-groups': ['a', 'b,c'],
      'as-user-extra': { scope: ['x', 'y'] },
    };
    await (await connect(`http://${address}`, user)).listPods();
    const { rawHeaders = [] } = seen[0] ?? {};
    const sent = rawHeaders.flatMap((name, at) =>
      at % 2 === 0 && name.toLowerCase().startsWith('impersonate-')
        ? [`${name.toLowerCase()}: ${rawHeaders[at + 1]}`]
        : [],
    );
    expect(sent.sort()).toEqual([
      'impersonate-extra-scope: x',
      'impersonate-extra-scope: y',
      'impersonate-group: a',
      'impersonate-group: b,c',
      'impersonate-uid: 7',
      'impersonate-user: jane',
    ]);
  });

  test('a client certificate, by which alone the server knows the user', async () => {
    const users = [{ name: 'test-user', groups: ['system:masters'] }];
    const cluster = await FakeCluster.start({ kubelet: 'none', tls: true, users });
    cleanups.push(() => cluster.stop());
    const { clusters, users: shown } = cluster.kubeconfigOf('test-user') as {
      clusters: { cluster: Record<string, string> }[];
      users: { user: Record<string, string> }[];
    };
    const { server = '', ...trust } = clusters[0]?.cluster ?? {};
    const user = shown[0]?.user ?? {};
    expect(Object.keys(user).sort()).toEqual(['client-certificate-data', 'client-key-data']);
    const good = await connect(server, user, trust);
    expect((await good.listPods({ namespace: 'default' })).items).toEqual([]);
    await expect((await connect(server, {}, trust)).listPods()).rejects.toMatchObject({ status: 401 });
    // And the server's own certificate is checked, unless that was given up.
    const untrusting = await connect(server, user, {}, { retry: { maxAttempts: 1, initialMs: 1, maxMs: 1 } });
    await expect(untrusting.listPods()).rejects.toMatchObject({
      status: 0,
      message: expect.stringMatching(/certificate/i),
    });
    const careless = await connect(server, user, { 'insecure-skip-tls-verify': true });
    expect((await careless.listPods({ namespace: 'default' })).items).toEqual([]);
  });
});

describe('the way to a server', () => {
  test('goes through the proxy that the kubeconfig names, also to loopback and past NO_PROXY', async () => {
    const { address, seen } = await serve();
    const proxy = await proxyTo(address);
    vi.stubEnv('NO_PROXY', '*');
    await (await connect(`http://${address}`, { token: 't' }, { 'proxy-url': proxy.url })).listPods();
    expect([proxy.targets, seen.length]).toEqual([[address], 1]);
  });

  test.each(['HTTP_PROXY', 'http_proxy'])(
    'goes through that of %s, but not where NO_PROXY names the server',
    async (name) => {
      const { address, seen } = await serve();
      const proxy = await proxyTo(address);
      vi.stubEnv(name, proxy.url);
      await (await connect('http://127.0.0.2:8080', { token: 't' })).listPods();
      expect([proxy.targets, seen.length]).toEqual([['127.0.0.2:8080'], 1]);
      // Read when the client is made: whoever changes the environment later changes nothing.
      vi.stubEnv('NO_PROXY', 'elsewhere,127.0.0.0/30');
      const direct = await connect(
        'http://127.0.0.2:8080',
        { token: 't' },
        {},
        { retry: { maxAttempts: 1, initialMs: 1, maxMs: 1 } },
      );
      await expect(direct.listPods()).rejects.toMatchObject({ status: 0 });
      await (await connect(`http://${address}`, { token: 't' })).listPods();
      expect([proxy.targets.length, seen.length]).toEqual([1, 2]);
    },
  );

  test('goes through that of HTTPS_PROXY to a server with TLS, whose certificate is checked all the same', async () => {
    const cluster = await FakeCluster.start({ kubelet: 'none', tls: true });
    cleanups.push(() => cluster.stop());
    const proxy = await proxyTo(new URL(cluster.url).host);
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    const { clusters, users } = cluster.kubeconfig as {
      clusters: { cluster: Record<string, string> }[];
      users: { user: object }[];
    };
    const trust = { ...clusters[0]?.cluster, server: undefined, 'tls-server-name': 'localhost' };
    const user = users[0]?.user ?? {};
    const client = await connect('https://kube.test:6443', user, { ...trust, server: 'https://kube.test:6443' });
    expect((await client.listPods({ namespace: 'default' })).items).toEqual([]);
    expect(proxy.targets).toEqual(['kube.test:6443']);
  });
});
