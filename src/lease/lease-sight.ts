/**
 * What one observer knows of a lease: who holds it, and since when it has not changed. Pure.
 *
 * Whether a lease has run out is judged by the observer's own monotonic clock from the moment it first saw the lease as it is, never by
 * comparing clocks of two machines: renewTime is only compared for equality.
 */
import type { Lease } from '../wire/types.js';

/** A lease as one observer has seen it. */
export interface LeaseSight {
  /** Who holds it; empty where nobody does. */
  readonly holder: string;
  /** How long it holds without being renewed, in milliseconds. */
  readonly durationMs: number;
  /** Changes with each renewal and each change of hands. */
  readonly mark: string;
  /** Monotonic time at which it was first seen so. */
  readonly since: number;
}

const markOf = ({ metadata, spec = {} }: Lease) =>
  `${metadata?.uid} ${spec.holderIdentity} ${spec.renewTime} ${spec.leaseTransitions}`;

/** What is known after another look. `now` is the monotonic time after the answer, so that a lease is never judged too early. */
export function lookAt(before: LeaseSight | undefined, lease: Lease, now: number): LeaseSight {
  const mark = markOf(lease);
  if (before?.mark === mark) return before;
  const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {};
  return { holder: holderIdentity, durationMs: leaseDurationSeconds * 1_000, mark, since: now };
}

/** A lease as whoever had it leaves it: nobody's, and for so many seconds not to be taken by those who only look for what the dead have left. */
export function givenBack(lease: Lease, leaseDurationSeconds: number): Lease {
  const { holderIdentity: _holder, ...spec } = { ...lease.spec, leaseDurationSeconds };
  return { ...lease, spec };
}

/** Whether the lease has not been renewed for its whole duration, or a given one. */
export function isStale({ since, durationMs }: Pick<LeaseSight, 'since' | 'durationMs'>, now: number): boolean {
  return now - since >= durationMs;
}

/** Whether nobody holds the lease: it was released, or is stale. */
export function isFree(sight: LeaseSight, now: number): boolean {
  return sight.holder === '' || isStale(sight, now);
}
