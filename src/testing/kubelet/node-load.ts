/** A node and the pods on it, as the scheduler counts them; kept up as they come and go, so that no decision adds them up again. */
import { type HostPort, hostPortsOf } from '../../wire/host-ports.js';
import type { NeighbourNode, NeighbourPod } from '../../wire/neighbours.js';
import { hardTaintsOf } from '../../wire/node-rules.js';
import { type Amounts, addAmounts, amountsOf, podRequests } from '../../wire/pod-requests.js';
import { antiAffinityTermsOf } from '../../wire/pod-terms.js';
import type { Node, Pod } from '../../wire/types.js';

interface Occupant extends NeighbourPod {
  readonly pod: Pod;
  readonly requests: Amounts;
  readonly ports: readonly HostPort[];
}

const negative = (amounts: Amounts): Amounts => new Map([...amounts].map(([name, nano]) => [name, -nano]));

function occupant(pod: Pod): Occupant {
  const { namespace = 'default', labels = {}, deletionTimestamp } = pod.metadata ?? {};
  return {
    pod,
    namespace,
    labels,
    isDeleting: deletionTimestamp !== undefined,
    antiAffinity: antiAffinityTermsOf(pod),
    requests: podRequests(pod),
    ports: hostPortsOf(pod),
  };
}

/** The load of one node, whether the node itself is known or not. */
export class NodeLoad implements NeighbourNode {
  readonly name: string;
  #node: Node | undefined;
  allocatable: Amounts = new Map();
  labels: Readonly<Record<string, string>> = {};
  readonly requested: Amounts = new Map();
  readonly #occupants = new Map<string, Occupant>();
  #repelling = 0;

  constructor(name: string) {
    this.name = name;
  }

  get isKnown(): boolean {
    return this.#node !== undefined;
  }

  get node(): Node {
    return this.#node ?? { metadata: { name: this.name } };
  }

  /** Takes notice of a newer version of the node, or of its end. */
  setNode(node: Node | undefined): void {
    this.#node = node;
    this.labels = node?.metadata?.labels ?? {};
    this.allocatable = amountsOf(node?.status?.allocatable ?? node?.status?.capacity);
  }

  get taints() {
    return hardTaintsOf(this.#node);
  }

  get pods(): Iterable<NeighbourPod> {
    return this.#occupants.values();
  }

  get size(): number {
    return this.#occupants.size;
  }

  /** Whether a pod on it keeps others away. */
  get isRepelling(): boolean {
    return this.#repelling > 0;
  }

  /** Ports of the node that are taken. */
  get ports(): HostPort[] {
    return [...this.#occupants.values()].flatMap(({ ports }) => ports);
  }

  /** The pods themselves. */
  objects(): Pod[] {
    return [...this.#occupants.values()].map(({ pod }) => pod);
  }

  /** Counts a pod, or a newer version of it. */
  add(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    this.remove(uid);
    const added = occupant(pod);
    this.#occupants.set(uid, added);
    addAmounts(this.requested, added.requests);
    if (added.antiAffinity.length > 0) this.#repelling++;
  }

  /** Counts a pod no more; says whether it was counted. */
  remove(uid: string): boolean {
    const found = this.#occupants.get(uid);
    if (found === undefined) return false;
    this.#occupants.delete(uid);
    addAmounts(this.requested, negative(found.requests));
    if (found.antiAffinity.length > 0) this.#repelling--;
    return true;
  }
}
