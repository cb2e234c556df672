import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { seededRandom } from '../../src/core/random.js';
import { LeaseLostError } from '../../src/errors.js';
import type { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { LeaderElector } from '../../src/lease/leader-elector.js';
import { LeaseHolder, type LeaseHolderOptions } from '../../src/lease/lease-holder.js';
import { isFree, lookAt } from '../../src/lease/lease-sight.js';
import { rendezvousOwner } from '../../src/lease/rendezvous.js';
import { FakeCluster, type VirtualClock } from '../../src/testing/index.js';

let cluster: FakeCluster<VirtualClock>;
let client: HttpKubeClient;
beforeEach(async () => {
  cluster = await FakeCluster.start({ seed: 1, clock: 'virtual', kubelet: 'none' });
  client = cluster.kubeClient();
});
afterEach(() => cluster.stop());

const holder = (identity: string, more: Partial<LeaseHolderOptions> = {}) =>
  new LeaseHolder({
    client,
    clock: cluster.clock,
    random: seededRandom(1),
    logger: silentLogger,
    namespace: 'default',
    name: 'work',
    identity,
    durationMs: 15_000,
    ...more,
  });

describe('a sight of a lease', () => {
  const lease = (renewTime: string, holderIdentity = 'a') => ({
    metadata: { name: 'x', uid: 'u' },
    spec: { holderIdentity, renewTime, leaseDurationSeconds: 15 },
  });

  it('is judged by how long it has not changed before our eyes, whatever its time says', () => {
    const first = lookAt(undefined, lease('1999-01-01T00:00:00.000000Z'), 1_000);
    expect(isFree(first, 1_001)).toBe(false);
    expect(isFree(lookAt(first, lease('1999-01-01T00:00:00.000000Z'), 15_999), 15_999)).toBe(false);
    expect(isFree(lookAt(first, lease('1999-01-01T00:00:00.000000Z'), 16_000), 16_000)).toBe(true);
    expect(isFree(lookAt(first, lease('1999-01-01T00:00:05.000000Z'), 15_999), 16_000)).toBe(false);
  });

  it('is free where it was given back', () => {
    expect(isFree(lookAt(undefined, lease('2026-01-01T00:00:00.000000Z', ''), 0), 0)).toBe(true);
  });
});

describe('a lease holder', () => {
  it('wakes whoever waits since a doubt that has ended by itself: the clock was set, and set back', async () => {
    let setBy = 0;
    const { clock } = cluster;
    const skewed = {
      now: () => clock.now() + setBy,
      monotonic: () => clock.monotonic(),
      schedule: clock.schedule.bind(clock),
      delay: clock.delay.bind(clock),
    };
    const held: number[] = [];
    const one = holder('a', { clock: skewed, onHeld: (term) => void held.push(term) });
    one.start();
    await clock.advance('1s');
    setBy = 3_600_000;
    expect(one.isHeld).toBe(false);
    let isSure = false;
    const confirmed = one.confirm().then(() => {
      isSure = true;
    });
    await clock.advance('1s');
    setBy = 0;
    await clock.advance('10s');
    expect(isSure).toBe(true);
    expect(held).toEqual([1, 1]);
    await confirmed;
    await one.release();
  });

  it('has the lease at once where there is none, and keeps it; a second one waits until it is given back', async () => {
    const [a, b] = [holder('a'), holder('b')];
    a.start();
    await cluster.clock.advance('1s');
    b.start();
    await cluster.clock.advance('10m');
    expect([a.isHeld, b.isHeld]).toEqual([true, false]);
    await a.release();
    await cluster.clock.advance('6s');
    expect(b.isHeld).toBe(true);
    const lease = await client.readLease('default', 'work');
    expect(lease?.spec).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 1 });
    expect(lease?.spec?.renewTime).toMatch(/\.\d{6}Z$/);
    await b.release({ remove: true });
    expect(await client.readLease('default', 'work')).toBeUndefined();
  });

  it('counts as not held, before anybody can take it, once it cannot be renewed; the same term goes on where nobody has', async () => {
    const terms: number[] = [];
    const a = holder('a', { onHeld: (term) => terms.push(term) });
    a.start();
    await cluster.clock.advance('1s');
    cluster.faults.add({ status: 503, resource: 'leases' });
    await cluster.clock.advance('12s');
    expect(a.isHeld).toBe(false);
    let isConfirmed = false;
    const confirmed = a.confirm().then(() => {
      isConfirmed = true;
    });
    await cluster.clock.advance('1s');
    expect(isConfirmed).toBe(false);
    cluster.faults.clear();
    await cluster.clock.advance('5s');
    await confirmed;
    expect([a.isHeld, terms]).toEqual([true, [1, 1]]);
    await a.release();
  });

  it('does not trust a monotonic clock that stood still while the machine slept', async () => {
    const { clock } = cluster;
    let sleptMs = 0;
    const a = holder('a', { clock: { ...clockOf(clock), now: () => clock.now() + sleptMs } });
    a.start();
    await clock.advance('1s');
    expect(a.isHeld).toBe(true);
    sleptMs = 60_000;
    expect(a.isHeld).toBe(false);
    await a.release();
  });

  it('ends what waits for it once somebody else has had it', async () => {
    const lost: string[] = [];
    const a = holder('a', { onLost: (term, by) => lost.push(`${term} ${by}`) });
    a.start();
    await cluster.clock.advance('1s');
    const lease = await client.readLease('default', 'work');
    cluster.faults.add({ drop: true, resource: 'leases', verb: 'update' });
    await cluster.clock.advance('12s');
    const confirmed = a.confirm().catch((error: unknown) => error);
    cluster.faults.clear();
    await client.replaceLease('default', 'work', {
      ...lease,
      metadata: {
        ...lease?.metadata,
        resourceVersion: (await client.readLease('default', 'work'))?.metadata?.resourceVersion,
      },
      spec: { ...lease?.spec, holderIdentity: 'b' },
    } as never);
    await cluster.clock.advance('5s');
    expect(await confirmed).toBeInstanceOf(LeaseLostError);
    expect(lost).toEqual(['1 b']);
    expect(a.isHeld).toBe(false);
    // b has gone silent: after its duration the lease is a's again, in a new term.
    await cluster.clock.advance('20s');
    expect([a.isHeld, a.currentTerm]).toEqual([true, 2]);
    await a.release();
  });
});

