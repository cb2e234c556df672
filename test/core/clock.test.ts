import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';

const DAY_MS = 86_400_000;

afterEach(() => vi.useRealTimers());

it('waits for as long as it is told to, beyond what one timer can hold', () => {
  vi.useFakeTimers();
  const [kept, cancelled] = [vi.fn(), vi.fn()];
  systemClock.schedule(60 * DAY_MS, kept);
  const cancel = systemClock.schedule(60 * DAY_MS, cancelled);
  vi.advanceTimersByTime(59 * DAY_MS);
  expect(kept).not.toHaveBeenCalled();
  cancel();
  vi.advanceTimersByTime(DAY_MS);
  expect(kept).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(60 * DAY_MS);
  expect(kept).toHaveBeenCalledTimes(1);
  expect(cancelled).not.toHaveBeenCalled();
});
