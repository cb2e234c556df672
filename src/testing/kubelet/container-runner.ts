/** The kubelet's life with one container: its starts, its ends, its log, its probes. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { formatTime } from '../../wire/micro-time.js';
import type { ContainerState, Pod } from '../../wire/types.js';
import { ContainerLog } from '../server/container-log.js';
import type { ContainerRecord } from './pod-status.js';
import { ContainerProbes, type ProbeKind, type ProbeSpec, probeOf } from './probes.js';
import {
  ContainerConfigError,
  type ContainerExit,
  type ContainerRuntime,
  ContainerStartError,
  type RunningContainer,
  reasonOfExit,
} from './runtime.js';

/** What a container needs of its pod. */
export interface PodContext {
  readonly clock: Clock;
  readonly runtime: ContainerRuntime;
  /** Aborted when nothing more shall happen to the pod. */
  readonly signal: AbortSignal;
  /** The pod with its addresses, which it gets with its first container. */
  podWithAddress(): Pod;
  /** Whether the pod is being ended. */
  isEnding(): boolean;
  /** Tells the API server how the pod is. */
  report(): Promise<void>;
  recordEvent(type: 'Normal' | 'Warning', reason: string, message: string, container: string): void;
}

/** How often missing configuration is looked for. */
const CONFIG_RETRY_MS = 1000;
const RESTART_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;
const PROBE_KINDS = ['startup', 'readiness', 'liveness'] as const;
/** Start time of what never started. */
const NEVER = '1970-01-01T00:00:00Z';

/** Runs one container, as often as its pod asks for. */
export class ContainerRunner {
  readonly record: ContainerRecord;
  readonly #context: PodContext;
  readonly #attempts: Record<ProbeKind, number> = { startup: 0, readiness: 0, liveness: 0 };
  readonly #started: Promise<void>;
  #tellStarted: () => void = () => {};
  #running: RunningContainer | undefined;
  #exited: Promise<void> = Promise.resolve();
  #probes: ContainerProbes | undefined;
  /** A forced end, by a fault: what its exit shall look like. */
  #forced: ContainerExit | undefined;
  #log: ContainerLog | undefined;
  #previousLog: ContainerLog | undefined;
  #isUnhealthy = false;

