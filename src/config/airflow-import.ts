/** From Airflow's keys to ours: one list of assignments, with what is deprecated, what cannot matter, and what is wrong. */
import { readFileSync } from 'node:fs';
import { nearest } from '../core/nearest.js';
import type { ConfigProblem } from '../errors.js';
import {
  type AirflowKey,
  KUBERNETES_KEYS,
  MAP_SECTIONS,
  OTHER_KEYS,
  RENAMED_KEYS,
  reasonToIgnore,
} from './airflow-keys.js';
import { expandVariables, readAirflowValue } from './airflow-values.js';
import { readIni } from './ini-file.js';

/** Something about a configuration that is worth knowing and no error. */
export interface ConfigNotice {
  /** `deprecated`: works under a newer name. `ignored`: has no effect here. */
  readonly kind: 'deprecated' | 'ignored';
  /** The key as its source has it, for example `[kubernetes] tolerations`. */
  readonly field: string;
  /** Why, and what to write instead. */
  readonly message: string;
  /** File and line, or variable. */
  readonly source: string;
}

/** One value for one of our keys. */
export interface Assignment {
  /** Path of the key, for example `kubernetes.namespace`. */
  readonly path: string;
  readonly value: unknown;
  readonly source: string;
}

/** One value of Airflow's, from a file or the environment. */
interface AirflowEntry {
  readonly section: string;
  readonly key: string;
  readonly text: string;
  readonly source: string;
  /** Whether the value came from a secret file and is never shown. */
  readonly isSecret: boolean;
}

/** What an import gives. */
export interface AirflowImport {
  readonly assignments: Assignment[];
  readonly notices: ConfigNotice[];
  readonly problems: ConfigProblem[];
}

type Env = Readonly<Record<string, string | undefined>>;

const SECTIONS = new Set([
  'kubernetes_executor',
  'kubernetes',
  ...Object.keys(MAP_SECTIONS),
  ...Object.keys(OTHER_KEYS),
]);
/** Sections in which every key should be known. The others hold much that is Airflow's own business. */
const OWN_SECTIONS = new Set(['kubernetes_executor', 'kubernetes', 'local_kubernetes_executor']);

const knownKey = (section: string, key: string): boolean =>
  section in OTHER_KEYS
    ? Object.hasOwn(OTHER_KEYS[section] ?? {}, key)
    : Object.hasOwn(KUBERNETES_KEYS, key) || Object.hasOwn(RENAMED_KEYS, key) || reasonToIgnore(key) !== undefined;

/** Commands as values are refused: a configuration must not run programs. */
function refuseCommand(section: string, key: string, source: string, problems: ConfigProblem[]): boolean {
  if (!key.endsWith('_cmd') || !knownKey(section, key.slice(0, -4)) || MAP_SECTIONS[section] !== undefined)
    return false;
  problems.push({
    field: `[${section}] ${key}`,
    rule: 'names a command to run, which is refused: a configuration runs no programs',
    hint: `write the output to a file and set AIRFLOW__${section.toUpperCase()}__${key.slice(0, -4).toUpperCase()}_FILE to its path`,
    source,
  });
  return true;
}

function readSecretFile(file: string, field: string, source: string, problems: ConfigProblem[]): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    problems.push({ field, rule: `names a file that cannot be read: ${code}`, source });
    return undefined;
  }
}

/** The values of an airflow.cfg in the sections that matter here. */
export function entriesOfFile(file: string, env: Env, problems: ConfigProblem[]): AirflowEntry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    problems.push({ field: file, rule: `cannot be read: ${code}`, source: file });
    return [];
  }
  const ini = readIni(text, file, problems);
  return ini.entries.flatMap((entry) => {
    const { section, line } = entry;
    // Keys in maps keep their case: they are names of labels and variables.
    const key = MAP_SECTIONS[section] === undefined ? entry.key : entry.name;
    const source = `${file}:${line}`;
    if (!SECTIONS.has(section) || refuseCommand(section, key, source, problems)) return [];
    const result = ini.interpolate(entry);
    if ('problem' in result) {
      problems.push({ field: `[${section}] ${key}`, rule: result.problem, source });
      return [];
    }
    return [{ section, key, text: expandVariables(result.value, env), source, isSecret: false }];
  });
}

