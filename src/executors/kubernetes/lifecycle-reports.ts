/** What the life of a pod means for its task, as told to the executor. */
import type { QueuedTask } from '../../core/outcome.js';
import type { Verdict } from '../../core/verdict.js';
import type { Pod } from '../../wire/types.js';
import type { EndDetails } from '../outcome-hub.js';
import type { PodTrack } from './pod-track.js';

/** What the lifecycle tells the executor. */
export interface LifecycleReports {
  /** The pod of a launch was seen for the first time. */
  readonly seen: (track: PodTrack) => void;
  /** A launch begins. */
  readonly launching: (track: PodTrack) => void;
  /** A new state of its pod has come in. */
  readonly observed: (track: PodTrack, pod: Pod) => void;
  /** Its pod has used up a limit, and is about to be ended. */
  readonly ending: (track: PodTrack, verdict: Verdict) => void;
  /** Its pod is no more. */
  readonly vanished: (track: PodTrack) => void;
  readonly running: (track: PodTrack) => void;
  readonly pending: (track: PodTrack, reason: string) => void;
  /** Something beside the base container has gone wrong. */
  readonly warning: (track: PodTrack, warning: string) => void;
  readonly relaunch: (track: PodTrack, verdict: Verdict) => void;
  readonly success: (track: PodTrack, details: EndDetails) => void;
  readonly fail: (track: PodTrack, verdict: Verdict, details: EndDetails) => void;
  /** Whether a task is being taken back, so that nobody is to hear of it. */
  readonly isRevoked: (task: QueuedTask) => boolean;
  readonly isStillWanted: (task: QueuedTask) => boolean | Promise<boolean>;
  /** Resolves when nobody reads the log of the launch any more, or has had time enough. Never rejects. */
  readonly logsRead: (track: PodTrack) => Promise<void>;
}
