/** Executors on the real API server: nobody runs the pods there, so the test writes what a kubelet would report. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect } from 'vitest';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import type { KubernetesExecutorOptions } from '../../src/executors/kubernetes/kubernetes-options.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import type { Pod, PodStatus } from '../../src/wire/types.js';
import { type Send, sendToKubeconfig } from '../conformance/connect.js';

/** The kubeconfig of the real server, where there is one. */
export const REAL_KUBECONFIG = process.env.PODWRIGHT_REAL_KUBECONFIG;

/** A namespace of its own per test. */
export class RealKit {
  namespace = '';
  client!: HttpKubeClient;
  #send!: Send;
  readonly #executors: KubernetesExecutor[] = [];

  /** Registers the hooks of a test file. */
  static use(): RealKit {
    const kit = new RealKit();
    beforeEach(() => kit.#open());
    afterEach(() => kit.#close());
    return kit;
  }

  async #open(): Promise<void> {
    this.namespace = `podwright-${randomBytes(4).toString('hex')}`;
    this.client = await HttpKubeClient.connect({ kubeconfig: REAL_KUBECONFIG });
    this.#send = sendToKubeconfig(REAL_KUBECONFIG ?? '');
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } };
    expect((await this.raw('POST', '/api/v1/namespaces', namespace)).status).toBe(201);
  }

  async #close(): Promise<void> {
    await Promise.all(this.#executors.splice(0).map((executor) => executor.detach()));
    for (const { metadata } of await this.pods()) {
      const path = this.podPath(metadata?.name);
      await this.raw('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json');
      await this.raw('DELETE', path, { gracePeriodSeconds: 0 });
    }
    await this.raw('DELETE', `/api/v1/namespaces/${this.namespace}`);
    await this.client.close();
  }

  async connect(options: Partial<KubernetesExecutorOptions> = {}): Promise<KubernetesExecutor> {
    const executor = await KubernetesExecutor.connect({
      kubeClient: this.client,
      config: { image: 'any', namespace: this.namespace, terminationGracePeriodSeconds: 1 },
      ...options,
    });
    this.#executors.push(executor);
    return executor;
  }

  /** One request past the client. */
  raw(method: string, path: string, body?: unknown, type = 'application/json'): ReturnType<Send> {
    const headers = { 'content-type': type, accept: 'application/json' };
    return this.#send({ method, path, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  }

  podPath(name: string | undefined): string {
    return `/api/v1/namespaces/${this.namespace}/pods/${name}`;
  }

  async pods(): Promise<readonly Pod[]> {
    return (await this.client.listPods({ namespace: this.namespace })).items;
  }

  /** The only pod there is, once there is one that fits. */
  async onlyPod(fits: (pod: Pod) => boolean = () => true): Promise<Pod> {
    let found: Pod | undefined;
    await expect
      .poll(
        async () => {
          const fitting = (await this.pods()).filter(fits);
          found = fitting[0];
          return fitting.length;
        },
        { timeout: 20_000, interval: 20 },
      )
      .toBe(1);
    return found as Pod;
  }

  /** Puts a pod on a node and writes its status. */
  async play(status: PodStatus, fits?: (pod: Pod) => boolean): Promise<Pod> {
    const pod = await this.onlyPod(fits);
    const path = this.podPath(pod.metadata?.name);
    if (pod.spec?.nodeName === undefined) {
      const target = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
      const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod.metadata?.name }, target };
      expect((await this.raw('POST', `${path}/binding`, body)).status).toBe(201);
    }
    const answer = await this.raw('PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
    expect(answer.status).toBe(200);
    return pod;
  }

  /** Takes a pod away as a kubelet does once its containers have ended. */
  async finishDelete(pod: Pod): Promise<void> {
    await this.raw('DELETE', this.podPath(pod.metadata?.name), { gracePeriodSeconds: 0 });
  }
}
