import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { KubeConfigError } from '../../src/errors.js';
import { connectTransport } from '../../src/kube/connect.js';
import * as transports from '../../src/kube/https-transport.js';

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

/** The TLS material that a connection would get. */
async function tlsOf(options: Parameters<typeof connectTransport>[0]): Promise<transports.TlsOptions> {
  const built = vi.spyOn(transports, 'HttpsTransport');
  try {
    const { transport } = await connectTransport({ kubeconfig, ...options });
    await transport.close?.();
    const { tls } = built.mock.calls[0]?.[0] ?? {};
    return typeof tls === 'function' ? await tls() : (tls ?? {});
  } finally {
    built.mockRestore();
  }
}

describe('whom a connection trusts', () => {
  it('is what the kubeconfig says, unless something else is asked for', async () => {
    expect(await tlsOf({})).toMatchObject({ ca: 'FROM FILE', insecureSkipTlsVerify: false });
  });

  it('is a file of one’s own, read again for each connection', async () => {
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, 'MINE');
    expect(await tlsOf({ caFile })).toMatchObject({ ca: 'MINE' });
    writeFileSync(caFile, 'RENEWED');
    expect(await tlsOf({ caFile })).toMatchObject({ ca: 'RENEWED' });
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
