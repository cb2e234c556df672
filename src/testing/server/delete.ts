/** Deleting objects: grace, preconditions, finalizers, whole collections, namespaces. */
import { formatTime } from '../../wire/micro-time.js';
import type { KubeObject, KubeStatus } from '../../wire/types.js';
import type { Core } from './core.js';
import { isMap, type JsonMap } from './json.js';
import { selectorOf } from './list.js';
import { type DeleteOptions, deleteOptions, optionsOf } from './options/delete-options.js';
import { checkVersionOptions, parseVersion } from './options/list-options.js';
import type { ResourceRequest } from './request.js';
import { keyOf, RESOURCES, type ResourceDef } from './resources.js';
import { conflict, forbidden, notFound } from './status.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});
/** Namespaces that admission keeps from deletion. */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);
/** Kinds whose DELETE answers with the object that is gone. */
const ANSWERED_WHOLE = new Set(['namespaces', 'serviceaccounts', 'resourcequotas']);
function checkPreconditions(def: ResourceDef, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion, name = '' } = object.metadata ?? {};
  if (options.uid !== undefined && options.uid !== uid)
    throw conflict(
      def,
      name,
      `the UID in the precondition (${options.uid}) does not match the UID in record (${uid ?? ''}). The object might have been deleted and then recreated`,
      def.kind,
    );
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion)
    throw conflict(
      def,
      name,
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion ?? ''}). The object might have been modified`,
      def.kind,
    );
}

/** What a delete left: the object, and whether it is gone. */
export interface Deleted {
  readonly object: KubeObject;
  readonly isGone: boolean;
}

function marked(core: Core, def: ResourceDef, object: KubeObject, period: number): KubeObject {
  const metadata = object.metadata ?? {};
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(def.hasGeneration && metadata.deletionTimestamp === undefined
        ? { generation: Number(metadata.generation ?? 1) + 1 }
        : {}),
      deletionTimestamp: formatTime(core.clock.now() + period * 1000),
      deletionGracePeriodSeconds: period,
    },
  };
}

/** Policies other than Background hold the object with a finalizer until the garbage collector has acted. */
function withPolicyFinalizer(object: KubeObject, policy: string | undefined): KubeObject {
  if (policy === undefined) return object;
  const wanted = policy === 'Foreground' ? ['foregroundDeletion'] : policy === 'Orphan' ? ['orphan'] : [];
  const { finalizers = [], ...metadata } = object.metadata ?? {};
  // The last policy asked for counts alone.
  const others = finalizers.filter((name) => name !== 'foregroundDeletion' && name !== 'orphan');
  const next = [...others, ...wanted];
  if (next.join() === finalizers.join()) return object;
  return { ...object, metadata: { ...metadata, ...(next.length === 0 ? {} : { finalizers: next }) } };
}

/** The period of a pod's deletion: the option, else its own; none where nothing runs. */
function gracePeriod(object: KubeObject, options: DeleteOptions): number {
  const { spec, status } = object as { spec?: JsonMap; status?: JsonMap };
  const asked = options.gracePeriodSeconds ?? (spec?.terminationGracePeriodSeconds as number | undefined) ?? 0;
  if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  return asked < 0 ? 1 : asked;
}

/** Deletes one stored object by the rules of its kind. */
export function deleteObject(
  core: Core,
  def: ResourceDef,
  key: string,
  stored: KubeObject,
  options: DeleteOptions,
): Deleted {
  checkPreconditions(def, stored, options);
  if (def.resource === 'namespaces') return deleteNamespace(core, def, key, stored, options);
  const write = (object: KubeObject) => (options.dryRun ? object : core.store.put(def.resource, key, object));
  const remove = (object: KubeObject): Deleted => ({
    object: options.dryRun ? object : (core.store.remove(def.resource, key, object) ?? object),
    isGone: true,
  });
  const withFinalizer = withPolicyFinalizer(stored, options.propagationPolicy);
  const isMarked = stored.metadata?.deletionTimestamp !== undefined;
  const hasFinalizers = (withFinalizer.metadata?.finalizers ?? []).length > 0;
  if (!def.isGraceful) {
    if (!hasFinalizers) return remove(stored);
    if (isMarked && withFinalizer === stored) return { object: stored, isGone: false };
    return { object: write(isMarked ? withFinalizer : marked(core, def, withFinalizer, 0)), isGone: false };
  }
  const period = gracePeriod(stored, options);
  if (!isMarked) {
    const object = write(marked(core, def, withFinalizer, period));
    return hasFinalizers || period > 0 ? { object, isGone: false } : remove(object);
  }
  const storedPeriod = stored.metadata?.deletionGracePeriodSeconds ?? 0;
  let object = withFinalizer;
  if (storedPeriod > 0) {
    if (options.gracePeriodSeconds !== undefined && period < storedPeriod) {
      const since = Date.parse(stored.metadata?.deletionTimestamp ?? '') - storedPeriod * 1000;
      object = {
        ...object,
        metadata: {
          ...object.metadata,
          deletionTimestamp: formatTime(since + period * 1000),
          deletionGracePeriodSeconds: period,
        },
      };
      object = write(object);
    } else if (period !== 0 || options.gracePeriodSeconds === undefined) {
      return { object: withFinalizer === stored ? stored : write(withFinalizer), isGone: false };
    }
    if (period > 0) return { object, isGone: false };
  } else if (withFinalizer !== stored) object = write(object);
  return hasFinalizers ? { object, isGone: false } : remove(object);
}

function deleteNamespace(
  core: Core,
  def: ResourceDef,
  key: string,
  stored: KubeObject,
  options: DeleteOptions,
): Deleted {
  if (IMMORTAL.has(key)) throw forbidden(def, key, 'this namespace may not be deleted');
  if (stored.metadata?.deletionTimestamp !== undefined) return { object: stored, isGone: false };
  const object = {
    ...stored,
    metadata: { ...stored.metadata, deletionTimestamp: formatTime(core.clock.now()) },
    status: { ...mapOf((stored as JsonMap).status), phase: 'Terminating' },
  };
  if (options.dryRun) return { object, isGone: false };
  return { object: core.store.put(def.resource, key, object), isGone: false };
}

/** Empties a namespace that ends, and removes it when nothing is left, as the namespace controller does. */
export function sweepNamespace(core: Core, namespace: string): void {
  const stored = core.store.get('namespaces', namespace);
  if (stored?.metadata?.deletionTimestamp === undefined) return;
  let left = 0;
  for (const def of RESOURCES) {
    if (!def.namespaced) continue;
    for (const { key, object } of core.store.list(def.resource, `${namespace}/`)) {
      if (object.metadata?.deletionTimestamp === undefined || (object.metadata.deletionGracePeriodSeconds ?? 0) === 0)
        deleteObject(core, def, key, object, optionsOf({}));
      if (core.store.get(def.resource, key) !== undefined) left++;
    }
  }
  if (left > 0 || (stored.metadata.finalizers ?? []).length > 0) return;
  const { spec: _, ...rest } = stored as JsonMap;
  core.store.remove('namespaces', namespace, { ...rest, spec: {} } as KubeObject);
}

/** Answers DELETE on one object. */
export function deleteOne(core: Core, request: ResourceRequest): KubeObject | KubeStatus {
  const { def, name, namespace } = request;
  const options = deleteOptions(request);
  const key = keyOf(def, namespace, name);
  const stored = core.store.get(def.resource, key);
  if (stored === undefined) throw notFound(def, name);
  const { object, isGone } = deleteObject(core, def, key, stored, options);
  if (!isGone || def.isGraceful || ANSWERED_WHOLE.has(def.resource)) return object;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(def.group === '' ? {} : { group: def.group }),
      kind: def.resource,
      uid: stored.metadata?.uid ?? '',
    },
  };
}

/** Answers DELETE on a collection: the objects as they were before. */
export function deleteCollection(core: Core, request: ResourceRequest): KubeObject[] {
  const options = deleteOptions(request);
  checkVersionOptions(request, false);
  const version = request.query.get('resourceVersion') ?? '';
  if (version !== '') parseVersion(version);
  const matches = selectorOf(request);
  const found = core.store
    .list(request.def.resource, request.namespace === '' ? '' : `${request.namespace}/`)
    .filter(({ object }) => matches(object));
  for (const { key, object } of found) deleteObject(core, request.def, key, object, options);
  return found.map(({ object }) => object);
}
