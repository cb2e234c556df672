/**
 * A pod against Kubernetes' own schema. The schema is JSON Schema, generated from the OpenAPI document; ajv would take a third of a second to
 * compile it, which would hold up the event loop at the first pod. Its few keywords are therefore read directly, and a test holds
 * the answers to ajv's.
 */
import { nearest } from '../../core/nearest.js';
import { parseQuantity } from '../../wire/quantity.js';
import { below, type Findings, isMap, type JsonMap } from './findings.js';
import { POD_SCHEMA } from './pod-schema.generated.js';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly isQuantity?: boolean;
  readonly isTime?: boolean;
}

const definitions = POD_SCHEMA.definitions as Readonly<Record<string, Schema>>;
const resolved = (schema: Schema): Schema =>
  schema.$ref === undefined ? schema : (definitions[schema.$ref.slice('#/definitions/'.length)] as Schema);

const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'list' : Number.isInteger(value) ? 'integer' : typeof value;

const WORDS: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'an object',
  string: 'a string',
  boolean: 'true or false',
  integer: 'an integer',
  number: 'a number',
};

function hasType(value: unknown, type: string): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isMap(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const MAX_QUOTED_CHOICES = 8;

function checkObject(value: JsonMap, schema: Schema, path: string, findings: Findings): void {
  const { properties, additionalProperties, required = [] } = schema;
  for (const name of required)
    if (value[name] === undefined || value[name] === null) findings.add(below(path, name), 'is required');
  for (const [name, part] of Object.entries(value)) {
    // To a server null is the same as nothing at all.
    if (part === null || part === undefined) continue;
    const known = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
    // An empty text is no choice either, where there need not be one.
    if (part === '' && known?.enum !== undefined && !required.includes(name)) continue;
    if (known !== undefined) check(part, known, below(path, name), findings);
    else if (additionalProperties) check(part, additionalProperties, below(path, name), findings);
    else if (additionalProperties === false)
      findings.add(below(path, name), 'is not a field that Kubernetes knows here', {
        hint: `did you mean ${nearest(name, Object.keys(properties ?? {}))}?`,
      });
  }
}

function check(value: unknown, schema: Schema, path: string, findings: Findings): void {
  const rule = resolved(schema);
  if (rule.isQuantity === true) {
    if (parseQuantity(value) === undefined)
      findings.add(path, 'must be a quantity, such as "500m" or "1Gi"', {
        ...(typeof value === 'string' ? { value } : {}),
        hint: 'units are m, k, M, G, T, P, E and Ki, Mi, Gi, Ti, Pi, Ei',
      });
    return;
  }
  if (rule.type !== undefined) {
    const types = [rule.type].flat();
    if (!types.some((type) => hasType(value, type))) {
      const quote = types.includes('string') && ['number', 'integer', 'boolean'].includes(typeOf(value));
      // The value itself is not shown: it may be that of a variable.
      findings.add(path, `must be ${types.map((type) => WORDS[type] ?? type).join(' or ')}, not ${typeOf(value)}`, {
        ...(quote ? { hint: 'put it in quotes' } : {}),
      });
      return;
    }
  }
  if (rule.enum !== undefined && !rule.enum.includes(value as string))
    findings.add(
      path,
      rule.enum.length > MAX_QUOTED_CHOICES
        ? 'is none of the values that Kubernetes knows here'
        : `must be one of ${rule.enum.map((one) => JSON.stringify(one)).join(', ')}`,
      { value, hint: `did you mean ${nearest(String(value), rule.enum)}?` },
    );
  if (typeof value === 'number' && rule.minimum !== undefined && (value < rule.minimum || value > Number(rule.maximum)))
    findings.add(path, `must be from ${rule.minimum} to ${rule.maximum}`, { value });
  if (rule.isTime === true && !TIME.test(value as string))
    findings.add(path, 'must be a time such as "2026-01-31T12:00:00Z"', { value });
  if (isMap(value)) checkObject(value, rule, path, findings);
  else if (Array.isArray(value) && rule.items !== undefined)
    for (const [index, item] of value.entries()) check(item, rule.items, below(path, index), findings);
}

/** Notes everything in which a value is no pod by its form: types, unknown fields, missing fields, enumerations. */
export function checkPodSchema(pod: unknown, findings: Findings): void {
  check(pod, POD_SCHEMA as Schema, '', findings);
}
