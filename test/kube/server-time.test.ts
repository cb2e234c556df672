import { expect, it } from 'vitest';
import { ServerTime } from '../../src/kube/server-time.js';
import { VirtualClock } from '../../src/testing/index.js';

it('the server has no other time because somebody has set the clock of the host', async () => {
  const virtual = new VirtualClock();
  let setBy = 0;
  const clock = {
    now: () => virtual.now() + setBy,
    monotonic: () => virtual.monotonic(),
    schedule: virtual.schedule.bind(virtual),
    delay: virtual.delay.bind(virtual),
  };
  const time = new ServerTime(clock);
  expect(time.offsetMs).toBeUndefined();
  const serverNow = () => clock.now() + (time.offsetMs ?? Number.NaN);
  time.note(new Date(virtual.now()).toUTCString(), clock.monotonic());
  const before = serverNow();
  expect(Math.abs(before - virtual.now())).toBeLessThanOrEqual(1_000);
  setBy = 3_600_000;
  expect(serverNow()).toBe(before);
});
