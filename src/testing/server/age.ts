/** Ages as tables show them. */
import type { KubeObject } from '../../wire/types.js';

const YEAR_DAYS = 365;

/** A duration in one or two units, the fewer the longer it is. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 0) return seconds < -1 ? '<invalid>' : '0s';
  if (seconds < 120) return `${seconds}s`;
  const two = (value: number, unit: string, rest: number, small: string) =>
    rest === 0 ? `${value}${unit}` : `${value}${unit}${rest}${small}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return two(days, 'd', hours % 24, 'h');
  if (days < 2 * YEAR_DAYS) return `${days}d`;
  const years = Math.floor(days / YEAR_DAYS);
  return years < 8 ? two(years, 'y', days % YEAR_DAYS, 'd') : `${years}y`;
}

/** Time since a moment, `<unknown>` where there is none. */
export function since(time: unknown, now: number): string {
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? '<unknown>' : humanDuration(now - ms);
}

/** The age of an object. */
export function ageOf(object: KubeObject, now: number): string {
  return since(object.metadata?.creationTimestamp, now);
}
