/**
 * Who holds which lease, by the server's word: whoever works under one writes and tells only while it does, and takes pods only of those that do not.
 */
import type { TransportRequest } from '../../kube/transport.js';
import { ANNOTATIONS, LABELS } from '../../wire/names.js';
import type { Lease, Pod } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';

interface Holding {
  readonly holder: string;
  /** When the server last took a renewal, in milliseconds of the cluster's clock. */
  readonly at: number;
  /** When the holder got it. */
  readonly since: number;
  readonly durationMs: number;
}

/** How long after a look it may be that what it stands on is given up, with all retries. */
const LATE_MS = 60_000;
/** How long it may take to act on a look, with all retries. */
const LOOK_MS = 10_000;

/** Whether a pod of an executor waits for somebody to see to it. */
const isLeft = ({ metadata: { labels = {}, deletionTimestamp } = {} }: Pod, label: string, isWithKept: boolean) =>
  labels[LABELS.executorId] === label &&
  deletionTimestamp === undefined &&
  // Who goes by itself may leave what it keeps to its next life.
  (isWithKept || labels[LABELS.done] !== 'true');

/** See the module's text. */
export class LeaseBook {
  readonly #cluster: FakeCluster<VirtualClock>;
  /** By the label that carries the id of the executor whose lease it is. */
  readonly #leases = new Map<string, Holding>();

  /** @param onFault - told what is wrong with the end of a lease. @param mayPatch whether nobody ever lacked the right to change pods. */
  constructor(
    cluster: FakeCluster<VirtualClock>,
    onFault: (fault: string) => void,
    readonly mayPatch: () => boolean,
  ) {
    this.#cluster = cluster;
    cluster.onLeaseChange(({ metadata, spec = {} }, isGone) => {
      const label = metadata?.labels?.[LABELS.executorId];
      if (label === undefined) return;
      const { holderIdentity: holder = '', leaseDurationSeconds = 0 } = spec;
      if (!isGone) {
        const at = cluster.clock.now();
        const before = this.#leases.get(label);
        const since = before?.holder === holder ? before.since : at;
        this.#leases.set(label, { holder, at, since, durationMs: leaseDurationSeconds * 1_000 });
        return;
      }
      const last = this.#leases.get(label);
      const isTakenOver = last?.holder.startsWith(`${label}_`) === false;
      // What its owner had asked for may come after whoever took the lease has looked.
      const isLate = ({ metadata: { creationTimestamp } = {} }: Pod) =>
        isTakenOver &&
        Date.parse(creationTimestamp ?? '') + 1_000 > Math.max(last.since, cluster.clock.now() - LATE_MS);
      this.#leases.delete(label);
      // What is kept and may not be given another label goes in its time as it is.
      const left = cluster.pods().filter((pod) => isLeft(pod, label, isTakenOver && mayPatch()) && !isLate(pod));
      if (left.length === 0) return;
      onFault(`the lease of ${label} goes, and its pods do not: ${left.map((pod) => pod.metadata?.name).join(', ')}`);
    });
  }

