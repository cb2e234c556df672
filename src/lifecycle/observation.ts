/** From a pod as the server shows it to what a decision needs. Pure; nothing a pod may lack or carry makes it throw. */

import { interned, SharedLists } from '../core/interned.js';
import { VERDICT_KINDS, type VerdictKind } from '../core/verdict.js';
import { ANNOTATIONS, DEFAULT_CONTAINER_ANNOTATION, FINALIZER, LABELS } from '../wire/names.js';
import type { Condition, Container, ContainerStatus, ObjectMeta, Pod } from '../wire/types.js';

/** Part that a container plays in its pod. */
export type ContainerRole = 'base' | 'init' | 'sidecar' | 'companion';

/** One container, seen. A sidecar is native (an init container with restartPolicy Always); a companion stands beside the base container. */
export interface ContainerObservation {
  /** Name. */
  readonly name: string;
  /** Part that it plays. */
  readonly role: ContainerRole;
  /** State now. */
  readonly state: 'waiting' | 'running' | 'terminated' | 'unknown';
  /** Reason, one word. */
  readonly reason: string | undefined;
  /** Message for people. */
  readonly message: string | undefined;
  /** Exit code. */
  readonly exitCode: number | undefined;
  /** Name of the signal where one ended it, as told by the runtime or by an exit code above 128. */
  readonly signal: string | undefined;
  /** When it started, RFC 3339. */
  readonly startedAt: string | undefined;
  /** When it ended, RFC 3339. */
  readonly finishedAt: string | undefined;
  /** How often it was started again. */
  readonly restartCount: number;
  /** Reason of the end before this one, where it was restarted. */
  readonly lastReason: string | undefined;
  /** What it may use at most, as quantities by resource. */
  readonly limits: Readonly<Record<string, string>> | undefined;
  /** What is set aside for it, as quantities by resource. */
  readonly requests: Readonly<Record<string, string>> | undefined;
}

/** A pod's phase; `Unknown` also stands for what nobody has heard of. */
export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';

/** A pod, seen. */
export interface PodObservation {
  /** Name. */
  readonly name: string;
  /** Namespace. */
  readonly namespace: string;
  /** Unique id, for the life of the object. */
  readonly uid: string;
  /** Version of the object; opaque, but ordered. */
  readonly resourceVersion: string;
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  readonly phase: PodPhase;
  /** Reason, one word. */
  readonly reason: string | undefined;
  /** Message for people. */
  readonly message: string | undefined;
  /** Its node. */
  readonly node: string | undefined;
  /** `Always`, `OnFailure` or `Never`. */
  readonly restartPolicy: string;
  /** Whether somebody has asked for its deletion. */
  readonly isDeleting: boolean;
  /** Whether our finalizer keeps its object. */
  readonly isTracked: boolean;
  /** Seconds between SIGTERM and SIGKILL: those that its deletion gave it, or else its own. */
  readonly graceSeconds: number;
  /** When its deletion was asked for, in milliseconds since the epoch. */
  readonly deletionAskedAt: number | undefined;
  /** Whether scheduling gates hold it back. */
  readonly isGated: boolean;
  /** Kind of the verdict that was told of it before its end could be proven. */
  readonly toldVerdict: VerdictKind | undefined;
  /** Whether somebody wants it kept once it has ended. */
  readonly isHeld: boolean;
  /** When it was created, RFC 3339. */
  readonly createdAt: string | undefined;
  /** Conditions. */
  readonly conditions: readonly Condition[];
  /** The container whose end is the task's. */
  readonly base: ContainerObservation | undefined;
  /** Containers. */
  readonly containers: readonly ContainerObservation[];
}

/**
 * Whether nothing of a pod runs or can ever run: it has ended, or its deletion was asked for before it had a node, after which the server
 * lets nobody give it one.
 */
export const cannotRun = ({ phase, isDeleting, node }: PodObservation): boolean =>
  phase === 'Succeeded' || phase === 'Failed' || (phase === 'Pending' && isDeleting && node === undefined);

const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
};
/** As the server fills it in. */
const DEFAULT_GRACE_SECONDS = 30;
const PHASES: ReadonlySet<string> = new Set(['Pending', 'Running', 'Succeeded', 'Failed']);

function signalOf(signal: number | undefined, exitCode: number | undefined): string | undefined {
  if (signal !== undefined && signal > 0) return SIGNAL_NAMES[signal] ?? `signal ${signal}`;
  return exitCode !== undefined && exitCode > 128 ? SIGNAL_NAMES[exitCode - 128] : undefined;
}

/** Name of the container whose end is the task's: by our annotation, by Kubernetes' own, `base`, or the first. */
export function baseContainerName(pod: Pod): string | undefined {
  const containers = pod.spec?.containers ?? [];
  const annotations = pod.metadata?.annotations ?? {};
  const named = [annotations[ANNOTATIONS.baseContainer], annotations[DEFAULT_CONTAINER_ANNOTATION], 'base'];
  return (
    named.find((name) => name !== undefined && containers.some((container) => container.name === name)) ??
    containers[0]?.name
  );
}

