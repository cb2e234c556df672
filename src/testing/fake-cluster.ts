/** The embedded cluster: API server, virtual kubelet and faults in one object. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import yaml from 'js-yaml';
import { type Clock, systemClock } from '../core/clock.js';
import { type Duration, durationMs } from '../core/duration.js';
import { type Random, seededRandom, systemRandom } from '../core/random.js';
import { ClusterError, ConfigError } from '../errors.js';
import { HttpKubeClient } from '../kube/http-kube-client.js';
import type { Transport } from '../kube/transport.js';
import type { Lease, Pod } from '../wire/types.js';
import { FaultTarget, type PodView } from './fault-target.js';
import { ClusterFaults } from './faults/cluster-faults.js';
import { parseFaults } from './faults/spec.js';
import { kubeconfigFor } from './kubeconfig.js';
import type { NodeOptions } from './kubelet/node-object.js';
import type { PodScript } from './kubelet/scripted-runtime.js';
import { VirtualKubelet } from './kubelet/virtual-kubelet.js';
import { ADMIN, type ClusterUser, type Prohibition } from './server/access.js';
import { ApiServer, type RequestRecord } from './server/api-server.js';
import { HttpListener } from './server/http-listener.js';
import { InProcessTransport } from './server/in-process-transport.js';
import { VirtualClock } from './virtual-clock.js';

/** Options of {@link FakeCluster.start}. */
export interface FakeClusterOptions {
  /** Makes uids, names and shares of faults repeatable; left out, they are random. */
  readonly seed?: number | undefined;
  /** `virtual` stands still until `cluster.clock.advance()`. @default 'real' */
  readonly clock?: 'real' | 'virtual' | Clock | undefined;
  /** How pods run: as local processes, by scripts, or not at all. @default 'scripted' */
  readonly kubelet?: 'process' | 'scripted' | 'none' | undefined;
  /** Whether to listen on HTTP. @default true on the real clock */
  readonly listen?: boolean | undefined;
  /** Port on 127.0.0.1; 0 takes a free one. @default 0 */
  readonly port?: number | undefined;
  /** The nodes, or how many. @default 1 */
  readonly nodes?: number | readonly NodeOptions[] | undefined;
  /** Bearer token that requests must carry; left out, none is asked for. */
  readonly token?: string | undefined;
  /**
   * Whether it speaks TLS, with certificates of a public test authority; clients may then show a certificate of it. Some clients, kubectl
   * among them, send tokens over TLS only. @default false
   */
  readonly tls?: boolean | undefined;
  /** Users with their tokens and rights; with any, requests must say who sends them. @default everybody may do everything */
  readonly users?: readonly ClusterUser[] | undefined;
  /** Time that each pod spends in ContainerCreating. @default 0 */
  readonly startDelay?: Duration | undefined;
  /** Time from the end of a deleted pod's containers to its removal. @default 0 */
  readonly terminationDelay?: Duration | undefined;
  /** Parts that pods play in scripted mode; goes before their annotations. */
  readonly script?: ((pod: Pod) => PodScript | undefined) | undefined;
  /** Whether scheduler and kubelet write Events. @default true */
  readonly events?: boolean | undefined;
  /** Whether namespaces get their default service account and come to an end when deleted. @default true */
  readonly controllers?: boolean | undefined;
  /** Whether pods get a service account and its volume at admission. @default false */
  readonly serviceAccounts?: boolean | undefined;
  /** How many changes can be watched from. @default 20000 */
  readonly history?: number | undefined;
}

type TestPki = typeof import('./tls/test-pki.js');

const DEFAULT_HISTORY = 20_000;

function clockOf(given: FakeClusterOptions['clock']): Clock {
  if (given === undefined || given === 'real') return systemClock;
  return given === 'virtual' ? new VirtualClock() : given;
}

function nodesOf(given: FakeClusterOptions['nodes']): readonly NodeOptions[] {
  if (typeof given === 'number') return Array.from({ length: given }, () => ({}));
  return given ?? [{}];
}

/**
 * A Kubernetes cluster inside the process, for tests: an API server that answers as a real one does, a scheduler and a kubelet.
 * @typeParam C the clock's type; `VirtualClock` where `clock: 'virtual'` was asked for.
 */
export class FakeCluster<C extends Clock = Clock> implements AsyncDisposable {
  /** The cluster's clock; a {@link VirtualClock} where one was asked for. */
  readonly clock: C;
  /** Faults of this cluster. */
  readonly faults: ClusterFaults;
  readonly #server: ApiServer;
  readonly #kubelet: VirtualKubelet | undefined;
  readonly #listener: HttpListener | undefined;
  readonly #token: string | undefined;
  readonly #pki: TestPki | undefined;
  readonly #users: readonly ClusterUser[];
  #acceptedToken: string | undefined;
  readonly #random: Random;
  #port: number | undefined;
  #isStopped = false;

