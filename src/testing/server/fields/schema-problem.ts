/** What does not fit the types of an applied configuration, in the words of the library that merges it. */

import { fieldTypes } from '../decode.js';
import { goText } from '../go-json.js';
import { isMap } from '../json.js';
import { listKind } from './topology.js';
import { itemElement } from './typed.js';

const SCALARS: Readonly<Record<string, { readonly js: string; readonly name: string }>> = {
  s: { js: 'string', name: 'string' },
  b: { js: 'boolean', name: 'boolean' },
  i: { js: 'number', name: 'numeric (int or float)' },
  l: { js: 'number', name: 'numeric (int or float)' },
  n: { js: 'number', name: 'numeric (int or float)' },
  t: { js: 'string', name: 'string' },
  m: { js: 'string', name: 'string' },
};

/** A value as Go's `%#v` prints it. */
function goSyntax(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isMap(value)) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${goSyntax(item)}`);
  return `map[string]interface {}{${entries.join(', ')}}`;
}

function listProblem(value: readonly unknown[], type: string, path: string, owner: string, field: string) {
  const kind = listKind(owner, field);
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    let at = `[${index}]`;
    if (kind !== 'atomic') {
      const element = itemElement({ kind: 'list', type, list: kind }, item);
      const keys: unknown = JSON.parse(element.slice(2));
      const shown = isMap(keys) ? Object.entries(keys).map(([key, part]) => `${key}=${JSON.stringify(part)}`) : [];
      at = isMap(keys) ? `[${shown.join(',')}]` : `[=${JSON.stringify(keys)}]`;
      if (seen.has(element)) return `${path}: duplicate entries for key ${at}`;
      seen.add(element);
    }
    const problem = problemOf(item, type, `${path}${at}`, owner, field);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What is wrong with a value of a type; `owner` and `field` say where its type is written down. */
function problemOf(value: unknown, type: string, path: string, owner: string, field: string): string | undefined {
  if (value === null || value === undefined) return undefined;
  const scalar = SCALARS[type];
  if (scalar !== undefined) {
    if (typeof value === scalar.js) return undefined;
    return `${path}: expected ${scalar.name}, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
  }
  if (type === '*' || type === 'q' || type === 'x') return undefined;
  if (type.startsWith('[]')) {
    if (!Array.isArray(value)) return `${path}: expected list, got &{${goText(value)}}`;
    return listProblem(value, type.slice(2), path, owner, field);
  }
  if (!isMap(value)) return `${path}: expected map, got &{${goText(value)}}`;
  const fields = type.startsWith('{}') ? undefined : fieldTypes(type);
  for (const [name, item] of Object.entries(value)) {
    const inner = fields === undefined ? type.slice(2) : fields.get(name)?.type;
    if (inner === undefined) return `${path}.${name}: field not declared in schema`;
    const problem = problemOf(item, inner, `${path}.${name}`, type, name);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The first thing in a configuration of a kind that does not fit its type, or `undefined`. */
export function schemaProblem(kind: string, { apiVersion: _, kind: _kind, ...config }: Record<string, unknown>) {
  return problemOf(config, kind, '', kind, '');
}
