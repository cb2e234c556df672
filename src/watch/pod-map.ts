/** A map by namespace and name. A key made of both would be one more text for each pod, as long as both. */
import type { ObjectMeta } from '../wire/types.js';

/** What names a pod. */
export interface PodNamed {
  readonly metadata?: Pick<ObjectMeta, 'namespace' | 'name'> | undefined;
}

const nameOf = ({ metadata: { namespace = '', name = '' } = {} }: PodNamed) => ({ namespace, name });

/** Values by pod. */
export class PodMap<V> {
  readonly #spaces = new Map<string, Map<string, V>>();

  /** How many there are. */
  get size(): number {
    let size = 0;
    for (const space of this.#spaces.values()) size += space.size;
    return size;
  }

  get(pod: PodNamed): V | undefined {
    const { namespace, name } = nameOf(pod);
    return this.#spaces.get(namespace)?.get(name);
  }

  set(pod: PodNamed, value: V): void {
    const { namespace, name } = nameOf(pod);
    const space = this.#spaces.get(namespace);
    if (space === undefined) this.#spaces.set(namespace, new Map([[name, value]]));
    else space.set(name, value);
  }

  delete(pod: PodNamed): boolean {
    const { namespace, name } = nameOf(pod);
    const space = this.#spaces.get(namespace);
    if (space?.delete(name) !== true) return false;
    if (space.size === 0) this.#spaces.delete(namespace);
    return true;
  }

  *values(): IterableIterator<V> {
    for (const space of this.#spaces.values()) yield* space.values();
  }
}
