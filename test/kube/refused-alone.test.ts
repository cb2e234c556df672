import { expect, it } from 'vitest';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';

it('a call that is refused again and again while others are served holds up only itself', async () => {
  const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none', seed: 1 });
  const clock = cluster.clock as VirtualClock;
  const kube = new HttpKubeClient({ transport: cluster.transport(), clock });
  const manifest = { metadata: { name: 'stays' }, spec: { containers: [{ name: 'a', image: 'b' }] } };
  const { metadata } = await kube.createPod('default', manifest);
  cluster.faults.add({ verb: 'delete', resource: 'pods', times: 4, status: 429, retryAfter: 10 });
  const deleted = kube.deletePod('default', 'stays', { uid: metadata?.uid });
  let reads = 0;
  const readOn = async () => {
    for (; reads < 100; reads += 1) {
      await kube.readPod('default', 'stays');
      await clock.delay(100);
    }
  };
  const all = readOn();
  // Once everybody waits for as long as the server says, and no more after that.
  await clock.advance('22s');
  expect(reads).toBe(100);
  await all;
  await clock.advance('30s');
  expect(await deleted).toBe(true);
  await kube.close();
  await cluster.stop();
});
