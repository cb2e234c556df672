/** What the nodes of a cluster have, what is taken of it, and whether a pod finds room. By the rules of the default scheduler. */
import { ConfigError, KubeApiError, UnsupportedError } from '../errors.js';
import { eachItem, eachPod } from '../kube/each-pod.js';
import type { KubeClient, PodReader } from '../kube/kube-client.js';
import { type Amounts, addAmounts, podRequests } from '../wire/pod-requests.js';
import type { KubeList, KubeObject, Node, Pod, ResourceQuota } from '../wire/types.js';
import { ONE, type ResourceAmounts, remaining, toResourceAmounts } from './amounts.js';
import { judgePod, type RunAnswer } from './can-run.js';
import { type NodeState, type NodeView, nodeView, occupy } from './node-view.js';

/** What there is, what pods have reserved of it, and what is left. */
export interface ResourceBalance {
  /** What pods may use in all. */
  readonly allocatable: ResourceAmounts;
  /** What the pods there have asked for; `pods` is their number. */
  readonly requested: ResourceAmounts;
  /** What is left: node by node, and never below 0. */
  readonly available: ResourceAmounts;
}

/** One node. */
export interface NodeResources extends ResourceBalance {
  /** Name. */
  readonly name: string;
  /** Whether it takes pods; `tainted` ones take those that tolerate their taints. */
  readonly state: NodeState;
  /** Labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Taints that keep pods away, as `key=value:effect`. */
  readonly taints: readonly string[];
}

/** Options of {@link ClusterResources.read}. */
export interface ReadResourcesOptions {
  /**
   * Namespaces whose pods are counted. Nodes are shared by all, so with some left out more seems free than is; {@link
   * ClusterResources.isPartial} says so. @default all
   */
  readonly namespaces?: readonly string[] | undefined;
  /** Ends the reading; it then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link ClusterResources} is made from. */
export interface ClusterState {
  /** Nodes. */
  readonly nodes: readonly Node[];
  /** Pods; those that have ended are left out of the count. */
  readonly pods: Iterable<Pod>;
  /** Quotas of the namespaces, where they are known. */
  readonly quotas?: readonly ResourceQuota[] | undefined;
  /** Whether pods of some namespaces are missing. @default false */
  readonly isPartial?: boolean | undefined;
}

/** What is asked of a client. */
export type CapacityClient = Pick<PodReader, 'listPods'> & Pick<KubeClient, 'listNodes' | 'listQuotas'>;

const PAGE = 500;
const LIVE = 'status.phase!=Succeeded,status.phase!=Failed';
const HINT =
  'Capacity needs the right to list nodes and the pods of all namespaces: podwright rbac --features capacity; or name `namespaces`.';

async function allPages<T extends KubeObject>(
  fetchPage: (token: string | undefined) => Promise<KubeList<T>>,
): Promise<T[]> {
  const items: T[] = [];
  for await (const item of eachItem(fetchPage)) items.push(item);
  return items;
}

/** A missing right is told together with what would grant it. */
function withHint(error: unknown): unknown {
  if (!(error instanceof KubeApiError) || error.status !== 403) return error;
  const { status, reason, attempts, causes, requestId } = error;
  return new KubeApiError(error.message, { status, reason, attempts, causes, requestId, cause: error, hint: HINT });
}

async function quotasOf(client: CapacityClient, namespaces: readonly (string | undefined)[], signal?: AbortSignal) {
  if (client.listQuotas === undefined) return undefined;
  try {
    const lists = namespaces.map((namespace) =>
      allPages<ResourceQuota>(
        async (token) =>
          (await client.listQuotas?.({ namespace, limit: PAGE, continue: token, signal })) ?? {
            items: [],
            metadata: {},
          },
      ),
    );
    return (await Promise.all(lists)).flat();
  } catch (error) {
    // Without the right to see quotas the answers just say nothing about them.
    if (error instanceof KubeApiError && error.status === 403) return undefined;
    throw error;
  }
}

/** A snapshot of the cluster's resources. It does not change; read another to see what has. */
export class ClusterResources {
  /** Whether pods of some namespaces are missing, so that more seems free than is. */
  readonly isPartial: boolean;
  readonly #views: readonly NodeView[];
  readonly #quotas: readonly ResourceQuota[] | undefined;
  /** What pods without a node ask for. */
  readonly #waiting: Amounts = new Map([['pods', 0n]]);

