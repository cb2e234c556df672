/** Runs simulations: the same seed gives the same run, and a run that breaks a promise is shrunk to what it takes. */
import type { Workload } from '../../core/outcome.js';
import { type Random, seededRandom } from '../../core/random.js';
import { FakeCluster } from '../fake-cluster.js';
import type { SimulatedExecutor, SimulatedHostContext } from './host.js';
import { drawMix, drawOperations, EVEN_MIX, type Operation } from './operations.js';
import { World } from './world.js';

/** One thing that happened in a simulation: plain data, to be stored and given back, and for nobody to read anything into. */
export interface SimulatedOperation {
  /** Kind of what happens. */
  readonly type: string;
}

/** Options of {@link simulate}. */
export interface SimulationOptions {
  /** Where all chance comes from. */
  readonly seed: number;
  /** After how many steps the faults end; a step is one message, timer or fault. @default 500 */
  readonly steps?: number | undefined;
  /** How many hosts share the work. @default 1 */
  readonly hosts?: number | undefined;
  /**
   * Whether what a host has sent may still arrive after its death. An executor survives that only where it holds the names of its pods for a
   * while after their outcome (`lease`).
   * @default true
   */
  readonly lateWrites?: boolean | undefined;
  /**
   * Whether the executor launches again although a pod on a lost node may still run (`nodeLostFence`). Such pods then do not count as live.
   * @default false
   */
  readonly fencesLostNodes?: boolean | undefined;
  /** How long after the loss of its node a pod may be removed by force, in milliseconds; `Infinity` for never. @default nobody looks */
  readonly fenceMs?: number | undefined;
  /** Whether executors tell `tookLog` of each pod whose log they have taken, which they promise to do before it goes. @default false */
  readonly takesLogs?: boolean | undefined;
  /**
   * How many more launches a try takes before it fails because its pod was evicted, preempted or shut down with its node, how many it may take
   * in all, and for how long each of them goes on trying to make its pod. @default nobody looks
   */
  readonly launches?:
    | {
        /** More launches that faults of the infrastructure may cost. */
        readonly infra: number;
        /** Launches in all. */
        readonly most: number;
        /** Attempts to create its pod, in a row, before a launch fails for what is wrong with the server. @default 1 */
        readonly attempts?: number | undefined;
        /** How long a launch waits for a full quota, in milliseconds. @default 0 */
        readonly quotaMs?: number | undefined;
      }
    | undefined;
  /**
   * How long the pods of failed tasks are kept, in milliseconds after their end, and how many of them. Looked at where one host alone keeps them, and
   * `lateWrites` is off. @default nobody looks
   */
  readonly keepsFailed?:
    | {
        /** Milliseconds after the end of a pod. */
        readonly forMs: number;
        /** Only the last so many. */
        readonly last: number;
      }
    | undefined;
  /**
   * The longest that a host takes to store an outcome, in milliseconds: it may die before, and the next life must be told again. Right for
   * executors that keep a pod until its outcome was acknowledged. @default 0
   */
  readonly slowStoreMs?: number | undefined;
  /** How far the wall clocks of hosts may be from the cluster's, in milliseconds. @default 0 */
  readonly skewMs?: number | undefined;
  /** Whether hosts that are frozen are machines that sleep, monotonic clock and all, rather than processes that are stopped. @default false */
  readonly sleeps?: boolean | undefined;
  /** Changes what hosts hand over for a task: priority, limits, executor config. The annotations in its executor config say what it does, and stay. */
  readonly vary?: ((workload: Workload, random: Random) => Workload) | undefined;
  /**
   * Makes the executor of one life of a host. It must drive itself, acknowledge by hand or at once, and use the client, clock and source of
   * chance that it is given.
   */
  readonly createExecutor: (context: SimulatedHostContext) => SimulatedExecutor;
  /**
   * Whether seeds differ in what may happen (`varied`: some kinds of events often, others never), which finds more, or everything may happen in
   * each of them (`even`).
   * @default 'varied'
   */
  readonly mix?: 'varied' | 'even' | undefined;
  /** What happens, instead of what the seed would draw; a shrunk history, for example. */
  readonly operations?: readonly SimulatedOperation[] | undefined;
}

