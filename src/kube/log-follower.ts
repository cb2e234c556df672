/** Reads the log of a container from its start to its end, through drops of the connection and kubelets that are not ready yet. */
import { backoffMs, heededMs } from '../core/backoff.js';
import { type Clock, systemClock } from '../core/clock.js';
import type { LogLine } from '../core/outcome.js';
import { type Random, systemRandom } from '../core/random.js';
import { KubeApiError, LogError } from '../errors.js';
import type { ContainerStatus, Pod } from '../wire/types.js';
import type { LogReader, PodReader } from './kube-client.js';
import { splitLogLines } from './log-lines.js';
import { LogResume } from './log-resume.js';

/** Options of {@link followLog}. */
export interface FollowLogOptions {
  /** Namespace of the pod. */
  readonly namespace: string;
  /** Name of the pod. */
  readonly pod: string;
  /** The container. @default the pod's only one */
  readonly container?: string | undefined;
  /** Waits for the container and goes on until it has ended. @default true */
  readonly follow?: boolean | undefined;
  /** Only this many lines from the end. @default all */
  readonly tailLines?: number | undefined;
  /** Ends the reading; the iteration then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
}

type ContainerPhase = 'waiting' | 'running' | 'ended' | 'gone';

const BACKOFF = { initialMs: 250, maxMs: 5_000 };
/** A log that is not followed waits this often for a kubelet that is not ready. */
const MAX_IMPATIENT = 8;
/** Followed logs give up after this many failures in a row without a line; at 5 s apart that is some ten minutes. */
const MAX_PATIENT = 120;
/** After so long without a line, and then ever more rarely, it is looked whether the container still runs; a dead connection tells nothing. */
const FIRST_LOOK_MS = 5_000;
const MAX_LOOK_MS = 60_000;
/** After so long without a line the request is made anew, although the container runs: the connection may be dead. */
const RENEW_MS = 300_000;

function phaseOf(pod: Pod | undefined, container: string | undefined): ContainerPhase {
  if (pod === undefined) return 'gone';
  const { status, spec } = pod;
  const statuses: ContainerStatus[] = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const found = statuses.find(({ name }) => name === (container ?? spec?.containers[0]?.name));
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (found?.state?.running !== undefined) return isOver ? 'ended' : 'running';
  if (found?.state?.terminated !== undefined) return isOver || spec?.restartPolicy === 'Never' ? 'ended' : 'running';
  return isOver ? 'ended' : 'waiting';
}

/** What a failed request means: `gone` pods and refusals end the reading, the rest passes with time. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof KubeApiError)) return true;
  return error.status === 401 || error.status === 403 || error.status === 422;
}

class LogFollower {
  readonly #client: LogReader & PodReader;
  readonly #options: FollowLogOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #resume: LogResume;
  #failures = 0;

  constructor(client: LogReader & PodReader, options: FollowLogOptions) {
    this.#client = client;
    this.#options = options;
    this.#resume = new LogResume(options.tailLines !== undefined);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
  }

  async *lines(): AsyncGenerator<LogLine, void, undefined> {
    const { follow = true } = this.#options;
    let isLast = !follow;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      let error: unknown;
      try {
        yield* this.#read(!isLast);
        // A log that was not followed, or was read once more after the container's end, is whole.
        if (isLast) return;
      } catch (caught) {
        this.#options.signal?.throwIfAborted();
        if (isFinal(caught)) throw this.#failed(caught);
        error = caught;
      }
      const phase = await this.#phase();
      if (phase === 'gone') return;
      // The last lines may have come between a dropped stream and the container's end: they are fetched once more, from where we are.
      if (phase === 'ended' && error === undefined) isLast = true;
      else if (!(await this.#mayTryAgain(phase, error, follow))) {
        if (phase === 'waiting' || error === undefined) return;
        throw this.#failed(error);
      }
      if (phase === 'ended') isLast = true;
    }
  }

  /** Waits before another attempt; `false` where enough were made. A stream that only fell silent, or ended early, is no failure. */
  async #mayTryAgain(phase: ContainerPhase, error: unknown, follow: boolean): Promise<boolean> {
    if (phase === 'waiting' && !follow) return false;
    this.#failures += 1;
    const limit = follow && phase === 'running' ? MAX_PATIENT : MAX_IMPATIENT;
    if (error !== undefined && phase !== 'waiting' && this.#failures > limit) return false;
    const asked = error instanceof KubeApiError ? heededMs(error.retryAfterMs ?? 0) : 0;
    const delayMs = Math.max(asked, backoffMs(BACKOFF, this.#failures, this.#random));
    await this.#clock.delay(delayMs, { signal: this.#options.signal });
    return true;
  }

  async *#read(follow: boolean): AsyncGenerator<LogLine, void, undefined> {
    const { namespace, pod, container, tailLines, signal } = this.#options;
    const resume = this.#resume;
    resume.reconnected();
    const watch = this.#watchSilence(follow);
    try {
      const body = this.#client.readLog(namespace, pod, {
        container,
        follow,
        timestamps: true,
        sinceTime: resume.sinceTime,
        tailLines: resume.hasLines ? undefined : tailLines,
        signal: signal === undefined ? watch.signal : AbortSignal.any([signal, watch.signal]),
      });
      for await (const line of splitLogLines(body)) {
        watch.alive();
        // Half a line at the end of a followed stream comes whole with the next request.
        if (!line.isWhole && follow) break;
        if (!resume.accept(line)) continue;
        this.#failures = 0;
        yield { text: line.text, source: container ?? pod, time: line.time };
      }
    } catch (error) {
      if (!watch.signal.aborted || signal?.aborted) throw error;
    } finally {
      watch.stop();
    }
  }

  /** Breaks off a followed stream that is silent although its container has ended, or for so long that it may be dead. */
  #watchSilence(follow: boolean): { readonly signal: AbortSignal; alive(): void; stop(): void } {
    const silent = new AbortController();
    let lastAt = this.#clock.monotonic();
    let isStopped = false;
    let cancel = () => {};
    const arm = (ms: number, lookMs: number) => {
      cancel = this.#clock.schedule(ms, () => void look(lookMs));
    };
    const look = async (lookMs: number) => {
      const silentMs = this.#clock.monotonic() - lastAt;
      if (silentMs < lookMs) return arm(lookMs - silentMs, FIRST_LOOK_MS);
      const phase = await this.#phase().catch(() => 'gone');
      if (isStopped) return;
      if (phase === 'ended' || phase === 'gone' || silentMs >= RENEW_MS) silent.abort(new Error('the log is silent'));
      else arm(Math.min(lookMs * 2, MAX_LOOK_MS), Math.min(lookMs * 2, MAX_LOOK_MS));
    };
    if (follow) arm(FIRST_LOOK_MS, FIRST_LOOK_MS);
    return {
      signal: silent.signal,
      alive: () => {
        lastAt = this.#clock.monotonic();
      },
      stop: () => {
        isStopped = true;
        cancel();
      },
    };
  }

  async #phase(): Promise<ContainerPhase> {
    const { namespace, pod, container, signal } = this.#options;
    try {
      return phaseOf(await this.#client.readPod(namespace, pod, { signal }), container);
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error)) throw this.#failed(error);
      return 'running';
    }
  }

  #failed(cause: unknown): unknown {
    if (!(cause instanceof KubeApiError)) return cause;
    const { namespace, pod } = this.#options;
    return new LogError(`The log of pod ${namespace}/${pod} cannot be read: ${cause.message}`, {
      cause,
      retryable: cause.retryable,
    });
  }
}

/**
 * The log of a container, line by line. Followed, it waits for the container to start, resumes after a drop with neither gap nor
 * repeat, and ends with the container, or with its pod. Not followed, it gives what there is; a container that has not started has
 * nothing. Lines are cut at 64 KiB; bytes that are no UTF-8 become replacement characters.
 * @throws LogError where the server refuses, or fails for too long.
 */
export function followLog(client: LogReader & PodReader, options: FollowLogOptions): AsyncIterable<LogLine> {
  return new LogFollower(client, options).lines();
}
