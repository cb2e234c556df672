/**
 * Evaluates the part of Jinja that pods need: names, their fields, filters, comparisons and conditions. There are no calls, loops,
 * assignments or macros, so that a template can neither run code nor take long; a name that is not there is an error. The grammar is the
 * library's; only its syntax tree is used.
 */
import { nearest } from '../../core/nearest.js';
import { FILTERS } from './filters.js';
import { Missing, refused } from './values.js';

/** A node of the library's syntax tree, as far as it is used. */
export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Longest text that a template may make. */
const MAX_OUTPUT_CHARS = 128 * 1024;

const nodeOf = (value: unknown) => value as Node;
const nodesOf = (value: unknown) => (value ?? []) as readonly Node[];

function known(value: unknown): unknown {
  if (!(value instanceof Missing)) return value;
  const { path, known: names } = value;
  return refused(
    `uses "${path}", which is not there`,
    names.length === 0
      ? undefined
      : `did you mean ${nearest(path.split('.').at(-1) as string, names)}? or give a default: {{ ${path} | default('…') }}`,
  );
}

function textOf(value: unknown): string {
  const plain = known(value);
  if (plain === null) return 'None';
  if (typeof plain === 'boolean') return plain ? 'True' : 'False';
  if (typeof plain === 'string' || typeof plain === 'number') return String(plain);
  if (plain instanceof Date) return plain.toISOString();
  return refused('would write an object or a list', 'pick a field of it, or use the filter tojson or join');
}

/** As Jinja judges: nothing, zero, and what is empty are false. */
function isTrue(value: unknown): boolean {
  const plain = known(value);
  if (Array.isArray(plain)) return plain.length > 0;
  return typeof plain === 'object' && plain !== null ? Object.keys(plain).length > 0 : Boolean(plain);
}

function fieldOf(object: unknown, name: string | number, path: string): unknown {
  if (object instanceof Missing) return object;
  if (Array.isArray(object)) {
    const item = typeof name === 'number' ? object.at(name) : undefined;
    return item === undefined ? new Missing(path, []) : item;
  }
  // Own fields only: nothing of a prototype can be reached.
  if (typeof object === 'object' && object !== null && Object.hasOwn(object, name)) {
    const value = (object as Record<string | number, unknown>)[name];
    if (typeof value === 'function') return refused(`uses "${path}", which is a function`);
    if (value !== undefined) return value;
  }
  return new Missing(path, typeof object === 'object' && object !== null ? Object.keys(object) : []);
}

const pathOf = (node: Node): string => {
  if (node.type === 'Identifier' || node.type === 'StringLiteral' || node.type === 'IntegerLiteral')
    return String(node.value);
  return node.type === 'MemberExpression' ? `${pathOf(nodeOf(node.object))}.${pathOf(nodeOf(node.property))}` : '…';
};

/** One evaluation over one context. */
export class Evaluation {
  readonly #context: Readonly<Record<string, unknown>>;

  constructor(context: Readonly<Record<string, unknown>>) {
    this.#context = context;
  }

  /** The text of a list of nodes. */
  text(nodes: readonly Node[]): string {
    let text = '';
    for (const node of nodes) {
      if (node.type === 'Comment') continue;
      text += node.type === 'If' ? this.#conditional(node) : textOf(this.value(node));
      if (text.length > MAX_OUTPUT_CHARS) refused(`makes more than ${MAX_OUTPUT_CHARS} characters`);
    }
    return text;
  }

  /** A list or an object where one expression is all there is and gives one; otherwise the text. */
  native(nodes: readonly Node[]): unknown {
    const [only, ...more] = nodes.filter(({ type }) => type !== 'Comment');
    if (only === undefined || more.length > 0 || only.type === 'If') return this.text(nodes);
    const value = known(this.value(only));
    if (typeof value !== 'object' || value === null) return this.text(nodes);
    // A copy of the host's value as JSON, which later changes of it do not reach.
    const copy = JSON.stringify(value);
    if (copy.length > MAX_OUTPUT_CHARS) refused(`makes more than ${MAX_OUTPUT_CHARS} characters`);
    return JSON.parse(copy);
  }