describe('a lease that somebody of the same name has by now', () => {
  it('is not given back by the one before, whose news are old', async () => {
    const before = holder('a');
    before.start();
    await cluster.clock.advance('1s');
    // Its own version of the lease is outdated by then, so that it reads what it is to give back.
    const lease = await client.readLease('default', 'work');
    const { spec = {}, metadata = {} } = lease ?? {};
    await client.replaceLease('default', 'work', {
      ...lease,
      metadata,
      spec: { ...spec, leaseTransitions: (spec.leaseTransitions ?? 0) + 1 },
    });
    const released = before.release();
    await cluster.clock.advance('20s');
    await released;
    expect((await client.readLease('default', 'work'))?.spec?.holderIdentity).toBe('a');
  });

  it('says so in the log where its namespace is missing', async () => {
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, text: string) => void warned.push(text) };
    const lost = holder('a', { namespace: 'missing', logger });
    lost.start();
    await cluster.clock.advance('5s');
    expect(warned).toContain('a lease could not be renewed');
    await lost.release();
  });
});

describe('a leader elector', () => {
  const elector = (identity: string) =>
    new LeaderElector({ kubeClient: client, name: 'boss', identity, clock: cluster.clock, random: seededRandom(2) });

  it('lets one lead at a time, and the next one when it stops', async () => {
    const told: string[] = [];
    const stop = new AbortController();
    const lead = (name: string) => async (signal: AbortSignal) => {
      told.push(`${name} leads`);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      told.push(`${name} stops`);
    };
    const first = elector('a').run(lead('a'), { signal: stop.signal });
    await cluster.clock.advance('1s');
    const endB = new AbortController();
    const second = elector('b').run(lead('b'), { signal: endB.signal });
    await cluster.clock.advance('5m');
    expect(told).toEqual(['a leads']);
    stop.abort();
    await cluster.clock.advance('10s');
    await first;
    expect(told).toEqual(['a leads', 'a stops', 'b leads']);
    endB.abort();
    await cluster.clock.advance('10s');
    await second;
  });

  it('aborts the work of a leader that can no longer renew', async () => {
    const stop = new AbortController();
    let reason: unknown;
    const one = elector('a');
    const run = one.run(
      (signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            reason ??= signal.reason;
            resolve();
          }),
        ),
      { signal: stop.signal },
    );
    await cluster.clock.advance('1s');
    expect(one.isLeader).toBe(true);
    cluster.faults.add({ drop: true, resource: 'leases' });
    await cluster.clock.advance('14s');
    expect(one.isLeader).toBe(false);
    expect(reason).toBeInstanceOf(LeaseLostError);
    stop.abort();
    cluster.faults.clear();
    await cluster.clock.advance('1m');
    await run;
  });

  it('begins a second run once the first has stopped, and not at all where nobody wants it by then', async () => {
    const told: string[] = [];
    const one = elector('a');
    const runs = ['first', 'second', 'third', 'fourth'].map((name) => {
      const stop = new AbortController();
      const lead = async (signal: AbortSignal) => {
        told.push(`${name} leads`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        await cluster.clock.delay(5_000);
        told.push(`${name} stops`);
      };
      return { stop, done: one.run(lead, { signal: stop.signal }) };
    });
    const [first, second, third, fourth] = runs;
    await cluster.clock.advance('1m');
    expect(told).toEqual(['first leads']);
    second?.stop.abort();
    await second?.done;
    await cluster.clock.advance('1m');
    expect(told).toEqual(['first leads']);
    for (const { stop } of [first, third, fourth].flatMap((run) => run ?? [])) {
      stop.abort();
      await cluster.clock.advance('30s');
    }
    await Promise.all(runs.map(({ done }) => done));
    expect(told.filter((what) => what.endsWith('leads'))).toEqual(['first leads', 'third leads', 'fourth leads']);
    expect(told.map((what) => what.split(' ')[1])).toEqual(['leads', 'stops', 'leads', 'stops', 'leads', 'stops']);
  });

  it('says what is wrong with its options', () => {
    expect(() => new LeaderElector({ kubeClient: {}, name: 'No Name', duration: '1.5s' })).toThrow(
      /name.*kubeClient.*duration/s,
    );
  });
});

describe('rendezvous hashing', () => {
  const members = ['a', 'b', 'c', 'd'];
  const keys = Array.from({ length: 4_000 }, (_, index) => `task-${index}`);

  it('shares out evenly, the same for every order of members', () => {
    const counts = new Map<string, number>();
    for (const key of keys) {
      const owner = rendezvousOwner(key, members) as string;
      expect(rendezvousOwner(key, [...members].reverse())).toBe(owner);
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    for (const member of members) expect(counts.get(member)).toBeGreaterThan(850);
  });

  it('moves only what fell to the one that went', () => {
    for (const key of keys) {
      const before = rendezvousOwner(key, members);
      const after = rendezvousOwner(key, ['a', 'b', 'd']);
      if (before !== 'c') expect(after).toBe(before);
    }
    expect(rendezvousOwner('x', [])).toBeUndefined();
  });
});

const clockOf = (clock: VirtualClock) => ({
  now: () => clock.now(),
  monotonic: () => clock.monotonic(),
  schedule: (ms: number, callback: () => void) => clock.schedule(ms, callback),
  delay: (ms: number, options?: { signal?: AbortSignal }) => clock.delay(ms, options),
});
