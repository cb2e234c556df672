/** Validation of volumes. */
import { parseQuantity } from '../../../wire/quantity.js';
import { isMap, type JsonMap } from '../json.js';
import { fault } from '../status.js';
import { type Faults, mapOf, maps, textOf } from './kit.js';
import { configKeyProblems, dnsLabelProblem } from './names.js';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const DOWNWARD_FIELDS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

/** A path that must stay below the place it is mounted at. */
export function relativePath(faults: Faults, field: string, path: string): void {
  if (path.startsWith('/')) faults.add(fault.invalid(field, path, 'must be a relative path'));
  noBackSteps(faults, field, path);
}

function noBackSteps(faults: Faults, field: string, path: string): void {
  if (path.split('/').includes('..')) faults.add(fault.invalid(field, path, "must not contain '..'"));
}

function mode(faults: Faults, field: string, value: unknown): void {
  if (typeof value === 'number' && (value < 0 || value > 0o777))
    faults.add(fault.invalid(field, value, 'must be a number between 0 and 0777 (octal), both inclusive'));
}

function keyItems(faults: Faults, field: string, items: unknown): void {
  for (const [index, item] of maps(items).entries()) {
    const at = `${field}[${index}]`;
    faults.required(`${at}.key`, item.key);
    const path = textOf(item.path);
    if (path === '') faults.add(fault.required(`${at}.path`));
    else {
      relativePath(faults, `${at}.path`, path);
      if (path.startsWith('..') && !path.split('/').includes('..'))
        faults.add(fault.invalid(`${at}.path`, path, "must not start with '..'"));
    }
    mode(faults, `${at}.mode`, item.mode);
  }
}

function downwardItems(faults: Faults, field: string, items: unknown): void {
  for (const item of maps(items)) {
    const path = textOf(item.path);
    if (path === '') faults.add(fault.required(`${field}.path`));
    else relativePath(faults, `${field}.path`, path);
    if (isMap(item.fieldRef)) {
      const fieldPath = textOf(item.fieldRef.fieldPath);
      const isSubscript = /^metadata\.(labels|annotations)\['.+'\]$/.test(fieldPath);
      if (!isSubscript) faults.oneOf(`${field}.fieldRef.fieldPath`, fieldPath, DOWNWARD_FIELDS);
    } else if (!isMap(item.resourceFieldRef))
      faults.add(fault.required(field, 'one of fieldRef and resourceFieldRef is required'));
    mode(faults, `${field}.mode`, item.mode);
  }
}

function projected(faults: Faults, field: string, source: JsonMap, spec: JsonMap): void {
  mode(faults, `${field}.defaultMode`, source.defaultMode);
  const taken = new Set<string>();
  const claim = (name: string, items: unknown) => {
    for (const { path } of maps(items)) {
      if (taken.has(textOf(path))) faults.add(fault.invalid(field, name, 'conflicting duplicate paths'));
      taken.add(textOf(path));
    }
  };
  for (const [index, part] of maps(source.sources).entries()) {
    const at = `${field}.sources[${index}]`;
    for (const kind of ['secret', 'configMap'] as const) {
      const ref = part[kind];
      if (!isMap(ref)) continue;
      faults.required(`${at}.${kind}.name`, ref.name);
      keyItems(faults, `${at}.${kind}.items`, ref.items);
      claim(textOf(ref.name), ref.items);
    }
    if (isMap(part.downwardAPI)) downwardItems(faults, `${at}.downwardAPI`, part.downwardAPI.items);
    const token = part.serviceAccountToken;
    if (!isMap(token)) continue;
    const seconds = Number(token.expirationSeconds ?? 3600);
    if (seconds < 600)
      faults.add(
        fault.invalid(
          `${at}.serviceAccountToken.expirationSeconds`,
          seconds,
          'may not specify a duration less than 10 minutes',
        ),
      );
    if (seconds > 2 ** 32)
      faults.add(
        fault.invalid(
          `${at}.serviceAccountToken.expirationSeconds`,
          seconds,
          'may not specify a duration larger than 2^32 seconds',
        ),
      );
    faults.required(`${at}.serviceAccountToken.path`, token.path);
    if (textOf(spec.serviceAccountName) === '')
      faults.add(
        fault.forbidden(`${at}.serviceAccountToken`, 'must not be specified when serviceAccountName is not set'),
      );
  }
}

