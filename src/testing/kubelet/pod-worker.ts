/** The kubelet's life with one pod: from its binding to its removal. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { formatTime } from '../../wire/micro-time.js';
import type { Pod } from '../../wire/types.js';
import { ContainerLog } from '../server/container-log.js';
import type { ClusterApi } from './cluster-api.js';
import {
  type ContainerRecord,
  type PodEnding,
  phaseOf,
  podStatus,
  recordOf,
  rejectedStatus,
  type StatusFacts,
} from './pod-status.js';
import {
  ContainerConfigError,
  type ContainerExit,
  type ContainerRuntime,
  ContainerStartError,
  type RunningContainer,
  reasonOfExit,
} from './runtime.js';

/** What a worker needs from its kubelet. */
export interface WorkerHost {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly hostIP: string;
  readonly terminationDelayMs: number;
  /** Whether the pod's node has stopped to answer. */
  isNodeLost(node: string): boolean;
  nextPodIP(): string;
  recordEvent(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void;
}

/** How often missing configuration is looked for. */
const CONFIG_RETRY_MS = 1000;
const RESTART_BACKOFF_MS = 10_000;
const PULL_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;

interface Logs {
  current: ContainerLog | undefined;
  previous: ContainerLog | undefined;
}

/** Drives one pod. */
export class PodWorker {
  readonly #host: WorkerHost;
  readonly #runtime: ContainerRuntime;
  readonly #records: ContainerRecord[];
  readonly #running = new Map<ContainerRecord, RunningContainer>();
  readonly #logs = new Map<string, Logs>();
  readonly #stopped = new AbortController();
  readonly #startTime: string;
  /** Forced ends of containers, by faults: what their exit shall look like. */
  readonly #forced = new Map<ContainerRecord, ContainerExit>();
  #podIP: string | undefined;
  #pod: Pod;
  #ending: PodEnding | undefined;
  #isTerminating = false;
  #isDone = false;
  #waiting: { reason: string; message: string } | undefined;
  #reports: Promise<void> = Promise.resolve();

  constructor(host: WorkerHost, runtime: ContainerRuntime, pod: Pod) {
    this.#host = host;
    this.#runtime = runtime;
    this.#pod = pod;
    this.#startTime = formatTime(host.clock.now());
    const init = pod.spec?.initContainers ?? [];
    this.#records = [
      ...init.map((container) => recordOf(container, container.restartPolicy === 'Always' ? 'sidecar' : 'init', true)),
      ...(pod.spec?.containers ?? []).map((container) => recordOf(container, 'main', init.length > 0)),
    ];
  }

  /** Takes notice of a newer version of the pod. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata?.deletionTimestamp !== undefined) void this.#terminate();
  }

  /** The log of a container's current or previous run. */
  log(container: string, previous: boolean): ContainerLog | undefined {
    const logs = this.#logs.get(container);
    return previous ? logs?.previous : logs?.current;
  }

  /** Plays the pod's life until it ends; never rejects. */
  async run(): Promise<void> {
    try {
      await this.#live();
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    }
  }

