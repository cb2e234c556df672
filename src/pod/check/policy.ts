/**
 * What tasks may ask for. A policy belongs to whoever runs the executor; a pod that goes beyond it is refused before it is sent, with path,
 * value and rule. It guards against mistakes and greed of tasks, not against hosts: those set the policy.
 */
import { type ConfigProblem, InvalidPodError } from '../../errors.js';
import { mergeKeyOf } from '../../wire/merge-keys.js';
import { parseQuantity } from '../../wire/quantity.js';
import { below, Findings, field, isMap, type JsonMap, maps, text } from './findings.js';

/** What the pods of tasks may be. Everything that is left out is allowed. Lists of patterns know `*` for any characters. */
export interface PodPolicy {
  /**
   * Fields that a task may set in its executor config and `podOverride`, with all below them: `spec.containers[*].resources`,
   * `metadata.labels`. Items are meant by `[*]`. New containers, volumes and other items need the list itself.
   */
  readonly allow?: readonly string[] | undefined;
  /** Fields that a task may not set, in the same form; they win over `allow`. */
  readonly deny?: readonly string[] | undefined;
  /** Patterns of images of all containers, for example `registry.example.com/*`. */
  readonly images?: readonly string[] | undefined;
  /** Most that a container may request or be limited to, by resource: `{ cpu: '4', memory: '16Gi' }`. */
  readonly maxResources?: Readonly<Record<string, string>> | undefined;
  /** Resources that every container must have a limit of, for example `['memory']`. */
  readonly requireLimits?: readonly string[] | undefined;
  /** Patterns of service accounts. */
  readonly serviceAccounts?: readonly string[] | undefined;
  /** Patterns of namespaces. */
  readonly namespaces?: readonly string[] | undefined;
  /** Sources of volumes, for example `['emptyDir', 'secret', 'configMap']`; one that is not in the list, such as `hostPath`, is refused. */
  readonly volumeTypes?: readonly string[] | undefined;
  /** Patterns of paths on the node that may be mounted with `hostPath`. */
  readonly hostPaths?: readonly string[] | undefined;
  /** Patterns of priority classes. */
  readonly priorityClasses?: readonly string[] | undefined;
  /** Whether containers may be privileged. */
  readonly privileged?: boolean | undefined;
  /** Whether pods may use the network, the processes or the IPC of their node. */
  readonly hostNamespaces?: boolean | undefined;
  /** Most that `activeDeadlineSeconds` may be; a pod without one is refused. */
  readonly maxDeadlineSeconds?: number | undefined;
}

