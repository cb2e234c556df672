/** The order in which a pod's containers start, and which of them start again. */
import type { Clock } from '../../core/clock.js';
import type { Pod } from '../../wire/types.js';
import type { ContainerRunner } from './container-runner.js';
import type { ContainerRuntime } from './runtime.js';
import type { StartGate } from './start-gate.js';

/** What a life needs of its pod. */
export interface LifeContext {
  readonly clock: Clock;
  readonly runtime: ContainerRuntime;
  /** Aborted when nothing more shall happen to the pod. */
  readonly signal: AbortSignal;
  pod(): Pod;
  /** Whether the pod is being ended. */
  isEnding(): boolean;
  report(): Promise<void>;
}

/** Containers by what they are for. */
export const ofKind = (containers: readonly ContainerRunner[], kind: 'init' | 'sidecar' | 'main'): ContainerRunner[] =>
  containers.filter(({ record }) => record.kind === kind);

/** Waits for a promise that does not reject, or rejects when the signal aborts. */
function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

/** Plays the containers of a pod. */
export class PodLife {
  readonly #context: LifeContext;
  readonly #containers: readonly ContainerRunner[];
  readonly #gate: StartGate;

  constructor(context: LifeContext, containers: readonly ContainerRunner[], gate: StartGate) {
    this.#context = context;
    this.#containers = containers;
    this.#gate = gate;
  }

  /**
   * Runs the init containers one after the other, each sidecar from its turn on, and then the main ones; resolves when those, or an init
   * container, have ended for good. @throws the signal's reason
   */
  async play(): Promise<void> {
    const { clock, runtime, signal, pod, report } = this.#context;
    await report();
    if (pod().spec?.volumes !== undefined) await this.#gate.mounted(() => runtime.prepare(pod()));
    signal.throwIfAborted();
    for (const container of this.#containers) {
      if (container.record.kind === 'main') continue;
      await this.#start(container);
      if (container.record.kind === 'sidecar') {
        void this.#supervise(container).catch(() => undefined);
        await report();
        await orAborted(container.started, signal);
        continue;
      }
      await report();
      if (!(await this.#untilGood(container))) return;
    }
    const main = ofKind(this.#containers, 'main');
    const delay = Math.max(...main.map(({ record }) => runtime.plan(pod(), record.container).startDelayMs));
    if (delay > 0) await clock.delay(delay, { signal });
    await Promise.all(main.map((container) => this.#start(container, true)));
    await report();
    await Promise.all(main.map((container) => this.#supervise(container)));
  }

  async #start(runner: ContainerRunner, isDelayed = false): Promise<void> {
    const { clock, runtime, signal, pod } = this.#context;
    const { record } = runner;
    const plan = runtime.plan(pod(), record.container);
    if (plan.startDelayMs > 0 && !isDelayed) await clock.delay(plan.startDelayMs, { signal });
    if (record.kind === 'main') await this.#gate.pass(runner, plan.waiting);
    signal.throwIfAborted();
    // Of a pod on its way out nothing starts, while the rest of it takes its time to end.
    if (!this.#context.isEnding()) await runner.start();
  }

  /** Waits for the container's end and starts it again as its policy says; resolves when it has ended for good. */
  async #supervise(container: ContainerRunner): Promise<void> {
    for (let restarts = 0; ; restarts++) {
      await container.exited;
      if (this.#context.isEnding()) return;
      if (!this.#mayRestart(container)) {
        // The last one's end is told with that of the pod.
        if (ofKind(this.#containers, 'main').some(({ isRunning }) => isRunning)) await this.#context.report();
        return;
      }
      await container.restart(restarts);
    }
  }

  /** Runs an init container until it succeeds; resolves with whether it did. */
  async #untilGood(container: ContainerRunner): Promise<boolean> {
    for (let restarts = 0; ; restarts++) {
      await container.exited;
      const isGood = container.record.state.terminated?.exitCode === 0;
      if (isGood || this.#context.isEnding() || this.#context.pod().spec?.restartPolicy === 'Never') return isGood;
      await container.restart(restarts);
    }
  }

  #mayRestart({ record, isUnhealthy }: ContainerRunner): boolean {
    if (record.kind === 'sidecar')
      return ofKind(this.#containers, 'main').some((container) => container.record.state.terminated === undefined);
    const policy = this.#context.pod().spec?.restartPolicy;
    if (policy === 'Never') return false;
    return policy === 'Always' || isUnhealthy || record.state.terminated?.exitCode !== 0;
  }
}
