/**
 * How a pod ended. One function for every pod, whoever made it; the order of the rules is the rule.
 *
 * 1. The base container's own success stands, whatever happened to the pod around it (a lost sidecar, an eviction a moment later).
 * 2. A disruption of the pod, or its deletion, outranks the exit code that it caused.
 * 3. Then init containers, then out-of-memory, then a start that failed, then the exit code.
 */
import type { Evidence, Verdict, VerdictKind } from '../core/verdict.js';
import type { Condition } from '../wire/types.js';
import { type ContainerObservation, hasMainStarted, isStartFailure, type PodObservation } from './observation.js';
import { KIND_FACTS } from './verdict-kinds.js';

/** What every end of a pod has. */
interface PodEndBase {
  /** Exit code of the base container, where it has one. */
  readonly exitCode: number | undefined;
  /** Oddities that did not decide. */
  readonly warnings: readonly string[];
}

/** A pod that has done its work. */
export interface PodSuccess extends PodEndBase {
  /** Discriminates. */
  readonly result: 'success';
  /** What the base container left as its termination message. */
  readonly message: string | undefined;
}

/** A pod that has not. */
export interface PodFailure extends PodEndBase {
  /** Discriminates. */
  readonly result: 'failed';
  /** Why. */
  readonly verdict: Verdict;
}

/** The end of a pod. */
export type PodEnd = PodSuccess | PodFailure;

/** Longer texts in evidence are cut. */
const MAX_TEXT = 2_048;
const cut = (text: string | undefined) =>
  text !== undefined && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;

/** Reasons of the pod's status that name a disruption. */
const POD_REASONS: Readonly<Record<string, VerdictKind>> = {
  Evicted: 'evicted',
  Preempting: 'preempted',
  Preempted: 'preempted',
  NodeLost: 'node_lost',
  NodeShutdown: 'node_shutdown',
  Shutdown: 'node_shutdown',
  Terminated: 'node_shutdown',
  DeadlineExceeded: 'deadline.running',
  OutOfcpu: 'kubelet_rejected',
  OutOfmemory: 'kubelet_rejected',
  OutOfpods: 'kubelet_rejected',
  'OutOfephemeral-storage': 'kubelet_rejected',
  NodeAffinity: 'kubelet_rejected',
  NodeName: 'kubelet_rejected',
  NodePorts: 'kubelet_rejected',
  UnexpectedAdmissionError: 'kubelet_rejected',
  PodOSNotSupported: 'kubelet_rejected',
  Taint: 'kubelet_rejected',
};

/** Reasons of the condition DisruptionTarget. */
const DISRUPTION_REASONS: Readonly<Record<string, VerdictKind>> = {
  PreemptionByScheduler: 'preempted',
  EvictionByEvictionAPI: 'api_eviction',
  DeletionByTaintManager: 'node_lost',
  DeletionByPodGC: 'node_lost',
};

const describeCondition = ({ type, status, reason, message }: Condition) =>
  `${type}=${status}${reason === undefined ? '' : ` (${reason}${message === undefined || message === '' ? '' : `: ${cut(message)}`})`}`;

/** What a verdict about this pod rests on; without log and events, which only the server has. */
export function evidenceOf(pod: PodObservation, container: ContainerObservation | undefined = pod.base): Evidence {
  return {
    pod: `${pod.namespace}/${pod.name}`,
    uid: pod.uid,
    node: pod.node,
    phase: pod.phase,
    reason: pod.reason,
    message: cut(pod.message),
    container: container?.name,
    containerReason: container?.reason,
    terminationMessage: container?.state === 'terminated' ? cut(container.message) : undefined,
    exitCode: container?.exitCode,
    signal: container?.signal,
    memoryLimit: container?.limits?.memory,
    limits: container?.limits,
    requests: container?.requests,
    conditions: pod.conditions
      .filter(({ type, status }) => type === 'DisruptionTarget' || status === 'False')
      .map(describeCondition),
  };
}

/** A verdict about a pod, with the blame and hint of its kind. */
export function podVerdict(
  kind: VerdictKind,
  message: string,
  pod: PodObservation,
  parts: Partial<Pick<Verdict, 'blame' | 'confidence' | 'hint' | 'mainStarted'>> & {
    readonly container?: ContainerObservation | undefined;
  } = {},
): Verdict {
  const { container, ...overrides } = parts;
  return {
    kind,
    ...KIND_FACTS[kind],
    mainStarted: hasMainStarted(pod),
    confidence: 'certain',
    message,
    evidence: evidenceOf(pod, container ?? pod.base),
    ...overrides,
  };
}

