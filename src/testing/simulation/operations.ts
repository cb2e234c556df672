/** What can befall a simulation, as plain data: drawn from a seed, repeated to the letter, and left out one by one when a story is shrunk. */
import type { Random } from '../../core/random.js';
import { drawTask, of, upTo } from './draws.js';
import { drawSequence, isSequence, type Sequence } from './sequences.js';

/** A share from 0 up to 1 that picks one of whatever there is when its turn comes. */
type Pick = number;

/** One thing that happens. */
export type Operation =
  | { readonly type: 'queue'; readonly annotations: Readonly<Record<string, string>>; readonly alsoTo?: Pick }
  | {
      readonly type: 'cancel';
      readonly task: Pick;
      readonly ofLostPod?: boolean;
      /** The only host that is asked, by its place or because it has the task's pod. @default all that have the task */
      readonly on?: Pick | 'its owner';
    }
  | { readonly type: 'revoke'; readonly task: Pick; readonly ofLostPod?: boolean }
  | {
      readonly type: 'request';
      readonly verb: string;
      /** @default pods */
      readonly resource?: string;
      readonly times: number;
      /** Whether only requests about the newest pod meet the fault. @default false */
      readonly ofNewest?: boolean;
      readonly fault: Readonly<Record<string, unknown>>;
    }
  | {
      readonly type: 'pod';
      readonly pod: Pick;
      readonly what: PodOperation;
      /**
       * Which pods there are to choose from: those that run, that do not yet, that have ended, those of the task that was hit last, or only the
       * newest of a kind.
       * @default running
       */
      readonly of?: PodChoice;
    }
  | {
      readonly type: 'node';
      readonly pod: Pick;
      readonly ms: number;
      /** Whose node it is. @default running */
      readonly of?: PodChoice;
      /** Whether it never comes back, unless another one has not either. @default false */
      readonly isForGood?: boolean;
    }
  /** Somebody wants a pod to stay that has ended, to look at it. */
  | { readonly type: 'keep'; readonly pod: Pick }
  | { readonly type: 'quota'; readonly pods: number; readonly ms: number }
  | { readonly type: 'rights'; readonly verb: string; readonly resource: string; readonly ms: number }
  | {
      readonly type: 'kill';
      readonly host: Pick;
      readonly backAfterMs: number;
      readonly atWrite: number;
      /** Whether it never comes back, unless no other is left. @default false */
      readonly isForGood?: boolean;
    }
  | {
      readonly type: 'leave';
      readonly host: Pick;
      readonly how: 'detach' | 'terminate' | 'end';
      readonly backAfterMs: number;
    }
  /** The next task that a host launches is cancelled by whoever hears of that. */
  | { readonly type: 'regret'; readonly host: Pick }
  | { readonly type: 'freeze'; readonly host: Pick; readonly ms: number }
  | { readonly type: 'adopt'; readonly host: Pick; readonly what: 'completed' | 'wanted' }
  | { readonly type: 'wire'; readonly host: Pick; readonly mode: WireTrouble; readonly ms: number }
  | { readonly type: 'watches'; readonly what: 'break' | 'close' | 'silence' | 'rotate' }
  | { readonly type: 'wait'; readonly ms: number };

/** What can be wrong with the wire of a host. */
export type WireTrouble = 'cut' | 'deaf' | 'slow' | 'late' | 'leaseless' | 'hole';

/** Pods out of which one is chosen. */
export type PodChoice = 'running' | 'pending' | 'ended' | 'same task' | 'newest running' | 'newest pending';

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
/** Requests about anything but pods, which are under way seldom. */
const OTHER_REQUESTS: readonly (readonly [resource: string, verbs: readonly string[]])[] = [
  ['leases', ['update', 'update', 'get', 'list', 'create', 'delete']],
  ['secrets', ['create', 'patch', 'list', 'delete']],
  ['pods/log', ['get']],
  ['events', ['list']],
];

