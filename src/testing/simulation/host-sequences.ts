/** What hosts do to each other in a simulation: they share tasks, lose their leases, die and take over, in orders that chance alone would seldom bring. */
import type { Random } from '../../core/random.js';
import { SCRIPT_PREFIX } from '../kubelet/scripted-runtime.js';
import { drawTask, of, shortWait, upTo } from './draws.js';
import type { Operation } from './operations.js';

/** How a host loses its lease. */
const waysToBeAway = (host: number, ms: number, mode: 'deaf' | 'leaseless'): readonly Operation[] => [
  { type: 'freeze', host, ms },
  { type: 'wire', host, mode: 'cut', ms },
  { type: 'wire', host, mode, ms },
  { type: 'kill', host, backAfterMs: ms, atWrite: 0 },
];

/** A host is away for longer than its lease holds, and comes back amid what others do about its pods. */
export function* takeover(random: Random, longestTask: number): Generator<Operation> {
  const host = random.next();
  const ms = 15_000 + upTo(random, of(random, [45_000, 45_000, 200_000]));
  for (let tasks = upTo(random, 3); tasks > 0; tasks -= 1)
    yield { type: 'queue', annotations: drawTask(random, longestTask) };
  yield shortWait(random, 5_000);
  yield of(random, waysToBeAway(host, ms, 'deaf'));
  yield { type: 'wait', ms: 10_000 + upTo(random, 20_000) };
  // Sometimes all is over, names and all, when it comes back.
  if (ms > 100_000) yield { type: 'wait', ms: ms - 40_000 };
  yield {
    type: 'request',
    verb: of(random, ['patch', 'list', 'get', 'delete']),
    times: upTo(random, 4),
    fault: of(random, [{ status: 503 }, { applyThenDrop: true }, { latencyMs: 3_000 }]),
  };
  yield shortWait(random, 30_000);
}

/** Two hosts are given one task, which is cancelled, and one of them is away for so long that others take over from it. */
export function* contest(random: Random, longestTask: number): Generator<Operation> {
  const fault = of(random, [{ applyThenDrop: true }, { latencyMs: 3_000 }, { status: 503 }]);
  if (random.next() < 0.5) yield { type: 'request', verb: 'create', times: upTo(random, 3), fault };
  yield { type: 'queue', annotations: drawTask(random, longestTask), alsoTo: random.next() };
  yield shortWait(random, 6_000);
  const host = random.next();
  const ms = 15_000 + upTo(random, 60_000);
  const away: readonly Operation[] = [
    { type: 'freeze', host, ms },
    { type: 'wire', host, mode: 'cut', ms },
    { type: 'kill', host, backAfterMs: ms, atWrite: random.next() < 0.5 ? 0 : upTo(random, 3) },
  ];
  if (random.next() < 0.5) yield of(random, away);
  yield shortWait(random, 20_000);
  yield { type: 'cancel', task: 0.999_999, ...(random.next() < 0.5 ? { on: random.next() } : {}) };
  yield shortWait(random, 3_000);
  yield of(random, away);
  yield shortWait(random, 40_000);
}

/** A host cannot renew its lease while everything else goes on: what it learns and is asked for meanwhile it may not act on. */
export function* lapse(random: Random, longestTask: number): Generator<Operation> {
  for (let tasks = upTo(random, 2); tasks > 0; tasks -= 1)
    yield { type: 'queue', annotations: drawTask(random, longestTask) };
  yield shortWait(random, 6_000);
  yield {
    type: 'wire',
    host: random.next(),
    mode: 'leaseless',
    ms: 10_000 + upTo(random, of(random, [30_000, 120_000])),
  };
  const happens: readonly Operation[] = [
    { type: 'pod', pod: random.next(), what: of(random, ['evict', 'fail', 'delete', 'preempt', 'oom'] as const) },
    { type: 'cancel', task: random.next() },
    { type: 'cancel', task: 0.999_999 },
    { type: 'revoke', task: random.next() },
    { type: 'queue', annotations: drawTask(random, longestTask) },
  ];
  for (let events = 3; events > 0; events -= 1) {
    yield shortWait(random, 12_000);
    yield of(random, happens);
  }
  yield shortWait(random, 30_000);
}

/**
 * Two hosts are given one task, and one of them is asked to cancel it: whoever has its pod tells the end, and the other, which may hear of all that
 * late, finds the same, or takes the pod over from the one that dies.
 */
