import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CallPriority, FlowControl } from '../../src/kube/flow-control.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

function start(options: ConstructorParameters<typeof FlowControl>[0] = {}) {
  const clock = new VirtualClock();
  const flow = new FlowControl(options, clock);
  const started: string[] = [];
  const releases = new Map<string, () => void>();
  const call = (name: string, priority: CallPriority = 'normal', signal?: AbortSignal) =>
    flow.acquire(priority, signal).then((release) => {
      started.push(name);
      releases.set(name, release);
    });
  const end = async (name: string) => {
    releases.get(name)?.();
    await clock.settle();
  };
  return { clock, flow, started, call, end };
}

describe('flow control', () => {
  test('bounds calls under way, and lets deletes and leases go first', async () => {
    const { clock, started, call, end } = start({ maxInFlight: 1 });
    void call('first');
    void call('create', 'low');
    void call('read');
    void call('delete', 'high');
    await clock.settle();
    expect(started).toEqual(['first']);
    await end('first');
    await end('delete');
    await end('read');
    expect(started).toEqual(['first', 'delete', 'read', 'create']);
  });

  test('keeps places free of creates', async () => {
    const { clock, flow, started, call } = start({ maxInFlight: 8 });
    for (let index = 0; index < 20; index += 1) void call(`create ${index}`, 'low');
    await clock.settle();
    expect(flow.inFlight).toBe(6);
    void call('lease', 'high');
    await clock.settle();
    expect(started.at(-1)).toBe('lease');
  });

  test('halves on 429, once per overload, and grows back with success', async () => {
    const { clock, flow } = start({ maxInFlight: 16 });
    for (let index = 0; index < 5; index += 1) flow.throttled(undefined);
    expect(flow.limit).toBe(8);
    await clock.advance('2s');
    flow.throttled(undefined);
    expect(flow.limit).toBe(4);
    for (let index = 0; index < 300; index += 1) flow.succeeded('normal');
    expect(flow.limit).toBe(16);
  });

  test('holds up all calls for as long as the server asks', async () => {
    const { clock, flow, started, call } = start();
    flow.throttled(5_000);
    void call('a');
    void call('b', 'high');
    await clock.advance(4_999);
    expect(started).toEqual([]);
    await clock.advance(1);
    expect(started.sort()).toEqual(['a', 'b']);
    expect(clock.pending).toBe(0);
  });

  test('pauses for half a minute at most', async () => {
    const { clock, flow, started, call } = start();
    flow.throttled(3_600_000);
    void call('a');
    await clock.advance('29s');
    expect(started).toEqual([]);
    await clock.advance('1s');
    expect(started).toEqual(['a']);
  });

  test('lets leases through while all else waits, four at a time', async () => {
    const { clock, flow, started, call, end } = start({ maxInFlight: 1 });
    void call('hangs');
    flow.throttled(30_000);
    void call('delete', 'high');
    for (const name of ['1', '2', '3', '4', '5']) void call(name, 'lease');
    await clock.settle();
    expect(started).toEqual(['hangs', '1', '2', '3', '4']);
    await end('1');
    expect(started.at(-1)).toBe('5');
    await end('hangs');
    expect([flow.inFlight, flow.waiting, started.at(-1)]).toEqual([0, 1, '5']);
    await clock.advance('30s');
    expect(started.at(-1)).toBe('delete');
  });

  test('keeps to a rate with bursts', async () => {
    const { clock, started, call } = start({ rate: 10, burst: 5, maxInFlight: 1_000 });
    for (let index = 0; index < 50; index += 1) void call(`${index}`);
    await clock.settle();
    expect(started).toHaveLength(5);
    await clock.advance('1s');
    expect(started.length).toBeGreaterThanOrEqual(14);
    expect(started.length).toBeLessThanOrEqual(15);
    await clock.advance('10s');
    expect(started).toHaveLength(50);
  });

  test('forgets a call that is given up while it waits', async () => {
    const { clock, flow, call, end, started } = start({ maxInFlight: 1 });
    void call('first');
    const stop = new AbortController();
    const waiting = call('second', 'normal', stop.signal);
    stop.abort(new Error('no longer'));
    await expect(waiting).rejects.toThrow('no longer');
    expect(flow.waiting).toBe(0);
    await end('first');
    await clock.settle();
    expect([flow.inFlight, started]).toEqual([0, ['first']]);
  });

  test('never loses a place, whatever the order of calls and ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            priority: fc.constantFrom<CallPriority>('lease', 'high', 'normal', 'low'),
            isGivenUp: fc.boolean(),
            ms: fc.nat(50),
            isThrottled: fc.boolean(),
          }),
          { maxLength: 40 },
        ),
        async (calls) => {
          const clock = new VirtualClock();
          const flow = new FlowControl({ maxInFlight: 3 }, clock);
          let most = 0;
          const all = calls.map(async ({ priority, isGivenUp, ms, isThrottled }) => {
            const stop = new AbortController();
            if (isGivenUp) clock.schedule(ms, () => stop.abort());
            const release = await flow.acquire(priority, stop.signal).catch(() => undefined);
            if (release === undefined) return;
            most = Math.max(most, flow.inFlight);
            await clock.delay(ms);
            if (isThrottled) flow.throttled(10);
            else flow.succeeded('normal');
            release();
            release();
          });
          await clock.advance('1m');
          await Promise.all(all);
          expect([flow.inFlight, flow.waiting]).toEqual([0, 0]);
          expect(most).toBeLessThanOrEqual(3);
        },
      ),
      { numRuns: 50 },
    );
  });
});
