import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import type { LogOptions, LogReader, PodReader } from '../../src/kube/kube-client.js';
import { followLog } from '../../src/kube/log-follower.js';
import { MAX_LOG_LINE_BYTES, splitLogLines } from '../../src/kube/log-lines.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import type { Pod } from '../../src/wire/types.js';

interface Stamped {
  readonly at: number;
  readonly text: string;
}

const START = Date.UTC(2026, 0, 1);
const time = (at: number) => new Date(START + at).toISOString().replace('Z', '123456Z');

/** A log server: all lines from sinceTime on, broken off where the script says. */
class ScriptedLogs {
  readonly requests: LogOptions[] = [];
  phase: 'waiting' | 'running' | 'ended' | 'gone' = 'ended';
  constructor(
    readonly lines: readonly Stamped[],
    /** For each request in turn: after how many bytes it breaks off, or an error; left out, it ends in good order. */
    readonly script: (number | Error | undefined)[] = [],
  ) {}

  async *readLog(_namespace: string, _pod: string, options: LogOptions = {}): AsyncGenerator<Uint8Array> {
    this.requests.push(options);
    const act = this.script.shift();
    if (act instanceof Error) throw act;
    const since = options.sinceTime === undefined ? Number.NEGATIVE_INFINITY : Date.parse(options.sinceTime) - START;
    const wanted = this.lines.filter(({ at }) => at >= since);
    const tail = options.tailLines === undefined ? wanted : wanted.slice(-options.tailLines);
    const bytes = Buffer.from(tail.map(({ at, text }) => `${time(at)} ${text}\n`).join(''));
    yield bytes.subarray(0, act ?? bytes.length);
    if (act !== undefined && act < bytes.length) throw new KubeApiError('reset', { status: 0, retryable: true });
  }

  readPod(): Promise<Pod | undefined> {
    if (this.phase === 'gone') return Promise.resolve(undefined);
    const state = { waiting: { waiting: {} }, running: { running: {} }, ended: { terminated: { exitCode: 0 } } }[
      this.phase
    ];
    return Promise.resolve({
      spec: { containers: [{ name: 'base' }], restartPolicy: 'Never' },
      status: { phase: this.phase === 'ended' ? 'Succeeded' : 'Running', containerStatuses: [{ name: 'base', state }] },
    });
  }
}

async function read(
  logs: ScriptedLogs,
  options: { follow?: boolean; tailLines?: number; clock?: VirtualClock } = {},
): Promise<string[]> {
  const clock = options.clock ?? new VirtualClock();
  const found: string[] = [];
  let done = false;
  let failure: unknown;
  const client = logs as unknown as LogReader & PodReader;
  const reading = (async () => {
    for await (const { text } of followLog(client, {
      namespace: 'ns',
      pod: 'p',
      container: 'base',
      random: seededRandom(1),
      ...options,
      clock,
    }))
      found.push(text);
  })();
  reading
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => {
      done = true;
    });
  await clock.settle();
  await clock.advanceUntil(() => done);
  if (failure !== undefined) throw failure;
  return found;
}

const lines = (count: number, everyMs = 300): Stamped[] =>
  Array.from({ length: count }, (_, index) => ({ at: index * everyMs, text: `line ${index}` }));
const texts = (all: readonly Stamped[]) => all.map(({ text }) => text);

