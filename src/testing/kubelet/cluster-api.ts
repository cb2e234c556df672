/**
 * What scheduler and kubelet ask of an API server, over any {@link Transport}: the embedded one in the usual case, a real one where
 * its pods shall be played.
 */
import type { Clock } from '../../core/clock.js';
import type { Transport } from '../../kube/transport.js';
import type { KubeObject, Pod, PodStatus } from '../../wire/types.js';

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

const RETRY_MS = 1000;
const JSON_TYPE = 'application/json';
const STRATEGIC_TYPE = 'application/strategic-merge-patch+json';

/** Requests of scheduler and kubelet. Answers that say an object is gone or changed are not errors to them. */
export class ClusterApi {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(transport: Transport, clock: Clock, signal: AbortSignal) {
    this.#transport = transport;
    this.#clock = clock;
    this.#signal = signal;
  }

  async #send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    contentType = JSON_TYPE,
  ): Promise<Answer> {
    const response = await this.#transport.request({
      method,
      path,
      headers: {
        accept: JSON_TYPE,
        'user-agent': 'kubelet',
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of response.body) pieces.push(piece);
    const text = Buffer.concat(pieces).toString('utf8');
    return { status: response.status, value: text.startsWith('{') ? JSON.parse(text) : undefined };
  }

  /**
   * Sends what must get through and does no harm twice: a connection that breaks, or a server that cannot answer, is tried again. Never
   * rejects; after the end the status is 0.
   */
  async #persist(
    method: 'GET' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<Answer> {
    for (;;) {
      const answer = await this.#send(method, path, body, contentType).catch(() => undefined);
      if (answer !== undefined && answer.status < 500) return answer;
      await this.#clock.delay(RETRY_MS, { signal: this.#signal }).catch(() => undefined);
      if (this.#signal.aborted) return { status: 0, value: undefined };
    }
  }

  /** Reports a pod's status; parts that others own, such as their conditions, stay. Resolves with whether the pod was still there. Never rejects. */
  async patchStatus(pod: Pod, status: PodStatus): Promise<boolean> {
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
    const body = { metadata: { uid }, status };
    const { status: code } = await this.#persist('PATCH', path, body, STRATEGIC_TYPE);
    return code === 200;
  }

  /** Binds a pod to a node; resolves with whether the server agreed. */
  async bind(pod: Pod, node: string): Promise<boolean> {
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    const { status } = await this.#send('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, body);
    return status === 201;
  }

  /** Deletes a pod; grace 0 removes it, as a kubelet does when nothing of it runs any more. Never rejects. */
  async deletePod(pod: Pod, gracePeriodSeconds?: number): Promise<void> {
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const body = { preconditions: { uid }, ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }) };
    await this.#persist('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, body);
  }

  /** Reads an object; `undefined` where there is none, or none may be read. A server that cannot answer is asked again. */
  async read(path: string): Promise<KubeObject | undefined> {
    const { status, value } = await this.#persist('GET', path);
    this.#signal.throwIfAborted();
    return status === 200 ? (value as KubeObject) : undefined;
  }

  /** Creates any object of the core group; one that exists stays. */
  async create(path: string, object: KubeObject): Promise<void> {
    await this.#send('POST', path, object);
  }

  /** Patches any object by strategic merge. Never rejects. */
  async patch(path: string, patch: unknown): Promise<void> {
    await this.#persist('PATCH', path, patch, STRATEGIC_TYPE);
  }

  /** Lists and watches a collection for ever, until the signal given at construction aborts. */
  async follow(path: string, onChange: (object: KubeObject, isGone: boolean) => void): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        const { status, value } = await this.#send('GET', path);
        if (status === 200) {
          const list = value as { metadata: { resourceVersion: string }; items: KubeObject[] };
          for (const item of list.items) onChange(item, false);
          await this.#watch(path, list.metadata.resourceVersion, onChange);
          continue;
        }
      } catch {
        // The connection is tried again below.
      }
      if (this.#signal.aborted) return;
      await this.#clock.delay(RETRY_MS, { signal: this.#signal }).catch(() => undefined);
    }
  }

  async #watch(path: string, version: string, onChange: (object: KubeObject, isGone: boolean) => void): Promise<void> {
    let from = version;
    for (;;) {
      const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${from}`;
      const response = await this.#transport.request({
        method: 'GET',
        path: `${path}?${query}`,
        headers: { accept: JSON_TYPE },
        stream: true,
        signal: this.#signal,
      });
      if (response.status !== 200) return;
      let rest = '';
      const decoder = new TextDecoder();
      for await (const piece of response.body) {
        const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const { type, object } = JSON.parse(line) as { type: string; object: KubeObject };
          if (type === 'ERROR') return;
          from = object.metadata?.resourceVersion ?? from;
          if (type !== 'BOOKMARK') onChange(object, type === 'DELETED');
        }
      }
      if (this.#signal.aborted) return;
    }
  }
}
