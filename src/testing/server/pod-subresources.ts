/** Updates of a pod through `ephemeralcontainers` and `resize`: what of them counts, and what is wrong with it. */

import type { Core } from './core.js';
import { isMap, type JsonMap, sameJson } from './json.js';
import { qosClass } from './pod-defaults.js';
import { PODS } from './resources.js';
import { type FieldFault, fault, forbidden } from './status.js';
import { ephemeralFaults } from './validate/ephemeral.js';
import { podSpecFaults } from './validate/pod.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});
const maps = (value: unknown): JsonMap[] => (Array.isArray(value) ? value.filter(isMap) : []);

const RESIZABLE = ['resources', 'resizePolicy'] as const;

/** The old containers with the new resources. */
function resized(old: unknown, given: unknown): JsonMap[] {
  return maps(old).map((container) => {
    const change = maps(given).find(({ name }) => name === container.name) ?? container;
    const next = { ...container };
    for (const field of RESIZABLE) if (change[field] !== undefined) next[field] = change[field];
    return next;
  });
}

/** The pod that such an update makes: the old one, but for the fields that the subresource is for. */
export function narrowed(subresource: string, object: JsonMap, old: JsonMap): JsonMap {
  const given = mapOf(object.spec);
  const spec = { ...mapOf(old.spec) };
  if (subresource === 'ephemeralcontainers') {
    if (given.ephemeralContainers === undefined) delete spec.ephemeralContainers;
    else spec.ephemeralContainers = given.ephemeralContainers;
  } else
    for (const field of ['containers', 'initContainers'])
      if (spec[field] !== undefined) spec[field] = resized(spec[field], given[field]);
  const metadata = { ...mapOf(old.metadata), managedFields: mapOf(object.metadata).managedFields };
  return { ...old, metadata, spec };
}

/** Refuses a resize of a pod whose node is not there to carry it out. @throws ApiError 403. */
export function admitResize(core: Core, name: string, object: JsonMap, old: JsonMap): void {
  const node = mapOf(old.spec).nodeName;
  if (typeof node !== 'string' || sameJson(object.spec, old.spec)) return;
  if (core.store.get('nodes', node) === undefined)
    throw forbidden(PODS, name, `node ${JSON.stringify(node)} not found`);
}

/** Faults of such an update. */
export function narrowFaults(subresource: string, object: JsonMap, old: JsonMap): FieldFault[] {
  const spec = mapOf(object.spec);
  if (subresource === 'ephemeralcontainers') return ephemeralFaults(spec, mapOf(old.spec));
  const faults = podSpecFaults(spec);
  const { qosClass: before } = mapOf(old.status);
  if (before !== undefined && qosClass(spec) !== before)
    faults.push(fault.invalid('spec', before, 'Pod QOS Class may not change as a result of resizing'));
  return faults;
}
