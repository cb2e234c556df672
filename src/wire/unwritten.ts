/** What a server would not even store: it reads an object before it patches it, and so never sees empty lists and empty maps of names. */

import { mergeKeyOf } from './merge-keys.js';

/** Maps from names to values; an empty one is the same as none. */
const NAME_MAPS: ReadonlySet<string> = new Set([
  'allocatedResources',
  'annotations',
  'capacity',
  'labels',
  'limits',
  'matchLabels',
  'nodeSelector',
  'overhead',
  'requests',
  'volumeAttributes',
]);

const isEmpty = (name: string, value: unknown): boolean =>
  Array.isArray(value)
    ? value.length === 0
    : NAME_MAPS.has(name) && typeof value === 'object' && value !== null && Object.keys(value).length === 0;

type JsonMap = Record<string, unknown>;
const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function withoutIn(value: unknown, name: string, patch: unknown): unknown {
  if (isMap(value) && isMap(patch)) return withoutUnwritten(value, patch);
  const key = mergeKeyOf(name);
  if (!Array.isArray(value) || !Array.isArray(patch) || key === undefined) return value;
  return value.map((item) => {
    const of = patch.find((one) => isMap(one) && isMap(item) && one[key] === item[key]);
    return of === undefined ? item : withoutUnwritten(item as JsonMap, of as JsonMap);
  });
}

/**
 * An object as a patch would find it on a server: without the empty lists and maps that the patch meets. Parts that it does not meet stay, and
 * are shared with the object given.
 */
export function withoutUnwritten(live: JsonMap, patch: JsonMap): JsonMap {
  const result: JsonMap = { ...live };
  for (const directive of Object.keys(patch)) {
    const name = directive.replace(/^\$setElementOrder\//, '');
    if (name === '__proto__' || !Object.hasOwn(result, name)) continue;
    if (isEmpty(name, result[name])) delete result[name];
    else if (name === directive) result[name] = withoutIn(result[name], name, patch[name]);
  }
  return result;
}
