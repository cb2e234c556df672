import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSpan } from '../../src/report/format.js';
import {
  parseRunRecords,
  type RunRecord,
  renderFailures,
  renderSummary,
  renderTimeline,
} from '../../src/report/index.js';
import { buildRunModel } from '../../src/report/run-model.js';
import { keyOf, runStart, tryRecords, verdictOf } from './records.js';

const HOSTILE = `"><script>alert('x')</script><img src=x onerror=alert(1)>&\u0000\u001b[31m`;

const smallRun: RunRecord[] = [
  runStart('small run', 4),
  ...tryRecords(keyOf('load', 1, 0), [0, 100, 400, 1_000]),
  ...tryRecords(keyOf('load', 1, 1), [0, 100, 500, 900], verdictOf('the task ended with exit code 3')),
  ...tryRecords(keyOf('load', 2, 1), [910, 920, 1_200, 2_000]),
];

describe('a recorded run', () => {
  it('reads back what was written, line by line', () => {
    const text = smallRun.map((record) => `${JSON.stringify(record)}\n`).join('');
    expect(parseRunRecords(text)).toEqual({ records: JSON.parse(JSON.stringify(smallRun)), skippedLines: [] });
  });

  it('skips a torn last line and lines that are no records, and names them', () => {
    const text = `${JSON.stringify(smallRun[0])}\n{"type":"other","at":1}\n[]\n{"type":"queued","at":1}\n{"type":"outc`;
    const { records, skippedLines } = parseRunRecords(text);
    expect(records).toHaveLength(1);
    expect(skippedLines).toEqual([2, 3, 4, 5]);
  });

  it('joins the steps of a try and counts the slots that were held', () => {
    const model = buildRunModel(smallRun);
    expect(model.tries.map((one) => [one.key.mapIndex, one.key.tryNumber, one.state])).toEqual([
      [0, 1, 'success'],
      [1, 1, 'failed'],
      [1, 2, 'success'],
    ]);
    expect(model.slotsUsed.map((point) => point.used)).toEqual([2, 1, 2, 1, 0]);
    expect(model.endedAt - model.startedAt).toBe(2_000);
  });

  it('keeps a try whose end was not recorded as unfinished', () => {
    const model = buildRunModel(smallRun.slice(0, 3));
    expect(model.tries[0]).toMatchObject({ state: 'unfinished', endedAt: undefined });
  });
});

describe('the timeline', () => {
  it('shows a segment per phase, coloured by the end of the try', () => {
    const html = renderTimeline(smallRun);
    expect(html.match(/<b class="queued"/g)).toHaveLength(3);
    expect(html.match(/<b class="pending"/g)).toHaveLength(3);
    expect(html.match(/<b class="success"/g)).toHaveLength(2);
    expect(html.match(/<b class="failed"/g)).toHaveLength(1);
    expect(html).toContain('load[1] · try 2');
    expect(html).toContain('at most 2 of 4');
  });

  it('explains a failure with verdict, hint and evidence', () => {
    const html = renderTimeline(smallRun);
    for (const text of ['app_exit', 'the task ended with exit code 3', 'Read the log of', 'exit code: 3', 'last line'])
      expect(html).toContain(text);
  });

  it('needs no network and no script', () => {
    const html = renderTimeline(smallRun);
    expect(html).not.toMatch(/<script|<link|<img|https?:|url\(|@import/);
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('prefers-color-scheme: dark');
  });

  it('gives hostile names no way out of the text', () => {
    const evidence = { pod: HOSTILE, logTail: HOSTILE, events: [HOSTILE] };
    const html = renderTimeline([
      runStart(HOSTILE),
      { type: 'notice', at: 0, message: HOSTILE, hint: HOSTILE },
      ...tryRecords(keyOf(HOSTILE), [0, 1, 2, 3], verdictOf(HOSTILE, { evidence })),
    ]);
    expect(html).not.toMatch(/<script|<img/);
    expect(html).not.toContain('\u0000');
    expect(html).toContain('&lt;script&gt;');
  });

  it('opens no tag for any name whatsoever', () => {
    const tags = (html: string) => html.match(/<[a-z!/][^>]*/gi)?.map((tag) => tag.split(/[\s]/)[0]) ?? [];
    const page = (name: string) =>
      renderTimeline([
        runStart(name),
        ...tryRecords(keyOf(name), [0, 1, 2, 3], verdictOf(name, { evidence: { message: name } })),
      ]);
    const expected = tags(page('plain'));
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: fc.constantFrom('<', '>', '"', "'", '&', '/', 'b', '\n', ' ', '=') }),
        (name) => {
          expect(tags(page(name))).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('renders an empty record and a run without an end', () => {
    expect(renderTimeline([])).toContain('0 tries');
    expect(renderTimeline(smallRun.slice(0, 3))).toContain('class="pending"');
  });

  it('never draws outside of its track', () => {
    const moment = fc.integer({ min: -5_000, max: 5_000 });
    fc.assert(
      fc.property(fc.tuple(moment, moment, moment, moment), (moments) => {
        const html = renderTimeline([runStart(), ...tryRecords(keyOf('t'), moments)]);
        for (const [, left, width] of html.matchAll(/left:([-\d.]+)%;width:([-\d.]+)%/g)) {
          expect(Number(left)).toBeGreaterThanOrEqual(0);
          expect(Number(width)).toBeGreaterThanOrEqual(0);
          expect(Number(left) + Number(width)).toBeLessThanOrEqual(100.001);
        }
      }),
    );
  });
});

describe('the summary', () => {
  it('has a row per try and the totals', () => {
    const lines = renderSummary(smallRun).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[2]).toMatch(
      /^load\[1\]\s+1\s+KubernetesExecutor\s+app_exit \(exit 3\)\s+500 ms\s+400 ms\s+jobs\/load$/,
    );
    expect(lines[5]).toBe('3 tries in 2.0 s, 2 succeeded, 1 failed');
  });

  it('explains each failure in three lines', () => {
    expect(renderFailures(smallRun).split('\n')).toEqual([
      'load[1], try 1: app_exit (blame: task, certain)',
      '  what happened  the task ended with exit code 3',
      '  what to do     Read the log of the task ended with exit code 3',
    ]);
  });

  it('lets no escape sequence and no line break reach the terminal', () => {
    const text = renderSummary([runStart(), ...tryRecords(keyOf('a\u001b[2J\nb'), [0, 1, 2, 3])]);
    expect(text).not.toContain('\u001b');
    expect(text.split('\n')).toHaveLength(4);
  });
});

it('shows spans of time in the unit that fits', () => {
  expect([-1, 87, 3_400, 125_000, 3_720_000].map(formatSpan)).toEqual([
    '0 ms',
    '87 ms',
    '3.4 s',
    '2 m 05 s',
    '1 h 02 m',
  ]);
});
