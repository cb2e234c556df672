import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { KubeConfigError } from '../../src/errors.js';
import { connectTransport } from '../../src/kube/connect.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import * as transports from '../../src/kube/https-transport.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

let folder: string;
let kubeconfig: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
  kubeconfig = join(folder, 'config');
  const cluster = {
    server: 'https://127.0.0.1:1',
    'certificate-authority-data': Buffer.from('FROM FILE').toString('base64'),
  };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: 't' } }],
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

type Options = Parameters<typeof connectTransport>[0];

/** Where a connection gets its TLS material. */
async function tlsSource(options: Options): Promise<() => Promise<transports.TlsOptions>> {
  const built = vi.spyOn(transports, 'HttpsTransport');
  try {
    const { transport } = await connectTransport({ kubeconfig, ...options });
    await transport.close?.();
    const { tls } = built.mock.calls[0]?.[0] ?? {};
    return async () => (typeof tls === 'function' ? tls() : (tls ?? {}));
  } finally {
    built.mockRestore();
  }
}

/** The TLS material that a connection would get. */
const tlsOf = async (options: Options) => (await tlsSource(options))();

describe('whom a connection trusts', () => {
  it('is what the kubeconfig says, unless something else is asked for', async () => {
    expect(await tlsOf({})).toMatchObject({ ca: 'FROM FILE', insecureSkipTlsVerify: false });
  });

  it('is a file of one’s own, read again every minute', async () => {
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, 'MINE');
    const clock = new VirtualClock();
    const tls = await tlsSource({ caFile, clock });
    const first = await tls();
    expect(first).toMatchObject({ ca: 'MINE' });
    writeFileSync(caFile, 'RENEWED');
    expect(await tls()).toBe(first);
    await clock.advance(60_000);
    expect(await tls()).toMatchObject({ ca: 'RENEWED' });
  });

  it('is anybody only where that was asked for, and then it is said', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    expect(await tlsOf({ insecureSkipTlsVerify: true, logger })).toMatchObject({ insecureSkipTlsVerify: true });
    expect(logger.warn).toHaveBeenCalledOnce();
  });

  it('is refused at once where the file cannot be read', async () => {
    const caFile = join(folder, 'none.pem');
    await expect(connectTransport({ kubeconfig, caFile })).rejects.toThrowError(KubeConfigError);
  });
});

describe('a connection', () => {
  it('carries many calls, whatever it trusts and wherever its credentials come from', async () => {
    let connections = 0;
    const server = createServer((request, response) => {
      request.resume();
      response.setHeader('content-type', 'application/json').end('{"metadata":{},"items":[]}');
    });
    server.on('connection', () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromOptions({
      clusters: [{ name: 'c', server: url, skipTLSVerify: true }],
      users: [{ name: 'u', token: 't' }],
      contexts: [{ name: 'c', cluster: 'c', user: 'u' }],
      currentContext: 'c',
    });
    const plain = join(folder, 'plain');
    const caFile = join(folder, 'kept.pem');
    writeFileSync(caFile, 'MINE');
    writeFileSync(
      plain,
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority': caFile } }],
        users: [{ name: 'u', user: { token: 't' } }],
      }),
    );
    const ways: Options[] = [
      { kubeconfig: plain },
      { kubeconfig: plain, caFile },
      { kubeconfig: plain, insecureSkipTlsVerify: true },
      { kubeConfig },
    ];
    for (const options of ways) {
      connections = 0;
      const client = await HttpKubeClient.connect(options);
      for (let call = 0; call < 5; call += 1) await client.listPods();
      await client.close();
      expect(connections, JSON.stringify(Object.keys(options))).toBe(1);
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
