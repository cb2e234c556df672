/** Checks values against the published schemas (schemas/*.json) and turns what ajv says into problems that a user can act on. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import SCHEMA from '../../schemas/config.json' with { type: 'json' };
import TASKS from '../../schemas/tasks.json' with { type: 'json' };
import { nearest } from '../core/nearest.js';
import type { ConfigProblem } from '../errors.js';

const PARTS = { root: SCHEMA.$id, kubernetes: `${SCHEMA.$id}#/$defs/kubernetes`, tasks: TASKS.$id } as const;

/** Compiled on first use, since that costs more than everything else at the start of a program. */
function makeValidator(): (part: keyof typeof PARTS) => ValidateFunction {
  let ajv: Ajv | undefined;
  return (part) => {
    ajv ??= new Ajv({
      allErrors: true,
      strict: true,
      strictTypes: false,
      allowUnionTypes: true,
      verbose: true,
    }).addSchema([SCHEMA, TASKS]);
    return ajv.getSchema(PARTS[part]) as ValidateFunction;
  };
}
const validator = makeValidator();

const RULES: readonly (readonly [string, string])[] = [
  ['duration', 'must be a duration, such as "30s", "10m" or a number of milliseconds'],
  ['namespace', 'must be a DNS label: lower-case letters, digits and -, at most 63'],
  ['objectName', 'must be a name of Kubernetes: lower-case letters, digits, - and .'],
];

/** Values that may hold secrets are never shown. */
const isHidden = (path: string) => /\/env\//.test(path);

function problemOf(
  { instancePath, keyword, params, message, data, schemaPath, parentSchema }: ErrorObject,
  root: string,
) {
  const field = `${root}${instancePath.replace(/\/(\d+)/g, '[$1]').replace(/\//g, '.')}`.replace(/^\./, '');
  const value = isHidden(instancePath) ? undefined : data;
  if (keyword === 'additionalProperties') {
    const name = (params as { additionalProperty: string }).additionalProperty;
    const known = Object.keys((parentSchema as { properties?: object }).properties ?? {});
    const hint = known.length === 0 ? undefined : `did you mean ${nearest(name, known)}?`;
    return { field: field === '' ? name : `${field}.${name}`, rule: 'is not a known key', hint };
  }
  // What is missing is told by its name; the object that lacks it tells nothing.
  if (keyword === 'required') return { field, rule: message ?? 'is incomplete' };
  const rule = RULES.find(([name]) => schemaPath.includes(`$defs/${name}/`));
  if (rule !== undefined) return { field, value, rule: rule[1] };
  if (keyword === 'enum')
    return { field, value, rule: `must be one of ${(params as { allowedValues: string[] }).allowedValues.join(', ')}` };
  return { field, value, rule: message ?? 'is invalid' };
}

/** Every problem of a value, with fields below `root`; none where it is right. */
export function schemaProblems(part: keyof typeof PARTS, value: unknown, root: string): ConfigProblem[] {
  const validate = validator(part);
  if (validate(value)) return [];
  const problems = (validate.errors ?? [])
    .filter(({ keyword, schemaPath }) => keyword !== 'anyOf' || schemaPath.includes('$defs/duration/'))
    .map((error) => problemOf(error, root));
  // A duration fails by its type and by its pattern: one problem says both.
  const seen = new Set<string>();
  return problems.filter(({ field, rule }) => {
    const id = `${field} ${rule}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}