function observeContainer(
  status: ContainerStatus,
  role: ContainerRole,
  spec: Container | undefined,
): ContainerObservation {
  const { waiting, running, terminated } = status.state ?? {};
  const exitCode = terminated?.exitCode;
  return {
    name: interned(status.name),
    role,
    state:
      terminated !== undefined
        ? 'terminated'
        : running !== undefined
          ? 'running'
          : waiting !== undefined
            ? 'waiting'
            : 'unknown',
    reason: interned(terminated?.reason ?? waiting?.reason),
    message: interned(terminated?.message ?? waiting?.message),
    exitCode,
    signal: signalOf(terminated?.signal, exitCode),
    startedAt: interned(terminated?.startedAt ?? running?.startedAt ?? undefined),
    finishedAt: terminated?.finishedAt ?? undefined,
    restartCount: status.restartCount ?? 0,
    lastReason: status.lastState?.terminated?.reason,
    limits: observeQuantities(spec?.resources?.limits),
    requests: observeQuantities(spec?.resources?.requests),
  };
}

/** What is read of a condition; its texts come again in every pod. */
const observeCondition = ({ type, status, reason, message, lastTransitionTime }: Condition): Condition =>
  ({
    type: interned(type),
    status: interned(status),
    reason: interned(reason),
    message: interned(message),
    lastTransitionTime: interned(lastTransitionTime),
  }) as Condition;

const observeQuantities = (quantities: Readonly<Record<string, string>> | undefined) =>
  quantities === undefined
    ? undefined
    : Object.fromEntries(Object.entries(quantities).map(([name, quantity]) => [name, interned(quantity)]));

const conditionLists = new SharedLists<Condition>();
const containerLists = new SharedLists<ContainerObservation>();

/** The server writes when the grace will be over; the request came that much earlier. */
function deletionAskedAt({ deletionTimestamp, deletionGracePeriodSeconds = 0 }: ObjectMeta): number | undefined {
  const at = Date.parse(deletionTimestamp ?? '');
  return Number.isNaN(at) ? undefined : at - deletionGracePeriodSeconds * 1_000;
}

/** Reads a pod. Whatever is missing is `undefined` or empty. */
export function observe(pod: Pod): PodObservation {
  const { metadata = {}, spec, status } = pod;
  const baseName = baseContainerName(pod);
  const initSpecs = spec?.initContainers ?? [];
  const specs = spec?.containers ?? [];
  const inits = (status?.initContainerStatuses ?? []).map((one) => {
    const own = initSpecs.find((container) => container.name === one.name);
    return observeContainer(one, own?.restartPolicy === 'Always' ? 'sidecar' : 'init', own);
  });
  const mains = (status?.containerStatuses ?? []).map((one) =>
    observeContainer(
      one,
      one.name === baseName ? 'base' : 'companion',
      specs.find((container) => container.name === one.name),
    ),
  );
  const phase = status?.phase ?? 'Pending';
  const containers = containerLists.shared([...inits, ...mains]);
  return {
    name: metadata.name ?? '',
    namespace: interned(metadata.namespace ?? ''),
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    phase: PHASES.has(phase) ? (phase as PodPhase) : 'Unknown',
    reason: interned(status?.reason),
    message: status?.message,
    node: interned(spec?.nodeName),
    restartPolicy: interned(spec?.restartPolicy ?? 'Always'),
    isDeleting: metadata.deletionTimestamp !== undefined,
    isTracked: metadata.finalizers?.includes(FINALIZER) ?? false,
    graceSeconds: metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS,
    deletionAskedAt: deletionAskedAt(metadata),
    isGated: (spec?.schedulingGates?.length ?? 0) > 0,
    toldVerdict: VERDICT_KINDS.find((kind) => kind === metadata.annotations?.[ANNOTATIONS.verdict]),
    isHeld: metadata.labels?.[LABELS.keep] === 'true',
    createdAt: interned(metadata.creationTimestamp ?? undefined),
    conditions: conditionLists.shared((status?.conditions ?? []).map(observeCondition)),
    base: containers.find((container) => container.role === 'base'),
    containers,
  };
}

/** Whether the task's own code has ever started, as far as the pod shows. */
export function hasMainStarted({ base, phase }: PodObservation): boolean {
  if (base === undefined) return phase === 'Succeeded';
  if (base.state === 'running' || base.restartCount > 0) return true;
  return base.state === 'terminated' && !isStartFailure(base);
}

/** Whether a terminated container never came to run its program. */
export function isStartFailure({ reason, startedAt }: ContainerObservation): boolean {
  // The kubelet writes the epoch, or nothing, where a container ended without having started.
  if (reason === 'ContainerStatusUnknown') return startedAt === undefined;
  return reason === 'StartError' || reason === 'ContainerCannotRun' || (startedAt?.startsWith('1970-01-01') ?? false);
}
