/** Counts of pods. Pure. */
import { ANNOTATIONS } from '../wire/names.js';
import type { Pod } from '../wire/types.js';
import { createdAt, endedAt } from './pod-age.js';

/** Pods by phase. */
export interface PodCounts {
  /** All of them. */
  readonly total: number;
  /** In phase Running. */
  readonly running: number;
  /** In phase Pending. */
  readonly pending: number;
  /** In phase Succeeded. */
  readonly succeeded: number;
  /** In phase Failed. */
  readonly failed: number;
  /** In phase Unknown, or none. */
  readonly unknown: number;
}

/** Ages in milliseconds, by the server's time; `undefined` where there is no such pod, or the time is not known. */
export interface PodAges {
  /** The longest that a pod has been pending, since its creation. */
  readonly oldestPendingMs: number | undefined;
  /** The longest that a pod has been running, since its creation. */
  readonly oldestRunningMs: number | undefined;
  /** The longest that a pod has lain about since its end. */
  readonly oldestEndedMs: number | undefined;
}

/** What {@link PodMonitor.getPodMetrics} tells. */
export interface PodMetrics extends PodCounts {
  /** The same by namespace. */
  readonly byNamespace: Readonly<Record<string, PodCounts>>;
  /** The same by the queue of the task; pods that name none stand under an empty text. */
  readonly byQueue: Readonly<Record<string, PodCounts>>;
  /** Ages. */
  readonly ages: PodAges;
}

type Phase = Exclude<keyof PodCounts, 'total'>;
const PHASES: Readonly<Record<string, Phase>> = {
  Running: 'running',
  Pending: 'pending',
  Succeeded: 'succeeded',
  Failed: 'failed',
};

type Tally = { -readonly [Name in keyof PodCounts]: PodCounts[Name] };
const tally = (): Tally => ({ total: 0, running: 0, pending: 0, succeeded: 0, failed: 0, unknown: 0 });

/** Counts pods. `now` is the server's time in milliseconds since the epoch, where it is known. */
export function countPods(pods: Iterable<Pod>, now: number | undefined): PodMetrics {
  const all = tally();
  const byNamespace: Record<string, Tally> = {};
  const byQueue: Record<string, Tally> = {};
  const oldest: Record<'pending' | 'running' | 'ended', number | undefined> = {
    pending: undefined,
    running: undefined,
    ended: undefined,
  };
  for (const pod of pods) {
    const phase = PHASES[pod.status?.phase ?? ''] ?? 'unknown';
    const { namespace = '', annotations = {} } = pod.metadata ?? {};
    const queue = annotations[ANNOTATIONS.queue] ?? '';
    byNamespace[namespace] ??= tally();
    byQueue[queue] ??= tally();
    for (const counts of [all, byNamespace[namespace], byQueue[queue]]) {
      counts.total += 1;
      counts[phase] += 1;
    }
    const group = phase === 'succeeded' || phase === 'failed' ? 'ended' : phase;
    if (group === 'unknown') continue;
    const since = group === 'ended' ? endedAt(pod) : createdAt(pod);
    if (since !== undefined) oldest[group] = Math.min(since, oldest[group] ?? since);
  }
  const age = (since: number | undefined) => (since === undefined || now === undefined ? undefined : now - since);
  const ages = {
    oldestPendingMs: age(oldest.pending),
    oldestRunningMs: age(oldest.running),
    oldestEndedMs: age(oldest.ended),
  };
  return { ...all, byNamespace, byQueue, ages };
}
