/** JSON patch (RFC 6902) with the leniences of the library that the API server uses. */
import { PatchError } from './strategic-merge.js';

type Container = Record<string, unknown> | unknown[];

function clone<T>(value: T): T {
  if (Array.isArray(value)) return value.map(clone) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, clone(item)])) as T;
}

function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const leftNames = Object.keys(left);
  if (leftNames.length !== Object.keys(right).length) return false;
  return leftNames.every(
    (name) =>
      name in right && sameJson((left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name]),
  );
}

function unfit(message: string): PatchError {
  return new PatchError(message, true);
}

function segments(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.includes('/')))
    throw unfit(`bad path ${JSON.stringify(pointer)}`);
  // What stands before the first slash is ignored, as it is by the API server.
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function indexOf(list: readonly unknown[], part: string, limit: number): number {
  if (!/^-?\d+$/.test(part)) throw unfit(`no index: ${part}`);
  const at = Number(part) < 0 ? Number(part) + list.length : Number(part);
  if (at < 0 || at > limit) throw unfit(`index out of range: ${part}`);
  return at;
}

class Document {
  #root: unknown;

  constructor(root: unknown) {
    this.#root = clone(root);
  }

  get root(): unknown {
    return this.#root;
  }

  #holder(parts: readonly string[]): Container {
    let node: unknown = this.#root;
    for (const part of parts.slice(0, -1)) {
      if (Array.isArray(node)) node = node[indexOf(node, part, node.length - 1)];
      else if (typeof node === 'object' && node !== null) node = (node as Record<string, unknown>)[part];
      else node = undefined;
    }
    if (typeof node !== 'object' || node === null) throw unfit(`missing path /${parts.join('/')}`);
    return node as Container;
  }

  get(pointer: unknown): unknown {
    const parts = segments(pointer);
    const last = parts.at(-1);
    if (last === undefined) return this.#root;
    const holder = this.#holder(parts);
    return Array.isArray(holder) ? holder[indexOf(holder, last, holder.length - 1)] : holder[last];
  }

  set(pointer: unknown, value: unknown, insert: boolean): void {
    const parts = segments(pointer);
    const last = parts.at(-1);
    if (last === undefined) {
      this.#root = value;
      return;
    }
    const holder = this.#holder(parts);
    if (!Array.isArray(holder)) holder[last] = value;
    else if (insert) holder.splice(last === '-' ? holder.length : indexOf(holder, last, holder.length), 0, value);
    else holder[indexOf(holder, last, holder.length - 1)] = value;
  }

  remove(pointer: unknown): void {
    const parts = segments(pointer);
    const last = parts.at(-1);
    if (last === undefined) throw unfit('cannot remove the whole document');
    const holder = this.#holder(parts);
    if (Array.isArray(holder)) holder.splice(indexOf(holder, last, holder.length - 1), 1);
    else if (last in holder) delete holder[last];
    else throw unfit(`missing path ${String(pointer)}`);
  }
}

/**
 * Applies a JSON patch. As on the API server, `replace` of a missing key adds it.
 * @throws PatchError, `unprocessable` where the patch is well formed but does not fit.
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new PatchError('a JSON patch must be an array of operations');
  const document = new Document(target);
  for (const operation of patch) {
    if (typeof operation !== 'object' || operation === null)
      throw new PatchError('a JSON patch must be an array of operations');
    const { op, path, from, value } = operation as Record<string, unknown>;
    if (op === 'add') document.set(path, clone(value), true);
    else if (op === 'replace') document.set(path, clone(value), false);
    else if (op === 'remove') document.remove(path);
    else if (op === 'test') {
      if (!sameJson(document.get(path) ?? null, value ?? null)) throw unfit(`testing value ${String(path)} failed`);
    } else if (op === 'copy') document.set(path, clone(document.get(from)), true);
    else if (op === 'move') {
      const moved = document.get(from);
      document.remove(from);
      document.set(path, moved, true);
    } else throw unfit(`unexpected kind: ${String(op)}`);
  }
  return document.root;
}
