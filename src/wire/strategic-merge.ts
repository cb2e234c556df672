/**
 * Two of the patches Kubernetes knows, as pure functions on JSON values: strategic merge by the merge keys of pods, nodes and their
 * kin, and JSON merge patch (RFC 7386). No argument is ever changed; results may share parts with them.
 *
 * What a strategic merge does with each directive, and in which order lists end up, is recorded from the real thing in
 * test/pod/golden; the oddities below are the API's.
 */
import { isMergeList, mergeKeyOf } from './merge-keys.js';

/** A patch cannot be applied; `unprocessable` tells a patch that is well formed from one that is not. */
export class PatchError extends Error {
  /** Whether the patch was understood but does not fit the object. */
  readonly unprocessable: boolean;

  constructor(message: string, unprocessable = false) {
    super(message);
    this.name = 'PatchError';
    this.unprocessable = unprocessable;
  }
}

type JsonMap = Record<string, unknown>;

const DIRECTIVE = '$patch';
const RETAIN = '$retainKeys';
const ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A plain property even for `__proto__`, which JSON may contain and assignment would take for the prototype. */
function set(target: JsonMap, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  else target[name] = value;
}

/** A value as Go prints it, which is what the API server's messages show. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isMap(value)) return value === null ? '<nil>' : String(value);
  const fields = Object.keys(value).sort();
  return `map[${fields.map((field) => `${field}:${goText(value[field])}`).join(' ')}]`;
}

function sameItem(key: string | undefined, left: unknown, right: unknown): boolean {
  if (key === undefined) return left === right;
  return isMap(left) && isMap(right) && left[key] !== undefined && left[key] === right[key];
}

function indexIn(list: readonly unknown[], item: unknown, key: string | undefined): number {
  return list.findIndex((candidate) => sameItem(key, candidate, item));
}

/** Items in the order asked for; items that only the server has stand before the first asked-for item that they preceded there. */
function ordered(
  merged: readonly unknown[],
  order: readonly unknown[],
  live: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const asked: { item: unknown; at: number }[] = [];
  const serverOnly: { item: unknown; at: number }[] = [];
  for (const item of merged) {
    const at = indexIn(order, item, key);
    if (at < 0) serverOnly.push({ item, at: indexIn(live, item, key) });
    else asked.push({ item, at });
  }
  asked.sort((a, b) => a.at - b.at);
  serverOnly.sort((a, b) => a.at - b.at);
  const result: unknown[] = [];
  let next = 0;
  for (const { item } of asked) {
    const liveAt = indexIn(live, item, key);
    for (; liveAt >= 0 && next < serverOnly.length; next += 1) {
      const { item: other, at } = serverOnly[next] as { item: unknown; at: number };
      if (at < 0 || at >= liveAt) break;
      result.push(other);
    }
    result.push(item);
  }
  return [...result, ...serverOnly.slice(next).map(({ item }) => item)];
}

/** What a decoder would leave of a value that was taken over as it is: neither nulls nor directives are fields of any object. */
function decoded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decoded);
  if (!isMap(value)) return value;
  const result: JsonMap = {};
  for (const [name, part] of Object.entries(value))
    if (part !== null && !name.startsWith('$')) set(result, name, decoded(part));
  return result;
}

const DROPPED = Symbol('dropped');

/** A value for a field that was not there: a directive has nothing to act on, and goes with the map that carries it. */
function added(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(added).filter((item) => item !== DROPPED);
  if (!isMap(value)) return value;
  if (DIRECTIVE in value) return DROPPED;
  const result: JsonMap = {};
  for (const [name, part] of Object.entries(value)) {
    const kept = part === null || name.startsWith('$') ? DROPPED : added(part);
    if (kept !== DROPPED) set(result, name, kept);
  }
  return result;
}

/** Refuses lists whose items are not all of one kind, as the API does. */
function isListOfMaps(items: readonly unknown[], field: string): boolean {
  const maps = items.filter(isMap).length;
  if (maps !== 0 && maps !== items.length)
    throw new PatchError(`the items of the list ${field} are not all of one type`);
  return maps > 0;
}

function unknownDirective(patch: JsonMap): PatchError {
  return new PatchError(`unknown patch type: ${String(patch[DIRECTIVE])} in map: ${goText(patch)}`);
}

/** Carries out the directives that stand as items in a list. */
function withoutDirectives(
  live: readonly unknown[],
  patch: readonly unknown[],
  key: string,
): { base: unknown[]; items: JsonMap[]; isReplaced: boolean } {
  let base = [...live];
  const items: JsonMap[] = [];
  let isReplaced = false;
  for (const item of patch as readonly JsonMap[]) {
    if (!(DIRECTIVE in item)) items.push(item);
    else if (item[DIRECTIVE] === 'delete') {
      needsKey(item, key);
      base = base.filter((candidate) => !sameItem(key, candidate, item));
    } else if (item[DIRECTIVE] === 'replace') isReplaced = true;
    else if (item[DIRECTIVE] === 'merge') throw new PatchError('merging lists cannot yet be specified in the patch');
    else throw unknownDirective(item);
  }
  return { base, items, isReplaced };
}

function needsKey(item: JsonMap, key: string): void {
  if (item[key] === undefined) throw new PatchError(`map: ${goText(item)} does not contain declared merge key: ${key}`);
}

/** A merged list, and the places that its items are taken to have had before. */
interface MergedList {
  readonly list: unknown[];
  readonly places: readonly unknown[];
}

