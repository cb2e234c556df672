/** What is the same for every resource of the API: create, read, list, patch, delete, with their rules of repetition. */
import { KubeApiError } from '../errors.js';
import type { KubeList, KubeObject, Pod } from '../wire/types.js';
import type { ApiCall, ApiCaller } from './api-caller.js';
import type { CallPriority } from './flow-control.js';
import type { CallOptions, DeleteCollectionOptions, DeleteOptions, ListOptions, PatchOptions } from './kube-client.js';
import { PodPage } from './pod-page.js';
import { deleteBody, listQuery, PATCH_TYPES, withQuery } from './requests.js';

/** An object without its spec and status. A server that does not know the form sends the whole. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

function listCall(path: string, options: ListOptions): ApiCall {
  const { signal, timeoutMs } = options;
  const full = withQuery(path, listQuery(options));
  return { signal, timeoutMs, method: 'GET', path: full, isRepeatable: true, priority: 'normal' };
}

/** Calls by path. */
export class ResourceCalls {
  readonly #caller: ApiCaller;

  constructor(caller: ApiCaller) {
    this.#caller = caller;
  }

  /** Sends an object; only repeated where the server has certainly not acted. */
  create<T>(path: string, body: T, options: CallOptions, priority: CallPriority = 'low'): Promise<T> {
    return this.#caller.json<T>({ ...options, method: 'POST', path, body, isRepeatable: false, priority });
  }

  /** The object, or `undefined` where there is none. */
  async read<T>(path: string, options: CallOptions, priority: CallPriority = 'normal'): Promise<T | undefined> {
    try {
      return await this.#caller.json<T>({ ...options, method: 'GET', path, isRepeatable: true, priority });
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** One page. */
  list<T extends KubeObject>(
    path: string,
    options: ListOptions,
    priority: CallPriority = 'normal',
  ): Promise<KubeList<T>> {
    return this.#caller.json<KubeList<T>>({ ...listCall(path, options), priority });
  }

  /** One page of pods, parsed while it comes. */
  listPods(path: string, options: ListOptions): Promise<KubeList<Pod>> {
    return this.#caller.read(listCall(path, options), async (body) => {
      const page = new PodPage(options.omitManagedFields);
      for await (const chunk of body) page.push(chunk);
      options.onSize?.(page.size);
      return () => page.finish();
    });
  }

  /** Patches an object. */
  patch<T>(
    path: string,
    body: unknown,
    { type = 'merge', fieldManager, force, answer, ...options }: PatchOptions,
  ): Promise<T> {
    const flags = { fieldManager, force: force === undefined ? undefined : String(force) };
    return this.#caller.json<T>({
      ...options,
      method: 'PATCH',
      path: withQuery(path, flags),
      body,
      contentType: PATCH_TYPES[type],
      ...(answer === 'metadata' ? { accept: METADATA_ONLY } : {}),
      // A second JSON patch may find what the first has done.
      isRepeatable: type !== 'json',
      priority: 'normal',
    });
  }

  /** Whether there was something to delete. */
  async delete(path: string, options: DeleteOptions, priority: CallPriority = 'high'): Promise<boolean> {
    const { signal, timeoutMs, gate, uid } = options;
    try {
      await this.#caller.json({
        signal,
        timeoutMs,
        gate,
        method: 'DELETE',
        path,
        body: deleteBody(options),
        // Without a uid a second delete might hit the next object of the same name.
        isRepeatable: uid !== undefined,
        priority,
      });
      return true;
    } catch (error) {
      // Gone on a later attempt: an earlier one, whose answer was lost, has done it.
      if (error instanceof KubeApiError && error.status === 404) return error.attempts > 1;
      throw error;
    }
  }

  /** Deletes a collection. */
  async deleteAll(path: string, options: DeleteCollectionOptions): Promise<void> {
    const { signal, timeoutMs, gate, gracePeriodSeconds, propagationPolicy } = options;
    await this.#caller.json({
      signal,
      timeoutMs,
      gate,
      method: 'DELETE',
      path: withQuery(path, listQuery(options)),
      body: deleteBody({ gracePeriodSeconds, propagationPolicy }),
      // Sent twice it might hit pods that were created in between.
      isRepeatable: false,
      priority: 'high',
    });
  }
}
