/** A control plane of one test file's own, a proxy before it whose sockets can be cut, and a watch through that proxy. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { ListWatcher, type ListWatcherOptions } from '../../src/watch/list-watch.js';
import type { Pod } from '../../src/wire/types.js';
import { type Send, sendToKubeconfig } from '../conformance/connect.js';
import { collect, Model } from '../watch/watch-kit.js';
import { type ControlPlane, findBinary, startControlPlane } from './control-plane.mjs';

/** Where etcd and kube-apiserver are, if they are at hand. */
export const BINARIES = (() => {
  const [etcd, apiserver] = [findBinary('etcd'), findBinary('kube-apiserver')];
  return etcd === undefined || apiserver === undefined ? undefined : { etcd, apiserver };
})();

/** Passes bytes on to the API server, counts who comes, and cuts. */
export class CuttingProxy {
  /** Connections that were asked for, those that were refused included. */
  connections = 0;
  isOpen = true;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(target: number) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      if (!this.isOpen) return void socket.destroy();
      const upstream = connect(target, '127.0.0.1');
      for (const [one, other] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async open(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Drops every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

const podNamed = (name: string): Pod => ({
  metadata: { name },
  spec: { schedulerName: 'nobody', containers: [{ name: 'base', image: 'i' }] },
});

/** One control plane for a file, one watch for each test. */
export class OwnPlane {
  plane!: ControlPlane;
  proxy!: CuttingProxy;
  /** Past the proxy, for what others do to pods. */
  direct!: HttpKubeClient;
  #send!: Send;
  readonly #cleanups: (() => Promise<void>)[] = [];
  #count = 0;

  /** Registers the hooks of a test file. */
  static use(): OwnPlane {
    const own = new OwnPlane();
    beforeAll(() => own.#open(), 90_000);
    afterEach(() => own.#clean());
    afterAll(() => own.#close());
    return own;
  }

  /** The file that the watch's token is read from. */
  get tokenFile(): string {
    return join(this.plane.folder, 'watch-token');
  }

  async #open(): Promise<void> {
    if (BINARIES === undefined) throw new Error('there are no binaries of a control plane');
    this.plane = await startControlPlane(BINARIES);
    writeFileSync(this.tokenFile, 'first');
    this.plane.setTokens({ watch: 'first' });
    await this.restart();
    this.proxy = await CuttingProxy.open(this.plane.port);
    this.#send = sendToKubeconfig(this.plane.kubeconfig);
    this.direct = await HttpKubeClient.connect({ kubeconfig: this.plane.kubeconfig });
  }

  async #clean(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    for (const { metadata } of (await this.direct.listPods({ namespace: 'default' })).items)
      await this.#gone(metadata?.name ?? '');
  }

  async #close(): Promise<void> {
    await this.direct?.close();
    await this.proxy?.close();
    await this.plane?.stop();
  }

  /** Kills the API server without notice and starts it again. */
  async restart(): Promise<void> {
    await this.plane.kill('kube-apiserver');
    this.plane.revive('kube-apiserver');
    await this.plane.ready();
  }

  async create(name: string): Promise<void> {
    await this.direct.createPod('default', podNamed(name));
  }

  async #gone(name: string): Promise<void> {
    await this.direct.deletePod('default', name, { gracePeriodSeconds: 0 });
  }

  /** Writes the end of a pod, as its kubelet would. */
  async end(name: string): Promise<void> {
    const answer = await this.#send({
      method: 'PATCH',
      path: `/api/v1/namespaces/default/pods/${name}/status`,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ status: { phase: 'Succeeded' } }),
    });
    expect(answer.status).toBe(200);
  }

  remove(name: string): Promise<void> {
    return this.#gone(name);
  }

  /** Forgets all versions of all objects but the newest. */
  async compact(): Promise<void> {
    const post = async (path: string, body: object) => {
      const answer = await fetch(`${this.plane.etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
      return (await answer.json()) as { header: { revision: string } };
    };
    const { header } = await post('/v3/kv/range', { key: Buffer.from('/').toString('base64') });
    await post('/v3/kv/compaction', { revision: header.revision, physical: true });
  }

  /** Requests for pods that the watch has made so far, by the server's own books. */
  get requests(): number {
    const lines = readFileSync(this.plane.auditFile, 'utf8').split('\n');
    return lines.filter((line) => line.includes('"username":"watch"') && line.includes('"resource":"pods"')).length;
  }

  /** A watch through the proxy that knows of the pods `ending`, `going` and `staying`. */
  async watch(options: Partial<ListWatcherOptions> = {}) {
    this.#count += 1;
    const kubeconfig = this.plane.kubeconfigFor(`watch-${this.#count}`, { tokenFile: this.tokenFile }, this.proxy.port);
    const client = await HttpKubeClient.connect({ kubeconfig });
    // No list beside the stream: what is found is found by the watch itself.
    const watcher = new ListWatcher({ client, namespace: 'default', resyncIntervalMs: 0, ...options });
    for (const name of ['ending', 'going', 'staying']) await this.create(name);
    const collected = collect(watcher);
    this.#cleanups.push(() => client.close(), collected.stop);
    const model = () => {
      const made = new Model();
      for (const event of collected.events) made.take(event);
      return made;
    };
    await expect.poll(() => model().pods.size, { timeout: 20_000 }).toBe(3);
    return { watcher, model };
  }

  /** Resolves once a watch believes what the server says. */
  async agrees(model: () => Model): Promise<void> {
    const versions = (pods: Iterable<Pod>) =>
      [...pods].map(({ metadata, status }) => `${metadata?.name} ${metadata?.resourceVersion} ${status?.phase}`).sort();
    const truth = versions((await this.direct.listPods({ namespace: 'default' })).items);
    await expect.poll(() => versions(model().pods.values()), { timeout: 45_000, interval: 50 }).toEqual(truth);
  }
}
