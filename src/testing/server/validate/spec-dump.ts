/** A pod's spec as the server's own types print it, and the difference of two: what a refused update shows. */
import { isMap, type JsonMap } from '../json.js';

/**
 * Fields of types in their order. `$` marks texts, `#` numbers and `?` booleans, whose absence shows as an empty value; all others show
 * as null. `:Type` is the type of the field, or of the items of its list; `!Type` a struct that is never absent.
 */
const LAYOUT: Readonly<Record<string, string>> = {
  PodSpec:
    'Volumes:Volume InitContainers:Container Containers:Container EphemeralContainers:Container RestartPolicy$ TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy$ NodeSelector ServiceAccountName$ AutomountServiceAccountToken NodeName$ SecurityContext!PodSecurityContext ImagePullSecrets:Reference Hostname$ Subdomain$ SetHostnameAsFQDN Affinity:Affinity SchedulerName$ Tolerations:Toleration HostAliases:HostAlias PriorityClassName$ Priority PreemptionPolicy DNSConfig:PodDNSConfig ReadinessGates:Gate RuntimeClassName Overhead EnableServiceLinks TopologySpreadConstraints:Spread OS:Reference SchedulingGates:Reference ResourceClaims Resources:ResourceRequirements HostnameOverride SchedulingGroup',
  PodSecurityContext:
    'HostNetwork? HostPID? HostIPC? ShareProcessNamespace HostUsers SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups SupplementalGroupsPolicy FSGroup FSGroupChangePolicy Sysctls:Pair SeccompProfile:Profile AppArmorProfile:Profile SELinuxChangePolicy',
  Volume:
    'Name$ HostPath:HostPath EmptyDir:EmptyDir GCEPersistentDisk AWSElasticBlockStore GitRepo Secret:SecretVolume NFS:NFS ISCSI Glusterfs PersistentVolumeClaim:Claim RBD Quobyte FlexVolume Cinder CephFS Flocker DownwardAPI FC AzureFile ConfigMap:ConfigMapVolume VsphereVolume AzureDisk PhotonPersistentDisk Projected PortworxVolume ScaleIO StorageOS CSI Ephemeral Image',
  HostPath: 'Path$ Type',
  EmptyDir: 'Medium$ SizeLimit',
  SecretVolume: 'SecretName$ Items:KeyToPath DefaultMode Optional',
  ConfigMapVolume: 'Name$ Items:KeyToPath DefaultMode Optional',
  KeyToPath: 'Key$ Path$ Mode',
  NFS: 'Server$ Path$ ReadOnly?',
  Claim: 'ClaimName$ ReadOnly?',
  Container:
    'Name$ Image$ Command Args WorkingDir$ Ports:Port EnvFrom:EnvFrom Env:EnvVar Resources!ResourceRequirements ResizePolicy:Resize RestartPolicy RestartPolicyRules VolumeMounts:Mount VolumeDevices:Device LivenessProbe:Probe ReadinessProbe:Probe StartupProbe:Probe Lifecycle:Lifecycle TerminationMessagePath$ TerminationMessagePolicy$ ImagePullPolicy$ SecurityContext:SecurityContext Stdin? StdinOnce? TTY?',
  Port: 'Name$ HostPort# ContainerPort# Protocol$ HostIP$',
  EnvFrom: 'Prefix$ ConfigMapRef:OptionalReference SecretRef:OptionalReference',
  OptionalReference: 'Name$ Optional',
  EnvVar: 'Name$ Value$ ValueFrom:EnvSource',
  EnvSource: 'FieldRef:FieldRef ResourceFieldRef:ResourceRef ConfigMapKeyRef:KeyRef SecretKeyRef:KeyRef FileKeyRef',
  FieldRef: 'APIVersion$ FieldPath$',
  ResourceRef: 'ContainerName$ Resource$ Divisor$',
  KeyRef: 'Name$ Key$ Optional',
  ResourceRequirements: 'Limits Requests Claims',
  Resize: 'ResourceName$ RestartPolicy$',
  Mount: 'Name$ ReadOnly? RecursiveReadOnly MountPath$ SubPath$ MountPropagation SubPathExpr$',
  Device: 'Name$ DevicePath$',
  Probe:
    'Exec:Exec HTTPGet:HTTPGet TCPSocket:TCPSocket GRPC:GRPC InitialDelaySeconds# TimeoutSeconds# PeriodSeconds# SuccessThreshold# FailureThreshold# TerminationGracePeriodSeconds',
  Exec: 'Command',
  HTTPGet: 'Path$ Port Host$ Scheme$ HTTPHeaders:Pair',
  TCPSocket: 'Port Host$',
  GRPC: 'Port# Service',
  Pair: 'Name$ Value$',
  Lifecycle: 'PostStart:Handler PreStop:Handler StopSignal',
  Handler: 'Exec:Exec HTTPGet:HTTPGet TCPSocket:TCPSocket Sleep:Sleep',
  Sleep: 'Seconds#',
  SecurityContext:
    'Capabilities:Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot ReadOnlyRootFilesystem AllowPrivilegeEscalation ProcMount SeccompProfile:Profile AppArmorProfile:Profile',
  Capabilities: 'Add Drop',
  Profile: 'Type$ LocalhostProfile',
  Reference: 'Name$',
  Toleration: 'Key$ Operator$ Value$ Effect$ TolerationSeconds',
  HostAlias: 'IP$ Hostnames',
  PodDNSConfig: 'Nameservers Searches Options:Pair',
  Gate: 'ConditionType$',
  Spread:
    'MaxSkew# TopologyKey$ WhenUnsatisfiable$ LabelSelector MinDomains NodeAffinityPolicy NodeTaintsPolicy MatchLabelKeys',
  Affinity: 'NodeAffinity:NodeAffinity PodAffinity PodAntiAffinity',
  NodeAffinity:
    'RequiredDuringSchedulingIgnoredDuringExecution:NodeSelector PreferredDuringSchedulingIgnoredDuringExecution',
  NodeSelector: 'NodeSelectorTerms:Term',
  Term: 'MatchExpressions:Expression MatchFields:Expression',
  Expression: 'Key$ Operator$ Values',
};

