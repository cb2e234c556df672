/** Walks over values by their type: which fields they set, and how two of them differ. */
import { fieldOf } from '../decode.js';
import { isMap, type JsonMap, sameJson } from '../json.js';
import { FieldSet } from './field-set.js';
import { isAtomicMap, isAtomicType, type ListKind, listKind } from './topology.js';

/** A value's type, and how it is merged. */
export interface Shape {
  readonly kind: 'leaf' | 'struct' | 'map' | 'list';
  /** Name of the struct, or type of the map's or list's items. */
  readonly type: string;
  readonly list: ListKind;
}

const LEAF: Shape = { kind: 'leaf', type: '', list: 'atomic' };
const SCALARS = new Set(['s', 'b', 'i', 'l', 'n', 'q', 't', 'm', 'x', '*']);

function shapeOfType(type: string): Shape {
  if (SCALARS.has(type) || isAtomicType(type)) return LEAF;
  return { kind: 'struct', type, list: 'atomic' };
}

/** The shape of a kind's objects. */
export function shapeOfKind(kind: string): Shape {
  return { kind: 'struct', type: kind, list: 'atomic' };
}

/** The shape of a field, or `undefined` where the type has no such field. */
export function shapeOfField(struct: string, field: string): Shape | undefined {
  if (field === 'apiVersion' || field === 'kind') {
    const own = fieldOf(struct, field);
    return own === undefined ? LEAF : shapeOfType(own);
  }
  const type = fieldOf(struct, field);
  if (type === undefined) return undefined;
  if (type.startsWith('[]')) {
    const list = listKind(struct, field);
    return list === 'atomic' ? LEAF : { kind: 'list', type: type.slice(2), list };
  }
  if (type.startsWith('{}'))
    return isAtomicMap(struct, field) ? LEAF : { kind: 'map', type: type.slice(2), list: 'atomic' };
  return shapeOfType(type);
}

/** The element of a path that names an item of a list. */
export function itemElement(shape: Shape, item: unknown): string {
  if (shape.list === 'set' || !isMap(item)) return `v:${JSON.stringify(item)}`;
  const keys = Object.fromEntries(
    (shape.list as readonly string[]).map((key) => [key, item[key] ?? (key === 'protocol' ? 'TCP' : '')]),
  );
  return `k:${JSON.stringify(keys)}`;
}

/** The parts of a value by their path elements, each with its shape. */
export function partsOf(shape: Shape, value: unknown): Map<string, { shape: Shape; value: unknown }> {
  const parts = new Map<string, { shape: Shape; value: unknown }>();
  if (shape.kind === 'list') {
    const inner = shapeOfType(shape.type);
    for (const item of Array.isArray(value) ? value : []) {
      const element = itemElement(shape, item);
      const other = parts.get(element);
      // Items that share a key cannot be told apart, and are owned together.
      if (other === undefined) parts.set(element, { shape: inner, value: item });
      else parts.set(element, { shape: LEAF, value: [other.value, item] });
    }
    return parts;
  }
  const inner = shape.kind === 'map' ? shapeOfType(shape.type) : undefined;
  for (const [field, item] of Object.entries(isMap(value) ? value : {})) {
    const part = inner ?? shapeOfField(shape.type, field);
    if (part !== undefined && item !== undefined) parts.set(`f:${field}`, { shape: part, value: item });
  }
  return parts;
}

function isBlank(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0;
}

/** What differs between two values. */
export interface Comparison {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

/** Compares two values of a shape; `undefined` is a value that is not there. */
export function compare(shape: Shape, before: unknown, after: unknown): Comparison {
  const result = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() };
  walk(shape, before, after, [], result);
  return result;
}

function walk(shape: Shape, before: unknown, after: unknown, path: readonly string[], result: Comparison): void {
  if (before === undefined && after === undefined) return;
  if (shape.kind === 'leaf' || (isBlank(before) && isBlank(after))) {
    if (before === undefined) result.added.insert(path);
    else if (after === undefined) result.removed.insert(path);
    else if (!sameJson(before, after)) result.modified.insert(path);
    return;
  }
  if (before === after) return;
  const old = partsOf(shape, before);
  const parts = partsOf(shape, after);
  for (const [element, part] of parts)
    walk(part.shape, old.get(element)?.value, part.value, [...path, element], result);
  for (const [element, part] of old)
    if (!parts.has(element)) walk(part.shape, part.value, undefined, [...path, element], result);
  if (before === undefined) result.added.insert(path);
  else if (after === undefined) result.removed.insert(path);
}

/** The fields that a value sets. */
export function fieldSetOf(shape: Shape, value: unknown): FieldSet {
  const set = new FieldSet();
  collect(shape, value, [], set);
  return set;
}

function collect(shape: Shape, value: unknown, path: readonly string[], set: FieldSet): void {
  if (shape.kind === 'leaf') {
    set.insert(path);
    return;
  }
  for (const [element, part] of partsOf(shape, value)) {
    const below = [...path, element];
    collect(part.shape, part.value, below, set);
    const isBlankMap = part.value === null || (isMap(part.value) && Object.keys(part.value).length === 0);
    if (shape.kind !== 'struct' || isBlankMap) set.insert(below);
  }
}

/** Merges what a configuration sets into a live value: items by key, live ones first. */
export function merge(shape: Shape, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  if (shape.kind === 'leaf' || live === undefined || live === null || config === null) return config;
  if (shape.kind === 'list') return mergeLists(shape, live, config);
  const result: JsonMap = { ...(isMap(live) ? live : {}) };
  const known = partsOf(shape, live);
  for (const [element, part] of partsOf(shape, config))
    result[element.slice(2)] = merge(part.shape, known.get(element)?.value, part.value);
  return result;
}

function mergeLists(shape: Shape, live: unknown, config: unknown): unknown[] {
  const known = partsOf(shape, live);
  const wanted = partsOf(shape, config);
  const result: unknown[] = [];
  // The configuration's order decides; items that only the server has go before what comes after them.
  const rest = [...known.keys()];
  const order = [...wanted.keys()];
  for (const [index, element] of order.entries()) {
    const nextShared = order.slice(index).find((other) => known.has(other));
    for (let head = rest[0]; head !== undefined; head = rest[0]) {
      if (!wanted.has(head)) result.push(known.get(head)?.value);
      else if (nextShared === undefined || head === nextShared) break;
      rest.shift();
    }
    if (rest[0] === element) rest.shift();
    const { shape: inner, value } = wanted.get(element) as { shape: Shape; value: unknown };
    result.push(merge(inner, known.get(element)?.value, value));
  }
  for (const element of rest) if (!wanted.has(element)) result.push(known.get(element)?.value);
  return result;
}

/** A value without the parts that `shouldGo` names by their paths. */
export function prune(
  shape: Shape,
  value: unknown,
  shouldGo: (path: readonly string[]) => boolean,
  path: readonly string[] = [],
): unknown {
  if (shape.kind === 'leaf' || value === undefined || value === null) return value;
  const kept: [string, unknown][] = [];
  for (const [element, part] of partsOf(shape, value)) {
    const below = [...path, element];
    if (!shouldGo(below)) kept.push([element, prune(part.shape, part.value, shouldGo, below)]);
  }
  if (shape.kind === 'list') return kept.map(([, item]) => item);
  return Object.fromEntries(kept.map(([element, item]) => [element.slice(2), item]));
}
