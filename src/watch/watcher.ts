/** What an executor asks of a watch over pods, and the store of versions behind it. */
import type { Pod } from '../wire/types.js';

/** A complete list begins. */
export interface WatchInitEvent {
  /** Discriminates. */
  readonly type: 'init';
  /** Namespace that the list covers; left out, all. */
  readonly scope?: string | undefined;
}

/** A pod of the list. */
export interface WatchInitApplyEvent {
  /** Discriminates. */
  readonly type: 'init-apply';
  /** The pod. */
  readonly pod: Pod;
  /** Namespace that the list covers; left out, all. */
  readonly scope?: string | undefined;
}

/** The list is complete: what it did not show is gone. */
export interface WatchInitDoneEvent {
  /** Discriminates. */
  readonly type: 'init-done';
  /** Version of the list. */
  readonly resourceVersion: string;
  /** Namespace that the list covers; left out, all. */
  readonly scope?: string | undefined;
}

/** A pod is new or has changed, or is gone or has left the selector. */
export interface WatchPodEvent {
  /** Discriminates. */
  readonly type: 'apply' | 'delete';
  /** Its state; of a pod that is gone, the last one. */
  readonly pod: Pod;
}

/** Nothing has changed up to a version. */
export interface WatchBookmarkEvent {
  /** Discriminates. */
  readonly type: 'bookmark';
  /** The version. */
  readonly resourceVersion: string;
}

/**
 * One step of a watch, in the staged form of kube-rs: a (re)list is `init`, one `init-apply` per object, then `init-done`; in between
 * come `apply` and `delete`. Whatever was known before an `init` and is not repeated before `init-done` is gone. A consumer needs
 * nothing else to be right: levels, not edges.
 *
 * Where several namespaces are watched, `scope` names the namespace that an `init … init-done` speaks of; without it, all of them.
 */
export type WatchEvent = WatchInitEvent | WatchInitApplyEvent | WatchInitDoneEvent | WatchPodEvent | WatchBookmarkEvent;

/** How a watch is doing. */
export interface WatchStatus {
  /** Whether the first list is through and was told: whoever follows the watch knows the state. */
  readonly synced: boolean;
  /** How often it has listed, the first time included. */
  readonly lists: number;
  /** How often a watch was opened again, by reason. */
  readonly restarts: Readonly<Record<string, number>>;
  /** Milliseconds since the last sign of life of the stream; `undefined` before the first. */
  readonly silentMs: number | undefined;
  /** The last trouble, where there was one; never a manifest. */
  readonly lastError: string | undefined;
  /** How long the oldest event has waited for the consumer, in milliseconds; 0 where none waits. */
  readonly lagMs?: number | undefined;
  /** Events that wait for the consumer. */
  readonly queued?: number | undefined;
  /** Pods that it knows of. */
  readonly pods?: number | undefined;
}

/** A never-ending, self-healing stream of pods. */
export interface Watcher {
  /** Starts watching; ends when the signal aborts. Errors are healed inside, never thrown; one consumer at a time. */
  watch(signal: AbortSignal): AsyncIterable<WatchEvent>;
  /** How it is doing. */
  status(): WatchStatus;
}

/** Remembers how far a watch has come, per scope (server, namespace and selector). */
export interface ResourceVersionStore {
  /** The version of the scope, or `undefined`. */
  get(scope: string): string | undefined | Promise<string | undefined>;
  /** Remembers a version; `undefined` forgets it. */
  set(scope: string, resourceVersion: string | undefined): void | Promise<void>;
}
