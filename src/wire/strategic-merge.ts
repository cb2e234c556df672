/**
 * The patches Kubernetes knows, as pure functions on JSON values: strategic merge by the merge keys of pods, nodes and their
 * kin, JSON merge patch (RFC 7386) and JSON patch (RFC 6902). No argument is ever changed; results may share parts with them.
 */

/** How lists of this field name merge: by this key of their items, or as a set of scalars. All other lists are replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  imagePullSecrets: 'name',
  schedulingGates: 'name',
  secrets: 'name',
  env: 'name',
  ports: 'containerPort',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  resourceClaims: 'name',
  conditions: 'type',
  addresses: 'type',
  podIPs: 'ip',
  hostIPs: 'ip',
  ownerReferences: 'uid',
};

/** Lists of scalars that merge as sets. */
const MERGE_SETS: ReadonlySet<string> = new Set(['finalizers']);

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

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names and mounts may stand under any list of maps; scalars are compared by value. */
function sameItem(key: string | undefined, left: unknown, right: unknown): boolean {
  if (key === undefined) return left === right;
  return isMap(left) && isMap(right) && left[key] !== undefined && left[key] === right[key];
}

function indexIn(list: readonly unknown[], item: unknown, key: string | undefined): number {
  return list.findIndex((candidate) => sameItem(key, candidate, item));
}

/** Patch items in the order asked for; items only the server has stand before the first patch item that followed them. */
function ordered(
  merged: readonly unknown[],
  order: readonly unknown[],
  live: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const fromPatch: { item: unknown; at: number }[] = [];
  const serverOnly: unknown[] = [];
  for (const item of merged) {
    const at = indexIn(order, item, key);
    if (at < 0) serverOnly.push(item);
    else fromPatch.push({ item, at });
  }
  fromPatch.sort((a, b) => a.at - b.at);
  const result: unknown[] = [];
  let next = 0;
  for (const { item } of fromPatch) {
    const itemAt = indexIn(live, item, key);
    while (next < serverOnly.length && itemAt >= 0) {
      const serverAt = indexIn(live, serverOnly[next], key);
      if (serverAt < 0 || serverAt > itemAt) break;
      result.push(serverOnly[next++]);
    }
    result.push(item);
  }
  return [...result, ...serverOnly.slice(next)];
}

function stripped(value: unknown, field: string): unknown {
  if (Array.isArray(value)) {
    const items = value.filter((item) => !(isMap(item) && (item.$patch === 'delete' || item.$patch === 'replace')));
    return items.map((item) => (isMap(item) ? mergeMap({}, item, field) : item));
  }
  return isMap(value) ? mergeMap({}, value, field) : value;
}

function mergeList(live: readonly unknown[], patch: readonly unknown[], field: string): unknown[] {
  const key = MERGE_KEYS[field];
  if (patch.some((item) => isMap(item) && item.$patch === 'replace')) return stripped(patch, field) as unknown[];
  if (key === undefined) {
    if (!MERGE_SETS.has(field)) return stripped(patch, field) as unknown[];
    const merged = [...new Set([...live, ...patch])];
    return ordered(merged, patch, live, undefined);
  }
  let base = [...live];
  const items: JsonMap[] = [];
  for (const item of patch) {
    if (!isMap(item)) throw new PatchError(`cannot merge a ${typeof item} into the list ${field}`);
    if (item[key] === undefined)
      throw new PatchError(`map: ${goText(item)} does not contain declared merge key: ${key}`);
    if (item.$patch === 'delete') base = base.filter((candidate) => !sameItem(key, candidate, item));
    else if (item.$patch !== undefined && item.$patch !== 'merge') throw unknownDirective(item);
    else items.push(item);
  }
  const merged = [...base];
  for (const item of items) {
    const at = indexIn(merged, item, key);
    if (at < 0) merged.push(mergeMap({}, item, field));
    else merged[at] = mergeMap(merged[at] as JsonMap, item, field);
  }
  return ordered(merged, items, base, key);
}

function unknownDirective(patch: JsonMap): PatchError {
  return new PatchError(`unknown patch type: ${String(patch.$patch)} in map: ${goText(patch)}`);
}

/** A value as Go prints it, which is what the API server's messages show. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isMap(value)) return value === null ? '<nil>' : String(value);
  const fields = Object.keys(value).sort();
  return `map[${fields.map((field) => `${field}:${goText(value[field])}`).join(' ')}]`;
}

const ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

function mergeMap(target: JsonMap, patch: JsonMap, field: string): JsonMap {
  const directive = patch.$patch;
  if (directive === 'replace') {
    const { $patch: _, ...rest } = patch;
    return stripped(rest, field) as JsonMap;
  }
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw unknownDirective(patch);
  const result: JsonMap = { ...target };
  if (Array.isArray(patch.$retainKeys)) {
    const retained = new Set(patch.$retainKeys);
    for (const name of Object.keys(result)) if (!retained.has(name)) delete result[name];
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name === '$patch' || name === '$retainKeys' || name.startsWith(ORDER)) continue;
    if (name.startsWith(DELETE_FROM)) {
      const listName = name.slice(DELETE_FROM.length);
      const list = result[listName];
      if (Array.isArray(list) && Array.isArray(value)) result[listName] = list.filter((item) => !value.includes(item));
      continue;
    }
    const current = result[name];
    if (value === null) delete result[name];
    else if (isMap(value)) {
      // A directive has nothing to act on where the map is new, and drops it.
      if (!isMap(current) && value.$patch !== undefined) result[name] = {};
      else result[name] = mergeMap(isMap(current) ? current : {}, value, name);
    } else if (Array.isArray(value)) result[name] = mergeList(Array.isArray(current) ? current : [], value, name);
    else result[name] = value;
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(ORDER) || !Array.isArray(order)) continue;
    const listName = name.slice(ORDER.length);
    const list = result[listName];
    const live = target[listName];
    if (Array.isArray(list))
      result[listName] = ordered(list, order, Array.isArray(live) ? live : [], MERGE_KEYS[listName]);
  }
  return result;
}

/**
 * Applies a strategic merge patch: maps merge, `null` deletes, lists with a merge key merge item by item, other lists are replaced.
 * Knows `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…`.
 * @throws PatchError where an item lacks its merge key or a directive is unknown.
 */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) throw new PatchError('a strategic merge patch must be an object');
  return mergeMap(isMap(target) ? target : {}, patch, '');
}

/** Applies a JSON merge patch (RFC 7386): maps merge, `null` deletes, everything else is replaced. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const result: JsonMap = isMap(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}