const ZERO: Readonly<Record<string, unknown>> = { $: '', '#': 0, '?': false };

function dump(type: string, value: JsonMap): JsonMap {
  const byName = new Map(Object.entries(value).map(([field, item]) => [field.toLowerCase(), item]));
  const result: JsonMap = {};
  for (const token of (LAYOUT[type] ?? '').split(' ')) {
    const [, name = '', mark = '', inner = ''] = /^(\w+?)([$#?:!]?)((?<=[:!])\w+)?$/.exec(token) ?? [];
    const item = byName.get(name.toLowerCase());
    if (mark === '!') result[name] = dump(inner, isMap(item) ? item : {});
    else if (item === undefined || item === null) result[name] = ZERO[mark] ?? null;
    else result[name] = inner === '' ? item : dumpAll(inner, item);
  }
  return result;
}

function dumpAll(type: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => dumpAll(type, item));
  return isMap(value) ? dump(type, value) : value;
}

/** A spec as lines of text. */
function linesOf(spec: JsonMap): string[] {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers } = spec;
  const context = { ...(isMap(spec.securityContext) ? spec.securityContext : {}) };
  const whole = {
    ...spec,
    securityContext: { ...context, hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers },
  };
  return JSON.stringify(dump('PodSpec', whole), null, 1).split('\n');
}

interface Block {
  readonly before: number;
  readonly after: number;
  readonly size: number;
}

/** The longest run of equal lines within bounds. */
function longestRun(
  a: readonly string[],
  b: readonly string[],
  [aLow, aHigh, bLow, bHigh]: readonly [number, number, number, number],
): Block {
  let best: Block = { before: aLow, after: bLow, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = aLow; i < aHigh; i++) {
    const next = new Map<number, number>();
    for (let j = bLow; j < bHigh; j++) {
      if (a[i] !== b[j]) continue;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) best = { before: i - size + 1, after: j - size + 1, size };
    }
    lengths = next;
  }
  return best;
}

function matchingBlocks(a: readonly string[], b: readonly string[]): Block[] {
  const found: Block[] = [];
  const search = (aLow: number, aHigh: number, bLow: number, bHigh: number): void => {
    const run = longestRun(a, b, [aLow, aHigh, bLow, bHigh]);
    if (run.size === 0) return;
    search(aLow, run.before, bLow, run.after);
    found.push(run);
    search(run.before + run.size, aHigh, run.after + run.size, bHigh);
  };
  search(0, a.length, 0, b.length);
  return found;
}

const CONTEXT_LINES = 3;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

function allLines(a: readonly string[], b: readonly string[]): Line[] {
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  for (const { before, after, size } of [...matchingBlocks(a, b), { before: a.length, after: b.length, size: 0 }]) {
    for (; i < before; i++) lines.push({ sign: '-', text: a[i] as string });
    for (; j < after; j++) lines.push({ sign: '+', text: b[j] as string });
    for (let k = 0; k < size; k++, i++, j++) lines.push({ sign: ' ', text: a[i] as string });
  }
  return lines;
}

const range = (start: number, length: number) =>
  length === 1 ? `${start + 1}` : `${length === 0 ? start : start + 1},${length}`;

/** The unified difference between the old spec and the new one, ending with a line break. */
export function specDiff(after: JsonMap, before: JsonMap): string {
  return unified(linesOf(before), linesOf(after));
}

/** The same of an ephemeral container. */
export function ephemeralDiff(after: JsonMap, before: JsonMap): string {
  const shown = (container: JsonMap) => {
    const whole = { ...dump('Container', container), TargetContainerName: container.targetContainerName ?? '' };
    return JSON.stringify(whole, null, 1).split('\n');
  };
  return unified(shown(before), shown(after));
}

function unified(before: readonly string[], after: readonly string[]): string {
  const lines = allLines(before, after);
  const isShown = lines.map((_, index) =>
    lines.slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1).some(({ sign }) => sign !== ' '),
  );
  let text = '';
  let i = 0;
  let j = 0;
  for (let at = 0; at < lines.length; ) {
    if (!isShown[at]) {
      at++;
      i++;
      j++;
      continue;
    }
    const hunk: Line[] = [];
    while (at < lines.length && isShown[at]) hunk.push(lines[at++] as Line);
    const removed = hunk.filter(({ sign }) => sign !== '+').length;
    const added = hunk.filter(({ sign }) => sign !== '-').length;
    text += `@@ -${range(i, removed)} +${range(j, added)} @@\n${hunk.map(({ sign, text: line }) => `${sign}${line}\n`).join('')}`;
    i += removed;
    j += added;
  }
  return text;
}
