/**
 * Reads files in the form of Python's configparser, as airflow.cfg is one: sections, `key = value` or `key: value`, comment lines, values
 * that go on over indented lines, a `[DEFAULT]` section, and `%(name)s` with `%%` for a percent sign.
 */
import type { ConfigProblem } from '../errors.js';

/** One value of a file, as it stands there. */
export interface IniEntry {
  /** Section, as written. */
  readonly section: string;
  /** Key in lower case. */
  readonly key: string;
  /** Key as written. */
  readonly name: string;
  /** Value before interpolation; lines of a longer value are joined with line breaks. */
  readonly raw: string;
  /** Line of the key, from 1. */
  readonly line: number;
}

/** A read file. */
export interface IniFile {
  /** Values of all sections but `DEFAULT`. */
  readonly entries: readonly IniEntry[];
  /**
   * A value with `%(name)s` and `%%` resolved, or the rule that it breaks.
   */
  interpolate(entry: IniEntry): { readonly value: string } | { readonly problem: string };
}

interface Draft {
  readonly section: string;
  readonly key: string;
  readonly name: string;
  readonly lines: string[];
  readonly line: number;
  readonly indent: number;
}

const HEADER = /^\[(.+)\]/;
const OPTION = /^([^=:]*?)\s*[=:]\s*(.*)$/;
/** Values that refer to values that refer to values: configparser's own limit. */
const MAX_DEPTH = 10;

/** Interpolates one value by its section; see {@link IniFile.interpolate}. */
function interpolated(
  raw: string,
  lookup: (name: string) => string | undefined,
  depth = 1,
): { readonly value: string } | { readonly problem: string } {
  if (depth > MAX_DEPTH) return { problem: `refers to other values more than ${MAX_DEPTH} deep` };
  let value = '';
  for (let at = 0; at < raw.length; ) {
    const next = raw.indexOf('%', at);
    if (next < 0) return { value: value + raw.slice(at) };
    value += raw.slice(at, next);
    if (raw[next + 1] === '%') {
      value += '%';
      at = next + 2;
      continue;
    }
    const reference = /^%\(([^)]*)\)s/.exec(raw.slice(next));
    if (reference === null)
      return { problem: 'has a % that is followed by neither % nor (name)s; write %% for a percent sign' };
    const name = (reference[1] as string).toLowerCase();
    const referred = lookup(name);
    if (referred === undefined)
      return { problem: `refers to %(${name})s, which neither its section nor [DEFAULT] has` };
    const inner = interpolated(referred, lookup, depth + 1);
    if ('problem' in inner) return inner;
    value += inner.value;
    at = next + reference[0].length;
  }
  return { value };
}

/** Reads the text of a file; what breaks a rule is added to the list with its line. */
export function readIni(text: string, file: string, problems: ConfigProblem[]): IniFile {
  const drafts: Draft[] = [];
  const sections = new Map<string, number>();
  const seen = new Map<string, number>();
  let section: string | undefined;
  let current: Draft | undefined;
  const fault = (line: number, rule: string, hint?: string) =>
    void problems.push({ field: file, rule, source: `${file}:${line}`, hint });

  for (const [index, content] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const line = index + 1;
    const trimmed = content.trim();
    if (trimmed.startsWith('#') || trimmed.startsWith(';')) continue;
    if (trimmed === '') {
      current?.lines.push('');
      continue;
    }
    const indent = content.length - content.trimStart().length;
    if (current !== undefined && indent > current.indent) {
      current.lines.push(trimmed);
      continue;
    }
    const header = HEADER.exec(trimmed);
    if (header !== null) {
      section = header[1] as string;
      current = undefined;
      const before = sections.get(section);
      if (before !== undefined && section !== 'DEFAULT')
        fault(line, `has section [${section}] twice`, `the other one is in line ${before}`);
      sections.set(section, line);
      continue;
    }
    if (section === undefined) {
      fault(line, 'has a line before the first [section]');
      continue;
    }
    const option = OPTION.exec(trimmed);
    if (option === null || option[1] === '') {
      fault(line, 'has a line that is neither a [section], a comment nor key = value');
      current = undefined;
      continue;
    }
    const name = option[1] as string;
    const key = name.toLowerCase();
    const before = seen.get(`${section}\0${key}`);
    if (before !== undefined)
      fault(line, `has ${key} twice in section [${section}]`, `the other one is in line ${before}`);
    seen.set(`${section}\0${key}`, line);
    current = { section, key, name, lines: [option[2] as string], line, indent };
    drafts.push(current);
  }
  const all = drafts.map(({ lines, ...rest }) => ({ ...rest, raw: lines.join('\n').trimEnd() }));
  const rawOf = (wanted: string) =>
    new Map(all.filter((entry) => entry.section === wanted).map(({ key, raw }) => [key, raw]));
  return {
    entries: all.filter((entry) => entry.section !== 'DEFAULT'),
    interpolate: ({ section: own, raw }) => {
      const [values, defaults] = [rawOf(own), rawOf('DEFAULT')];
      return interpolated(raw, (name) => values.get(name) ?? defaults.get(name));
    },
  };
}
