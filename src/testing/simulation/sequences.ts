/** What follows upon each other in a simulation in order to bring together what seldom meets. */
import type { Random } from '../../core/random.js';
import { SCRIPT_PREFIX } from '../kubelet/scripted-runtime.js';
import { drawTask, of, shortWait, upTo } from './draws.js';
import { bequest, contest, echo, heirs, lapse, nap, takeover } from './host-sequences.js';
import type { Operation } from './operations.js';

/** One task is unlucky again and again, until its budgets are spent; its hosts must not forget how often that was. */
function* storm(random: Random): Generator<Operation> {
  yield { type: 'queue', annotations: { [`${SCRIPT_PREFIX}duration`]: '240s' } };
  yield { type: 'wait', ms: 5_000 };
  const whats = of(random, [['evict'], ['nodeShutdown'], ['preempt', 'evict'], ['oom'], ['evict', 'oom']] as const);
  yield { type: 'pod', pod: 0, what: whats[0], of: 'newest running' };
  for (let more = 0; more < 6; more += 1) {
    yield { type: 'wait', ms: 5_000 + upTo(random, 15_000) };
    if (random.next() < 0.15) yield { type: 'kill', host: random.next(), backAfterMs: 1_000, atWrite: 0 };
    yield { type: 'pod', pod: 0, what: of(random, whats), of: 'same task' };
  }
}

/** A host dies between two of the writes that follow the end of a pod, perhaps one that is not its task's last. */
function* gasp(random: Random, longestTask: number): Generator<Operation> {
  const isShort = random.next() < 0.5;
  yield {
    type: 'queue',
    annotations: isShort ? { [`${SCRIPT_PREFIX}duration`]: `${4 + upTo(random, 6)}s` } : drawTask(random, longestTask),
  };
  yield shortWait(random, 4_000);
  const fault = of(random, [{ status: 429, retryAfter: 5 }, { status: 503 }, { latencyMs: 3_000 }]);
  if (isShort)
    yield { type: 'request', verb: 'delete', times: 4 + upTo(random, 4), fault: { status: 503 }, ofNewest: true };
  else if (random.next() < 0.5) yield { type: 'request', verb: 'delete', times: 1 + upTo(random, 3), fault };
  const what = of(random, ['evict', 'preempt', 'nodeShutdown', 'oom', 'fail', 'delete'] as const);
  yield { type: 'pod', pod: random.next(), what, of: isShort ? 'newest running' : 'running' };
  // The next launch may have done its work by then.
  if (isShort || random.next() < 0.5) yield { type: 'wait', ms: 5_000 + upTo(random, 15_000) };
  yield { type: 'kill', host: random.next(), backAfterMs: upTo(random, 20) * 1_000, atWrite: upTo(random, 3) };
  yield shortWait(random, 5_000);
}

/** Something befalls a pod while nobody watches, and the history that would tell of it is gone afterwards. */
function* unseen(random: Random): Generator<Operation> {
  yield { type: 'watches', what: of(random, ['silence', 'break'] as const) };
  const what = of(random, ['delete', 'deleteByForce', 'deleteByForce', 'evict', 'fail'] as const);
  yield { type: 'pod', pod: random.next(), what };
  yield shortWait(random, 20_000);
  yield { type: 'watches', what: 'rotate' };
}

/** A task is cancelled, or taken back before its program runs, whose pod nobody can end, and the host dies around the moment when that is told. */
function* doubt(random: Random): Generator<Operation> {
  const type = of(random, ['cancel', 'revoke'] as const);
  const ms = upTo(random, 8) * 60_000;
  if (type === 'revoke') {
    const annotations = { [`${SCRIPT_PREFIX}start-delay`]: '40s', [`${SCRIPT_PREFIX}duration`]: '20s' };
    yield { type: 'queue', annotations };
    yield shortWait(random, 4_000);
    if (random.next() < 0.5) {
      // Its next launch has a name that a task which is handed over anew need not come upon.
      yield { type: 'pod', pod: 0, what: of(random, ['preempt', 'evict'] as const), of: 'newest pending' };
      yield { type: 'wait', ms: 5_000 + upTo(random, 15_000) };
    }
    yield { type: 'node', pod: 0, ms, of: 'newest pending' };
  } else yield { type: 'node', pod: random.next(), ms };
  yield shortWait(random, 60_000);
  yield { type, task: type === 'revoke' ? 0.999_999 : random.next(), ofLostPod: true };
  yield shortWait(random, 30_000);
  if (type === 'revoke') return;
  yield { type: 'kill', host: random.next(), backAfterMs: upTo(random, 90) * 1_000, atWrite: upTo(random, 3) };
}

