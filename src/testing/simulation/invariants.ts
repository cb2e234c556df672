/** What must hold in a simulation: the promises, as checks. Each broken one is a sentence in the database's list of faults. */
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import { ANNOTATIONS, FINALIZER, LABELS } from '../../wire/names.js';
import type { Pod } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import { isRefusal, type SimulatedDatabase } from './database.js';
import type { SimulatedHost } from './host.js';

/** Whether a pod has not ended, as far as the server knows. */
export const isLive = ({ status }: Pod) => status?.phase === 'Pending' || status?.phase === 'Running';
/** The task that a pod was made for, by its annotation. */
export const taskIdOf = (pod: Pod): string => {
  const text = pod.metadata?.annotations?.[ANNOTATIONS.key];
  return text === undefined ? '' : keyToString(JSON.parse(text) as TaskInstanceKey);
};

/** Whether a pod has done its work, and stands there until its executor has seen it. */
const isProofOfSuccess = ({ status, metadata }: Pod) =>
  status?.phase === 'Succeeded' &&
  (metadata?.deletionTimestamp === undefined || metadata.finalizers?.includes(FINALIZER) === true);

/**
 * At most one live pod per try, and none that was made after the outcome. Pods that a fence has given up may be ghosts; of those on lost nodes
 * nothing was known when their outcome was told.
 */
export function checkPods(
  pods: readonly Pod[],
  { faults, outcomes, succeeded }: SimulatedDatabase,
  {
    ghosts,
    unknown,
    known,
  }: {
    readonly ghosts: ReadonlySet<string>;
    readonly unknown: ReadonlySet<string>;
    readonly known: Map<string, string>;
  },
): void {
  const live = new Map<string, string[]>();
  for (const pod of pods) {
    const { uid = '', name = '', creationTimestamp = '' } = pod.metadata ?? {};
    const id = taskIdOf(pod);
    if (isProofOfSuccess(pod) && !unknown.has(uid)) succeeded.set(id, name);
    if (isLive(pod) && !ghosts.has(uid)) live.set(id, [...(live.get(id) ?? []), name]);
    if (known.has(uid)) continue;
    known.set(uid, name);
    const told = outcomes.get(id);
    // What was cancelled on a host that never launched it may be on its way from another one, which ends it by itself.
    const isFromElsewhere =
      told !== undefined && isRefusal(told.outcome) && pod.metadata?.labels?.[LABELS.executorId] !== told.by;
    // Creation times are cut to whole seconds.
    if (told !== undefined && !isFromElsewhere && Date.parse(creationTimestamp ?? '') > told.at)
      faults.push(`${name} was created after the outcome of ${id}`);
  }
  for (const [id, names] of live) if (names.length > 1) faults.push(`${id} has ${names.length} live pods: ${names}`);
}

/** Pods that somebody should have removed: a pod on a lost node may stay, since nobody can know whether it still runs. */
export const strayPods = (cluster: FakeCluster<VirtualClock>, unknown: ReadonlySet<string>): Pod[] =>
  cluster.pods().filter(({ metadata }) => !unknown.has(metadata?.uid ?? ''));

/** Once all faults are over and all hosts have ended: every task has its outcome, and nothing is left behind. */
export async function checkEnd(
  cluster: FakeCluster<VirtualClock>,
  database: SimulatedDatabase,
  { hosts, unknown }: { readonly hosts: readonly SimulatedHost[]; readonly unknown: ReadonlySet<string> },
): Promise<void> {
  const { faults } = database;
  for (const { key } of database.open) faults.push(`${keyToString(key)} has no outcome`);
  for (const host of hosts) {
    if (!host.isStarted) faults.push(`${host.id} has not started`);
    if (host.executor.slotsOccupied > 0)
      faults.push(`${host.id} holds ${host.executor.slotsOccupied} slots for nothing`);
  }
  const left = strayPods(cluster, unknown);
  const client = cluster.kubeClient();
  if (left.length > 0) faults.push(`left behind: ${left.map(({ metadata }) => metadata?.name).join(', ')}`);
  const leases = (await client.listLeases()).items;
  const ours = leases.filter(({ metadata }) => metadata?.namespace !== 'kube-node-lease');
  if (ours.length > 0) faults.push(`leases left behind: ${ours.map(({ metadata }) => metadata?.name).join(', ')}`);
  const secrets = (await client.listSecrets()).items;
  if (secrets.length > 0)
    faults.push(`secrets left behind: ${secrets.map(({ metadata }) => metadata?.name).join(', ')}`);
  checkTruth(database);
}

/** Outcomes must say what has happened. */
function checkTruth({ outcomes, tasks, succeeded, faults }: SimulatedDatabase): void {
  for (const [id, { outcome }] of outcomes) {
    const task = tasks.get(id);
    const mustFail = task?.annotations['testing.podwright.dev/exit-code'] === '3';
    if (outcome.state === 'success' && mustFail) faults.push(`${id} succeeded, which it could not`);
    if (outcome.state !== 'failed') continue;
    const done = succeeded.get(id);
    if (done !== undefined && !isRefusal(outcome))
      faults.push(`${id} failed (${outcome.verdict.kind}), but its pod ${done} had succeeded`);
    const { kind, message } = outcome.verdict;
    if (kind === 'cancelled' && task?.isCancelled !== true)
      faults.push(`${id} is called cancelled, and nobody cancelled it: ${message}`);
    if (kind === 'unknown') faults.push(`${id} failed and nothing says why: ${message}`);
  }
}
