/** What each field of an executor config may hold; every problem names its place. Values that may be secrets are never part of one. */
import type { ConfigProblem } from '../errors.js';
import { parseQuantity } from '../wire/quantity.js';
import type { KubernetesExecutorConfig } from './executor-config.js';

/** The problems of a value; none where it is right. */
type Rule = (value: unknown, field: string) => ConfigProblem[];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const when = (isRight: (value: unknown) => boolean, rule: string, hint?: string): Rule => {
  return (value, field) => (isRight(value) ? [] : [{ field, value, rule, hint }]);
};
const TEXT = when(isText, 'must be a non-empty string');
const OBJECT = when(isObject, 'must be an object');
const QUANTITY = when(
  (value) => isText(value) && parseQuantity(value) !== undefined,
  'must be a Kubernetes quantity as a string, such as "500m" or "1Gi"',
);
const AMOUNT = when(
  (value) => parseQuantity(value) !== undefined,
  'must be a Kubernetes quantity, such as "500m" or "1Gi"',
);

/** `place` without its value, for what may be a secret. */
const hidden = ({ value: _, ...problem }: ConfigProblem): ConfigProblem => problem;

/** A map whose values all keep a rule. */
const mapOf =
  (rule: Rule, what: string): Rule =>
  (value, field) =>
    isObject(value)
      ? Object.entries(value).flatMap(([name, part]) => rule(part, `${field}.${name}`))
      : [{ field, value, rule: what }];

/** A list whose items all keep a rule. */
const listOf =
  (rule: Rule, what: string): Rule =>
  (value, field) =>
    Array.isArray(value)
      ? value.flatMap((item, index) => rule(item, `${field}[${index}]`))
      : [{ field, value, rule: what }];

const STRING_MAP = mapOf(
  when((value) => typeof value === 'string', 'must be a string', 'numbers and booleans need quotes here'),
  'must be an object of strings',
);
const named =
  (what: string): Rule =>
  (value, field) =>
    isObject(value) && isText(value.name)
      ? []
      : [{ field: isObject(value) ? `${field}.name` : field, rule: `must be ${what} with a name` }];

const envItem: Rule = (value, field) => {
  if (!isObject(value) || !isText(value.name)) return named('a variable')(value, field);
  const { value: text, valueFrom } = value;
  if (text !== undefined && text !== null && typeof text !== 'string')
    return [{ field: `${field}.value`, rule: 'must be a string', hint: 'numbers and booleans need quotes here' }];
  return valueFrom === undefined || valueFrom === null || isObject(valueFrom)
    ? []
    : [{ field: `${field}.valueFrom`, rule: 'must be an object' }];
};
const ENV_LIST = listOf(envItem, 'must be an object of strings or a list of {name, value}');
const ENV: Rule = (value, field) => (isObject(value) ? STRING_MAP(value, field) : ENV_LIST(value, field)).map(hidden);

const secret: Rule = (value, field) => {
  const rule = 'must be {deployType: "env" | "volume", deployTarget, secret, key}';
  if (!isObject(value)) return [{ field, rule }];
  const problems: ConfigProblem[] = [];
  const [type, target] = [value.deployType ?? value.deploy_type, value.deployTarget ?? value.deploy_target];
  if (!isText(value.secret)) problems.push({ field: `${field}.secret`, rule: 'must be the name of a secret' });
  if (type !== 'env' && type !== 'volume')
    problems.push({ field: `${field}.deployType`, value: type, rule: 'must be env or volume' });
  for (const name of ['key', 'deployTarget', 'deploy_target'])
    if (value[name] !== undefined && value[name] !== null && !isText(value[name]))
      problems.push({ field: `${field}.${name}`, value: value[name], rule: 'must be a non-empty string' });
  if (type === 'env' && isText(target) && !isText(value.key))
    problems.push({
      field: `${field}.key`,
      rule: 'is needed for a single variable',
      hint: 'leave deployTarget out to take every key of the secret as a variable',
    });
  return problems;
};

/** Amounts that may stand in `resources` without `requests` around them. */
export const BARE_AMOUNTS: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

const RESOURCES: Rule = (value, field) => {
  if (!isObject(value)) return [{ field, value, rule: 'must be {requests, limits}' }];
  return Object.entries(value).flatMap(([name, part]) => {
    const at = `${field}.${name}`;
    if (name === 'requests' || name === 'limits') return mapOf(AMOUNT, 'must be quantities by resource name')(part, at);
    if (name === 'claims') return listOf(named('a claim'), 'must be a list of claims')(part, at);
    if (BARE_AMOUNTS.has(name)) return AMOUNT(part, at);
    return name === 'priority' ? TEXT(part, at) : [{ field: at, rule: 'is not known; requests and limits are' }];
  });
};

/** The rule of each field. */
export const EXECUTOR_CONFIG_RULES: Readonly<Record<keyof KubernetesExecutorConfig, Rule>> = {
  namespace: TEXT,
  image: TEXT,
  imagePullPolicy: when(
    (value) => value === 'Always' || value === 'IfNotPresent' || value === 'Never',
    'must be Always, IfNotPresent or Never',
  ),
  requestCpu: QUANTITY,
  requestMemory: QUANTITY,
  limitCpu: QUANTITY,
  limitMemory: QUANTITY,
  limitGpu: when((value) => /^\d+$/.test(String(value)), 'must be a whole number of GPUs'),
  resources: RESOURCES,
  labels: STRING_MAP,
  annotations: STRING_MAP,
  env: ENV,
  secrets: listOf(secret, 'must be a list of {deployType: "env" | "volume", deployTarget, secret, key}'),
  volumes: listOf(named('a volume'), 'must be a list of volumes with names'),
  volumeMounts: listOf(named('a mount'), 'must be a list of mounts with names'),
  nodeSelector: STRING_MAP,
  affinity: OBJECT,
  tolerations: listOf(OBJECT, 'must be a list of tolerations'),
  serviceAccountName: TEXT,
  podTemplateFile: TEXT,
  podOverride: OBJECT,
};
