import { expect, it } from 'vitest';
import { shortSchedulerMessage } from '../../src/lifecycle/scheduler-message.js';
import { SCHEDULING_CASES } from '../testing/scheduling-cases.js';

it.each([
  [
    '0/2 nodes are available: 1 Insufficient cpu, 1 Too many pods. preemption: 0/2 nodes are available: 2 x.',
    'of 2 nodes, 1 short of cpu, 1 full',
  ],
  [
    '0/1 nodes are available: 1 node(s) had untolerated taint {a: b}. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    'of 1 node, 1 with the taint a: b, not tolerated',
  ],
  [
    "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) had untolerated taint(s).",
    'of 3 nodes, 1 not meeting its spread constraint, 1 without the label of its spread constraint, 1 with a taint that it does not tolerate',
  ],
])('shortens %s', (message, short) => {
  expect(shortSchedulerMessage(message)).toBe(short);
});

it('understands everything that the scheduler is known to say', () => {
  for (const { name, expected } of SCHEDULING_CASES)
    if ('message' in expected && expected.message.startsWith('0/')) {
      const short = shortSchedulerMessage(expected.message);
      // What is not understood is passed on with a colon, or in the scheduler's words.
      expect(short, name).not.toMatch(/: |node\(s\)|preemption|claims/);
    }
});
