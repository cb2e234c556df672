/** The API server's error bodies: one function per case, with its message, reason, code and details. */
import type { KubeStatus, StatusCause } from '../../wire/types.js';

/** What names a resource in messages. */
export interface ResourceName {
  readonly group: string;
  readonly resource: string;
  readonly kind: string;
}

/** A request that ends with a Status. */
export class ApiError extends Error {
  readonly status: KubeStatus;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: KubeStatus, headers: Readonly<Record<string, string>> = {}) {
    super(status.message);
    this.name = 'ApiError';
    this.status = status;
    this.headers = headers;
  }
}

/** A request that ends with a plain text body, as unknown paths do. */
export class PlainError extends Error {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.name = 'PlainError';
    this.code = code;
    this.headers = headers;
  }
}

/** A Status body of a failure. */
export function failure(
  code: number,
  reason: string | undefined,
  message: string,
  details?: KubeStatus['details'],
): KubeStatus {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

function fail(code: number, reason: string | undefined, message: string, details?: KubeStatus['details']): ApiError {
  return new ApiError(failure(code, reason, message, details));
}

/** `pods`, or `leases.coordination.k8s.io` for a named group. */
export function qualified(def: ResourceName): string {
  return def.group === '' ? def.resource : `${def.resource}.${def.group}`;
}

function detailsOf(def: ResourceName, name: string, kind: string = def.resource): NonNullable<KubeStatus['details']> {
  return {
    ...(name === '' ? {} : { name }),
    ...(def.group === '' ? {} : { group: def.group }),
    ...(kind === '' ? {} : { kind }),
  };
}

/** 404 for an object. */
export function notFound(def: ResourceName, name: string): ApiError {
  return fail(404, 'NotFound', `${qualified(def)} ${JSON.stringify(name)} not found`, detailsOf(def, name));
}

/** 404 for a resource that the group and version do not have. */
export function unknownResource(): ApiError {
  return fail(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** 409 for a name that is taken. */
export function alreadyExists(def: ResourceName, name: string, beingDeleted = false): ApiError {
  const message = `${qualified(def)} ${JSON.stringify(name)} already exists`;
  return fail(
    409,
    'AlreadyExists',
    beingDeleted ? `object is being deleted: ${message}` : message,
    detailsOf(def, name),
  );
}

/** The usual end of a conflict message. */
export const MODIFIED_MEANWHILE =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 409 for a version, uid or precondition that does not hold; `subject` is the word in the message, by default the resource. */
export function conflict(
  def: ResourceName,
  name: string,
  why: string = MODIFIED_MEANWHILE,
  subject?: string,
): ApiError {
  const kind = subject ?? qualified(def);
  return fail(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${kind} ${JSON.stringify(name)}: ${why}`,
    detailsOf(def, name, subject ?? def.resource),
  );
}

/** 409 of an apply that would take fields from others. */
export function applyConflict(message: string, causes: StatusCause[]): ApiError {
  return fail(409, 'Conflict', message, { causes });
}

/** 403, with the cause told by `why`. */
export function forbidden(def: ResourceName, name: string, why: string, causes?: StatusCause[]): ApiError {
  const subject = name === '' ? qualified(def) : `${qualified(def)} ${JSON.stringify(name)}`;
  return fail(403, 'Forbidden', `${subject} is forbidden: ${why}`, {
    ...detailsOf(def, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

/** 400 with a free message. */
export function badRequest(message: string): ApiError {
  return fail(400, 'BadRequest', message);
}

/** 401. */
export function unauthorized(): ApiError {
  return fail(401, 'Unauthorized', 'Unauthorized');
}

/** 405. */
export function methodNotAllowed(): ApiError {
  return fail(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

/** 501 for what a real server does and this one does not. */
export function notImplemented(what: string): ApiError {
  return fail(501, 'NotImplemented', `${what} is not implemented by the embedded cluster`, {});
}

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const STREAMS = `, application/json;stream=watch, ${PROTOBUF};stream=watch`;

/** 406; asking for a form that the server cannot convert to is told apart from asking for another media type. */
export function notAcceptable(isConversion: boolean, canStream: boolean, types: readonly string[]): ApiError {
  const all = (types.length > 1 ? [...types, PROTOBUF] : types).join(', ');
  if (isConversion) return fail(406, 'NotAcceptable', `only the following media types are accepted: ${all}`);
  const message = `406: Not Acceptable\n\nAvailable representations: ${all}${canStream ? STREAMS : ''}`;
  return fail(406, 'NotAcceptable', message, {});
}

/** 406 for a form that this object does not have. */
export function failedForm(message: string): ApiError {
  return fail(406, 'NotAcceptable', message);
}

/** 413. */
export function tooLarge(limit: number): ApiError {
  return fail(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);
}

/** 415 for a body. */
export function unsupportedBody(): ApiError {
  return fail(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
}

/** 500 without a reason, as errors that no part of the server has typed. */
export function internal(message: string): ApiError {
  return fail(500, undefined, message);
}

/** 410 for a list. */
export function expired(message: string, continueToken?: string): ApiError {
  const status = failure(410, 'Expired', message);
  if (continueToken !== undefined) status.metadata = { continue: continueToken };
  return new ApiError(status);
}

/** 504 for a version of the future. */
export function tooLargeVersion(asked: number, current: number): KubeStatus {
  return failure(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** 422 without details, for patches that do not fit. */
export function unprocessable(): ApiError {
  return fail(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

/** One fault of a field. */
export interface FieldFault {
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid';
  readonly field: string;
  readonly message: string;
}

const shownValue = (value: unknown) => (value === undefined ? 'null' : JSON.stringify(value));

/** The constructors of faults, each with the server's wording. */
export const fault = {
  invalid: (field: string, value: unknown, why: string): FieldFault => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${shownValue(value)}: ${why}`,
  }),
  required: (field: string, why = ''): FieldFault => ({
    reason: 'FieldValueRequired',
    field,
    message: why === '' ? 'Required value' : `Required value: ${why}`,
  }),
  duplicate: (field: string, value: unknown): FieldFault => ({
    reason: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${shownValue(value)}`,
  }),
  unsupported: (field: string, value: unknown, supported: readonly string[]): FieldFault => ({
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${shownValue(value)}: supported values: ${supported
      .map((item) => JSON.stringify(item))
      .join(', ')}`,
  }),
  forbidden: (field: string, why: string): FieldFault => ({
    reason: 'FieldValueForbidden',
    field,
    message: `Forbidden: ${why}`,
  }),
  notFound: (field: string, value: unknown): FieldFault => ({
    reason: 'FieldValueNotFound',
    field,
    message: `Not found: ${shownValue(value)}`,
  }),
  tooLong: (field: string, max: number): FieldFault => ({
    reason: 'FieldValueTooLong',
    field,
    message: `Too long: may not be more than ${max} bytes`,
  }),
};

/** 422 for the given faults, all of them in one answer. */
export function invalid(def: ResourceName, name: string, faults: readonly FieldFault[]): ApiError {
  const texts = faults.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  const unique = [...new Set(texts)];
  const summary = unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`;
  const kind = def.group === '' ? def.kind : `${def.kind}.${def.group}`;
  return fail(422, 'Invalid', `${kind} ${JSON.stringify(name)} is invalid: ${summary}`, {
    ...detailsOf(def, name, def.kind),
    causes: faults.map(({ reason, message, field }) => ({ reason, message, field })),
  });
}

/** 422 for the options of a request (`ListOptions`, `DeleteOptions`, …). */
export function invalidOptions(kind: string, faults: readonly FieldFault[]): ApiError {
  return invalid({ group: 'meta.k8s.io', resource: kind, kind }, '', faults);
}
