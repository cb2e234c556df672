/** What to do about a pod that was there before its create: it is ours, it can be had, or somebody who is alive is at work on it. */
import { type BackoffPolicy, backoffMs } from '../../core/backoff.js';
import type { Clock } from '../../core/clock.js';
import { linkedAbort } from '../../core/linked-abort.js';
import type { Logger } from '../../core/logger.js';
import type { Random } from '../../core/random.js';
import { KubeApiError, LeaseLostError } from '../../errors.js';
import type { KubeClient } from '../../kube/kube-client.js';
import { mayAnswerLater } from '../../kube/status-errors.js';
import { LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import { LONELY, ownershipPatch, wasTold } from './adoption.js';
import type { PodTrack } from './pod-track.js';

/** What {@link claimPod} works with. */
export interface PodClaimOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly executorLabel: string;
  /** Whether another executor, by the value of its label, is alive and must be left alone; `isRepeated` where that was asked just before. */
  readonly mayBeAlive: (label: string, isRepeated: boolean) => Promise<boolean>;
  /** How long a pod stays after its outcome was told, in milliseconds: it is looked at more often than that. */
  readonly holdNamesMs: number | undefined;
  /** Told why a task waits. */
  readonly onWait: (reason: string) => void;
}

/** How a claim ended. */
export type ClaimedPod =
  /** It carries our label. */
  | { readonly type: 'ours'; readonly pod: Pod }
  /** It is ours to follow, and could not be given our label: no list shows it. */
  | { readonly type: 'unlisted'; readonly pod: Pod }
  /** Another executor has told its outcome. */
  | { readonly type: 'told'; readonly pod: Pod }
  /** Another executor has it and is alive, while the task is to stop here. */
  | { readonly type: 'theirs'; readonly pod: Pod }
  /** Another executor had it, and it is no more; its name is free, for whoever comes first. */
  | { readonly type: 'gone' };

/** How often the pod of a living executor is looked at: of a task that runs for hours there is seldom news. */
const WAIT: BackoffPolicy = { initialMs: 5_000, maxMs: 30_000 };

/** How often at least a pod is looked at while it holds its name: whoever finds nothing there takes it for one that was never told. */
const LOOKS_WHILE_HELD = 2;

const ownerOf = (pod: Pod) => pod.metadata?.labels?.[LABELS.executorId] ?? '';

/** Makes a pod one of this executor's, so that its watch sees it; where its executor is alive, waits until that has told its end. */
export async function claimPod(track: PodTrack, found: Pod, options: PodClaimOptions): Promise<ClaimedPod> {
  // Our watch shows the pod as soon as it is ours, for example when its executor has died and all its pods were taken over.
  let hasNews = false;
  let wake = (): void => {};
  const forget = track.onNews(() => {
    hasNews = true;
    wake();
  });
  const pause = async (ms: number): Promise<void> => {
    const over = linkedAbort(track.abort.signal);
    wake = () => over.abort();
    if (!hasNews) await options.clock.delay(ms, { signal: over.signal }).catch(() => {});
    over.unlink();
    hasNews = false;
  };
  try {
    return await claim(track, found, options, pause);
  } finally {
    forget();
  }
}

async function claim(
  track: PodTrack,
  found: Pod,
  options: PodClaimOptions,
  wait: (ms: number) => Promise<void>,
): Promise<ClaimedPod> {
  const { client, random, logger, executorLabel, mayBeAlive, onWait, holdNamesMs = Number.POSITIVE_INFINITY } = options;
  const { signal } = track.abort;
  let waits = 0;
  const pause = () => {
    waits += 1;
    return wait(Math.min(backoffMs(WAIT, waits, random), holdNamesMs / LOOKS_WHILE_HELD));
  };
  for (let pod = found; ; ) {
    const owner = ownerOf(pod);
    // Whoever has told its end may be dead by now, and its pod kept by us.
    if (wasTold(pod)) return { type: 'told', pod };
    if (owner === executorLabel) return { type: 'ours', pod };
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const isLeftAlone = await mayBeAlive(owner, waits > 0);
    // Who only waits for it has no business to end it: it is at work for somebody else.
    if (isLeftAlone && signal.aborted) return { type: 'theirs', pod };
    try {
      if (!isLeftAlone)
        return {
          type: 'ours',
          pod: await client.patchPod(namespace, name, ownershipPatch(pod, executorLabel), LONELY),
        };
      onWait(`executor ${owner} has its pod, and is alive`);
      await pause();
      const now = await client.readPod(namespace, name);
      if (now === undefined) return { type: 'gone' };
      pod = now;
    } catch (error) {
      if (error instanceof LeaseLostError) throw error;
      logger.warn({ err: error, pod: name, namespace }, 'a pod of another executor could not be claimed');
      const status = error instanceof KubeApiError ? error.status : -1;
      const now = await client.readPod(namespace, name).catch(() => 'unknown' as const);
      if (now === undefined) return { type: 'gone' };
      pod = now === 'unknown' ? pod : now;
      // Without the right to patch it is followed as it is, though no list of ours shows it.
      if (!isLeftAlone && !mayAnswerLater(error) && status !== 409 && status !== 404) return { type: 'unlisted', pod };
      // A conflict means that it has changed, and is looked at again, where it can be; a server in trouble gets time.
      if (isLeftAlone || status !== 409 || now === 'unknown') {
        if (!isLeftAlone) onWait('its pod carries the label of another executor, and could not be given ours');
        await pause();
      }
    }
    // Whoever has taken it meanwhile decides about it.
    if (signal.aborted && !isLeftAlone && ownerOf(pod) === owner && !wasTold(pod)) return { type: 'ours', pod };
  }
}
