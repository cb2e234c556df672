import { EventEmitter } from 'eventemitter3';
import { expect, it } from 'vitest';
import type { ExecutorEvents, Outcome } from '../../src/core/outcome.js';
import { parseRunRecords, recordRun } from '../../src/report/index.js';
import { keyOf, verdictOf } from './records.js';

const outcome: Outcome = {
  key: keyOf('load'),
  queue: 'kubernetes',
  executor: 'KubernetesExecutor',
  ranAs: 'jobs/load',
  launches: 2,
  times: { queuedAt: 1, launchedAt: 2, runningAt: 3, endedAt: 9 },
  exitCode: 3,
  result: undefined,
  warnings: ['a sidecar died'],
  state: 'failed',
  verdict: verdictOf('exit code 3'),
  acknowledge: async () => {},
};

it('writes one line per event until it is stopped', () => {
  const source = new EventEmitter<ExecutorEvents>();
  const lines: string[] = [];
  const stop = recordRun(source, {
    write: (line) => lines.push(line),
    title: 'nightly',
    slots: 3,
    startedAt: 0,
  });
  const event = { key: keyOf('load'), queue: 'kubernetes', executor: 'KubernetesExecutor' };
  source.emit('task:queued', { ...event, at: 1 });
  source.emit('task:launched', { ...event, at: 2 });
  source.emit('task:pending', { ...event, at: 2, reason: 'no node has room' });
  source.emit('task:running', { ...event, at: 3, ranAs: 'jobs/load' });
  source.emit('task:relaunch', { ...event, at: 4, launch: 2, verdict: verdictOf('node lost', { kind: 'node_lost' }) });
  source.emit('notice', { at: 5, message: 'events cannot be read', hint: undefined });
  source.emit('outcome', outcome);
  stop();
  stop();
  source.emit('task:queued', { ...event, at: 10 });

  const { records, skippedLines } = parseRunRecords(lines.join(''));
  expect(skippedLines).toEqual([]);
  expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
  expect(records.map((record) => record.type)).toEqual([
    'run',
    'queued',
    'launched',
    'pending',
    'running',
    'relaunch',
    'notice',
    'outcome',
  ]);
  expect(records.at(-1)).toMatchObject({ state: 'failed', launches: 2, warnings: ['a sidecar died'], at: 9 });
  expect(source.eventNames()).toEqual([]);
});