function mergeList(live: readonly unknown[], patch: readonly unknown[], field: string): MergedList {
  if (!isMergeList(field)) return { list: decoded(patch) as unknown[], places: live };
  const key = mergeKeyOf(field);
  if (!isListOfMaps([...live, ...patch], field)) {
    const merged = [...new Set([...live, ...patch])];
    return { list: ordered(merged, patch, live, undefined), places: live };
  }
  if (key === undefined) throw new PatchError(`cannot merge lists without merge key for ${field}`);
  const { base, items, isReplaced } = withoutDirectives(live, patch, key);
  for (const item of items) needsKey(item, key);
  if (isReplaced) return { list: decoded(items) as unknown[], places: base };
  const merged = [...base];
  for (const item of items) {
    const at = indexIn(merged, item, key);
    if (at < 0) merged.push(item);
    else merged[at] = mergeMap(merged[at] as JsonMap, item);
  }
  // The API appends in place: an added item takes the place that a deleted one left at the end, which an order asked for then goes by.
  return { list: ordered(merged.map(decoded), items, base, key), places: merged.slice(0, live.length) };
}

/** Drops the fields of the live map that the patch does not list; the patch must list all it sets. */
function retain(result: JsonMap, patch: JsonMap): void {
  const names = patch[RETAIN];
  if (!Array.isArray(names)) throw new PatchError(`expected a list of field names in ${RETAIN}, got ${goText(names)}`);
  const retained = new Set(names);
  for (const [name, value] of Object.entries(patch))
    if (value !== null && !name.startsWith('$') && !retained.has(name))
      throw new PatchError(`invalid patch format of retainKeys: it sets ${name}, which it does not list`);
  for (const name of Object.keys(result)) if (!retained.has(name)) delete result[name];
}

/** Items must stand in the order asked for; a `$patch: replace` among them counts for nothing as long as the order has not run out. */
function checkOrder(items: readonly unknown[], order: readonly unknown[], key: string | undefined): void {
  const wanted = items.filter((item) => !(isMap(item) && item[DIRECTIVE] === 'delete'));
  if (order.length === 0 || wanted.length === 0) return;
  let at = 0;
  for (const entry of order) {
    while (at < wanted.length && isReplace(wanted[at])) at += 1;
    if (at < wanted.length && sameItem(key, entry, wanted[at])) at += 1;
  }
  if (at < wanted.length)
    throw new PatchError(
      `The order in patch list:\n${goText(items)}\n doesn't match ${ORDER.slice(0, -1)} list:\n${goText(order)}\n`,
    );
}

const isReplace = (item: unknown): boolean => isMap(item) && item[DIRECTIVE] === 'replace';

/** Merges a list in the order that the patch asks for, and tells its name. */
function reorder(result: JsonMap, patch: JsonMap, directive: string): string {
  const field = directive.slice(ORDER.length);
  const order = patch[directive];
  const live = result[field] ?? [];
  const items = patch[field] ?? [];
  if (!Array.isArray(order) || !Array.isArray(live) || !Array.isArray(items) || patch[field] === null)
    throw new PatchError(`expected lists for ${directive} and ${field}`);
  if (!(field in result) && !(field in patch)) return field;
  if (live.length + items.length === 0) throw new PatchError(`no elements to order in ${field}`);
  const key = mergeKeyOf(field);
  if (key !== undefined)
    for (const item of [...order, ...items]) if (isMap(item) && !(DIRECTIVE in item)) needsKey(item, key);
  checkOrder(items, order, key);
  const { list, places } =
    field in result
      ? field in patch
        ? mergeList(live, items, field)
        : { list: live, places: live }
      : { list: added(items) as unknown[], places: [] };
  result[field] = ordered(list, order, places, key);
  return field;
}

/** One field of the live map. */
function mergeField(result: JsonMap, name: string, value: unknown): void {
  const current = Object.hasOwn(result, name) ? result[name] : undefined;
  if (value === null) delete result[name];
  else if (isMap(value) && isMap(current)) set(result, name, mergeMap(current, value));
  else if (Array.isArray(value) && Array.isArray(current)) set(result, name, mergeList(current, value, name).list);
  else {
    const kept = added(value);
    if (kept !== DROPPED) set(result, name, kept);
  }
}

/** Takes scalars out of a list. */
function deleteFrom(result: JsonMap, directive: string, value: unknown): void {
  const field = directive.slice(DELETE_FROM.length);
  const list = result[field];
  if (!Array.isArray(list) || !Array.isArray(value)) return;
  result[field] = list.filter((item) => !value.includes(item));
}

function mergeMap(target: JsonMap, patch: JsonMap): JsonMap {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') return decoded(patch) as JsonMap;
  if (directive === 'delete') return {};
  if (DIRECTIVE in patch) throw unknownDirective(patch);
  const result: JsonMap = { ...target };
  if (RETAIN in patch) retain(result, patch);
  const done = new Set<string>();
  for (const name of Object.keys(patch)) if (name.startsWith(ORDER)) done.add(reorder(result, patch, name));
  for (const [name, value] of Object.entries(patch)) {
    if (name === RETAIN || name.startsWith(ORDER) || done.has(name)) continue;
    if (name.startsWith(DELETE_FROM)) deleteFrom(result, name, value);
    else mergeField(result, name, value);
  }
  return result;
}

/**
 * Applies a strategic merge patch: maps merge, `null` deletes, lists with a merge key merge item by item, other lists are replaced.
 * Knows `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…`.
 * @throws PatchError where an item lacks its merge key, or a directive is unknown or stands where it cannot.
 */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) throw new PatchError('a strategic merge patch must be an object');
  return mergeMap(isMap(target) ? target : {}, patch);
}

/** Applies a JSON merge patch (RFC 7386): maps merge, `null` deletes, everything else is replaced. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result: JsonMap = isMap(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else set(result, name, mergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value));
  }
  return result;
}
