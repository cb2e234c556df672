/**
 * YAML as Kubernetes reads it, and safely: `0644` is octal and `yes` a boolean, as for kubectl; files have a size, aliases expand to a
 * limit, and names that reach into a prototype are refused. Positions are kept, so that an error can name its line.
 */
import { dump, FAILSAFE_SCHEMA, load, Type, types } from 'js-yaml';

declare module 'js-yaml' {
  /** The types of YAML 1.2; exported since 4.1, and missing in the published types. */
  export const types: Readonly<Record<'null' | 'int' | 'float', Type>>;
}

/** Text that cannot be read; the message never quotes it, since it may hold secrets. */
export class YamlError extends Error {
  /** Line, from 1, where it is known. */
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(line === undefined ? message : `${message} (line ${line})`);
    this.name = 'YamlError';
    this.line = line;
  }
}

/** A value with the places that it was read from. */
export interface YamlDocument {
  readonly value: unknown;
  /** Line, from 1, of the value at a path such as `['spec', 'containers', 0]`, or of the nearest part above it. */
  lineOf(path: readonly (string | number)[]): number | undefined;
}

/** Larger files are neither pods nor configuration. */
const MAX_CHARS = 1024 * 1024;
/** Values that a document may have once its aliases are written out. */
const MAX_VALUES = 100_000;
const MAX_DEPTH = 100;

const OCTAL = /^[-+]?0[0-7_]*[0-7]$/;
/** Digits may be grouped with underscores, as in `1_000`. */
const GROUPED = /^[-+]?\d[\d_]*_[\d_]*(\.\d*)?([eE][-+]?\d+)?$/;
const BOOLEANS: Readonly<Record<string, boolean>> = {
  y: true,
  n: false,
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
};
const isWordOf = (text: string) =>
  text === text.toLowerCase() || text === text.toUpperCase() || /^[A-Z][a-z]+$/.test(text);

const bool = new Type('tag:yaml.org,2002:bool', {
  kind: 'scalar',
  resolve: (data: unknown) => typeof data === 'string' && isWordOf(data) && Object.hasOwn(BOOLEANS, data.toLowerCase()),
  construct: (data: string) => BOOLEANS[data.toLowerCase()],
  predicate: (value) => typeof value === 'boolean',
  represent: (value) => String(value),
});
const octal = new Type('tag:podwright.dev,2026:octal', {
  kind: 'scalar',
  resolve: (data: unknown) => typeof data === 'string' && OCTAL.test(data),
  construct: (data: string) => Number.parseInt(data.replace(/_/g, ''), 8),
});
const grouped = new Type('tag:podwright.dev,2026:grouped', {
  kind: 'scalar',
  resolve: (data: unknown) => typeof data === 'string' && GROUPED.test(data),
  construct: (data: string) => Number(data.replace(/_/g, '')),
});
/** The scalars that Kubernetes reads from YAML. */
export const KUBERNETES_SCHEMA = FAILSAFE_SCHEMA.extend({
  implicit: [types.null, bool, octal, grouped, types.int, types.float],
});

interface Place {
  readonly line: number;
  readonly children: Place[];
  value: unknown;
  kind: string | undefined;
}

/** Collects where each value stands, from what the parser says while it reads. */
function makeListener(): { readonly root: () => Place | undefined; listener(event: string, state: unknown): void } {
  const open: Place[] = [];
  let root: Place | undefined;
  return {
    root: () => root,
    listener(event, raw) {
      const state = raw as { line: number; result: unknown; kind: string | null };
      if (event === 'open') {
        open.push({ line: state.line + 1, children: [], value: undefined, kind: undefined });
        return;
      }
      const place = open.pop();
      if (place === undefined) return;
      place.value = state.result;
      place.kind = state.kind ?? undefined;
      const parent = open.at(-1);
      if (parent === undefined) root = place;
      else parent.children.push(place);
    },
  };
}

function lineIn(root: Place | undefined, path: readonly (string | number)[]): number | undefined {
  let place = root;
  let line = root?.line;
  for (const step of path) {
    if (place === undefined) return line;
    let next: Place | undefined;
    if (place.kind === 'sequence' && typeof step === 'number') next = place.children[step];
    else if (place.kind === 'mapping') {
      const at = place.children.findIndex((child, index) => index % 2 === 0 && String(child.value) === String(step));
      if (at >= 0) {
        line = place.children[at]?.line;
        next = place.children[at + 1];
        place = next;
        continue;
      }
    }
    if (next === undefined) return line;
    line = next.line;
    place = next;
  }
  return line;
}

/** Refuses names that assignment would take for a prototype, loops, and documents that grow beyond all measure. */
function checkValue(root: unknown): void {
  const sizes = new Map<object, number>();
  const above = new Set<object>();
  const size = (value: unknown, depth: number): number => {
    if (typeof value !== 'object' || value === null) return 1;
    const known = sizes.get(value);
    if (known !== undefined) return known;
    if (above.has(value)) throw new YamlError('an alias stands within what it stands for');
    if (depth > MAX_DEPTH) throw new YamlError(`it is nested more than ${MAX_DEPTH} deep`);
    above.add(value);
    let sum = 1;
    for (const [name, part] of Object.entries(value)) {
      if (name === '__proto__' || name === 'constructor' || name === 'prototype')
        throw new YamlError(`the name ${name} is not allowed`);
      sum += size(part, depth + 1);
      if (sum > MAX_VALUES) throw new YamlError(`its aliases expand to more than ${MAX_VALUES} values`);
    }
    above.delete(value);
    sizes.set(value, sum);
    return sum;
  };
  size(root, 0);
}

/**
 * Reads one document of YAML or JSON.
 * @throws YamlError
 */
export function parseYaml(text: string): YamlDocument {
  if (text.length > MAX_CHARS) throw new YamlError('it is larger than 1 MiB');
  const { root, listener } = makeListener();
  let value: unknown;
  try {
    value = load(text, { schema: KUBERNETES_SCHEMA, listener: listener as never });
  } catch (error) {
    const { mark, reason } = error as { mark?: { line: number }; reason?: string };
    throw new YamlError(
      reason === undefined ? 'it cannot be read' : reason.replace(/"[^"]*"|'[^']*'/g, '…'),
      mark === undefined ? undefined : mark.line + 1,
    );
  }
  checkValue(value);
  return { value, lineOf: (path) => lineIn(root(), path) };
}

/** A value as YAML, without aliases, so that every part can be read where it stands. Strings that would be read as something else are quoted. */
export function formatYaml(value: unknown): string {
  return dump(value, { schema: KUBERNETES_SCHEMA, noRefs: true, lineWidth: -1, noCompatMode: false });
}
