/** Whether programs end in time: no later than their limit says, but for what the hosts could not help, and never before. */
import { type Duration, durationMs } from '../../core/duration.js';
import type { Pod } from '../../wire/types.js';
import type { SimulatedDatabase, SimulatedTask } from './database.js';
import { podIdOf, taskIdOf } from './invariants.js';

/** How much longer than its limit a program may run anyway: until its end was asked for, in the face of some failed requests, and came. */
const MARGIN_MS = 60_000;
/** How much longer for each trouble of a host, besides the time that it took. */
const TROUBLE_MARGIN_MS = 30_000;
/** What was over so long before the limit was does not matter any more. */
const AFTERMATH_MS = 120_000;
/** What costs so much time waits for requests that come, however late. */
const LASTING_MS = 60_000;
/** Start times are cut to whole seconds, and slow answers leave the server's clock uncertain. */
const ROUNDING_MS = 5_000;

interface Trouble {
  readonly from: number;
  readonly until: number;
  /** What it excuses of lateness. */
  readonly excusedMs: number;
  readonly of: 'host' | 'watch' | 'request' | 'rights';
}

/** When programs have started, and when hosts or watches could not do what they should. All times are in milliseconds of the cluster's clock. */
export class LimitWatch {
  readonly #starts = new Map<string, number>();
  readonly #lastStart = new Map<string, number>();
  /** Uid of the last pod of each name. */
  readonly #uids = new Map<string, string>();
  readonly #troubles: Trouble[] = [];

  /** A host could not do what it should for a while; of `rights`: it could not make pods, which keeps it from nothing else. */
  hostTrouble(from: number, until: number, of: 'host' | 'rights' = 'host'): void {
    this.#troubles.push({ from, until, excusedMs: until - from + TROUBLE_MARGIN_MS, of });
  }

  /** Requests fail from now on, which may cost so much time. */
  requestTrouble(now: number, excusedMs: number): void {
    this.#troubles.push({ from: now, until: now + excusedMs, excusedMs, of: 'request' });
  }

  /** Nobody hears of what happens meanwhile, but for lists, which leave so much time between them. */
  watchTrouble(from: number, until: number, excusedMs = until - from): void {
    this.#troubles.push({ from, until, excusedMs, of: 'watch' });
  }

  /** Whether a host was in trouble between two instants. */
  wasHostTrouble(from: number, until: number): boolean {
    return this.#troubles.some((one) => one.of === 'host' && one.until >= from && one.from <= until);
  }

  /** Whether nobody was in any trouble from some time before an instant on. */
  isQuietSince(since: number): boolean {
    const isOver = ({ of, until, excusedMs }: Trouble) =>
      (of === 'request' ? until : until + excusedMs) < since - AFTERMATH_MS;
    return this.#troubles.every(isOver);
  }

  /** How much all the requests that were to fail may have cost: those that have not come yet fail whenever they do. */
  get requestsExcusedMs(): number {
    return this.#troubles.reduce((sum, { of, excusedMs }) => sum + (of === 'request' ? excusedMs : 0), 0);
  }

  /** Notes the news of a pod. */
  onPod(pod: Pod, now: number): void {
    const uid = pod.metadata?.uid ?? '';
    this.#uids.set(podIdOf(pod), uid);
    if (pod.status?.phase !== 'Running' || this.#starts.has(uid)) return;
    this.#starts.set(uid, now);
    // A node that was lost tells later what it has started meanwhile.
    const startedAt = Date.parse(pod.status.containerStatuses?.[0]?.state?.running?.startedAt ?? '');
    this.#lastStart.set(taskIdOf(pod), Number.isNaN(startedAt) ? now : startedAt);
  }

  /** Adds a fault for each program that runs although its time is long over. Of pods on lost nodes nobody can know anything. */
  check(pods: readonly Pod[], now: number, { tasks, faults }: SimulatedDatabase, unknown: ReadonlySet<string>): void {
    for (const pod of pods) {
      const { uid = '', name, deletionTimestamp } = pod.metadata ?? {};
      const start = this.#starts.get(uid);
      if (pod.status?.phase !== 'Running' || deletionTimestamp !== undefined || start === undefined || unknown.has(uid))
        continue;
      const task = tasks.get(taskIdOf(pod));
      const limitMs = task === undefined ? undefined : runningLimitOf(task);
      if (limitMs === undefined || now - start <= limitMs + MARGIN_MS) continue;
      const excused = this.#troubles
        .filter((trouble) => excuses(trouble, start, start + limitMs, now))
        .reduce((sum, { excusedMs }) => sum + excusedMs, 0);
      const ranMs = now - start;
      if (ranMs > limitMs + MARGIN_MS + excused)
        faults.push(`${name} runs for ${Math.round(ranMs / 1_000)} s, and has a limit of ${limitMs / 1_000} s`);
    }
  }

  /** Whether the program of a pod, by `namespace/name`, had started by then. */
  hadStarted(podId: string | undefined, at: number): boolean {
    const start = this.#starts.get(this.#uids.get(podId ?? '') ?? '');
    return start !== undefined && start < at;
  }

  /** What is wrong with an outcome that says that a limit was over, told at an instant. */
  tooEarly(id: string, kind: string, task: SimulatedTask, at: number): string | undefined {
    const limitMs = kind === 'deadline.running' ? runningLimitOf(task) : queuedLimitOf(task);
    const from = kind === 'deadline.running' ? this.#lastStart.get(id) : task.queuedAt;
    if (limitMs === undefined || from === undefined || at - from >= limitMs - ROUNDING_MS) return undefined;
    return `${id} failed (${kind}) after ${(at - from) / 1_000} s, and had ${limitMs / 1_000} s`;
  }
}

/** Whether a trouble can be why a program runs on that started then and should have ended at its limit. */
const excuses = ({ from, until, excusedMs, of }: Trouble, start: number, limit: number, now: number) =>
  from <= now &&
  (until >= (of === 'request' ? start : limit - AFTERMATH_MS) || (of === 'request' && excusedMs > LASTING_MS));

const limitOf = (limit: Duration | 'none' | undefined, name: string) =>
  limit === undefined || limit === 'none' ? undefined : durationMs(limit, name);
const runningLimitOf = ({ workload }: SimulatedTask) => limitOf(workload.timeouts?.running, 'running');
/** How long a task may wait for a slot, in milliseconds. */
export const queuedLimitOf = ({ workload }: SimulatedTask) => limitOf(workload.timeouts?.queued, 'queued');
