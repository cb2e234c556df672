/**
 * Every error that podwright throws: one class per kind of trouble, one stable code per class or case.
 *
 * The package ships as ES module and as CommonJS, so a program may hold two copies of these classes; `instanceof`
 * is therefore decided by a registered-symbol brand, not by object identity. Match on `code` where you can.
 */

/** Codes of all errors. Stable: never renamed, never reused. Each has an anchor in `docs/errors.md`. */
export type PodwrightErrorCode =
  | 'ERR_PODWRIGHT_CONFIG'
  | 'ERR_PODWRIGHT_INVALID_WORKLOAD'
  | 'ERR_PODWRIGHT_INVALID_KEY'
  | 'ERR_PODWRIGHT_DUPLICATE_TASK'
  | 'ERR_PODWRIGHT_UNKNOWN_TASK'
  | 'ERR_PODWRIGHT_NOT_STARTED'
  | 'ERR_PODWRIGHT_CLOSED'
  | 'ERR_PODWRIGHT_UNSUPPORTED'
  | 'ERR_PODWRIGHT_TIMEOUT'
  | 'ERR_PODWRIGHT_CANCELLED'
  | 'ERR_PODWRIGHT_POD_TEMPLATE'
  | 'ERR_PODWRIGHT_EXECUTOR_CONFIG'
  | 'ERR_PODWRIGHT_INVALID_POD'
  | 'ERR_PODWRIGHT_POD_POLICY'
  | 'ERR_PODWRIGHT_TEMPLATING'
  | 'ERR_PODWRIGHT_POD_FAILED'
  | 'ERR_PODWRIGHT_POD_RESULT'
  | 'ERR_PODWRIGHT_KUBE_API'
  | 'ERR_PODWRIGHT_KUBE_CONNECTION'
  | 'ERR_PODWRIGHT_KUBECONFIG'
  | 'ERR_PODWRIGHT_WATCH'
  | 'ERR_PODWRIGHT_LOG'
  | 'ERR_PODWRIGHT_STORE'
  | 'ERR_PODWRIGHT_LEASE_HELD'
  | 'ERR_PODWRIGHT_LEASE_LOST'
  | 'ERR_PODWRIGHT_CLUSTER';

/** What may be given along with an error's message. */
export interface PodwrightErrorOptions {
  /** The error or value that led to this one. */
  readonly cause?: unknown;
  /** One sentence that says what to do. */
  readonly hint?: string | undefined;
  /** Whether the same call may succeed later without a change. Default false. */
  readonly retryable?: boolean | undefined;
}

const brandOf = (name: string) => Symbol.for(`podwright.dev/error/${name}`);

/**
 * Gives a class and its prototype the name and the brand that make `instanceof` work across copies.
 * @internal
 */
export function branded(errorClass: { readonly prototype: PodwrightError }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(errorClass.prototype, brandOf(name), { value: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value: (candidate: unknown) =>
      typeof candidate === 'object' &&
      candidate !== null &&
      (candidate as Record<symbol, unknown>)[brandOf(name)] === true,
  });
}

/** Base of all errors of podwright. */
export class PodwrightError extends Error {
  /** Stable identifier; see `docs/errors.md`. */
  readonly code: PodwrightErrorCode;
  /** What to do about it, where that can be said. */
  readonly hint: string | undefined;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;

  constructor(code: PodwrightErrorCode, message: string, options: PodwrightErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }
}
branded(PodwrightError, 'PodwrightError');

/** One option or configuration value that breaks a rule. */
export interface ConfigProblem {
  /** Path of the value, for example `kubernetes.namespace`. */
  readonly field: string;
  /** The value as given; left out where it may be a secret. */
  readonly value?: unknown;
  /** The rule it breaks, for example `must be an integer of at least 1`. */
  readonly rule: string;
  /** What to write instead, for example the nearest known name. */
  readonly hint?: string | undefined;
  /** Where the value came from: a file and line, or a variable. Left out for values given in code. */
  readonly source?: string | undefined;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined)
    return String(value);
  if (typeof value === 'function') return 'a function';
  return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
}

/** Describes a value with its type for an error message, without printing whole objects. */
export function describeValue(value: unknown): string {
  return `${shown(value)} (${value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value})`;
}

/** A problem as one line: its place, the rule, what was given, and what to write instead. */
export function problemLine({ field, value, rule, hint, source }: ConfigProblem): string {
  const got = value === undefined ? '' : `, got ${describeValue(value)}`;
  const place = source === undefined ? '' : ` (${source})`;
  return `${field} ${rule}${got}${place}${hint === undefined ? '' : `; ${hint}`}`;
}

