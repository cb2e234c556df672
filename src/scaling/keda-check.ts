/** What KEDA would refuse, or misread. Pure. */
import { nearest } from '../core/nearest.js';
import type { ConfigProblem } from '../errors.js';

/** Fields of each trigger's metadata: needed, alternatives of which one is, numbers, and all others that KEDA knows. */
interface TriggerRule {
  readonly needed: readonly string[];
  readonly numbers: readonly string[];
  readonly known: readonly string[];
}

const TRIGGERS: Readonly<Record<string, TriggerRule>> = {
  postgresql: {
    needed: ['query', 'targetQueryValue'],
    numbers: ['targetQueryValue', 'activationTargetQueryValue'],
    known: ['connectionFromEnv', 'host', 'port', 'userName', 'passwordFromEnv', 'dbName', 'sslmode'],
  },
  prometheus: {
    needed: ['serverAddress', 'query', 'threshold'],
    numbers: ['threshold', 'activationThreshold'],
    known: [
      ...['namespace', 'cortexOrgID', 'customHeaders', 'ignoreNullValues', 'queryParameters', 'timeout'],
      ...['unsafeSsl', 'authModes', 'metricName', 'awsRegion'],
    ],
  },
  'metrics-api': {
    needed: ['url', 'valueLocation', 'targetValue'],
    numbers: ['targetValue', 'activationTargetValue'],
    known: [
      'format',
      'method',
      'unsafeSsl',
      'authMode',
      'keyParamName',
      'aggregateFromKubeServiceEndpoints',
      'aggregationType',
    ],
  },
};

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** A password in an address or a connection has no place in an object that everybody may read. */
const hasPassword = (text: string) => /:\/\/[^\s:/@]*:[^\s/@]+@|password\s*=/i.test(text);

function checkTrigger(trigger: unknown, at: string): ConfigProblem[] {
  if (!isMap(trigger) || !isText(trigger.type)) return [{ field: `${at}.type`, rule: 'must be the kind of a trigger' }];
  const { type, metadata, authenticationRef } = trigger;
  const problems: ConfigProblem[] = [];
  if (!isMap(metadata)) return [{ field: `${at}.metadata`, rule: 'must be an object of strings' }];
  for (const [name, value] of Object.entries(metadata)) {
    const field = `${at}.metadata.${name}`;
    if (typeof value !== 'string')
      problems.push({ field, value, rule: 'must be a string', hint: 'numbers need quotes here' });
    else if (hasPassword(value) || /^(?:password|connection)$/i.test(name))
      problems.push({
        field,
        rule: 'must not hold a connection or a password',
        hint: 'name a variable of the workers (connectionFromEnv), or a TriggerAuthentication (authenticationRef)',
      });
  }
  const rule = Object.hasOwn(TRIGGERS, type) ? (TRIGGERS[type] as TriggerRule) : undefined;
  if (rule === undefined) return problems;
  const known = [...rule.needed, ...rule.numbers, ...rule.known];
  for (const name of rule.needed)
    if (!isText(metadata[name])) problems.push({ field: `${at}.metadata.${name}`, rule: `is needed by ${type}` });
  for (const name of rule.numbers) {
    const value = metadata[name];
    const isTarget = rule.needed.includes(name);
    if (
      typeof value === 'string' &&
      value !== '' &&
      !(Number.isFinite(Number(value)) && Number(value) >= 0 && !(isTarget && Number(value) === 0))
    )
      problems.push({
        field: `${at}.metadata.${name}`,
        value,
        rule: `must be a number ${isTarget ? 'above 0' : 'of at least 0'}`,
      });
  }
  for (const name of Object.keys(metadata))
    if (!known.includes(name) && !/^(?:password|connection)$/i.test(name))
      problems.push({
        field: `${at}.metadata.${name}`,
        rule: `is not known to ${type}`,
        hint: `did you mean ${nearest(name, known)}?`,
      });
  const { connectionFromEnv, host } = metadata;
  if (type === 'postgresql' && !isText(connectionFromEnv) && !isText(host) && authenticationRef === undefined)
    problems.push({
      field: `${at}.metadata.connectionFromEnv`,
      rule: 'is needed by postgresql, or host, or an authenticationRef',
    });
  for (const name of ['url', 'serverAddress'])
    if (isText(metadata[name]) && !/^https?:\/\/[^\s/]/.test(metadata[name]))
      problems.push({
        field: `${at}.metadata.${name}`,
        value: metadata[name],
        rule: 'must be an http or https address',
      });
  return problems;
}

function checkCounts(spec: Record<string, unknown>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { minReplicaCount: min = 0, maxReplicaCount: max = 100 } = spec;
  for (const name of ['minReplicaCount', 'maxReplicaCount', 'idleReplicaCount', 'pollingInterval', 'cooldownPeriod']) {
    const value = spec[name];
    const least = name === 'maxReplicaCount' || name === 'pollingInterval' ? 1 : 0;
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= least))
      problems.push({ field: `spec.${name}`, value, rule: `must be an integer of at least ${least}` });
  }
  if (problems.length === 0 && (min as number) > (max as number))
    problems.push({ field: 'spec.maxReplicaCount', value: max, rule: `must not be below minReplicaCount, ${min}` });
  return problems;
}

/** Every problem of a ScaledObject or ScaledJob. */
export function checkScaler(object: unknown): ConfigProblem[] {
  if (!isMap(object) || !isMap(object.spec)) return [{ field: 'spec', rule: 'must be an object' }];
  const { apiVersion, kind, metadata, spec } = object as Record<string, unknown> & { spec: Record<string, unknown> };
  const problems: ConfigProblem[] = [];
  if (apiVersion !== 'keda.sh/v1alpha1')
    problems.push({ field: 'apiVersion', value: apiVersion, rule: 'must be keda.sh/v1alpha1' });
  if (kind !== 'ScaledObject' && kind !== 'ScaledJob')
    problems.push({ field: 'kind', value: kind, rule: 'must be ScaledObject or ScaledJob' });
  const name = isMap(metadata) ? metadata.name : undefined;
  if (!isText(name) || !NAME.test(name) || name.length > 253)
    problems.push({ field: 'metadata.name', value: name, rule: 'must be a name of Kubernetes' });
  if (kind === 'ScaledObject' && !(isMap(spec.scaleTargetRef) && isText(spec.scaleTargetRef.name)))
    problems.push({ field: 'spec.scaleTargetRef.name', rule: 'must be the name of what is scaled' });
  const template = isMap(spec.jobTargetRef) ? spec.jobTargetRef.template : undefined;
  const containers = isMap(template) && isMap(template.spec) ? template.spec.containers : undefined;
  if (kind === 'ScaledJob' && !(Array.isArray(containers) && containers.length > 0))
    problems.push({ field: 'spec.jobTargetRef.template.spec.containers', rule: 'must have a container' });
  problems.push(...checkCounts(spec));
  const { triggers } = spec;
  if (!Array.isArray(triggers) || triggers.length === 0)
    problems.push({ field: 'spec.triggers', rule: 'must have a trigger' });
  else problems.push(...triggers.flatMap((trigger, index) => checkTrigger(trigger, `spec.triggers[${index}]`)));
  return problems;
}