  /** Stops at once and kills what runs, without a report. */
  abandon(): void {
    this.#stopped.abort(new Error('the kubelet has stopped'));
    for (const container of this.#running.values()) container.kill('SIGKILL');
    for (const { current } of this.#logs.values()) current?.close(this.#host.clock.now());
  }

  /** Refuses the pod, as at admission; only before anything of it runs. */
  async reject(ending: PodEnding): Promise<void> {
    if (this.#isDone) return;
    this.#stopped.abort(new Error('rejected'));
    this.#ending = ending;
    this.#isDone = true;
    await this.#host.api.patchStatus(this.#pod, rejectedStatus(this.#facts(), ending));
  }

  /** Ends the pod from the node's side: eviction, shutdown, deadline. */
  async endPod(ending: PodEnding): Promise<void> {
    this.#ending = ending;
    await this.#killAll(0);
    this.#finishUnstarted();
    await this.#report();
    this.#isDone = true;
    this.#stopped.abort(new Error('ended'));
  }

  /** Ends the first main container in the given way. */
  async endContainer(exit: ContainerExit): Promise<void> {
    const record = this.#records.find(({ kind }) => kind === 'main');
    if (record === undefined) return;
    const running = this.#running.get(record);
    if (running === undefined) {
      record.state = this.#terminated(exit, formatTime(this.#host.clock.now()));
      return this.#report();
    }
    this.#forced.set(record, exit);
    running.kill('SIGKILL');
    await running.exited;
    await this.#settled();
  }

  /** Keeps the pod's containers from starting: they wait with this reason until it is cleared with `undefined`. */
  async hold(waiting: { reason: string; message: string } | undefined): Promise<void> {
    this.#waiting = waiting;
    for (const record of this.#records) {
      if (waiting !== undefined && record.state.waiting !== undefined && record.kind === 'main')
        record.state = { waiting };
    }
    await this.#report();
    if (waiting?.reason === 'ErrImagePull') this.#backOffLater(waiting.message);
  }

  /** A pull that has failed is tried again after a while, and waits in between. */
  #backOffLater(message: string): void {
    const cancel = this.#host.clock.schedule(PULL_BACKOFF_MS, () => {
      if (this.#waiting?.reason !== 'ErrImagePull') return;
      const image = this.#pod.spec?.containers[0]?.image ?? '';
      void this.hold({
        reason: 'ImagePullBackOff',
        message: `Back-off pulling image "${image}": ErrImagePull: ${message}`,
      });
    });
    this.#stopped.signal.addEventListener('abort', cancel, { once: true });
  }

  #facts(): StatusFacts {
    return {
      pod: this.#pod,
      records: this.#records,
      nowMs: this.#host.clock.now(),
      startTime: this.#startTime,
      podIP: this.#podIP,
      hostIP: this.#host.hostIP,
      ending: this.#ending,
    };
  }

