/** Validation of security contexts. */
import { isMap, type JsonMap } from '../json.js';
import { fault } from '../status.js';
import { type Faults, mapOf, maps, textOf } from './kit.js';

const MAX_ID = 2_147_483_647;

function seccomp(faults: Faults, profile: unknown, at: string): void {
  if (!isMap(profile)) return;
  const type = textOf(profile.type);
  if (type === 'Localhost')
    faults.required(`${at}.localhostProfile`, profile.localhostProfile, 'must be set when seccomp type is Localhost');
  else if (textOf(profile.localhostProfile) !== '')
    faults.add(
      fault.invalid(
        `${at}.localhostProfile`,
        profile.localhostProfile,
        'can only be set when seccomp type is Localhost',
      ),
    );
  if (type === '') faults.add(fault.required(`${at}.type`, 'type is required when seccompProfile is set'));
  else faults.oneOf(`${at}.type`, type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
}

/** A security context as the server's own type prints it, in messages. */
function printed(context: JsonMap): JsonMap {
  const pick = (field: string) => context[field] ?? null;
  const capabilities = isMap(context.capabilities)
    ? { Add: context.capabilities.add ?? null, Drop: context.capabilities.drop ?? null }
    : null;
  return {
    Capabilities: capabilities,
    Privileged: pick('privileged'),
    SELinuxOptions: pick('seLinuxOptions'),
    WindowsOptions: pick('windowsOptions'),
    RunAsUser: pick('runAsUser'),
    RunAsGroup: pick('runAsGroup'),
    RunAsNonRoot: pick('runAsNonRoot'),
    ReadOnlyRootFilesystem: pick('readOnlyRootFilesystem'),
    AllowPrivilegeEscalation: pick('allowPrivilegeEscalation'),
    ProcMount: pick('procMount'),
    SeccompProfile: pick('seccompProfile'),
    AppArmorProfile: pick('appArmorProfile'),
  };
}

/** Faults of a container's security context. */
export function securityFaults(faults: Faults, context: unknown, at: string): void {
  if (!isMap(context)) return;
  faults.between(`${at}.runAsUser`, context.runAsUser, 0, MAX_ID);
  faults.between(`${at}.runAsGroup`, context.runAsGroup, 0, MAX_ID);
  faults.oneOf(`${at}.procMount`, context.procMount, ['Default', 'Unmasked']);
  seccomp(faults, context.seccompProfile, `${at}.seccompProfile`);
  if (context.allowPrivilegeEscalation !== false) return;
  const refuse = (what: string) =>
    faults.add(fault.invalid(at, printed(context), `cannot set \`allowPrivilegeEscalation\` to false and ${what}`));
  if (context.privileged === true) refuse('`privileged` to true');
  const added = mapOf(context.capabilities).add;
  if (Array.isArray(added) && added.includes('CAP_SYS_ADMIN')) refuse('`capabilities.Add` CAP_SYS_ADMIN');
}

const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

/** Faults of a pod's security context. */
export function podSecurityFaults(faults: Faults, spec: JsonMap, at: string): void {
  const context = mapOf(spec.securityContext);
  faults.between(`${at}.fsGroup`, context.fsGroup, 0, MAX_ID);
  faults.between(`${at}.runAsUser`, context.runAsUser, 0, MAX_ID);
  faults.between(`${at}.runAsGroup`, context.runAsGroup, 0, MAX_ID);
  if (spec.shareProcessNamespace === true && spec.hostPID === true)
    faults.add(
      fault.invalid(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'),
    );
  const names = new Set<string>();
  for (const [index, { name: given }] of maps(context.sysctls).entries()) {
    const name = textOf(given);
    const field = `${at}.sysctls[${index}].name`;
    if (name === '') faults.add(fault.required(field));
    else if (!SYSCTL.test(name) || name.length > 253)
      faults.add(
        fault.invalid(
          field,
          name,
          'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
        ),
      );
    else if (names.has(name)) faults.add(fault.duplicate(field, name));
    names.add(name);
  }
  faults.oneOf(`${at}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  seccomp(faults, context.seccompProfile, `${at}.seccompProfile`);
}
