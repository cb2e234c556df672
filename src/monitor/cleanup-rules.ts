/** Which pods a cleanup takes. Pure. */
import { ANNOTATIONS, FINALIZER, LABELS, MANAGED_BY } from '../wire/names.js';
import type { Pod } from '../wire/types.js';
import { createdAt, endedAt } from './pod-age.js';

/** Limits of age in milliseconds; `undefined` leaves such pods alone. */
export interface CleanupAges {
  readonly completedMs: number | undefined;
  readonly evictedMs: number | undefined;
  readonly pendingMs: number | undefined;
  readonly undeliveredMs: number | undefined;
}

/** Why a pod is taken. */
export type CleanupReason = 'completed' | 'evicted' | 'pending';

/** Why a pod is kept. */
export type KeptReason = 'running' | 'young' | 'held' | 'undelivered' | 'terminating';

/** What is done about a pod. */
export type CleanupChoice =
  | { readonly take: true; readonly reason: CleanupReason; readonly ageMs: number }
  | { readonly take: false; readonly reason: KeptReason };

const keep = (reason: KeptReason): CleanupChoice => ({ take: false, reason });

/** A pod whose outcome its executor has not told yet, as far as shows: it would be lost with the pod. */
function isUndelivered({ metadata = {} }: Pod): boolean {
  if (metadata.finalizers?.includes(FINALIZER) === true) return true;
  const { labels = {}, annotations = {} } = metadata;
  const isDelivered = labels[LABELS.done] === 'true' || annotations[ANNOTATIONS.acknowledged] !== undefined;
  return labels[LABELS.managedBy] === MANAGED_BY && !isDelivered;
}

/** Decides about one pod. `now` is the server's, in milliseconds since the epoch. */
export function chooseCleanup(pod: Pod, ages: CleanupAges, now: number): CleanupChoice {
  const { metadata = {}, status = {} } = pod;
  if (metadata.deletionTimestamp !== undefined) return keep('terminating');
  if (metadata.labels?.[LABELS.keep] === 'true') return keep('held');
  const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed';
  if (!hasEnded && status.phase !== 'Pending') return keep('running');
  const reason: CleanupReason = hasEnded ? (status.reason === 'Evicted' ? 'evicted' : 'completed') : 'pending';
  const limit = { completed: ages.completedMs, evicted: ages.evictedMs, pending: ages.pendingMs }[reason];
  if (limit === undefined) return keep(hasEnded ? 'young' : 'running');
  const since = hasEnded ? endedAt(pod) : createdAt(pod);
  // Nothing tells its age: it is not judged by a guess.
  if (since === undefined) return keep('young');
  const ageMs = now - since;
  if (ageMs < limit) return keep('young');
  const isOwed = isUndelivered(pod) && !(ages.undeliveredMs !== undefined && ageMs >= ages.undeliveredMs);
  return isOwed ? keep('undelivered') : { take: true, reason, ageMs };
}
