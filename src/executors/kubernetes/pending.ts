/** Why a task waits, for people and for hosts that show it. */
import { limitOf, type WaitClock } from '../../lifecycle/waiting.js';
import type { PodTrack } from './pod-track.js';

/** What a task waits for. */
export interface PendingReason {
  /** One line for people, for example `unschedulable for 42 s: of 3 nodes, 3 short of memory`. */
  readonly summary: string;
  /** What it waits for: a slot, the quota or the API (`launch`), or the clock of its pod's phase. */
  readonly phase: 'queued' | 'launch' | WaitClock;
  /** Milliseconds that it has waited for this. */
  readonly sinceMs: number;
  /** Milliseconds after which it fails, counted from the same moment; `undefined` where there is no limit. */
  readonly limitMs: number | undefined;
}

const finite = (ms: number | undefined) => (ms === undefined || ms === Number.POSITIVE_INFINITY ? undefined : ms);
const seconds = (ms: number) => `${Math.round(ms / 1_000)} s`;

/** A task that has no slot yet. */
export function pendingInQueue(sinceMs: number, limitMs: number | undefined): PendingReason {
  return {
    summary: `waiting for a free slot for ${seconds(sinceMs)}`,
    phase: 'queued',
    sinceMs,
    limitMs: finite(limitMs),
  };
}

/** A task that has a slot, or `undefined` where it does not wait. */
export function pendingOf({ launchWait, record, policy, scaleUps }: PodTrack, now: number): PendingReason | undefined {
  if (launchWait !== undefined) {
    const sinceMs = now - launchWait.since;
    const summary = `not created for ${seconds(sinceMs)}: ${launchWait.reason}`;
    return { summary, phase: 'launch', sinceMs, limitMs: undefined };
  }
  const { waiting } = record;
  if (waiting === undefined) return undefined;
  const { clock, text, since } = waiting;
  const sinceMs = now - since;
  const limitMs = finite(limitOf(clock, policy.clocks));
  const prefix = 'unschedulable: ';
  if (!text.startsWith(prefix)) return { summary: `${text}, for ${seconds(sinceMs)}`, phase: clock, sinceMs, limitMs };
  const helped = scaleUps.size > 0 ? '; an autoscaler is adding a node' : '';
  const summary = `unschedulable for ${seconds(sinceMs)}: ${text.slice(prefix.length)}${helped}`;
  return { summary, phase: clock, sinceMs, limitMs };
}
