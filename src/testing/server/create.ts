/** Creating objects. */
import type { KubeObject } from '../../wire/types.js';
import { admitCreate } from './admission.js';
import { decodeObject } from './body.js';
import { type Core, nameSuffix, newUid, nowTime } from './core.js';
import { isMap, type JsonMap } from './json.js';
import { checkWriteOptions } from './options/write-options.js';
import { admitPodSpec } from './pod-defaults.js';
import { isDryRun, type ResourceRequest } from './request.js';
import { keyOf } from './resources.js';
import { alreadyExists, internal, invalid } from './status.js';
import { applyDefaults, complete, nameProblem, prepareCreate, warningsOf } from './strategies.js';
import { specFaults } from './validate/kinds.js';
import { metadataFaults } from './validate/meta.js';
import { checkNamespace, type ManagedFields, orderMetadata, own, type Written, writerOf } from './write.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

/** Owners that are named twice are kept once, with a warning. */
function dropRepeatedOwners(request: ResourceRequest, metadata: JsonMap): void {
  if (!Array.isArray(metadata.ownerReferences)) return;
  const seen = new Set<unknown>();
  const repeatedUids = new Set<unknown>();
  const kept = metadata.ownerReferences.filter((owner) => {
    const { uid } = mapOf(owner);
    const isNew = !seen.has(uid);
    if (isNew) seen.add(uid);
    else repeatedUids.add(uid);
    return isNew;
  });
  if (repeatedUids.size === 0) return;
  metadata.ownerReferences = kept;
  request.warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...repeatedUids].join(', ')}`,
  );
}

/** Creates the object of a request, or one given by another part of the server. */
export function create(core: Core, request: ResourceRequest, given?: JsonMap, managed?: ManagedFields): Written {
  const { def } = request;
  checkWriteOptions(request, 'CreateOptions');
  const object = given ?? decodeObject(request);
  const metadata = object.metadata as JsonMap;
  checkNamespace(request, metadata);
  if (/^0*[1-9]\d*$/.test(String(metadata.resourceVersion ?? '')))
    throw internal('resourceVersion should not be set on objects to be created');
  dropRepeatedOwners(request, metadata);
  for (const field of [
    'uid',
    'creationTimestamp',
    'generation',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'resourceVersion',
  ])
    delete metadata[field];
  if (def.resource !== 'nodes') delete object.status;
  if (metadata.name === undefined && typeof metadata.generateName === 'string' && metadata.generateName !== '')
    metadata.name = `${metadata.generateName.slice(0, 58)}${nameSuffix(core.random)}`;
  const name = typeof metadata.name === 'string' ? metadata.name : '';
  metadata.uid = newUid(core.random);
  metadata.creationTimestamp = nowTime(core);
  if (def.hasGeneration) metadata.generation = 1;
  applyDefaults(def, object);
  if (managed === undefined)
    own(metadata, core.fields.update(writerOf(core, request), undefined, object, metadata.managedFields));
  else own(metadata, managed);
  prepareCreate(def, object, nowTime(core));
  if (def.resource === 'pods') admitPodSpec(mapOf(object.spec));
  admitCreate(core, request, object, 'mutate');
  const faults = [...metadataFaults(metadata, (text) => nameProblem(def, text)), ...specFaults(def, object, undefined)];
  if (faults.length > 0) throw invalid(def, name, faults);
  complete(def, object);
  admitCreate(core, request, object, 'validate');
  const key = keyOf(def, request.namespace, name);
  const existing = core.store.get(def.resource, key);
  if (existing !== undefined) throw alreadyExists(def, name, existing.metadata?.deletionTimestamp !== undefined);
  request.warnings.push(...warningsOf(def, object));
  object.metadata = orderMetadata(metadata);
  if (isDryRun(request)) return { code: 201, object: object as KubeObject };
  return { code: 201, object: core.store.put(def.resource, key, object as KubeObject) };
}
