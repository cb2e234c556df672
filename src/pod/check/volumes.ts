/** Volumes of a pod, and the mounts of its containers. */
import { parseQuantity } from '../../wire/quantity.js';
import {
  below,
  CONFIG_KEY,
  DNS_LABEL,
  DNS_SUBDOMAIN,
  type Findings,
  field,
  INNER_PATH,
  isMap,
  type JsonMap,
  maps,
  text,
} from './findings.js';

const hasParent = (path: string) => path.split('/').includes('..');

function checkItems(source: unknown, path: string, findings: Findings): void {
  for (const [index, item] of maps(field(source, 'items')).entries()) {
    const at = below(below(path, 'items'), index);
    findings.shape(below(at, 'key'), field(item, 'key'), CONFIG_KEY);
    const inner = text(field(item, 'path'));
    if (inner === '') findings.add(below(at, 'path'), 'must not be empty');
    else findings.shape(below(at, 'path'), inner, INNER_PATH);
    checkMode(field(item, 'mode'), below(at, 'mode'), findings);
  }
  checkMode(field(source, 'defaultMode'), below(path, 'defaultMode'), findings);
}

function checkMode(mode: unknown, path: string, findings: Findings): void {
  if (typeof mode === 'number' && (mode < 0 || mode > 0o777))
    findings.add(path, 'must be a file mode from 0 to 0777', {
      value: mode,
      hint: 'octal needs a leading 0, as 0644 has',
    });
}

const PROJECTIONS = [
  'clusterTrustBundle',
  'configMap',
  'downwardAPI',
  'podCertificate',
  'secret',
  'serviceAccountToken',
];

function checkProjected(source: unknown, path: string, findings: Findings): void {
  for (const [index, part] of maps(field(source, 'sources')).entries()) {
    const at = below(below(path, 'sources'), index);
    const given = PROJECTIONS.filter((name) => field(part, name) !== undefined);
    if (given.length > 1) findings.add(at, `must have one source only, of ${PROJECTIONS.join(', ')}`);
    for (const name of given) checkItems(field(part, name), below(at, name), findings);
    for (const name of ['configMap', 'secret'])
      if (isMap(field(part, name)) && !text(field(field(part, name), 'name')))
        findings.add(below(below(at, name), 'name'), 'must name an object');
    const token = field(part, 'serviceAccountToken');
    const seconds = field(token, 'expirationSeconds');
    const here = below(at, 'serviceAccountToken');
    if (typeof seconds === 'number' && (seconds < 600 || seconds > 2 ** 32))
      findings.add(below(here, 'expirationSeconds'), 'must be from 600 (10 minutes) to 2^32', { value: seconds });
    if (text(field(token, 'path')) === '') findings.add(below(here, 'path'), 'must not be empty');
    else findings.shape(below(here, 'path'), field(token, 'path'), INNER_PATH);
  }
}

function checkSource(volume: JsonMap, path: string, findings: Findings): void {
  // The schema has named unknown fields already; a server makes an emptyDir of none at all.
  const given = Object.keys(volume).filter((name) => name !== 'name' && isMap(volume[name]));
  if (given.length > 1) findings.add(path, `must have one source only, not ${given.join(' and ')}`);
  const needs = (source: string, name: string) => {
    if (given.includes(source) && !text(field(volume[source], name)))
      findings.add(below(below(path, source), name), 'must not be empty');
  };
  needs('secret', 'secretName');
  needs('configMap', 'name');
  needs('persistentVolumeClaim', 'claimName');
  needs('hostPath', 'path');
  needs('nfs', 'server');
  needs('nfs', 'path');
  needs('csi', 'driver');
  for (const source of ['secret', 'configMap', 'downwardAPI'])
    checkItems(volume[source], below(path, source), findings);
  checkProjected(volume.projected, below(path, 'projected'), findings);
  const hostPath = text(field(volume.hostPath, 'path'));
  if (hostPath !== undefined && hasParent(hostPath))
    findings.add(`${path}.hostPath.path`, 'must not contain ..', { value: hostPath });
  const nfsPath = text(field(volume.nfs, 'path'));
  if (nfsPath && !nfsPath.startsWith('/'))
    findings.add(`${path}.nfs.path`, 'must be an absolute path', { value: nfsPath });
  findings.shape(
    `${path}.persistentVolumeClaim.claimName`,
    field(volume.persistentVolumeClaim, 'claimName') || undefined,
    DNS_SUBDOMAIN,
  );
  const limit = field(volume.emptyDir, 'sizeLimit');
  const size = parseQuantity(limit);
  if (size !== undefined && size.nano < 0n)
    findings.add(`${path}.emptyDir.sizeLimit`, 'must not be negative', { value: limit });
  const medium = text(field(volume.emptyDir, 'medium'));
  if (medium && medium !== 'Memory' && !medium.startsWith('HugePages'))
    findings.add(`${path}.emptyDir.medium`, 'must be empty, "Memory", "HugePages" or "HugePages-<size>"', {
      value: medium,
    });
}

/** Checks `spec.volumes`. */
export function checkVolumes(spec: JsonMap, findings: Findings): void {
  const volumes = maps(spec.volumes);
  for (const [index, volume] of volumes.entries()) {
    const at = below('spec.volumes', index);
    findings.shape(below(at, 'name'), field(volume, 'name'), DNS_LABEL);
    checkSource(volume, at, findings);
  }
  findings.unique(
    'spec.volumes',
    volumes.map((one) => text(field(one, 'name'))),
    'name',
    "pod's volumes",
  );
}

/** Checks `volumeMounts` and `volumeDevices` of a container against the volumes of the pod. */
export function checkMounts(
  container: JsonMap,
  path: string,
  volumes: ReadonlyMap<string, JsonMap>,
  findings: Findings,
): void {
  for (const [list, target] of [
    ['volumeMounts', 'mountPath'],
    ['volumeDevices', 'devicePath'],
  ] as const) {
    const mounts = maps(field(container, list));
    for (const [index, mount] of mounts.entries()) {
      const at = below(below(path, list), index);
      const name = text(field(mount, 'name'));
      const hint = volumes.size === 0 ? 'the pod has no volumes' : `it has ${[...volumes.keys()].join(', ')}`;
      if (name !== undefined && !volumes.has(name))
        findings.add(below(at, 'name'), 'must be one of spec.volumes', { value: name, hint });
      const volume = volumes.get(name ?? '');
      if (
        list === 'volumeDevices' &&
        volume !== undefined &&
        !('persistentVolumeClaim' in volume) &&
        !('ephemeral' in volume)
      )
        findings.add(below(at, 'name'), 'must be a persistentVolumeClaim, since only those are block devices', {
          value: name,
        });
      const place = text(field(mount, target));
      if (place === '') findings.add(below(at, target), 'must not be empty');
      if (list === 'volumeMounts') checkSubPath(mount, at, findings);
    }
    findings.unique(
      below(path, list),
      mounts.map((one) => text(field(one, target))),
      target,
      "container's mounts",
    );
  }
}

function checkSubPath(mount: JsonMap, at: string, findings: Findings): void {
  const [subPath, subPathExpr] = [text(field(mount, 'subPath')), text(field(mount, 'subPathExpr'))];
  if (subPath && subPathExpr) findings.add(below(at, 'subPathExpr'), 'must not stand beside subPath');
  findings.shape(below(at, 'subPath'), subPath, INNER_PATH);
  findings.shape(below(at, 'subPathExpr'), subPathExpr, INNER_PATH);
}
