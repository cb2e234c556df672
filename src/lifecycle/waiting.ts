/** Why a pod does not run yet, in words that stay the same while only counts change. */
import type { VerdictKind } from '../core/verdict.js';
import type { ContainerObservation, ContainerRole, PodObservation } from './observation.js';
import type { LifecycleClocks } from './policy.js';
import { shortSchedulerMessage } from './scheduler-message.js';

/** Clock that runs while a pod waits. */
export type WaitClock = 'gated' | 'unscheduled' | 'unschedulable' | 'pulling' | 'starting' | 'broken' | 'unreachable';

const CLOCK_OF: Readonly<Record<WaitClock, keyof LifecycleClocks>> = {
  gated: 'gatedMs',
  unscheduled: 'unschedulableMs',
  unschedulable: 'unschedulableMs',
  pulling: 'pullingMs',
  starting: 'startingMs',
  broken: 'brokenMs',
  unreachable: 'terminatingMs',
};

/** Limit of a wait, in milliseconds. */
export const limitOf = (clock: WaitClock, clocks: LifecycleClocks): number => clocks[CLOCK_OF[clock]];

/** Why a pod waits. */
export interface Waiting {
  /** Clock that runs while it waits so. */
  readonly clock: WaitClock;
  /** Verdict if it waits too long. */
  readonly kind: VerdictKind;
  /** Equal as long as the reason is the same. */
  readonly id: string;
  /** For people. */
  readonly text: string;
  /** Container that holds the pod up. */
  readonly container?: ContainerObservation | undefined;
}

/** Waiting reasons that do not go away by themselves. */
const BROKEN_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'CrashLoopBackOff',
]);

/** What went wrong with an image, from the kubelet's message. */
export function imagePullKind(reason: string, message: string): VerdictKind {
  if (reason === 'InvalidImageName' || reason === 'ErrImageNeverPull') return 'image_pull.not_found';
  if (/toomanyrequests|too many requests|rate limit|429|pull qps exceeded/i.test(message))
    return 'image_pull.rate_limited';
  if (/unauthorized|authentication required|denied|forbidden|401|403/i.test(message)) return 'image_pull.unauthorized';
  if (/not found|manifest unknown|does not exist|404/i.test(message)) return 'image_pull.not_found';
  if (/timeout|i\/o|connection refused|no such host|dial tcp|tls|EOF|network|unavailable|50[0234]/i.test(message))
    return 'image_pull.network';
  return 'image_pull.unknown';
}

function configKind(message: string): VerdictKind {
  if (/couldn't find key|references non-existent .*key/i.test(message)) return 'config_error.key';
  if (/secret/i.test(message)) return 'config_error.secret';
  if (/configmap/i.test(message)) return 'config_error.configmap';
  return 'config_error.other';
}

const CRASH_KINDS: Readonly<Record<ContainerRole, VerdictKind>> = {
  base: 'app_exit',
  init: 'init_failed',
  sidecar: 'sidecar_failed',
  companion: 'sidecar_failed',
};

function brokenKind(reason: string, message: string, role: ContainerRole): VerdictKind {
  if (reason === 'CreateContainerConfigError') return configKind(message);
  if (reason === 'CreateContainerError' || reason === 'RunContainerError') return 'container_create_failed';
  if (reason === 'CrashLoopBackOff') return CRASH_KINDS[role];
  return imagePullKind(reason, message);
}

/** Trouble with images that registries and networks get over by themselves. */
const HEALING_KINDS: ReadonlySet<VerdictKind> = new Set([
  'image_pull.network',
  'image_pull.rate_limited',
  'image_pull.unknown',
]);

function unschedulableKind(message: string): VerdictKind {
  if (/insufficient|too many pods/i.test(message)) return 'unschedulable.resources';
  if (/persistentvolumeclaim|volume/i.test(message)) return 'unschedulable.volume';
  if (/untolerated taint|taint/i.test(message)) return 'unschedulable.taint';
  if (/affinity|node selector|didn't match/i.test(message)) return 'unschedulable.affinity';
  return 'unschedulable.other';
}

/** A message with its counts and ids blanked, so that "0/46 nodes" and "0/47 nodes" are the same reason. */
const blanked = (message: string) => message.replace(/\d+/g, '#').slice(0, 400);

function waitingForNode(pod: PodObservation): Waiting | undefined {
  const scheduled = pod.conditions.find(({ type }) => type === 'PodScheduled');
  if (pod.isGated)
    return { clock: 'gated', kind: 'deadline.pending', id: 'gated', text: 'held back by its scheduling gates' };
  if (pod.node !== undefined || scheduled?.status === 'True') return undefined;
  if (scheduled?.reason !== 'Unschedulable')
    return {
      clock: 'unscheduled',
      kind: 'deadline.pending',
      id: 'unscheduled',
      text: 'not yet looked at by the scheduler',
    };
  const message = scheduled.message ?? '';
  return {
    clock: 'unschedulable',
    kind: unschedulableKind(message),
    id: `unschedulable: ${blanked(message)}`,
    text: `unschedulable: ${shortSchedulerMessage(message)}`,
  };
}

/** A container in a state that does not go away by itself, or only slowly. */
function waitingOnBroken(container: ContainerObservation): Waiting {
  const { reason = '', message = '', name, role } = container;
  const kind = brokenKind(reason, message, role);
  const group = kind.startsWith('image_pull.') ? 'image_pull' : kind;
  return {
    clock: HEALING_KINDS.has(kind) ? 'pulling' : 'broken',
    kind,
    // A pull alternates between ErrImagePull and its back-off, each with texts of its own: that is one reason, not many.
    id: `${group} ${name}`,
    text: `container ${name} waits: ${reason}${message === '' ? '' : `: ${message.slice(0, 400)}`}`,
    container,
  };
}

const isBroken = ({ state, reason }: ContainerObservation) =>
  state === 'waiting' && reason !== undefined && BROKEN_REASONS.has(reason);

function waitingToStart(pod: PodObservation): Waiting {
  const container = pod.containers.find(({ state }) => state === 'waiting');
  const reason = container?.reason ?? 'ContainerCreating';
  // Once the sandbox stands, what a container that is being created waits for is its image.
  const hasSandbox = pod.conditions.some(
    ({ type, status }) => type === 'PodReadyToStartContainers' && status === 'True',
  );
  const clock = hasSandbox && reason === 'ContainerCreating' ? 'pulling' : 'starting';
  return {
    clock,
    kind: 'deadline.pending',
    id: `${clock} ${reason}`,
    text: `scheduled on ${pod.node ?? 'a node'}, ${clock === 'pulling' ? 'pulling images' : reason}`,
    container,
  };
}

/** Why a pod waits, or `undefined` for one that does not, as far as it shows. */
export function waitingOf(pod: PodObservation): Waiting | undefined {
  if (pod.phase === 'Unknown')
    return {
      clock: 'unreachable',
      kind: 'node_lost',
      id: 'unreachable',
      text: `its node ${pod.node === undefined ? '' : `${pod.node} `}does not report`.replace('  ', ' '),
    };
  // As long as any container has not started for the first time the kubelet says Pending, though the program may be at work.
  if (pod.phase === 'Running' || pod.base?.state === 'running')
    return pod.base !== undefined && isBroken(pod.base) ? waitingOnBroken(pod.base) : undefined;
  if (pod.phase !== 'Pending') return undefined;
  const forNode = waitingForNode(pod);
  if (forNode !== undefined) return forNode;
  const broken = pod.containers.find(isBroken);
  return broken === undefined ? waitingToStart(pod) : waitingOnBroken(broken);
}
