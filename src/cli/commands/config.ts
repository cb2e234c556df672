/** `podwright config`: check, show and import configurations. */
import type { ConfigNotice } from '../../config/airflow-import.js';
import { type LoadConfigOptions, readConfig } from '../../config/load-config.js';
import { ConfigError, type ConfigProblem, describeValue } from '../../errors.js';
import { formatYaml, parseYaml } from '../../wire/yaml.js';
import { CommandFailure, EXIT } from '../failure.js';
import type { CliIo } from '../io.js';
import { writeReport } from './report.js';

/** Where a command takes its configuration from. */
export interface SourceOptions {
  /** YAML file. */
  readonly file?: string;
  /** An airflow.cfg. */
  readonly airflowCfg?: string;
  /** Whether variables of this process count. */
  readonly env?: boolean;
}

interface OutputOptions extends SourceOptions {
  /** One JSON object. */
  readonly json?: boolean;
}

/** The sources as the loader takes them. */
export const sourcesOf = ({ file, airflowCfg, env }: SourceOptions): LoadConfigOptions => ({
  file,
  airflowCfg,
  ...(env === true ? { env: process.env } : {}),
});

function needSource({ file, airflowCfg, env }: SourceOptions): void {
  if (file === undefined && airflowCfg === undefined && env !== true)
    throw new CommandFailure(
      'No configuration was named',
      EXIT.usage,
      'Give --file podwright.yaml, --airflow-cfg airflow.cfg or --env, or several of them.',
    );
}

const problemText = ({ field, value, rule, hint, source }: ConfigProblem): string => {
  const got = value === undefined ? '' : `, got ${describeValue(value)}`;
  return `${source === undefined ? '' : `${source}: `}${field} ${rule}${got}${hint === undefined ? '' : `; ${hint}`}`;
};

function printNotices(notices: readonly ConfigNotice[], io: CliIo): void {
  for (const { kind, field, message, source } of notices)
    io.err(
      `${io.style('err', 'yellow', kind)}: ${source}: ${field} ${kind === 'ignored' ? 'has no effect: ' : ''}${message}\n`,
    );
}

/** Says everything about a configuration; 0 where it can be used, 3 where not. */
export function checkConfig(options: OutputOptions, io: CliIo): number {
  needSource(options);
  const { problems, notices } = readConfig(sourcesOf(options));
  if (options.json === true) io.out(`${JSON.stringify({ ok: problems.length === 0, problems, notices })}\n`);
  else {
    printNotices(notices, io);
    for (const problem of problems) io.out(`${io.style('out', 'red', 'error')}: ${problemText(problem)}\n`);
    const count = (list: readonly unknown[], what: string) => `${list.length} ${what}${list.length === 1 ? '' : 's'}`;
    io.out(
      `${problems.length === 0 ? 'ok' : 'not usable'}: ${count(problems, 'error')}, ${count(notices, 'notice')}\n`,
    );
  }
  return problems.length === 0 ? EXIT.ok : EXIT.config;
}

/** Puts a comment behind lines, by path. */
export function withComments(text: string, comments: ReadonlyMap<readonly (string | number)[], string>): string {
  const { lineOf } = parseYaml(text);
  const byLine = new Map<number, { readonly depth: number; readonly comment: string }>();
  for (const [path, comment] of comments) {
    const line = lineOf(path);
    if (line !== undefined && (byLine.get(line)?.depth ?? -1) < path.length)
      byLine.set(line, { depth: path.length, comment });
  }
  return text
    .split('\n')
    .map((line, index) => {
      const found = byLine.get(index + 1);
      return found === undefined ? line : `${line} # ${found.comment.replace(/[\r\n]/g, ' ')}`;
    })
    .join('\n');
}

/** Shows what comes out of all sources. */
export function showConfig(options: OutputOptions, io: CliIo): number {
  needSource(options);
  const { config, sources, notices, problems } = readConfig(sourcesOf(options));
  if (problems.length > 0) throw new ConfigError(problems);
  printNotices(notices, io);
  if (options.json === true) io.out(`${JSON.stringify({ config, sources })}\n`);
  else {
    const comments = new Map(
      Object.entries(sources).map(([path, source]) => [
        path.split(/[.[]/).map((step) => step.replace(/]$/, '')),
        source,
      ]),
    );
    io.out(withComments(formatYaml(config), comments));
  }
  return EXIT.ok;
}

/** Turns an airflow.cfg into a configuration file. */
export function importConfig(
  file: string,
  options: { readonly env?: boolean; readonly out?: string },
  io: CliIo,
): number {
  const { config, notices, problems } = readConfig(sourcesOf({ airflowCfg: file, env: options.env === true }));
  if (problems.length > 0) throw new ConfigError(problems);
  printNotices(notices, io);
  const text = `# yaml-language-server: $schema=./node_modules/podwright/schemas/config.json\n${formatYaml(config)}`;
  if (options.out === undefined) io.out(text);
  else {
    writeReport(options.out, text);
    io.err(`wrote ${options.out}\n`);
  }
  return EXIT.ok;
}
