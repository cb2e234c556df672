/** The status a kubelet reports, computed from what it knows of the containers. */
import { formatTime } from '../../wire/micro-time.js';
import type { Condition, Container, ContainerState, ContainerStatus, Pod, PodStatus } from '../../wire/types.js';

/** What a kubelet knows of one container. */
export interface ContainerRecord {
  readonly container: Container;
  readonly kind: 'init' | 'sidecar' | 'main';
  state: ContainerState;
  lastState: ContainerState;
  restartCount: number;
  containerID: string | undefined;
  /** Whether its startup probe, if it has one, has succeeded in this run. */
  isStarted: boolean;
  /** What its readiness probe says; without one it is ready as soon as it has started. */
  isReady: boolean;
}

/** Why the kubelet has ended or refused a pod itself. */
export interface PodEnding {
  readonly reason: string;
  readonly message: string;
  /** Reason of a DisruptionTarget condition, where there is one. */
  readonly disruption?: string | undefined;
}

/** What goes into a status besides the containers. */
export interface StatusFacts {
  readonly pod: Pod;
  readonly records: readonly ContainerRecord[];
  readonly nowMs: number;
  readonly startTime: string;
  readonly podIP: string | undefined;
  readonly hostIP: string;
  readonly ending: PodEnding | undefined;
}

/** A fresh record of a container. */
export function recordOf(container: Container, kind: ContainerRecord['kind'], hasInit: boolean): ContainerRecord {
  return {
    container,
    kind,
    state: {
      waiting: { reason: hasInit && (kind === 'main' || kind === 'init') ? 'PodInitializing' : 'ContainerCreating' },
    },
    lastState: {},
    restartCount: 0,
    containerID: undefined,
    isStarted: false,
    isReady: false,
  };
}

const hasStarted = ({ state, isStarted }: ContainerRecord) => state.running !== undefined && isStarted;

/** Readiness, as in the status: of an init container that it has succeeded. */
const readyNow = (record: ContainerRecord) =>
  record.kind === 'init' ? record.state.terminated?.exitCode === 0 : hasStarted(record) && record.isReady;

function statusOf(record: ContainerRecord): ContainerStatus {
  const { container, state, lastState, restartCount, containerID } = record;
  return {
    name: container.name,
    state,
    lastState,
    ready: readyNow(record),
    restartCount,
    image: container.image ?? '',
    imageID: containerID === undefined ? '' : `${container.image ?? ''}@sha256:${'0'.repeat(64)}`,
    ...(containerID === undefined ? {} : { containerID }),
    started: hasStarted(record),
  };
}

/** The phase that follows from the containers. */
export function phaseOf({ pod, records, ending }: Pick<StatusFacts, 'pod' | 'records' | 'ending'>): string {
  const restartPolicy = pod.spec?.restartPolicy ?? 'Always';
  const init = records.filter(({ kind }) => kind === 'init');
  const main = records.filter(({ kind }) => kind === 'main');
  const isAlive = records.some(({ state }) => state.running !== undefined);
  if (ending !== undefined && !isAlive) return 'Failed';
  const failedInit = init.some(({ state }) => state.terminated !== undefined && state.terminated.exitCode !== 0);
  if (failedInit && restartPolicy === 'Never') return isAlive ? 'Pending' : 'Failed';
  if (main.every(({ state }) => state.terminated !== undefined) && main.length > 0) {
    if (restartPolicy === 'Always' && pod.metadata?.deletionTimestamp === undefined) return 'Running';
    if (isAlive) return 'Running';
    const allGood = main.every(({ state }) => state.terminated?.exitCode === 0);
    if (allGood) return 'Succeeded';
    return restartPolicy === 'Never' || pod.metadata?.deletionTimestamp !== undefined ? 'Failed' : 'Running';
  }
  // One that has never started is enough for Pending, whatever the others do.
  const isStarted = ({ state, lastState }: (typeof main)[number]) =>
    state.running !== undefined || state.terminated !== undefined || lastState.terminated !== undefined;
  return main.length > 0 && main.every(isStarted) ? 'Running' : 'Pending';
}

