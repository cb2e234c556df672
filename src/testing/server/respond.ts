/** Turns results into answers in the form that was asked for: JSON, YAML, Table, metadata only. */
import type { KubeObject, KubeStatus } from '../../wire/types.js';
import { ConnectionDropped } from './connection-dropped.js';
import { itemTextOf, textOf } from './core.js';
import type { Page } from './list.js';
import type { ResourceRequest } from './request.js';
import { apiVersionOf } from './resources.js';
import { ApiError, badRequest, failedForm, failure, notAcceptable, PlainError } from './status.js';
import type { ByteStream } from './stream.js';
import { type IncludeObject, partialOf, tableOf } from './table.js';
import { yamlText } from './yaml-text.js';

/** An answer before it goes out. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | ByteStream;
}

/** The form of an answer. */
export interface Form {
  readonly kind: 'object' | 'table' | 'partial';
  readonly version: string;
  readonly isYaml: boolean;
  /** Whether the metadata of a list was asked for, which a single object is not. */
  readonly isOfList?: boolean;
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The clauses of an Accept header, the most wanted first. */
function clausesOf(accept: string): Clause[] {
  const clauses = accept.split(',').map((entry) => {
    const [type = '', ...rest] = entry.split(';').map((part) => part.trim());
    const parameters = new Map(
      rest.map((part): [string, string] => {
        const at = part.indexOf('=');
        return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
      }),
    );
    return { type, parameters };
  });
  const quality = ({ parameters }: Clause) => Number(parameters.get('q') ?? 1);
  return clauses.sort((left, right) => quality(right) - quality(left));
}

/** The form that a clause asks for, or `undefined` where there is no such. */
function formOfClause({ type, parameters }: Clause): Form | undefined {
  const isYaml = type === 'application/yaml';
  const as = parameters.get('as');
  if (as === undefined) return { kind: 'object', version: 'v1', isYaml };
  const version = parameters.get('v') ?? '';
  if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  if (as === 'Table') return { kind: 'table', version, isYaml };
  if (as !== 'PartialObjectMetadata' && as !== 'PartialObjectMetadataList') return undefined;
  return { kind: 'partial', version, isYaml, isOfList: as.endsWith('List') };
}

const TYPES = ['application/json', 'application/yaml'];

/** Reads the Accept header. @throws ApiError 406 where nothing in it can be had. */
export function formOf(accept: string | undefined, canStream = false, types: readonly string[] = TYPES): Form {
  if (accept === undefined || accept === 'application/json' || accept.trim() === '')
    return { kind: 'object', version: 'v1', isYaml: false };
  const known = clausesOf(accept).filter(({ type }) => type === '*/*' || types.includes(type));
  for (const clause of known) {
    const form = formOfClause(clause);
    if (form !== undefined) return form;
  }
  throw notAcceptable(known.length > 0, canStream, types);
}

/** The body of a value in JSON or YAML. */
export function encoded(status: number, value: unknown, isYaml = false): Answer {
  if (isYaml)
    return {
      status,
      headers: { 'content-type': 'application/yaml' },
      body: yamlText(value),
    };
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}

function includeOf(request: ResourceRequest): IncludeObject {
  const include = request.query.get('includeObject');
  return include === 'None' || include === 'Object' ? include : 'Metadata';
}

/** An answer that holds one object. */
export function objectAnswer(
  request: ResourceRequest,
  status: number,
  object: KubeObject | KubeStatus,
  form: Form,
  now: number,
): Answer {
  if (form.kind === 'object' || object.kind === 'Status') {
    if (form.isYaml) return encoded(status, object, true);
    return { status, headers: { 'content-type': 'application/json' }, body: `${textOf(object as KubeObject)}\n` };
  }
  return encoded(
    status,
    special(
      request,
      [object as KubeObject],
      { resourceVersion: (object as KubeObject).metadata?.resourceVersion },
      form,
      now,
      true,
    ),
    form.isYaml,
  );
}

function special(
  request: ResourceRequest,
  objects: readonly KubeObject[],
  metadata: unknown,
  form: Form,
  now: number,
  isSingle: boolean,
): unknown {
  const include = request.query.get('includeObject') ?? '';
  if (form.kind === 'table' && !['', 'None', 'Metadata', 'Object'].includes(include))
    throw badRequest(
      `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
    );
  if (form.kind === 'table')
    return tableOf(request.def, objects, metadata, {
      now,
      include: includeOf(request),
      version: form.version,
      withColumns: true,
    });
  const goType = `*${request.def.group.split('.')[0] || 'core'}.${request.def.kind}`;
  if (isSingle && form.isOfList)
    throw failedForm(`you requested PartialObjectMetadataList, but the requested object is not a list (${goType})`);
  if (!isSingle && !form.isOfList)
    throw failedForm(`you requested PartialObjectMetadata, but the requested object is a list (${goType}List)`);
  if (isSingle) return partialOf(objects[0] as KubeObject, form.version);
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${form.version}`,
    metadata,
    items: objects.length === 0 ? null : objects.map((object) => partialOf(object, form.version)),
  };
}

/** An answer that holds a list. */
export function listAnswer(request: ResourceRequest, page: Page, form: Form, now: number): Answer {
  const { def } = request;
  if (form.kind !== 'object')
    return encoded(200, special(request, page.items, page.metadata, form, now, false), form.isYaml);
  if (form.isYaml) {
    const items = page.items.map((object) => JSON.parse(itemTextOf(object)));
    return encoded(
      200,
      { kind: `${def.kind}List`, apiVersion: apiVersionOf(def), metadata: page.metadata, items },
      true,
    );
  }
  const head = `{"kind":"${def.kind}List","apiVersion":"${apiVersionOf(def)}","metadata":${JSON.stringify(page.metadata)},"items":[`;
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: `${head}${page.items.map(itemTextOf).join(',')}]}\n`,
  };
}

/** Renders the objects of a watch in the form asked for; `undefined` for plain objects. */
export function eventRenderer(
  request: ResourceRequest,
  form: Form,
  now: () => number,
): ((object: KubeObject, isFirst: boolean) => string) | undefined {
  if (form.kind === 'object') return undefined;
  return (object, isFirst) =>
    JSON.stringify(
      form.kind === 'partial'
        ? partialOf(object, form.version)
        : tableOf(
            request.def,
            [object],
            { resourceVersion: object.metadata?.resourceVersion },
            { now: now(), include: includeOf(request), version: form.version, withColumns: isFirst },
          ),
    );
}

/** Whether a refusal goes out as YAML; a header that cannot be read asks for nothing. */
function wantsYaml(accept: string | undefined): boolean {
  if (accept === undefined || !accept.includes('yaml')) return false;
  try {
    return formOf(accept).isYaml;
  } catch {
    return false;
  }
}

/** The answer that an error makes. @throws ConnectionDropped, which has none. */
export function errorAnswer(error: unknown, accept?: string): Answer {
  if (error instanceof ConnectionDropped) throw error;
  if (error instanceof PlainError)
    return {
      status: error.code,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'x-content-type-options': 'nosniff',
        ...error.headers,
      },
      body: `${error.message}\n`,
    };
  const status =
    error instanceof ApiError
      ? error.status
      : failure(
          500,
          'InternalError',
          `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`,
        );
  const answer = encoded(status.code ?? 500, status, wantsYaml(accept));
  if (error instanceof ApiError) Object.assign(answer.headers, error.headers);
  return answer;
}
