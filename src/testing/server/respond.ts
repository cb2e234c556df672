/** Turns results into answers in the form that was asked for: JSON, YAML, Table, metadata only. */
import yaml from 'js-yaml';
import type { KubeObject, KubeStatus } from '../../wire/types.js';
import { itemTextOf, textOf } from './core.js';
import type { Page } from './list.js';
import type { ResourceRequest } from './request.js';
import { apiVersionOf } from './resources.js';
import { badRequest, failedForm, notAcceptable } from './status.js';
import type { ByteStream } from './stream.js';
import { type IncludeObject, partialOf, tableOf } from './table.js';

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

/** Reads the Accept header. @throws ApiError 406 where nothing in it can be had. */
export function formOf(accept: string | undefined, canStream = false): Form {
  const plain: Form = { kind: 'object', version: 'v1', isYaml: false };
  if (accept === undefined || accept.trim() === '') return plain;
  for (const entry of accept.split(',')) {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const parameter = (name: string) => parameters.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
    if (type !== 'application/json' && type !== 'application/yaml' && type !== '*/*' && type !== 'application/*')
      continue;
    const isYaml = type === 'application/yaml';
    const as = parameter('as');
    if (as === undefined) return { ...plain, isYaml };
    const version = parameter('v') ?? 'v1';
    if (version !== 'v1' && version !== 'v1beta1') continue;
    if (as === 'Table') return { kind: 'table', version, isYaml };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')
      return { kind: 'partial', version, isYaml, isOfList: as.endsWith('List') };
  }
  throw notAcceptable(accept.includes('as='), canStream);
}

/** The body of a value in JSON or YAML. */
export function encoded(status: number, value: unknown, isYaml: boolean): Answer {
  if (isYaml)
    return {
      status,
      headers: { 'content-type': 'application/yaml' },
      body: yaml.dump(JSON.parse(JSON.stringify(value))),
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
  if (isSingle && form.isOfList)
    throw failedForm(
      `you requested PartialObjectMetadataList, but the requested object is not a list (*core.${request.def.kind})`,
    );
  if (isSingle) return partialOf(objects[0] as KubeObject, form.version);
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${form.version}`,
    metadata,
    items: objects.map((object) => partialOf(object, form.version)),
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
