/** Why a pod does not run yet, in words that stay the same while only counts change. */
import type { VerdictKind } from '../core/verdict.js';
import type { ContainerObservation, PodObservation } from './observation.js';

/** Why a pod waits. */
export interface Waiting {
  /** Clock that runs while it waits so. */
  readonly clock: 'gated' | 'unscheduled' | 'unschedulable' | 'starting' | 'broken';
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

function brokenKind(reason: string, message: string): VerdictKind {
  if (reason === 'CreateContainerConfigError') return configKind(message);
  if (reason === 'CreateContainerError' || reason === 'RunContainerError') return 'container_create_failed';
  if (reason === 'CrashLoopBackOff') return 'app_exit';
  return imagePullKind(reason, message);
}

function unschedulableKind(message: string): VerdictKind {
  if (/insufficient|too many pods/i.test(message)) return 'unschedulable.resources';
  if (/persistentvolumeclaim|volume/i.test(message)) return 'unschedulable.volume';
  if (/untolerated taint|taint/i.test(message)) return 'unschedulable.taint';
  if (/affinity|node selector|didn't match/i.test(message)) return 'unschedulable.affinity';
  return 'unschedulable.other';
}

/** A message with its counts and ids blanked, so that "0/46 nodes" and "0/47 nodes" are the same reason. */
const blanked = (message: string) => message.replace(/\d+/g, '#').slice(0, 400);

/** Why a pending pod waits, or `undefined` for one that is not pending. */
export function waitingOf(pod: PodObservation): Waiting | undefined {
  if (pod.phase !== 'Pending') return undefined;
  const scheduled = pod.conditions.find(({ type }) => type === 'PodScheduled');
  if (pod.isGated)
    return { clock: 'gated', kind: 'deadline.pending', id: 'gated', text: 'held back by its scheduling gates' };
  if (pod.node === undefined && scheduled?.status !== 'True') {
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
      text: `unschedulable: ${message}`,
    };
  }
  const broken = pod.containers.find(
    ({ state, reason }) => state === 'waiting' && reason !== undefined && BROKEN_REASONS.has(reason),
  );
  if (broken?.reason !== undefined) {
    const message = broken.message ?? '';
    const kind = brokenKind(broken.reason, message);
    // A pull alternates between ErrImagePull and its back-off, each with texts of its own: that is one reason, not many.
    return {
      clock: 'broken',
      kind,
      id: `${kind} ${broken.name}`,
      text: `container ${broken.name} waits: ${broken.reason}${message === '' ? '' : `: ${message.slice(0, 400)}`}`,
      container: broken,
    };
  }
  const starting = pod.containers.find(({ state }) => state === 'waiting');
  const reason = starting?.reason ?? 'ContainerCreating';
  return {
    clock: 'starting',
    kind: 'deadline.pending',
    id: `starting ${reason}`,
    text: `scheduled on ${pod.node ?? 'a node'}, ${reason}`,
    container: starting,
  };
}
