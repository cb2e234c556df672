/** Whether hosts have seen to everything once all faults are over, while they are still at work: what only goes because they end would stay otherwise. */
import { ANNOTATIONS } from '../../wire/names.js';
import type { FakeCluster } from '../fake-cluster.js';
import type { VirtualClock } from '../virtual-clock.js';
import type { SimulatedDatabase } from './database.js';
import type { SimulatedHost } from './host.js';
import { strayPods } from './invariants.js';

/** What {@link untidyOf} looks at. */
export interface TidinessContext {
  readonly cluster: FakeCluster<VirtualClock>;
  readonly database: SimulatedDatabase;
  /** The hosts that have not gone for good. */
  readonly present: readonly SimulatedHost[];
  readonly isAlone: boolean;
  /** Uids of pods of which nobody can know whether they still run. */
  readonly unknown: ReadonlySet<string>;
  /** Whose leases have changed hands less than a minute ago. */
  readonly newlyHeld: readonly string[];
}

/** The pods, hosts and leases, in words, that somebody is still to see to. */
export async function untidyOf(context: TidinessContext): Promise<readonly string[]> {
  const { cluster, database, present, unknown, newlyHeld } = context;
  // Others may have told the end of what a host has.
  const hasWork = ({ executor }: SimulatedHost) =>
    [...database.tasks.values()].some(({ key }) => executor.hasTask(key));
  const isAtRest = (host: SimulatedHost) => host.isStarted && !host.isLeaving && !host.isStoring && !hasWork(host);
  const pods = strayPods(cluster, unknown).map(({ metadata }) => metadata?.name ?? '');
  const hosts = present.filter((host) => !isAtRest(host)).map(({ id }) => id);
  const leases = newlyHeld.map((label) => `the new lease of ${label}`);
  return [...pods, ...hosts, ...leases, ...(await takeoversOf(context))];
}

/** Leases of what another one has left and somebody is at work on: who is ended in the middle of that leaves it to the next, lease and all. */
async function takeoversOf({ cluster, present, isAlone }: TidinessContext): Promise<readonly string[]> {
  if (isAlone) return [];
  const { items } = await cluster.kubeClient().listLeases();
  const ids = new Set(present.map(({ id }) => id));
  return items.flatMap(({ metadata, spec }) => {
    const owner = metadata?.annotations?.[ANNOTATIONS.executorId];
    const isOver = owner === undefined || (ids.has(owner) && (spec?.holderIdentity ?? '').startsWith(`${owner}_`));
    return isOver ? [] : [`the lease of ${owner}`];
  });
}
