/** The kubelet's life with one pod: from its binding to its removal. */
import type { Clock } from '../../core/clock.js';
import { formatTime } from '../../wire/micro-time.js';
import type { Pod } from '../../wire/types.js';
import type { ContainerLog } from '../server/container-log.js';
import type { ClusterApi } from './cluster-api.js';
import { ContainerRunner } from './container-runner.js';
import { ofKind, PodLife } from './pod-life.js';
import {
  closedGates,
  type PodEnding,
  phaseOf,
  podStatus,
  recordOf,
  rejectedStatus,
  type StatusFacts,
} from './pod-status.js';
import type { ContainerExit, ContainerRuntime } from './runtime.js';
import { StartGate, type Waiting } from './start-gate.js';

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

/** Drives one pod. */
export class PodWorker {
  readonly #host: WorkerHost;
  readonly #runtime: ContainerRuntime;
  readonly #containers: readonly ContainerRunner[];
  readonly #gate: StartGate;
  readonly #life: PodLife;
  readonly #stopped = new AbortController();
  readonly #startTime: string;
  #podIP: string | undefined;
  #pod: Pod;
  #ending: PodEnding | undefined;
  #isTerminating = false;
  #isFinishing = false;
  #isDone = false;
  #reports: Promise<void> = Promise.resolve();

  constructor(host: WorkerHost, runtime: ContainerRuntime, pod: Pod) {
    this.#host = host;
    this.#runtime = runtime;
    this.#pod = pod;
    this.#startTime = formatTime(host.clock.now());
    const init = pod.spec?.initContainers ?? [];
    const records = [
      ...init.map((container) => recordOf(container, container.restartPolicy === 'Always' ? 'sidecar' : 'init', true)),
      ...(pod.spec?.containers ?? []).map((container) => recordOf(container, 'main', init.length > 0)),
    ];
    const context = {
      clock: host.clock,
      runtime,
      signal: this.#stopped.signal,
      pod: () => this.#pod,
      podWithAddress: () => this.#podWithAddress(),
      isEnding: () => this.#isEnding,
      report: () => this.#report(),
      recordEvent: (type: 'Normal' | 'Warning', reason: string, message: string, container?: string) =>
        host.recordEvent(this.#pod, type, reason, message, container),
    };
    this.#containers = records.map((record) => new ContainerRunner(record, context));
    this.#gate = new StartGate(context);
    this.#life = new PodLife(context, this.#containers, this.#gate);
  }

  /** Takes notice of a newer version of the pod. */
  update(pod: Pod): void {
    const before = closedGates(this.#pod).join();
    this.#pod = pod;
    if (pod.metadata?.deletionTimestamp !== undefined) void this.#terminate();
    else if (closedGates(pod).join() !== before) void this.#report();
  }

  /** The log of a container's current or previous run. */
  log(container: string, previous: boolean): ContainerLog | undefined {
    return this.#containers.find(({ record }) => record.container.name === container)?.log(previous);
  }

  /** Plays the pod's life until it ends; rejects by a defect only. */
  async run(): Promise<void> {
    try {
      this.#startDeadline();
      await this.#life.play();
      await this.#finish();
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    }
  }

  /** Stops at once and kills what runs, without a report. */
  abandon(): void {
    this.#stopped.abort(new Error('the kubelet has stopped'));
    for (const container of this.#containers) container.abandon();
    this.#runtime.release(this.#pod);
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
    await this.#kill(this.#containers, 0);
    this.#finishUnstarted();
    await this.#report();
    this.#isDone = true;
    this.#stopped.abort(new Error('ended'));
    this.#runtime.release(this.#pod);
  }

  /** Ends the first main container in the given way. */
  async endContainer(exit: ContainerExit): Promise<void> {
    const [container] = ofKind(this.#containers, 'main');
    if (container === undefined) return;
    const wasRunning = container.isRunning;
    await container.force(exit);
    if (wasRunning) await this.#settled();
    else await this.#report();
  }

  /** Keeps the pod's containers from starting: they wait with this reason until it is cleared with `undefined`. */
  hold(waiting: Waiting | undefined): Promise<void> {
    return this.#gate.hold(waiting, ofKind(this.#containers, 'main'));
  }

  /** Goes on with what had to wait while the node was lost. */
  resume(): void {
    if (this.#pod.metadata?.deletionTimestamp !== undefined) void this.#terminate();
    else void this.#report();
  }

  get #isEnding(): boolean {
    return this.#isFinishing || this.#isTerminating || this.#ending !== undefined || this.#stopped.signal.aborted;
  }

  #podWithAddress(): Pod {
    this.#podIP ??= this.#host.nextPodIP();
    return { ...this.#pod, status: { ...this.#pod.status, podIP: this.#podIP, hostIP: this.#host.hostIP } };
  }

  #facts(): StatusFacts {
    return {
      pod: this.#pod,
      records: this.#containers.map(({ record }) => record),
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

  async #finish(): Promise<void> {
    if (this.#isTerminating || this.#ending !== undefined) return;
    this.#isFinishing = true;
    await this.#kill(ofKind(this.#containers, 'sidecar'), Number(this.#pod.spec?.terminationGracePeriodSeconds ?? 30));
    await this.#report();
    const phase = phaseOf(this.#facts());
    if (phase !== 'Succeeded' && phase !== 'Failed') return;
    this.#isDone = true;
    this.#runtime.release(this.#pod);
  }

  /** Containers that never ran are told as such of a pod that is ended from outside. */
  #finishUnstarted(): void {
    for (const { record } of ofKind(this.#containers, 'main')) {
      if (record.state.waiting !== undefined)
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

  /** Asks containers to end, kills them after their grace, and waits for their ends. */
  async #kill(containers: readonly ContainerRunner[], graceSeconds: number): Promise<void> {
    const running = containers.filter(({ isRunning }) => isRunning);
    const send = (signal: 'SIGTERM' | 'SIGKILL') => {
      for (const container of running) container.kill(signal);
    };
    if (running.length === 0) return;
    send(graceSeconds > 0 ? 'SIGTERM' : 'SIGKILL');
    const cancel = graceSeconds > 0 ? this.#host.clock.schedule(graceSeconds * 1000, () => send('SIGKILL')) : () => {};
    await Promise.all(running.map(({ exited }) => exited));
    cancel();
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
    for (const { record, isRunning } of this.#containers) {
      const { name } = record.container;
      if (isRunning) this.#host.recordEvent(this.#pod, 'Normal', 'Killing', `Stopping container ${name}`, name);
    }
    await this.#kill(this.#containers, this.#pod.metadata?.deletionGracePeriodSeconds ?? 0);
    this.#stopped.abort(new Error('deleted'));
    if (!this.#isDone) {
      this.#finishUnstarted();
      await this.#report();
    }
    if (this.#host.terminationDelayMs > 0) await clock.delay(this.#host.terminationDelayMs);
    if (this.#host.isNodeLost(node)) {
      // What is left to do is done when the node is back.
      this.#isTerminating = false;
      return;
    }
    await api.deletePod(this.#pod, 0).catch(() => undefined);
  }
}