/** Nobody may make pods while tasks are handed over; one of them has its pod already, and nobody has heard of it. */
function* barred(random: Random, longestTask: number): Generator<Operation> {
  if (random.next() < 0.5) {
    yield { type: 'watches', what: 'silence' };
    yield { type: 'request', verb: 'create', times: 1, fault: { applyThenDrop: true } };
    yield { type: 'queue', annotations: { [`${SCRIPT_PREFIX}duration`]: '60s' } };
    yield shortWait(random, 600);
  }
  yield { type: 'rights', resource: 'pods', verb: 'create', ms: 10_000 + upTo(random, 60_000) };
  for (let tasks = upTo(random, 3); tasks > 0; tasks -= 1) {
    yield { type: 'queue', annotations: drawTask(random, longestTask) };
    yield shortWait(random, 10_000);
  }
}

/** A task is taken back in the moment in which its program starts. */
function* snatch(random: Random): Generator<Operation> {
  const seconds = 3 + upTo(random, 10);
  const annotations = { [`${SCRIPT_PREFIX}start-delay`]: `${seconds}s`, [`${SCRIPT_PREFIX}duration`]: '60s' };
  yield { type: 'queue', annotations };
  yield { type: 'wait', ms: 1_000 * seconds - 2_500 + upTo(random, 3_000) };
  yield { type: 'request', verb: of(random, ['delete', 'get']), times: upTo(random, 2), fault: { latencyMs: 3_000 } };
  yield { type: 'revoke', task: 0.999_999 };
  yield shortWait(random, 10_000);
}

/** Programs have run for most of their time when their host dies. */
function* patience(random: Random, longestTask: number): Generator<Operation> {
  for (let tasks = 3; tasks > 0; tasks -= 1) yield { type: 'queue', annotations: drawTask(random, longestTask) };
  yield { type: 'wait', ms: 90_000 + upTo(random, 90_000) };
  yield { type: 'kill', host: random.next(), backAfterMs: upTo(random, 5) * 1_000, atWrite: 0 };
  yield shortWait(random, 10_000);
}

/** A create is on its way, or has come and nobody knows, while its task is cancelled. */
function* race(random: Random, longestTask: number): Generator<Operation> {
  // Sometimes the server keeps silent about it for longer than a client tries by itself, which is ten times.
  const isDark = random.next() < 0.3;
  const fault = isDark
    ? { applyThenDrop: true }
    : of(random, [{ applyThenDrop: true }, { applyThenDrop: true }, { latencyMs: 3_000 }, { status: 503 }]);
  // A pod that the quota keeps out has a secret already, and perhaps never comes.
  if (!isDark && random.next() < 0.5) yield { type: 'quota', pods: 1, ms: 30_000 };
  // Or nobody knows of the secret that was made for it.
  const resource = random.next() < 0.2 ? 'secrets' : 'pods';
  yield { type: 'request', resource, verb: 'create', times: isDark ? 3 : upTo(random, 2), fault };
  const times = isDark ? 14 : upTo(random, 4);
  if (isDark || random.next() < 0.5) yield { type: 'request', verb: 'get', times, fault: { status: 503 } };
  if (random.next() < 0.5) yield { type: 'watches', what: of(random, ['silence', 'break'] as const) };
  yield { type: 'queue', annotations: drawTask(random, longestTask) };
  yield shortWait(random, isDark ? 1_500 : 3_000);
  // The task that was queued last stands at the end of the open ones.
  yield { type: 'cancel', task: 0.999_999 };
}

/** A task is taken back, or cancelled, between two launches, and perhaps its host dies then. */
function* retreat(random: Random): Generator<Operation> {
  yield { type: 'queue', annotations: { [`${SCRIPT_PREFIX}duration`]: of(random, ['60s', '240s']) } };
  yield { type: 'wait', ms: 2_000 + upTo(random, 6_000) };
  const roll = random.next();
  if (roll < 0.3) yield { type: 'rights', resource: 'pods', verb: 'create', ms: 20_000 };
  else if (roll < 0.5) yield { type: 'quota', pods: 1, ms: 30_000 };
  const what = of(random, ['evict', 'nodeShutdown', 'preempt', 'oom'] as const);
  yield { type: 'pod', pod: 0, what, of: 'newest running' };
  yield shortWait(random, of(random, [1_200, 5_000]));
  yield { type: of(random, ['revoke', 'cancel'] as const), task: 0.999_999 };
  if (random.next() < 0.5)
    yield { type: 'kill', host: random.next(), backAfterMs: 1_000, atWrite: upTo(random, 4) - 1 };
  yield shortWait(random, 15_000);
}

/** A host leaves in good order while it looks into how a program has ended. */
function* farewell(random: Random): Generator<Operation> {
  const seconds = 3 + upTo(random, 6);
  const exit = random.next() < 0.5 ? { [`${SCRIPT_PREFIX}exit-code`]: '3' } : {};
  yield { type: 'queue', annotations: { [`${SCRIPT_PREFIX}duration`]: `${seconds}s`, ...exit } };
  const [resource, verb] = of(random, [
    ['pods/log', 'get'],
    ['events', 'list'],
    ['pods', 'patch'],
  ] as const);
  yield { type: 'request', resource, verb, times: 3, fault: { latencyMs: 3_000 } };
  yield { type: 'wait', ms: 1_000 * seconds + upTo(random, 4_000) };
  yield { type: 'leave', host: random.next(), how: 'detach', backAfterMs: upTo(random, 30) * 1_000 };
  yield shortWait(random, 5_000);
}

