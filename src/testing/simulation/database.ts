/** What the hosts of a simulation share and what outlives them: tasks, outcomes, and everything that went against a promise. */
import type { Outcome, Workload } from '../../core/outcome.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import type { PodOperation } from './operations.js';

/** What a task of a simulation is like. */
export interface SimulatedTask {
  /** Identity of its try. */
  readonly key: TaskInstanceKey;
  /** What hosts hand over. */
  readonly workload: Workload;
  /** How the scripted kubelet is to play its pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** What has befallen its pods. */
  readonly met: Set<PodOperation | 'node'>;
  /** When it was handed over first, on the cluster's clock. */
  readonly queuedAt: number;
  /** Whether somebody asked to cancel it. */
  isCancelled: boolean;
  /** Whether somebody asked to take it back. */
  isRevoked: boolean;
  /** When somebody asked for that last, on the cluster's clock. */
  revokedAt?: number;
  /** How often it was taken back in fact. */
  revokes: number;
  /** Ids of the hosts that were given it, also because it fell to another one when the first was taken for dead. */
  readonly givenTo: Set<string>;
  /** Whether more than one host was given it, or one after it had let go of it: one of them may be told to forget it while another is at work. */
  isShared: boolean;
  /** Whether it was cancelled before it was launched for the first time, so that it must have no pod. @default false */
  isForestalled?: boolean;
}

/** An outcome as it was stored. */
export interface ToldOutcome {
  readonly outcome: Outcome;
  readonly at: number;
  /** Id of the host that told it. */
  readonly by: string;
  /** Whether its pod still seemed to run: then what was told must be written down, and nothing that follows may change it. */
  readonly isUnproven: boolean;
}

/** See the module's text. */
export class SimulatedDatabase {
  readonly tasks = new Map<string, SimulatedTask>();
  readonly outcomes = new Map<string, ToldOutcome>();
  /** Pods that have done their work and could be seen to, by task. */
  readonly succeeded = new Map<string, { readonly name: string; readonly uid: string }>();
  readonly #hasLivePod: (id: string) => boolean;
  /** Until when a host was dead, frozen or cut off last. */
  readonly #troubledUntil = new Map<string, number>();
  /** Whether requests about secrets that are there ever failed: one may then wait for the sweep of a later run. */
  hasSecretFaults = false;
  /** What hosts ever lacked the right to do, as verbs. */
  readonly missingRights = new Set<string>();
  /** How many deletes of pods ever failed, or were to. */
  failedDeletes = 0;
  /** Whether a wire has ever been bad: whoever reads a log over it may be given up. */
  hasBadWires = false;
  /** Tasks whose acknowledgement was accepted by the only host, so that it must not tell of them again. */
  readonly acknowledged = new Set<string>();
  /** Whether a node has ever been lost; pods may have come to it later. */
  hasLostNodes = false;
  /** What went against a promise. */
  readonly faults: string[] = [];

  /** @param hasLivePod whether there is a pod of a task that has not ended. */
  constructor(hasLivePod: (id: string) => boolean) {
    this.#hasLivePod = hasLivePod;
  }

  /** A host can not, or could not, do what it wanted until then. */
  troubled(host: string, until: number): void {
    this.#troubledUntil.set(host, Math.max(until, this.#troubledUntil.get(host) ?? 0));
  }

  /** Stores the outcome of a try, as a host would on hearing of it. */
  store(outcome: Outcome, at: number, by: string, isUnproven: boolean): void {
    const id = keyToString(outcome.key);
    const told = this.outcomes.get(id);
    if (!this.tasks.has(id)) this.faults.push(`there is an outcome of ${id}, which nobody queued`);
    // Who may not write on a pod, or not look what has become of it first, leaves nothing there to be known by.
    const mayWrite = !this.missingRights.has('patch') && !this.missingRights.has('get');
    if (this.acknowledged.has(id) && mayWrite) this.faults.push(`${id} was told again, which had been acknowledged`);
    const now: ToldOutcome = { outcome, at, by, isUnproven };
    if (told === undefined) {
      this.outcomes.set(id, now);
      return;
    }
    const { outcome: before } = told;
    // A host that asked too late, or never came to launch it, is told that the task is not wanted any more; that decides nothing.
    const saysNothing = (one: Outcome) => isRefusal(one, told.by !== by);
    if (saysNothing(outcome)) return;
    // Where a host could not finish its cleanup, the next one finds less than it saw, and may call a failure by another name.
    const troubledUntil = this.#troubledUntil.get(told.by) ?? 0;
    const isCleanedUp = told.by !== by && troubledUntil < told.at;
    const mustBeSame = mayWrite && !saysNothing(before) && (told.isUnproven || isCleanedUp);
    const task = this.tasks.get(id);
    const mayBeAtWorkElsewhere = told.by !== by || task?.isShared === true || (task?.givenTo.size ?? 0) > 1;
    // What could not be written on the pod is known to nobody when its host goes before it could make up for that.
    const isForgotten = !mayWrite && troubledUntil > told.at;
    if ((saysNothing(before) && mayBeAtWorkElsewhere) || isForgotten) this.outcomes.set(id, now);
    else if (mustBeSame ? describe(before) !== describe(outcome) : before.state !== outcome.state)
      this.faults.push(`${id} was told ${describe(before)} first and ${describe(outcome)} later`);
  }

  /** Whether a pod of a task has not ended. */
  mayRun(key: TaskInstanceKey): boolean {
    return this.#hasLivePod(keyToString(key));
  }

  /** Tasks without an outcome. */
  get open(): SimulatedTask[] {
    return [...this.tasks].flatMap(([id, task]) => (this.outcomes.has(id) ? [] : [task]));
  }
}

/**
 * The word of a host that never launched the task, or has refused it: it says nothing about what others make of it. Where there are others, so is that of
 * a host that had no right to make a pod, or its Secret: another one may have it by then, and no pod tells that one of it.
 */
export function isRefusal(outcome: Outcome, hasOthers = false): boolean {
  if (outcome.state === 'success') return false;
  const { kind, message } = outcome.verdict;
  const isSecretRefused = kind === 'launch_failed' && message.startsWith('The Secret of the pod');
  if (hasOthers && (kind === 'rejected_by_api' || isSecretRefused)) return true;
  if (kind === 'deadline.queued') return true;
  return kind === 'cancelled' && (outcome.ranAs === undefined || message.includes('not wanted any more'));
}

const describe = (outcome: Outcome) => (outcome.state === 'success' ? 'success' : `failed (${outcome.verdict.kind})`);
