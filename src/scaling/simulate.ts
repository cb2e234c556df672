/** What KEDA would have done with a recorded run: tasks come as they came, and workers as a setting would have brought them. Pure. */
import { ConfigError, type ConfigProblem } from '../errors.js';
import { buildRunModel } from '../report/run-model.js';
import type { RunRecord } from '../report/run-record.js';
import { checkRecords } from './run-cost.js';

/** A setting to try. */
export interface ScalingSetting {
  /** Tasks that one worker takes at a time, and the target of the trigger. */
  readonly perWorker: number;
  /** Seconds between two looks at the trigger while there are no workers. @default 30 */
  readonly pollingIntervalS?: number | undefined;
  /** Seconds without a task before the last workers go. @default 300 */
  readonly cooldownPeriodS?: number | undefined;
  /** Least workers. @default 0 */
  readonly minReplicaCount?: number | undefined;
  /** Most workers. @default 100 */
  readonly maxReplicaCount?: number | undefined;
  /** Seconds that the autoscaler looks back before it takes workers away. @default 300 */
  readonly scaleDownStabilizationS?: number | undefined;
  /** Seconds from a worker's creation until it takes tasks. @default 30 */
  readonly workerStartS?: number | undefined;
}

/** One moment. */
export interface ScalingPoint {
  /** Seconds since the first task was queued. */
  readonly atS: number;
  /** Tasks that wait. */
  readonly queued: number;
  /** Tasks that run. */
  readonly running: number;
  /** Workers that are wanted. */
  readonly replicas: number;
  /** Workers that take tasks, or finish those they have. */
  readonly ready: number;
}

/** How long tasks waited, in seconds. */
export interface ScalingWait {
  /** On average. */
  readonly averageS: number;
  /** What nineteen of twenty did not wait longer than. */
  readonly p95S: number;
  /** At most. */
  readonly maxS: number;
}

/** What came of a setting. */
export interface ScalingSimulation {
  /** Moments at which something changed. */
  readonly points: readonly ScalingPoint[];
  /** Tasks. */
  readonly tasks: number;
  /** From the first task to the end of the last, in seconds. */
  readonly durationS: number;
  /** Most workers at a time. */
  readonly peakReplicas: number;
  /** Worker hours, those that start and that drain included. */
  readonly replicaHours: number;
  /** Part of these hours that worked on tasks. */
  readonly utilization: number;
  /** How long tasks waited. */
  readonly wait: ScalingWait;
}

const HPA_SYNC_S = 15;
const TOLERANCE = 0.1;
/** Simulating on after the last task shows the way down; longer than this nothing new can come. */
const TAIL_S = 7_200;

type Complete = { readonly [Name in keyof ScalingSetting]-?: number };

function complete(setting: ScalingSetting): Complete {
  const full: Complete = {
    perWorker: setting.perWorker,
    pollingIntervalS: setting.pollingIntervalS ?? 30,
    cooldownPeriodS: setting.cooldownPeriodS ?? 300,
    minReplicaCount: setting.minReplicaCount ?? 0,
    maxReplicaCount: setting.maxReplicaCount ?? 100,
    scaleDownStabilizationS: setting.scaleDownStabilizationS ?? 300,
    workerStartS: setting.workerStartS ?? 30,
  };
  const problems: ConfigProblem[] = [];
  for (const [field, value] of Object.entries(full)) {
    const least = field === 'perWorker' || field === 'pollingIntervalS' || field === 'maxReplicaCount' ? 1 : 0;
    if (!Number.isSafeInteger(value) || value < least)
      problems.push({ field, value, rule: `must be an integer of at least ${least}` });
  }
  if (problems.length === 0 && full.minReplicaCount > full.maxReplicaCount)
    problems.push({ field: 'maxReplicaCount', value: full.maxReplicaCount, rule: 'must not be below minReplicaCount' });
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'scaling setting' });
  return full;
}

/** A worker of the simulation. */
interface Worker {
  readonly readyAtS: number;
  /** Ends of its tasks. */
  readonly tasks: number[];
  isLeaving: boolean;
}

/** The autoscaler of Kubernetes, as KEDA sets it up: an average value per worker. */
class Autoscaler {
  readonly #setting: Complete;
  readonly #advice: { readonly atS: number; readonly replicas: number }[] = [];
  #lastActiveS = Number.NEGATIVE_INFINITY;

  constructor(setting: Complete) {
    this.#setting = setting;
  }

  /** KEDA's own part: between none and some. */
  poll(nowS: number, load: number, replicas: number): number {
    const { cooldownPeriodS, minReplicaCount } = this.#setting;
    if (load > 0) {
      this.#lastActiveS = nowS;
      return Math.max(replicas, minReplicaCount, 1);
    }
    const isCool = nowS - this.#lastActiveS >= cooldownPeriodS;
    return minReplicaCount === 0 && isCool ? 0 : replicas;
  }