/** How a simulation went. */
export interface SimulationResult {
  /** Its seed. */
  readonly seed: number;
  /** What went against the promises; empty where all held. */
  readonly faults: readonly string[];
  /** What was done, in order: give it back as `operations` to do it again. */
  readonly operations: readonly SimulatedOperation[];
  /** The same for people. */
  readonly story: readonly string[];
  /** How many tasks ended, by kind of end. */
  readonly ends: Readonly<Record<string, number>>;
  /** Messages, timers and faults in all. */
  readonly steps: number;
}

const DEFAULT_STEPS = 500;
const NODES = 3;

/**
 * Runs one simulation: hosts with your executor on the embedded cluster with a virtual clock, while requests fail, answers get lost or come
 * late or never, watches break and go silent, nodes are lost, pods evicted, quotas full, and hosts killed, frozen and cut off. After each step and at
 * the end the promises are checked: one outcome per try, at most one live pod of it, none after its outcome, no slot, pod, lease or secret
 * left behind, an end to every wait, and a bound on requests.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, steps = DEFAULT_STEPS, hosts = 1, createExecutor } = options;
  const { lateWrites = true, fencesLostNodes = false, fenceMs, mix = 'varied', takesLogs = false, vary } = options;
  const {
    launches = { infra: 0, most: Number.POSITIVE_INFINITY },
    slowStoreMs = 0,
    skewMs = 0,
    sleeps = false,
    keepsFailed,
  } = options;
  const cluster = await FakeCluster.start({ seed, clock: 'virtual', kubelet: 'scripted', nodes: NODES });
  const done: Operation[] = [];
  try {
    const world = new World({
      cluster,
      random: seededRandom(seed),
      hosts,
      lateWrites,
      fencesLostNodes,
      fenceMs,
      takesLogs,
      launches,
      keeps: keepsFailed,
      habits: { slowStoreMs, skewMs, sleeps, listens: mix === 'varied' },
      createExecutor,
      workloadOf: (index, annotations) => {
        const key = { dagId: 'd', taskId: `t${index}`, runId: 'r' };
        const plain: Workload = { key, command: ['x'], executorConfig: { annotations } };
        return vary?.(plain, seededRandom((seed ^ 0x7a5c) + index * 7_919)) ?? plain;
      },
    });
    await world.begin();
    const given = options.operations as readonly Operation[] | undefined;
    const drawn = mix === 'even' ? EVEN_MIX : drawMix(seededRandom(seed ^ 0x3175), hosts);
    for (const operation of given ?? drawOperations(seededRandom(seed ^ 0x5eed), hosts, drawn)) {
      if (world.database.faults.length > 0 || (options.operations === undefined && world.steps >= steps)) break;
      done.push(operation);
      await world.carryOut(operation);
    }
    if (world.database.faults.length === 0) await world.finish();
    const ends: Record<string, number> = {};
    for (const { outcome } of world.database.outcomes.values()) {
      const end = outcome.state === 'success' ? 'success' : outcome.verdict.kind;
      ends[end] = (ends[end] ?? 0) + 1;
    }
    const { faults } = world.database;
    return { seed, faults, operations: done, story: world.log, ends, steps: world.steps };
  } finally {
    await cluster.stop();
  }
}

/**
 * Leaves out of a history that broke a promise whatever it does not take, and resolves with the shortest run that was found to break one still.
 * @param result a result of the same options that has faults.
 */
export async function shrink(options: SimulationOptions, result: SimulationResult): Promise<SimulationResult> {
  let best = result;
  for (let size = Math.ceil(best.operations.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < best.operations.length; ) {
      const operations = best.operations.filter((_, index) => index < start || index >= start + size);
      const run = await simulate({ ...options, operations });
      if (run.faults.length > 0) best = run;
      else start += size;
    }
  }
  return best;
}
