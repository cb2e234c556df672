/** `podwright report cost`: what a recorded run has cost. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../../errors.js';
import { formatSpan } from '../../report/format.js';
import { parseRunRecords } from '../../report/index.js';
import type { PriceTable } from '../../scaling/prices.js';
import { type Cost, costOfRun, type RunCost } from '../../scaling/run-cost.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';

/** Options of `podwright report cost`. */
export interface CostCommandOptions {
  /** File with a price table. */
  readonly prices?: string;
  /** Label to group by. */
  readonly label?: string;
  /** What pods whose record does not say are taken to have reserved, as `cpu=1,memory=2Gi`. */
  readonly assume?: string;
  /** One JSON object. */
  readonly json?: boolean;
}

function pricesOf(file: string): PriceTable {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PriceTable;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const hint = 'such as {"perHour": {"cpu": 0.04, "memory": 0.005}}';
    throw new ConfigError([
      { field: '--prices', value: file, rule: 'must be a file with a price table as JSON', hint },
    ]);
  }
}

function amountsOf(text: string): Record<string, string> {
  const parts = text.split(',').map((part) => part.split('='));
  if (parts.some(([name, value, ...more]) => !name || !value || more.length > 0))
    throw new ConfigError([{ field: '--assume', value: text, rule: 'must be quantities such as cpu=1,memory=2Gi' }]);
  return Object.fromEntries(parts as [string, string][]);
}

function table(title: string, costs: Readonly<Record<string, Cost>>, money: (amount: number) => string): string {
  const rows = Object.entries(costs).map(([name, cost]) => [
    name === '' ? '-' : name,
    String(cost.tries),
    formatSpan(cost.hours * 3_600_000),
    money(cost.total),
    money(cost.idle),
    money(cost.waste),
  ]);
  const all = [[title, 'TRIES', 'POD TIME', 'COST', 'IDLE', 'WASTE'], ...rows];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

function print(cost: RunCost, label: string | undefined, io: CliIo): void {
  const money = (amount: number) =>
    `${cost.currency}${amount === 0 || amount >= 1 ? amount.toFixed(2) : amount.toPrecision(2)}`;
  io.out(table('TASK', cost.byTask, money));
  io.out(`\n${table('DAG', cost.byDag, money)}`);
  io.out(`\n${table('QUEUE', cost.byQueue, money)}`);
  if (label !== undefined) io.out(`\n${table(label, cost.byLabel, money)}`);
  io.out(
    `\n${cost.tries} tries cost ${money(cost.total)}, of it ${money(cost.idle)} before they ran and ${money(cost.waste)} for nothing`,
  );
  io.out(cost.unpriced === 0 ? '\n' : `; ${cost.unpriced} tries have no price\n`);
}

/** Prints the cost of a recorded run. */
export async function runCost(file: string, options: CostCommandOptions, io: CliIo): Promise<void> {
  const { records, skippedLines } = parseRunRecords(readFileSync(file === '-' ? 0 : file, 'utf8'));
  if (records.length === 0)
    throw new CommandFailure(
      `${file} holds no record of a run`,
      EXIT.config,
      'A run is recorded with recordRun(executor, …).',
    );
  if (skippedLines.length > 0)
    io.err(`${skippedLines.length} of the lines of ${file} are no records; they were left out\n`);
  const cost = costOfRun(records, {
    prices: options.prices === undefined ? undefined : pricesOf(options.prices),
    label: options.label,
    assume: options.assume === undefined ? undefined : amountsOf(options.assume),
  });
  if (options.json === true) io.out(`${JSON.stringify(cost)}\n`);
  else print(cost, options.label, io);
}