  /** Kubernetes' part: between one and the most. */
  sync(nowS: number, load: number, replicas: number): number {
    if (replicas === 0) {
      this.#advice.length = 0;
      return 0;
    }
    const { perWorker, minReplicaCount, maxReplicaCount, scaleDownStabilizationS } = this.#setting;
    const ratio = load / (perWorker * replicas);
    const wanted = Math.abs(1 - ratio) <= TOLERANCE ? replicas : Math.ceil(load / perWorker);
    this.#advice.push({ atS: nowS, replicas: wanted });
    while ((this.#advice[0]?.atS ?? nowS) < nowS - scaleDownStabilizationS) this.#advice.shift();
    const steady = wanted < replicas ? Math.max(...this.#advice.map((one) => one.replicas)) : wanted;
    // Up by at most double or four more in fifteen seconds, whichever is more; down without a limit.
    const reachable = Math.min(steady, Math.max(replicas * 2, replicas + 4));
    return Math.min(maxReplicaCount, Math.max(minReplicaCount, 1, reachable));
  }
}

/** Tasks of a record: when they were queued, and how long they worked. */
function tasksOf(records: readonly RunRecord[]): { readonly atS: number; readonly forS: number }[] {
  const tries = buildRunModel(records).tries.filter((one) => one.endedAt !== undefined && one.launchedAt !== undefined);
  const first = Math.min(...tries.map(({ queuedAt }) => queuedAt));
  return tries.map(({ queuedAt, launchedAt, runningAt, endedAt }) => ({
    atS: Math.floor((queuedAt - first) / 1_000),
    forS: Math.max(1, Math.ceil(((endedAt as number) - (runningAt ?? (launchedAt as number))) / 1_000)),
  }));
}

/**
 * Plays a recorded run with workers that KEDA scales: second by second, with its polling, cooldown and bounds, and with the autoscaler of
 * Kubernetes behind it (a look every 15 s, 10% tolerance, at most double or four more at a time, and looking back before it scales down).
 * Workers with tasks are taken away last and finish what they have.
 * @throws ConfigError where the setting is wrong, or the record holds no task that has ended.
 */
export function simulateScaling(records: readonly RunRecord[], setting: ScalingSetting): ScalingSimulation {
  const full = complete(setting);
  checkRecords(records);
  const tasks = tasksOf(records);
  if (tasks.length === 0)
    throw new ConfigError([{ field: 'records', rule: 'must hold at least one task that has ended' }], {
      subject: 'run',
    });
  const autoscaler = new Autoscaler(full);
  const workers: Worker[] = [];
  const waiting: { readonly atS: number; readonly forS: number }[] = [];
  const waits: number[] = [];
  const points: ScalingPoint[] = [];
  let [next, replicas, workedS, workerS, peak, endS] = [0, full.minReplicaCount, 0, 0, 0, 0];
  let running = 0;
  for (let index = 0; index < replicas; index += 1) workers.push({ readyAtS: 0, tasks: [], isLeaving: false });
  for (let nowS = 0; ; nowS += 1) {
    running = 0;
    for (const worker of workers) {
      const left = worker.tasks.filter((end) => end > nowS);
      worker.tasks.splice(0, worker.tasks.length, ...left);
      running += left.length;
    }
    for (let index = workers.length - 1; index >= 0; index -= 1)
      if (workers[index]?.isLeaving === true && workers[index]?.tasks.length === 0) workers.splice(index, 1);
    while (next < tasks.length && (tasks[next]?.atS ?? 0) <= nowS)
      waiting.push(tasks[next++] as (typeof tasks)[number]);
    const load = waiting.length + running;
    if (nowS % full.pollingIntervalS === 0) replicas = autoscaler.poll(nowS, load, replicas);
    if (nowS % HPA_SYNC_S === 0) replicas = autoscaler.sync(nowS, load, replicas);
    adjust(workers, replicas, nowS, full);
    for (const worker of workers)
      while (
        !worker.isLeaving &&
        worker.readyAtS <= nowS &&
        worker.tasks.length < full.perWorker &&
        waiting.length > 0
      ) {
        const task = waiting.shift() as (typeof tasks)[number];
        worker.tasks.push(nowS + task.forS);
        waits.push(nowS - task.atS);
        workedS += task.forS;
        running += 1;
        endS = Math.max(endS, nowS + task.forS);
      }
    workerS += workers.length;
    peak = Math.max(peak, workers.length);
    const ready = workers.filter(({ readyAtS }) => readyAtS <= nowS).length;
    const point = { atS: nowS, queued: waiting.length, running, replicas, ready };
    const last = points.at(-1);
    const isSame =
      last !== undefined &&
      (['queued', 'running', 'replicas', 'ready'] as const).every((name) => last[name] === point[name]);
    if (!isSame) points.push(point);
    const isOver = next >= tasks.length && waiting.length === 0 && running === 0;
    const isDown = workers.length <= full.minReplicaCount;
    if (isOver && (isDown || nowS - endS > TAIL_S)) break;
  }
  waits.sort((a, b) => a - b);
  return {
    points,
    tasks: tasks.length,
    durationS: endS,
    peakReplicas: peak,
    replicaHours: workerS / 3_600,
    utilization: workerS === 0 ? 0 : workedS / (workerS * full.perWorker),
    wait: {
      averageS: waits.reduce((sum, one) => sum + one, 0) / waits.length,
      p95S: waits[Math.min(waits.length - 1, Math.floor(waits.length * 0.95))] ?? 0,
      maxS: waits.at(-1) ?? 0,
    },
  };
}

/** Adds workers, or marks the least busy ones as leaving: deletion cost keeps those with tasks, drain lets them finish. */
function adjust(workers: Worker[], replicas: number, nowS: number, { workerStartS }: Complete): void {
  const staying = workers.filter(({ isLeaving }) => !isLeaving);
  for (let missing = replicas - staying.length; missing > 0; missing -= 1)
    workers.push({ readyAtS: nowS + workerStartS, tasks: [], isLeaving: false });
  const byWork = staying.sort((a, b) => a.tasks.length - b.tasks.length || b.readyAtS - a.readyAtS);
  for (const worker of byWork.slice(0, Math.max(0, staying.length - replicas))) worker.isLeaving = true;
}