/** The disruption that a pod shows, where it shows one. */
export function disruptionOf(pod: PodObservation): Verdict | undefined {
  const target = pod.conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
  const shutdown = pod.reason === 'Terminated' && !/shutdown/i.test(pod.message ?? '');
  const byReason = pod.reason === undefined || shutdown ? undefined : POD_REASONS[pod.reason];
  if (byReason !== undefined)
    return podVerdict(
      byReason,
      `The pod ended with reason ${pod.reason}${pod.message === undefined ? '' : `: ${cut(pod.message)}`}`,
      pod,
    );
  if (target === undefined) return queuePreemption(pod);
  const reason = target.reason ?? '';
  if (reason === 'TerminationByKubelet') {
    const kind = /shutdown/i.test(target.message ?? '')
      ? 'node_shutdown'
      : /preempt/i.test(target.message ?? '')
        ? 'preempted'
        : 'evicted';
    return podVerdict(kind, `The kubelet ended the pod: ${cut(target.message) ?? 'no reason given'}`, pod);
  }
  const kind = DISRUPTION_REASONS[reason];
  return kind === undefined
    ? undefined
    : podVerdict(kind, `The pod was disrupted (${reason}): ${cut(target.message) ?? ''}`.trim(), pod);
}

/** Kueue deletes the pods of a workload that must yield, and says so in a condition of its own. */
function queuePreemption(pod: PodObservation): Verdict | undefined {
  const target = pod.conditions.find(({ type, status }) => type === 'TerminationTarget' && status === 'True');
  return target === undefined
    ? undefined
    : podVerdict(
        'preempted',
        `The pod had to yield (${target.reason ?? 'TerminationTarget'}): ${cut(target.message) ?? ''}`.trim(),
        pod,
      );
}

const failedInit = ({ containers }: PodObservation) =>
  containers.find(({ role, state, exitCode }) => role === 'init' && state === 'terminated' && exitCode !== 0);

/**
 * A pod that failed because somebody deleted it: its container ended after the request, or never came to start. What ended before the
 * request ended by itself, and was only cleaned up.
 */
function deletionOf(pod: PodObservation): Verdict | undefined {
  const ended = pod.base?.state === 'terminated' ? pod.base : failedInit(pod);
  if (!pod.isDeleting || ended === undefined || ended.reason === 'OOMKilled') return undefined;
  if (isStartFailure(ended)) return ended.reason === 'ContainerStatusUnknown' ? deletedVerdict(pod) : undefined;
  const finishedAt = Date.parse(ended.finishedAt ?? '');
  const sinceRequest = finishedAt - (pod.deletionAskedAt ?? Number.NaN);
  const isSignalled = ended.signal === 'SIGTERM' || ended.signal === 'SIGKILL';
  // Both times are whole seconds: in the same second, a signal is the deletion's, another exit code the task's own.
  const isAfter = Number.isNaN(sinceRequest) ? isSignalled : sinceRequest > 0 || (sinceRequest === 0 && isSignalled);
  return isAfter ? deletedVerdict(pod) : undefined;
}

function initFailure(pod: PodObservation): Verdict | undefined {
  const failed = failedInit(pod);
  if (failed === undefined) return undefined;
  const how = failed.reason === 'OOMKilled' ? 'was killed for want of memory' : `exited with code ${failed.exitCode}`;
  return podVerdict('init_failed', `Init container ${failed.name} ${how}`, pod, {
    container: failed,
    mainStarted: false,
  });
}

function containerVerdict(pod: PodObservation, base: ContainerObservation): Verdict {
  const limit = base.limits?.memory === undefined ? '' : ` (limit ${base.limits.memory})`;
  if (base.reason === 'OOMKilled')
    return podVerdict('oom_killed', `Container ${base.name} was killed for want of memory${limit}`, pod);
  if (isStartFailure(base)) {
    const isMissing = /no such file|not found|permission denied/i.test(base.message ?? '');
    const kind = isMissing ? 'spawn_failed' : 'container_create_failed';
    return podVerdict(
      kind,
      `Container ${base.name} could not be started: ${cut(base.message) ?? base.reason ?? 'no reason given'}`,
      pod,
    );
  }
  if (base.signal === 'SIGKILL')
    return podVerdict(
      'killed_signal',
      `Container ${base.name} was ended by SIGKILL (exit code ${base.exitCode})`,
      pod,
      {
        hint: `Probably out of memory without the kernel's word for it${limit}: compare its use with the limit.`,
        confidence: 'likely',
      },
    );
  if (base.signal !== undefined)
    return podVerdict(
      'killed_signal',
      `Container ${base.name} was ended by ${base.signal} (exit code ${base.exitCode})`,
      pod,
    );
  return podVerdict('app_exit', `Container ${base.name} exited with code ${base.exitCode}`, pod);
}

const isBeside = ({ role }: ContainerObservation) => role === 'companion' || role === 'sidecar';
const isRevived = (pod: PodObservation, { role }: ContainerObservation) =>
  role === 'sidecar' || pod.restartPolicy !== 'Never';
const endedBadly = ({ state, exitCode, reason }: ContainerObservation) =>
  state === 'terminated' && (exitCode !== 0 || reason === 'OOMKilled');
