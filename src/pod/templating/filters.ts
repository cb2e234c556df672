/** The filters that templates may use: pure functions on plain values. */
import { refused, type Scalar } from './values.js';

type Filter = (value: unknown, args: readonly unknown[]) => unknown;

const asText = (value: unknown): string => (typeof value === 'string' ? value : refused('needs a text'));
const asArgument = (args: readonly unknown[], index: number, fallback?: string): string => {
  const value = args[index] ?? fallback;
  return typeof value === 'string' ? value : refused(`needs a text as argument ${index + 1}`);
};
const isScalar = (value: unknown): value is Scalar =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

function toInteger(value: unknown): number {
  const number = typeof value === 'string' && /^\s*[-+]?\d+\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.trunc(number) : refused('needs a number');
}

function toJson(value: unknown): string {
  return JSON.stringify(value) ?? refused('cannot be written as JSON');
}

const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?$/;
/** Airflow's date filters, on ISO 8601 texts. */
function date(value: unknown, make: (day: string, time: string, zone: string) => string): string {
  const match = DATE.exec(value instanceof Date ? value.toISOString() : asText(value));
  if (match === null) return refused('needs a date such as "2026-01-31T12:00:00+00:00"');
  const [, day = '', time = '00:00:00', zone = '+00:00'] = match;
  return make(day, time, zone === 'Z' ? '+00:00' : zone);
}
const digits = (text: string) => text.replace(/[-:]/g, '');

/** Every filter by its name. `default` is not among them: it is the one that sees undefined names. */
export const FILTERS: Readonly<Record<string, Filter>> = {
  lower: (value) => asText(value).toLowerCase(),
  upper: (value) => asText(value).toUpperCase(),
  capitalize: (value) => asText(value).replace(/^./u, (first) => first.toUpperCase()),
  trim: (value) => asText(value).trim(),
  replace: (value, args) => {
    const [from, to] = [asArgument(args, 0), asArgument(args, 1)];
    return from === ''
      ? refused('needs a text to look for that is not empty')
      : asText(value).replaceAll(from, () => to);
  },
  truncate: (value, args) => asText(value).slice(0, Math.max(0, toInteger(args[0] ?? 255))),
  int: toInteger,
  string: (value) => (isScalar(value) ? String(value) : toJson(value)),
  length: (value) =>
    typeof value === 'string' || Array.isArray(value) ? value.length : refused('needs a text or a list'),
  first: (value) => (Array.isArray(value) && value.length > 0 ? value[0] : refused('needs a list that is not empty')),
  last: (value) =>
    Array.isArray(value) && value.length > 0 ? value.at(-1) : refused('needs a list that is not empty'),
  join: (value, args) =>
    Array.isArray(value) && value.every(isScalar)
      ? value.join(asArgument(args, 0, ''))
      : refused('needs a list of plain values'),
  tojson: toJson,
  ds: (value) => date(value, (day) => day),
  ds_nodash: (value) => date(value, digits),
  ts: (value) => date(value, (day, time, zone) => `${day}T${time}${zone}`),
  ts_nodash: (value) => date(value, (day, time) => `${digits(day)}T${digits(time)}`),
};
