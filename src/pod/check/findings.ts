/** What the checks of a pod share: a list of findings with paths, and the shapes of names that Kubernetes knows. */
import type { ConfigProblem } from '../../errors.js';

/** Any JSON object. */
export type JsonMap = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object. */
export const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Own, non-null field of something that should be an object. */
export const field = (value: unknown, name: string): unknown =>
  isMap(value) && Object.hasOwn(value, name) ? (value[name] ?? undefined) : undefined;

/** Items of something that should be a list, and objects among them only. */
export const maps = (value: unknown): JsonMap[] => (Array.isArray(value) ? value.filter(isMap) : []);

/** Text of something that should be text. */
export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Path of a field below another: `spec` and `containers` make `spec.containers`, and `["a.b/c"]` where a name is no word. */
export function below(path: string, name: string | number): string {
  if (typeof name === 'number') return `${path}[${name}]`;
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

/** Collects what is wrong, in the order of finding. */
export class Findings {
  readonly problems: ConfigProblem[] = [];

  /** Notes a broken rule. Give a value only where it cannot be a secret. */
  add(path: string, rule: string, more: { value?: unknown; hint?: string } = {}): void {
    this.problems.push({ field: path, rule, ...more });
  }

  /** Notes a text that does not have the shape it must have; other types are the schema's to find. */
  shape(path: string, value: unknown, shape: Shape): void {
    if (typeof value === 'string' && !shape.test(value)) this.add(path, shape.rule, { value });
  }

  /** Notes the later ones of equal texts. */
  unique(path: string, values: readonly (string | undefined)[], name: string, what: string): void {
    const first = new Map<string, number>();
    for (const [index, value] of values.entries()) {
      if (value === undefined) continue;
      const before = first.get(value);
      if (before === undefined) first.set(value, index);
      else
        this.add(
          name === '' ? below(path, index) : below(below(path, index), name),
          `must be unique among the ${what}`,
          {
            value,
            hint: `${below(path, before)} has it already`,
          },
        );
    }
  }
}

/** A shape that a text must have, with the rule as a sentence. */
export interface Shape {
  readonly rule: string;
  test(value: string): boolean;
}

const matching = (pattern: RegExp, max: number, rule: string): Shape => ({
  rule,
  test: (value) => value.length <= max && pattern.test(value),
});

/** RFC 1123 label. */
export const DNS_LABEL = matching(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
  'must be a DNS label: lower-case letters, digits and -, starting and ending with a letter or digit, at most 63 characters',
);
/** RFC 1123 subdomain. */
export const DNS_SUBDOMAIN = matching(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  253,
  'must be a DNS name: lower-case letters, digits, - and ., each part starting and ending with a letter or digit, at most 253 characters',
);
/** Value of a label. */
export const LABEL_VALUE = matching(
  /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/,
  63,
  'must be a label value: letters, digits, -, _ and ., starting and ending with a letter or digit, at most 63 characters',
);
const LABEL_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
/** Key of a label or an annotation. */
export const QUALIFIED_NAME: Shape = {
  rule: 'must be a qualified name: at most 63 letters, digits, -, _ and ., with an optional DNS prefix and / before it',
  test: (value) => {
    const parts = value.split('/');
    const name = parts.at(-1) as string;
    if (parts.length > 2 || name.length > 63 || !LABEL_NAME.test(name)) return false;
    return parts.length === 1 || DNS_SUBDOMAIN.test(parts[0] as string);
  },
};
/** Name of an environment variable, as servers since 1.34 take it. */
export const ENV_NAME = matching(
  /^[\x20-\x3c\x3e-\x7e]+$/,
  Number.POSITIVE_INFINITY,
  'must be the name of a variable: printable ASCII without =',
);
/** Name of a port. */
export const PORT_NAME: Shape = {
  rule: 'must be a port name: at most 15 lower-case letters, digits and single -, with at least one letter',
  test: (value) =>
    value.length <= 15 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value) && /[a-z]/.test(value) && !value.includes('--'),
};
/** Key of a ConfigMap or Secret. */
export const CONFIG_KEY: Shape = {
  rule: 'must be a key: letters, digits, -, _ and ., at most 253 characters, and not . or ..',
  test: (value) => value.length <= 253 && /^[-._A-Za-z0-9]+$/.test(value) && value !== '.' && !value.startsWith('..'),
};
/** A path inside a volume. */
export const INNER_PATH: Shape = {
  rule: 'must be a relative path without ..',
  test: (value) => !value.startsWith('/') && !value.split('/').includes('..'),
};
