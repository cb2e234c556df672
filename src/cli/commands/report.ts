/** `podwright report`: a recorded run as text or as a page. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseRunRecords, renderFailures, renderSummary, renderTimeline } from '../../report/index.js';
import { buildRunModel } from '../../report/run-model.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';

/** Options of `podwright report`. */
export interface ReportOptions {
  /** Where the page goes; `-` for standard output. */
  readonly html?: string;
  /** One JSON object per try. */
  readonly json?: boolean;
}

/** Writes a file, making its folder where needed. */
export function writeReport(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Shows a recorded run. */
export async function runReport(file: string, options: ReportOptions, io: CliIo): Promise<void> {
  const { records, skippedLines } = parseRunRecords(readFileSync(file === '-' ? 0 : file, 'utf8'));
  if (records.length === 0)
    throw new CommandFailure(
      `${file} holds no record of a run`,
      EXIT.config,
      'A run is recorded with recordRun(executor, …).',
    );
  if (skippedLines.length > 0)
    io.err(
      `${skippedLines.length} of the lines of ${file} are no records, the first of them line ${skippedLines[0]}; they were left out\n`,
    );
  if (options.json === true) for (const one of buildRunModel(records).tries) io.out(`${JSON.stringify(one)}\n`);
  if (options.html === '-') io.out(renderTimeline(records));
  else if (options.html !== undefined) {
    writeReport(options.html, renderTimeline(records));
    io.err(`wrote ${options.html}\n`);
  }
  if (options.json === true || options.html !== undefined) return;
  const failures = renderFailures(records);
  io.out(`${renderSummary(records)}\n${failures === '' ? '' : `\n${failures}\n`}`);
}
