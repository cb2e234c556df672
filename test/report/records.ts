/** Builds records of runs for the report's tests. */
import type { TaskInstanceKey } from '../../src/core/task-key.js';
import type { Verdict } from '../../src/core/verdict.js';
import type { RunRecord } from '../../src/report/run-record.js';

const START = Date.UTC(2026, 0, 2, 3, 4, 5);

export const keyOf = (taskId: string, tryNumber = 1, mapIndex = -1): TaskInstanceKey => ({
  dagId: 'orders',
  taskId,
  runId: 'r1',
  tryNumber,
  mapIndex,
});

export const verdictOf = (message: string, over: Partial<Verdict> = {}): Verdict => ({
  kind: 'app_exit',
  blame: 'task',
  mainStarted: true,
  confidence: 'certain',
  message,
  hint: `Read the log of ${message}`,
  evidence: { exitCode: 3, logTail: 'first line\nlast line' },
  ...over,
});

export const runStart = (title = 'a run', slots?: number): RunRecord => ({
  type: 'run',
  version: 1,
  at: START,
  title,
  slots,
});

/** Queued, launched, running and the end of one try, at so many milliseconds after the run's start. */
export function tryRecords(
  key: TaskInstanceKey,
  [queued, launched, running, ended]: readonly [number, number, number, number],
  verdict?: Verdict,
): RunRecord[] {
  const common = { key, executor: 'KubernetesExecutor', queue: 'kubernetes' };
  const times = {
    queuedAt: START + queued,
    launchedAt: START + launched,
    runningAt: START + running,
    endedAt: START + ended,
  };
  return [
    { ...common, type: 'queued', at: times.queuedAt },
    { ...common, type: 'launched', at: times.launchedAt },
    { ...common, type: 'running', at: times.runningAt, ranAs: `jobs/${key.taskId}` },
    {
      ...common,
      type: 'outcome',
      at: times.endedAt,
      state: verdict === undefined ? 'success' : 'failed',
      ranAs: `jobs/${key.taskId}`,
      launches: 1,
      exitCode: verdict === undefined ? 0 : 3,
      times,
      verdict,
    },
  ];
}