  constructor(record: ContainerRecord, context: PodContext) {
    this.record = record;
    this.#context = context;
    this.#started = new Promise((resolve) => {
      this.#tellStarted = resolve;
    });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when the present run has ended and its record says how. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** Resolves when it has started for the first time, its startup probe included; never rejects. */
  get started(): Promise<void> {
    return this.#started;
  }

  /** Whether it was killed for a probe that failed; it starts again whatever its exit code, unless its pod's containers never do. */
  get isUnhealthy(): boolean {
    return this.#isUnhealthy;
  }

  /** The log of the current or the previous run. */
  log(previous: boolean): ContainerLog | undefined {
    return previous ? this.#previousLog : this.#log;
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#running?.kill(signal);
  }

  /** Kills it at once, without a trace in the record. */
  abandon(): void {
    this.#probes?.stop();
    this.kill('SIGKILL');
    this.#log?.close(this.#context.clock.now());
  }

  /** Ends it in the given way, whether it runs or waits; what has ended stays as it is. */
  async force(exit: ContainerExit): Promise<void> {
    if (this.record.state.terminated !== undefined) return;
    if (this.#running === undefined) {
      this.record.state = this.#terminated(exit, formatTime(this.#context.clock.now()));
      return;
    }
    this.#forced = exit;
    this.kill('SIGKILL');
    await this.#exited;
  }

  /** Starts it as soon as all that its configuration names is there. */
  async start(): Promise<void> {
    const { signal, clock } = this.#context;
    for (;;) {
      try {
        await this.#startOnce();
        return;
      } catch (error) {
        if (!(error instanceof ContainerConfigError)) throw error;
        const { message } = error;
        this.record.state = { waiting: { reason: 'CreateContainerConfigError', message } };
        this.#event('Warning', 'Failed', `Error: ${message}`);
        await this.#context.report();
        await clock.delay(CONFIG_RETRY_MS, { signal });
      }
    }
  }

  /** Starts it again after an end; `restarts` counts those before, which it is made to wait for. */
  async restart(restarts: number): Promise<void> {
    const { record } = this;
    const { clock, signal, report } = this.#context;
    const isError = record.state.terminated?.reason === 'StartError';
    // A kubelet kills and starts again in one go: an end by a probe is not told, since a server takes an end with code 0 for final.
    if (!this.#isUnhealthy) await report();
    record.lastState = { ...record.state };
    if (restarts > 0 || isError) {
      const backoff = Math.min(RESTART_BACKOFF_MS * 2 ** Math.max(0, restarts - 1), MAX_BACKOFF_MS);
      const { name = '', namespace = '', uid = '' } = this.#context.podWithAddress().metadata ?? {};
      const message = `back-off ${backoff / 1000}s restarting failed container=${record.container.name} pod=${name}_${namespace}(${uid})`;
      record.state = { waiting: { reason: 'CrashLoopBackOff', message } };
      this.#event('Warning', 'BackOff', `Back-off restarting failed container ${record.container.name}`);
      await report();
      await clock.delay(backoff, { signal });
    }
    if (this.#context.isEnding()) return;
    record.restartCount++;
    this.#forced = undefined;
    this.#isUnhealthy = false;
    await this.start();
    await report();
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.recordEvent(type, reason, message, this.record.container.name);
  }

  async #startOnce(): Promise<void> {
    const { record } = this;
    const { container } = record;
    const { clock, runtime } = this.#context;
    const log = new ContainerLog();
    this.#previousLog = this.#log;
    this.#log = log;
    const pod = this.#context.podWithAddress();
    record.containerID = `containerd://${randomBytes(32).toString('hex')}`;
    const startedAt = formatTime(clock.now());
    try {
      const running = await runtime.start(pod, container, log);
      this.#running = running;
      record.state = { running: { startedAt } };
      record.isStarted = probeOf(container, 'startup') === undefined;
      record.isReady = probeOf(container, 'readiness') === undefined;
      this.#event('Normal', 'Started', 'Container started');
      if (record.isStarted) this.#tellStarted();
      this.#exited = running.exited.then((exit) => {
        this.#running = undefined;
        this.#probes?.stop();
        log.close(clock.now());
        record.state = this.#terminated(this.#forced ?? exit, startedAt, record.containerID);
      });
      this.#probe(running);
    } catch (error) {
      if (!(error instanceof ContainerStartError)) throw error;
      log.close(clock.now());
      this.#event('Warning', 'Failed', `Error: ${error.message}`);
      const { exitCode, reason, message } = error;
      record.state = this.#terminated({ exitCode, reason, message }, NEVER, record.containerID);
    }
  }

  #probe(running: RunningContainer): void {
    const { record } = this;
    this.#probes = undefined;
    if (!PROBE_KINDS.some((kind) => probeOf(record.container, kind) !== undefined)) return;
    const { clock, report } = this.#context;
    this.#probes = new ContainerProbes({
      container: record.container,
      clock,
      probe: (kind, spec, signal) => running.probe(kind, spec, this.#attempts[kind]++, signal),
      onTrouble: (message) => this.#event('Warning', 'Unhealthy', message),
      onStarted: () => {
        record.isStarted = true;
        this.#tellStarted();
        void report();
      },
      onReadiness: (isReady) => {
        if (record.isReady === isReady) return;
        record.isReady = isReady;
        void report();
      },
      onUnhealthy: (kind, spec) => this.#killUnhealthy(running, kind, spec),
    });
  }

  #killUnhealthy(running: RunningContainer, kind: ProbeKind, spec: ProbeSpec): void {
    const { clock, isEnding } = this.#context;
    if (isEnding()) return;
    const { container, kind: role } = this.record;
    const pod = this.#context.podWithAddress();
    const isRestarted = role === 'main' && pod.spec?.restartPolicy !== 'Never';
    const subject = role === 'main' ? 'Container' : 'Init container';
    this.#event(
      'Normal',
      'Killing',
      `${subject} ${container.name} failed ${kind} probe${isRestarted ? ', will be restarted' : ''}`,
    );
    this.#isUnhealthy = true;
    const grace = spec.terminationGracePeriodSeconds ?? Number(pod.spec?.terminationGracePeriodSeconds ?? 30);
    running.kill('SIGTERM');
    const cancel = clock.schedule(grace * 1000, () => running.kill('SIGKILL'));
    void running.exited.then(cancel);
  }

  #terminated(exit: ContainerExit, startedAt: string, containerID?: string): ContainerState {
    return {
      terminated: {
        exitCode: exit.exitCode,
        reason: reasonOfExit(exit),
        ...(exit.message === undefined ? {} : { message: exit.message }),
        startedAt,
        finishedAt: formatTime(this.#context.clock.now()),
        ...(containerID === undefined ? {} : { containerID }),
      },
    };
  }
}
