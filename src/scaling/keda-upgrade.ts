/** Brings ScaledObjects of KEDA 1 to today's form. Pure. */
import { ConfigError } from '../errors.js';
import type { KedaObject } from './keda.js';
import { checkScaler } from './keda-check.js';

/** An object in today's form. */
export interface UpgradedScaler {
  /** The object. */
  readonly object: KedaObject;
  /** What was changed, one line each; empty where it was in today's form. */
  readonly notes: readonly string[];
}

type Map = Record<string, unknown>;
const isMap = (value: unknown): value is Map => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value that is the name of a variable. */
const isVariable = (value: unknown) => typeof value === 'string' && /^[A-Z_][A-Z0-9_]*$/i.test(value);

/** KEDA 1 took the names of variables where KEDA 2 has fields of their own for them. */
const FROM_ENV = ['connection', 'password'];

function upgradeTrigger(given: unknown, index: number, notes: string[]): unknown {
  if (!isMap(given) || !isMap(given.metadata)) return given;
  const metadata: Map = {};
  for (const [name, value] of Object.entries(given.metadata)) {
    if (FROM_ENV.includes(name) && isVariable(value)) {
      metadata[`${name}FromEnv`] = value;
      notes.push(`triggers[${index}].metadata.${name} named a variable: it is ${name}FromEnv now`);
    } else if (typeof value === 'number' || typeof value === 'boolean') {
      metadata[name] = String(value);
      notes.push(`triggers[${index}].metadata.${name} is a text now`);
    } else metadata[name] = value;
  }
  return { ...given, metadata };
}

function upgradeTarget(spec: Map, notes: string[]): Map {
  const { scaleTargetRef } = spec;
  if (!isMap(scaleTargetRef)) return spec;
  const { deploymentName, containerName, ...rest } = scaleTargetRef;
  const target: Map = { ...rest };
  if (deploymentName !== undefined) {
    target.name ??= deploymentName;
    notes.push('spec.scaleTargetRef.deploymentName is scaleTargetRef.name now');
  }
  if (containerName !== undefined) {
    target.envSourceContainerName ??= containerName;
    notes.push('spec.scaleTargetRef.containerName is scaleTargetRef.envSourceContainerName now');
  }
  return { ...spec, scaleTargetRef: target };
}

/**
 * Brings an object of KEDA to `keda.sh/v1alpha1`, checks it, and tells what was changed.
 * @throws ConfigError where it is no ScaledObject or ScaledJob, or would be refused.
 */
export function upgradeScaler(given: unknown): UpgradedScaler {
  if (!isMap(given))
    throw new ConfigError([{ field: 'object', value: given, rule: 'must be a ScaledObject or ScaledJob' }]);
  const notes: string[] = [];
  let { apiVersion, kind } = given;
  if (apiVersion === 'keda.k8s.io/v1alpha1') {
    apiVersion = 'keda.sh/v1alpha1';
    notes.push('apiVersion keda.k8s.io/v1alpha1 is keda.sh/v1alpha1 now');
  }
  let spec: Map = isMap(given.spec) ? upgradeTarget(given.spec, notes) : {};
  if (kind === 'ScaledObject' && (spec.scaleType === 'job' || spec.jobTargetRef !== undefined)) {
    kind = 'ScaledJob';
    const { scaleTargetRef: _target, cooldownPeriod: _cooldown, ...rest } = spec;
    spec = rest;
    notes.push('a ScaledObject for jobs is a ScaledJob now, which has no cooldownPeriod');
  }
  if (spec.scaleType !== undefined) {
    const { scaleType: _type, ...rest } = spec;
    spec = rest;
    notes.push('spec.scaleType says nothing any more');
  }
  const { triggers } = spec;
  if (Array.isArray(triggers))
    spec = { ...spec, triggers: triggers.map((trigger, index) => upgradeTrigger(trigger, index, notes)) };
  let metadata: Map = isMap(given.metadata) ? given.metadata : {};
  const { labels } = metadata;
  if (isMap(labels) && labels.deploymentName !== undefined) {
    const { deploymentName: _name, ...rest } = labels;
    metadata = { ...metadata, labels: rest };
    notes.push('the label deploymentName says nothing any more');
  }
  const object = { apiVersion, kind, metadata, spec } as unknown as KedaObject;
  const problems = checkScaler(object);
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'KEDA object' });
  return { object, notes };
}
