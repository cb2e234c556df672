/** Sets of paths of fields, in the form that `managedFields` writes them: a tree whose edges are `f:name`, `k:{keys}` or `v:value`. */
import { isMap, type JsonMap } from '../json.js';

/** A set of paths. */
export class FieldSet {
  /** Whether the path that leads here is in the set itself. */
  isMember = false;
  readonly children = new Map<string, FieldSet>();

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    if (this.isMember) return false;
    for (const child of this.children.values()) if (!child.isEmpty) return false;
    return true;
  }

  /** Adds a path. */
  insert(path: readonly string[]): void {
    let node: FieldSet = this;
    for (const element of path) {
      let child = node.children.get(element);
      if (child === undefined) {
        child = new FieldSet();
        node.children.set(element, child);
      }
      node = child;
    }
    node.isMember = true;
  }

  /** What is below a path, or `undefined`. */
  at(path: readonly string[]): FieldSet | undefined {
    let node: FieldSet | undefined = this;
    for (const element of path) node = node?.children.get(element);
    return node;
  }

  /** This set with another's paths. */
  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    result.isMember = this.isMember || other.isMember;
    for (const [element, child] of this.children)
      result.children.set(element, child.union(other.children.get(element) ?? new FieldSet()));
    for (const [element, child] of other.children) if (!this.children.has(element)) result.children.set(element, child);
    return result;
  }

  /** The paths that are in both. */
  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    result.isMember = this.isMember && other.isMember;
    for (const [element, child] of this.children) {
      const match = other.children.get(element);
      if (match !== undefined) result.children.set(element, child.intersection(match));
    }
    return result;
  }

  /** This set without another's paths. */
  difference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    result.isMember = this.isMember && !other.isMember;
    for (const [element, child] of this.children) {
      const match = other.children.get(element);
      result.children.set(element, match === undefined ? child : child.difference(match));
    }
    return result;
  }

  /** This set without a path and everything below it. */
  without(path: readonly string[]): FieldSet {
    const [first, ...rest] = path;
    if (first === undefined) return new FieldSet();
    const child = this.children.get(first);
    if (child === undefined) return this;
    const result = new FieldSet();
    result.isMember = this.isMember;
    for (const [element, other] of this.children)
      result.children.set(element, element === first ? child.without(rest) : other);
    return result;
  }

  /** Every path in the set, in order. */
  *paths(prefix: readonly string[] = []): Generator<readonly string[]> {
    if (this.isMember) yield prefix;
    for (const element of [...this.children.keys()].sort())
      yield* (this.children.get(element) as FieldSet).paths([...prefix, element]);
  }

  /** The form in `fieldsV1`. */
  toJson(): JsonMap {
    const result: JsonMap = {};
    for (const element of [...this.children.keys()].sort()) {
      const child = this.children.get(element) as FieldSet;
      if (child.isEmpty) continue;
      const inner = child.toJson();
      result[element] = child.isMember && Object.keys(inner).length > 0 ? { '.': {}, ...inner } : inner;
    }
    return result;
  }

  /** Reads the form in `fieldsV1`. */
  static fromJson(json: unknown): FieldSet {
    const result = new FieldSet();
    if (!isMap(json)) return result;
    for (const [element, inner] of Object.entries(json)) {
      if (element === '.') {
        result.isMember = true;
        continue;
      }
      const child = FieldSet.fromJson(inner);
      if (isMap(inner) && Object.keys(inner).length === 0) child.isMember = true;
      result.children.set(element, child);
    }
    return result;
  }
}

/** A path as messages show it, such as `.spec.containers[name="base"].image`. */
export function pathText(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const keys = JSON.parse(rest) as Record<string, unknown>;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}
