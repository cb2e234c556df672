/** Turns a watcher's stages into three facts for the executor: this pod is so, this pod is gone, this pod has left our selector. */

import type { Watcher } from '../../watch/watcher.js';
import type { Pod } from '../../wire/types.js';
import { isInReach, type PodTrackTable } from './pod-track.js';

/** What the feed tells. */
export interface PodFeedHandlers {
  /** A pod is so; `isListed` while a list is being read, which may show another pod of the same task yet. */
  readonly onPod: (pod: Pod, isListed: boolean) => void;
  /** The pod was removed; its last state is given where the watch has it. */
  readonly onGone: (podId: string, last: Pod | undefined) => void;
  /** The pod no longer matches our selector, but may exist. */
  readonly onLeft: (podId: string, last: Pod) => void;
  /** The list of a scope has been read to its end. */
  readonly onSynced: (scope: string) => void;
}

export const podIdOf = ({ metadata: { namespace = '', name = '' } = {} }: Pod) => [namespace, name].join('/');

/**
 * Follows a watcher until the signal aborts. After each complete list, every tracked pod that the list lacks and that is older than the
 * list is gone; one that was created after the list was taken is simply not in it yet.
 */
export async function followPods(
  watcher: Watcher,
  tracks: PodTrackTable,
  handlers: PodFeedHandlers,
  signal: AbortSignal,
): Promise<void> {
  const listed = new Map<string, Set<string>>();
  const uids = new Map<string, Set<string>>();
  for await (const event of watcher.watch(signal)) {
    const scope = 'scope' in event ? (event.scope ?? '') : '';
    switch (event.type) {
      case 'init':
        listed.set(scope, new Set());
        uids.set(scope, new Set());
        break;
      case 'init-apply':
        listed.get(scope)?.add(podIdOf(event.pod));
        uids.get(scope)?.add(event.pod.metadata?.uid ?? '');
        handlers.onPod(event.pod, true);
        break;
      case 'init-done':
        reportVanished(tracks, listed.get(scope) ?? new Set(), scope, event.resourceVersion, handlers);
        tracks.keepReleased(uids.get(scope) ?? new Set(), scope, event.resourceVersion);
        // A name of every pod that was listed once is not worth keeping until the next list.
        listed.delete(scope);
        uids.delete(scope);
        handlers.onSynced(scope);
        break;
      case 'apply':
        handlers.onPod(event.pod, false);
        break;
      case 'delete':
        if (event.pod.metadata?.deletionTimestamp === undefined) handlers.onLeft(podIdOf(event.pod), event.pod);
        else handlers.onGone(podIdOf(event.pod), event.pod);
        break;
      case 'bookmark':
        break;
    }
  }
}

function reportVanished(
  tracks: PodTrackTable,
  listed: ReadonlySet<string>,
  scope: string,
  listVersion: string,
  handlers: PodFeedHandlers,
): void {
  for (const { podId, seen } of tracks.all()) {
    if (podId === undefined || seen === undefined || listed.has(podId)) continue;
    if (isInReach(seen, scope, listVersion)) handlers.onGone(podId, undefined);
  }
}