/** The values of `AIRFLOW__SECTION__KEY` variables; `…_FILE` and `…_SECRET` name files that hold the value. */
export function entriesOfEnv(env: Env, problems: ConfigProblem[]): AirflowEntry[] {
  const entries: AirflowEntry[] = [];
  for (const [variable, raw] of Object.entries(env)) {
    const match = /^AIRFLOW__([A-Za-z0-9_]+?)__(.+)$/.exec(variable);
    if (match === null || raw === undefined) continue;
    const section = (match[1] as string).toLowerCase();
    if (!SECTIONS.has(section)) continue;
    const isMap = MAP_SECTIONS[section] !== undefined;
    const key = isMap ? (match[2] as string) : (match[2] as string).toLowerCase().replace(/'/g, '');
    if (refuseCommand(section, key, variable, problems)) continue;
    const suffix = /_(file|secret)$/.exec(key);
    const base = suffix === null ? key : key.slice(0, suffix.index);
    if (suffix === null || isMap || knownKey(section, key) || !knownKey(section, base)) {
      entries.push({ section, key, text: expandVariables(raw, env), source: variable, isSecret: false });
      continue;
    }
    const text = readSecretFile(expandVariables(raw, env), `[${section}] ${base}`, variable, problems);
    if (text !== undefined) entries.push({ section, key: base, text, source: variable, isSecret: true });
  }
  return entries;
}

/** `secret=key`, as Airflow 1.10 wrote secrets for environment variables. */
function secretOf(name: string, text: string): object | undefined {
  const match = /^([^=\s]+)=([^=\s]+)$/.exec(text);
  return match === null ? undefined : { deployType: 'env', deployTarget: name, secret: match[1], key: match[2] };
}

function importMapEntry({ section, key, text, source }: AirflowEntry, path: string, into: AirflowImport): void {
  if (path !== 'kubernetes.secrets') {
    into.assignments.push({ path: `${path}[${key}]`, value: text, source });
    return;
  }
  const secret = secretOf(key, text);
  if (secret === undefined)
    into.problems.push({ field: `[${section}] ${key}`, rule: 'must be <secret>=<key>', source });
  else into.assignments.push({ path: `${path}[${key}]`, value: secret, source });
}

function assign(entry: AirflowEntry, { to, type }: AirflowKey, into: AirflowImport): void {
  const { section, key, text, source, isSecret } = entry;
  if (text.trim() === '') return;
  const read = readAirflowValue(text, type);
  if ('value' in read) into.assignments.push({ path: to, value: read.value, source });
  else
    into.problems.push({
      field: `[${section}] ${key}`,
      ...(isSecret || type.startsWith('json') ? {} : { value: text }),
      ...read,
      source,
    });
}

function importEntry(entry: AirflowEntry, into: AirflowImport): void {
  const { section, key, source } = entry;
  const field = `[${section}] ${key}`;
  const notice = (kind: ConfigNotice['kind'], message: string) =>
    void into.notices.push({ kind, field, message, source });
  const map = MAP_SECTIONS[section];
  if (map !== undefined) {
    notice('deprecated', `the section [${section}] is of Airflow 1.10; write ${map}`);
    importMapEntry(entry, map, into);
    return;
  }
  const other = OTHER_KEYS[section];
  if (other !== undefined) {
    const known = Object.hasOwn(other, key) ? other[key] : undefined;
    if (known !== undefined) assign(entry, known, into);
    else if (OWN_SECTIONS.has(section))
      into.problems.push({
        field,
        rule: 'is not a known key',
        hint: `did you mean ${nearest(key, Object.keys(other))}?`,
        source,
      });
    return;
  }
  const reason = reasonToIgnore(key);
  if (reason !== undefined) {
    notice('ignored', reason);
    return;
  }
  const name = Object.hasOwn(RENAMED_KEYS, key) ? (RENAMED_KEYS[key] as string) : key;
  const known = Object.hasOwn(KUBERNETES_KEYS, name) ? KUBERNETES_KEYS[name] : undefined;
  if (known === undefined) {
    const names = [...Object.keys(KUBERNETES_KEYS), ...Object.keys(RENAMED_KEYS)];
    into.problems.push({ field, rule: 'is not a known key', hint: `did you mean ${nearest(key, names)}?`, source });
    return;
  }
  if (name !== key || section === 'kubernetes')
    notice(
      'deprecated',
      `is [kubernetes_executor] ${name} now${known.to.includes('$') ? '' : `, and ${known.to} here`}`,
    );
  assign(entry, known, into);
}

/** Imports values of Airflow; later entries for the same key come later in the list and win. */
export function importAirflow(entries: readonly AirflowEntry[]): AirflowImport {
  const into: AirflowImport = { assignments: [], notices: [], problems: [] };
  // The old section gives way to the new one wherever it stands.
  const ordered = [...entries].sort((a, b) => Number(a.section !== 'kubernetes') - Number(b.section !== 'kubernetes'));
  for (const entry of ordered) importEntry(entry, into);
  return into;
}
