/** Reads tasks back from pods. */

import type { Clock } from '../../core/clock.js';
import { interned } from '../../core/interned.js';
import type { QueuedTask } from '../../core/outcome.js';
import { keyToString } from '../../core/task-key.js';
import type { CallOptions } from '../../kube/kube-client.js';
import { decodeTimeouts } from '../../launch/adapt-launch.js';
import { changedRecord, FRESH_RECORD, type PodRecord } from '../../lifecycle/decide.js';
import { baseContainerName, type PodObservation } from '../../lifecycle/observation.js';
import { type WaitClock, waitingOf } from '../../lifecycle/waiting.js';
import { annotationsToKey, isMarkedDone } from '../../pod/names.js';
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';

/** Start times are cut to seconds, and the server's clock is known no better: what is seen sooner is dated by when it was seen. */
const LATE_MS = 10_000;
const WAITS_FROM_BIRTH: ReadonlySet<WaitClock> = new Set(['gated', 'unscheduled', 'unschedulable']);

/** The task that a pod was made for, or `undefined` where it carries no readable key. */
export function taskOfPod(pod: Pod): QueuedTask | undefined {
  const key = annotationsToKey(pod.metadata?.annotations);
  if (key === undefined) return undefined;
  const base = pod.spec?.containers.find(({ name }) => name === baseContainerName(pod));
  // Joined in one step it takes no more room than it has elements.
  const command = (base?.command ?? []).concat(base?.args ?? []);
  return {
    key,
    command,
    queue: interned(pod.metadata?.annotations?.[ANNOTATIONS.queue]),
    priority: 0,
    executorConfig: undefined,
    timeouts: decodeTimeouts(pod.metadata?.annotations?.[ANNOTATIONS.timeouts]),
  };
}

/** Whether a pod was made for the task of an id. */
export function isPodOf(id: string, { metadata }: Pod): boolean {
  const key = annotationsToKey(metadata?.annotations);
  return key !== undefined && keyToString(key) === id;
}

/** Whether the outcome of a pod's task was told: it is kept, or was to go and could not be removed. */
export const wasTold = (pod: Pod): boolean =>
  isMarkedDone(pod) || pod.metadata?.annotations?.[ANNOTATIONS.acknowledged] === 'true';

/**
 * How a pod is taken whose executor has no lease any more. Nothing but a look shows that nobody has it: one that is old says nothing any more, since its
 * owner may be back.
 */
export const LONELY: CallOptions = { timeoutMs: 5_000 };

/** The patch that makes a pod an executor's; uid and version are preconditions, so that of two that want it, one gets it. */
export function ownershipPatch({ metadata: { uid, resourceVersion } = {} }: Pod, executorLabel: string): object {
  return { metadata: { uid, resourceVersion, labels: { [LABELS.executorId]: executorLabel } } };
}

/** Number of a pod's launch within its try, from 1. */
export function launchOf(pod: Pod): number {
  const launch = Number(pod.metadata?.annotations?.[ANNOTATIONS.launch]);
  return Number.isSafeInteger(launch) && launch > 0 ? launch : 1;
}

/** When something happened that a server dates, on the monotonic clock; now, where that cannot be known. */
function instantOf(time: string | undefined, clock: Clock, serverOffsetMs: number | undefined): number {
  const now = clock.monotonic();
  const at = time === undefined ? Number.NaN : Date.parse(time);
  if (serverOffsetMs === undefined || Number.isNaN(at)) return now;
  return now - Math.max(0, clock.now() + serverOffsetMs - at);
}

/** The record of a pod whose program may have started before anybody saw it: watches were silent, or the host stood still. Its limit counts from the start. */
export function datedRecord(
  record: PodRecord,
  { base }: PodObservation,
  clock: Clock,
  serverOffsetMs: number | undefined,
): PodRecord {
  if (record.runningSince !== undefined || base?.state !== 'running') return record;
  const runningSince = instantOf(base.startedAt, clock, serverOffsetMs);
  return clock.monotonic() - runningSince > LATE_MS ? changedRecord(record, { runningSince }) : record;
}

/**
 * The record of a pod met for the first time, its waits counted from what the pod shows. Ages are taken by the server's time; where
 * that is unknown, clocks start now, which can only make a wait longer.
 */
export function recordOfAdopted(pod: PodObservation, clock: Clock, serverOffsetMs: number | undefined): PodRecord {
  const since = (time: string | undefined) => instantOf(time, clock, serverOffsetMs);
  const waiting = waitingOf(pod);
  return changedRecord(FRESH_RECORD, {
    runningSince: pod.base?.state === 'running' ? since(pod.base.startedAt) : undefined,
    // Only waits that began with the pod can be dated by its age; the others start anew.
    waiting:
      waiting !== undefined && WAITS_FROM_BIRTH.has(waiting.clock)
        ? { id: '', clock: waiting.clock, since: since(pod.createdAt), kind: waiting.kind, text: waiting.text }
        : undefined,
  });
}