/** Whether a text fits a pattern in which `*` stands for any characters. Linear in the length of both, whatever the pattern. */
export function matchesPattern(value: string, pattern: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return value === pattern;
  const last = parts.pop() ?? '';
  if (!value.startsWith(first) || value.length < first.length + last.length || !value.endsWith(last)) return false;
  const end = value.length - last.length;
  let from = first.length;
  for (const part of parts) {
    const at = value.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}

const matchesAny = (value: string, patterns: readonly string[]) => patterns.some((one) => matchesPattern(value, one));

function checkPattern(
  value: string,
  path: string,
  patterns: readonly string[] | undefined,
  what: string,
  findings: Findings,
) {
  if (patterns === undefined || matchesAny(value, patterns)) return;
  findings.add(path, `must be one of the ${what} that the policy allows: ${patterns.join(', ') || 'none'}`, { value });
}

function checkContainer(container: JsonMap, path: string, policy: PodPolicy, findings: Findings): void {
  checkPattern(text(container.image) ?? '', `${path}.image`, policy.images, 'images', findings);
  for (const [resource, most] of Object.entries(policy.maxResources ?? {}))
    for (const kind of ['requests', 'limits']) {
      const value = field(field(container.resources, kind), resource);
      const [amount, limit] = [parseQuantity(value), parseQuantity(most)];
      if (amount === undefined || limit === undefined || amount.nano <= limit.nano) continue;
      findings.add(below(`${path}.resources.${kind}`, resource), `must not be more than ${most}, by the policy`, {
        value,
      });
    }
  for (const resource of policy.requireLimits ?? [])
    if (field(field(container.resources, 'limits'), resource) === undefined)
      findings.add(below(`${path}.resources.limits`, resource), 'is required by the policy');
  if (policy.privileged === false && field(container.securityContext, 'privileged') === true)
    findings.add(`${path}.securityContext.privileged`, 'must not be true, by the policy', { value: true });
}

function checkVolume(volume: JsonMap, path: string, policy: PodPolicy, findings: Findings): void {
  const [type = 'emptyDir'] = Object.keys(volume).filter((name) => name !== 'name' && isMap(volume[name]));
  if (policy.volumeTypes !== undefined && !policy.volumeTypes.includes(type))
    findings.add(
      below(path, type),
      `must be one of the volumes that the policy allows: ${policy.volumeTypes.join(', ')}`,
    );
  const hostPath = text(field(volume.hostPath, 'path'));
  if (hostPath !== undefined)
    checkPattern(hostPath, `${path}.hostPath.path`, policy.hostPaths, 'paths on a node', findings);
}

function checkSpec(spec: JsonMap, policy: PodPolicy, findings: Findings): void {
  for (const kind of ['initContainers', 'containers', 'ephemeralContainers'])
    for (const [index, container] of maps(spec[kind]).entries())
      checkContainer(container, below(`spec.${kind}`, index), policy, findings);
  for (const [index, volume] of maps(spec.volumes).entries())
    checkVolume(volume, below('spec.volumes', index), policy, findings);
  const account = text(spec.serviceAccountName) || text(spec.serviceAccount) || 'default';
  checkPattern(account, 'spec.serviceAccountName', policy.serviceAccounts, 'service accounts', findings);
  if (typeof spec.priorityClassName === 'string' && spec.priorityClassName !== '')
    checkPattern(
      spec.priorityClassName,
      'spec.priorityClassName',
      policy.priorityClasses,
      'priority classes',
      findings,
    );
  if (policy.hostNamespaces === false)
    for (const name of ['hostNetwork', 'hostPID', 'hostIPC'])
      if (spec[name] === true) findings.add(`spec.${name}`, 'must not be true, by the policy', { value: true });
  const { maxDeadlineSeconds } = policy;
  const deadline = spec.activeDeadlineSeconds;
  if (maxDeadlineSeconds !== undefined && !(typeof deadline === 'number' && deadline <= maxDeadlineSeconds))
    findings.add('spec.activeDeadlineSeconds', `must be at most ${maxDeadlineSeconds}, by the policy`, {
      value: deadline,
    });
}

/** Checks a finished pod against a policy, all but `allow` and `deny`. */
export function checkPodPolicy(pod: unknown, policy: PodPolicy): ConfigProblem[] {
  const findings = new Findings();
  const namespace = text(field(field(pod, 'metadata'), 'namespace')) ?? 'default';
  checkPattern(namespace, 'metadata.namespace', policy.namespaces, 'namespaces', findings);
  const spec = field(pod, 'spec');
  checkSpec(isMap(spec) ? spec : {}, policy, findings);
  return findings.problems;
}

/** Whether a path is the field that a rule names, or lies below it. */
function isWithin(path: string, rule: string): boolean {
  const plain = path.replace(/\[\d+\]/g, '[*]');
  return plain === rule || plain.startsWith(`${rule}.`) || plain.startsWith(`${rule}[`);
}

/** Every field that a layer sets, at its end; keys that only say which item of a list is meant are none. */
function* fieldsSet(value: unknown, path: string, base: unknown): Generator<string> {
  if (!isMap(value) || Object.keys(value).length === 0) {
    yield path;
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    const at = below(path, name);
    if (!Array.isArray(part)) yield* fieldsSet(part, at, field(base, name));
    else if (mergeKeyOf(name) === undefined || part.length === 0) yield at;
    else yield* itemsSet(part, at, mergeKeyOf(name) as string, field(base, name));
  }
}

function* itemsSet(items: readonly unknown[], path: string, key: string, base: unknown): Generator<string> {
  for (const [index, item] of items.entries()) {
    const known = maps(base).find((one) => one[key] === field(item, key));
    // An item that is not there yet is a new one: that takes the right to the list.
    if (!isMap(item) || known === undefined) yield path;
    else {
      const rest = Object.fromEntries(Object.entries(item).filter(([name]) => name !== key));
      if (Object.keys(rest).length > 0) yield* fieldsSet(rest, below(path, index), known);
    }
  }
}

/**
 * Checks what a task sets against `allow` and `deny` of a policy.
 * @param layer what the task sets, as a pod that is to be merged
 * @param base the pod that it is merged over
 */
export function checkOverridePolicy(layer: unknown, base: unknown, policy: PodPolicy): ConfigProblem[] {
  const findings = new Findings();
  const { allow, deny = [] } = policy;
  if (!isMap(layer) || (allow === undefined && deny.length === 0)) return [];
  const { apiVersion: _, kind: __, ...fields } = layer;
  if (Object.keys(fields).length === 0) return [];
  for (const path of new Set(fieldsSet(fields, '', base))) {
    // A rule below a field that is set as a whole is touched by it, too.
    const isDenied = deny.some((rule) => isWithin(path, rule) || isWithin(rule, path.replace(/\[\d+\]/g, '[*]')));
    if (isDenied) findings.add(path, 'must not be set by a task, by the policy');
    else if (allow !== undefined && !allow.some((rule) => isWithin(path, rule)))
      findings.add(path, 'must not be set by a task, as the policy does not allow it', {
        hint: allow.length === 0 ? 'it allows nothing' : `it allows ${allow.join(', ')}`,
      });
  }
  return findings.problems;
}

/**
 * Refuses a pod that goes beyond a policy.
 * @param override what the task sets, and the pod that it is merged over
 * @throws InvalidPodError (`ERR_PODWRIGHT_POD_POLICY`) with every problem at once.
 */
export function assertPodPolicy(
  pod: unknown,
  policy: PodPolicy,
  override?: { readonly layer: unknown; readonly base: unknown },
): void {
  const problems = [
    ...(override === undefined ? [] : checkOverridePolicy(override.layer, override.base, policy)),
    ...checkPodPolicy(pod, policy),
  ];
  if (problems.length > 0) throw new InvalidPodError(problems, { code: 'ERR_PODWRIGHT_POD_POLICY' });
}
