/** Validation of metadata, the same for all kinds. */
import { isLabelKey, isLabelValue } from '../../wire/selectors.js';
import { isMap, type JsonMap } from './json.js';
import { type FieldFault, fault } from './status.js';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const KEY_RULE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const MAX_ANNOTATIONS = 262_144;

/** What is wrong with a DNS subdomain name, or `undefined`. */
export function subdomainProblem(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 characters';
  return SUBDOMAIN.test(name) ? undefined : SUBDOMAIN_RULE;
}

/** What is wrong with a DNS label, or `undefined`. */
export function dnsLabelProblem(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters';
  if (LABEL.test(name)) return undefined;
  return SUBDOMAIN.test(name) ? 'must not contain dots' : LABEL_RULE;
}

function keyProblem(key: string): string {
  const name = key.split('/').at(-1) ?? '';
  if (key.split('/').length > 2)
    return `a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  return KEY_RULE;
}

/** Faults of a map of labels. */
export function labelFaults(labels: unknown, field: string): FieldFault[] {
  const faults: FieldFault[] = [];
  if (!isMap(labels)) return faults;
  for (const [key, value] of Object.entries(labels)) {
    if (!isLabelKey(key)) faults.push(fault.invalid(field, key, keyProblem(key)));
    if (typeof value === 'string' && !isLabelValue(value))
      faults.push(fault.invalid(field, value, value.length > 63 ? 'must be no more than 63 bytes' : LABEL_VALUE_RULE));
  }
  return faults;
}

function annotationFaults(annotations: unknown): FieldFault[] {
  const faults: FieldFault[] = [];
  if (!isMap(annotations)) return faults;
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    if (!isLabelKey(key.toLowerCase())) faults.push(fault.invalid('metadata.annotations', key, keyProblem(key)));
    size += Buffer.byteLength(key) + Buffer.byteLength(String(value));
  }
  if (size > MAX_ANNOTATIONS) faults.push(fault.tooLong('metadata.annotations', MAX_ANNOTATIONS));
  return faults;
}

const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function finalizerFaults(finalizers: unknown): FieldFault[] {
  if (!Array.isArray(finalizers)) return [];
  return finalizers.flatMap((finalizer, index) => {
    const field = `metadata.finalizers[${index}]`;
    if (typeof finalizer !== 'string') return [];
    if (!isLabelKey(finalizer)) return [fault.invalid('metadata.finalizers', finalizer, keyProblem(finalizer))];
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return [];
    return [fault.invalid(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')];
  });
}

function ownerFaults(owners: unknown): FieldFault[] {
  if (!Array.isArray(owners)) return [];
  const faults: FieldFault[] = [];
  let controllers = 0;
  for (const owner of owners.filter(isMap)) {
    const field = 'metadata.ownerReferences';
    if (!owner.apiVersion) faults.push(fault.invalid(`${field}.apiVersion`, '', 'version must not be empty'));
    if (!owner.kind) faults.push(fault.invalid(`${field}.kind`, '', 'must not be empty'));
    if (!owner.name) faults.push(fault.invalid(`${field}.name`, '', 'must not be empty'));
    if (!owner.uid) faults.push(fault.invalid(`${field}.uid`, '', 'must not be empty'));
    if (owner.controller === true) controllers++;
  }
  if (controllers > 1)
    faults.push(fault.invalid('metadata.ownerReferences', null, 'Only one reference can have Controller set to true'));
  return faults;
}

/** Faults of an object's metadata; `nameRule` is the check of the name. */
export function metadataFaults(metadata: JsonMap, nameRule: (name: string) => string | undefined): FieldFault[] {
  const faults: FieldFault[] = [];
  const { name, generateName } = metadata;
  if (typeof generateName === 'string' && generateName !== '') {
    const problem = nameRule(generateName.replace(/-$/, 'a'));
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
