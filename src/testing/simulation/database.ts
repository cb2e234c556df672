/** What the hosts of a simulation share and what outlives them: tasks, outcomes, and everything that went against a promise. */
import type { Outcome } from '../../core/outcome.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';

/** What a task of a simulation is like. */
export interface SimulatedTask {
  /** Identity of its try. */
  readonly key: TaskInstanceKey;
  /** How the scripted kubelet is to play its pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Whether somebody asked to cancel it. */
  isCancelled: boolean;
  /** Whether its end was ever a matter of the lost: it ran on a node that was lost. */
  isUncertain: boolean;
}

/** See the module's text. */
export class SimulatedDatabase {
  readonly tasks = new Map<string, SimulatedTask>();
  readonly outcomes = new Map<string, { readonly outcome: Outcome; readonly at: number }>();
  /** What went against a promise. */
  readonly faults: string[] = [];

  /** Stores the outcome of a try, as a host would on hearing of it. */
  store(outcome: Outcome, at: number): void {
    const id = keyToString(outcome.key);
    const before = this.outcomes.get(id)?.outcome;
    if (!this.tasks.has(id)) this.faults.push(`there is an outcome of ${id}, which nobody queued`);
    if (before === undefined) {
      this.outcomes.set(id, { outcome, at });
      return;
    }
    // A host that asked again too late is told that the task is not wanted any more; it changes nothing.
    const isRefusal = outcome.state === 'failed' && outcome.verdict.kind === 'cancelled' && outcome.ranAs === undefined;
    if (before.state !== outcome.state && !isRefusal)
      this.faults.push(`${id} was told ${describe(before)} first and ${describe(outcome)} later`);
  }

  /** Tasks without an outcome. */
  get open(): SimulatedTask[] {
    return [...this.tasks.values()].filter(({ key }) => !this.outcomes.has(keyToString(key)));
  }
}

const describe = (outcome: Outcome) => (outcome.state === 'success' ? 'success' : `failed (${outcome.verdict.kind})`);
