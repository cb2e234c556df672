/** What must hold in a simulation: the promises, as checks. Each broken one is a sentence in the database's list of faults. */
import { keyToString, type TaskInstanceKey } from '../../core/task-key.js';
import type { TransportRequest } from '../../kube/transport.js';
import { ANNOTATIONS, FINALIZER, LABELS } from '../../wire/names.js';
import type { ContainerState, Pod } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import { isRefusal, type SimulatedDatabase, type SimulatedTask } from './database.js';

/** Whether a pod has not ended, as far as the server knows. One that was deleted before it had a node gets none any more. */
export const isLive = ({ status, metadata, spec }: Pod) =>
  status?.phase === 'Running' ||
  (status?.phase === 'Pending' && (metadata?.deletionTimestamp === undefined || spec?.nodeName !== undefined));
/** Whether the program of a pod's task may run: what stands beside it may live on when it has ended. */
export const isAtWork = (pod: Pod) => {
  const base = pod.metadata?.annotations?.[ANNOTATIONS.baseContainer];
  const ended = ({ name, state }: { readonly name: string; readonly state?: ContainerState }) =>
    name === base && state?.terminated !== undefined;
  return isLive(pod) && pod.status?.containerStatuses?.some(ended) !== true;
};
/** Whether all containers of a pod have ended. */
export const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';
/** Which launch of its task a pod is. */
export const launchOf = ({ metadata }: Pod) => Number(metadata?.annotations?.[ANNOTATIONS.launch] ?? 1);
/** The key of the task that a pod was made for, by its annotation. */
export const keyOf = (pod: Pod): TaskInstanceKey =>
  JSON.parse(pod.metadata?.annotations?.[ANNOTATIONS.key] ?? '{}') as TaskInstanceKey;
/** Keys are read after each step, and there are few of them. */
const ids = new Map<string, string>();
const MOST_IDS = 10_000;

/** The task that a pod was made for, by its annotation. */
export function taskIdOf(pod: Pod): string {
  const key = pod.metadata?.annotations?.[ANNOTATIONS.key];
  if (key === undefined) return '';
  let id = ids.get(key);
  if (id === undefined) {
    if (ids.size >= MOST_IDS) ids.clear();
    id = keyToString(JSON.parse(key) as TaskInstanceKey);
    ids.set(key, id);
  }
  return id;
}
/** A pod as `namespace/name`. */
export const podIdOf = ({ metadata }: Pod) => `${metadata?.namespace}/${metadata?.name}`;

/** Whether a pod has done its work, and stands there until its executor has seen it. */
export const isProofOfSuccess = ({ status, metadata }: Pod) =>
  status?.phase === 'Succeeded' &&
  (metadata?.deletionTimestamp === undefined || metadata.finalizers?.includes(FINALIZER) === true);

/** Whether a task exits with an error code, and nothing has befallen its pods that another launch could mend. */
const failsByItself = ({ annotations, met }: SimulatedTask) =>
  met.size === 0 && annotations['testing.podwright.dev/exit-code'] === '3';

/**
 * At most one live pod per try, and none that was made after the outcome. Pods that a fence has given up may be ghosts; of those on lost nodes
 * nothing was known when their outcome was told.
 */
export function checkPods(
  pods: readonly Pod[],
  { faults, outcomes, succeeded, tasks, hasLostNodes }: SimulatedDatabase,
  {
    ghosts,
    known,
    makers,
    mostLaunches,
  }: {
    readonly ghosts: ReadonlySet<string>;
    readonly known: Map<string, string>;
    /** By uid, the executor whose label a pod was made with. */
    readonly makers: ReadonlyMap<string, string | undefined>;
    readonly mostLaunches: number;
  },
): void {
  const live = new Map<string, string[]>();
  for (const pod of pods) {
    const { uid = '', name = '', creationTimestamp = '' } = pod.metadata ?? {};
    const id = taskIdOf(pod);
    const done = succeeded.get(id);
    const isMarked = pod.metadata?.labels?.[LABELS.done] === 'true' && pod.metadata.deletionTimestamp === undefined;
    if (isMarked && isAtWork(pod)) faults.push(`${name} is marked as done, and runs`);
    if (isLive(pod) && !ghosts.has(uid)) live.set(id, [...(live.get(id) ?? []), name]);
    if (known.has(uid)) continue;
    known.set(uid, name);
    if (done !== undefined && done.uid !== uid)
      faults.push(`${name} was created although ${done.name} had done the work of ${id}`);
    const launch = launchOf(pod);
    const task = tasks.get(id);
    // Of a stop that its host did not live to tell there is only a pod that was deleted, for whatever reason.
    const isUndisturbed = task !== undefined && !hasLostNodes && !task.isCancelled && !task.isRevoked;
    if (launch > 1 && isUndisturbed && failsByItself(task))
      faults.push(`${name} is launch ${launch} of ${id}, which can only fail again`);
    if (launch > mostLaunches) faults.push(`${name} is launch ${launch} of ${id}, and ${mostLaunches} are allowed`);
    if (task?.isForestalled === true) faults.push(`${name} was made for ${id}, which was cancelled before its launch`);
    const told = outcomes.get(id);
    // What was cancelled on a host that never launched it may be on its way from another one, which ends it, or loses it to the first.
    const isFromElsewhere = told !== undefined && isRefusal(told.outcome, true) && makers.get(uid) !== told.by;
    // Creation times are cut to whole seconds.
    if (told !== undefined && !isFromElsewhere && Date.parse(creationTimestamp ?? '') > told.at)
      faults.push(`${name} was created after the outcome of ${id}`);
  }
  for (const [id, names] of live) if (names.length > 1) faults.push(`${id} has ${names.length} live pods: ${names}`);
}

/**
 * What a request does to whatever stands under the name of a pod by then, if it does not say which one it means: a late delete would hit the next
 * pod of that name, and of two executors that take a pod at the same time both would believe that they have it.
 */
export function unguarded({ method, path, body = '' }: TransportRequest): string | undefined {
  const shared = /\/(?:secrets|leases)\/([^/?]+)(?:\?|$)/.exec(path)?.[1];
  if (shared !== undefined && (method === 'DELETE' || method === 'PUT'))
    return body.includes('"resourceVersion"') ? undefined : `sends ${method} ${shared} whatever it is by then`;
  const name = /\/pods\/([^/?]+)(\?|$)/.exec(path)?.[1];
  if (name === undefined) return undefined;
  if (method === 'DELETE') return body.includes('"uid"') ? undefined : `deletes ${name} without saying which one`;
  if (method !== 'PATCH') return undefined;
  if (!body.includes('"uid"')) return `changes ${name} without saying which one`;
  if (!body.includes(LABELS.executorId)) return undefined;
  const { uid, resourceVersion, labels } = (JSON.parse(body) as Pod).metadata ?? {};
  const isSure = labels?.[LABELS.executorId] === undefined || (uid !== undefined && resourceVersion !== undefined);
  return isSure ? undefined : `takes ${name} without saying which version of it`;
}

/**
 * Pods that somebody should have removed: a pod on a lost node may stay, since nobody can know whether it still runs, and so may one that somebody wants
 * to look at.
 */
export const strayPods = (cluster: FakeCluster<VirtualClock>, unknown: ReadonlySet<string>): Pod[] =>
  cluster
    .pods()
    .filter(({ metadata }) => !unknown.has(metadata?.uid ?? '') && metadata?.labels?.[LABELS.keep] !== 'true');
