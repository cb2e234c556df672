/** Scheduler and kubelet for any API server. */
import { type Clock, systemClock } from '../core/clock.js';
import { type Duration, durationMs } from '../core/duration.js';
import { systemRandom } from '../core/random.js';
import type { Transport } from '../kube/transport.js';
import type { Pod } from '../wire/types.js';
import type { NodeOptions } from './kubelet/node-object.js';
import type { PodScript } from './kubelet/scripted-runtime.js';
import { VirtualKubelet } from './kubelet/virtual-kubelet.js';

/** Options of {@link PodPlayer.start}. */
export interface PodPlayerOptions {
  /** The way to the API server, with the rights of a kubelet and a scheduler. */
  readonly transport: Transport;
  /** How pods run: as local processes, or by scripts. @default 'scripted' */
  readonly mode?: 'process' | 'scripted' | undefined;
  /** The nodes it registers and plays. @default one, `node-1` */
  readonly nodes?: readonly NodeOptions[] | undefined;
  /** Which pods it schedules: those of this scheduler's name. @default 'default-scheduler' */
  readonly schedulerName?: string | undefined;
  /** Time that each pod spends in ContainerCreating. @default 0 */
  readonly startDelay?: Duration | undefined;
  /** Parts that pods play in scripted mode; goes before their annotations. */
  readonly script?: ((pod: Pod) => PodScript | undefined) | undefined;
  /** Whether Events are written. @default true */
  readonly events?: boolean | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
}

/**
 * Plays the pods of an API server that has no kubelets: a real kube-apiserver, for example. It schedules pods, reports their lives as a
 * kubelet does, and removes them when they are deleted. Their logs are not served, since a real server asks a node's address for them.
 */
export class PodPlayer {
  readonly #kubelet: VirtualKubelet;

  private constructor(options: PodPlayerOptions) {
    this.#kubelet = new VirtualKubelet({
      transport: options.transport,
      clock: options.clock ?? systemClock,
      random: systemRandom,
      mode: options.mode ?? 'scripted',
      nodes: options.nodes ?? [{}],
      schedulerName: options.schedulerName,
      startDelayMs: durationMs(options.startDelay ?? 0, 'startDelay'),
      terminationDelayMs: 0,
      script: options.script,
      recordEvents: options.events ?? true,
    });
  }

  /** Registers the nodes and begins to play. */
  static async start(options: PodPlayerOptions): Promise<PodPlayer> {
    const player = new PodPlayer(options);
    await player.#kubelet.start();
    return player;
  }

  /** Takes a node off the network: its pods change no more, and the cluster notices after 40 s. */
  loseNode(name: string): void {
    this.#kubelet.loseNode(name);
  }

  /** Brings a lost node back. */
  recoverNode(name: string): Promise<void> {
    return this.#kubelet.recoverNode(name);
  }

  /** Stops playing, and kills the processes of pods. Nodes and pods stay on the server. */
  stop(): void {
    this.#kubelet.stop();
  }
}
