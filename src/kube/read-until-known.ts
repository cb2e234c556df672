/** Asks a server for one pod until it answers: what nobody knows of a pod must not be guessed. */
import { type BackoffPolicy, backoffMs } from '../core/backoff.js';
import type { Clock } from '../core/clock.js';
import type { Random } from '../core/random.js';
import { KubeApiError } from '../errors.js';
import type { Pod } from '../wire/types.js';
import type { PodReader } from './kube-client.js';
import { mayAnswerLater } from './status-errors.js';

/** What {@link readUntilKnown} works with, and when it ends without an answer. */
export interface ReadUntilKnownOptions {
  readonly client: Pick<PodReader, 'readPod'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  readonly name: string;
  /** Asked before each try: nobody wants to know any more, or knows by now. */
  readonly isOver: () => boolean;
  /** Asked after each try that has failed, with the milliseconds since the first: an answer is not worth more waiting. */
  readonly isEnough: (waitedMs: number, error: unknown) => boolean;
  /** Cuts a wait short, not a try. */
  readonly signal?: AbortSignal | undefined;
}

/** How long it makes sense to go on asking where a task is to end, in milliseconds. */
export const READ_LIMIT_MS = 600_000;
const BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 30_000 };

/** The pod of a name, `undefined` where there is none, or `'unknown'` where the server did not answer in time, or says that it never will. */
export async function readUntilKnown(options: ReadUntilKnownOptions): Promise<Pod | undefined | 'unknown'> {
  const { client, clock, random, namespace, name, isOver, isEnough, signal } = options;
  const startedAt = clock.monotonic();
  for (let attempt = 1; !isOver(); attempt += 1) {
    try {
      return await client.readPod(namespace, name);
    } catch (error) {
      // A role may be wrong for a while: the limit counts for that as for a server that is away.
      const isForbidden = error instanceof KubeApiError && error.status === 403;
      if (!(isForbidden || mayAnswerLater(error)) || isEnough(clock.monotonic() - startedAt, error)) return 'unknown';
    }
    const backoff = backoffMs(BACKOFF, attempt, random);
    await clock.delay(backoff, signal === undefined || signal.aborted ? {} : { signal }).catch(() => {});
  }
  return 'unknown';
}
