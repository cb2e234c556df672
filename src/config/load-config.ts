/**
 * A configuration from several sources at once. What comes first wins: the object given in code, then `AIRFLOW__…` variables, then the
 * YAML file, then airflow.cfg. All problems of all sources are reported together, each with its place.
 */
import { readFileSync } from 'node:fs';
import { ConfigError, type ConfigProblem } from '../errors.js';
import type { HttpKubeClientConnectOptions } from '../kube/http-kube-client.js';
import { parseYaml, YamlError } from '../wire/yaml.js';
import { type Assignment, type ConfigNotice, entriesOfEnv, entriesOfFile, importAirflow } from './airflow-import.js';
import { composeKeys } from './composed-keys.js';
import { connectOptionsOf } from './connect-options.js';
import type { KubernetesConfig } from './kubernetes-config.js';
import { schemaProblems } from './validate.js';

/** The whole configuration, as a YAML file or an object has it. Its JSON Schema is `podwright/schemas/config.json`. */
export interface PodwrightConfig {
  /** Tasks at a time. @default 32 */
  readonly parallelism?: number | undefined;
  /** Queue whose tasks run as pods, for {@link LocalKubernetesExecutor}. @default 'kubernetes' */
  readonly kubernetesQueue?: string | undefined;
  /** The Kubernetes executor. */
  readonly kubernetes?: KubernetesConfig | undefined;
}

/** Where a configuration comes from. All are optional, and may be combined. */
export interface LoadConfigOptions {
  /** Values given in code; they win over all others. */
  readonly object?: PodwrightConfig | undefined;
  /** Variables, for `AIRFLOW__SECTION__KEY` and its `_FILE` and `_SECRET` forms. Read only where it is given, for example `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Path of a YAML or JSON file. */
  readonly file?: string | undefined;
  /** Path of an airflow.cfg. */
  readonly airflowCfg?: string | undefined;
}

/** What a configuration says in terms of an executor's options. */
export interface LoadedExecutorOptions {
  /** Tasks at a time, where it is given. */
  readonly parallelism?: number;
  /** The Kubernetes executor. */
  readonly config: KubernetesConfig;
}

/** A configuration that was read and found right. */
export interface LoadedConfig {
  /** All values. */
  readonly config: PodwrightConfig;
  /** What is deprecated or has no effect. */
  readonly notices: readonly ConfigNotice[];
  /** Where each value came from, by path: a file and line, a variable, or `code`. */
  readonly sources: Readonly<Record<string, string>>;
  /** To be spread into the options of a {@link KubernetesExecutor}. */
  readonly executorOptions: LoadedExecutorOptions;
  /** For {@link HttpKubeClient}.connect(). */
  readonly connectOptions: HttpKubeClientConnectOptions;
}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Maps whose keys are the user's: they are assigned as a whole, or key by key where a source names one key. */
const MAPS = new Set(['labels', 'annotations', 'env', 'nodeSelector', 'affinity', 'secrets', 'resources']);

/** Every value of an object with its path; maps of the user's are one value. */
function* leavesOf(
  value: unknown,
  path: readonly string[] = [],
): Iterable<{ path: readonly string[]; value: unknown }> {
  if (isTree(value) && path.length < 2 && !MAPS.has(path.at(-1) ?? ''))
    for (const [name, part] of Object.entries(value)) {
      if (part !== undefined) yield* leavesOf(part, [...path, name]);
    }
  else yield { path, value };
}

function readFile(file: string, problems: ConfigProblem[]): Assignment[] {
  try {
    const document = parseYaml(readFileSync(file, 'utf8'));
    if (document.value === null || document.value === undefined) return [];
    if (!isTree(document.value)) {
      problems.push({ field: file, rule: 'must hold an object', source: `${file}:1` });
      return [];
    }
    return [...leavesOf(document.value)].map(({ path, value }) => ({
      path: path.join('.'),
      value,
      source: `${file}:${document.lineOf(path) ?? 1}`,
    }));
  } catch (error) {
    const line = error instanceof YamlError && error.line !== undefined ? `:${error.line}` : '';
    const rule =
      error instanceof YamlError
        ? `is no valid YAML: ${error.message}`
        : `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`;
    problems.push({ field: file, rule, source: `${file}${line}` });
    return [];
  }
}

