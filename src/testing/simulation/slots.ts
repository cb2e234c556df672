/** Whether hosts have as much under way as they say: no slot is held for nothing, nothing runs without one, and nothing waits for one too long. */
import type { Pod } from '../../wire/types.js';
import type { SimulatedDatabase } from './database.js';
import type { SimulatedHost } from './host.js';
import { isAtWork, isLive, keyOf, taskIdOf } from './invariants.js';

/** How long after it was made the pod of a task that is hosted may be unknown. */
const UNKNOWN_MS = 60_000;

/** What {@link checkSlots} looks at besides hosts and pods. */
export interface SlotContext {
  readonly now: number;
  /** Whether any host has had a life before its present one. */
  readonly hasRestarts: boolean;
}

/** Adds a fault for each host whose slots and tasks do not fit together. */
export function checkSlots(
  hosts: readonly SimulatedHost[],
  pods: readonly Pod[],
  database: SimulatedDatabase,
  { now, hasRestarts }: SlotContext,
): void {
  const { faults, tasks, outcomes, hasLostNodes } = database;
  for (const { executor, isAlive, id, overdue } of hosts) {
    if (!isAlive) continue;
    for (const task of overdue) faults.push(`${task} still waits on ${id}, which is to have given it up`);
    const { slotsOccupied } = executor;
    if (slotsOccupied === 0) continue;
    let held = 0;
    for (const { key } of tasks.values()) {
      if (executor.hasTask(key)) held += 1;
      if (held >= slotsOccupied) break;
    }
    if (slotsOccupied > held) faults.push(`host ${id} holds ${slotsOccupied} slots for ${held} tasks`);
  }
  const [only] = hosts;
  if (hosts.length > 1 || only === undefined || hasLostNodes) return;
  const { executor, isAlive, isStarted } = only;
  // What was found ended needs no slot, and what is at work can not have been.
  const isExcused = (pod: Pod) => {
    const task = tasks.get(taskIdOf(pod));
    const isOld = now - Date.parse(pod.metadata?.creationTimestamp ?? '') > UNKNOWN_MS;
    if (!isOld) return true;
    return task === undefined || task.isCancelled || task.isRevoked || outcomes.has(taskIdOf(pod));
  };
  const working = pods.filter(
    (pod) =>
      isAtWork(pod) && pod.metadata?.deletionTimestamp === undefined && !isExcused(pod) && executor.hasTask(keyOf(pod)),
  );
  if (isAlive && isStarted && working.length > executor.slotsOccupied)
    faults.push(`${working.length} pods are at work for ${only.id}, which says that it has ${executor.slotsOccupied}`);
  // Who takes over what others have begun, or cannot prove the end of what it has given up, may have more under way than it has slots.
  if (hasRestarts) return;
  const live = pods.filter((pod) => isLive(pod) && executor.hasTask(keyOf(pod)));
  if (live.length > executor.parallelism)
    faults.push(`${live.length} pods run at a time, and there are ${executor.parallelism} slots`);
}
