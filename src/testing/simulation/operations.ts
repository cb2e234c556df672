/** What can befall a simulation, as plain data: drawn from a seed, repeated to the letter, and left out one by one when a story is shrunk. */
import type { Random } from '../../core/random.js';

/** A share from 0 up to 1 that picks one of whatever there is when its turn comes. */
type Pick = number;

/** One thing that happens. */
export type Operation =
  | { readonly type: 'queue'; readonly annotations: Readonly<Record<string, string>>; readonly alsoTo?: Pick }
  | { readonly type: 'cancel'; readonly task: Pick; readonly ofLostPod?: boolean }
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
const REQUEST_FAULTS: readonly Readonly<Record<string, unknown>>[] = [
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

type Kind = Exclude<Operation['type'], 'wait'> | 'doubt' | 'race';

/** How often what happens, out of which there is to choose, and how fast it comes. */
export interface Mix {
  /** How often each kind comes, in relation to the others. */
  readonly weights: Readonly<Record<Kind, number>>;
  readonly verbs: readonly string[];
  readonly requestFaults: readonly Readonly<Record<string, unknown>>[];
  readonly podOperations: readonly PodOperation[];
  /** The longest wait between two of them, in milliseconds; most are much shorter. */
  readonly longestWaitMs: number;
  /** The longest a task takes, in seconds. */
  readonly longestTask: number;
}

/** Everything may happen at any time. */
export const EVEN_MIX: Mix = {
  weights: {
    queue: 0.3,
    cancel: 0.06,
    request: 0.14,
    pod: 0.12,
    node: 0.02,
    quota: 0.02,
    kill: 0.06,
    freeze: 0.02,
    wire: 0.05,
    watches: 0.21,
    doubt: 0,
    race: 0,
  },
  verbs: VERBS,
  requestFaults: REQUEST_FAULTS,
  podOperations: POD_OPERATIONS,
  longestWaitMs: 60_000,
  longestTask: 90,
};

/** Leaves each out with a chance of one half, never all of them. */
function someOf<T>(random: Random, list: readonly T[]): readonly T[] {
  const some = list.filter(() => random.next() < 0.5);
  return some.length === 0 ? [of(random, list)] : some;
}

/**
 * A mix in which some kinds never come and some come often. Seeds that differ in what may happen meet more rare encounters than seeds in which
 * everything may: what comes always hides what comes seldom (Groce et al., "Swarm Testing", ISSTA 2012).
 */
export function drawMix(random: Random): Mix {
  const weights = Object.entries(EVEN_MIX.weights).map(([kind, weight]) => [kind, weight * of(random, [0, 1, 1, 4])]);
  return {
    weights: {
      ...(Object.fromEntries(weights) as Mix['weights']),
      queue: of(random, [0.1, 0.3]),
      doubt: of(random, [0, 0, 0.03, 0.1]),
      race: of(random, [0, 0, 0.03, 0.1]),
    },
    verbs: someOf(random, VERBS),
    requestFaults: someOf(random, REQUEST_FAULTS),
    podOperations: someOf(random, POD_OPERATIONS),
    longestWaitMs: of(random, [3_000, 15_000, 60_000]),
    longestTask: of(random, [10, 90, 90, 300]),
  };
}

function drawTask(random: Random, longestTask: number): Readonly<Record<string, string>> {
  const roll = random.next();
  const annotations: Record<string, string> = { [`${TEST_ANNOTATION}duration`]: `${upTo(random, longestTask)}s` };
  // A third of them take their time when they are asked to end.
  if (Math.floor(roll * 1_000) % 3 === 0) annotations[`${TEST_ANNOTATION}stop-delay`] = '10s';
  if (roll < 0.15) annotations[`${TEST_ANNOTATION}exit-code`] = '3';
  else if (roll < 0.2) annotations[`${TEST_ANNOTATION}result`] = 'OOMKilled';
  else if (roll < 0.24) annotations[`${TEST_ANNOTATION}result`] = 'ImagePullBackOff';
  else if (roll < 0.27) annotations[`${TEST_ANNOTATION}result`] = 'CreateContainerConfigError';
  else if (roll < 0.29) annotations[`${TEST_ANNOTATION}result`] = 'CreateContainerError';
  return annotations;
}

function drawKind(random: Random, weights: Mix['weights']): Kind {
  const kinds = Object.entries(weights) as [Kind, number][];
  let left = random.next() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of kinds) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'queue';
}