export function* echo(random: Random): Generator<Operation> {
  const isLate = random.next() < 0.5;
  const mode = of(random, ['slow', 'late'] as const);
  const delays: readonly Operation[] = [
    { type: 'wire', host: random.next(), mode, ms: 3_000 + upTo(random, 15_000) },
    { type: 'request', verb: 'create', times: upTo(random, 2), fault: { latencyMs: 3_000 } },
    { type: 'request', resource: 'leases', verb: 'list', times: 10 + upTo(random, 30), fault: { status: 503 } },
  ];
  if (isLate) yield of(random, delays);
  const seconds = 4 + upTo(random, 6);
  const isClose = random.next() < 0.4;
  const annotations = isClose
    ? { [`${SCRIPT_PREFIX}duration`]: `${seconds}s`, [`${SCRIPT_PREFIX}exit-code`]: '3' }
    : { [`${SCRIPT_PREFIX}duration`]: of(random, ['30s', '600s']) };
  yield { type: 'queue', annotations, alsoTo: random.next() };
  // Sometimes its program fails by itself while it is to be stopped.
  if (isClose) {
    yield { type: 'wait', ms: 1_000 * seconds - 2_000 + upTo(random, 3_000) };
    yield { type: 'request', verb: 'delete', times: 2, fault: { latencyMs: 3_000 } };
  } else yield { type: 'wait', ms: isLate ? upTo(random, 5_000) : 3_000 + upTo(random, 8_000) };
  yield { type: 'cancel', task: 0.999_999, on: random.next() < 0.5 ? 'its owner' : random.next() };
  yield shortWait(random, 6_000);
  if (random.next() < 0.4)
    yield { type: 'kill', host: random.next(), backAfterMs: 30_000 + upTo(random, 120_000), atWrite: 0 };
  yield { type: 'wait', ms: 30_000 + upTo(random, 40_000) };
}

/** Renewals of leases are answered late, and a host stands still in the middle of one; when it goes on there is something to do at once. */
export function* nap(random: Random, longestTask: number): Generator<Operation> {
  for (let tasks = upTo(random, 2); tasks > 0; tasks -= 1)
    yield { type: 'queue', annotations: drawTask(random, longestTask) };
  yield shortWait(random, 6_000);
  yield { type: 'request', resource: 'leases', verb: 'update', times: upTo(random, 8), fault: { latencyMs: 3_000 } };
  yield shortWait(random, 6_000);
  yield { type: 'freeze', host: random.next(), ms: 10_000 + upTo(random, 25_000) };
  yield shortWait(random, 8_000);
  const what = of(random, ['evict', 'fail', 'oom', 'nodeShutdown'] as const);
  yield of(random, [
    { type: 'pod', pod: random.next(), what },
    { type: 'cancel', task: random.next() },
    { type: 'revoke', task: random.next() },
  ] as const);
  yield shortWait(random, 30_000);
}

/** A host dies for good in the middle of what it has just begun. */
export function* bequest(random: Random, longestTask: number): Generator<Operation> {
  yield { type: 'kill', host: random.next(), backAfterMs: 0, atWrite: upTo(random, 4), isForGood: true };
  for (let tasks = 2 + upTo(random, 4); tasks > 0; tasks -= 1)
    yield { type: 'queue', annotations: drawTask(random, longestTask) };
  yield shortWait(random, 20_000);
}

/** Two hosts are given one task, the one that has its pod goes away, and what the other needs to do about that is refused for a while. */
export function* heirs(random: Random, longestTask: number): Generator<Operation> {
  yield { type: 'queue', annotations: drawTask(random, longestTask), alsoTo: random.next() };
  yield shortWait(random, 6_000);
  const host = random.next();
  const ms = 20_000 + upTo(random, 100_000);
  yield of(random, [
    ...waysToBeAway(host, ms, 'leaseless'),
    { type: 'leave', host, how: 'detach', backAfterMs: ms } as const,
  ]);
  yield shortWait(random, 15_000);
  const refused: readonly Operation[] = [
    { type: 'rights', resource: 'pods', verb: 'patch', ms: 20_000 + upTo(random, 100_000) },
    { type: 'request', verb: 'patch', times: 10 + upTo(random, 20), fault: { status: 503 } },
    { type: 'request', resource: 'leases', verb: 'update', times: upTo(random, 12), fault: { status: 503 } },
    { type: 'request', resource: 'leases', verb: 'list', times: upTo(random, 12), fault: { status: 503 } },
    { type: 'request', resource: 'leases', verb: 'delete', times: upTo(random, 3), fault: { applyThenDrop: true } },
  ];
  yield of(random, refused);
  yield { type: 'wait', ms: 5_000 + upTo(random, 25_000) };
  if (random.next() < 0.5) yield { type: 'cancel', task: 0.999_999 };
  else yield { type: 'pod', pod: random.next(), what: of(random, ['evict', 'fail', 'delete'] as const) };
  yield shortWait(random, 40_000);
}