function condition(type: string, holds: boolean, facts: StatusFacts, reason?: string, message?: string): Condition {
  const status = holds ? 'True' : 'False';
  const old = facts.pod.status?.conditions?.find((item) => item.type === type);
  return {
    type,
    status,
    observedGeneration: facts.pod.metadata?.generation ?? 1,
    lastProbeTime: null,
    lastTransitionTime: old?.status === status ? (old.lastTransitionTime ?? null) : formatTime(facts.nowMs),
    // A patch keeps what it does not name: null takes an older reason away.
    ...(reason === undefined ? { reason: null as never } : { reason }),
    ...(message === undefined ? { message: null as never } : { message }),
  };
}

/** What keeps a pod unready besides its containers: the conditions it asks others for. */
export function closedGates({ spec, status }: Pod): string[] {
  const gates = (spec?.readinessGates ?? []) as readonly { readonly conditionType: string }[];
  return gates.flatMap(({ conditionType }) => {
    const found = status?.conditions?.find(({ type }) => type === conditionType);
    const name = JSON.stringify(conditionType);
    if (found === undefined) return [`corresponding condition of pod readiness gate ${name} does not exist.`];
    return found.status === 'True'
      ? []
      : [`the status of pod readiness gate ${name} is not "True", but ${found.status}`];
  });
}

function conditionsOf(facts: StatusFacts, phase: string): Condition[] {
  const { records, ending } = facts;
  const ended = phase === 'Succeeded' ? 'PodCompleted' : phase === 'Failed' ? 'PodFailed' : undefined;
  const incomplete = records.filter(
    (record) => (record.kind === 'init' && !readyNow(record)) || (record.kind === 'sidecar' && !hasStarted(record)),
  );
  const unready = records
    .filter((record) => record.kind !== 'init' && !readyNow(record))
    .map(({ container }) => container.name);
  const unreadyMessage = `containers with unready status: [${unready.join(' ')}]`;
  const readiness = (type: string, gates: readonly string[]) => {
    if (ended !== undefined) return condition(type, false, facts, ended);
    if (unready.length > 0) return condition(type, false, facts, 'ContainersNotReady', unreadyMessage);
    if (gates.length > 0) return condition(type, false, facts, 'ReadinessGatesNotReady', gates.join(', '));
    return condition(type, true, facts);
  };
  const initialized =
    phase === 'Succeeded'
      ? condition('Initialized', true, facts, 'PodCompleted')
      : incomplete.length === 0 ||
          facts.records.some(({ kind, state }) => kind === 'main' && (state.running ?? state.terminated) !== undefined)
        ? condition('Initialized', true, facts)
        : condition(
            'Initialized',
            false,
            facts,
            'ContainersNotInitialized',
            `containers with incomplete status: [${incomplete.map(({ container }) => container.name).join(' ')}]`,
          );
  const hasSandbox = facts.podIP !== undefined && ended === undefined;
  return [
    condition('PodReadyToStartContainers', hasSandbox, facts),
    initialized,
    readiness('Ready', closedGates(facts.pod)),
    readiness('ContainersReady', []),
    condition('PodScheduled', true, facts),
    ...(ending?.disruption === undefined
      ? []
      : [condition('DisruptionTarget', true, facts, ending.disruption, ending.message)]),
  ];
}

/** The whole status as the kubelet reports it. */
export function podStatus(facts: StatusFacts): PodStatus {
  const { pod, records, podIP, hostIP, startTime, ending } = facts;
  const phase = phaseOf(facts);
  const init = records.filter(({ kind }) => kind !== 'main').map(statusOf);
  return {
    phase,
    observedGeneration: pod.metadata?.generation ?? 1,
    conditions: conditionsOf(facts, phase),
    ...(ending === undefined ? {} : { reason: ending.reason, message: ending.message }),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime,
    containerStatuses: records.filter(({ kind }) => kind === 'main').map(statusOf),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
  };
}

/** The status of a pod that the kubelet never took in. */
export function rejectedStatus(facts: StatusFacts, ending: PodEnding): PodStatus {
  return {
    phase: 'Failed',
    reason: ending.reason,
    message: ending.message,
    startTime: facts.startTime,
    observedGeneration: facts.pod.metadata?.generation ?? 1,
  };
}
