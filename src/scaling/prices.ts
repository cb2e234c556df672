/** What pods cost by the hour. Pure. */
import { ConfigError, type ConfigProblem } from '../errors.js';
import { amountsOf } from '../wire/pod-requests.js';

/** A class of pods with one price. */
export interface PodClass {
  /** Name. */
  readonly name: string;
  /** The most that a pod of this class reserves, as quantities by resource name. */
  readonly requests: Readonly<Record<string, string>>;
  /** Price of one pod for one hour. */
  readonly perPodHour: number;
}

/** Prices, either by classes of pods or by what they reserve. */
export interface PriceTable {
  /**
   * Classes of pods, cheapest first; a pod counts for the first that it fits into. One that fits into none counts for as many of the
   * largest that it fits as it needs, in parts.
   */
  readonly classes?: readonly PodClass[] | undefined;
  /** Price of an hour by resource: of a core, of a GiB of `memory` or `ephemeral-storage`, of a piece of anything else. */
  readonly perHour?: Readonly<Record<string, number>> | undefined;
  /** What the numbers are. @default '$' */
  readonly currency?: string | undefined;
}

/** Light, medium, heavy and GPU tasks, as the usual rule of thumb has them. Replace it by what you pay. */
export const DEFAULT_PRICES: PriceTable = Object.freeze({
  currency: '$',
  classes: Object.freeze([
    { name: 'light', requests: { cpu: '250m', memory: '512Mi' }, perPodHour: 0.02 },
    { name: 'medium', requests: { cpu: '1', memory: '2Gi' }, perPodHour: 0.08 },
    { name: 'heavy', requests: { cpu: '2', memory: '4Gi' }, perPodHour: 0.16 },
    { name: 'gpu', requests: { cpu: '2', memory: '8Gi', 'nvidia.com/gpu': '1' }, perPodHour: 1.5 },
  ]),
});

const isPrice = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** Checks a price table. @throws ConfigError with every problem. */
export function checkPrices({ classes, perHour }: PriceTable): void {
  const problems: ConfigProblem[] = [];
  if ((classes === undefined) === (perHour === undefined))
    problems.push({ field: 'prices', rule: 'must have either classes or perHour' });
  if (classes !== undefined && !(Array.isArray(classes) && classes.length > 0))
    problems.push({ field: 'prices.classes', value: classes, rule: 'must be a list with at least one class' });
  else
    for (const [index, one] of (classes ?? []).entries()) {
      const field = `prices.classes[${index}]`;
      if (!isPrice(one?.perPodHour))
        problems.push({ field: `${field}.perPodHour`, value: one?.perPodHour, rule: 'must be a number of at least 0' });
      const known = amountsOf(one?.requests);
      if (known.size === 0 || known.size < Object.keys(one?.requests ?? {}).length)
        problems.push({ field: `${field}.requests`, rule: 'must be quantities by resource name, at least one' });
    }
  for (const [name, price] of Object.entries(perHour ?? {}))
    if (!isPrice(price))
      problems.push({ field: `prices.perHour.${name}`, value: price, rule: 'must be a number of at least 0' });
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'prices' });
}

const GIB = 2 ** 30;
const inUnits = (name: string, nano: bigint) =>
  Number(nano) / 1e9 / (name === 'memory' || name === 'ephemeral-storage' ? GIB : 1);

/** How many pods of a class a pod is worth: its largest share of any of the class's resources; `undefined` where the class lacks one. */
function shareOf(requests: ReadonlyMap<string, bigint>, one: PodClass): number | undefined {
  const room = amountsOf(one.requests);
  let share = 0;
  for (const [name, nano] of requests) {
    if (nano === 0n || name === 'ephemeral-storage') continue;
    const has = room.get(name) ?? 0n;
    if (has === 0n) return undefined;
    share = Math.max(share, Number(nano) / Number(has));
  }
  return share;
}

/**
 * Price of one hour of a pod that reserves so much, by a checked table; `undefined` where no class has one of its resources. Resources without a
 * price cost nothing.
 */
export function pricePerHour(
  requests: Readonly<Record<string, string>>,
  { classes, perHour }: PriceTable,
): number | undefined {
  const amounts = amountsOf(requests);
  if (classes === undefined)
    return [...amounts].reduce((sum, [name, nano]) => sum + inUnits(name, nano) * (perHour?.[name] ?? 0), 0);
  const shares = classes.map((one) => ({ one, share: shareOf(amounts, one) }));
  const fitting = shares.find(({ share }) => share !== undefined && share <= 1);
  if (fitting !== undefined) return fitting.one.perPodHour;
  const larger = shares
    .filter(({ share }) => share !== undefined)
    .map(({ one, share }) => one.perPodHour * (share as number));
  return larger.length === 0 ? undefined : Math.min(...larger);
}

/** One pod, for {@link clusterCost}. */
export interface PodHours {
  /** Price of an hour. */
  readonly costPerHour: number;
  /** Hours that it was there. */
  readonly hours: number;
}

/**
 * What pods cost together: C = Σ cᵢ · tᵢ.
 * @throws ConfigError where a number is none.
 */
export function clusterCost(pods: readonly PodHours[]): number {
  const problems: ConfigProblem[] = [];
  let total = 0;
  for (const [index, { costPerHour, hours }] of pods.entries()) {
    if (!isPrice(costPerHour))
      problems.push({
        field: `pods[${index}].costPerHour`,
        value: costPerHour,
        rule: 'must be a number of at least 0',
      });
    if (!isPrice(hours))
      problems.push({ field: `pods[${index}].hours`, value: hours, rule: 'must be a number of at least 0' });
    total += costPerHour * hours;
  }
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'pods' });
  return total;
}
