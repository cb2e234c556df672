/** Requests that depend on what is free. */
import { ConfigError, type ConfigProblem } from '../errors.js';
import { parseQuantity } from '../wire/quantity.js';

/** What a tier gives; the form that an executor config takes under `resources`. */
export interface Allocation {
  /** CPU request. */
  readonly cpu: string;
  /** Memory request. */
  readonly memory: string;
  /** What the tier is called. */
  readonly priority: string;
}

/** A tier: what is given as long as more than so much is free. */
export interface AllocationTier extends Allocation {
  /** Cores that more than must be free; left out, 0, and the tier fits always. */
  readonly aboveCpu?: number | undefined;
  /** Quantity of memory that more than must be free. @default '0', which always fits */
  readonly aboveMemory?: string | undefined;
}

/** Two cores where more than four are free, one where more than two are, half a one otherwise. */
export const DEFAULT_TIERS: readonly AllocationTier[] = Object.freeze([
  { aboveCpu: 4, cpu: '2', memory: '4Gi', priority: 'high' },
  { aboveCpu: 2, cpu: '1', memory: '2Gi', priority: 'medium' },
  { cpu: '500m', memory: '1Gi', priority: 'low' },
]);

/** What is free, of cluster resources. */
export interface FreeTotals {
  /** The nodes that take any pod. */
  readonly total: {
    /** Cores and bytes by resource name. */
    readonly available: Readonly<Record<string, number>>;
  };
}

/** What is free, as two numbers. */
export interface FreeAmounts {
  /** Cores. */
  readonly availableCpu?: number | undefined;
  /** Bytes; left out, memory does not count. */
  readonly availableMemory?: number | undefined;
  /** The same as `availableCpu`. */
  readonly available_cpu?: number | undefined;
  /** The same as `availableMemory`. */
  readonly available_memory?: number | undefined;
}

/** What is free: cluster resources, or two numbers. */
export type FreeResources = FreeTotals | FreeAmounts;

interface Free {
  readonly cpu: number;
  /** Bytes; `undefined` where nothing is said of memory. */
  readonly memory: number | undefined;
}

function freeOf(resources: FreeResources): Free {
  const given = resources as Partial<Record<string, unknown>> | undefined;
  const total = (given?.total as { available?: Record<string, number> } | undefined)?.available;
  const cpu = total === undefined ? (given?.availableCpu ?? given?.available_cpu) : (total.cpu ?? 0);
  const memory = total === undefined ? (given?.availableMemory ?? given?.available_memory) : (total.memory ?? 0);
  if (typeof cpu !== 'number' || Number.isNaN(cpu))
    throw new ConfigError([
      {
        field: 'resources.availableCpu',
        value: cpu,
        rule: 'must be a number of cores',
        hint: 'pass ClusterResources, or {availableCpu, availableMemory}',
      },
    ]);
  if (memory !== undefined && (typeof memory !== 'number' || Number.isNaN(memory)))
    throw new ConfigError([{ field: 'resources.availableMemory', value: memory, rule: 'must be a number of bytes' }]);
  return { cpu, memory };
}

function tierProblems(tier: AllocationTier, field: string): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { aboveCpu = 0, aboveMemory = '0' } = tier;
  if (typeof aboveCpu !== 'number' || !(aboveCpu >= 0))
    problems.push({ field: `${field}.aboveCpu`, value: aboveCpu, rule: 'must be a number of cores, 0 or more' });
  for (const [name, value] of [
    ['cpu', tier.cpu],
    ['memory', tier.memory],
    ['aboveMemory', aboveMemory],
  ] as const)
    if ((parseQuantity(value)?.nano ?? -1n) < 0n)
      problems.push({ field: `${field}.${name}`, value, rule: 'must be a quantity, such as "500m" or "1Gi"' });
  if (typeof tier.priority !== 'string' || tier.priority === '')
    problems.push({ field: `${field}.priority`, value: tier.priority, rule: 'must be a non-empty string' });
  return problems;
}

/** Checks tiers. @throws ConfigError */
export function checkTiers(tiers: readonly AllocationTier[]): void {
  if (!Array.isArray(tiers) || tiers.length === 0)
    throw new ConfigError([{ field: 'tiers', value: tiers, rule: 'must be a list with at least one tier' }]);
  const problems = tiers.flatMap((tier, index) => tierProblems(tier ?? {}, `tiers[${index}]`));
  const last = tiers.at(-1) as AllocationTier;
  if (problems.length === 0 && ((last.aboveCpu ?? 0) > 0 || (parseQuantity(last.aboveMemory ?? '0')?.nano ?? 0n) > 0n))
    problems.push({
      field: `tiers[${tiers.length - 1}]`,
      rule: 'must fit always, being the last',
      hint: 'leave aboveCpu and aboveMemory out of it',
    });
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'tiers' });
}

const memoryOf = (quantity: string | undefined) => Number(parseQuantity(quantity ?? '0')?.nano ?? 0n) / 1e9;

/** The first tier that fits; the tiers are checked already. */
export function tierFor(tiers: readonly AllocationTier[], { cpu, memory }: Free): Allocation {
  const fits = ({ aboveCpu = 0, aboveMemory }: AllocationTier) =>
    (aboveCpu === 0 || cpu > aboveCpu) &&
    (aboveMemory === undefined ||
      memory === undefined ||
      memoryOf(aboveMemory) === 0 ||
      memory > memoryOf(aboveMemory));
  const tier = tiers.find(fits) ?? (tiers.at(-1) as AllocationTier);
  return { cpu: tier.cpu, memory: tier.memory, priority: tier.priority };
}

/**
 * A function from what is free to what a task shall ask for. The first tier counts whose bounds are below what is free.
 * @throws ConfigError where the tiers are wrong; the function throws it where it is given no numbers.
 * @example
 * const allocate = adaptiveAllocation();
 * allocate(await ClusterResources.read(client)); // { cpu: '1', memory: '2Gi', priority: 'medium' }
 */
export function adaptiveAllocation(
  tiers: readonly AllocationTier[] = DEFAULT_TIERS,
): (resources: FreeResources) => Allocation {
  checkTiers(tiers);
  return (resources) => tierFor(tiers, freeOf(resources));
}
