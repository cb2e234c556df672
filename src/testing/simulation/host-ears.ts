/** All the ways by which a host can hear of an outcome: its run, the stream, the event buffer and the event must tell the same. */
import type { Outcome, TaskRun } from '../../core/outcome.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import type { Executor } from '../../executors/executor.js';

interface Waiting {
  readonly priority: number;
  readonly key: TaskInstanceKey;
}

/** Listens for one life of a host. */
export class HostEars {
  readonly #executor: Executor;
  readonly #emitted = new Map<string, Outcome>();
  readonly #streamed = new Map<string, Outcome>();
  readonly #buffered = new Map<string, Outcome>();
  readonly #runs = new Map<string, Set<Outcome | undefined>>();
  readonly #queued = new Map<string, Waiting>();
  /** What was heard that should not have been. */
  readonly faults: string[] = [];

  constructor(executor: Executor) {
    this.#executor = executor;
    executor.on('outcome', (outcome) => this.#emitted.set(keyToString(outcome.key), outcome));
    executor.on('task:launched', ({ key }) => this.#launched(key));
    void this.#listen(executor.outcomes());
  }

  /** Takes in a run that the host was handed. */
  keep(run: TaskRun, priority: number): void {
    const id = keyToString(run.key);
    if (run.state === 'queued') this.#queued.set(id, { key: run.key, priority });
    const runs = this.#runs.get(id) ?? new Set();
    this.#runs.set(id, runs);
    void run.outcome.then((outcome) => runs.add(outcome));
  }

  /** Takes what the event buffer holds. */
  takeBuffer(): void {
    for (const [key, { outcome, state }] of this.#executor.getEventBuffer())
      if (outcome !== undefined) this.#takeOnce(keyToString(key), outcome);
      else if (state === 'success' || state === 'failed')
        this.faults.push(`${keyToString(key)} ended without an outcome`);
  }

  #takeOnce(id: string, outcome: Outcome): void {
    if (this.#buffered.has(id)) this.faults.push(`the event buffer told of ${id} twice`);
    this.#buffered.set(id, outcome);
  }

  /** What is not the same by all ways, once the executor has ended. */
  compare(): string[] {
    this.takeBuffer();
    const ways = { stream: this.#streamed, 'event buffer': this.#buffered };
    for (const [id, outcome] of this.#emitted) {
      for (const [way, heard] of Object.entries(ways))
        if (heard.get(id) !== outcome) this.faults.push(`the outcome of ${id} did not come by the ${way}`);
      const runs = this.#runs.get(id);
      // The run of a task that was handed over has ended as cancelled; the outcome is that of the pod that came back.
      if (runs?.size === 0) this.faults.push(`the run of ${id} does not have its outcome`);
    }
    for (const [way, heard] of Object.entries(ways))
      for (const id of heard.keys())
        if (!this.#emitted.has(id)) this.faults.push(`the ${way} told of ${id}, and no event did`);
    return this.faults;
  }

  async #listen(stream: AsyncIterable<Outcome>): Promise<void> {
    for await (const outcome of stream) {
      const id = keyToString(outcome.key);
      if (this.#streamed.has(id)) this.faults.push(`the stream told of ${id} twice`);
      this.#streamed.set(id, outcome);
    }
  }

  /** Whoever is launched had the highest priority of those that waited. */
  #launched(key: TaskInstanceKey): void {
    const id = keyToString(key);
    const launched = this.#queued.get(id);
    this.#queued.delete(id);
    if (launched === undefined) return;
    for (const [other, waiting] of this.#queued) {
      if (this.#executor.getRun(waiting.key)?.state !== 'queued') this.#queued.delete(other);
      else if (waiting.priority > launched.priority)
        this.faults.push(`${id} was launched before ${other}, which has the higher priority`);
    }
  }
}
