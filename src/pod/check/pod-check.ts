/**
 * Everything about a pod that can be known to be wrong before it is sent: its form, by Kubernetes' schema, and the rules that a server
 * checks beyond it. A finding names the path, the rule, and what to do; values of variables are never part of it.
 */
import { isIP } from 'node:net';
import { type ConfigProblem, InvalidPodError } from '../../errors.js';
import type { Pod } from '../../wire/types.js';
import { checkContainer, type PodContext } from './containers.js';
import {
  below,
  DNS_LABEL,
  DNS_SUBDOMAIN,
  Findings,
  field,
  isMap,
  type JsonMap,
  maps,
  QUALIFIED_NAME,
  text,
} from './findings.js';
import { checkResources } from './resources.js';
import { checkLabels, checkScheduling } from './scheduling.js';
import { checkPodSchema } from './schema-check.js';
import { checkVolumes } from './volumes.js';

/** etcd takes requests of 1.5 MiB; some is left for what the server adds. */
const MAX_POD_BYTES = 1_400_000;
/** Sum of all keys and values, by Kubernetes. */
const MAX_ANNOTATIONS_BYTES = 262_144;

/** Options of {@link checkPod}. */
export interface PodCheckOptions {
  /** Whether fields that the schema does not know are wrong; `false` for clusters newer than the schema. @default true */
  readonly unknownFields?: boolean | undefined;
}

function checkMetadata(metadata: unknown, findings: Findings): void {
  if (!isMap(metadata)) return;
  if (metadata.name !== '') findings.shape('metadata.name', metadata.name, DNS_SUBDOMAIN);
  if (metadata.namespace !== '') findings.shape('metadata.namespace', metadata.namespace, DNS_LABEL);
  checkLabels(metadata.labels, 'metadata.labels', findings);
  let bytes = 0;
  for (const [key, value] of Object.entries(isMap(metadata.annotations) ? metadata.annotations : {})) {
    // Kubernetes compares the names of annotations without regard to case.
    if (!QUALIFIED_NAME.test(key.toLowerCase()))
      findings.add(below('metadata.annotations', key), `has a key that ${QUALIFIED_NAME.rule}`);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(String(value));
  }
  if (bytes > MAX_ANNOTATIONS_BYTES)
    findings.add('metadata.annotations', `must not be larger than ${MAX_ANNOTATIONS_BYTES} bytes in all`, {
      hint: `they are ${bytes} bytes`,
    });
  for (const [index, finalizer] of (Array.isArray(metadata.finalizers) ? metadata.finalizers : []).entries())
    findings.shape(below('metadata.finalizers', index), finalizer, QUALIFIED_NAME);
}

function checkNetwork(spec: JsonMap, findings: Findings): void {
  findings.shape('spec.hostname', spec.hostname || undefined, DNS_LABEL);
  findings.shape('spec.subdomain', spec.subdomain || undefined, DNS_LABEL);
  const servers = field(spec.dnsConfig, 'nameservers');
  const addresses = Array.isArray(servers) ? servers : [];
  if (spec.dnsPolicy === 'None' && addresses.length === 0)
    findings.add('spec.dnsConfig.nameservers', 'must name a server where dnsPolicy is "None"');
  if (addresses.length > 3) findings.add('spec.dnsConfig.nameservers', 'must not have more than 3 servers');
  for (const [index, address] of addresses.entries())
    if (typeof address === 'string' && isIP(address) === 0)
      findings.add(below('spec.dnsConfig.nameservers', index), 'must be an IP address', { value: address });
  for (const [index, alias] of maps(spec.hostAliases).entries()) {
    const ip = text(alias.ip);
    const at = below('spec.hostAliases', index);
    if (ip !== undefined && isIP(ip) === 0) findings.add(below(at, 'ip'), 'must be an IP address', { value: ip });
    for (const [place, name] of (Array.isArray(alias.hostnames) ? alias.hostnames : []).entries())
      findings.shape(below(below(at, 'hostnames'), place), name, DNS_SUBDOMAIN);
  }
}

function checkNumbers(spec: JsonMap, findings: Findings): void {
  const atLeast = (name: string, least: number) => {
    const value = spec[name];
    if (typeof value === 'number' && value < least)
      findings.add(`spec.${name}`, `must be at least ${least}`, { value });
  };
  atLeast('activeDeadlineSeconds', 1);
  atLeast('terminationGracePeriodSeconds', 0);
  if (typeof spec.activeDeadlineSeconds === 'number' && spec.activeDeadlineSeconds > 2 ** 31 - 1)
    findings.add('spec.activeDeadlineSeconds', 'must not be more than 2147483647', {
      value: spec.activeDeadlineSeconds,
    });
  const security = spec.securityContext;
  for (const name of ['runAsUser', 'runAsGroup', 'fsGroup']) {
    const id = field(security, name);
    if (typeof id === 'number' && (id < 0 || id > 2 ** 31 - 1))
      findings.add(`spec.securityContext.${name}`, 'must be from 0 to 2147483647', { value: id });
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true)
    findings.add('spec.shareProcessNamespace', 'must not stand beside hostPID');
}

