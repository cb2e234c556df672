/** Instants by two clocks: a machine that slept has a monotonic clock that did not go on, and a wall clock may be set. */
import type { Clock } from '../core/clock.js';

/** See the module's text. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** Before all others, whatever the clocks say. */
export const LONG_AGO: Moment = { monotonic: Number.NEGATIVE_INFINITY, wall: 0 };

/** The instant of now. */
export const momentOf = (clock: Clock): Moment => ({ monotonic: clock.monotonic(), wall: clock.now() });

/** How long ago it was, in milliseconds, by the clock that says more. */
export const ageMs = (clock: Clock, { monotonic, wall }: Moment): number =>
  Math.max(clock.monotonic() - monotonic, clock.now() - wall);
