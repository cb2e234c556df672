/** A recorded run as text for a terminal. */
import { cut, formatSpan, plainLine } from './format.js';
import { buildRunModel, type RunModel, type TryModel } from './run-model.js';
import { type RunRecord, taskLabel } from './run-record.js';

const HEADER = ['TASK', 'TRY', 'EXECUTOR', 'STATE', 'WAITED', 'RAN', 'WHERE'] as const;

function row(model: TryModel): string[] {
  const { launchedAt, runningAt, endedAt, queuedAt } = model;
  const began = runningAt ?? launchedAt;
  const exit = model.exitCode === undefined || model.exitCode === 0 ? '' : ` (exit ${model.exitCode})`;
  return [
    cut(plainLine(taskLabel(model.key)), 40),
    String(model.key.tryNumber),
    plainLine(model.executor),
    model.verdict === undefined ? model.state : `${model.verdict.kind}${exit}`,
    began === undefined ? '-' : formatSpan(began - queuedAt),
    began === undefined || endedAt === undefined ? '-' : formatSpan(endedAt - began),
    cut(plainLine(model.ranAs ?? '-'), 60),
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function failureLines({ key, verdict, relaunches }: TryModel): string[] {
  const name = `${plainLine(taskLabel(key))}, try ${key.tryNumber}`;
  const lost = relaunches.map(
    (relaunch) =>
      `${name}: launch ${relaunch.launch} after ${relaunch.verdict.kind}: ${plainLine(relaunch.verdict.message)}`,
  );
  if (verdict === undefined) return lost;
  return [
    ...lost,
    `${name}: ${verdict.kind} (blame: ${verdict.blame}, ${verdict.confidence})`,
    `  what happened  ${plainLine(verdict.message)}`,
    `  what to do     ${plainLine(verdict.hint)}`,
  ];
}

function totals(model: RunModel): string {
  const count = (state: TryModel['state']) => model.tries.filter((one) => one.state === state).length;
  const unfinished = count('unfinished');
  return [
    `${model.tries.length} tries in ${formatSpan(model.endedAt - model.startedAt)}`,
    `${count('success')} succeeded`,
    `${count('failed')} failed`,
    ...(unfinished > 0 ? [`${unfinished} unfinished`] : []),
  ].join(', ');
}

/** Each failed try with its verdict, and each launch that was lost; empty where nothing failed. */
export function renderFailures(records: readonly RunRecord[]): string {
  return buildRunModel(records).tries.flatMap(failureLines).join('\n');
}

/** A table of all tries and a line of totals. */
export function renderSummary(records: readonly RunRecord[]): string {
  const model = buildRunModel(records);
  return `${table([HEADER, ...model.tries.map(row)])}\n\n${totals(model)}`;
}