function checkNames(spec: JsonMap, findings: Findings): void {
  for (const name of ['serviceAccountName', 'priorityClassName', 'nodeName', 'runtimeClassName', 'schedulerName'])
    findings.shape(`spec.${name}`, spec[name] || undefined, DNS_SUBDOMAIN);
  for (const [list, what] of [
    ['schedulingGates', 'scheduling gates'],
    ['resourceClaims', 'resource claims'],
  ] as const) {
    const items = maps(spec[list]);
    const shape = list === 'resourceClaims' ? DNS_LABEL : QUALIFIED_NAME;
    for (const [index, item] of items.entries())
      findings.shape(`${below(`spec.${list}`, index)}.name`, item.name, shape);
    findings.unique(
      `spec.${list}`,
      items.map((one) => text(one.name)),
      'name',
      `pod's ${what}`,
    );
  }
  for (const [index, gate] of maps(spec.readinessGates).entries())
    findings.shape(`${below('spec.readinessGates', index)}.conditionType`, gate.conditionType, QUALIFIED_NAME);
  const os = field(spec.os, 'name');
  if (typeof os === 'string' && os !== 'linux' && os !== 'windows')
    findings.add('spec.os.name', 'must be "linux" or "windows"', { value: os });
}

function checkContainers(spec: JsonMap, findings: Findings): void {
  const context: PodContext = {
    volumes: new Map(maps(spec.volumes).flatMap((one) => (typeof one.name === 'string' ? [[one.name, one]] : []))),
    resourceClaims: new Set(maps(spec.resourceClaims).map(({ name }) => String(name))),
    isHostNetwork: spec.hostNetwork === true,
    isWindows: field(spec.os, 'name') === 'windows',
  };
  checkResources(spec.resources, 'spec.resources', context.resourceClaims, findings);
  if (Array.isArray(spec.containers) && spec.containers.length === 0)
    findings.add('spec.containers', 'must have a container');
  const seen = new Map<string, string>();
  for (const kind of ['initContainers', 'containers'])
    for (const [index, container] of maps(spec[kind]).entries()) {
      const path = below(`spec.${kind}`, index);
      checkContainer(container, path, kind, context, findings);
      const name = text(container.name);
      if (name === undefined) continue;
      const before = seen.get(name);
      if (before === undefined) seen.set(name, path);
      else
        findings.add(`${path}.name`, "must be unique among the pod's containers", {
          value: name,
          hint: `${before} has it already`,
        });
    }
  if (maps(spec.ephemeralContainers).length > 0)
    findings.add('spec.ephemeralContainers', 'must not be set when a pod is created', {
      hint: 'they are added to pods that run',
    });
}

/**
 * Checks a pod. Finds everything at once, in a fixed order; an empty list means that a server of the schema's version takes it, as far as
 * that can be known without the cluster's own admission.
 */
export function checkPod(pod: unknown, options: PodCheckOptions = {}): ConfigProblem[] {
  const findings = new Findings();
  if (!isMap(pod)) {
    findings.add('pod', 'must be an object');
    return findings.problems;
  }
  checkPodSchema(pod, findings);
  const problems =
    options.unknownFields === false
      ? findings.problems.filter(({ rule }) => rule !== 'is not a field that Kubernetes knows here')
      : findings.problems;
  const rest = new Findings();
  if (pod.kind !== undefined && pod.kind !== 'Pod') rest.add('kind', 'must be "Pod"', { value: pod.kind });
  if (pod.apiVersion !== undefined && pod.apiVersion !== 'v1')
    rest.add('apiVersion', 'must be "v1"', { value: pod.apiVersion });
  checkMetadata(pod.metadata, rest);
  const { spec } = pod;
  if (spec === undefined || spec === null) rest.add('spec', 'is required');
  if (isMap(spec)) {
    checkContainers(spec, rest);
    checkVolumes(spec, rest);
    checkScheduling(spec, rest);
    checkNetwork(spec, rest);
    checkNumbers(spec, rest);
    checkNames(spec, rest);
  }
  const bytes = Buffer.byteLength(JSON.stringify(pod));
  if (bytes > MAX_POD_BYTES)
    rest.add('pod', `must not be larger than ${MAX_POD_BYTES} bytes as JSON`, {
      hint: `it is ${bytes} bytes; put large data into a ConfigMap, a Secret or a volume`,
    });
  return [...problems, ...rest.problems];
}

/**
 * Refuses a pod with anything wrong in it.
 * @throws InvalidPodError with every problem at once.
 */
export function assertPod(pod: unknown, options: PodCheckOptions = {}): asserts pod is Pod {
  const problems = checkPod(pod, options);
  if (problems.length > 0) throw new InvalidPodError(problems);
}
