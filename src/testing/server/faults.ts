/** Faults of requests: what answers wrongly, late or not at all, by verb and resource, from a seed. */
import type { Random } from '../../core/random.js';
import type { KubeStatus } from '../../wire/types.js';
import { fitsName } from '../faults/glob.js';
import { ApiError, failure, PlainError } from './status.js';

/** One rule; a request that fits all of its conditions meets the fault. */
export interface RequestFault {
  /** Verb such as `create`, `list`, `watch`; left out, any. */
  readonly verb?: string | undefined;
  /** Resource such as `pods` or `pods/log`; left out, any. */
  readonly resource?: string | undefined;
  /** Namespace; left out, any. */
  readonly namespace?: string | undefined;
  /** Object name, with `*` for any text; for creations, the name in the body. Left out, any. */
  readonly name?: string | undefined;
  /** HTTP status to answer with. */
  readonly status?: number | undefined;
  /** `reason` of the Status; left out, the usual one for the status. */
  readonly reason?: string | undefined;
  /** Message of the Status; `{name}` stands for the object's name. */
  readonly message?: string | undefined;
  /** `details` of the Status; left out, the object for a 403, 404 or 409, and the seconds to wait where there are some. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** Answers with the message as plain text instead of a Status, as a server does that is overloaded. @default false */
  readonly plainText?: boolean | undefined;
  /** Seconds for the Retry-After header. */
  readonly retryAfter?: number | undefined;
  /** How often the rule acts. @default unlimited */
  readonly times?: number | undefined;
  /** Share of the requests it acts on, from 0 to 1. @default 1 */
  readonly share?: number | undefined;
  /** Delay before the request is handled, in milliseconds. */
  readonly latencyMs?: number | undefined;
  /** The request takes effect, but its answer is lost with the connection. @default false */
  readonly applyThenDrop?: boolean | undefined;
  /** The connection is lost before the request takes effect. @default false */
  readonly drop?: boolean | undefined;
  /** Lists that accept any version (`resourceVersion=0`) show the state of this revision, as a server's cache that lags behind. */
  readonly staleRevision?: number | undefined;
}

/** What a request is, as rules see it. */
export interface RequestFacts {
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

interface Rule {
  readonly fault: RequestFault;
  left: number;
}

/** The rules of one cluster. */
export class RequestFaults {
  #rules: Rule[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Adds a rule; the returned function takes it away. */
  add(fault: RequestFault): () => void {
    const rule = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
    this.#rules.push(rule);
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule);
    };
  }

  /** Takes all rules away. */
  clear(): void {
    this.#rules = [];
  }

  /** Whether there is any rule, so that requests need to be looked at. @internal */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The faults that a request meets, in the order they were added; at most one of them decides the answer. @internal */
  meet(facts: RequestFacts): RequestFault[] {
    if (this.#rules.length === 0) return [];
    const met: RequestFault[] = [];
    for (const rule of this.#rules) {
      if (rule.left <= 0 || !fits(rule.fault, facts)) continue;
      if (rule.fault.share !== undefined && this.#random.next() >= rule.fault.share) continue;
      rule.left--;
      met.push(rule.fault);
      if (rule.fault.status !== undefined || rule.fault.drop || rule.fault.applyThenDrop) break;
    }
    this.#rules = this.#rules.filter((rule) => rule.left > 0);
    return met;
  }
}

function fits(fault: RequestFault, facts: RequestFacts): boolean {
  return (
    (['verb', 'resource'] as const).every((field) => fault[field] === undefined || fault[field] === facts[field]) &&
    fitsName(fault.namespace, facts.namespace) &&
    fitsName(fault.name, facts.name)
  );
}

/** The usual reason of an HTTP status. */
function reasonOf(status: number): string {
  const reasons: Readonly<Record<number, string>> = {
    400: 'BadRequest',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'NotFound',
    409: 'Conflict',
    410: 'Expired',
    422: 'Invalid',
    429: 'TooManyRequests',
    500: 'InternalError',
    503: 'ServiceUnavailable',
    504: 'Timeout',
  };
  return reasons[status] ?? '';
}

const NAMES_ITS_OBJECT: readonly number[] = [403, 404, 409];

function detailsOf(fault: RequestFault, facts: RequestFacts): KubeStatus['details'] {
  if (fault.details !== undefined) return fault.details as KubeStatus['details'];
  const [kind = ''] = facts.resource.split('/');
  const about =
    NAMES_ITS_OBJECT.includes(fault.status ?? 0) && kind !== ''
      ? { ...(facts.name === '' ? {} : { name: facts.name }), kind }
      : {};
  const details = {
    ...about,
    ...(fault.retryAfter === undefined ? {} : { retryAfterSeconds: fault.retryAfter }),
  };
  return Object.keys(details).length === 0 ? undefined : details;
}

/** The answer of a fault that has a status. */
export function refusalOf(fault: RequestFault, status: number, facts: RequestFacts): ApiError | PlainError {
  const message = (fault.message ?? `fault injected: ${status}`).replaceAll('{name}', facts.name);
  const headers: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
  if (fault.plainText === true) return new PlainError(status, message, headers);
  return new ApiError(failure(status, fault.reason ?? reasonOf(status), message, detailsOf(fault, facts)), headers);
}