  /** Whose leases have changed hands lately: who had one before may have asked for pods that are still to come, and leaves it at its end to who looks for them. */
  changedLately(): string[] {
    const now = this.#cluster.clock.now();
    return [...this.#leases].flatMap(([label, { since }]) => (now - since <= LATE_MS ? [label] : []));
  }

  /** Why a process may not rely on a lease, in words; `undefined` where it may. */
  lapseOf(label: string, identity: string): string | undefined {
    const lease = this.#leases.get(label);
    if (lease === undefined) return `the lease of ${label} is gone`;
    if (lease.holder !== identity)
      return `the lease of ${label} is held by ${lease.holder === '' ? 'nobody' : lease.holder}`;
    const overMs = this.#cluster.clock.now() - lease.at - lease.durationMs;
    return overMs > 0 ? `the lease of ${label} has run out ${overMs / 1_000} s ago` : undefined;
  }

  /** Why a process may not take the pods of an executor, in words; `undefined` where it may. */
  obstacleTo(label: string, identity: string): string | undefined {
    const lease = this.#leases.get(label);
    // Without a lease it is whoever comes first, and who comes just then is seen at the next look.
    if (lease === undefined || (lease.holder !== identity && this.#cluster.clock.now() - lease.since < LOOK_MS))
      return undefined;
    return this.lapseOf(label, identity);
  }
}

/** Watches over what one life of a host sends and tells. */
export class LeaseGuard {
  readonly #book: LeaseBook;
  readonly #cluster: FakeCluster<VirtualClock>;
  readonly #executorId: string;
  #own: { readonly label: string; readonly identity: string } | undefined;

  constructor(book: LeaseBook, cluster: FakeCluster<VirtualClock>, executorId: string) {
    this.#book = book;
    this.#cluster = cluster;
    this.#executorId = executorId;
  }

  /** What is wrong with a write that is about to be sent. */
  onWrite({ method, path, body = '' }: TransportRequest): string | undefined {
    if (path.includes('/leases')) return this.#onLease(method, body);
    const name = /\/(pods|secrets)(\/[^/?]+)?(\?|$)/.exec(path)?.[0];
    if (name === undefined || this.#own === undefined) return undefined;
    const lapse = this.lapse();
    if (lapse !== undefined) return `sends ${method} ${name}, and ${lapse}`;
    return name.startsWith('/pods/') ? this.#theft(method, name, body) : undefined;
  }

  /** Since when it does not hold its lease, in words; `undefined` where it does, or works without. */
  lapse(): string | undefined {
    return this.#own === undefined ? undefined : this.#book.lapseOf(this.#own.label, this.#own.identity);
  }

  /** Learns by which lease its executor works; that of another one is only to be taken by who has its own. */
  #onLease(method: string, body: string): string | undefined {
    if (method !== 'POST' && method !== 'PUT') return undefined;
    const { metadata, spec } = JSON.parse(body) as Lease;
    const label = metadata?.labels?.[LABELS.executorId];
    const identity = spec?.holderIdentity;
    if (label === undefined || !identity) return undefined;
    if (metadata?.annotations?.[ANNOTATIONS.executorId] === this.#executorId) {
      this.#own ??= { label, identity };
      return undefined;
    }
    const lapse = this.#book.lapseOf(label, identity) === undefined ? undefined : this.lapse();
    return lapse === undefined ? undefined : `takes the lease of ${label}, and ${lapse}`;
  }

  /** What is wrong with a write about a pod, by whose it is. */
  #theft(method: string, path: string, body: string): string | undefined {
    const name = path.slice('/pods/'.length).replace('?', '');
    const pod: Pod | undefined = this.#cluster.pods().find(({ metadata }) => metadata?.name === name);
    const { uid, resourceVersion } = pod?.metadata ?? {};
    const owner = pod?.metadata?.labels?.[LABELS.executorId];
    if (owner === undefined || owner === this.#own?.label || this.#own === undefined || !body.includes(`"${uid}"`))
      return undefined;
    // It only stands there for its name, and whoever meets it may clear it away.
    if (pod?.metadata?.annotations?.[ANNOTATIONS.holdsName] !== undefined) return undefined;
    // What could not be given another label may have two that care for it.
    if (!this.#book.mayPatch()) return undefined;
    // What goes by a version that is no more is turned away.
    if (body.includes('"resourceVersion"') && !body.includes(`"${resourceVersion}"`)) return undefined;
    if (method === 'DELETE' || !body.includes(LABELS.executorId))
      return `sends ${method} ${name}, which is of ${owner}`;
    const obstacle = this.#book.obstacleTo(owner, this.#own.identity);
    return obstacle === undefined ? undefined : `takes ${name} from ${owner}, and ${obstacle}`;
  }
}
