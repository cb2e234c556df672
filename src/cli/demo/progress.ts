/** Shows how the demo gets on: a table that is drawn over on a terminal, one line per event elsewhere. */
import { systemClock } from '../../core/clock.js';
import type { ExecutorEvents, Outcome, TaskEventBase } from '../../core/outcome.js';
import type { TaskInstanceKey } from '../../core/task-key.js';
import type { Executor } from '../../executors/executor.js';
import { cut, formatSpan, plainLine } from '../../report/format.js';
import { taskLabel, tryId } from '../../report/run-record.js';
import type { CliIo } from '../io.js';

/** At most ten frames a second: more is flicker and work. */
const FRAME_MS = 100;
/** Every pod waits for a moment; only a wait that lasts is worth a line. */
const PATIENCE_MS = 2_000;
const RECENT_LINES = 4;
const BAR_WIDTH = 24;

type LiveState = 'queued' | 'starting' | 'running' | 'success' | 'failed';

/** Shows progress until it is stopped. */
export interface Progress {
  /** Prints a line of its own. */
  say(line: string): void;
  /** Draws the last state and stops. */
  stop(): void;
}

/** What to show. */
export interface ProgressOptions {
  /** Whose events. */
  readonly executor: Executor;
  /** Where. */
  readonly io: CliIo;
  /** Whether lines may be drawn over. */
  readonly isLive: boolean;
  /** Groups of tasks and how many each has. */
  readonly groups: Readonly<Record<string, number>>;
  /** Milliseconds since the epoch at which the clock on the screen stands at 0. */
  readonly startedAt: number;
}

const nameOf = (key: TaskInstanceKey): string =>
  `${plainLine(taskLabel(key))}${key.tryNumber > 1 ? ` try ${key.tryNumber}` : ''}`;

function endLine(outcome: Outcome, io: CliIo): string {
  const name = nameOf(outcome.key);
  const { queuedAt, launchedAt, endedAt } = outcome.times;
  const { finishedAt } = outcome.podTimes ?? {};
  // Kubernetes tells whole seconds.
  const wasFound = finishedAt !== undefined && finishedAt + 1_000 <= queuedAt;
  const after = launchedAt === undefined ? '' : ` after ${formatSpan(endedAt - launchedAt)}`;
  const ran = wasFound ? ' while no host was there' : after;
  if (outcome.state === 'success') return `${io.style('err', 'green', '✓')} ${name} succeeded${ran}`;
  return `${io.style('err', 'red', '✗')} ${name} failed${ran}: ${outcome.verdict.kind}: ${plainLine(outcome.verdict.message)}`;
}

/** Subscribes to what tells of progress; returns the function that ends it. */
function follow(
  executor: Executor,
  onState: (key: TaskInstanceKey, state: LiveState, line: string | undefined) => void,
  io: CliIo,
): () => void {
  const waits = new Map<string, () => void>();
  const endWait = (key: TaskInstanceKey) => {
    waits.get(tryId(key))?.();
    waits.delete(tryId(key));
  };
  const onQueued = ({ key }: TaskEventBase) => onState(key, 'queued', undefined);
  const onLaunched = ({ key }: TaskEventBase) => onState(key, 'starting', undefined);
  const onRunning: ExecutorEvents['task:running'] = ({ key, ranAs }) => {
    endWait(key);
    onState(key, 'running', `  ${nameOf(key)} runs as ${plainLine(ranAs ?? 'an unknown process')}`);
  };
  const onPending: ExecutorEvents['task:pending'] = ({ key, reason }) => {
    endWait(key);
    const say = () => onState(key, 'starting', `  ${nameOf(key)} waits: ${plainLine(reason)}`);
    waits.set(tryId(key), systemClock.schedule(PATIENCE_MS, say));
  };
  const onOutcome = (outcome: Outcome) => {
    endWait(outcome.key);
    onState(outcome.key, outcome.state, endLine(outcome, io));
  };
  executor.on('task:queued', onQueued);
  executor.on('task:launched', onLaunched);
  executor.on('task:running', onRunning);
  executor.on('task:pending', onPending);
  executor.on('outcome', onOutcome);
  return () => {
    executor.off('task:queued', onQueued);
    executor.off('task:launched', onLaunched);
    executor.off('task:running', onRunning);
    executor.off('task:pending', onPending);
    executor.off('outcome', onOutcome);
    for (const cancel of waits.values()) cancel();
  };
}

function plainProgress({ executor, io, startedAt }: ProgressOptions): Progress {
  const say = (line: string) => io.err(`${formatSpan(Date.now() - startedAt).padStart(8)}  ${line}\n`);
  const stop = follow(executor, (_key, _state, line) => line !== undefined && say(line), io);
  return { say, stop };
}

function bar(done: number, active: number, total: number): string {
  const full = Math.round((Math.min(done, total) / total) * BAR_WIDTH);
  const busy = Math.min(BAR_WIDTH - full, Math.ceil((active / total) * BAR_WIDTH));
  return `${'█'.repeat(full)}${'▒'.repeat(busy)}${'·'.repeat(BAR_WIDTH - full - busy)}`;
}

function liveProgress({ executor, io, groups, startedAt }: ProgressOptions): Progress {
  const tries = new Map<string, { readonly group: string; state: LiveState }>();
  const recent: string[] = [];
  let drawnLines = 0;

  const frame = (): string[] => {
    const all = [...tries.values()];
    const rows = Object.entries(groups).map(([group, total]) => {
      const count = (state: LiveState) => all.filter((one) => one.group === group && one.state === state).length;
      const [done, failed, active] = [count('success'), count('failed'), count('running') + count('starting')];
      const words = [
        `${done}/${total} done`,
        ...(active > 0 ? [`${active} active`] : []),
        ...(failed > 0 ? [`failed tries: ${failed}`] : []),
      ];
      return `${group.padEnd(9)} ${bar(done, active, total)} ${words.join(', ')}`;
    });
    const head = `${formatSpan(Date.now() - startedAt)}, ${executor.slotsOccupied} of ${executor.parallelism} slots taken`;
    return [head, ...rows, ...recent].map((line) => cut(line, Math.max(20, io.columns - 1)));
  };
  const draw = () => {
    const lines = frame();
    // Up to the first line of the last frame, then clear to the end of the screen.
    io.err(`${drawnLines > 0 ? `\u001b[${drawnLines}A` : ''}\r\u001b[J${lines.join('\n')}\n`);
    drawnLines = lines.length;
  };
  const timer = setInterval(draw, FRAME_MS);
  timer.unref();
  const say = (line: string) => {
    recent.push(line);
    if (recent.length > RECENT_LINES) recent.shift();
  };
  const unfollow = follow(
    executor,
    (key, state, line) => {
      tries.set(tryId(key), { group: key.taskId, state });
      if (line !== undefined && state !== 'running') say(line);
    },
    // Colours would be cut in the middle.
    { ...io, style: (_stream, _style, text) => text },
  );
  return {
    say,
    stop: () => {
      clearInterval(timer);
      unfollow();
      draw();
    },
  };
}

/** Begins to show progress. */
export function showProgress(options: ProgressOptions): Progress {
  return options.isLive ? liveProgress(options) : plainProgress(options);
}
