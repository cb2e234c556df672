/** What must hold once all faults of a simulation are over and all hosts have ended. */
import { keyToString } from '../../core/task-key.js';
import type { VerdictKind } from '../../core/verdict.js';
import { LABELS, MANAGED_BY } from '../../wire/names.js';
import type { Lease, Secret } from '../../wire/types.js';
import type { FakeCluster } from '../fake-cluster.js';
import { SCRIPT_PREFIX } from '../kubelet/scripted-runtime.js';
import type { VirtualClock } from '../virtual-clock.js';
import { isRefusal, type SimulatedDatabase, type SimulatedTask, type ToldOutcome } from './database.js';
import type { SimulatedHost } from './host.js';
import { strayPods, taskIdOf } from './invariants.js';
import type { LimitWatch } from './limits.js';

/** How often a try is launched, and for how long each launch goes on trying; see the options. */
export interface LaunchLimits {
  readonly infra: number;
  readonly most: number;
  readonly attempts?: number | undefined;
  readonly quotaMs?: number | undefined;
}

/** What {@link checkEnd} looks at besides cluster and database. */
export interface EndContext {
  readonly hosts: readonly SimulatedHost[];
  /** Whether there was more than one, those included that are no more. */
  readonly hadOthers: boolean;
  readonly unknown: ReadonlySet<string>;
  /** Pods, by `namespace/name`, whose logs were taken while they were there; `undefined` where nobody takes them. */
  readonly logged: ReadonlySet<string> | undefined;
  readonly launches: LaunchLimits;
  readonly limits: LimitWatch;
}

/** How long a launch may wait for quota: a host that is in trouble meanwhile leaves its secret to a sweep. */
const LAUNCH_MS = 300_000;
/** How long trouble may be over that still disturbs a launch. */
const AFTERMATH_MS = 60_000;

/** Every task has its outcome, the outcomes are true, and nothing is left behind. */
export async function checkEnd(
  cluster: FakeCluster<VirtualClock>,
  database: SimulatedDatabase,
  context: EndContext,
): Promise<void> {
  const { faults } = database;
  const { hosts, unknown, limits } = context;
  for (const { key } of database.open) faults.push(`${keyToString(key)} has no outcome`);
  for (const host of hosts) {
    if (!host.isStarted) faults.push(`${host.id} has not started`);
    if (host.isLeaving) faults.push(`${host.id} has not left`);
    if (host.executor.slotsOccupied > 0)
      faults.push(`${host.id} holds ${host.executor.slotsOccupied} slots for nothing`);
    faults.push(...host.compareWhatWasHeard());
  }
  const left = strayPods(cluster, unknown);
  const client = cluster.kubeClient();
  if (left.length > 0) faults.push(`left behind: ${left.map(({ metadata }) => metadata?.name).join(', ')}`);
  const names = (objects: readonly (Lease | Secret)[]) => objects.map(({ metadata }) => metadata?.name).join(', ');
  const leases = (await client.listLeases()).items;
  // Who ends while pods are kept, of which nobody knows the end yet, gives its lease back for others to see to them.
  const isGivenBack = ({ spec }: Lease) => (spec?.holderIdentity ?? '') === '' && cluster.pods().length > 0;
  const ours = leases.filter((lease) => lease.metadata?.namespace !== 'kube-node-lease' && !isGivenBack(lease));
  if (ours.length > 0) faults.push(`leases left behind: ${names(ours)}`);
  // What a pod owns goes with it; this cluster has no garbage collector.
  const secrets = (await client.listSecrets()).items.filter(({ metadata }) => metadata?.ownerReferences === undefined);
  const forgotten = secrets.filter(({ metadata = {} }) => {
    const createdAt = Date.parse(metadata.creationTimestamp ?? '');
    const told = database.outcomes.get(taskIdOf({ metadata }));
    // Whoever tells that a task will have no pod has removed what was made for it shortly after.
    const until = Math.min(createdAt + LAUNCH_MS, (told?.at ?? Number.POSITIVE_INFINITY) + AFTERMATH_MS);
    // What hosts may share is left to a sweep, which comes half an hour later with the next launch.
    return hosts.length === 1 && !limits.wasHostTrouble(createdAt - AFTERMATH_MS, Math.max(createdAt, until));
  });
  // A sweep looks for its executor's own alone.
  const present: ReadonlySet<string | undefined> = new Set(hosts.map(({ id }) => id));
  const orphaned = secrets.filter(({ metadata: { labels = {} } = {} }) => {
    const owner = labels[LABELS.executorId];
    return labels[LABELS.managedBy] === MANAGED_BY && owner !== undefined && !present.has(owner);
  });
  // Who takes over what another one has left, and may not patch Secrets meanwhile, leaves them as they are.
  const isTakenOver = !(database.hasSecretFaults && database.missingRights.has('patch'));
  if (isTakenOver && orphaned.length > 0) faults.push(`secrets that nobody will sweep: ${names(orphaned)}`);
  if (!database.hasSecretFaults && forgotten.length > 0) faults.push(`secrets left behind: ${names(forgotten)}`);
  for (const [id, told] of database.outcomes) {
    const task = database.tasks.get(id);
    if (task !== undefined) faults.push(...liesOf(id, told, task, database, context));
  }
}

