/** What keeps a pod's containers from starting: missing volumes, and faults and scripts that have them wait, with a reason. */
import type { Clock } from '../../core/clock.js';
import type { Pod } from '../../wire/types.js';
import type { ContainerRunner } from './container-runner.js';

/** Why a container waits. */
export interface Waiting {
  readonly reason: string;
  readonly message: string;
  /** For how long, where that passes by itself. */
  readonly forMs?: number | undefined;
}

/** What the gate needs of its pod. */
export interface GateContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  pod(): Pod;
  report(): Promise<void>;
  recordEvent(type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void;
}

const PULL_BACKOFF_MS = 10_000;
/** How often a volume is tried again. */
const RETRY_MS = 1000;

/** Holds containers back. */
export class StartGate {
  readonly #context: GateContext;
  #waiting: Waiting | undefined;
  /** Told when what containers wait for has changed. */
  readonly #listeners = new Set<() => void>();

  constructor(context: GateContext) {
    this.#context = context;
  }

  /** Resolves when the pod's volumes are made; its containers wait as ContainerCreating meanwhile. @throws the signal's reason */
  async mounted(prepare: () => Promise<void>): Promise<void> {
    const { clock, signal, recordEvent } = this.#context;
    for (;;) {
      try {
        return await prepare();
      } catch (error) {
        signal.throwIfAborted();
        recordEvent('Warning', 'FailedMount', error instanceof Error ? error.message : String(error));
        await clock.delay(RETRY_MS, { signal });
      }
    }
  }

  /** Has these containers, where they have not started, wait with this reason until it is cleared with `undefined`. */
  async hold(waiting: Waiting | undefined, containers: readonly ContainerRunner[]): Promise<void> {
    this.#waiting = waiting;
    for (const tell of this.#listeners) tell();
    for (const { record } of containers)
      if (waiting !== undefined && record.state.waiting !== undefined) record.state = { waiting };
    await this.#context.report();
    if (waiting?.reason === 'ErrImagePull') this.#backOffLater(waiting.message, containers);
  }

  /** A pull that has failed is tried again after a while, and waits in between. */
  #backOffLater(message: string, containers: readonly ContainerRunner[]): void {
    const { clock, signal, pod } = this.#context;
    const cancel = clock.schedule(PULL_BACKOFF_MS, () => {
      if (this.#waiting?.reason !== 'ErrImagePull') return;
      const image = pod().spec?.containers[0]?.image ?? '';
      const held = {
        reason: 'ImagePullBackOff',
        message: `Back-off pulling image "${image}": ErrImagePull: ${message}`,
      };
      void this.hold(held, containers);
    });
    signal.addEventListener('abort', cancel, { once: true });
  }

  /** Resolves when the container may start. @throws the signal's reason */
  async pass({ record }: ContainerRunner, scripted: Waiting | undefined): Promise<void> {
    const { clock, signal, report, recordEvent } = this.#context;
    const waiting = this.#waiting ?? scripted;
    if (waiting === undefined) return;
    record.state = { waiting };
    if (waiting.reason !== 'ContainerCreating')
      recordEvent('Warning', 'Failed', `Error: ${waiting.reason}`, record.container.name);
    await report();
    if (scripted?.forMs !== undefined) await clock.delay(scripted.forMs, { signal });
    while (this.#waiting !== undefined || (scripted !== undefined && scripted.forMs === undefined))
      await this.#changed();
  }

  /** Resolves when what containers wait for has changed. @throws the signal's reason */
  #changed(): Promise<void> {
    const { signal } = this.#context;
    return new Promise((resolve, reject) => {
      const forget = () => {
        this.#listeners.delete(tell);
        signal.removeEventListener('abort', onAbort);
      };
      const tell = () => {
        forget();
        resolve();
      };
      const onAbort = () => {
        forget();
        reject(signal.reason);
      };
      signal.throwIfAborted();
      this.#listeners.add(tell);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