/** An option or a configuration value is wrong. Nothing was done. All problems are reported at once. */
export class ConfigError extends PodwrightError {
  /** Every problem that was found. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options: PodwrightErrorOptions & { subject?: string } = {}) {
    super(
      'ERR_PODWRIGHT_CONFIG',
      `Invalid ${options.subject ?? 'configuration'}: ${problems.map(problemLine).join(' | ')}`,
      options,
    );
    this.problems = problems;
  }
}
branded(ConfigError, 'ConfigError');

/** A workload, its key or its executor config cannot be accepted. The task was not queued. */
export class InvalidWorkloadError extends PodwrightError {
  /** Every problem that was found. */
  readonly problems: readonly ConfigProblem[];

  constructor(
    problems: readonly ConfigProblem[],
    options: PodwrightErrorOptions & {
      code?: 'ERR_PODWRIGHT_INVALID_WORKLOAD' | 'ERR_PODWRIGHT_INVALID_KEY' | 'ERR_PODWRIGHT_EXECUTOR_CONFIG';
    } = {},
  ) {
    super(
      options.code ?? 'ERR_PODWRIGHT_INVALID_WORKLOAD',
      `Invalid workload: ${problems.map(problemLine).join(' | ')}`,
      options,
    );
    this.problems = problems;
  }
}
branded(InvalidWorkloadError, 'InvalidWorkloadError');

/** The same key is already queued, running, or has ended in this executor. */
export class DuplicateTaskError extends PodwrightError {
  constructor(key: string, state: string) {
    super('ERR_PODWRIGHT_DUPLICATE_TASK', `Task ${key} is already ${state} in this executor`, {
      hint: 'A key stands for one try: raise tryNumber to run the task again, or await the run that exists (getRun(key)).',
    });
  }
}
branded(DuplicateTaskError, 'DuplicateTaskError');

/** No such task in this executor. */
export class UnknownTaskError extends PodwrightError {
  constructor(key: string, hint?: string) {
    super('ERR_PODWRIGHT_UNKNOWN_TASK', `Task ${key} is not known to this executor`, { hint });
  }
}
branded(UnknownTaskError, 'UnknownTaskError');

/** The executor was used before `start()`, or after it had ended. */
export class LifecycleError extends PodwrightError {
  constructor(code: 'ERR_PODWRIGHT_NOT_STARTED' | 'ERR_PODWRIGHT_CLOSED', what: string) {
    super(
      code,
      code === 'ERR_PODWRIGHT_NOT_STARTED' ? `${what} before start()` : `${what} after the executor was ended`,
      {
        hint:
          code === 'ERR_PODWRIGHT_NOT_STARTED'
            ? 'Call `await executor.start()` first, or build the executor with `connect()`.'
            : 'An ended executor cannot be used again: make a new one.',
      },
    );
  }
}
branded(LifecycleError, 'LifecycleError');

/** The executor cannot do what was asked, by its nature. */
export class UnsupportedError extends PodwrightError {
  constructor(message: string, hint?: string) {
    super('ERR_PODWRIGHT_UNSUPPORTED', message, { hint });
  }
}
branded(UnsupportedError, 'UnsupportedError');

/** The reason of a launch's abort signal when its task is stopped. Never thrown at a caller by podwright itself. */
export class CancelledError extends PodwrightError {
  constructor(key: string, why: string) {
    super('ERR_PODWRIGHT_CANCELLED', `${why} (${key})`);
  }
}
branded(CancelledError, 'CancelledError');

/** A wait has reached its limit. */
export class TimeoutError extends PodwrightError {
  constructor(message: string, options: PodwrightErrorOptions = {}) {
    super('ERR_PODWRIGHT_TIMEOUT', message, { retryable: true, ...options });
  }
}
branded(TimeoutError, 'TimeoutError');

/** A pod template cannot be read, or is no pod. */
export class PodTemplateError extends PodwrightError {
  /** The file, where the template came from one. */
  readonly file: string | undefined;

  constructor(message: string, options: PodwrightErrorOptions & { file?: string | undefined } = {}) {
    super('ERR_PODWRIGHT_POD_TEMPLATE', message, options);
    this.file = options.file;
  }
}
branded(PodTemplateError, 'PodTemplateError');

/** A pod that was built breaks rules of Kubernetes, or those of an override policy. It was not sent. All problems are reported at once. */
export class InvalidPodError extends PodwrightError {
  /** Every problem that was found; `field` is the path within the pod. */
  readonly problems: readonly ConfigProblem[];

