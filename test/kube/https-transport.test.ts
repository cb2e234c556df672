import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket, connect as tcpConnect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { HttpsTransport, type HttpsTransportOptions } from '../../src/kube/https-transport.js';
import { proxyFor } from '../../src/kube/proxy.js';
import { mayHaveBeenSent } from '../../src/kube/transport.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer(answer);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, sockets };
}

function transportTo(server: string, options: Partial<HttpsTransportOptions> = {}): HttpsTransport {
  const transport = new HttpsTransport({ server, ...options });
  cleanups.push(() => transport.close());
  return transport;
}

async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('the transport', () => {
  test('keeps connections, and uses at most as many as it may', async () => {
    let most = 0;
    const { url, sockets } = await serve((_, response) => {
      most = Math.max(most, sockets.size);
      setImmediate(() => response.end('{}'));
    });
    const transport = transportTo(url, { maxSockets: 3 });
    await Promise.all(
      Array.from({ length: 30 }, async () => read((await transport.request({ method: 'GET', path: '/' })).body)),
    );
    expect(most).toBeLessThanOrEqual(3);
    expect(sockets.size).toBeGreaterThan(0);
  });

  test('streams take no places from calls', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/watch') response.write('{}\n');
      else response.end('{}');
    });
    const transport = transportTo(url, { maxSockets: 1 });
    const stop = new AbortController();
    const streams = await Promise.all(
      [1, 2, 3].map(() => transport.request({ method: 'GET', path: '/watch', stream: true, signal: stop.signal })),
    );
    expect(await read((await transport.request({ method: 'GET', path: '/call' })).body)).toBe('{}');
    const reading = streams.map(({ body }) => read(body));
    stop.abort(new Error('enough'));
    for (const one of await Promise.allSettled(reading))
      expect(one).toMatchObject({ status: 'rejected', reason: new Error('enough') });
  });

  test('sends a read again where the server had closed the kept connection, but never a create', async () => {
    let isClosing = false;
    const seen: string[] = [];
    const { url } = await serve((request, response) => {
      seen.push(request.method ?? '');
      if (!isClosing) return response.end('{}');
      isClosing = false;
      request.socket.destroy();
    });
    const transport = transportTo(url, { maxSockets: 1 });
    const send = async (method: 'GET' | 'POST') => read((await transport.request({ method, path: '/' })).body);
    await send('GET');
    isClosing = true;
    expect(await send('GET')).toBe('{}');
    isClosing = true;
    const failure = await send('POST').catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 0, reason: 'ECONNRESET' });
    expect(mayHaveBeenSent(failure)).toBe(true);
    expect(seen).toEqual(['GET', 'GET', 'GET', 'POST']);
  });

  test('knows that a refused connection has sent nothing', async () => {
    const { url, server } = await serve(() => {});
    await new Promise((resolve) => server.close(resolve));
    const failure = await transportTo(url)
      .request({ method: 'POST', path: '/' })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 0, reason: 'ECONNREFUSED', retryable: true });
    expect(mayHaveBeenSent(failure)).toBe(false);
  });

  test('an answer that breaks off is an error, not an end', async () => {
    const { url } = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setImmediate(() => request.socket.destroy());
    });
    const { body } = await transportTo(url).request({ method: 'GET', path: '/' });
    await expect(read(body)).rejects.toMatchObject({ status: 0, retryable: true });
  });

  test('closes the connection when its reader breaks off', async () => {
    let closed = () => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { url } = await serve((request, response) => {
      request.socket.once('close', closed);
      response.write('x');
    });
    for await (const _ of (await transportTo(url).request({ method: 'GET', path: '/', stream: true })).body) break;
    await gone;
  });

  test('sends one header per impersonated group', async () => {
    const { url } = await serve((request, response) =>
      response.end(JSON.stringify(request.rawHeaders.filter((_, at, all) => all[at - 1] === 'impersonate-group'))),
    );
    const { body } = await transportTo(url).request({
      method: 'GET',
      path: '/',
      headers: { 'impersonate-group': 'a\ncn=b,dc=c' },
    });
    expect(await read(body)).toBe('["a","cn=b,dc=c"]');
  });

  test('gives new connections new certificates', async () => {
    const { url, sockets } = await serve((_, response) => response.end('{}'));
    let tls = { cert: 'one' };
    const transport = transportTo(url, { tls: () => Promise.resolve(tls) });
    const call = async () => read((await transport.request({ method: 'GET', path: '/' })).body);
    await call();
    await call();
    const [first] = sockets;
    tls = { cert: 'two' };
    await call();
    expect(sockets.has(first as Socket)).toBe(false);
  });

  test('goes through a proxy, and says so where it refuses', async () => {
    const { url } = await serve((_, response) => response.end('{"metadata":{}}'));
    const targets: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      targets.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      if (targets.length > 1) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const through = tcpConnect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      socket.once('error', () => {});
      through.once('error', () => {});
      cleanups.push(() => through.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => proxy.close());
    const proxyUrl = new URL(`http://u:p%20w@127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const client = new HttpKubeClient({ transport: transportTo(url, { proxy: proxyUrl }) });
    expect(await client.readPod('ns', 'p')).toEqual({ metadata: {} });
    expect(targets).toEqual([`${url.slice(7)} Basic ${Buffer.from('u:p w').toString('base64')}`]);
    const refused = transportTo(url, { proxy: proxyUrl });
    const failure = await refused.request({ method: 'POST', path: '/' }).catch((error: unknown) => error);
    expect(String(failure)).toContain('refused with 403');
    expect(mayHaveBeenSent(failure)).toBe(false);
  });

  test('gives up a connection that does not come about', async () => {
    // A full backlog never answers; where the system answers all the same, the silent server is cut by the headers' limit.
    const silent = createTcpServer((socket) => void cleanups.push(() => socket.destroy()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => silent.close());
    const transport = transportTo(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`, {
      connectTimeoutMs: 50,
    });
    const failure = await transport.request({ method: 'POST', path: '/' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 0 });
    expect(String(failure)).toContain('no connection within 50 ms');
    expect(mayHaveBeenSent(failure)).toBe(false);
  });
});

describe('the proxy of a server', () => {
  const env = {
    HTTPS_PROXY: 'http://proxy:3128',
    NO_PROXY: 'internal, .example.com,10.0.0.1:6443,10.96.0.0/12,fd00::/8',
  };
  test.each([
    ['https://kube.test', undefined, 'http://proxy:3128/'],
    ['https://kube.test', 'http://own:1', 'http://own:1/'],
    ['https://a.example.com', undefined, undefined],
    ['https://internal:6443', undefined, undefined],
    ['https://10.0.0.1:6443', undefined, undefined],
    ['https://10.0.0.1:7443', undefined, 'http://proxy:3128/'],
    ['https://10.96.0.1', undefined, undefined],
    ['https://10.112.0.1', undefined, 'http://proxy:3128/'],
    ['https://[fd00::1]', undefined, undefined],
    ['https://[fe80::1]', undefined, 'http://proxy:3128/'],
    ['https://127.0.0.1:6443', undefined, undefined],
    ['http://kube.test', undefined, undefined],
  ])('%s with %s', (server, own, expected) => {
    expect(proxyFor(server, own, env)?.href).toBe(expected);
  });

  test('must have an http URL, which is not quoted', () => {
    expect(() => proxyFor('https://a', 'socks5://user:hunter2@b', {})).toThrow(/^(?!.*hunter2).*http or https URL/);
  });
});
