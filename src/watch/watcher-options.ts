/** What all watchers of podwright take. */
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Random } from '../core/random.js';
import type { PodReader } from '../kube/kube-client.js';
import type { Pod } from '../wire/types.js';
import type { ResourceVersionStore } from './watcher.js';

/** Trouble of a watch that a person should know of. It goes on trying. */
export interface WatchTrouble {
  /** HTTP status: 403, 404, 401, … */
  readonly status: number;
  /** Reason of the server's Status. */
  readonly reason: string;
  /** What the server says. */
  readonly message: string;
  /** The namespace, or `undefined` for all. */
  readonly namespace: string | undefined;
}

/** Options that all watchers of podwright take. */
export interface WatcherOptions {
  /** Reads and watches pods. */
  readonly client: PodReader;
  /** Kubernetes label selector, applied by the server. */
  readonly labelSelector?: string | undefined;
  /** Kubernetes field selector, applied by the server. */
  readonly fieldSelector?: string | undefined;
  /** Most objects in a page of a list; pages get smaller where objects are heavy or the server is slow. @default 500 */
  readonly pageSize?: number | undefined;
  /**
   * Whether the list comes through the stream that is watched then (`sendInitialEvents`), which spares the server a copy of everything and
   * us a block of the event loop. Servers that do not know it are noticed, and listed by pages. @default what the client can do
   */
  readonly streamingList?: boolean | undefined;
  /** How often everything is listed beside the running watch, in milliseconds, give or take a tenth; 0 = never. @default 300000 */
  readonly resyncIntervalMs?: number | undefined;
  /** After how many silent milliseconds a stream that has sent a bookmark counts as dead. @default 150000 */
  readonly silenceMs?: number | undefined;
  /** Trims or replaces each pod as it arrives. @default drops managed fields */
  readonly transform?: ((pod: Pod) => Pod) | undefined;
  /** Remembers how far the consumer has come. @default nothing is remembered */
  readonly store?: ResourceVersionStore | undefined;
  /** Called when the server refuses, each time it does. */
  readonly onTrouble?: ((trouble: WatchTrouble) => void) | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Source of jitter. @default Math.random */
  readonly random?: Random | undefined;
  /** Where log lines go. @default nowhere */
  readonly logger?: Logger | undefined;
}
