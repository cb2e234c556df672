/** Durations as users write them. */
import { ConfigError } from '../errors.js';

/** Milliseconds, or a number with a unit: `500ms`, `1.5s`, `10m`, `2h`, `1d`. */
export type Duration = number | string;

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration, or `undefined` where it is none. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value.trim());
  return match === null ? undefined : Number(match[1]) * (UNITS_MS[match[2] as string] as number);
}

/**
 * Milliseconds of a duration.
 * @throws ConfigError naming `field` where the value is no duration.
 */
export function durationMs(value: Duration, field: string): number {
  const ms = parseDuration(value);
  if (ms === undefined)
    throw new ConfigError([
      {
        field,
        value,
        rule: 'must be a duration',
        hint: 'write milliseconds, or a number with ms, s, m, h or d, such as "30s"',
      },
    ]);
  return ms;
}