describe('following a log', () => {
  test('gives each line once, wherever the connection breaks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ gap: fc.integer({ min: 0, max: 900 }), text: fc.constantFrom('same', 'a', 'ü€😀', '') }), {
          maxLength: 30,
        }),
        fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 7 }),
        async (gaps, breaks) => {
          let at = 0;
          const all = gaps.map(({ gap, text }) => {
            at += gap;
            return { at, text };
          });
          expect(await read(new ScriptedLogs(all, breaks))).toEqual(texts(all));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('asks only for the tail, and after a drop for what comes after it', async () => {
    const logs = new ScriptedLogs(lines(20), [70]);
    expect(await read(logs, { tailLines: 4 })).toEqual(texts(lines(20).slice(16)));
    expect(logs.requests.map(({ tailLines, sinceTime }) => [tailLines, sinceTime !== undefined])).toEqual([
      [4, false],
      [undefined, true],
    ]);
  });

  test('waits for a container that has not started, and for a kubelet that is not ready', async () => {
    const waiting = new KubeApiError('waiting to start', { status: 400, reason: 'BadRequest' });
    const logs = new ScriptedLogs(lines(3), [
      waiting,
      new KubeApiError('bad gateway', { status: 502, retryable: true }),
      waiting,
    ]);
    logs.phase = 'waiting';
    const clock = new VirtualClock();
    clock.schedule(2_000, () => {
      logs.phase = 'ended';
    });
    expect(await read(logs, { clock })).toEqual(texts(lines(3)));
  });

  test('ends without a line where the pod has gone, or is only looked at before its start', async () => {
    const missing = new KubeApiError('not found', { status: 404, reason: 'NotFound' });
    const logs = new ScriptedLogs([], [missing]);
    logs.phase = 'gone';
    expect(await read(logs)).toEqual([]);
    const early = new ScriptedLogs([], [new KubeApiError('waiting to start', { status: 400 })]);
    early.phase = 'waiting';
    expect(await read(early, { follow: false })).toEqual([]);
  });

  test('ends with the container although the stream stays open', async () => {
    const logs = new ScriptedLogs(lines(3));
    const serve = logs.readLog.bind(logs);
    logs.readLog = async function* (namespace, pod, options = {}) {
      yield* serve(namespace, pod, options);
      if (options.follow !== true) return;
      await new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal?.reason)));
    };
    expect(await read(logs)).toEqual(texts(lines(3)));
  });

  test('makes its request anew where a running container is silent for long', async () => {
    const logs = new ScriptedLogs(lines(3));
    logs.phase = 'running';
    const clock = new VirtualClock();
    logs.readLog = async function* (_namespace, _pod, options = {}) {
      logs.requests.push(options);
      if (options.follow !== true) return;
      await new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal?.reason)));
    };
    clock.schedule(3_600_000, () => {
      logs.phase = 'ended';
    });
    expect(await read(logs, { clock })).toEqual([]);
    expect(clock.now() - START).toBeLessThan(3_700_000);
    expect(logs.requests.length).toBeGreaterThan(5);
    expect(logs.requests.length).toBeLessThan(20);
  });

  test('says why where it may not read', async () => {
    const forbidden = new KubeApiError('GET /log failed with 403', { status: 403, reason: 'Forbidden' });
    await expect(read(new ScriptedLogs([], [forbidden]))).rejects.toMatchObject({
      code: 'ERR_PODWRIGHT_LOG',
      cause: forbidden,
    });
  });

  test('gives up on an ended container whose log cannot be had', async () => {
    const broken = Array.from({ length: 20 }, () => new KubeApiError('bad gateway', { status: 502, retryable: true }));
    const logs = new ScriptedLogs([], broken);
    await expect(read(logs, { follow: false })).rejects.toMatchObject({ code: 'ERR_PODWRIGHT_LOG' });
    expect(logs.requests.length).toBeLessThan(12);
  });

  test('reads lines without times too', async () => {
    const logs = new ScriptedLogs([]);
    logs.readLog = async function* () {
      yield Buffer.from('one\ntwo');
    };
    expect(await read(logs)).toEqual(['one', 'two']);
  });
});

describe('splitting a log', () => {
  async function split(...chunks: Uint8Array[]) {
    const found = [];
    for await (const line of splitLogLines(
      (async function* () {
        yield* chunks;
      })(),
    ))
      found.push(line);
    return found;
  }

  test('cuts long lines at 64 KiB, never inside a character', async () => {
    const [line, next] = await split(Buffer.from('€'.repeat(100_000)), Buffer.from('\nnext\n'));
    expect(Buffer.byteLength(line?.text ?? '')).toBeLessThanOrEqual(MAX_LOG_LINE_BYTES);
    expect(line?.text.replaceAll('€', '')).toBe('');
    expect(next).toEqual({ time: undefined, text: 'next', isWhole: true });
  });

  test('replaces bytes that are no UTF-8', async () => {
    const found = await split(Uint8Array.from([0xff, 0x41, 13, 10, 0xc3]), Uint8Array.from([0x28]));
    expect(found.map(({ text, isWhole }) => [text, isWhole])).toEqual([
      ['\ufffdA', true],
      ['\ufffd(', false],
    ]);
  });
});
