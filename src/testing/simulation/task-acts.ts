/** What hosts of a simulation are asked to do with tasks. */
import type { Workload } from '../../core/outcome.js';
import { keyToString, type TaskInstanceKey, taskInstanceKey } from '../../core/task-key.js';
import type { CancelResult } from '../../executors/executor.js';
import { LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import type { SimulatedDatabase, SimulatedTask } from './database.js';
import type { SimulatedHost } from './host.js';
import { taskIdOf } from './invariants.js';
import type { Operation } from './operations.js';

/** What {@link TaskActs} work with. */
export interface TaskActsOptions {
  readonly cluster: FakeCluster<VirtualClock>;
  readonly database: SimulatedDatabase;
  /** The present lives of all hosts. */
  readonly hosts: readonly SimulatedHost[];
  /** Uids of pods of which nobody can know whether they still run. */
  readonly unknown: ReadonlySet<string>;
  /** Writes a line of the story. */
  readonly note: (text: string) => void;
  /** What a host hands over for the task of a number. */
  readonly workloadOf: (index: number, annotations: Readonly<Record<string, string>>) => Workload;
}

const at = <T>(list: readonly T[], share: number): T | undefined => list[Math.floor(share * list.length)];
/** Keys of other shapes than most are told in full. */
const nameOf = (key: TaskInstanceKey) => (/^t\d+$/.test(key.taskId) ? key.taskId : keyToString(key));

const endsBadly = ({ annotations }: SimulatedTask) =>
  ['result', 'exit-code'].some((name) => annotations[`testing.podwright.dev/${name}`] !== undefined);

/** See the module's text. */
export class TaskActs {
  readonly #options: TaskActsOptions;

  constructor(options: TaskActsOptions) {
    this.#options = options;
  }

  /** A task is handed over, to whom it falls to, and perhaps to another one besides. */
  queue({ annotations: drawn, alsoTo }: Extract<Operation, { type: 'queue' }>): void {
    const workload = this.#options.workloadOf(this.#options.database.tasks.size, drawn);
    const { annotations = drawn } = workload.executorConfig as { annotations?: typeof drawn };
    const key = taskInstanceKey(workload.key);
    const isShared = alsoTo !== undefined;
    const queuedAt = this.#options.cluster.clock.now();
    const task = {
      key,
      workload,
      annotations,
      met: new Set<never>(),
      queuedAt,
      isCancelled: false,
      isRevoked: false,
      revokes: 0,
      givenTo: new Set<string>(),
      isShared,
    };
    this.#options.database.tasks.set(keyToString(key), task);
    this.#options.note(`${nameOf(key)} is queued: ${JSON.stringify(annotations)}`);
    const owner = this.#options.hosts.find(
      ({ isStarted, isAlive, executor }) => isStarted && isAlive && (executor.isMine?.(key) ?? true),
    );
    owner?.queue(task);
    if (alsoTo === undefined) return;
    const host = at(this.#options.hosts, alsoTo);
    if (host === undefined) return;
    this.#options.note(`${nameOf(key)} is also given to ${host.id}`);
    host.queue(task);
  }

  /** A cancel reaches every host that has the task, or one of them. */
  cancel({ task: share, ofLostPod = false, on }: Extract<Operation, { type: 'cancel' }>): void {
    const { hosts, database } = this.#options;
    const task = at(ofLostPod ? this.#lost() : database.open, share);
    if (task === undefined) return;
    const only =
      on === undefined ? undefined : on === 'its owner' ? this.#ownerOf(keyToString(task.key)) : at(hosts, on);
    for (const host of only === undefined ? hosts : [only]) {
      const { executor, isStarted, id } = host;
      if (!host.isAlive || !isStarted || !executor.hasTask(task.key)) continue;
      task.isCancelled = true;
      this.#options.note(`${nameOf(task.key)} is cancelled on ${id}`);
      const isEndKnown = () => host.isAlive && hosts.length === 1 && !database.hasLostNodes && !task.isRevoked;
      const answered = ({ observed }: CancelResult) => {
        if (observed !== 'unconfirmed' && isEndKnown() && database.mayRun(task.key))
          database.faults.push(`the cancel of ${nameOf(task.key)} says ${observed}, and its pod is at work`);
      };
      void executor.cancel(task.key).then(answered, () => {});
    }
  }

  /** The host whose label the pod of a task carries. */
  #ownerOf(id: string): SimulatedHost | undefined {
    const { cluster, hosts } = this.#options;
    const pod = cluster.pods().find((one) => taskIdOf(one) === id);
    return hosts.find((host) => host.id === pod?.metadata?.labels?.[LABELS.executorId]);
  }

  /** Tasks without an outcome whose pods are, in a phase where one is given, on lost nodes. */
  #lost(phase?: string): SimulatedTask[] {
    const { cluster, unknown, database } = this.#options;
    const isLost = ({ metadata, status }: Pod) =>
      unknown.has(metadata?.uid ?? '') && (phase === undefined || status?.phase === phase);
    const lost = new Set(cluster.pods().filter(isLost).map(taskIdOf));
    return database.open.filter(({ key }) => lost.has(keyToString(key)));
  }

  /** A host takes a task back whose program has not started; it will hand it over again. */
  revoke({ task: share, ofLostPod = false }: Extract<Operation, { type: 'revoke' }>): void {
    const { open } = this.#options.database;
    const task = at(ofLostPod ? this.#lost('Pending') : open, share);
    if (task === undefined) return;
    const id = keyToString(task.key);
    for (const host of this.#options.hosts) {
      if (!host.isAlive || !host.isStarted || host.isLeaving || !host.executor.hasTask(task.key)) continue;
      // What is being ended already, by an earlier revoke perhaps, is nothing that this one could spare.
      const runsNow = () =>
        this.#options.cluster.pods().filter((pod) => pod.status?.phase === 'Running' && taskIdOf(pod) === id);
      const isRunning = runsNow().some(({ metadata }) => metadata?.deletionTimestamp === undefined);
      // One that fails by itself may be between two launches by then.
      const isUndisturbed = () =>
        this.#options.hosts.length === 1 &&
        task.met.size === 0 &&
        !task.isCancelled &&
        !endsBadly(task) &&
        host.isAlive;
      this.#options.note(`${nameOf(task.key)} is revoked on ${host.id}`);
      task.isRevoked = true;
      task.revokedAt = this.#options.cluster.clock.now();
      const { revokes } = task;
      const revoked = host.executor.revokeTask(task.key).catch(() => false);
      void revoked.then((isRevoked) => {
        // One that started meanwhile must not be ended either, unless it was handed over anew by then.
        const hasStarted = runsNow().length > 0 && task.revokes === revokes;
        if (isRevoked) task.revokes += 1;
        if (isRevoked && (isRunning || hasStarted) && isUndisturbed() && !host.hasHeardOf(id))
          this.#options.database.faults.push(`${id} was revoked although its program ran`);
      });
    }
  }
}
