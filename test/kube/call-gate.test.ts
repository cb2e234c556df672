import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaseLostError } from '../../src/errors.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { fencedClient } from '../../src/lease/fenced-client.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';

/** A lease, as far as a client looks at it. */
class Lease {
  isHeld = true;
  currentTerm = 1;
  #wake: (() => void)[] = [];

  async confirm(term = this.currentTerm): Promise<void> {
    while (!this.isHeld && this.currentTerm === term) await new Promise<void>((wake) => this.#wake.push(wake));
    if (this.currentTerm !== term) throw new LeaseLostError('work', 'somebody else');
  }

  turns(state: Partial<Pick<Lease, 'isHeld' | 'currentTerm'>>): void {
    Object.assign(this, state);
    for (const wake of this.#wake.splice(0)) wake();
  }
}

let cluster: FakeCluster<VirtualClock>;
let kube: HttpKubeClient;
let lease: Lease;
let uid: string | undefined;
beforeEach(async () => {
  cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none', seed: 1 });
  kube = new HttpKubeClient({ transport: cluster.transport(), clock: cluster.clock, flowControl: { maxInFlight: 1 } });
  lease = new Lease();
  const manifest = { metadata: { name: 'stays' }, spec: { containers: [{ name: 'a', image: 'b' }] } };
  uid = (await kube.createPod('default', manifest)).metadata?.uid;
});
afterEach(async () => {
  await kube.close();
  await cluster.stop();
});

const deletes = () => cluster.requests.filter(({ method }) => method === 'DELETE').length;

describe('a write that is sent again', () => {
  /** Deletes the pod, which fails once; the lease is in doubt when its turn comes again. */
  const deleteInDoubt = async () => {
    cluster.faults.add({ verb: 'delete', resource: 'pods', times: 1, status: 503 });
    const deleted = fencedClient(kube, lease).deletePod('default', 'stays', { uid });
    const settled = deleted.catch((error: unknown) => error);
    await cluster.clock.advance(0);
    expect(deletes()).toBe(1);
    lease.turns({ isHeld: false });
    await cluster.clock.advance('20s');
    expect(deletes()).toBe(1);
    return { settled };
  };

  it('waits while the lease is in doubt, without keeping others from their turn', async () => {
    const { settled } = await deleteInDoubt();
    expect((await kube.readPod('default', 'stays'))?.metadata?.uid).toBe(uid);
    lease.turns({ isHeld: true });
    expect(await settled).toBe(true);
    expect(deletes()).toBe(2);
  });

  it('is not sent in another term than the one that it was asked for in', async () => {
    const { settled } = await deleteInDoubt();
    lease.turns({ currentTerm: 2, isHeld: true });
    expect(await settled).toBeInstanceOf(LeaseLostError);
    expect(deletes()).toBe(1);
  });

  it('fails at its deadline where the doubt lasts', async () => {
    const { settled } = await deleteInDoubt();
    await cluster.clock.advance('41s');
    expect(await settled).toMatchObject({ reason: 'Timeout', retryable: true });
  });
});

it('a write that waits for its turn is not sent where the lease is in doubt by then', async () => {
  cluster.faults.add({ verb: 'get', resource: 'pods', times: 1, latencyMs: 3_000 });
  const read = kube.readPod('default', 'stays');
  const deleted = fencedClient(kube, lease).deletePod('default', 'stays', { uid });
  await cluster.clock.advance('1s');
  lease.turns({ isHeld: false });
  await cluster.clock.advance('5s');
  await read;
  expect(deletes()).toBe(0);
  lease.turns({ isHeld: true });
  expect(await deleted).toBe(true);
});
