import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HttpsTransport } from '../../src/kube/https-transport.js';

let server: Server;
beforeAll(async () => {
  // The whole answer in one packet: its end is there when its first piece is read.
  server = createServer((_, response) =>
    response.socket?.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.closeAllConnections());

it('a stream that is given up as it ends leaves no error that nobody hears', async () => {
  const unheard: unknown[] = [];
  const note = (error: unknown) => unheard.push(error);
  process.on('uncaughtException', note);
  const transport = new HttpsTransport({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  for (let i = 0; i < 20; i++) {
    const given = new AbortController();
    const response = await transport.request({ method: 'GET', path: '/', stream: true, signal: given.signal });
    const body = response.body[Symbol.asyncIterator]();
    await body.next();
    given.abort(new Error('given up'));
    await body.next().catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
  }
  await transport.close();
  process.off('uncaughtException', note);
  expect(unheard).toEqual([]);
});
