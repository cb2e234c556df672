/** What a recorded run has cost. Pure. */
import { ConfigError } from '../errors.js';
import { buildRunModel, type TryModel } from '../report/run-model.js';
import { isRunRecord, type RunRecord } from '../report/run-record.js';
import { checkPrices, DEFAULT_PRICES, type PriceTable, pricePerHour } from './prices.js';

/** Money, and the time that it was spent on. */
export interface Cost {
  /** All of it. */
  readonly total: number;
  /** Part of it spent while containers did not run yet: pulling images, starting. */
  readonly idle: number;
  /** Part of it spent on launches and tries that came to nothing, idle time of theirs included. */
  readonly waste: number;
  /** Hours that pods held their reservations. */
  readonly hours: number;
  /** Tries. */
  readonly tries: number;
}

/** Options of {@link costOfRun}. */
export interface RunCostOptions {
  /** Prices. @default the usual table by classes of pods */
  readonly prices?: PriceTable | undefined;
  /** Label by whose values costs are told apart, besides task, dag and queue. */
  readonly label?: string | undefined;
  /** What tries are taken to have reserved whose record does not say, as quantities by resource name. @default they are not priced */
  readonly assume?: Readonly<Record<string, string>> | undefined;
}

/** What a run has cost. */
export interface RunCost extends Cost {
  /** What the numbers are. */
  readonly currency: string;
  /** By task, as `dag/task`. */
  readonly byTask: Readonly<Record<string, Cost>>;
  /** By workflow. */
  readonly byDag: Readonly<Record<string, Cost>>;
  /** By queue; tries without one stand under an empty text. */
  readonly byQueue: Readonly<Record<string, Cost>>;
  /** By the value of the label that was asked for; tries without it stand under an empty text. */
  readonly byLabel: Readonly<Record<string, Cost>>;
  /** Tries that have no price: local processes, tries that are not over, and records that do not tell what was reserved. */
  readonly unpriced: number;
}

type Tally = { -readonly [Name in keyof Cost]: Cost[Name] };
const tally = (): Tally => ({ total: 0, idle: 0, waste: 0, hours: 0, tries: 0 });
const HOUR_MS = 3_600_000;

function add(to: Tally, { total, idle, waste, hours, tries }: Cost): void {
  to.total += total;
  to.idle += idle;
  to.waste += waste;
  to.hours += hours;
  to.tries += tries;
}

/** Spans that pods of a try held their reservation, in milliseconds; those of lost launches by the host's clock, which is all that is recorded. */
function spansOf(model: TryModel): { readonly last: number; readonly idle: number; readonly lost: number } | undefined {
  const { podTimes, launchedAt, runningAt, endedAt, relaunches } = model;
  const lastRelaunch = relaunches.at(-1)?.at;
  const launched = lastRelaunch ?? launchedAt;
  if (launched === undefined || endedAt === undefined || launchedAt === undefined) return undefined;
  const from = podTimes?.scheduledAt ?? podTimes?.createdAt ?? launched;
  const to = podTimes?.finishedAt ?? (podTimes?.scheduledAt === undefined ? endedAt : Math.max(endedAt, from));
  const started = podTimes?.startedAt ?? (podTimes === undefined ? (runningAt ?? launched) : to);
  return {
    last: Math.max(0, to - from),
    idle: Math.max(0, Math.min(to, started) - from),
    lost: lastRelaunch === undefined ? 0 : Math.max(0, lastRelaunch - launchedAt),
  };
}

function costOf(model: TryModel, prices: PriceTable, assume: RunCostOptions['assume']): Cost | undefined {
  const requests = model.requests ?? assume;
  const price = requests === undefined ? undefined : pricePerHour(requests, prices);
  const spans = spansOf(model);
  if (price === undefined || spans === undefined) return undefined;
  const perMs = price / HOUR_MS;
  const lost = spans.lost * perMs;
  const last = spans.last * perMs;
  return {
    total: last + lost,
    idle: spans.idle * perMs,
    waste: model.state === 'failed' ? last + lost : lost,
    hours: (spans.last + spans.lost) / HOUR_MS,
    tries: 1,
  };
}

/** Refuses what is no recorded run. @throws ConfigError */
export function checkRecords(records: readonly RunRecord[]): void {
  const isList = Array.isArray(records);
  const wrong = isList ? records.findIndex((record) => !isRunRecord(record)) : -1;
  if (isList && wrong < 0) return;
  const field = isList ? `records[${wrong}]` : 'records';
  const rule = isList ? 'must be a record of a run' : 'must be a list of records';
  throw new ConfigError([{ field, rule, hint: 'take them from parseRunRecords(text).records' }], { subject: 'run' });
}

/**
 * What a recorded run has cost: for each try, the price of what its pods had reserved times the hours from their nodes being chosen to the end
 * of their container. Launches that were lost count from the launch to the next one.
 * @throws ConfigError where the prices are wrong.
 */
export function costOfRun(records: readonly RunRecord[], options: RunCostOptions = {}): RunCost {
  const { prices = DEFAULT_PRICES, label, assume } = options;
  checkPrices(prices);
  checkRecords(records);
  const all = tally();
  const groups = {
    byTask: new Map<string, Tally>(),
    byDag: new Map<string, Tally>(),
    byQueue: new Map<string, Tally>(),
    byLabel: new Map<string, Tally>(),
  };
  let unpriced = 0;
  for (const model of buildRunModel(records).tries) {
    const cost = costOf(model, prices, assume);
    if (cost === undefined) {
      unpriced += 1;
      continue;
    }
    add(all, cost);
    const { key, queue = '', labels } = model;
    const into = (group: Map<string, Tally>, name: string) => {
      const sum = group.get(name) ?? tally();
      group.set(name, sum);
      add(sum, cost);
    };
    into(groups.byTask, `${key.dagId}/${key.taskId}`);
    into(groups.byDag, key.dagId);
    into(groups.byQueue, queue);
    if (label !== undefined) into(groups.byLabel, labels?.[label] ?? '');
  }
  const sorted = (group: Map<string, Tally>) =>
    Object.fromEntries([...group].sort((a, b) => b[1].total - a[1].total || (a[0] < b[0] ? -1 : 1)));
  return {
    ...all,
    currency: prices.currency ?? '$',
    byTask: sorted(groups.byTask),
    byDag: sorted(groups.byDag),
    byQueue: sorted(groups.byQueue),
    byLabel: sorted(groups.byLabel),
    unpriced,
  };
}
