import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import {
  beginWatch,
  step,
  type WatchFailure,
  type WatchInput,
  type WatchState,
  type WatchStep,
} from '../../src/watch/list-watch-step.js';

const random = seededRandom(7);
const at = (now: number) => ({ now, random });
const failure = (status: number, more: Partial<WatchFailure> = {}): WatchFailure => ({
  status,
  reason: '',
  message: '',
  ...more,
});
const watching = (more: Partial<WatchState> = {}): WatchState => ({ ...beginWatch('50').state, ...more });
const listing = (more: Partial<WatchState> = {}): WatchState => ({ ...beginWatch().state, ...more });

function delayOf({ command }: WatchStep): number {
  if (command.type === 'read') throw new Error('no delay');
  return command.afterMs;
}

describe('a watch', () => {
  test('begins with a list, or with the version it is to resume from', () => {
    expect(beginWatch().command).toEqual({ type: 'list', pageToken: undefined, afterMs: 0 });
    expect(beginWatch('9').command).toEqual({ type: 'open', resourceVersion: '9', afterMs: 0 });
  });

  test('goes from page to page and then opens the stream at the version of the list', () => {
    const first = step(listing(), { type: 'page', resourceVersion: '10', next: 't' }, at(0));
    expect(first).toMatchObject({ isAccepted: true, command: { type: 'list', pageToken: 't', afterMs: 0 } });
    const last = step(first.state, { type: 'page', resourceVersion: '10', next: undefined }, at(0));
    expect(last).toMatchObject({ isAccepted: true, command: { type: 'open', resourceVersion: '10', afterMs: 0 } });
  });

  test('remembers the version of each event and bookmark', () => {
    const next = step(watching({ stuck: 3, expired: 2 }), { type: 'progress', resourceVersion: '51' }, at(0));
    expect(next).toMatchObject({ state: { resourceVersion: '51', stuck: 0, expired: 0 }, command: { type: 'read' } });
  });

  test.each([0, -1, 408, 429, 500, 503, 401, 403, 404])('resumes from the same version after %i', (status) => {
    const next = step(watching(), { type: 'failed', failure: failure(status) }, at(1_000));
    expect(next).toMatchObject({ command: { type: 'open', resourceVersion: '50' }, restart: 'error' });
    expect(delayOf(next)).toBeGreaterThanOrEqual(400);
  });

  test.each([401, 403, 404])('reports %i', (status) => {
    expect(step(watching(), { type: 'failed', failure: failure(status) }, at(0)).trouble?.status).toBe(status);
  });

  test.each([400, 422])('lists again where the server does not understand the version (%i)', (status) => {
    expect(step(watching(), { type: 'failed', failure: failure(status) }, at(0)).command.type).toBe('list');
  });

  test('lists at once after the first 410, with delay after the next, at once again after progress', () => {
    const first = step(watching(), { type: 'failed', failure: failure(410) }, at(0));
    expect(first).toMatchObject({ command: { type: 'list', afterMs: 0 }, restart: 'gone' });
    const listed = step(first.state, { type: 'page', resourceVersion: '60', next: undefined }, at(0));
    const second = step(listed.state, { type: 'failed', failure: failure(410) }, at(0));
    expect(delayOf(second)).toBeGreaterThan(0);
    const alive = step(listed.state, { type: 'progress', resourceVersion: '61' }, at(0));
    expect(delayOf(step(alive.state, { type: 'failed', failure: failure(410) }, at(0)))).toBe(0);
  });

  test('lists without a version where the server is behind it', () => {
    const tooNew = failure(504, { message: 'Timeout: Too large resource version: 9, current: 5', retryAfterMs: 1_000 });
    const next = step(watching(), { type: 'failed', failure: tooNew }, at(0));
    expect(next).toMatchObject({ command: { type: 'list' }, state: { resourceVersion: undefined } });
    expect(delayOf(next)).toBeGreaterThanOrEqual(1_000);
  });

  test('waits as long as the server asks', () => {
    const input: WatchInput = { type: 'failed', failure: failure(429, { retryAfterMs: 7_000 }) };
    expect(delayOf(step(watching(), input, at(0)))).toBe(7_000);
  });

  test('suspects its version after five failures without progress, but not where nobody answers', () => {
    const afterFive = (status: number) => {
      let state = watching();
      for (let count = 1; count < 5; count += 1)
        state = step(state, { type: 'failed', failure: failure(status) }, at(0)).state;
      return step(state, { type: 'failed', failure: failure(status) }, at(0));
    };
    expect(afterFive(500)).toMatchObject({ command: { type: 'list' }, restart: 'stuck' });
    expect(afterFive(0).command.type).toBe('open');
    expect(afterFive(429).command.type).toBe('open');
  });

  test('reopens at once after a good end, and with delay where the stream had no life', () => {
    expect(step(watching(), { type: 'ended', livedMs: 5_000, hadEvents: false }, at(0))).toMatchObject({
      command: { type: 'open', afterMs: 0 },
      restart: 'ended',
    });
    const short = step(watching(), { type: 'ended', livedMs: 10, hadEvents: false }, at(0));
    expect(short.restart).toBe('short');
    expect(delayOf(short)).toBeGreaterThan(0);
  });

  test('reopens a silent stream', () => {
    expect(step(watching(), { type: 'silent' }, at(0))).toMatchObject({
      command: { type: 'open', resourceVersion: '50' },
      restart: 'silent',
    });
  });

  test('keeps its place in a list that failed on the way, but not in one that was lost', () => {
    const midway = listing({ pageToken: 't' });
    expect(step(midway, { type: 'list-failed', failure: failure(503) }, at(0)).command).toMatchObject({
      type: 'list',
      pageToken: 't',
    });
    expect(step(midway, { type: 'list-failed', failure: failure(410) }, at(0)).command).toMatchObject({
      type: 'list',
      pageToken: undefined,
      afterMs: 0,
    });
    expect(step(midway, { type: 'list-failed', failure: failure(403) }, at(0))).toMatchObject({
      command: { pageToken: undefined },
      trouble: { status: 403 },
    });
  });

  test('refuses a list that is behind what it has seen, but not for ever', () => {
    let state = listing({ resourceVersion: '50' });
    for (let count = 1; count <= 5; count += 1) {
      const next = step(state, { type: 'page', resourceVersion: '49', next: undefined }, at(0));
      expect(next).toMatchObject({ isAccepted: false, restart: 'stale', command: { type: 'list' } });
      state = next.state;
    }
    expect(step(state, { type: 'page', resourceVersion: '49', next: undefined }, at(0))).toMatchObject({
      isAccepted: true,
      command: { type: 'open', resourceVersion: '49' },
    });
  });

  test('delays grow to 30 s and start small again after two quiet minutes', () => {
    let state = watching();
    let next = step(state, { type: 'silent' }, at(0));
    for (let count = 0; count < 12; count += 1)
      next = step(next.state, { type: 'failed', failure: failure(0) }, at(count));
    expect(delayOf(next)).toBeGreaterThanOrEqual(15_000);
    state = next.state;
    expect(delayOf(step(state, { type: 'silent' }, at(130_000)))).toBeLessThanOrEqual(800);
  });

  test('that is well for ten times as long as it had waited starts small again', () => {
    const cutEvery = (ms: number) => {
      let next = beginWatch('50');
      for (let count = 1; count <= 20; count += 1)
        next = step(next.state, { type: 'failed', failure: failure(0) }, at(count * ms));
      return delayOf(next);
    };
    expect(cutEvery(30_000)).toBeLessThanOrEqual(800);
    expect(cutEvery(9_000)).toBeLessThanOrEqual(800);
    expect(cutEvery(7_000)).toBeGreaterThanOrEqual(15_000);
  });

  describe('that lists by stream', () => {
    const streaming = (more: Partial<WatchState> = {}): WatchState => ({
      ...beginWatch(undefined, true).state,
      ...more,
    });

    test('opens the stream without a version, and watches on in it when the list is whole', () => {
      expect(beginWatch(undefined, true).command).toEqual({ type: 'open', resourceVersion: undefined, afterMs: 0 });
      expect(
        step(streaming(), { type: 'progress', resourceVersion: '7' }, at(0)).state.resourceVersion,
      ).toBeUndefined();
      const next = step(streaming({ stale: 2, stuck: 1 }), { type: 'streamed', resourceVersion: '90' }, at(0));
      expect(next).toMatchObject({
        state: { phase: 'watching', resourceVersion: '90', stuck: 0, stale: 0 },
        command: { type: 'read' },
      });
    });

    test.each([400, 405, 422, 501])('lists by pages from now on where the server answers %i', (status) => {
      const next = step(streaming(), { type: 'failed', failure: failure(status) }, at(0));
      expect(next).toMatchObject({ state: { canStream: false }, command: { type: 'list', afterMs: 0 } });
      expect(next.trouble).toBeUndefined();
    });

    test('lists by pages where the stream stays silent, as one does that was taken for a plain watch', () => {
      expect(step(streaming(), { type: 'silent' }, at(0)).command.type).toBe('list');
    });

    test.each([
      ['failures', { type: 'failed', failure: failure(500) } as const, 'list'],
      ['early ends', { type: 'ended', livedMs: 5_000, hadEvents: true } as const, 'list'],
      ['a server that is not there', { type: 'failed', failure: failure(0) } as const, 'open'],
    ])('after three %s', (_, input, expected) => {
      let now = beginWatch(undefined, true);
      for (let count = 1; count <= 3; count += 1) {
        expect(now.command.type).toBe('open');
        now = step(now.state, input, at(count));
        expect(delayOf(now)).toBeGreaterThan(0);
      }
      expect(now.command.type).toBe(expected);
    });

    test('lists by stream again after a 410', () => {
      const next = step(watching({ canStream: true }), { type: 'failed', failure: failure(410) }, at(0));
      expect(next).toMatchObject({
        command: { type: 'open', resourceVersion: undefined, afterMs: 0 },
        restart: 'gone',
        state: { phase: 'streaming', resourceVersion: '50' },
      });
    });
  });

  test('always goes on, whatever happens in whatever order', () => {
    const input: fc.Arbitrary<WatchInput> = fc.oneof(
      fc.record({
        type: fc.constant('page' as const),
        resourceVersion: fc.nat(200).map(String),
        next: fc.option(fc.constant('t'), { nil: undefined }),
      }),
      fc.record({
        type: fc.constantFrom('failed' as const, 'list-failed' as const),
        failure: fc.constantFrom(-1, 0, 400, 401, 403, 404, 410, 429, 500, 504).map((status) => failure(status)),
      }),
      fc.record({ type: fc.constant('progress' as const), resourceVersion: fc.nat(200).map(String) }),
      fc.record({ type: fc.constant('ended' as const), livedMs: fc.nat(3_000), hadEvents: fc.boolean() }),
      fc.constant({ type: 'silent' as const }),
      fc.record({ type: fc.constant('streamed' as const), resourceVersion: fc.nat(200).map(String) }),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), fc.boolean(), (inputs, canStream) => {
        let now = beginWatch(undefined, canStream);
        inputs.forEach((one, index) => {
          const isListing = now.command.type === 'list';
          // Only inputs that can happen in this phase.
          if (isListing !== (one.type === 'page' || one.type === 'list-failed')) return;
          if (one.type === 'streamed' && now.state.phase !== 'streaming') return;
          now = step(now.state, one, at(index * 100));
          if (now.command.type !== 'read') expect(now.command.afterMs).toBeLessThanOrEqual(30_000);
          expect(now.state.phase === 'listing').toBe(now.command.type === 'list');
          if (now.command.type === 'open')
            expect(now.state.phase).toBe(now.command.resourceVersion === undefined ? 'streaming' : 'watching');
        });
      }),
    );
  });
});
