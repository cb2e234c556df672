/** Small helpers on JSON values; stored objects are never changed, so each write starts from a copy. */

/** A JSON object of unknown shape. */
export type JsonMap = { [field: string]: unknown };

/** Whether the value is a JSON object. */
export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A deep copy of a JSON value. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = new Array(value.length);
    for (let i = 0; i < value.length; i++) list[i] = cloneJson(value[i]);
    return list as T;
  }
  const copy: JsonMap = {};
  for (const field in value) copy[field] = cloneJson((value as JsonMap)[field]);
  return copy as T;
}

/** Whether two JSON values are equal; an absent field equals one that is `undefined`. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => sameJson(item, right[index]));
  }
  for (const field in left) if (!sameJson((left as JsonMap)[field], (right as JsonMap)[field])) return false;
  for (const field in right)
    if ((left as JsonMap)[field] === undefined && (right as JsonMap)[field] !== undefined) return false;
  return true;
}

/** The value at a path such as `spec.nodeName`, or `undefined`. */
export function valueAt(value: unknown, path: string): unknown {
  let node = value;
  for (const part of path.split('.')) {
    if (!isMap(node)) return undefined;
    node = node[part];
  }
  return node;
}