/** Puts one value into the tree; `a.b[c]` is one key of a map, or one item of a list. */
function put(tree: Tree, { path, value }: Assignment): void {
  const item = /^(.*)\[(.*)\]$/.exec(path);
  const steps = (item === null ? path : (item[1] as string)).split('.');
  let at = tree;
  for (const step of steps.slice(0, -1)) {
    if (!isTree(at[step])) at[step] = {};
    at = at[step] as Tree;
  }
  const last = steps.at(-1) as string;
  if (item === null) at[last] = value;
  else if (last === 'secrets') at[last] = [...((at[last] as unknown[] | undefined) ?? []), value];
  else at[last] = { ...((at[last] as object | undefined) ?? {}), [item[2] as string]: value };
}

/** The source of the value at a path, or of the nearest one above it. */
function sourceOf(sources: Readonly<Record<string, string>>, field: string): string | undefined {
  for (let path = field; path !== ''; path = path.replace(/(\.[^.[]*|\[[^\]]*\]|^[^.[]*)$/, ''))
    if (sources[path] !== undefined) return sources[path];
  return undefined;
}

/** What was read, whether right or wrong; {@link loadConfig} throws the problems. */
export function readConfig(options: LoadConfigOptions): LoadedConfig & { readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const fromCfg =
    options.airflowCfg === undefined ? [] : entriesOfFile(options.airflowCfg, options.env ?? {}, problems);
  const cfg = importAirflow(fromCfg);
  const yaml = options.file === undefined ? [] : readFile(options.file, problems);
  const variables = importAirflow(entriesOfEnv(options.env ?? {}, problems));
  const code = [...leavesOf(options.object ?? {})].map(({ path, value }) => ({
    path: path.join('.'),
    value,
    source: 'code',
  }));
  const assignments = [...composeKeys(cfg), ...yaml, ...composeKeys(variables), ...code];
  problems.push(...cfg.problems, ...variables.problems);

  const tree: Tree = {};
  const sources: Record<string, string> = {};
  for (const assignment of assignments) {
    put(tree, assignment);
    sources[assignment.path] = assignment.source;
  }
  for (const problem of schemaProblems('root', tree, '')) {
    const source = sourceOf(sources, problem.field);
    problems.push(source === undefined || source === 'code' ? problem : { ...problem, source });
  }
  const notices = [...cfg.notices, ...variables.notices, ...aboutImage(tree, sources)];
  const config = tree as PodwrightConfig;
  const kubernetes: KubernetesConfig = isTree(tree.kubernetes) ? tree.kubernetes : {};
  const { parallelism } = config;
  return {
    config,
    notices,
    sources,
    problems,
    executorOptions: { ...(parallelism === undefined ? {} : { parallelism }), config: kubernetes },
    connectOptions: connectOptionsOf(kubernetes),
  };
}

/** A repository or a tag alone is without effect, in Airflow too. */
function aboutImage(tree: Tree, sources: Readonly<Record<string, string>>): ConfigNotice[] {
  const {
    image,
    workerContainerRepository: repository,
    workerContainerTag: tag,
  } = (tree.kubernetes ?? {}) as KubernetesConfig;
  if (image !== undefined || (repository === undefined) === (tag === undefined)) return [];
  const [given, missing] =
    tag === undefined
      ? ['workerContainerRepository', 'workerContainerTag']
      : ['workerContainerTag', 'workerContainerRepository'];
  const field = `kubernetes.${given}`;
  const message = `has no effect without ${missing}: the image is that of the pod template`;
  return [{ kind: 'ignored', field, message, source: sources[field] ?? 'code' }];
}

/**
 * Reads and checks a configuration.
 * @throws ConfigError with every problem of every source.
 * @example
 * const { executorOptions, connectOptions, notices } = loadConfig({ airflowCfg: 'airflow.cfg', env: process.env });
 * const kubeClient = await HttpKubeClient.connect(connectOptions);
 * const executor = new KubernetesExecutor({ ...executorOptions, kubeClient });
 */
export function loadConfig(options: LoadConfigOptions = {}): LoadedConfig {
  const { problems, ...loaded } = readConfig(options);
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded;
}
