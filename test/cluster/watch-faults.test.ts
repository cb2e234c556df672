/** What happens to a real control plane while a watch runs: it is killed, stopped, cut off, compacted, and given other tokens. */
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BINARIES, OwnPlane } from './own-plane.js';

/** An outage of half a minute costs about eight tries; a flood would cost hundreds. */
const MOST_TRIES = 25;

describe.skipIf(BINARIES === undefined).each([true, false])('a watch, listing by stream: %s', (streamingList) => {
  const own = OwnPlane.use();

  /** What others do while the watch cannot see it. */
  async function meanwhile(): Promise<void> {
    await own.end('ending');
    await own.remove('going');
    await own.create('coming');
  }

  it('28: survives a kube-apiserver that is killed and started again', async () => {
    const { watcher, model } = await own.watch({ streamingList });
    const [requests, connections] = [own.requests, own.proxy.connections];
    await own.plane.kill('kube-apiserver');
    await expect.poll(() => watcher.status().restarts.error ?? 0).toBeGreaterThan(0);
    own.plane.revive('kube-apiserver');
    await own.plane.ready();
    await meanwhile();
    await own.agrees(model);
    expect(own.requests - requests).toBeLessThan(MOST_TRIES);
    expect(own.proxy.connections - connections).toBeLessThan(MOST_TRIES);
  });

  it('29: survives an etcd that is killed and started again with its data', async () => {
    const { model } = await own.watch({ streamingList });
    const requests = own.requests;
    await own.plane.kill('etcd');
    await expect(own.direct.createPod('default', {}, { timeoutMs: 2_000 })).rejects.toThrow();
    own.plane.revive('etcd');
    await own.plane.ready();
    await meanwhile();
    await own.agrees(model);
    expect(own.requests - requests).toBeLessThan(MOST_TRIES);
  });

  it('25: resumes where its sockets were cut, without a list', async () => {
    const { watcher, model } = await own.watch({ streamingList });
    const { lists } = watcher.status();
    own.proxy.isOpen = false;
    own.proxy.cut();
    await meanwhile();
    const connections = own.proxy.connections;
    await expect.poll(() => own.proxy.connections, { timeout: 20_000 }).toBeGreaterThan(connections);
    own.proxy.isOpen = true;
    await own.agrees(model);
    expect(watcher.status()).toMatchObject({ lists, restarts: { error: expect.any(Number) } });
    expect(own.proxy.connections - connections).toBeLessThan(MOST_TRIES);
  });

  it('26: finds by a list what was compacted away while it could not see', async () => {
    const { watcher, model } = await own.watch({ streamingList });
    const requests = own.requests;
    own.proxy.isOpen = false;
    own.proxy.cut();
    await meanwhile();
    await own.create('short');
    await own.remove('short');
    await own.compact();
    // Its cache still has the old versions; a new one begins where etcd does.
    await own.restart();
    own.proxy.isOpen = true;
    await own.agrees(model);
    expect(watcher.status().restarts.gone).toBeGreaterThan(0);
    expect(own.requests - requests).toBeLessThan(MOST_TRIES);
  });

  it('30: reads its token again when that was rotated', async () => {
    const { watcher, model } = await own.watch({ streamingList });
    own.plane.setTokens({ watch: 'second' });
    await own.restart();
    // Until the file changes too the server refuses, and says so.
    await expect.poll(() => watcher.status().lastError, { timeout: 45_000 }).toMatch(/Unauthorized/);
    writeFileSync(own.tokenFile, 'second');
    await meanwhile();
    await own.agrees(model);
    own.plane.setTokens({ watch: 'first' });
    writeFileSync(own.tokenFile, 'first');
    await own.restart();
  });

  it('is quiet while nothing happens', async () => {
    const requests = own.requests;
    await own.watch({ streamingList });
    // The passing of time is what is measured here.
    await delay(15_000);
    expect(own.requests - requests).toBe(streamingList ? 1 : 2);
  });
});

describe.skipIf(BINARIES === undefined)('a watch whose server stops in the middle', () => {
  const own = OwnPlane.use();

  it('25: notices the silence while the server is still stopped, tries again, and goes on when it does', async () => {
    const silenceMs = 4_000;
    // The bookmark that ends a list by stream starts the watchdog.
    const { watcher, model } = await own.watch({ streamingList: true, silenceMs });
    const { connections } = own.proxy;
    own.plane.signal('kube-apiserver', 'SIGSTOP');
    try {
      await expect
        .poll(() => watcher.status(), { timeout: 20_000 })
        .toMatchObject({ restarts: { silent: 1 }, lastError: expect.stringMatching(/nothing has come for [45] s/) });
      expect(watcher.status().silentMs).toBeGreaterThanOrEqual(silenceMs);
      // Nobody answers the new connection either: that is given up too, and said.
      await expect
        .poll(() => watcher.status(), { timeout: 30_000 })
        .toMatchObject({ restarts: { silent: 1, error: 1 }, lastError: expect.stringMatching(/no connection within/) });
      expect(own.proxy.connections - connections).toBeLessThanOrEqual(2);
    } finally {
      own.plane.signal('kube-apiserver', 'SIGCONT');
    }
    await own.plane.ready();
    await own.end('ending');
    await own.remove('going');
    await own.agrees(model);
    expect(watcher.status().lists).toBe(1);
  });
});
