/** The row of a pod in a table. */
import type { ContainerStatus, Pod } from '../../wire/types.js';
import { ageOf, humanDuration } from './age.js';

const isTerminal = (phase: string | undefined) => phase === 'Succeeded' || phase === 'Failed';

function endedReason({ exitCode, reason, signal }: { exitCode: number; reason?: string; signal?: number }): string {
  if (reason !== undefined && reason !== '') return reason;
  return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

/** What the rows of one pod's containers come to. */
interface Summary {
  reason: string;
  ready: number;
  /** The containers whose restarts are counted. */
  readonly counted: ContainerStatus[];
}

/** The first init container that is not through decides, as far as there is one. */
function initSummary(pod: Pod, sidecars: ReadonlySet<string>, reason: string): Summary & { isInitializing: boolean } {
  const counted: ContainerStatus[] = [];
  let ready = 0;
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    counted.push(container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started === true) {
      if (container.ready) ready++;
      continue;
    }
    let text = `${index}/${(pod.spec?.initContainers ?? []).length}`;
    if (terminated !== undefined) text = endedReason(terminated);
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') text = waiting.reason;
    return { reason: `Init:${text}`, ready, counted, isInitializing: true };
  }
  return { reason, ready, counted, isInitializing: false };
}

function summaryOf(pod: Pod): Summary {
  const status = pod.status ?? {};
  const hasCondition = (type: string) =>
    status.conditions?.some((item) => item.type === type && item.status === 'True');
  const isGated = status.conditions?.some((item) => item.type === 'PodScheduled' && item.reason === 'SchedulingGated');
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((item) => item.restartPolicy === 'Always').map((item) => item.name),
  );
  const start = isGated ? 'SchedulingGated' : status.reason || status.phase || '';
  const init = initSummary(pod, sidecars, start);
  if (init.isInitializing && !hasCondition('Initialized')) return init;
  let { reason, ready } = init;
  let hasRunning = false;
  const statuses = status.containerStatuses ?? [];
  for (const container of [...statuses].reverse()) {
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated !== undefined) reason = endedReason(terminated);
    else if (container.ready && running !== undefined) {
      hasRunning = true;
      ready++;
    }
  }
  if (reason === 'Completed' && hasRunning) reason = hasCondition('Ready') ? 'Running' : 'NotReady';
  return { reason, ready, counted: [...init.counted.filter(({ name }) => sidecars.has(name)), ...statuses] };
}

function shownReason(pod: Pod, reason: string): string {
  if (pod.metadata?.deletionTimestamp === undefined) return reason;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  return isTerminal(pod.status?.phase) ? reason : 'Terminating';
}

function restarts(statuses: readonly ContainerStatus[], now: number): string {
  const count = statuses.reduce((sum, item) => sum + (item.restartCount ?? 0), 0);
  const ends = statuses
    .map((item) => Date.parse(item.lastState?.terminated?.finishedAt ?? ''))
    .filter((ms) => !Number.isNaN(ms));
  return count > 0 && ends.length > 0 ? `${count} (${humanDuration(now - Math.max(...ends))} ago)` : String(count);
}

function readinessGates(pod: Pod): string {
  const gates = (pod.spec as { readinessGates?: { conditionType: string }[] } | undefined)?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const isTrue = (type: string) => pod.status?.conditions?.find((item) => item.type === type)?.status === 'True';
  return `${gates.filter(({ conditionType }) => isTrue(conditionType)).length}/${gates.length}`;
}

function firstAddress(pod: Pod): string | undefined {
  const [first] = (pod.status as { podIPs?: { ip?: string }[] } | undefined)?.podIPs ?? [];
  return first?.ip ?? pod.status?.podIP;
}

/** The cells of a pod's row. */
export function podCells(pod: Pod, now: number): unknown[] {
  const { reason, ready, counted } = summaryOf(pod);
  const sidecars = (pod.spec?.initContainers ?? []).filter((item) => item.restartPolicy === 'Always');
  return [
    pod.metadata?.name ?? '',
    `${ready}/${(pod.spec?.containers ?? []).length + sidecars.length}`,
    shownReason(pod, reason),
    restarts(counted, now),
    ageOf(pod, now),
    firstAddress(pod) ?? '<none>',
    pod.spec?.nodeName || '<none>',
    pod.status?.nominatedNodeName || '<none>',
    readinessGates(pod),
  ];
}

/** Rows of pods that have ended say so, so that clients can leave them out. */
export function podRowConditions(pod: Pod): object {
  const phase = pod.status?.phase;
  if (!isTerminal(phase)) return {};
  const message = phase === 'Succeeded' ? 'The pod has completed successfully.' : 'The pod failed.';
  return { conditions: [{ type: 'Completed', status: 'True', reason: phase, message }] };
}
