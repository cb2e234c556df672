/** What the parts of the lifecycle share: their collaborators, and the hands by which they reach its core. */
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { Random } from '../../core/random.js';
import type { Verdict } from '../../core/verdict.js';
import type { KubeClient } from '../../kube/kube-client.js';
import type { PodLauncher } from '../../launch/pod-launcher.js';
import type { PodRemover } from '../../launch/pod-remover.js';
import type { PodSecrets } from '../../launch/pod-secrets.js';
import type { LeaseHolder } from '../../lease/lease-holder.js';
import type { PodEnd } from '../../lifecycle/classify.js';
import type { LifecyclePolicy } from '../../lifecycle/policy.js';
import type { PodGenerator } from '../../pod/pod-generator.js';
import type { Pod } from '../../wire/types.js';
import type { LifecycleReports } from './lifecycle-reports.js';
import type { PodDelivery } from './pod-delivery.js';
import type { PodEnder } from './pod-ender.js';
import type { PodTrack, PodTrackTable } from './pod-track.js';
import type { ResolvedRetry } from './retry-options.js';

/** What the lifecycle works with. */
export interface PodLifecycleOptions {
  readonly client: KubeClient;
  readonly generator: PodGenerator;
  readonly launcher: PodLauncher;
  readonly secrets: PodSecrets;
  readonly remover: PodRemover;
  readonly tracks: PodTrackTable;
  readonly ender: PodEnder;
  readonly delivery: PodDelivery;
  readonly policy: LifecyclePolicy;
  readonly retry: ResolvedRetry;
  readonly executorId: string;
  readonly executorLabel: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly reports: LifecycleReports;
  /** The lease without which nothing is decided or written; `undefined` where none is used. */
  readonly fence: Fence | undefined;
  /** How long names are held after the outcome, in milliseconds; `undefined` where they are not. */
  readonly holdNamesMs: number | undefined;
  /** Whether another executor, by the value of its label, is alive and must be left alone. */
  readonly mayBeAlive: (label: string, isRepeated?: boolean) => Promise<boolean>;
  /** Whether anybody can hear of what is decided: not before the executor has started. */
  readonly isOpen: () => boolean;
  /** Where pods are watched; `undefined` where that is everywhere, or not known here. */
  readonly namespaces: readonly string[] | undefined;
  /** Whether pods get a finalizer of ours. */
  readonly tracksWithFinalizer: boolean;
}

/** The part of a lease holder that the lifecycle asks. */
export type Fence = Pick<LeaseHolder, 'isHeld' | 'confirm'>;

/** How a flow reaches the core of the lifecycle. */
export interface LifecycleHands {
  /** Takes in a pod's state. */
  see(track: PodTrack, pod: Pod): void;
  /** Goes on with another pod of the same launch. */
  replace(track: PodTrack, pod: Pod): void;
  /**
   * Tells the end of a task, once it is sure that this is still ours to tell. Where there is only the pod of the launch before, it is written on that, unless
   * `isWrittenDown` says otherwise. `isFound`: it had ended so before it was met here, which a stop does not change.
   */
  tell(
    track: PodTrack,
    end: PodEnd,
    how?: { readonly isWrittenDown?: boolean; readonly isFound?: boolean },
  ): Promise<void>;
}

/** The end of a launch of which there is nothing to see. */
export const failedEnd = (verdict: Verdict): PodEnd => ({
  result: 'failed',
  exitCode: undefined,
  verdict,
  warnings: [],
});
