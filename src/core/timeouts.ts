/** Limits on the phases of one task, as hosts write them and as executors keep them. */
import type { ConfigProblem } from '../errors.js';
import { type Duration, parseDuration } from './duration.js';

/** The phases of a task that have a limit. */
export const TIMEOUT_PHASES = [
  'queued',
  'gated',
  'unschedulable',
  'pulling',
  'starting',
  'broken',
  'running',
  'terminating',
] as const;

/** A phase of a task that has a limit. */
export type TimeoutPhase = (typeof TIMEOUT_PHASES)[number];

/**
 * Limits on the phases of a task. What a workload leaves out is the executor's. A local process knows only `queued` and `running`.
 * The word `none` means no limit.
 */
export interface TaskTimeouts {
  /** Waiting for a slot; verdict `deadline.queued`. */
  readonly queued?: Duration | 'none' | undefined;
  /** Held back by scheduling gates, for example by Kueue; verdict `deadline.pending`. */
  readonly gated?: Duration | 'none' | undefined;
  /** Without a node; verdict `unschedulable.*`. */
  readonly unschedulable?: Duration | 'none' | undefined;
  /** Pulling images, and trying again where a registry is slow, limits pulls or cannot be reached; verdict `deadline.pending` or `image_pull.*`. */
  readonly pulling?: Duration | 'none' | undefined;
  /** On a node, but not running: volumes, sandbox, containers; verdict `deadline.pending`. */
  readonly starting?: Duration | 'none' | undefined;
  /** In a state that seldom heals: a missing secret, an image that does not exist; verdict by its kind. */
  readonly broken?: Duration | 'none' | undefined;
  /** Running; verdict `deadline.running`. */
  readonly running?: Duration | 'none' | undefined;
  /** Marked for deletion and still there, or its node silent; verdict `node_lost`. */
  readonly terminating?: Duration | 'none' | undefined;
}

/** {@link TaskTimeouts} in milliseconds; `Infinity` for no limit. What is left out is the executor's. */
export type TimeoutsMs = Partial<Readonly<Record<TimeoutPhase, number>>>;

const PHASES: ReadonlySet<string> = new Set(TIMEOUT_PHASES);

/** Reads limits; problems are added to the list. */
export function readTimeouts(value: unknown, field: string, problems: ConfigProblem[]): TimeoutsMs | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push({ field, value, rule: 'must be an object', hint: `its keys are ${TIMEOUT_PHASES.join(', ')}` });
    return undefined;
  }
  const limits: Partial<Record<TimeoutPhase, number>> = {};
  for (const [phase, limit] of Object.entries(value)) {
    const at = `${field}.${phase}`;
    if (!PHASES.has(phase)) {
      problems.push({ field: at, rule: 'is not a phase with a limit', hint: `known are ${TIMEOUT_PHASES.join(', ')}` });
      continue;
    }
    if (limit === undefined) continue;
    const ms = limit === 'none' ? Number.POSITIVE_INFINITY : parseDuration(limit);
    if (ms === undefined || ms === 0)
      problems.push({ field: at, value: limit, rule: 'must be a duration above 0, such as "30s", or "none"' });
    else limits[phase as TimeoutPhase] = ms;
  }
  return limits;
}