  /** Reports go out one after the other, each with what is known when its turn comes. */
  #report(): Promise<void> {
    this.#reports = this.#reports.then(async () => {
      if (this.#host.isNodeLost(this.#pod.spec?.nodeName ?? '')) return;
      await this.#host.api.patchStatus(this.#pod, podStatus(this.#facts())).catch(() => undefined);
    });
    return this.#reports;
  }

  /** Lets what follows an exit happen, then waits for its report. */
  async #settled(): Promise<void> {
    await Promise.resolve();
    await Promise.resolve();
    await this.#reports;
  }

  async #live(): Promise<void> {
    const signal = this.#stopped.signal;
    this.#startDeadline();
    await this.#report();
    for (const record of this.#records.filter(({ kind }) => kind !== 'main')) {
      await this.#startWhenAllowed(record, signal);
      if (record.kind === 'sidecar') {
        void this.#supervise(record);
        await this.#report();
        continue;
      }
      await this.#report();
      if (!(await this.#untilGood(record))) return this.#finish();
    }
    const main = this.#records.filter(({ kind }) => kind === 'main');
    const delay = Math.max(...main.map(({ container }) => this.#runtime.plan(this.#pod, container).startDelayMs));
    if (delay > 0) await this.#host.clock.delay(delay, { signal });
    await Promise.all(main.map((record) => this.#startWhenAllowed(record, signal, true)));
    await this.#report();
    await Promise.all(main.map((record) => this.#supervise(record)));
    await this.#finish();
  }

  #startDeadline(): void {
    const seconds = this.#pod.spec?.activeDeadlineSeconds;
    if (seconds === undefined) return;
    const cancel = this.#host.clock.schedule(seconds * 1000, () => {
      void this.endPod({
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      });
    });
    this.#stopped.signal.addEventListener('abort', cancel, { once: true });
  }

  async #startWhenAllowed(record: ContainerRecord, signal: AbortSignal, isDelayed = false): Promise<void> {
    const plan = this.#runtime.plan(this.#pod, record.container);
    if (plan.startDelayMs > 0 && !isDelayed) await this.#host.clock.delay(plan.startDelayMs, { signal });
    const waiting = this.#waiting ?? plan.waiting;
    if (waiting !== undefined && record.kind === 'main') {
      record.state = { waiting };
      if (waiting.reason !== 'ContainerCreating')
        this.#host.recordEvent(this.#pod, 'Warning', 'Failed', `Error: ${waiting.reason}`, record.container.name);
      await this.#report();
      // Nothing but its deletion, its end from outside, or the lifting of the fault ends this.
      while (this.#waiting !== undefined || plan.waiting !== undefined) await this.#host.clock.delay(1000, { signal });
    }
    signal.throwIfAborted();
    await this.#startConfigured(record, signal);
  }

  /** Starts a container as soon as all that its configuration names is there. */
  async #startConfigured(record: ContainerRecord, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#start(record);
        return;
      } catch (error) {
        if (!(error instanceof ContainerConfigError)) throw error;
        const { message } = error;
        record.state = { waiting: { reason: 'CreateContainerConfigError', message } };
        this.#host.recordEvent(this.#pod, 'Warning', 'Failed', `Error: ${message}`, record.container.name);
        await this.#report();
        await this.#host.clock.delay(CONFIG_RETRY_MS, { signal });
      }
    }
  }

  async #start(record: ContainerRecord): Promise<void> {
    const { container } = record;
    const logs = this.#logs.get(container.name);
    const log = new ContainerLog();
    this.#logs.set(container.name, { current: log, previous: logs?.current });
    this.#podIP ??= this.#host.nextPodIP();
    record.containerID = `containerd://${randomBytes(32).toString('hex')}`;
    const startedAt = formatTime(this.#host.clock.now());
    try {
      const running = await this.#runtime.start(
        { ...this.#pod, status: { ...this.#pod.status, podIP: this.#podIP, hostIP: this.#host.hostIP } },
        container,
        log,
      );
      this.#running.set(record, running);
      record.state = { running: { startedAt } };
      this.#host.recordEvent(this.#pod, 'Normal', 'Started', 'Container started', container.name);
      void running.exited.then((exit) => {
        this.#running.delete(record);
        log.close(this.#host.clock.now());
        record.state = this.#terminated(this.#forced.get(record) ?? exit, startedAt, record.containerID);
      });
    } catch (error) {
      if (!(error instanceof ContainerStartError)) throw error;
      log.close(this.#host.clock.now());
      this.#host.recordEvent(this.#pod, 'Warning', 'Failed', `Error: ${error.message}`, container.name);
      record.state = this.#terminated(
        { exitCode: error.exitCode, reason: error.reason, message: error.message },
        '1970-01-01T00:00:00Z',
        record.containerID,
      );
    }
  }

  #terminated(exit: ContainerExit, startedAt: string, containerID?: string) {
    return {
      terminated: {
        exitCode: exit.exitCode,
        reason: reasonOfExit(exit),
        ...(exit.message === undefined ? {} : { message: exit.message }),
        startedAt,
        finishedAt: formatTime(this.#host.clock.now()),
        ...(containerID === undefined ? {} : { containerID }),
      },
    };
  }

  /** Waits for the container's end and starts it again as its policy says; resolves when it has ended for good. */
  async #supervise(record: ContainerRecord): Promise<void> {
    for (let restarts = 0; ; restarts++) {
      await this.#running.get(record)?.exited;
      if (
        this.#stopped.signal.aborted ||
        this.#isTerminating ||
        this.#ending !== undefined ||
        !this.#mayRestart(record)
      )
        return;
      await this.#restart(record, restarts);
    }
  }

  /** Runs an init container until it succeeds; resolves with whether it did. */
  async #untilGood(record: ContainerRecord): Promise<boolean> {
    for (let restarts = 0; ; restarts++) {
      await this.#running.get(record)?.exited;
      const isGood = record.state.terminated?.exitCode === 0;
      if (isGood || this.#isTerminating || this.#stopped.signal.aborted || this.#pod.spec?.restartPolicy === 'Never')
        return isGood;
      await this.#restart(record, restarts);
    }
  }

  #mayRestart(record: ContainerRecord): boolean {
    if (record.kind === 'sidecar')
      return this.#records.some(({ kind, state }) => kind === 'main' && state.terminated === undefined);
    const policy = this.#pod.spec?.restartPolicy;
    return policy === 'Always' || (policy === 'OnFailure' && record.state.terminated?.exitCode !== 0);
  }

  async #restart(record: ContainerRecord, restarts: number): Promise<void> {
    const { state, container } = record;
    const isError = state.terminated?.reason === 'StartError';
    const backoff = Math.min(RESTART_BACKOFF_MS * 2 ** Math.max(0, restarts - 1), MAX_BACKOFF_MS);
    await this.#report();
    record.lastState = { ...state };
    if (restarts > 0 || isError) {
      const name = this.#pod.metadata?.name ?? '';
      const message = `back-off ${backoff / 1000}s restarting failed container=${container.name} pod=${name}_${this.#pod.metadata?.namespace ?? ''}(${this.#pod.metadata?.uid ?? ''})`;
      record.state = { waiting: { reason: 'CrashLoopBackOff', message } };
      this.#host.recordEvent(
        this.#pod,
        'Warning',
        'BackOff',
        `Back-off restarting failed container ${container.name}`,
        container.name,
      );
      await this.#report();
      await this.#host.clock.delay(backoff, { signal: this.#stopped.signal });
    }
    record.restartCount++;
    this.#forced.delete(record);
    await this.#startConfigured(record, this.#stopped.signal);
    await this.#report();
  }

  async #finish(): Promise<void> {
    if (this.#isTerminating || this.#ending !== undefined) return;
    await this.#stopSidecars();
    this.#finishUnstarted(false);
    await this.#report();
    const phase = phaseOf(this.#facts());
    if (phase === 'Succeeded' || phase === 'Failed') this.#isDone = true;
  }

  async #stopSidecars(): Promise<void> {
    for (const [record, running] of this.#running) {
      if (record.kind !== 'sidecar') continue;
      running.kill('SIGTERM');
      await running.exited;
    }
  }

  /** Containers that never ran stay waiting in the status of a pod that ended before. */
  #finishUnstarted(isForced = true): void {
    if (!isForced) return;
    for (const record of this.#records) {
      if (record.state.waiting !== undefined && record.kind === 'main')
        record.state = {
          terminated: {
            exitCode: 137,
            reason: 'ContainerStatusUnknown',
            message: 'The container could not be located when the pod was terminated',
            startedAt: null,
            finishedAt: null,
          },
        };
    }
  }

  async #killAll(graceSeconds: number): Promise<void> {
    const all = [...this.#running.values()];
    if (graceSeconds > 0) {
      for (const running of all) running.kill('SIGTERM');
      const cancel = this.#host.clock.schedule(graceSeconds * 1000, () => {
        for (const running of all) running.kill('SIGKILL');
      });
      await Promise.all(all.map((running) => running.exited));
      cancel();
    } else {
      for (const running of all) running.kill('SIGKILL');
      await Promise.all(all.map((running) => running.exited));
    }
    await Promise.resolve();
  }

  /** Ends a pod that was deleted: SIGTERM, after its grace SIGKILL, then its last status and its removal. */
  async #terminate(): Promise<void> {
    if (this.#isTerminating) return;
    this.#isTerminating = true;
    const { api, clock } = this.#host;
    const node = this.#pod.spec?.nodeName ?? '';
    if (this.#host.isNodeLost(node)) {
      this.#isTerminating = false;
      return;
    }
    if (this.#running.size > 0) this.#host.recordEvent(this.#pod, 'Normal', 'Killing', 'Stopping container');
    await this.#killAll(this.#pod.metadata?.deletionGracePeriodSeconds ?? 0);
    this.#stopped.abort(new Error('deleted'));
    if (!this.#isDone) {
      this.#finishUnstarted();
      await this.#report();
    }
    if (this.#host.terminationDelayMs > 0) await clock.delay(this.#host.terminationDelayMs);
    if (this.#host.isNodeLost(node)) return;
    await api.deletePod(this.#pod, 0).catch(() => undefined);
  }

  /** Goes on with what had to wait while the node was lost. */
  resume(): void {
    if (this.#pod.metadata?.deletionTimestamp !== undefined) void this.#terminate();
    else void this.#report();
  }
}