/** What hosts may not do for a while when a role is changed by mistake. */
const RIGHTS: typeof OTHER_REQUESTS = [
  ['pods', ['create', 'delete', 'list', 'watch', 'get', 'patch']],
  ['leases', ['update', 'get', 'list', 'create']],
  ['secrets', ['create', 'patch', 'list', 'delete']],
];
/** Kinds of single events. */
type Single = Exclude<Operation['type'], 'wait'> | 'other' | 'early' | 'lag' | 'loss' | 'conflict' | 'hole' | 'ruin';
type Kind = Single | Sequence;

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
    revoke: 0,
    leave: 0,
    other: 0,
    early: 0,
    doubt: 0,
    race: 0,
    storm: 0,
    takeover: 0,
    gasp: 0,
    unseen: 0,
    contest: 0,
    patience: 0,
    photoFinish: 0,
    lag: 0,
    loss: 0,
    rethink: 0,
    stubborn: 0,
    rights: 0,
    lapse: 0,
    heirs: 0,
    conflict: 0,
    echo: 0,
    barred: 0,
    adopt: 0,
    snatch: 0,
    nap: 0,
    bequest: 0,
    farewell: 0,
    retreat: 0,
    regret: 0,
    hole: 0,
    ruin: 0,
    keep: 0,
    exhibits: 0,
  },
  verbs: VERBS,
  requestFaults: REQUEST_FAULTS,
  podOperations: POD_OPERATIONS,
  longestWaitMs: 60_000,
  longestTask: 90,
};

/** Weights of what comes in every second mix only. */
const SELDOM = [0, 0, 0.03, 0.1];

/** Leaves each out with a chance of one half, never all of them. */
function someOf<T>(random: Random, list: readonly T[]): readonly T[] {
  const some = list.filter(() => random.next() < 0.5);
  return some.length === 0 ? [of(random, list)] : some;
}

/**
 * A mix in which some kinds never come and some come often. Seeds that differ in what may happen meet more rare encounters than seeds in which
 * everything may: what comes always hides what comes seldom (Groce et al., "Swarm Testing", ISSTA 2012).
 */
