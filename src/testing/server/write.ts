/** What creations and changes of objects have in common. */
import type { KubeObject } from '../../wire/types.js';
import { type Core, nowTime } from './core.js';
import type { FieldWriter } from './fields/managed-fields.js';
import type { JsonMap } from './json.js';
import { managerOf } from './options/write-options.js';
import type { ResourceRequest } from './request.js';
import { apiVersionOf } from './resources.js';
import { badRequest } from './status.js';

/** An object and the HTTP status to answer with. */
export interface Written {
  readonly code: number;
  readonly object: KubeObject;
}

/** Puts the request's namespace into an object. @throws ApiError 400 where it names another. */
export function checkNamespace(request: ResourceRequest, metadata: JsonMap): void {
  if (!request.def.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace !== undefined && metadata.namespace !== request.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  metadata.namespace = request.namespace;
}

/** Metadata in the order in which a server writes it. */
export function orderMetadata(metadata: JsonMap): JsonMap {
  const { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp, ...rest } = metadata;
  const result: JsonMap = {
    name,
    generateName,
    namespace,
    uid,
    resourceVersion,
    generation,
    creationTimestamp,
    ...rest,
  };
  for (const field of Object.keys(result)) if (result[field] === undefined) delete result[field];
  return result;
}

/** Who owns which fields, where that is known already; without it the writer owns what changes. */
export type ManagedFields = readonly JsonMap[];

/** The one who sends a request, as owner of fields. */
export function writerOf(core: Core, request: ResourceRequest): FieldWriter {
  const { def, subresource } = request;
  return {
    manager: managerOf(request.headers, request.query),
    apiVersion: apiVersionOf(def),
    kind: def.kind,
    subresource,
    now: nowTime(core),
    reset: subresource === 'status' ? STATUS_RESET : def.hasStatus ? MAIN_RESET : [],
  };
}

const MAIN_RESET = [['f:status']];
const STATUS_RESET = [['f:spec'], ['f:metadata', 'f:deletionTimestamp'], ['f:metadata', 'f:ownerReferences']];

/** Writes down who owns which fields of an object. Changes its argument. */
export function own(metadata: JsonMap, managed: ManagedFields | undefined): void {
  if (managed === undefined) delete metadata.managedFields;
  else metadata.managedFields = managed;
}