  constructor(
    problems: readonly ConfigProblem[],
    options: PodwrightErrorOptions & { code?: 'ERR_PODWRIGHT_INVALID_POD' | 'ERR_PODWRIGHT_POD_POLICY' } = {},
  ) {
    const { code = 'ERR_PODWRIGHT_INVALID_POD' } = options;
    const subject = code === 'ERR_PODWRIGHT_INVALID_POD' ? 'Invalid pod' : 'Pod against policy';
    super(code, `${subject}: ${problems.map(problemLine).join(' | ')}`, options);
    this.problems = problems;
  }
}
branded(InvalidPodError, 'InvalidPodError');

/** Texts in a pod's template or a task's override cannot be filled in from the task's context. No pod was sent. */
export class PodTemplatingError extends PodwrightError {
  /** Every problem that was found; `field` is the path within the layer that `source` names. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options: PodwrightErrorOptions = {}) {
    super('ERR_PODWRIGHT_TEMPLATING', `Invalid templating: ${problems.map(problemLine).join(' | ')}`, options);
    this.problems = problems;
  }
}
branded(PodTemplatingError, 'PodTemplatingError');

/** One field that an API server objects to. */
export interface KubeErrorCause {
  /** Kind of objection, for example `FieldValueRequired`. */
  readonly reason?: string;
  /** Its text. */
  readonly message?: string;
  /** Path of the field. */
  readonly field?: string;
}

/** What is known of a failed call to the API server. */
export interface KubeApiErrorFields extends PodwrightErrorOptions {
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The Status body's `reason` (`NotFound`, `AlreadyExists`, …), empty where there is none. */
  readonly reason?: string | undefined;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** How often the call was sent. Default 1. */
  readonly attempts?: number | undefined;
  /** The fields that the server objects to. Values are not part of it. */
  readonly causes?: readonly KubeErrorCause[] | undefined;
  /** The server's audit id of the request, where it sent one. */
  readonly requestId?: string | undefined;
}

/** The API server refused or failed a call, or could not be reached. Its message never holds a manifest or a credential. */
export class KubeApiError extends PodwrightError {
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The Status body's `reason` (`NotFound`, `AlreadyExists`, …), empty where there is none. */
  readonly reason: string;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** How often the call was sent. */
  readonly attempts: number;
  /** The fields that the server objects to. */
  readonly causes: readonly KubeErrorCause[];
  /** The server's audit id of the request, where it sent one. */
  readonly requestId: string | undefined;

  constructor(message: string, fields: KubeApiErrorFields) {
    super(fields.status === 0 ? 'ERR_PODWRIGHT_KUBE_CONNECTION' : 'ERR_PODWRIGHT_KUBE_API', message, fields);
    this.status = fields.status;
    this.reason = fields.reason ?? '';
    this.retryAfterMs = fields.retryAfterMs;
    this.attempts = fields.attempts ?? 1;
    this.causes = fields.causes ?? [];
    this.requestId = fields.requestId;
  }
}
branded(KubeApiError, 'KubeApiError');

/** A kubeconfig or in-cluster credentials cannot be used. */
export class KubeConfigError extends PodwrightError {
  constructor(message: string, options: PodwrightErrorOptions = {}) {
    super('ERR_PODWRIGHT_KUBECONFIG', message, options);
  }
}
branded(KubeConfigError, 'KubeConfigError');

/** A watch cannot be kept up. */
export class WatchError extends PodwrightError {
  constructor(message: string, options: PodwrightErrorOptions = {}) {
    super('ERR_PODWRIGHT_WATCH', message, { retryable: true, ...options });
  }
}
branded(WatchError, 'WatchError');

/** A log cannot be read. */
export class LogError extends PodwrightError {
  constructor(message: string, options: PodwrightErrorOptions = {}) {
    super('ERR_PODWRIGHT_LOG', message, options);
  }
}
branded(LogError, 'LogError');

/** A store of the host or of podwright failed. */
export class StoreError extends PodwrightError {
  constructor(message: string, options: PodwrightErrorOptions = {}) {
    super('ERR_PODWRIGHT_STORE', message, options);
  }
}
branded(StoreError, 'StoreError');

/** Somebody else holds the lease of this executor's id. */
export class LeaseHeldError extends PodwrightError {
  constructor(lease: string, holder: string | undefined, waitedMs: number) {
    super(
      'ERR_PODWRIGHT_LEASE_HELD',
      `The lease ${lease} is held by ${holder ?? 'somebody else'}, and was not free within ${Math.round(waitedMs / 1_000)} s`,
      {
        retryable: true,
        hint: 'Another process runs with this executorId: stop it, or give each process an id of its own.',
      },
    );
  }
}
branded(LeaseHeldError, 'LeaseHeldError');

/** A lease that was held is not any more; whatever was to be done under it is not done. */
export class LeaseLostError extends PodwrightError {
  constructor(lease: string, holder: string | undefined) {
    super(
      'ERR_PODWRIGHT_LEASE_LOST',
      `The lease ${lease} is lost${holder === undefined || holder === '' ? '' : ` to ${holder}`}`,
      { retryable: true, hint: 'Do nothing more under it; another process may be at the same work.' },
    );
  }
}
branded(LeaseLostError, 'LeaseLostError');

/** The embedded cluster was asked for something it cannot do. */
export class ClusterError extends PodwrightError {
  constructor(message: string, hint?: string) {
    super('ERR_PODWRIGHT_CLUSTER', message, { hint });
  }
}
branded(ClusterError, 'ClusterError');
