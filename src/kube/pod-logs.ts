/** The logs of several containers of a pod as one stream of lines. */

import { mergeIterables } from '../core/merge.js';
import type { LogLine } from '../core/outcome.js';
import type { LogReader, PodReader } from './kube-client.js';
import { type FollowLogOptions, followLog } from './log-follower.js';

/** Options of {@link followPodLogs}. */
export interface FollowPodLogsOptions extends Omit<FollowLogOptions, 'container'> {
  /** The containers. @default all of the pod, init containers and sidecars too */
  readonly containers?: readonly string[] | undefined;
}

/**
 * The logs of several containers of a pod, each as {@link followLog} gives it: the lines of one container come in order, those of
 * different ones as they arrive, and `source` names the container. No container runs ahead of the reader by more than a line and what
 * its connection buffers. Ends when all have ended.
 * @throws LogError where the server refuses one of them, or fails for too long.
 */
export async function* followPodLogs(
  client: LogReader & PodReader,
  { containers, ...options }: FollowPodLogsOptions,
): AsyncGenerator<LogLine, void, undefined> {
  const { namespace, pod, signal } = options;
  signal?.throwIfAborted();
  const names = containers ?? (await containersOf(client, namespace, pod, signal));
  const stop = new AbortController();
  const ends = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const logs = names.map((container) => followLog(client, { ...options, container, signal: ends }));
  yield* mergeIterables(logs, () => stop.abort(new Error('the logs are no longer read')));
}

async function containersOf(
  client: PodReader,
  namespace: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const { spec } = (await client.readPod(namespace, name, { signal })) ?? {};
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((container) => container.name);
}
