/** Validation of metadata, the same for all kinds. */
import { labelValueProblem, qualifiedNameProblems } from '../../../wire/name-rules.js';
import { isMap, type JsonMap } from '../json.js';
import { type FieldFault, fault } from '../status.js';
import { Faults, mapOf, textOf } from './kit.js';

const MAX_ANNOTATIONS = 262_144;

/** Faults of a map of labels. */
export function labelFaults(labels: unknown, field: string): FieldFault[] {
  const faults = new Faults();
  for (const [key, value] of Object.entries(mapOf(labels))) {
    faults.problems(field, key, qualifiedNameProblems(key));
    faults.problems(field, value, [labelValueProblem(textOf(value))]);
  }
  return faults.list;
}

function annotationFaults(annotations: unknown): FieldFault[] {
  const faults = new Faults();
  let size = 0;
  for (const [key, value] of Object.entries(mapOf(annotations))) {
    faults.problems('metadata.annotations', key, qualifiedNameProblems(key.toLowerCase()));
    size += Buffer.byteLength(key) + Buffer.byteLength(String(value));
  }
  if (size > MAX_ANNOTATIONS) faults.add(fault.tooLong('metadata.annotations', MAX_ANNOTATIONS));
  return faults.list;
}

const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Faults of a list of finalizers. */
export function finalizerFaults(finalizers: unknown, at = 'metadata.finalizers'): FieldFault[] {
  if (!Array.isArray(finalizers)) return [];
  return finalizers.flatMap((finalizer, index) => {
    if (typeof finalizer !== 'string') return [];
    const problems = qualifiedNameProblems(finalizer);
    if (problems.length > 0) return problems.map((problem) => fault.invalid(at, finalizer, problem));
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return [];
    return [
      fault.invalid(
        `${at}[${index}]`,
        finalizer,
        'name is neither a standard finalizer name nor is it fully qualified',
      ),
    ];
  });
}

function ownerFaults(owners: unknown): FieldFault[] {
  if (!Array.isArray(owners)) return [];
  const faults: FieldFault[] = [];
  const controllers: JsonMap[] = [];
  for (const owner of owners.filter(isMap)) {
    const field = 'metadata.ownerReferences';
    const version = textOf(owner.apiVersion);
    if (version === '' || version.split('/').length > 2)
      faults.push(fault.invalid(`${field}.apiVersion`, version, 'version must not be empty'));
    if (!owner.kind) faults.push(fault.invalid(`${field}.kind`, '', 'must not be empty'));
    if (!owner.name) faults.push(fault.invalid(`${field}.name`, '', 'must not be empty'));
    if (!owner.uid) faults.push(fault.invalid(`${field}.uid`, '', 'must not be empty'));
    if (version === 'v1' && owner.kind === 'Event')
      faults.push(fault.invalid(field, owner, '/v1, Kind=Event is disallowed from being an owner'));
    if (owner.controller === true) controllers.push(owner);
  }
  const [first, ...others] = controllers;
  for (const other of others)
    faults.push(
      fault.invalid(
        'metadata.ownerReferences',
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${textOf(first?.kind)}/${textOf(first?.name)} and ${textOf(other.kind)}/${textOf(other.name)}`,
      ),
    );
  return faults;
}

/** Faults of an object's metadata; `nameRule` is the check of the name. */
export function metadataFaults(metadata: JsonMap, nameRule: (name: string) => string | undefined): FieldFault[] {
  const faults: FieldFault[] = [];
  const { name, generateName } = metadata;
  if (typeof generateName === 'string' && generateName !== '') {
    const problem = nameRule(generateName.replace(/(?<=.)-$/, 'a'));
    if (problem !== undefined) faults.push(fault.invalid('metadata.generateName', generateName, problem));
  }
  if (typeof name !== 'string' || name === '')
    faults.push(fault.required('metadata.name', 'name or generateName is required'));
  else {
    const problem = nameRule(name);
    if (problem !== undefined) faults.push(fault.invalid('metadata.name', name, problem));
  }
  faults.push(...annotationFaults(metadata.annotations));
  faults.push(...labelFaults(metadata.labels, 'metadata.labels'));
  faults.push(...ownerFaults(metadata.ownerReferences));
  faults.push(...finalizerFaults(metadata.finalizers));
  return faults;
}