  #conditional(node: Node): string {
    return this.text(nodesOf(isTrue(this.value(nodeOf(node.test))) ? node.body : node.alternate));
  }

  /** The value of an expression; a {@link Missing} where a name is not there. */
  value(node: Node): unknown {
    switch (node.type) {
      case 'StringLiteral':
      case 'IntegerLiteral':
      case 'FloatLiteral':
        return node.value;
      case 'ArrayLiteral':
      case 'TupleLiteral':
        return nodesOf(node.value).map((item) => known(this.value(item)));
      case 'Identifier':
        return this.#name(String(node.value));
      case 'MemberExpression':
        return this.#member(node);
      case 'FilterExpression':
        return this.#filtered(node);
      case 'TestExpression':
        return this.#test(node);
      case 'UnaryExpression':
        return !isTrue(this.value(nodeOf(node.argument)));
      case 'BinaryExpression':
        return this.#binary(node);
      case 'Ternary':
        return isTrue(this.value(nodeOf(node.condition)))
          ? this.value(nodeOf(node.trueExpr))
          : this.value(nodeOf(node.falseExpr));
      case 'CallExpression':
        return refused(
          `calls "${pathOf(nodeOf(node.callee))}"`,
          `templates have no calls; filters are ${Object.keys(FILTERS).join(', ')}`,
        );
      default:
        return refused(
          `uses "${node.type}", which templates of pods do not have`,
          'they have names, filters, comparisons, if and else',
        );
    }
  }

  #name(name: string): unknown {
    const constants: Readonly<Record<string, unknown>> = {
      true: true,
      True: true,
      false: false,
      False: false,
      none: null,
      None: null,
    };
    return Object.hasOwn(constants, name) ? constants[name] : fieldOf(this.#context, name, name);
  }

  #member(node: Node): unknown {
    const property = nodeOf(node.property);
    const name = node.computed === true ? known(this.value(property)) : property.value;
    if (typeof name !== 'string' && typeof name !== 'number')
      return refused('picks a field by something that is neither text nor number');
    const object = this.value(nodeOf(node.object));
    return fieldOf(object, name, `${pathOf(nodeOf(node.object))}.${name}`);
  }

  #filtered(node: Node): unknown {
    const filter = nodeOf(node.filter);
    const name = pathOf(filter.type === 'CallExpression' ? nodeOf(filter.callee) : filter);
    const args = (filter.type === 'CallExpression' ? nodesOf(filter.args) : []).map((argument) =>
      known(this.value(argument)),
    );
    const operand = this.value(nodeOf(node.operand));
    if (name === 'default' || name === 'd') {
      const isAbsent = operand instanceof Missing || (args[1] === true && !isTrue(operand));
      return isAbsent ? (args[0] ?? '') : operand;
    }
    const apply = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (apply === undefined)
      return refused(
        `uses the filter "${name}", which is not known`,
        `did you mean ${nearest(name, ['default', ...Object.keys(FILTERS)])}?`,
      );
    const result = apply(known(operand), args);
    if (typeof result === 'string' && result.length > MAX_OUTPUT_CHARS)
      refused(`makes more than ${MAX_OUTPUT_CHARS} characters`);
    return result;
  }

  #test(node: Node): boolean {
    const operand = this.value(nodeOf(node.operand));
    const name = pathOf(nodeOf(node.test));
    const result = (): boolean => {
      if (name === 'defined') return !(operand instanceof Missing);
      if (name === 'undefined') return operand instanceof Missing;
      if (name === 'none') return known(operand) === null;
      return refused(`uses the test "${name}", which is not known`, 'tests are defined, undefined and none');
    };
    return result() !== (node.negate === true);
  }

  #binary(node: Node): unknown {
    const operator = String((node.operator as { value: string }).value);
    const left = this.value(nodeOf(node.left));
    const right = () => this.value(nodeOf(node.right));
    if (operator === 'and') return isTrue(left) ? right() : left;
    if (operator === 'or') return isTrue(left) ? left : right();
    const [a, b] = [known(left), known(right())];
    switch (operator) {
      case '==':
        return a === b;
      case '!=':
        return a !== b;
      case '~':
        return textOf(a) + textOf(b);
      case 'in':
        return contains(b, a);
      case 'not in':
        return !contains(b, a);
      default:
        return ordered(operator, a, b);
    }
  }
}

function contains(container: unknown, item: unknown): boolean {
  if (typeof container === 'string' && typeof item === 'string') return container.includes(item);
  if (Array.isArray(container)) return container.includes(item);
  return refused('looks with "in" into something that is neither text nor list');
}

function ordered(operator: string, a: unknown, b: unknown): unknown {
  const isOfOneKind =
    (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string');
  if (!isOfOneKind) return refused(`uses "${operator}" on values that are not both numbers or both texts`);
  const [left, right] = [a as number, b as number];
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case '+':
      return left + right;
    case '-':
      return typeof a === 'number' ? left - right : refused('subtracts texts');
    default:
      return refused(`uses the operator "${operator}", which templates of pods do not have`);
  }
}
