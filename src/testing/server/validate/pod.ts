/** Validation of pods, with the API server's fields, order and messages. */
import { subdomainProblem } from '../../../wire/name-rules.js';
import { type JsonMap, sameJson } from '../json.js';
import { type FieldFault, fault } from '../status.js';
import { addressFaults, containerFaults, hostPortFaults, probeFaults } from './container.js';
import { Faults, mapOf, maps, textOf } from './kit.js';
import { labelFaults } from './meta.js';
import { dnsLabelProblem, underscoredSubdomainProblem } from './names.js';
import { affinityFaults, gateAndSpreadFaults, tolerationFaults } from './scheduling.js';
import { podSecurityFaults } from './security.js';
import { specDiff } from './spec-dump.js';
import { volumeFaults } from './volumes.js';

const MAX_NAME_SERVERS = 3;

function allContainerFaults(faults: Faults, spec: JsonMap): void {
  const context = { spec, volumes: volumeFaults(faults, spec), names: new Set<string>() };
  const main = maps(spec.containers);
  if (main.length === 0) faults.add(fault.required('spec.containers'));
  for (const [index, container] of main.entries()) {
    const at = `spec.containers[${index}]`;
    containerFaults(faults, container, at, context);
    probeFaults(faults, at, container, spec);
  }
  faults.add(...hostPortFaults(main, 'spec.containers'));
  for (const [index, container] of maps(spec.initContainers).entries()) {
    const at = `spec.initContainers[${index}]`;
    containerFaults(faults, container, at, context);
    if (container.restartPolicy !== undefined)
      faults.oneOf(`${at}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure']);
    if (container.restartPolicy === 'Always') {
      probeFaults(faults, at, container, spec);
      continue;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'])
      if (container[field] !== undefined)
        faults.add(
          fault.forbidden(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always'),
        );
  }
}

function dnsFaults(faults: Faults, spec: JsonMap): void {
  const config = mapOf(spec.dnsConfig);
  const servers = Array.isArray(config.nameservers) ? config.nameservers : [];
  if (spec.dnsPolicy === 'None') {
    if (spec.dnsConfig === undefined)
      faults.add(fault.required('spec.dnsConfig', 'must provide `dnsConfig` when `dnsPolicy` is None'));
    else if (servers.length === 0)
      faults.add(
        fault.required(
          'spec.dnsConfig.nameservers',
          'must provide at least one DNS nameserver when `dnsPolicy` is None',
        ),
      );
  }
  if (servers.length > MAX_NAME_SERVERS)
    faults.add(
      fault.invalid('spec.dnsConfig.nameservers', servers, `must not have more than ${MAX_NAME_SERVERS} nameservers`),
    );
  for (const [index, server] of servers.entries())
    addressFaults(faults, `spec.dnsConfig.nameservers[${index}]`, server);
  for (const [index, search] of (Array.isArray(config.searches) ? config.searches : []).entries())
    faults.problems(`spec.dnsConfig.searches[${index}]`, search, [
      underscoredSubdomainProblem(textOf(search).replace(/\.$/, '')),
    ]);
}

const WINDOWS_FORBIDS = ['hostPID', 'hostIPC', 'hostNetwork', 'shareProcessNamespace'];
const WINDOWS_FORBIDS_IN_CONTEXT = [
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
];

function osFaults(faults: Faults, spec: JsonMap): void {
  if (spec.os === undefined) return;
  const name = textOf(mapOf(spec.os).name);
  if (name === '') faults.add(fault.required('spec.os.name', 'cannot be empty'));
  else faults.oneOf('spec.os', name, ['linux', 'windows']);
  if (name !== 'windows') return;
  const why = 'cannot be set for a windows pod';
  const context = mapOf(spec.securityContext);
  for (const field of WINDOWS_FORBIDS) if (spec[field] === true) faults.add(fault.forbidden(`spec.${field}`, why));
  for (const field of WINDOWS_FORBIDS_IN_CONTEXT)
    if (context[field] !== undefined) faults.add(fault.forbidden(`spec.securityContext.${field}`, why));
}

/** Faults of a pod's spec after defaulting. */
export function podSpecFaults(spec: JsonMap): FieldFault[] {
  const faults = new Faults();
  allContainerFaults(faults, spec);
  const restarts = ['Always', 'OnFailure', 'Never'];
  if (!restarts.includes(textOf(spec.restartPolicy)))
    faults.add(fault.unsupported('spec.restartPolicy', spec.restartPolicy, restarts));
  const policies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
  if (!policies.includes(textOf(spec.dnsPolicy)))
    faults.add(fault.unsupported('spec.dnsPolicy', spec.dnsPolicy, policies));
  faults.add(...labelFaults(spec.nodeSelector, 'spec.nodeSelector'));
  podSecurityFaults(faults, spec, 'spec.securityContext');
  affinityFaults(faults, spec.affinity);
  dnsFaults(faults, spec);
  gateAndSpreadFaults(faults, spec);
  if (spec.hostUsers === false)
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC'])
      if (spec[field] === true) faults.add(fault.forbidden(`spec.${field}`, 'when `hostUsers` is false'));
  for (const field of ['serviceAccountName', 'nodeName'] as const) {
    const name = textOf(spec[field]);
    if (name !== '') faults.problems(`spec.${field}`, name, [subdomainProblem(name)]);
  }
  faults.between('spec.activeDeadlineSeconds', spec.activeDeadlineSeconds, 1, 2 ** 31 - 1);
  for (const field of ['hostname', 'subdomain'] as const) {
    const name = textOf(spec[field]);
    if (name !== '') faults.problems(`spec.${field}`, name, [dnsLabelProblem(name)]);
  }
  tolerationFaults(faults, spec.tolerations);
  for (const [index, { ip, hostnames }] of maps(spec.hostAliases).entries()) {
    addressFaults(faults, `spec.hostAliases[${index}].ip`, ip);
    for (const [number, name] of (Array.isArray(hostnames) ? hostnames : []).entries())
      faults.problems(`spec.hostAliases[${index}].hostnames[${number}]`, name, [subdomainProblem(textOf(name))]);
  }
  osFaults(faults, spec);
  return faults.list;
}

/** Faults that only a new pod can have. */
export function podCreateFaults(spec: JsonMap): FieldFault[] {
  const faults: FieldFault[] = [];
  if (maps(spec.ephemeralContainers).length > 0)
    faults.push(fault.forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (maps(spec.schedulingGates).length > 0 && spec.nodeName)
    faults.push(fault.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  return faults;
}

const UPDATE_RULE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function listFaults(spec: JsonMap, old: JsonMap, faults: FieldFault[]): boolean {
  for (const field of ['containers', 'initContainers'] as const) {
    if (maps(spec[field]).length !== maps(old[field]).length) {
      faults.push(fault.forbidden(`spec.${field}`, 'pod updates may not add or remove containers'));
      return false;
    }
    for (const [index, container] of maps(spec[field]).entries()) {
      const image = textOf(container.image);
      const at = `spec.${field}[${index}].image`;
      if (image === '') faults.push(fault.required(at));
      else if (image.trim() !== image)
        faults.push(fault.invalid(at, image, 'must not have leading or trailing whitespace'));
    }
  }
  return true;
}

/** Faults of a change of a pod's spec. */
export function podUpdateFaults(spec: JsonMap, old: JsonMap): FieldFault[] {
  const faults: FieldFault[] = [];
  if (!listFaults(spec, old, faults)) return faults;
  const { activeDeadlineSeconds: deadline } = spec;
  const oldDeadline = old.activeDeadlineSeconds;
  if (typeof deadline === 'number' && deadline < 0)
    faults.push(fault.invalid('spec.activeDeadlineSeconds', deadline, 'must be between 0 and 2147483647, inclusive'));
  if (typeof oldDeadline === 'number') {
    if (deadline === undefined)
      faults.push(
        fault.invalid('spec.activeDeadlineSeconds', null, 'must not update from a positive integer to nil value'),
      );
    else if (typeof deadline === 'number' && deadline > oldDeadline)
      faults.push(
        fault.invalid('spec.activeDeadlineSeconds', deadline, 'must be less than or equal to previous value'),
      );
  }
  const tolerations = maps(spec.tolerations);
  if (!maps(old.tolerations).every((item) => tolerations.some((other) => sameJson(other, item))))
    faults.push(
      fault.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    );
  const oldGates = maps(old.schedulingGates).map((gate) => gate.name);
  for (const [index, gate] of maps(spec.schedulingGates).entries())
    if (!oldGates.includes(gate.name))
      faults.push(
        fault.forbidden(
          `spec.schedulingGates[${index}].name`,
          `only deletion is allowed, but found new scheduling gate '${String(gate.name)}'`,
        ),
      );
  const munged = withAllowedChanges(spec, old, oldGates.length > 0);
  if (!sameJson(munged, old)) faults.push(fault.forbidden('spec', `${UPDATE_RULE}\n${specDiff(munged, old)}`));
  return faults;
}

/** The new spec with the old values of all that may change. */
function withAllowedChanges(spec: JsonMap, old: JsonMap, wasGated: boolean): JsonMap {
  const munged = { ...spec };
  const keep = (field: string) => {
    if (old[field] === undefined) delete munged[field];
    else munged[field] = old[field];
  };
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates']) keep(field);
  if (wasGated) for (const field of ['nodeSelector', 'affinity']) keep(field);
  for (const field of ['containers', 'initContainers'] as const) {
    if (spec[field] === undefined) continue;
    munged[field] = maps(spec[field]).map((container, index) => ({
      ...container,
      image: maps(old[field])[index]?.image,
    }));
  }
  return munged;
}