/** A program comes to its end while the delete of its pod is on its way. */
function* photoFinish(random: Random): Generator<Operation> {
  const seconds = 3 + upTo(random, 6);
  yield { type: 'queue', annotations: { [`${SCRIPT_PREFIX}duration`]: `${seconds}s` } };
  yield { type: 'wait', ms: 1_000 * seconds - 2_000 + upTo(random, 3_000) };
  yield { type: 'request', verb: 'delete', times: 2, fault: { latencyMs: 3_000 } };
  yield { type: 'cancel', task: 0.999_999 };
  yield shortWait(random, 10_000);
}

/** A task is taken back, or cancelled, that has made its pod without anybody having heard of it: the answer is lost or late, and the watches are silent. */
function* rethink(random: Random, longestTask: number): Generator<Operation> {
  yield { type: 'watches', what: of(random, ['silence', 'silence', 'break'] as const) };
  if (random.next() < 0.3) yield { type: 'quota', pods: 1, ms: 60_000 };
  if (random.next() < 0.5) yield { type: 'wire', host: random.next(), mode: 'late', ms: 5_000 + upTo(random, 20_000) };
  else yield { type: 'request', verb: 'create', times: upTo(random, 3), fault: { applyThenDrop: true } };
  const annotations = drawTask(random, longestTask);
  yield { type: 'queue', annotations: random.next() < 0.5 ? { [`${SCRIPT_PREFIX}duration`]: '60s' } : annotations };
  yield shortWait(random, 4_000);
  yield { type: of(random, ['revoke', 'revoke', 'cancel'] as const), task: 0.999_999 };
  yield shortWait(random, 20_000);
}

/** A task is cancelled whose pod the server does not delete for minutes. */
function* stubborn(random: Random): Generator<Operation> {
  yield { type: 'queue', annotations: { [`${SCRIPT_PREFIX}duration`]: '600s' } };
  yield { type: 'wait', ms: 2_000 + upTo(random, 4_000) };
  const fault = of(random, [{ status: 503 }, { drop: true }, { status: 429, retryAfter: 10 }]);
  yield { type: 'request', verb: 'delete', times: 10 + upTo(random, 40), fault, ofNewest: true };
  // And nobody can look how it is.
  if (random.next() < 0.5)
    yield { type: 'request', verb: 'get', times: 14 + upTo(random, 30), fault: { status: 503 }, ofNewest: true };
  yield { type: 'cancel', task: 0.999_999 };
  for (let waits = 4; waits > 0; waits -= 1) yield { type: 'wait', ms: 30_000 + upTo(random, 30_000) };
}

/** One task after the other fails, more than are kept; somebody wants to look at one of their pods later, and perhaps the host is another one by then. */
function* exhibits(random: Random): Generator<Operation> {
  // What was wrong before is over by then.
  yield { type: 'wait', ms: 150_000 + upTo(random, 100_000) };
  for (let tasks = 4 + upTo(random, 2); tasks > 0; tasks -= 1) {
    const seconds = upTo(random, 5);
    yield {
      type: 'queue',
      annotations: { [`${SCRIPT_PREFIX}duration`]: `${seconds}s`, [`${SCRIPT_PREFIX}exit-code`]: '3' },
    };
    yield { type: 'wait', ms: 25_000 + upTo(random, 20_000) };
    const roll = random.next();
    if (roll < 0.2) yield { type: 'keep', pod: random.next() };
    else if (roll < 0.3) yield { type: 'kill', host: random.next(), backAfterMs: upTo(random, 20) * 1_000, atWrite: 0 };
  }
  for (let waits = 3; waits > 0; waits -= 1) yield { type: 'wait', ms: 30_000 + upTo(random, 90_000) };
}

const SEQUENCES = {
  doubt,
  race,
  storm,
  takeover,
  gasp,
  unseen,
  contest,
  patience,
  photoFinish,
  rethink,
  stubborn,
  lapse,
  heirs,
  echo,
  barred,
  snatch,
  nap,
  bequest,
  farewell,
  retreat,
  exhibits,
};

/** A kind of sequence. */
export type Sequence = keyof typeof SEQUENCES;
/** Whether a kind of event is a sequence. */
export const isSequence = (kind: string): kind is Sequence => Object.hasOwn(SEQUENCES, kind);

/** What follows upon each other in places where little else would ever bring it together. */
export const drawSequence = (random: Random, type: Sequence, longestTask: number): Generator<Operation> =>
  SEQUENCES[type](random, longestTask);
