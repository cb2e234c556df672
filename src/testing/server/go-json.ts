/** JSON as Go's decoder reads it: its messages for texts that are none, and the fields that a text names twice. */

/** Where a text stops being JSON. */
class Refusal extends Error {}

class Scanner {
  readonly duplicates: string[] = [];
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads the whole text. @throws Refusal with Go's message. */
  scan(): void {
    this.#value('');
    this.#space();
    if (this.#at < this.#text.length) throw this.#odd('after top-level value');
  }

  #space(): void {
    while (this.#at < this.#text.length && ' \t\r\n'.includes(this.#text[this.#at] as string)) this.#at++;
  }

  #odd(where: string): Refusal {
    const char = this.#text[this.#at];
    if (char === undefined) return new Refusal('unexpected end of JSON input');
    if (char === "'") return new Refusal(`invalid character '\\'' ${where}`);
    const code = char.charCodeAt(0);
    const isShown = (code >= 0x20 && code < 0x7f) || code > 0xa0;
    const shown = isShown
      ? JSON.stringify(String.fromCharCode(code)).slice(1, -1)
      : code < 0x20
        ? JSON.stringify(char).slice(1, -1)
        : `\\u${code.toString(16).padStart(4, '0')}`;
    return new Refusal(`invalid character '${shown === '\\"' ? '"' : shown}' ${where}`);
  }

  #value(path: string): void {
    this.#space();
    const char = this.#text[this.#at] ?? '';
    if (char === '{') this.#object(path);
    else if (char === '[') this.#array(path);
    else if (char === '"') this.#string();
    else if (char === '-' || (char >= '0' && char <= '9')) this.#number();
    else if (char === 't') this.#literal('true');
    else if (char === 'f') this.#literal('false');
    else if (char === 'n') this.#literal('null');
    else throw this.#odd('looking for beginning of value');
  }

  #object(path: string): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return;
    }
    const seen = new Set<string>();
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#odd('looking for beginning of object key string');
      const key = this.#string();
      const below = path === '' ? key : `${path}.${key}`;
      if (seen.has(key)) this.duplicates.push(below);
      seen.add(key);
      this.#space();
      if (this.#text[this.#at] !== ':') throw this.#odd('after object key');
      this.#at++;
      this.#value(below);
      this.#space();
      const next = this.#text[this.#at];
      if (next !== ',' && next !== '}') throw this.#odd('after object key:value pair');
      this.#at++;
      if (next === '}') return;
    }
  }

  #array(path: string): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.#value(`${path}[${index}]`);
      this.#space();
      const next = this.#text[this.#at];
      if (next !== ',' && next !== ']') throw this.#odd('after array element');
      this.#at++;
      if (next === ']') return;
    }
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char < ' ') throw this.#odd('in string literal');
      this.#at++;
      if (char === '"') break;
      if (char === '\\') this.#at++;
    }
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #number(): void {
    const match = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(this.#text.slice(this.#at, this.#at + 400));
    if (match === null) {
      this.#at++;
      throw this.#odd('in numeric literal');
    }
    this.#at += match[0].length;
  }

  #literal(word: string): void {
    for (const letter of word) {
      if (this.#text[this.#at] !== letter) throw this.#odd(`in literal ${word} (expecting '${letter}')`);
      this.#at++;
    }
  }
}

/** What is wrong with a text, in the words of Go's decoder; `undefined` where it is JSON. */
export function goJsonError(text: string | Buffer): string | undefined {
  try {
    // Go looks at bytes, and shows the first of a longer character as a character of its own.
    new Scanner(Buffer.from(text as string).toString('latin1')).scan();
    return undefined;
  } catch (error) {
    return error instanceof Refusal ? error.message : 'unexpected end of JSON input';
  }
}

/** The paths of fields that a text names more than once; the last value of each counts. */
export function duplicateFields(text: string): string[] {
  const scanner = new Scanner(text);
  try {
    scanner.scan();
  } catch {
    return [];
  }
  return scanner.duplicates;
}

/** A JSON type as Go names it. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** A value as Go's `%v` prints it: maps in order of their keys. */
export function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (value === null || value === undefined) return '<nil>';
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${goText(item)}`).join(' ')}]`;
}
