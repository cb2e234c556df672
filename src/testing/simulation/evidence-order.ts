/** Whether what only the server knows of a program is asked for before its pod is ended: afterwards its log is gone, and nobody can say why it failed. */
import type { TransportRequest } from '../../kube/transport.js';
import type { Pod } from '../../wire/types.js';
import type { SimulatedDatabase } from './database.js';
import { taskIdOf } from './invariants.js';

const hasRun = ({ status }: Pod) =>
  status?.containerStatuses?.some(({ state }) => state?.running !== undefined || state?.terminated !== undefined) ===
  true;

/** See the module's text. */
export class EvidenceOrder {
  readonly #database: SimulatedDatabase;
  readonly #pods: () => readonly Pod[];
  /** Uids of the pods whose events were asked for. */
  readonly #asked = new Set<string>();
  /** Whether the server has ever asked for quiet, so that who wants to ask waits, and gives up. */
  #isHushed = false;

  constructor(database: SimulatedDatabase, pods: () => readonly Pod[]) {
    this.#database = database;
    this.#pods = pods;
  }

  /** The server asks for quiet from now on. */
  hush(): void {
    this.#isHushed = true;
  }

  /** Notes what a host asks for, whether or not it gets an answer. */
  onRead({ path }: TransportRequest): void {
    const uid = /\/events\?.*involvedObject\.uid(?:=|%3D)([^&]+)/.exec(path)?.[1];
    if (uid !== undefined) this.#asked.add(uid);
  }

  /** What is wrong with a request of a host that has not been told to stop anything. */
  wrong({ method, path, body = '' }: TransportRequest): string | undefined {
    const name = /\/pods\/([^/?]+)/.exec(path)?.[1];
    const uid = /"uid":"([^"]+)"/.exec(body)?.[1] ?? '';
    if (method !== 'DELETE' || name === undefined || this.#isHushed || this.#asked.has(uid)) return undefined;
    const pod = this.#pods().find(({ metadata }) => metadata?.uid === uid);
    if (pod === undefined || !hasRun(pod) || pod.status?.phase === 'Succeeded') return undefined;
    const id = taskIdOf(pod);
    const task = this.#database.tasks.get(id);
    const isOver = task === undefined || this.#database.outcomes.has(id) || task.isCancelled || task.isRevoked;
    return isOver ? undefined : `ends ${name} before it has asked for the evidence`;
  }
}
