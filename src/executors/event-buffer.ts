/** Airflow's event buffer: the latest state of each task that the host has not fetched yet. */
import type { TaskEvent } from '../core/outcome.js';
import type { TaskInstanceKey } from '../core/task-key.js';
import type { TaskEntry } from './task-board.js';

/** The task that an entry is about; its own text of the key is used, since another copy of each is a tenth of a kilobyte. */
export type BufferedTask = Pick<TaskEntry, 'id' | 'key'>;

/** Keeps one entry per key; the oldest go when more than `limit` are waiting. */
export class EventBuffer {
  readonly #entries = new Map<string, { readonly key: TaskInstanceKey; readonly event: TaskEvent }>();
  readonly #limit: number;
  readonly #onOverflow: () => void;

  constructor(limit: number, onOverflow: () => void) {
    this.#limit = limit;
    this.#onOverflow = onOverflow;
  }

  set({ id, key }: BufferedTask, event: TaskEvent): void {
    this.#entries.delete(id);
    this.#entries.set(id, { key, event });
    if (this.#entries.size <= this.#limit) return;
    this.#entries.delete(this.#entries.keys().next().value as string);
    this.#onOverflow();
  }

  delete({ id }: BufferedTask): void {
    this.#entries.delete(id);
  }

  take(dagIds: readonly string[] | undefined): Map<TaskInstanceKey, TaskEvent> {
    const wanted = dagIds === undefined ? undefined : new Set(dagIds);
    const taken = new Map<TaskInstanceKey, TaskEvent>();
    for (const [id, { key, event }] of this.#entries) {
      if (wanted !== undefined && !wanted.has(key.dagId)) continue;
      taken.set(key, event);
      this.#entries.delete(id);
    }
    return taken;
  }
}
