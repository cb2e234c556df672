/** Checks the options of a pod operator and brings Airflow's names to ours. */
import { type Duration, parseDuration } from '../core/duration.js';
import { nearest } from '../core/nearest.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import type { AirflowPodOperatorOptions, PodOperatorOptions, PodResultOptions } from './operator-options.js';

type Rule = (value: unknown) => string | undefined;

const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const rule =
  (fits: (value: unknown) => boolean, text: string): Rule =>
  (value) =>
    fits(value) ? undefined : text;
const TEXT = rule((value) => typeof value === 'string' && value !== '', 'must be a non-empty string');
const TEXTS = rule(
  (value) => Array.isArray(value) && value.every((part) => typeof part === 'string'),
  'must be a list of strings; the program and each of its arguments are separate',
);
const MAP = rule(isMap, 'must be an object');
const LIST = rule((value) => Array.isArray(value), 'must be a list');
const FLAG = rule((value) => typeof value === 'boolean', 'must be true or false');
const FUNCTION = rule((value) => typeof value === 'function', 'must be a function');
const DURATION = rule((value) => (parseDuration(value) ?? 0) > 0, 'must be a duration above 0, such as "30s"');
const SECONDS = rule((value) => Number.isSafeInteger(value) && (value as number) >= 0, 'must be whole seconds');
const isExitCode = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 255;
const ANY: Rule = () => undefined;

/** What each option may be; `checkPod` and the executor look deeper. */
const RULES: Readonly<Record<keyof PodOperatorOptions, Rule>> = {
  image: TEXT,
  cmds: TEXTS,
  arguments: TEXTS,
  name: TEXT,
  taskId: TEXT,
  namespace: TEXT,
  labels: MAP,
  annotations: MAP,
  envVars: rule((value) => isMap(value) || Array.isArray(value), 'must be an object of strings or a list'),
  envFrom: LIST,
  secrets: LIST,
  volumes: LIST,
  volumeMounts: LIST,
  resources: MAP,
  ports: LIST,
  initContainers: LIST,
  imagePullPolicy: TEXT,
  imagePullSecrets: LIST,
  serviceAccountName: TEXT,
  securityContext: MAP,
  containerSecurityContext: MAP,
  nodeSelector: MAP,
  affinity: MAP,
  tolerations: LIST,
  priorityClassName: TEXT,
  schedulerName: TEXT,
  runtimeClassName: TEXT,
  hostNetwork: FLAG,
  dnsPolicy: TEXT,
  activeDeadlineSeconds: SECONDS,
  terminationGracePeriod: rule((value) => parseDuration(value) !== undefined, 'must be a duration, such as "30s"'),
  podTemplateFile: TEXT,
  fullPodSpec: MAP,
  baseContainerName: TEXT,
  onFinishAction: rule(
    (value) => ['delete_pod', 'delete_succeeded_pod', 'keep_pod'].includes(value as string),
    'must be delete_pod, delete_succeeded_pod or keep_pod',
  ),
  getLogs: FLAG,
  onLog: FUNCTION,
  startupTimeout: DURATION,
  executionTimeout: DURATION,
  reattachOnRestart: FLAG,
  skipOnExitCode: rule(
    (value) => [value].flat().length > 0 && [value].flat().every(isExitCode),
    'must be an exit code from 1 to 255, or a list of them',
  ),
  deferrable: FLAG,
  result: rule((value) => typeof value === 'boolean' || isMap(value), 'must be true, false or an object'),
  retry: MAP,
  checks: ANY,
  kubeClient: rule(
    (value) => typeof (value as { createPod?: unknown })?.createPod === 'function',
    'must be a KubeClient',
  ),
  inCluster: FLAG,
  configFile: TEXT,
  clusterContext: TEXT,
  clock: MAP,
  random: MAP,
  logger: MAP,
};
const NAMES = Object.keys(RULES);

const seconds = (value: unknown): unknown => (typeof value === 'number' ? value * 1_000 : value);
const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Names that are not ours in other letters. */
const RENAMED: Readonly<Record<string, (value: unknown) => [string, unknown]>> = {
  is_delete_operator_pod: (value) => [
    'onFinishAction',
    typeof value === 'boolean' ? (value ? 'delete_pod' : 'keep_pod') : value,
  ],
  container_resources: (value) => ['resources', value],
  termination_grace_period: (value) => ['terminationGracePeriod', seconds(value)],
  startup_timeout_seconds: (value) => ['startupTimeout', seconds(value)],
  do_xcom_push: (value) => ['result', value === true ? { from: 'file' } : value],
  hostnetwork: (value) => ['hostNetwork', value],
  dnspolicy: (value) => ['dnsPolicy', value],
  schedulername: (value) => ['schedulerName', value],
};

