/** JSON values as the YAML that the API server writes: sorted keys, its choice of quotes, lines folded after eighty columns. */
import { isMap } from './json.js';

const WIDTH = 80;

const WORDS =
  /^(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)?$/;
const NUMBER =
  /^[-+]?(?:0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|(?:\.[\d_]+|[\d_]+(?:\.[\d_]*)?)(?:[eE][-+]?\d+)?|\.(?:inf|Inf|INF))$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;
const SEXAGESIMAL = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/;
const MOMENT = /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]| )\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)?)?$/;

/** Whether a reader would take the bare text for something other than text. */
function isAmbiguous(text: string): boolean {
  if (WORDS.test(text)) return true;
  if (!/^[-+.\d]/.test(text)) return false;
  return NUMBER.test(text) || NOT_A_NUMBER.test(text) || SEXAGESIMAL.test(text) || MOMENT.test(text);
}

/** Whether the text has characters that only double quotes can hold. */
function isSpecial(text: string): boolean {
  return /[^\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]| \n/.test(text);
}

/** Whether the text begins or contains what means something in YAML. */
function hasIndicators(text: string): boolean {
  return /^(?:---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-](?:\s|$))|:(?:\s|$)|\s#/.test(text);
}

type Style = 'plain' | 'single' | 'double' | 'literal';

function styleOf(text: string, isKey: boolean): Style {
  if (text.includes('\n')) return isKey || isSpecial(text) || text.endsWith(' ') ? 'double' : 'literal';
  if (isAmbiguous(text) || isSpecial(text)) return 'double';
  return hasIndicators(text) || /^ | $/.test(text) ? 'single' : 'plain';
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\x85': 'N',
  '\ufeff': 'uFEFF',
  '\u2028': 'L',
  '\u2029': 'P',
};

function escaped(char: string): string {
  const known = ESCAPES[char];
  if (known !== undefined) return `\\${known}`;
  if (!isSpecial(char)) return char;
  const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase();
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}

/** Writes characters from a column on, and breaks the line at the first single space after eighty columns. */
function folded(chars: readonly string[], column: number, indent: number, style: Style): string {
  const quote = { plain: '', single: "'", double: '"', literal: '' }[style];
  let text = quote;
  let at = column + quote.length;
  let wasSpace = false;
  for (const [index, char] of chars.entries()) {
    const isInside = style === 'plain' || (index > 0 && index < chars.length - 1);
    const isBeforeSpace = chars[index + 1] === ' ';
    if (char === ' ' && !wasSpace && at > WIDTH && isInside && (style === 'double' || !isBeforeSpace)) {
      text += `\n${' '.repeat(indent)}${isBeforeSpace ? '\\' : ''}`;
      at = indent;
    } else {
      const shown = style === 'double' ? escaped(char) : style === 'single' && char === "'" ? "''" : char;
      text += shown;
      at += shown.length;
    }
    wasSpace = char === ' ';
  }
  return text + quote;
}

function literal(text: string, indent: number): string {
  const hint = /^[ \n]/.test(text) ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  return `|${hint}${chomp}\n${lines.map((line) => (line === '' ? '' : ' '.repeat(indent) + line)).join('\n')}`;
}

function scalar(value: unknown, column: number, indent: number, isKey = false): string {
  if (typeof value !== 'string') return String(value);
  const style = styleOf(value, isKey);
  if (style === 'literal') return literal(value, indent);
  return folded([...value], isKey ? Number.NEGATIVE_INFINITY : column, indent, style);
}

const isDigit = (char: string | undefined) => char !== undefined && char >= '0' && char <= '9';
const isLetter = (char: string) => /\p{L}/u.test(char);

/** The number that begins at a place, and where it ends. */
function numberAt(text: string, start: number, before: number): { value: number; end: number } {
  let end = start;
  let value = before;
  for (; isDigit(text[end]); end++) value = value * 10 + Number(text[end]);
  return { value, end };
}

/** Compares keys: letters after anything else, and numbers inside of them by their value. */
function compareKeys(left: string, right: string): number {
  for (let at = 0; at < left.length && at < right.length; at++) {
    const a = left[at] as string;
    const b = right[at] as string;
    if (a === b) continue;
    if (isLetter(a) && isLetter(b)) return a < b ? -1 : 1;
    if (isLetter(a) || isLetter(b)) return isLetter(b) ? -1 : 1;
    let before = 0;
    if (a === '0' || b === '0')
      for (let back = at - 1; back >= 0 && isDigit(left[back]); back--) if (left[back] !== '0') before = 1;
    const first = numberAt(left, at, before);
    const second = numberAt(right, at, before);
    return first.value - second.value || first.end - second.end || (a < b ? -1 : 1);
  }
  return left.length - right.length;
}

const isEmpty = (value: unknown) => (Array.isArray(value) ? value.length : Object.keys(value as object).length) === 0;
const isBranch = (value: unknown): value is object => typeof value === 'object' && value !== null && !isEmpty(value);

/** The value after a `key:` or a `-`; `column` is where it would begin. */
function leaf(value: unknown, column: number, indent: number): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[]' : '{}';
  return scalar(value, column, indent);
}

function lines(value: object, indent: number): string[] {
  const start = ' '.repeat(indent);
  if (Array.isArray(value))
    return value.flatMap((item) => {
      if (!isBranch(item)) return [`${start}- ${leaf(item, indent + 2, indent + 2)}`];
      const [first = '', ...rest] = lines(item, indent + 2);
      return [`${start}- ${first.slice(indent + 2)}`, ...rest];
    });
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => compareKeys(left, right))
    .flatMap(([key, item]) => {
      const head = `${start}${scalar(key, indent, indent, true)}:`;
      if (!isBranch(item)) return [`${head} ${leaf(item, head.length + 1, indent + 2)}`];
      // Lists stand below their key without a further indentation.
      return [head, ...lines(item, isMap(item) ? indent + 2 : indent)];
    });
}

/** A JSON object as YAML. */
export function yamlText(value: unknown): string {
  return `${isBranch(value) ? lines(value, 0).join('\n') : leaf(value, 0, 2)}\n`;
}
