/** Hands whole logs to the host before a pod goes. */
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { LogLine } from '../../core/outcome.js';
import type { TaskInstanceKey } from '../../core/task-key.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { followLog } from '../../kube/log-follower.js';
import type { ContainerObservation, PodObservation } from '../../lifecycle/observation.js';

/** What a log belongs to. */
export interface LogSource {
  /** Task. */
  readonly key: TaskInstanceKey;
  /** Number of the launch within the try, from 1. */
  readonly launch: number;
  /** Pod as `namespace/name`. */
  readonly pod: string;
  /** Container. */
  readonly container: string;
}

/**
 * Takes the whole log of one container after its end; its pod is deleted once the promise has settled, or after a minute. Read the lines
 * to their end, or return early.
 */
export type LogSink = (source: LogSource, lines: AsyncIterable<LogLine>) => Promise<void>;

/** What a sink gets for one log. */
export const LOG_SINK_LIMIT_MS = 60_000;

const hasRun = ({ state, restartCount, startedAt }: ContainerObservation) =>
  startedAt !== undefined && (state === 'terminated' || state === 'running' || restartCount > 0);

/** Gives the logs of all containers of a pod to the sink, each within a minute. Never rejects. */
export async function drainLogs(
  sink: LogSink,
  { key, launch, pod }: { readonly key: TaskInstanceKey; readonly launch: number; readonly pod: PodObservation },
  { client, clock, logger }: { readonly client: KubeClient; readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  const { namespace, name } = pod;
  const drain = async (container: string) => {
    const limit = new AbortController();
    const onLimit = () => limit.abort(new Error(`the log was not taken within ${LOG_SINK_LIMIT_MS / 1_000} s`));
    const cancel = clock.schedule(LOG_SINK_LIMIT_MS, onLimit);
    try {
      const lines = followLog(client, { namespace, pod: name, container, follow: false, clock, signal: limit.signal });
      const timedOut = new Promise<void>((_, reject) => {
        limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true });
      });
      await Promise.race([sink({ key, launch, pod: `${namespace}/${name}`, container }, lines), timedOut]);
    } catch (error) {
      logger.warn({ err: error, pod: name, namespace, container }, 'the sink for logs did not take a log');
    } finally {
      cancel();
    }
  };
  await Promise.all(pod.containers.filter(hasRun).map((container) => drain(container.name)));
}
