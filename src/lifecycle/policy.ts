/** What decisions about pods depend on besides the pods: limits and budgets. */
import type { VerdictKind } from '../core/verdict.js';

/** Limits of waits, all in milliseconds. */
export interface LifecycleClocks {
  /** Without a node, whatever the scheduler says. */
  readonly unschedulableMs: number;
  /** On a node, but not running: pulling and starting. */
  readonly startingMs: number;
  /** In a state that seldom heals by itself (a missing secret, an image that cannot be pulled). */
  readonly brokenMs: number;
  /** Running; `undefined` for no limit. */
  readonly runningMs: number | undefined;
  /** Marked for deletion and still there: after this its node counts as lost. */
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
  /** Whether exit code 0 with reason OOMKilled is a success. */
  readonly isOomWithExitZeroSuccess: boolean;
}

/** Defaults of {@link LifecyclePolicy}. */
export const DEFAULT_POLICY: LifecyclePolicy = Object.freeze({
  /** Limits of waits. */
  clocks: Object.freeze({
    unschedulableMs: 600_000,
    startingMs: 600_000,
    brokenMs: 60_000,
    runningMs: undefined,
    terminatingMs: 300_000,
  }),
  /** Launches that each kind of end may cost. */
  budgets: Object.freeze({ infra: 3, oom: 0, task: 0 }),
  isOomWithExitZeroSuccess: false,
});

/** Nothing spent. */
export const NOTHING_SPENT: SpentLaunches = Object.freeze({ infra: 0, oom: 0, task: 0 });

/** Reasons that are final at once: waiting longer cannot heal them. */
export const HOPELESS_REASONS: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull']);

/** Kinds that are never worth another launch, whoever is to blame. */
export const FINAL_KINDS: ReadonlySet<VerdictKind> = new Set([
  'cancelled',
  'deadline.queued',
  'deadline.running',
  'invalid_workload',
  'namespace_terminating',
  'quota.impossible',
  'rejected_by_api',
]);
