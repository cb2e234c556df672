/** Which layer set each field of a pod. */
import { mergeKeyOf } from '../wire/merge-keys.js';
import type { Pod } from '../wire/types.js';

/** Layer by path, for example `spec.containers[0].image` → `template pod.yaml`. A map or list that one layer set as a whole has an entry of its own. */
export type Provenance = Readonly<Record<string, string>>;

type Node = Record<string, unknown> | unknown[];
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Items with a merge key are followed by it, since they change their places from layer to layer. */
function stepsOf(value: Node, field: string): [step: string, identity: string, part: unknown][] {
  if (!Array.isArray(value))
    return Object.entries(value).map(([name, part]) => {
      const step = /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
      return [step, step, part];
    });
  const key = mergeKeyOf(field);
  const seen = new Map<string, number>();
  return value.map((part, index) => {
    const name = key !== undefined && isNode(part) && !Array.isArray(part) ? String(part[key]) : undefined;
    if (name === undefined) return [`[${index}]`, `[${index}]`, part];
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return [`[${index}]`, `[${field}=${name}#${count}]`, part];
  });
}

/** Value and layer of each leaf, by its identity. */
type Owners = Map<string, { readonly value: string; readonly layer: string }>;

/** Follows a pod through its layers. */
export class ProvenanceTracker {
  #owners: Owners = new Map();

  /** Notes what a layer has changed: everything that differs from the pod before. */
  note(layer: string, pod: Pod): void {
    const owners: Owners = new Map();
    const walk = (value: unknown, identity: string, field: string): void => {
      const steps = isNode(value) ? stepsOf(value, field) : [];
      if (isNode(value) && steps.length > 0) {
        for (const [step, id, part] of steps) walk(part, identity + id, Array.isArray(value) ? field : step.slice(1));
        return;
      }
      const text = JSON.stringify(value) ?? 'undefined';
      const before = this.#owners.get(identity);
      owners.set(identity, before?.value === text ? before : { value: text, layer });
    };
    walk(pod, '', '');
    this.#owners = owners;
  }

  /** The layers of the finished pod. */
  of(pod: Pod): Provenance {
    const provenance: Record<string, string> = {};
    const walk = (value: unknown, path: string, identity: string, field: string): string | undefined => {
      const steps = isNode(value) ? stepsOf(value, field) : [];
      let layer: string | undefined;
      if (steps.length === 0) layer = this.#owners.get(identity)?.layer;
      else {
        const below = steps.map(([step, id, part]) =>
          walk(part, path + step, identity + id, Array.isArray(value) ? field : step.slice(1)),
        );
        layer = below.every((one) => one === below[0]) ? below[0] : undefined;
      }
      if (layer !== undefined && path !== '') provenance[path.replace(/^\./, '')] = layer;
      return layer;
    };
    walk(pod, '', '', '');
    return provenance;
  }
}