/** Most bytes of a result, by where it comes from. */
export const RESULT_LIMITS = { message: 4_096, file: 4_096, log: 61_440 } as const;

/** {@link PodResultOptions}, complete. */
export interface ResolvedResult {
  readonly from: 'message' | 'file' | 'log';
  readonly path: string;
  readonly format: 'json' | 'text';
  readonly maxBytes: number;
  readonly schema: object | undefined;
}

const RESULT_FIELDS = ['from', 'path', 'format', 'maxBytes', 'schema'];

function readResult(given: PodResultOptions | boolean | undefined, problems: ConfigProblem[]) {
  if (given === undefined || given === false) return undefined;
  const options: PodResultOptions = given === true ? {} : given;
  const { from = 'message', path = '/airflow/xcom/return.json', format = 'json', schema } = options;
  for (const name of Object.keys(options))
    if (!RESULT_FIELDS.includes(name))
      problems.push({
        field: `result.${name}`,
        rule: 'is not known',
        hint: `did you mean ${nearest(name, RESULT_FIELDS)}?`,
      });
  const limit = Object.hasOwn(RESULT_LIMITS, from) ? RESULT_LIMITS[from] : undefined;
  if (limit === undefined) problems.push({ field: 'result.from', value: from, rule: 'must be message, file or log' });
  const { maxBytes = limit ?? 1 } = options;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1 || (limit !== undefined && maxBytes > limit))
    problems.push({ field: 'result.maxBytes', value: maxBytes, rule: `must be an integer from 1 to ${limit}` });
  if (typeof path !== 'string' || !path.startsWith('/'))
    problems.push({ field: 'result.path', value: path, rule: 'must be an absolute path' });
  if (format !== 'json' && format !== 'text')
    problems.push({ field: 'result.format', value: format, rule: 'must be json or text' });
  if (schema !== undefined && (!isMap(schema) || format === 'text'))
    problems.push({ field: 'result.schema', rule: 'must be a JSON Schema, of a result that is JSON' });
  return { from, path, format, maxBytes, schema };
}

/** {@link PodOperatorOptions}, checked. */
export interface ResolvedOperator {
  readonly options: PodOperatorOptions;
  readonly result: ResolvedResult | undefined;
  readonly skipCodes: ReadonlySet<number>;
  readonly graceMs: number | undefined;
}

/**
 * Checks the options.
 * @throws ConfigError with every problem.
 */
export function readOperatorOptions(given: PodOperatorOptions & AirflowPodOperatorOptions): ResolvedOperator {
  if (!isMap(given))
    throw new ConfigError([{ field: 'options', value: given, rule: 'must be an object' }], { subject: 'pod operator' });
  const problems: ConfigProblem[] = [];
  const options: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(given)) {
    if (raw === undefined || raw === null) continue;
    const [name, value] = Object.hasOwn(RENAMED, key)
      ? (RENAMED[key] as (value: unknown) => [string, unknown])(raw)
      : [camel(key), raw];
    if (!Object.hasOwn(RULES, name)) {
      problems.push({ field: key, rule: 'is not an option', hint: `did you mean ${nearest(key, NAMES)}?` });
      continue;
    }
    const broken = RULES[name as keyof PodOperatorOptions](value);
    // Environment and secrets are never part of a message.
    if (broken !== undefined)
      problems.push({ field: key, rule: broken, ...(/env|secret/i.test(name) ? {} : { value: raw }) });
    else options[name] = value;
  }
  const checked = options as PodOperatorOptions;
  const { image, podTemplateFile, fullPodSpec } = checked;
  if (image === undefined && podTemplateFile === undefined && fullPodSpec === undefined && given.image === undefined)
    problems.push({ field: 'image', rule: 'is needed', hint: 'or a podTemplateFile or fullPodSpec that has one' });
  const result = readResult(checked.result, problems);
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'pod operator' });
  const grace = checked.terminationGracePeriod as Duration | undefined;
  return {
    options: checked,
    result,
    skipCodes: new Set([checked.skipOnExitCode ?? []].flat()),
    graceMs: grace === undefined ? undefined : parseDuration(grace),
  };
}
