/** Plays the kubelet on a real API server: each pod runs for a moment and succeeds. Remembers who ran, so that a doubled task shows. */
import { seededRandom } from '../../../src/core/random.js';
import { HttpKubeClient } from '../../../src/kube/http-kube-client.js';
import { ListWatcher } from '../../../src/watch/list-watch.js';
import type { Pod } from '../../../src/wire/types.js';
import { type Send, sendToKubeconfig } from '../../conformance/connect.js';

/** How long pods run, in milliseconds: from so much to so much. */
const RUNS_MS = [1_000, 4_000] as const;

/** See the module's text. */
export class Player {
  /** Uids of the pods that ran, by name. */
  readonly ran = new Map<string, Set<string>>();
  readonly #namespace: string;
  readonly #send: Send;
  readonly #stop = new AbortController();
  readonly #busy = new Set<string>();
  readonly #client: HttpKubeClient;
  readonly #random = seededRandom(1);

  private constructor(client: HttpKubeClient, kubeconfig: string, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.#send = sendToKubeconfig(kubeconfig);
  }

  static async start(kubeconfig: string, namespace: string): Promise<Player> {
    const player = new Player(await HttpKubeClient.connect({ kubeconfig }), kubeconfig, namespace);
    void player.#follow();
    return player;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#client.close();
  }

  async #follow(): Promise<void> {
    const watcher = new ListWatcher({ client: this.#client, namespace: this.#namespace });
    for await (const event of watcher.watch(this.#stop.signal))
      if (event.type === 'apply' || event.type === 'init-apply') void this.#play(event.pod);
  }

  async #play({ metadata = {}, status }: Pod): Promise<void> {
    const { name = '', uid = '', deletionTimestamp } = metadata;
    if (status?.phase !== 'Pending' || deletionTimestamp !== undefined || this.#busy.has(uid)) return;
    this.#busy.add(uid);
    const startedAt = new Date().toISOString().replace(/\.\d+/, '');
    await this.#insist(name, uid, { phase: 'Running', containerStatuses: [container({ running: { startedAt } })] });
    this.ran.set(name, (this.ran.get(name) ?? new Set()).add(uid));
    await new Promise((resolve) => setTimeout(resolve, RUNS_MS[0] + this.#random.next() * (RUNS_MS[1] - RUNS_MS[0])));
    const terminated = { exitCode: 0, reason: 'Completed', startedAt, finishedAt: startedAt };
    await this.#insist(name, uid, { phase: 'Succeeded', containerStatuses: [container({ terminated })] });
  }

  /** Writes a status until the server has it, or the pod is gone. */
  async #insist(name: string, uid: string, status: object): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const answer = await this.#send({
        method: 'PATCH',
        path: `/api/v1/namespaces/${this.#namespace}/pods/${name}/status`,
        headers: { 'content-type': 'application/merge-patch+json', accept: 'application/json' },
        body: JSON.stringify({ metadata: { uid }, status }),
      }).catch(() => ({ status: 0 }));
      if (answer.status === 200 || answer.status === 404 || answer.status === 409 || answer.status === 422) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

const container = (state: object) => ({
  name: 'base',
  image: 'any',
  imageID: '',
  ready: false,
  restartCount: 0,
  state,
});