/** What must have happened to a task where an outcome is of a kind: what the task's script says, or what has befallen one of its pods. */
const CAUSES: Partial<Record<VerdictKind, (task: SimulatedTask) => boolean>> = {
  app_exit: ({ annotations, met }) => annotations[`${SCRIPT_PREFIX}exit-code`] === '3' || met.has('fail'),
  oom_killed: ({ annotations, met }) => annotations[`${SCRIPT_PREFIX}result`] === 'OOMKilled' || met.has('oom'),
  // Whoever kills in a simulation says why.
  killed_signal: () => false,
  evicted: ({ met }) => met.has('evict'),
  preempted: ({ met }) => met.has('preempt'),
  node_shutdown: ({ met }) => met.has('nodeShutdown'),
  container_create_failed: ({ annotations }) => annotations[`${SCRIPT_PREFIX}result`] === 'CreateContainerError',
  'config_error.secret': ({ annotations }) => annotations[`${SCRIPT_PREFIX}result`] === 'CreateContainerConfigError',
  'image_pull.not_found': ({ annotations }) => annotations[`${SCRIPT_PREFIX}result`] === 'ImagePullBackOff',
  // Quotas are full for a while, and leave room for one pod at least; workloads are right, and hosts have their rights.
  'quota.impossible': () => false,
  invalid_workload: () => false,
  'deadline.running': ({ workload }) => workload.timeouts?.running !== undefined,
  'deadline.queued': ({ workload }) => workload.timeouts?.queued !== undefined,
};

/** Verdicts on what never starts. */
const UNSTARTED: ReadonlySet<VerdictKind> = new Set([
  'container_create_failed',
  'config_error.secret',
  'image_pull.not_found',
]);

/** Faults that another launch mends as long as there are some left. */
const MENDED: ReadonlySet<VerdictKind> = new Set(['evicted', 'preempted', 'node_shutdown']);

/** Outcomes must say what has happened. */
function liesOf(
  id: string,
  { outcome, at, isUnproven }: ToldOutcome,
  task: SimulatedTask,
  { succeeded, hasLostNodes, hasBadWires, missingRights }: SimulatedDatabase,
  { hadOthers, logged, launches, limits }: EndContext,
): string[] {
  const { annotations, met } = task;
  // Of a pod that was to be taken back, and whose end nobody can prove, or tell in time, it can only be told that it was stopped.
  const isUnprovable = hasLostNodes || missingRights.has('get') || limits.wasHostTrouble(task.revokedAt ?? at, at);
  const isCancelled = task.isCancelled || (task.isRevoked && isUnprovable);
  const done = succeeded.get(id);
  if (outcome.state === 'success') {
    const lies: string[] = [];
    if (annotations[`${SCRIPT_PREFIX}exit-code`] === '3') lies.push(`${id} succeeded, which it could not`);
    const result = annotations[`${SCRIPT_PREFIX}message`];
    if (outcome.result !== result) lies.push(`${id} left the result ${result}, and ${outcome.result} was told`);
    // Whoever was told that a task is not to run clears its pod away when that comes to it, and others may have told its end.
    const isRefusedBySome = task.isCancelled && hadOthers;
    const isCleared = isRefusedBySome || hasBadWires || met.has('delete') || met.has('deleteByForce');
    if (
      logged !== undefined &&
      done !== undefined &&
      !isCleared &&
      !logged.has(`${outcome.ranAs?.split('/')[0]}/${done.name}`)
    )
      lies.push(`nobody was given the log of ${done.name}`);
    return lies;
  }
  if (isRefusal(outcome) && isCancelled) return [];
  const { kind, message } = outcome.verdict;
  const lies: string[] = [];
  const early =
    kind === 'deadline.running' || kind === 'deadline.queued' ? limits.tooEarly(id, kind, task, at) : undefined;
  if (early !== undefined) lies.push(early);
  // Who may not ask after a pod cannot know how it ended.
  const couldNotKnow = missingRights.has('get') || (isUnproven && missingRights.size > 0);
  if (done !== undefined && !isRefusal(outcome, hadOthers) && !couldNotKnow)
    lies.push(`${id} failed (${kind}), but its pod ${done.name} had succeeded`);
  if (kind === 'cancelled' && !isCancelled) lies.push(`${id} is called cancelled, and nobody cancelled it: ${message}`);
  if (kind === 'unknown') lies.push(`${id} failed and nothing says why: ${message}`);
  if (UNSTARTED.has(kind) && limits.hadStarted(outcome.ranAs, at))
    lies.push(`${id} failed (${kind}) although its program had started`);
  // Without the right to remove a pod its name stays taken.
  const mayRelaunch = !hasLostNodes && missingRights.size === 0;
  const infraLaunches = 1 + launches.infra;
  if (MENDED.has(kind) && mayRelaunch && !isCancelled && outcome.launches < infraLaunches)
    lies.push(`${id} failed (${kind}) in launch ${outcome.launches}, and was to have ${infraLaunches}`);
  // Whatever is the matter with a create is waited out, for many attempts.
  const attempts = Number(/in (\d+) attempts/.exec(message)?.[1] ?? 0);
  const isGivenUp = /^The Secret of the pod|told so before/.test(message) || attempts >= (launches.attempts ?? 1);
  if (kind === 'launch_failed' && !isGivenUp)
    lies.push(`${id} failed (launch_failed), and nothing kept its pod from being made for long: ${message}`);
  // Whatever else a launch waits for counts, too: what took longer than that may have ended with any quota.
  const { quotaMs = 0 } = launches;
  if (kind === 'quota.full' && at - task.queuedAt < quotaMs)
    lies.push(`${id} failed (quota.full) after ${(at - task.queuedAt) / 1_000} s, and had ${quotaMs / 1_000} s`);
  if (kind === 'node_lost' && !hasLostNodes) lies.push(`${id} failed (node_lost), and all nodes were well`);
  if (kind === 'rejected_by_api' && !missingRights.has('create'))
    lies.push(`${id} failed (rejected_by_api), and hosts had all their rights: ${message}`);
  if (CAUSES[kind]?.(task) === false)
    lies.push(`${id} failed (${kind}), and nothing of the kind had befallen it: ${[...met].join(', ')}`);
  return lies;
}