  /** Starts a cluster. @throws ConfigError where options do not fit together. */
  static start(
    options: FakeClusterOptions & { readonly clock: 'virtual' | VirtualClock },
  ): Promise<FakeCluster<VirtualClock>>;
  static start(options?: FakeClusterOptions): Promise<FakeCluster>;
  static async start(options: FakeClusterOptions = {}): Promise<FakeCluster> {
    const clock = clockOf(options.clock);
    const isVirtual = clock instanceof VirtualClock;
    if (isVirtual && options.kubelet === 'process')
      throw new ConfigError([
        {
          field: 'kubelet',
          value: 'process',
          rule: 'cannot run real processes on a virtual clock',
          hint: 'use kubelet: "scripted"',
        },
      ]);
    const pki = options.tls === true ? await import('./tls/test-pki.js') : undefined;
    const cluster = new FakeCluster(clock, options, pki);
    if (options.listen ?? !isVirtual) await cluster.#listen(options.port ?? 0);
    await cluster.#kubelet?.start();
    return cluster;
  }

  private constructor(clock: C, options: FakeClusterOptions, pki: TestPki | undefined) {
    this.clock = clock;
    this.#pki = pki;
    this.#token = options.token;
    this.#acceptedToken = options.token;
    this.#random = options.seed === undefined ? systemRandom : seededRandom(options.seed);
    this.#server = new ApiServer({
      clock,
      random: this.#random,
      historyLimit: options.history ?? DEFAULT_HISTORY,
      controllers: options.controllers ?? true,
      serviceAccounts: options.serviceAccounts ?? false,
      token: options.token,
    });
    const mode = options.kubelet ?? 'scripted';
    if (mode !== 'none') {
      this.#kubelet = new VirtualKubelet({
        transport: new InProcessTransport(this.#server, options.token, true),
        clock,
        random: this.#random,
        mode,
        nodes: nodesOf(options.nodes),
        startDelayMs: durationMs(options.startDelay ?? 0, 'startDelay'),
        terminationDelayMs: durationMs(options.terminationDelay ?? 0, 'terminationDelay'),
        script: options.script,
        recordEvents: options.events ?? true,
      });
      this.#server.logs = this.#kubelet;
    }
    if (options.listen ?? !(clock instanceof VirtualClock))
      this.#listener = new HttpListener(
        this.#server,
        pki === undefined ? undefined : { ...pki.SERVER_PAIR, ca: pki.TEST_CA },
      );
    this.#users = options.users ?? [];
    for (const user of this.#users) this.#server.access.addUser(user);
    this.faults = this.#makeFaults();
    this.#server.control = {
      inject: (given) => parseFaults(given).map((spec) => this.faults.inject(spec)).length,
      clearFaults: () => this.faults.clear(),
    };
  }

  #makeFaults(): ClusterFaults {
    const own = new InProcessTransport(this.#server, undefined, true);
    const type = { 'content-type': 'application/merge-patch+json' };
    return new ClusterFaults({
      store: this.#server.core.store,
      clock: this.clock,
      random: this.#random,
      kubelet: this.#kubelet,
      requests: this.#server.faults,
      watches: this.#server.watches.faults,
      api: async (method, path, body) => {
        const headers = method === 'PATCH' ? type : { 'content-type': 'application/json' };
        await own.request({ method, path, headers, body: JSON.stringify(body) });
      },
      dropWatches: (clean) => this.dropWatches({ clean }),
      compact: () => this.compact(),
      restart: () => this.restartApiServer(),
      rotateToken: (token) => this.rotateToken(token),
      forbid: (prohibition) => this.forbid(prohibition),
    });
  }

  async #listen(port: number): Promise<void> {
    this.#port = await this.#listener?.listen(port);
  }

  /** Address of the API server, such as `http://127.0.0.1:40123`, or `https://…` with TLS. @throws ClusterError where it does not listen. */
  get url(): string {
    if (this.#port === undefined)
      throw new ClusterError(
        'This cluster does not listen',
        'Start it with `listen: true`, or use `cluster.transport()`.',
      );
    return `${this.#pki === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  /** A kubeconfig as an object. @throws ClusterError where the cluster does not listen. */
  get kubeconfig(): Record<string, unknown> {
    const pair = this.#token === undefined ? this.#pki?.ADMIN_PAIR : undefined;
    return kubeconfigFor(this.url, { name: 'podwright', token: this.#token, pair }, this.#pki?.TEST_CA);
  }

  /**
   * The kubeconfig of a user: with the user's token, or for `test-user` with a client certificate.
   * @throws ClusterError for a name that is not among `users`, or has no way to show who it is.
   */
  kubeconfigOf(name: string): Record<string, unknown> {
    const user = this.#users.find((other) => other.name === name);
    const pair = name === 'test-user' ? this.#pki?.USER_PAIR : undefined;
    if (user === undefined || (user.token === undefined && pair === undefined))
      throw new ClusterError(
        `No user ${JSON.stringify(name)} can sign in to this cluster`,
        'Give it a token in `users`, or call it test-user and use `tls: true` for a client certificate.',
      );
    return kubeconfigFor(this.url, { name, token: user.token, pair }, this.#pki?.TEST_CA);
  }

  /** The kubeconfig as YAML. */
  get kubeconfigText(): string {
    return yaml.dump(this.kubeconfig);
  }

  /** Writes the kubeconfig to a file that only the user may read. */
  async writeKubeconfig(file: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, this.kubeconfigText, { mode: 0o600 });
  }

  /** Calls the server directly, without a socket, with a user's token or as the administrator. */
  transport(options: { readonly token?: string } = {}): Transport {
    const token = options.token ?? this.#token;
    return new InProcessTransport(this.#server, token, false, this.#users.length === 0 ? undefined : ADMIN);
  }

  /** A client that calls the server directly, on the cluster's clock. */
  kubeClient(): HttpKubeClient {
    return new HttpKubeClient({ transport: this.transport(), clock: this.clock, random: this.#random });
  }

  /** All pods as they are now, or those of a namespace. */
  pods(namespace?: string): Pod[] {
    return this.#server.core.store
      .list('pods', namespace === undefined ? '' : `${namespace}/`)
      .map(({ object }) => object as Pod);
  }

  /** Every request answered so far, oldest first; those of the cluster's own parts are left out. */
  get requests(): readonly RequestRecord[] {
    return this.#server.requests;
  }

  /** How many watches are open. */
  get openWatches(): number {
    return this.#server.watches.size;
  }

  /** Aims a fault at the first pod, present or future, for which the predicate holds. */
  when(predicate: (pod: PodView) => boolean): FaultTarget {
    return new FaultTarget({ store: this.#server.core.store, clock: this.clock, kubelet: this.#kubelet }, predicate);
  }

  /** Calls back with each pod that has changed, or is gone, in the same turn and before anybody else hears of it. @internal */
  onPodChange(listener: (pod: Pod, isGone: boolean) => void): () => void {
    return this.#server.core.store.subscribe('pods', ({ after, last }) =>
      listener((after ?? last) as Pod, after === undefined),
    );
  }

  /** Calls back with each lease that has changed, or is gone, in the same turn and before anybody else hears of it. @internal */
  onLeaseChange(listener: (lease: Lease, isGone: boolean) => void): () => void {
    return this.#server.core.store.subscribe('leases', ({ after, last }) =>
      listener((after ?? last) as Lease, after === undefined),
    );
  }

  /**
   * Resolves with the first pod, present or future, for which the predicate holds. A virtual clock is moved on meanwhile.
   * @throws ClusterError where virtual time runs out of timers, or a day of it passes.
   */
  waitFor(predicate: (pod: PodView) => boolean): Promise<Pod> {
    return this.when(predicate).matched();
  }

  /** Breaks off all open watches: as connections that are reset, or `clean`ly. */
  dropWatches(options: { readonly clean?: boolean } = {}): void {
    this.#server.watches.drop(options.clean ?? false);
  }

  /** Watches stay open but deliver nothing any more, as on a dead connection; `false` lets new events flow again. */
  silenceWatches(isSilent = true): void {
    this.#server.watches.silence(isSilent);
  }

  /** Forgets history up to a version (by default all of it), so that older versions answer 410. */
  compact(resourceVersion?: string): void {
    this.#server.core.store.compact(resourceVersion === undefined ? undefined : Number(resourceVersion));
  }

  /** Restarts the API server as clients see it: every connection drops, and every older version is too old. */
  restartApiServer(): void {
    this.compact();
    this.dropWatches();
    this.#listener?.dropConnections();
  }

  /** Forbids a verb, a resource or a user; the returned function allows it again. */
  forbid(prohibition: Prohibition): () => void {
    return this.#server.access.forbid(prohibition);
  }

  /** Replaces the token that requests must carry. */
  rotateToken(token: string): void {
    if (this.#acceptedToken !== undefined) this.#server.access.removeToken(this.#acceptedToken);
    this.#acceptedToken = token;
    this.#server.access.addToken(token);
  }

  /** Adds a node, as an autoscaler does. @throws ClusterError without a kubelet. */
  async addNode(options: NodeOptions & { readonly name: string }): Promise<void> {
    if (this.#kubelet === undefined) throw new ClusterError('This cluster has no kubelet');
    await this.#kubelet.addNode(options);
  }

  /** Brings a lost node back. */
  async recoverNode(name: string): Promise<void> {
    await this.#kubelet?.recoverNode(name);
  }

  /** Stops everything and kills all processes of pods. May be called more than once. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.faults.clear();
    this.#kubelet?.stop();
    this.#server.close();
    await this.#listener?.close();
  }

  /** The same as `stop()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
