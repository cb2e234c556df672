/** Label and field selectors in the whole grammar of the API server, with its own error texts. */
import { labelValueProblem, qualifiedNameProblems } from './name-rules.js';

/** One requirement of a label selector. */
export interface LabelRequirement {
  /** The label's key. */
  readonly key: string;
  /** How it is judged; `=` and `==` are `in` with one value. */
  readonly operator: 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';
  /** Values to compare with. */
  readonly values: readonly string[];
}

/** One term of a field selector. */
export interface FieldTerm {
  /** Path such as `status.phase`. */
  readonly field: string;
  /** Whether the value must differ. */
  readonly negated: boolean;
  /** The value to compare with. */
  readonly value: string;
}

/** A selector cannot be read; the message is the API server's. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectorError';
  }
}

const PUNCTUATION = '!=(),<>';

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] as string;
    if (/\s/.test(char)) at++;
    else if (char === '=' && text[at + 1] === '=') at += tokens.push('==') && 2;
    else if (char === '!' && text[at + 1] === '=') at += tokens.push('!=') && 2;
    else if (PUNCTUATION.includes(char)) at += tokens.push(char) && 1;
    else {
      let end = at;
      while (end < text.length && !PUNCTUATION.includes(text[end] as string) && !/\s/.test(text[end] as string)) end++;
      tokens.push(text.slice(at, end));
      at = end;
    }
  }
  return tokens;
}

const isWord = (token: string | undefined): token is string =>
  token !== undefined && !/^(?:==|!=|[!=(),<>])$/.test(token);

class LabelParser {
  readonly #tokens: string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    if (this.#tokens.length === 0) return requirements;
    for (;;) {
      const token = this.#peek();
      if (!isWord(token) && token !== '!')
        throw new SelectorError(`found '${token ?? ''}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.#requirement());
      const next = this.#next();
      if (next === undefined) return requirements;
      if (next !== ',') throw new SelectorError(`found '${next}', expected: ',' or 'end of string'`);
      if (!isWord(this.#peek()) && this.#peek() !== '!')
        throw new SelectorError(`found '${this.#peek() ?? ''}', expected: identifier after ','`);
    }
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #next(): string | undefined {
    return this.#tokens[this.#at++];
  }

  #requirement(): LabelRequirement {
    const negated = this.#peek() === '!';
    if (negated) this.#at++;
    const key = this.#next();
    if (!isWord(key)) throw requirementError(`found '${key ?? ''}', expected: identifier`);
    checkKey(key);
    const operator = this.#peek();
    if (negated || operator === undefined || operator === ',')
      return { key, operator: negated ? '!' : 'exists', values: [] };
    this.#at++;
    if (operator === '=' || operator === '==') return this.#checked({ key, operator: 'in', values: [this.#value()] });
    if (operator === '!=') return this.#checked({ key, operator: 'notin', values: [this.#value()] });
    if (operator === '<' || operator === '>') {
      const value = this.#value();
      if (!/^-?\d+$/.test(value))
        throw requirementError(
          `values[0]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      return { key, operator: operator === '<' ? 'lt' : 'gt', values: [value] };
    }
    if (operator === 'in' || operator === 'notin') return this.#checked({ key, operator, values: this.#list() });
    throw requirementError(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  #value(): string {
    const token = this.#peek();
    if (token === undefined || token === ',') return '';
    if (!isWord(token)) throw requirementError(`found '${token}', expected: identifier`);
    this.#at++;
    return token;
  }

  #list(): string[] {
    const open = this.#next();
    if (open !== '(') throw requirementError(`found '${open ?? ''}' expected: '('`);
    const values: string[] = [];
    let word = '';
    for (;;) {
      const token = this.#next();
      if (token === ')' || token === ',') {
        values.push(word);
        word = '';
        if (token === ')') return [...new Set(values)].sort();
      } else if (isWord(token) && word === '') word = token;
      else throw requirementError(`found '${token ?? ''}', expected: ',' or ')'`);
    }
  }

  #checked(requirement: LabelRequirement): LabelRequirement {
    for (const [index, value] of requirement.values.entries()) {
      const rule = labelValueProblem(value);
      if (rule === undefined) continue;
      throw requirementError(`values[${index}][${requirement.key}]: Invalid value: "${value}": ${rule}`);
    }
    return requirement;
  }
}

function requirementError(message: string): SelectorError {
  return new SelectorError(`unable to parse requirement: ${message}`);
}

function checkKey(key: string): void {
  const problems = qualifiedNameProblems(key);
  if (problems.length > 0) throw requirementError(`<nil>: Invalid value: "${key}": ${problems.join('; ')}`);
}

/**
 * Reads a label selector; an empty text gives no requirement and so matches all.
 * @throws SelectorError with the API server's message.
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  return new LabelParser(text).parse();
}

function meets(labels: Readonly<Record<string, string>>, { key, operator, values }: LabelRequirement): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    default: {
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      return operator === 'gt' ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
    }
  }
}

/** Whether an object with these labels meets all requirements. */
export function matchesLabels(
  requirements: readonly LabelRequirement[],
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return requirements.every((requirement) => meets(labels ?? {}, requirement));
}

/**
 * Reads a field selector (`=`, `==`, `!=`, joined by commas; a backslash escapes `,`, `=` and itself).
 * @throws SelectorError with the API server's message.
 */
export function parseFieldSelector(text: string): FieldTerm[] {
  const terms: FieldTerm[] = [];
  if (/(?<!\\)(?:\\\\)*\\$/.test(text)) throw new SelectorError('invalid field selector: invalid escape sequence: \\');
  for (const part of text.match(/(?:\\.|[^,\\])+/g) ?? []) {
    const match = /^((?:\\.|[^=!\\]|!(?!=))*)(!=|==|=)((?:\\.|[^\\])*)$/.exec(part);
    if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${part}'`);
    const bare = (match[3] ?? '').replace(/\\[\\,=]/g, '').indexOf('=');
    if (bare >= 0)
      throw new SelectorError(`invalid field selector: unescaped character in value: ${'='.charCodeAt(0)}`);
    terms.push({
      field: match[1] ?? '',
      negated: match[2] === '!=',
      value: (match[3] ?? '').replace(/\\([\\,=])/g, '$1'),
    });
  }
  return terms;
}
