/** Logs of tasks that are pods. */
import type { Clock } from '../../core/clock.js';
import type { LogLine, Outcome, QueuedTask, RunLogOptions } from '../../core/outcome.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { followLog } from '../../kube/log-follower.js';
import { baseContainerName } from '../../lifecycle/observation.js';
import { makeSafeLabelValue } from '../../pod/names.js';
import { LABELS, MANAGED_BY } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import type { TaskLog } from '../executor.js';
import { launchOf, taskOfPod } from './adoption.js';
import type { PodTrack, PodTrackTable } from './pod-track.js';

/** What {@link PodLogs} works with. */
export interface PodLogsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly tracks: PodTrackTable;
}

/** How long a finished pod waits for those who read its log. */
const READERS_LIMIT_MS = 30_000;
const TASK_LOG_LINES = 1_000;
/** How often a reader looks whether its pod has come into being. */
const STARTED_CHECK_MS = 200;

/** Reads and follows logs, and knows who is still reading. */
export class PodLogs {
  readonly #options: PodLogsOptions;
  readonly #readers = new Map<string, Set<Promise<void>>>();

  constructor(options: PodLogsOptions) {
    this.#options = options;
  }

  /** Resolves when all readers of a task's log are through, or have had time enough. */
  async read({ id }: PodTrack): Promise<void> {
    const readers = this.#readers.get(id);
    if (readers === undefined) return;
    const limit = new AbortController();
    const { clock } = this.#options;
    await Promise.race([
      Promise.allSettled([...readers]),
      clock.delay(READERS_LIMIT_MS, { signal: limit.signal }).catch(() => {}),
    ]);
    limit.abort();
  }

  /** Follows the log of a task's pod, from its start to its end. The pod is kept until the reader is through. */
  async *follow(
    task: QueuedTask,
    { signal, follow = true, tailLines }: RunLogOptions,
    outcome: Promise<Outcome> | undefined,
  ): AsyncGenerator<LogLine> {
    const id = keyToString(task.key);
    let done = () => {};
    const reading = new Promise<void>((resolve) => {
      done = resolve;
    });
    const readers = this.#readers.get(id) ?? new Set();
    this.#readers.set(id, readers.add(reading));
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const pod = await this.#podOf(id, outcome, stop.signal);
      if (pod === undefined) return;
      yield* followLog(this.#options.client, {
        ...pod,
        follow,
        tailLines,
        clock: this.#options.clock,
        signal: stop.signal,
      });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      stop.abort();
      readers.delete(reading);
      if (readers.size === 0) this.#readers.delete(id);
      done();
    }
  }

  /** The log of a task's newest pod, if there is one. */
  async getTaskLog(key: TaskInstanceKey, namespace: string | undefined): Promise<TaskLog> {
    const { client, clock } = this.#options;
    try {
      const pod = await this.#newestPod(key, namespace);
      if (pod === undefined)
        return { messages: ['There is no pod of this task; it may have been deleted after its end.'], lines: [] };
      const container = baseContainerName(pod);
      const lines: LogLine[] = [];
      const options = {
        namespace: pod.metadata?.namespace ?? '',
        pod: pod.metadata?.name ?? '',
        container,
        follow: false,
        tailLines: TASK_LOG_LINES,
        clock,
      };
      for await (const line of followLog(client, options)) lines.push(line);
      return { messages: [`The last ${TASK_LOG_LINES} lines at most of container ${container}.`], lines };
    } catch (error) {
      return {
        messages: [`The log could not be read: ${error instanceof Error ? error.message : String(error)}`],
        lines: [],
      };
    }
  }

  async #newestPod(key: TaskInstanceKey, namespace: string | undefined): Promise<Pod | undefined> {
    const labels = [
      `${LABELS.managedBy}=${MANAGED_BY}`,
      `${LABELS.dagId}=${makeSafeLabelValue(key.dagId)}`,
      `${LABELS.taskId}=${makeSafeLabelValue(key.taskId)}`,
      `${LABELS.runId}=${makeSafeLabelValue(key.runId)}`,
      `${LABELS.tryNumber}=${key.tryNumber}`,
    ];
    const { items } = await this.#options.client.listPods({ namespace, labelSelector: labels.join(',') });
    const own = items.filter((pod) => {
      const task = taskOfPod(pod);
      return task !== undefined && keyToString(task.key) === keyToString(key);
    });
    return own.sort((a, b) => launchOf(b) - launchOf(a))[0];
  }

  /** Waits until a task's pod exists; `undefined` where the task ends without one. */
  async #podOf(
    id: string,
    outcome: Promise<Outcome> | undefined,
    signal: AbortSignal,
  ): Promise<{ namespace: string; pod: string; container: string | undefined } | undefined> {
    const ended = { ended: false };
    const end = outcome?.then(() => {
      ended.ended = true;
    });
    for (;;) {
      const seen = this.#options.tracks.get(id)?.seen;
      if (seen !== undefined) return { namespace: seen.namespace, pod: seen.name, container: seen.base?.name };
      if (ended.ended || outcome === undefined) return undefined;
      await Promise.race([end, this.#options.clock.delay(STARTED_CHECK_MS, { signal })]);
    }
  }
}
