/** Repeats calls, bounds their time, and lets them through by turns. What a call does, and over what, is the caller's. */

import { type Clock, systemClock } from '../core/clock.js';
import { linkedAbort } from '../core/linked-abort.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { type Random, systemRandom } from '../core/random.js';
import { untilAborted } from '../core/within.js';
import { KubeApiError } from '../errors.js';
import { type CallPriority, FlowControl, type FlowControlOptions } from './flow-control.js';
import type { CallGate, CallOptions } from './kube-client.js';
import { DEFAULT_RETRY, isUntouched, type RetryPolicy, repeatDelayMs } from './retry.js';
import { markSent, sentMark } from './transport.js';

/** How a client sends its calls: repetition, bounds, deadlines. */
export interface CallRunnerOptions {
  /** Retries of calls that may be repeated. @default 10 attempts, 250 ms to 10 s apart */
  readonly retry?: RetryPolicy | undefined;
  /** Bounds on calls. @default 16 at a time, no rate */
  readonly flowControl?: FlowControlOptions | undefined;
  /** Limit for a call with its retries, in milliseconds. @default 60000 */
  readonly timeoutMs?: number | undefined;
  /** Limit for one attempt, in milliseconds. @default 30000 */
  readonly attemptTimeoutMs?: number | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}

/** What a runner needs to know of a call. */
export interface RunnableCall extends CallOptions {
  /** What it is, for messages: neither its query nor its body. */
  readonly name: string;
  /** Whether it may be sent again although the server may have acted. */
  readonly isRepeatable: boolean;
  readonly priority: CallPriority;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_ATTEMPT_TIMEOUT_MS = 30_000;

/** Runs calls. */
export class CallRunner {
  readonly #options: CallRunnerOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #flow: FlowControl;
  readonly #servedAtRefusal = new WeakMap<RunnableCall, number>();

  constructor(options: CallRunnerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
    this.#flow = new FlowControl(options.flowControl, this.#clock);
  }

  /** Resolves when the server's wish to wait is over; for streams, which are not counted. */
  untilUnpaused(signal: AbortSignal): Promise<void> {
    return this.#flow.untilUnpaused(signal);
  }

  /**
   * Notes a server that turned a call away: all calls wait as long as it says, and fewer go at a time after a 429. Turned away once more
   * while others were served it is this call that the server does not want: the others would wait for nothing, and so would their tasks.
   */
  turnedAway(call: RunnableCall, { status, retryAfterMs }: KubeApiError): void {
    if (status !== 429 && status !== 503) return;
    const { served } = this.#flow;
    const servedBefore = this.#servedAtRefusal.get(call) ?? served;
    this.#servedAtRefusal.set(call, served);
    if (served > servedBefore) return;
    if (status === 429) this.#flow.throttled(retryAfterMs);
    else if (retryAfterMs !== undefined) this.#flow.pause(retryAfterMs);
  }

  /** Limit for one attempt of a call. */
  attemptLimitMs({ timeoutMs }: CallOptions): number {
    return Math.min(
      timeoutMs ?? this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      this.#options.attemptTimeoutMs ?? DEFAULT_ATTEMPT_TIMEOUT_MS,
    );
  }

  /** Does the work when it is its turn, and again where that is right, until its deadline. @throws KubeApiError */
  async repeated<T>(call: RunnableCall, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { retry = DEFAULT_RETRY, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const deadline = this.#clock.monotonic() + (call.timeoutMs ?? timeoutMs);
    let failure: unknown;
    let mayBeSent = false;
    const rethrown = (error: unknown): never => {
      throw marked(error, mayBeSent);
    };
    for (let attempts = 1; ; attempts += 1) {
      call.signal?.throwIfAborted();
      const release = this.#tryEnter(call) ?? (await this.#entered(call, deadline).catch(rethrown));
      try {
        const leftMs = deadline - this.#clock.monotonic();
        const result = await this.once(call, Math.min(leftMs, this.attemptLimitMs(call)), work);
        this.#flow.succeeded(call.priority);
        return result;
      } catch (error) {
        if (call.signal?.aborted) throw call.signal.reason;
        failure = withAttempts(error, attempts);
      } finally {
        release();
      }
      mayBeSent ||= failure instanceof KubeApiError && !isUntouched(failure);
      const delayMs = repeatDelayMs(call, failure, attempts, retry, this.#random);
      // A wait that outlasts the deadline would only delay the bad news.
      if (delayMs === undefined || this.#clock.monotonic() + delayMs >= deadline) throw marked(failure, mayBeSent);
      this.#logger.debug({ err: failure, attempts, delayMs }, 'a call to the API server is repeated');
      await this.#clock.delay(delayMs, { signal: call.signal });
    }
  }

  /** Runs work with a limit; both the limit and the caller's signal abort it. `unsent`: what it waits for, where it was not sent yet. */
  async once<T>(
    call: RunnableCall,
    limitMs: number,
    work: (signal: AbortSignal) => Promise<T>,
    unsent?: string,
  ): Promise<T> {
    const { signal } = call;
    signal?.throwIfAborted();
    if (limitMs <= 0) throw lateError(call, 'no time was left to send it', false);
    const stop = linkedAbort(signal);
    const waited = unsent ?? 'no answer within';
    const onLimit = () => stop.abort(lateError(call, `${waited} ${Math.round(limitMs)} ms`, unsent === undefined));
    const cancel = this.#clock.schedule(limitMs, onLimit);
    try {
      return await work(stop.signal);
    } finally {
      cancel();
      stop.unlink();
    }
  }

  #tryEnter({ gate, priority }: RunnableCall): (() => void) | undefined {
    return isShut(gate) ? undefined : this.#flow.tryAcquire(priority);
  }

  /** Waits for the gate and for its turn. The gate may close while others go first, and nobody holds a place in front of it. */
  async #entered(call: RunnableCall, deadline: number): Promise<() => void> {
    const { gate, priority } = call;
    for (;;) {
      const leftMs = deadline - this.#clock.monotonic();
      if (gate !== undefined && isShut(gate))
        await this.once(call, leftMs, (signal) => untilAborted(gate.opened(), signal), 'not let through within');
      else {
        const release = await this.once(call, leftMs, (signal) => this.#flow.acquire(priority, signal), TURN);
        if (!isShut(gate)) return release;
        release();
      }
    }
  }
}

const TURN = 'still waiting for its turn after';

/** The error of a call that may have reached the server at an earlier attempt says so. */
const marked = (error: unknown, mayBeSent: boolean) =>
  mayBeSent && error instanceof KubeApiError ? markSent(error, true) : error;

const isShut = (gate: CallGate | undefined) => gate?.isOpen === false;

function lateError({ name }: RunnableCall, what: string, isSent: boolean): KubeApiError {
  return markSent(new KubeApiError(`${name}: ${what}`, { status: 0, reason: 'Timeout', retryable: true }), isSent);
}

function withAttempts(error: unknown, attempts: number): unknown {
  if (!(error instanceof KubeApiError) || attempts === 1) return error;
  const { message, status, reason, retryAfterMs, retryable, causes, requestId, cause } = error;
  const counted = new KubeApiError(message, {
    status,
    reason,
    retryAfterMs,
    retryable,
    causes,
    requestId,
    cause,
    attempts,
  });
  const isSent = sentMark(error);
  return isSent === undefined ? counted : markSent(counted, isSent);
}