const isCrashLooping = ({ state, reason }: ContainerObservation) =>
  state === 'waiting' && reason === 'CrashLoopBackOff';

/** A container beside the base container that has failed and does not come back by itself. */
export const failedCompanion = (pod: PodObservation): ContainerObservation | undefined =>
  pod.containers.find(
    (container) =>
      isBeside(container) && (isCrashLooping(container) || (endedBadly(container) && !isRevived(pod, container))),
  );

function companionWarnings(pod: PodObservation): string[] {
  return pod.containers
    .filter(
      (container) =>
        isBeside(container) &&
        (endedBadly(container) || isCrashLooping(container) || container.lastReason === 'OOMKilled'),
    )
    .map((container) => {
      const { name, exitCode } = container;
      const reason = endedBadly(container) ? container.reason : (container.lastReason ?? container.reason);
      return `Container ${name} ended with ${reason ?? 'an error'}${exitCode === undefined ? '' : ` (exit code ${exitCode})`}`;
    });
}

/** Whether Kubernetes would start the base container again. */
const isRestarted = (pod: PodObservation, { exitCode }: ContainerObservation) =>
  pod.restartPolicy === 'Always' || (pod.restartPolicy === 'OnFailure' && exitCode !== 0);

/**
 * How a pod has ended, or `undefined` while it has not. It has ended with its terminal phase, or with its base container even though
 * sidecars live on.
 */
export function endOf(pod: PodObservation): PodEnd | undefined {
  const isTerminal = pod.phase === 'Succeeded' || pod.phase === 'Failed';
  const { base } = pod;
  const hasBaseEnded = base?.state === 'terminated' && (isTerminal || !isRestarted(pod, base));
  if (!isTerminal && !hasBaseEnded) return undefined;
  const warnings = companionWarnings(pod);
  const exitCode = base?.exitCode;
  const failed = (verdict: Verdict): PodEnd => ({ result: 'failed', exitCode, verdict, warnings });
  if (base?.state === 'terminated' && exitCode === 0) {
    if (base.reason === 'OOMKilled')
      return failed(
        podVerdict(
          'oom_killed',
          `A process in container ${base.name} was killed for want of memory, though the container exited with code 0`,
          pod,
        ),
      );
    const disruption = pod.phase === 'Failed' ? disruptionOf(pod) : undefined;
    const notes =
      disruption === undefined ? warnings : [...warnings, `The work was done before: ${disruption.message}`];
    // A result is worth nothing cut; the kubelet lets no message be longer than 4 KiB.
    return { result: 'success', exitCode, message: base.message, warnings: notes };
  }
  if (pod.phase === 'Succeeded') return { result: 'success', exitCode, message: undefined, warnings };
  return failed(
    disruptionOf(pod) ??
      deletionOf(pod) ??
      initFailure(pod) ??
      (base?.state === 'terminated' ? containerVerdict(pod, base) : unexplained(pod)),
  );
}

function unexplained(pod: PodObservation): Verdict {
  const why = [pod.reason, cut(pod.message)].filter((part) => part !== undefined && part !== '').join(': ');
  return podVerdict('unknown', `The pod failed${why === '' ? ', and nothing on it says why' : ` (${why})`}`, pod, {
    confidence: 'guess',
  });
}

/** The verdict on a pod that is no more and had not ended when it was last seen; `isEndUnseen` where it may have gone on after that. */
export function vanishedVerdict(pod: PodObservation, isEndUnseen = false): Verdict {
  const disruption = disruptionOf(pod);
  if (disruption !== undefined) return disruption;
  if (pod.phase === 'Unknown')
    return podVerdict('node_lost', 'The pod is gone, and its node had stopped answering', pod, {
      confidence: 'likely',
    });
  return deletedVerdict(pod, isEndUnseen);
}

function deletedVerdict(pod: PodObservation, isEndUnseen = false): Verdict {
  const hasStarted = hasMainStarted(pod) || pod.phase === 'Running';
  // A node that had it may have run it to its end while nobody watched: what may be done is not done again.
  if (!hasStarted && isEndUnseen && pod.node !== undefined && !pod.isDeleting)
    return podVerdict(
      'deleted_externally',
      'The pod is gone; when it was last seen it was about to start on its node, and whether it ran after that nobody knows',
      pod,
      { blame: 'caller', mainStarted: undefined, confidence: 'guess' },
    );
  return podVerdict(
    'deleted_externally',
    `The pod was deleted by somebody else while ${hasStarted ? 'it ran' : 'it was pending'}`,
    pod,
    {
      // Autoscalers and spot reclaims delete pending pods; nobody's decision about the task stands behind that.
      blame: hasStarted ? 'caller' : 'infra',
      mainStarted: hasStarted,
      confidence: 'likely',
    },
  );
}

/** Why a pod that was ended, and had not succeeded, is no more. */
export function failureOf(pod: PodObservation): Verdict {
  const end = endOf(pod);
  return end?.result === 'failed' ? end.verdict : vanishedVerdict(pod);
}
