/** What decisions about pods depend on besides the pods: limits, budgets and rules. */
import type { TimeoutsMs } from '../core/timeouts.js';
import type { VerdictKind } from '../core/verdict.js';
import type { RetryRule } from './retry-rules.js';

/** Limits of waits, all in milliseconds; `Infinity` for none. */
export interface LifecycleClocks {
  /** Held back by scheduling gates. */
  readonly gatedMs: number;
  /** Without a node, whatever the scheduler says. */
  readonly unschedulableMs: number;
  /** Pulling images, the trouble that heals by itself included. */
  readonly pullingMs: number;
  /** On a node, but not running, and not pulling as far as can be seen. */
  readonly startingMs: number;
  /** In a state that seldom heals by itself (a missing secret, an image that does not exist). */
  readonly brokenMs: number;
  /** Running. */
  readonly runningMs: number;
  /** Marked for deletion and still there, or its node silent: after this the node counts as lost. */
  readonly terminatingMs: number;
}

/** How many more launches a try may use, by what ended the one before. */
export interface LaunchBudgets {
  /** For faults of the infrastructure, and launches whose main container never started. */
  readonly infra: number;
  /** For out-of-memory. */
  readonly oom: number;
  /** For failures of the task itself. */
  readonly task: number;
}

/** Launches already spent. */
export type SpentLaunches = LaunchBudgets;

/** Rules of an executor about its pods. */
export interface LifecyclePolicy {
  /** Limits of waits. */
  readonly clocks: LifecycleClocks;
  /** Launches that each kind of end may cost. */
  readonly budgets: LaunchBudgets;
  /** Most launches of one try, whatever rules and budgets say. */
  readonly maxLaunches: number;
  /** Rules that come before the budgets; the first that fits counts. */
  readonly rules: readonly RetryRule[];
  /** Waiting reasons of containers that end the launch at once. */
  readonly fatalReasons: ReadonlySet<string>;
  /** What a container beside the base container that has failed means while the base container runs. */
  readonly sidecarFailure: 'warn' | 'fail';
  /** Whether exit code 0 with reason OOMKilled is a success. */
  readonly isOomWithExitZeroSuccess: boolean;
}

/** Waiting reasons that are final at once: waiting longer cannot heal them. */
export const HOPELESS_REASONS: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull']);

/** Defaults of {@link LifecyclePolicy}. */
export const DEFAULT_POLICY: LifecyclePolicy = Object.freeze({
  clocks: Object.freeze({
    gatedMs: Number.POSITIVE_INFINITY,
    unschedulableMs: 600_000,
    pullingMs: 600_000,
    startingMs: 600_000,
    brokenMs: 60_000,
    runningMs: Number.POSITIVE_INFINITY,
    terminatingMs: 300_000,
  }),
  budgets: Object.freeze({ infra: 3, oom: 0, task: 0 }),
  maxLaunches: 100,
  rules: Object.freeze([]),
  fatalReasons: HOPELESS_REASONS,
  sidecarFailure: 'warn',
  isOomWithExitZeroSuccess: false,
});

/** Nothing spent. */
export const NOTHING_SPENT: SpentLaunches = Object.freeze({ infra: 0, oom: 0, task: 0 });

/** Kinds that another launch would not change, whoever is to blame: the next pod would be the same, and meet the same. */
export const FINAL_KINDS: ReadonlySet<VerdictKind> = new Set([
  'cancelled',
  'deadline.queued',
  'deadline.running',
  'invalid_workload',
  'namespace_terminating',
  'quota.impossible',
  'rejected_by_api',
  'unschedulable.resources',
  'unschedulable.affinity',
  'unschedulable.taint',
  'unschedulable.volume',
  'unschedulable.other',
]);

/** Clocks with some limits of their own. */
export function withTimeouts(clocks: LifecycleClocks, timeouts: TimeoutsMs | undefined): LifecycleClocks {
  if (timeouts === undefined) return clocks;
  const { gated, unschedulable, pulling, starting, broken, running, terminating } = timeouts;
  return {
    gatedMs: gated ?? clocks.gatedMs,
    unschedulableMs: unschedulable ?? clocks.unschedulableMs,
    pullingMs: pulling ?? clocks.pullingMs,
    startingMs: starting ?? clocks.startingMs,
    brokenMs: broken ?? clocks.brokenMs,
    runningMs: running ?? clocks.runningMs,
    terminatingMs: terminating ?? clocks.terminatingMs,
  };
}
