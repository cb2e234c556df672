/** What befalls the cluster of a simulation: its pods, nodes, quotas and watches. */
import type { TransportRequest } from '../../kube/transport.js';
import { FINALIZER, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import { hasEnded, taskIdOf } from './invariants.js';
import type { Operation, PodChoice, PodOperation } from './operations.js';

/** What {@link ClusterActs} work with. */
export interface ClusterActsOptions {
  readonly cluster: FakeCluster<VirtualClock>;
  /** Writes a line of the story. */
  readonly note: (text: string) => void;
  /** Told what a task's pod has met. */
  readonly onMet: (taskId: string, what: PodOperation | 'node') => void;
}

/** How long watches stay silent. */
export const SILENCE_MS = 60_000;

const at = <T>(list: readonly T[], share: number): T | undefined => list[Math.floor(share * list.length)];
/** The pod that was created last, in a list of its own; an empty list where there is none. */
export function newestOf(pods: readonly Pod[]): Pod[] {
  const bornAt = ({ metadata }: Pod) => Date.parse(metadata?.creationTimestamp ?? '');
  return [...pods].sort((a, b) => bornAt(a) - bornAt(b)).slice(-1);
}
const phaseOf = ({ status }: Pod) => status?.phase ?? 'Pending';

/** See the module's text. */
export class ClusterActs {
  readonly #options: ClusterActsOptions;
  /** Uids of pods that ran on a node when it was lost: nobody can know whether they still do. */
  readonly unknown = new Set<string>();
  /** When that was first, by uid, on the cluster's clock. */
  readonly #lostAt = new Map<string, number>();
  /** The node that never comes back. */
  #ruined: string | undefined;
  #quotas = 0;
  #lastHit = '';

  constructor(options: ClusterActsOptions) {
    this.#options = options;
  }

  /** Something befalls a pod. */
  async pod({ pod: share, what, of = 'running' }: Extract<Operation, { type: 'pod' }>): Promise<void> {
    const { cluster, note, onMet } = this.#options;
    const pod = at(this.#choices(of), share);
    if (pod === undefined) return;
    const { name, uid } = pod.metadata ?? {};
    const target = cluster.when((view) => view.pod.metadata?.uid === uid);
    const acts: Readonly<Record<PodOperation, () => Promise<Pod>>> = {
      evict: () => target.evict(),
      preempt: () => target.preempt(),
      oom: () => target.oom(),
      fail: () => target.fail(7),
      delete: () => target.delete(),
      deleteByForce: () => target.delete({ gracePeriodSeconds: 0 }),
      nodeShutdown: () => target.nodeShutdown(),
    };
    note(`${name}${of === 'running' ? '' : `, ${phaseOf(pod)},`} meets ${what}`);
    this.#lastHit = taskIdOf(pod);
    onMet(this.#lastHit, what);
    await acts[what]().catch((error: unknown) => note(`which failed: ${(error as Error).message}`));
  }

  /** The node of a pod goes silent for a while. */
  async loseNode(operation: Extract<Operation, { type: 'node' }>): Promise<void> {
    const { pod: share, ms, of = 'running', isForGood = false } = operation;
    const { cluster, note, onMet } = this.#options;
    const pod = at(this.#choices(of), share);
    const node = pod?.spec?.nodeName;
    if (node === undefined || (isForGood && this.#ruined !== undefined)) return;
    if (isForGood) this.#ruined = node;
    note(`${node} is lost for ${isForGood ? 'good' : `${ms / 60_000} minutes`}`);
    for (const one of cluster.pods()) {
      if (one.spec?.nodeName !== node) continue;
      const { uid = '' } = one.metadata ?? {};
      this.unknown.add(uid);
      if (!this.#lostAt.has(uid)) this.#lostAt.set(uid, cluster.clock.now());
      onMet(taskIdOf(one), 'node');
    }
    await cluster.when((view) => view.pod.metadata?.uid === pod?.metadata?.uid).nodeLost();
    if (isForGood) return;
    cluster.clock.schedule(ms, () => {
      // Meanwhile it may have been lost for good.
      if (node === this.#ruined) return;
      note(`${node} is back`);
      void cluster.recoverNode(node);
    });
  }

  /** Notes the news of a pod: it may have come to a node that is lost for good, before anybody knew of that. */
  onPod({ metadata, spec }: Pod): void {
    if (this.#ruined !== undefined && spec?.nodeName === this.#ruined) this.unknown.add(metadata?.uid ?? '');
  }

  /** What is wrong with a delete that leaves a program no time: nobody asks for that but who gives a lost node up. */
  haste({ method, path, body = '' }: TransportRequest, fenceMs: number | undefined): string | undefined {
    if (fenceMs === undefined || method !== 'DELETE' || !body.includes('"gracePeriodSeconds":0')) return undefined;
    const name = /\/pods\/([^/?]+)/.exec(path)?.[1];
    const uid = /"uid":"([^"]+)"/.exec(body)?.[1] ?? '';
    // Some come to a node that is lost already.
    const since = this.#lostAt.get(uid) ?? Math.min(...this.#lostAt.values());
    if (name === undefined || this.#options.cluster.clock.now() - since >= fenceMs) return undefined;
    return `removes ${name} by force, for which its node must have been lost for ${fenceMs / 1_000} s`;
  }

  /** Somebody puts the label on a pod that makes it stay. */
  keep(share: number): void {
    const { cluster, note } = this.#options;
    const ended = ({ metadata }: Pod) =>
      metadata?.labels?.[LABELS.done] === 'true' && metadata.deletionTimestamp === undefined;
    const { namespace = '', name = '', uid } = at(cluster.pods().filter(ended), share)?.metadata ?? {};
    if (uid === undefined) return;
    note(`${name} is to stay`);
    const metadata = { uid, labels: { [LABELS.keep]: 'true' } };
    // It may meet a fault itself, and wait.
    void cluster
      .kubeClient()
      .patchPod(namespace, name, { metadata })
      .catch((error: unknown) => note(`which failed: ${(error as Error).message}`));
  }

  /** A quota that is full for a while. */
  async quota(pods: number, ms: number): Promise<void> {
    const { cluster, note } = this.#options;
    this.#quotas += 1;
    const path = '/api/v1/namespaces/default/resourcequotas';
    const name = `q${this.#quotas}`;
    const body = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name },
      spec: { hard: { pods: String(pods) } },
    };
    note(`there is a quota of ${pods} pods for ${ms / 1_000} s`);
    const headers = { 'content-type': 'application/json' };
    const transport = cluster.transport();
    await transport.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
    cluster.clock.schedule(ms, () => void transport.request({ method: 'DELETE', path: `${path}/${name}` }));
  }

  /** Something is wrong with all watches. */
  watches(what: 'break' | 'close' | 'silence' | 'rotate'): void {
    const { cluster, note } = this.#options;
    if (what === 'rotate') {
      note('history is compacted, the API server is restarted');
      cluster.restartApiServer();
    } else if (what === 'silence') {
      note('watches are silent for a minute');
      cluster.silenceWatches();
      cluster.clock.schedule(SILENCE_MS, () => cluster.silenceWatches(false));
    } else {
      note(`watches ${what}`);
      cluster.dropWatches({ clean: what === 'close' });
    }
  }

  #choices(of: PodChoice): Pod[] {
    const pods = this.#options.cluster.pods();
    switch (of) {
      case 'running':
        return pods.filter((pod) => pod.status?.phase === 'Running');
      case 'pending':
        return pods.filter((pod) => phaseOf(pod) === 'Pending' && pod.spec?.nodeName !== undefined);
      case 'ended':
        // Without a finalizer nobody can promise anything of a pod that somebody else clears away.
        return pods.filter((pod) => hasEnded(pod) && pod.metadata?.finalizers?.includes(FINALIZER) === true);
      case 'same task':
        return pods.filter((pod) => pod.status?.phase === 'Running' && taskIdOf(pod) === this.#lastHit);
      case 'newest running':
        return newestOf(this.#choices('running'));
      case 'newest pending':
        return newestOf(this.#choices('pending'));
    }
  }
}