  /** From objects that are at hand. @throws ConfigError where nodes or pods are missing. */
  constructor({ nodes, pods, quotas, isPartial = false }: ClusterState) {
    if (!Array.isArray(nodes) || typeof pods?.[Symbol.iterator] !== 'function')
      throw new ConfigError([
        { field: 'state', rule: 'must be {nodes, pods}', hint: 'or use ClusterResources.read()' },
      ]);
    this.#views = nodes.map(nodeView);
    this.#quotas = quotas;
    this.isPartial = isPartial;
    const byName = new Map(this.#views.map((view) => [view.name, view]));
    for (const pod of pods) {
      const { phase } = pod.status ?? {};
      if (phase === 'Succeeded' || phase === 'Failed') continue;
      const node = pod.spec?.nodeName;
      const view = node === undefined || node === '' ? undefined : byName.get(node);
      if (view !== undefined) occupy(view, pod);
      else if (node === undefined || node === '')
        addAmounts(addAmounts(this.#waiting, podRequests(pod)), new Map([['pods', ONE]]));
    }
  }

  /**
   * Reads nodes, pods and quotas by pages.
   * @throws KubeApiError where a list fails; its hint names the right that is missing.
   * @throws UnsupportedError where the client cannot list nodes.
   * @example
   * const resources = await ClusterResources.read(await HttpKubeClient.connect());
   * console.log(resources.total.available.cpu, resources.canRun(pod).answer);
   */
  static async read(client: CapacityClient, options: ReadResourcesOptions = {}): Promise<ClusterResources> {
    const { namespaces, signal } = options;
    if (namespaces !== undefined && !(Array.isArray(namespaces) && namespaces.every((one) => typeof one === 'string')))
      throw new ConfigError([{ field: 'namespaces', value: namespaces, rule: 'must be a list of names' }]);
    signal?.throwIfAborted();
    if (typeof client?.listPods !== 'function')
      throw new ConfigError([
        { field: 'client', rule: 'must be a KubeClient', hint: 'pass await HttpKubeClient.connect()' },
      ]);
    if (client.listNodes === undefined)
      throw new UnsupportedError(
        'This client cannot list nodes',
        'Use HttpKubeClient, or give the client listNodes().',
      );
    const scopes = namespaces ?? [undefined];
    const pods: Pod[] = [];
    try {
      const nodes = await allPages<Node>(
        async (token) =>
          (await client.listNodes?.({ limit: PAGE, continue: token, signal })) ?? { items: [], metadata: {} },
      );
      for (const namespace of scopes)
        for await (const pod of eachPod(client, { namespace, fieldSelector: LIVE, omitManagedFields: true, signal }))
          pods.push(pod);
      const quotas = await quotasOf(client, scopes, signal);
      return new ClusterResources({ nodes, pods, quotas, isPartial: namespaces !== undefined });
    } catch (error) {
      throw withHint(error);
    }
  }

  /** Every node. */
  get nodes(): readonly NodeResources[] {
    return this.#views.map((view) => ({
      name: view.name,
      state: view.state,
      labels: view.labels,
      taints: view.taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`),
      ...balanceOf([view]),
    }));
  }

  /** The nodes that take any pod: ready, neither cordoned nor tainted. */
  get total(): ResourceBalance {
    return this.totalOf('ready');
  }

  /** The nodes of some states together. */
  totalOf(...states: readonly NodeState[]): ResourceBalance {
    return balanceOf(this.#views.filter(({ state }) => states.includes(state)));
  }

  /** What pods that have no node yet ask for; `pods` is their number. */
  get waiting(): ResourceAmounts {
    return toResourceAmounts(this.#waiting);
  }

  /** What `console.log(JSON.stringify(resources))` shows: the totals, the nodes, and what waits. */
  toJSON(): object {
    const { total, nodes, waiting, isPartial } = this;
    return { total, nodes, waiting, isPartial };
  }

  /**
   * Whether a pod finds a node: `yes` now, `later` when pods that are there end or a node comes back, or `never` on the nodes and quotas as
   * they are. A pod that may push others aside by its priority may be scheduled although the answer is `later`; an autoscaler may
   * add the node that a `never` lacks.
   * @throws ConfigError where it is no pod.
   */
  canRun(pod: Pod): RunAnswer {
    return judgePod(pod, this.#views, this.#quotas);
  }
}

function balanceOf(views: readonly NodeView[]): ResourceBalance {
  const sum = (part: (view: NodeView) => Amounts) =>
    toResourceAmounts(views.reduce((total, view) => addAmounts(total, part(view)), new Map()));
  return {
    allocatable: sum(({ allocatable }) => allocatable),
    requested: sum(({ requested }) => requested),
    available: sum(({ allocatable, requested }) => remaining(allocatable, requested)),
  };
}
