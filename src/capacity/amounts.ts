/** Amounts of resources as numbers for people and programs. */
import type { Amounts } from '../wire/pod-requests.js';
import { formatQuantity } from '../wire/quantity.js';

/** Amounts by resource name: `cpu` in cores, `memory` and `ephemeral-storage` in bytes, `pods` and extended resources in pieces. */
export type ResourceAmounts = Readonly<Record<string, number>>;

const NANO = 1_000_000_000n;

/** One of a thing, for counting pods. */
export const ONE = NANO;

/** Amounts as numbers. Bytes are exact up to 8 PiB. */
export function toResourceAmounts(amounts: Amounts): ResourceAmounts {
  const entries = [...amounts].map(([name, nano]): [string, number] => [
    name,
    // Whole units apart from their fraction: a cluster's bytes in billionths are more than a number can hold.
    Number(nano / NANO) + Number(nano % NANO) / Number(NANO),
  ]);
  return Object.fromEntries(entries);
}

/** What is left of amounts when others are taken away; never below 0. Only resources that there are. */
export function remaining(total: Amounts, taken: Amounts): Amounts {
  return new Map(
    [...total].map(([name, nano]): [string, bigint] => {
      const left = nano - (taken.get(name) ?? 0n);
      return [name, left > 0n ? left : 0n];
    }),
  );
}

const isBytes = (name: string) =>
  name === 'memory' || name === 'ephemeral-storage' || name === 'storage' || name.startsWith('hugepages-');

const UNITS = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** An amount for people: `250m`, `1.5Gi`, `4`. */
export function showAmount(name: string, nano: bigint): string {
  if (!isBytes(name)) return formatQuantity({ nano, format: 'decimal' });
  let value = Number(nano / NANO);
  let unit = '';
  for (const next of UNITS) {
    if (value < 1_024) break;
    value /= 1_024;
    unit = next;
  }
  return `${Number(value.toFixed(1))}${unit}`;
}
