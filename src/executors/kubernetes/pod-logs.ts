/** Logs of tasks that are pods. */
import type { Clock } from '../../core/clock.js';
import { linkedAbort } from '../../core/linked-abort.js';
import type { LogLine, Outcome, QueuedTask, RunLogOptions } from '../../core/outcome.js';
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import { waitWithin } from '../../core/within.js';
import { eachPodIn, type Namespaces } from '../../kube/each-pod.js';
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

/** Reads and follows logs, and knows who is still reading. */
export class PodLogs {
  readonly #options: PodLogsOptions;
  readonly #readers = new Map<string, Set<Promise<void>>>();
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(options: PodLogsOptions) {
    this.#options = options;
  }

  /** Resolves when all readers of a task's log are through, or have had time enough. */
  async read({ id }: PodTrack): Promise<void> {
    const readers = this.#readers.get(id);
    if (readers === undefined) return;
    await waitWithin(this.#options.clock, READERS_LIMIT_MS, Promise.allSettled([...readers]));
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
    const stop = linkedAbort(signal);
    try {
      const { clock, client } = this.#options;
      // Each launch of the try has a pod of its own; the log goes on with the next one.
      for (let previous: PodAddress | undefined; ; ) {
        const pod = await this.#nextPod(id, previous, outcome, stop.signal);
        if (pod === undefined) return;
        previous = pod;
        const { namespace, name, container } = pod;
        yield* followLog(client, { namespace, pod: name, container, follow, tailLines, clock, signal: stop.signal });
        if (!follow) return;
      }
    } finally {
      stop.unlink();
      stop.abort();
      readers.delete(reading);
      if (readers.size === 0) this.#readers.delete(id);
      done();
    }
  }

  /** The log of a task's newest pod, if there is one. */
  async getTaskLog(key: TaskInstanceKey, namespaces: Namespaces): Promise<TaskLog> {
    const { client, clock } = this.#options;
    try {
      const pod = await this.#newestPod(key, namespaces);
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

  async #newestPod(key: TaskInstanceKey, namespaces: Namespaces): Promise<Pod | undefined> {
    const labels = [
      `${LABELS.managedBy}=${MANAGED_BY}`,
      `${LABELS.dagId}=${makeSafeLabelValue(key.dagId)}`,
      `${LABELS.taskId}=${makeSafeLabelValue(key.taskId)}`,
      `${LABELS.runId}=${makeSafeLabelValue(key.runId)}`,
      `${LABELS.tryNumber}=${key.tryNumber}`,
    ];
    const own: Pod[] = [];
    for await (const pod of eachPodIn(this.#options.client, namespaces, { labelSelector: labels.join(',') })) {
      const task = taskOfPod(pod);
      if (task !== undefined && keyToString(task.key) === keyToString(key)) own.push(pod);
    }
    return own.sort((a, b) => launchOf(b) - launchOf(a))[0];
  }

  /** A pod of a task was seen for the first time. */
  seen(track: PodTrack): void {
    for (const tell of [...(this.#waiting.get(track.id) ?? [])]) tell();
  }

  /** Waits for a pod of a task other than the previous one; `undefined` where the task ends without another. */
  async #nextPod(
    id: string,
    previous: PodAddress | undefined,
    outcome: Promise<Outcome> | undefined,
    signal: AbortSignal,
  ): Promise<PodAddress | undefined> {
    for (;;) {
      const { seen } = this.#options.tracks.get(id) ?? {};
      // Launches may have one name.
      if (seen !== undefined && seen.uid !== previous?.uid) {
        const { namespace, name, uid } = seen;
        return { namespace, name, uid, container: seen.base?.name };
      }
      const ended = await this.#podOrEnd(id, outcome, signal);
      if (ended === 'pod') continue;
      const [namespace, name] = ended?.ranAs?.split('/') ?? [];
      return namespace === undefined || name === undefined || name === previous?.name
        ? undefined
        : { namespace, name, uid: undefined, container: undefined };
    }
  }

  #podOrEnd(
    id: string,
    outcome: Promise<Outcome> | undefined,
    signal: AbortSignal,
  ): Promise<'pod' | Outcome | undefined> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      const finish = (settle: () => void) => {
        waiting.delete(tell);
        if (waiting.size === 0) this.#waiting.delete(id);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const tell = () => finish(() => resolve('pod'));
      const onAbort = () => finish(() => reject(signal.reason));
      this.#waiting.set(id, waiting.add(tell));
      signal.addEventListener('abort', onAbort, { once: true });
      void (outcome ?? Promise.resolve(undefined)).then((end) => finish(() => resolve(end)));
    });
  }
}

/** Where a log is to be read. */
interface PodAddress {
  readonly namespace: string;
  readonly name: string;
  /** `undefined` where it was never seen. */
  readonly uid: string | undefined;
  readonly container: string | undefined;
}