/** What follows upon each other in places where little else would ever bring it together. */
function* drawSequence(random: Random, type: 'doubt' | 'race', mix: Mix): Generator<Operation> {
  const wait = (most: number): Operation => ({ type: 'wait', ms: upTo(random, most) });
  if (type === 'doubt') {
    // A task is cancelled whose pod nobody can end, and the host dies around the moment when that is told.
    yield { type: 'node', pod: random.next(), ms: upTo(random, 8) * 60_000 };
    yield wait(60_000);
    yield { type: 'cancel', task: random.next(), ofLostPod: true };
    yield wait(30_000);
    yield { type: 'kill', host: random.next(), backAfterMs: upTo(random, 90) * 1_000, atWrite: upTo(random, 3) };
    return;
  }
  // A create is on its way, or has come and nobody knows, while its task is cancelled.
  const fault = of(random, [{ applyThenDrop: true }, { applyThenDrop: true }, { latencyMs: 3_000 }, { status: 503 }]);
  yield { type: 'request', verb: 'create', times: upTo(random, 2), fault };
  if (random.next() < 0.5) yield { type: 'request', verb: 'get', times: upTo(random, 4), fault: { status: 503 } };
  if (random.next() < 0.5) yield { type: 'watches', what: of(random, ['silence', 'break'] as const) };
  yield { type: 'queue', annotations: drawTask(random, mix.longestTask) };
  yield wait(3_000);
  // The task that was queued last stands at the end of the open ones.
  yield { type: 'cancel', task: 0.999_999 };
}

/** The next thing to happen. */
function drawFault(random: Random, hosts: number, mix: Mix, type: Exclude<Operation['type'], 'wait'>): Operation {
  switch (type) {
    case 'queue':
      return {
        type,
        annotations: drawTask(random, mix.longestTask),
        ...(hosts > 1 && random.next() < 0.2 ? { alsoTo: random.next() } : {}),
      };
    case 'cancel':
      return { type, task: random.next() };
    case 'request':
      return { type, verb: of(random, mix.verbs), times: upTo(random, 3), fault: of(random, mix.requestFaults) };
    case 'pod':
      return { type, pod: random.next(), what: of(random, mix.podOperations) };
    case 'node':
      return { type, pod: random.next(), ms: upTo(random, 12) * 60_000 };
    case 'quota':
      return { type, pods: upTo(random, 2), ms: 240_000 };
    case 'kill':
      return {
        type,
        host: random.next(),
        backAfterMs: random.next() < 0.5 ? 0 : upTo(random, 90) * 1_000,
        atWrite: random.next() < 0.5 ? 0 : upTo(random, 4),
      };
    case 'freeze':
      return { type, host: random.next(), ms: upTo(random, 60) * 1_000 };
    case 'wire':
      return {
        type,
        host: random.next(),
        mode: of(random, ['cut', 'deaf', 'slow'] as const),
        ms: upTo(random, 60) * 1_000,
      };
    case 'watches':
      return { type, what: of(random, ['break', 'close', 'silence', 'rotate'] as const) };
  }
}

/** An endless history drawn from a source of chance: something happens, then time passes, mostly little. */
export function* drawOperations(random: Random, hosts: number, mix: Mix): Generator<Operation> {
  for (;;) {
    const kind = drawKind(random, mix.weights);
    if (kind === 'doubt' || kind === 'race') yield* drawSequence(random, kind, mix);
    else yield drawFault(random, hosts, mix, kind);
    yield { type: 'wait', ms: Math.ceil(random.next() ** 3 * mix.longestWaitMs) };
  }
}