function source(faults: Faults, at: string, volume: JsonMap, spec: JsonMap): void {
  const emptyDir = mapOf(volume.emptyDir);
  if ((parseQuantity(emptyDir.sizeLimit)?.nano ?? 0n) < 0n)
    faults.add(fault.forbidden(`${at}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
  if (isMap(volume.hostPath)) {
    const path = textOf(volume.hostPath.path);
    if (path === '') faults.add(fault.required(`${at}.hostPath.path`));
    else noBackSteps(faults, `${at}.hostPath.path`, path);
    faults.oneOf(`${at}.hostPath.type`, volume.hostPath.type, HOST_PATH_TYPES);
  }
  if (isMap(volume.secret)) {
    faults.required(`${at}.secret.secretName`, volume.secret.secretName);
    mode(faults, `${at}.secret.defaultMode`, volume.secret.defaultMode);
    keyItems(faults, `${at}.secret.items`, volume.secret.items);
  }
  if (isMap(volume.nfs)) {
    const { server, path } = volume.nfs;
    faults.required(`${at}.nfs.server`, server);
    faults.required(`${at}.nfs.path`, path);
    if (!textOf(path).startsWith('/'))
      faults.add(fault.invalid(`${at}.nfs.path`, textOf(path), 'must be an absolute path'));
  }
  if (isMap(volume.configMap)) {
    faults.required(`${at}.configMap.name`, volume.configMap.name);
    mode(faults, `${at}.configMap.defaultMode`, volume.configMap.defaultMode);
    keyItems(faults, `${at}.configMap.items`, volume.configMap.items);
  }
  if (isMap(volume.persistentVolumeClaim))
    faults.required(`${at}.persistentVolumeClaim.claimName`, volume.persistentVolumeClaim.claimName);
  if (isMap(volume.downwardAPI)) {
    mode(faults, `${at}.downwardAPI.defaultMode`, volume.downwardAPI.defaultMode);
    downwardItems(faults, `${at}.downwardAPI`, volume.downwardAPI.items);
  }
  if (isMap(volume.projected)) projected(faults, `${at}.projected`, volume.projected, spec);
}

/** Faults of a pod's volumes; gives their names. */
export function volumeFaults(faults: Faults, spec: JsonMap): Set<string> {
  const names = new Set<string>();
  for (const [index, volume] of maps(spec.volumes).entries()) {
    const at = `spec.volumes[${index}]`;
    for (const kind of Object.keys(volume)
      .filter((field) => field !== 'name')
      .slice(1))
      faults.add(fault.forbidden(`${at}.${kind}`, 'may not specify more than 1 volume type'));
    source(faults, at, volume, spec);
    const name = textOf(volume.name);
    if (name === '') faults.add(fault.required(`${at}.name`));
    else {
      faults.problems(`${at}.name`, name, [dnsLabelProblem(name)]);
      if (names.has(name)) faults.add(fault.duplicate(`${at}.name`, name));
      names.add(name);
    }
  }
  return names;
}

/** Faults of a reference to a key of a config map or secret. */
export function keyRefFaults(
  faults: Faults,
  at: string,
  ref: unknown,
  nameProblem: (name: string) => string | undefined,
): void {
  if (!isMap(ref)) return;
  faults.problems(`${at}.name`, textOf(ref.name), [nameProblem(textOf(ref.name))]);
  const key = textOf(ref.key);
  if (key === '') faults.add(fault.required(`${at}.key`));
  else faults.problems(`${at}.key`, key, configKeyProblems(key));
}
