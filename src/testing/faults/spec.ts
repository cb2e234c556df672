/** Faults by name: what can be said of one, and the check of what comes from files and requests. */
import { type Duration, durationMs } from '../../core/duration.js';
import { ConfigError, type ConfigProblem } from '../../errors.js';
import type { ImagePullKind } from '../fault-target.js';

/** Faults of pods: each pod that fits meets the fault once. */
export const POD_FAULTS = [
  'evict',
  'preempt',
  'nodeLost',
  'nodeShutdown',
  'oom',
  'fail',
  'imagePull',
  'configError',
  'heal',
  'reject',
  'delete',
  'ttlRace',
  'foreignFinalizer',
] as const;
/** Faults of requests: each request that fits meets the fault. */
export const REQUEST_FAULTS = [
  'latency',
  'tooManyRequests',
  'serverError',
  'createTimeoutButCreated',
  'connectionReset',
  'quotaFull',
  'quotaImpossible',
  'quotaConflict',
  'logsError',
  'staleList',
] as const;
/** Faults of watches that are open or will be. */
export const WATCH_FAULTS = ['watchSilent', 'gone410Storm', 'dropEvent', 'duplicateEvent'] as const;
/** Faults of the server as a whole. */
export const SERVER_FAULTS = ['watchDrop', 'watch410', 'apiRotate', 'tokenRotate', 'forbid'] as const;

/** The name of a fault; docs/faults.md says of each what a client sees. */
export type FaultName =
  | (typeof POD_FAULTS)[number]
  | (typeof REQUEST_FAULTS)[number]
  | (typeof WATCH_FAULTS)[number]
  | (typeof SERVER_FAULTS)[number];

/** A fault, whom it meets, and when. It can be written as JSON or YAML. */
export interface FaultSpec {
  /** Which fault. */
  readonly fault: FaultName;
  /** Name of the pod or object, with `*` for any text. @default any */
  readonly pod?: string | undefined;
  /** Namespace. @default any */
  readonly namespace?: string | undefined;
  /** Verb of the requests, such as `create`; for faults of requests and `forbid`. @default any that the fault is about */
  readonly verb?: string | undefined;
  /** Resource of the requests or watches, such as `pods` or `pods/log`. @default any that the fault is about */
  readonly resource?: string | undefined;
  /** Phase that a pod is in when it meets the fault. @default Running, or any for faults of pods that have not started */
  readonly phase?: string | undefined;
  /** Share of the pods, requests or events, from 0 to 1, drawn from the cluster's seed. @default 1 */
  readonly share?: number | undefined;
  /** How many pods, requests or events meet it. @default unlimited; 10 for `gone410Storm` */
  readonly times?: number | undefined;
  /** When it begins, counted on the cluster's clock from now. @default now */
  readonly after?: Duration | undefined;
  /** How long it lasts. @default until it is stopped */
  readonly lasts?: Duration | undefined;
  /** Faults of the server happen again at this interval. @default once */
  readonly every?: Duration | undefined;
  /** `fail`: the exit code. @default 1 */
  readonly exitCode?: number | undefined;
  /** `oom`: the container ends with exit code 0 although a process in it was killed. @default false */
  readonly exitZero?: boolean | undefined;
  /** `imagePull`: how it goes wrong. @default 'not_found' */
  readonly kind?: ImagePullKind | undefined;
  /** Text of the Status or of the container's state; left out, the real server's. */
  readonly message?: string | undefined;
  /** `reject`: the reason, such as `OutOfcpu`. */
  readonly reason?: string | undefined;
  /** `delete`: grace in seconds. @default the pod's own */
  readonly gracePeriodSeconds?: number | undefined;
  /** `foreignFinalizer`: its name. @default 'example.com/hold' */
  readonly finalizer?: string | undefined;
  /** `serverError`, `logsError`: the HTTP status. @default 500, or 502 for logs */
  readonly status?: number | undefined;
  /** `tooManyRequests`: seconds in Retry-After. @default 1 */
  readonly retryAfter?: number | undefined;
  /** `latency`: how long. @default 1 s */
  readonly delay?: Duration | undefined;
  /** `watchDrop`: the stream ends properly instead of by a reset. @default false */
  readonly clean?: boolean | undefined;
  /** `tokenRotate`: the token from now on. */
  readonly token?: string | undefined;
  /** `forbid`: who may not. @default everybody */
  readonly user?: string | undefined;
}

const NAMES: readonly string[] = [...POD_FAULTS, ...REQUEST_FAULTS, ...WATCH_FAULTS, ...SERVER_FAULTS];
const TEXTS = [
  'fault',
  'pod',
  'namespace',
  'verb',
  'resource',
  'phase',
  'kind',
  'message',
  'reason',
  'finalizer',
  'token',
  'user',
];
const NUMBERS = ['share', 'times', 'exitCode', 'gracePeriodSeconds', 'status', 'retryAfter'];
const DURATIONS = ['after', 'lasts', 'every', 'delay'];
const FLAGS = ['exitZero', 'clean'];

function fieldProblem(field: string, value: unknown): string | undefined {
  if (TEXTS.includes(field)) return typeof value === 'string' ? undefined : 'must be a text';
  if (FLAGS.includes(field)) return typeof value === 'boolean' ? undefined : 'must be true or false';
  if (NUMBERS.includes(field)) {
    if (typeof value !== 'number' || value < 0) return 'must be a number of at least 0';
    return field === 'share' && value > 1 ? 'must be between 0 and 1' : undefined;
  }
  if (!DURATIONS.includes(field)) return 'is not known';
  try {
    durationMs(value as Duration, field);
    return undefined;
  } catch {
    return 'must be a duration such as 5000 (milliseconds) or "5m"';
  }
}

function problemsOf(value: unknown, at: string): ConfigProblem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [{ field: at, rule: 'must be an object with the field `fault`' }];
  const { fault } = value as { fault?: unknown };
  const problems: ConfigProblem[] = [];
  if (!NAMES.includes(String(fault)))
    problems.push({ field: `${at}.fault`, value: fault, rule: `must be one of ${NAMES.join(', ')}` });
  for (const [field, item] of Object.entries(value)) {
    const rule = fieldProblem(field, item);
    if (rule === undefined) continue;
    // A token is never shown.
    problems.push({ field: `${at}.${field}`, ...(field === 'token' ? {} : { value: item }), rule });
  }
  if (fault === 'tokenRotate' && (value as FaultSpec).token === undefined)
    problems.push({ field: `${at}.token`, rule: 'is needed for tokenRotate' });
  return problems;
}

/**
 * Checks faults that come from a file or a request: one, a list, or `{ faults: [...] }`.
 * @throws ConfigError which names every field that is wrong.
 */
export function parseFaults(given: unknown): FaultSpec[] {
  const inner = typeof given === 'object' && given !== null && 'faults' in given ? given.faults : given;
  const list = Array.isArray(inner) ? inner : [inner];
  const problems = list.flatMap((item, index) => problemsOf(item, `faults[${index}]`));
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'faults' });
  return list as FaultSpec[];
}