export function drawMix(random: Random, hosts: number): Mix {
  const weights = Object.entries(EVEN_MIX.weights).map(([kind, weight]) => [kind, weight * of(random, [0, 1, 1, 4])]);
  const mix: Mix = {
    weights: {
      ...(Object.fromEntries(weights) as Mix['weights']),
      queue: of(random, [0.1, 0.3]),
      revoke: of(random, SELDOM),
      leave: of(random, SELDOM),
      other: of(random, SELDOM),
      early: of(random, SELDOM),
      doubt: of(random, SELDOM),
      race: of(random, SELDOM),
      storm: of(random, SELDOM),
      // What leases are for shows itself in a takeover only.
      takeover: of(random, hosts > 1 ? [0, 0.05, 0.2, 0.4] : SELDOM),
    },
    verbs: someOf(random, VERBS),
    requestFaults: someOf(random, REQUEST_FAULTS),
    podOperations: someOf(random, POD_OPERATIONS),
    longestWaitMs: of(random, [3_000, 15_000, 60_000]),
    longestTask: of(random, [10, 90, 90, 300]),
  };
  // Drawn last, so that the others are what they were before there were these.
  const later = {
    gasp: of(random, SELDOM),
    unseen: of(random, SELDOM),
    contest: of(random, hosts > 1 ? [0, 0.05, 0.2] : [0]),
    patience: of(random, SELDOM),
    photoFinish: of(random, SELDOM),
    lag: of(random, SELDOM),
    loss: of(random, hosts > 1 ? [0, 0, 0.02] : [0]),
    rethink: of(random, SELDOM),
    stubborn: of(random, [0, 0, 0, 0.04]),
    rights: of(random, [0, 0, 0, 0.05]),
    lapse: of(random, hosts > 1 ? [0, 0.05, 0.1, 0.2] : SELDOM),
    heirs: of(random, hosts > 1 ? [0, 0.05, 0.2] : [0]),
    conflict: of(random, SELDOM),
    echo: of(random, hosts > 1 ? [0, 0, 0.05, 0.2] : [0]),
    barred: of(random, [0, 0, 0, 0.04]),
    adopt: of(random, SELDOM),
    snatch: of(random, SELDOM),
    nap: of(random, hosts > 1 ? [0, 0, 0.05, 0.1] : SELDOM),
    bequest: of(random, hosts > 1 ? [0, 0, 0.02] : [0]),
    farewell: of(random, SELDOM),
    retreat: of(random, SELDOM),
    regret: of(random, SELDOM),
    hole: of(random, SELDOM),
    ruin: of(random, [0, 0, 0.02]),
    keep: of(random, [0, 0, 0, 0.05]),
    exhibits: of(random, [0, 0, 0, 0.05]),
  };
  return { ...mix, weights: { ...mix.weights, ...later } };
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

/** The next thing to happen. */
function drawFault(random: Random, hosts: number, mix: Mix, type: Single): Operation {
  switch (type) {
    case 'queue':
      return {
        type,
        annotations: drawTask(random, mix.longestTask),
        ...(hosts > 1 && random.next() < 0.2 ? { alsoTo: random.next() } : {}),
      };
    case 'cancel':
    case 'revoke':
      return { type, task: random.next() };
    case 'other': {
      const [resource, verbs] = of(random, OTHER_REQUESTS);
      const fault = of(random, mix.requestFaults);
      return { type: 'request', resource, verb: of(random, verbs), times: upTo(random, 3), fault };
    }
    case 'early': {
      const choice = of(random, ['pending', 'pending', 'ended'] as const);
      // What has ended can only be cleared away.
      const what = choice === 'ended' ? 'delete' : of(random, ['delete', 'deleteByForce', 'evict', 'preempt'] as const);
      return { type: 'pod', pod: random.next(), what, of: choice };
    }
    case 'leave': {
      const roll = random.next();
      const how = roll < 0.7 ? 'detach' : roll < 0.9 ? 'terminate' : 'end';
      return { type, host: random.next(), how, backAfterMs: upTo(random, 60) * 1_000 };
    }
    case 'request': {
      const verb = of(random, mix.verbs);
      const roll = random.next();
      const fault = of(random, mix.requestFaults);
      // As a page of maintenance would have it.
      if ('retryAfter' in fault && Math.floor(roll * 1_000) % 10 === 0)
        return { type, verb, times: 1, fault: { ...fault, retryAfter: 3_600 } };
      return { type, verb, times: 1 + Math.floor(roll * 3), fault };
    }
    case 'pod':
      return { type, pod: random.next(), what: of(random, mix.podOperations) };
    case 'node':
      return { type, pod: random.next(), ms: upTo(random, 12) * 60_000 };
    case 'rights': {
      const [resource, verbs] = of(random, RIGHTS);
      return { type, resource, verb: of(random, verbs), ms: upTo(random, 12) * 30_000 };
    }
    case 'conflict':
      // A server that is at odds with itself, as one under load is.
      return {
        type: 'request',
        verb: of(random, ['delete', 'patch']),
        times: upTo(random, 5),
        fault: { status: 409, reason: 'Conflict' },
      };
    case 'quota':
      return { type, pods: upTo(random, 2), ms: 240_000 };
    case 'kill':
      return {
        type,
        host: random.next(),
        backAfterMs: random.next() < 0.5 ? 0 : upTo(random, 90) * 1_000,
        atWrite: random.next() < 0.5 ? 0 : upTo(random, 4),
      };
    case 'adopt':
      return { type, host: random.next(), what: of(random, ['completed', 'wanted'] as const) };
    case 'keep':
      return { type, pod: random.next() };
    case 'regret':
      return { type, host: random.next() };
    case 'freeze':
      return { type, host: random.next(), ms: upTo(random, 60) * 1_000 };
    case 'wire':
      return {
        type,
        host: random.next(),
        mode: of(random, ['cut', 'deaf', 'slow'] as const),
        ms: upTo(random, 60) * 1_000,
      };
    case 'lag':
      return { type: 'wire', host: random.next(), mode: 'late', ms: upTo(random, 60) * 1_000 };
    case 'hole':
      return { type: 'wire', host: random.next(), mode: 'hole', ms: upTo(random, 60) * 1_000 };
    case 'ruin':
      return { type: 'node', pod: random.next(), ms: 0, isForGood: true };
    case 'loss':
      return { type: 'kill', host: random.next(), backAfterMs: 0, atWrite: upTo(random, 3) - 1, isForGood: true };
    case 'watches':
      return { type, what: of(random, ['break', 'close', 'silence', 'rotate'] as const) };
  }
}

/** An endless history drawn from a source of chance: something happens, then time passes, mostly little. */
export function* drawOperations(random: Random, hosts: number, mix: Mix): Generator<Operation> {
  for (;;) {
    const kind = drawKind(random, mix.weights);
    if (isSequence(kind)) yield* drawSequence(random, kind, mix.longestTask);
    else yield drawFault(random, hosts, mix, kind);
    yield { type: 'wait', ms: Math.ceil(random.next() ** 3 * mix.longestWaitMs) };
  }
}
