/** What can befall a simulation, as plain data: drawn from a seed, repeated to the letter, and left out one by one when a story is shrunk. */
import type { Random } from '../../core/random.js';

/** A share from 0 up to 1 that picks one of whatever there is when its turn comes. */
type Pick = number;

/** One thing that happens. */
export type Operation =
  | { readonly type: 'queue'; readonly annotations: Readonly<Record<string, string>>; readonly alsoTo?: Pick }
  | { readonly type: 'cancel'; readonly task: Pick }
  | {
      readonly type: 'request';
      readonly verb: string;
      readonly times: number;
      readonly fault: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'pod'; readonly pod: Pick; readonly what: PodOperation }
  | { readonly type: 'node'; readonly pod: Pick; readonly ms: number }
  | { readonly type: 'quota'; readonly pods: number; readonly ms: number }
  | { readonly type: 'kill'; readonly host: Pick; readonly backAfterMs: number; readonly atWrite: number }
  | { readonly type: 'freeze'; readonly host: Pick; readonly ms: number }
  | { readonly type: 'wire'; readonly host: Pick; readonly mode: 'cut' | 'deaf' | 'slow'; readonly ms: number }
  | { readonly type: 'watches'; readonly what: 'break' | 'close' | 'silence' | 'rotate' }
  | { readonly type: 'wait'; readonly ms: number };

/** What can befall a pod. */
export type PodOperation = 'evict' | 'preempt' | 'oom' | 'fail' | 'delete' | 'deleteByForce' | 'nodeShutdown';

const POD_OPERATIONS: readonly PodOperation[] = [
  'evict',
  'preempt',
  'oom',
  'fail',
  'delete',
  'deleteByForce',
  'nodeShutdown',
];
const REQUEST_FAULTS = [
  { status: 500 },
  { status: 503 },
  { status: 429, retryAfter: 2 },
  { drop: true },
  { applyThenDrop: true },
  { latencyMs: 3_000 },
];
const VERBS = ['create', 'delete', 'list', 'watch', 'get', 'patch'];
const TEST_ANNOTATION = 'testing.podwright.dev/';

const of = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
const upTo = (random: Random, most: number) => 1 + Math.floor(random.next() * most);

function drawTask(random: Random): Readonly<Record<string, string>> {
  const roll = random.next();
  const annotations: Record<string, string> = { [`${TEST_ANNOTATION}duration`]: `${upTo(random, 90)}s` };
  // A third of them take their time when they are asked to end.
  if (Math.floor(roll * 1_000) % 3 === 0) annotations[`${TEST_ANNOTATION}stop-delay`] = '10s';
  if (roll < 0.15) annotations[`${TEST_ANNOTATION}exit-code`] = '3';
  else if (roll < 0.2) annotations[`${TEST_ANNOTATION}result`] = 'OOMKilled';
  else if (roll < 0.24) annotations[`${TEST_ANNOTATION}result`] = 'ImagePullBackOff';
  else if (roll < 0.27) annotations[`${TEST_ANNOTATION}result`] = 'CreateContainerConfigError';
  else if (roll < 0.29) annotations[`${TEST_ANNOTATION}result`] = 'CreateContainerError';
  return annotations;
}

/** The next thing to happen. */
function drawFault(random: Random, hosts: number): Operation {
  const roll = random.next();
  if (roll < 0.3)
    return {
      type: 'queue',
      annotations: drawTask(random),
      ...(hosts > 1 && random.next() < 0.2 ? { alsoTo: random.next() } : {}),
    };
  if (roll < 0.36) return { type: 'cancel', task: random.next() };
  if (roll < 0.5)
    return { type: 'request', verb: of(random, VERBS), times: upTo(random, 3), fault: of(random, REQUEST_FAULTS) };
  if (roll < 0.62) return { type: 'pod', pod: random.next(), what: of(random, POD_OPERATIONS) };
  if (roll < 0.64) return { type: 'node', pod: random.next(), ms: upTo(random, 12) * 60_000 };
  if (roll < 0.66) return { type: 'quota', pods: upTo(random, 2), ms: 240_000 };
  if (roll < 0.72)
    return {
      type: 'kill',
      host: random.next(),
      backAfterMs: random.next() < 0.5 ? 0 : upTo(random, 90) * 1_000,
      atWrite: random.next() < 0.5 ? 0 : upTo(random, 4),
    };
  if (roll < 0.74) return { type: 'freeze', host: random.next(), ms: upTo(random, 60) * 1_000 };
  if (roll < 0.79)
    return {
      type: 'wire',
      host: random.next(),
      mode: of(random, ['cut', 'deaf', 'slow'] as const),
      ms: upTo(random, 60) * 1_000,
    };
  return { type: 'watches', what: of(random, ['break', 'close', 'silence', 'rotate'] as const) };
}

/** An endless history drawn from a source of chance: something happens, then time passes, mostly little. */
export function* drawOperations(random: Random, hosts: number): Generator<Operation> {
  for (;;) {
    yield drawFault(random, hosts);
    yield { type: 'wait', ms: Math.ceil(random.next() ** 3 * 60_000) };
  }
}
