/** Adaptive allocation as an executor's hook: each pod asks for what is free when it is launched. */
import { type Clock, systemClock } from '../core/clock.js';
import { type Duration, durationMs } from '../core/duration.js';
import { type Logger, silentLogger } from '../core/logger.js';
import { baseContainerName } from '../lifecycle/observation.js';
import { amountsOf, podRequests } from '../wire/pod-requests.js';
import type { Container, Pod } from '../wire/types.js';
import { type Allocation, type AllocationTier, checkTiers, DEFAULT_TIERS, tierFor } from './adaptive-allocation.js';
import { type CapacityClient, ClusterResources, type ReadResourcesOptions } from './cluster-resources.js';

/** Options of {@link AdaptiveRequests.start}. */
export interface AdaptiveRequestsOptions extends Pick<ReadResourcesOptions, 'namespaces'> {
  /** Tiers; the first whose bounds are below what is free counts. @default two cores above four, one above two, half a one otherwise */
  readonly tiers?: readonly AllocationTier[] | undefined;
  /** How often the cluster is read anew. Pods of this executor that were launched since are taken off what was free. @default '30s' */
  readonly refresh?: Duration | undefined;
  /** Which pods are changed. @default those whose base container asks for neither CPU nor memory */
  readonly applies?: ((pod: Pod) => boolean) | undefined;
  /** Source of time. @default the machine's */
  readonly clock?: Clock | undefined;
  /** Told when the cluster cannot be read; what was last known then counts on. @default silent */
  readonly logger?: Logger | undefined;
}

const baseOf = (pod: Pod): Container | undefined =>
  pod.spec?.containers.find(({ name }) => name === baseContainerName(pod));

function asksForNothing(pod: Pod): boolean {
  const { requests, limits } = baseOf(pod)?.resources ?? {};
  return [requests, limits].every((amounts) => amounts?.cpu === undefined && amounts?.memory === undefined);
}

/** A request never above the limit that stands beside it. */
function withinLimit(name: string, request: string, limits: Readonly<Record<string, string>> | undefined): string {
  const limit = limits?.[name];
  const [asked, most] = [amountsOf({ [name]: request }).get(name), amountsOf({ [name]: limit }).get(name)];
  return limit !== undefined && asked !== undefined && most !== undefined && most < asked ? limit : request;
}

/**
 * Keeps in view what is free and gives it out to pods; hand {@link AdaptiveRequests.mutatePod} to the executor.
 * @example
 * const adaptive = await AdaptiveRequests.start(client);
 * const executor = new KubernetesExecutor({ kubeClient: client, mutatePod: adaptive.mutatePod });
 */
export class AdaptiveRequests {
  readonly #client: CapacityClient;
  readonly #options: AdaptiveRequestsOptions;
  readonly #tiers: readonly AllocationTier[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #refreshMs: number;
  readonly #stop = new AbortController();
  #resources: ClusterResources;
  /** Names of pods that were given something since the last reading, with what they took. */
  #given = new Map<string, { readonly cpu: number; readonly memory: number }>();
  #cancelTimer = () => {};

  private constructor(client: CapacityClient, resources: ClusterResources, options: AdaptiveRequestsOptions) {
    this.#client = client;
    this.#resources = resources;
    this.#options = options;
    this.#tiers = options.tiers ?? DEFAULT_TIERS;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#refreshMs = durationMs(options.refresh ?? '30s', 'refresh');
    this.#schedule();
  }

  /**
   * Reads the cluster, and from then on every `refresh`, until `stop()`.
   * @throws ConfigError where an option is wrong.
   * @throws KubeApiError where the cluster cannot be read.
   */
  static async start(client: CapacityClient, options: AdaptiveRequestsOptions = {}): Promise<AdaptiveRequests> {
    checkTiers(options.tiers ?? DEFAULT_TIERS);
    durationMs(options.refresh ?? '30s', 'refresh');
    const { namespaces } = options;
    return new AdaptiveRequests(client, await ClusterResources.read(client, { namespaces }), options);
  }

  /** What was read last. */
  get resources(): ClusterResources {
    return this.#resources;
  }

  /** What the next pod would get. */
  get next(): Allocation {
    const { cpu = 0, memory = 0 } = this.#resources.total.available;
    let free = { cpu, memory };
    for (const taken of this.#given.values()) free = { cpu: free.cpu - taken.cpu, memory: free.memory - taken.memory };
    return tierFor(this.#tiers, free);
  }

  /** The hook: gives the base container requests. Bound, so that it can be handed over as it is. */
  readonly mutatePod = (pod: Pod): Pod => {
    const { applies = asksForNothing } = this.#options;
    const base = baseOf(pod);
    if (base === undefined || !applies(pod)) return pod;
    const name = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
    // The same pod may be built several times; it takes its share once.
    this.#given.delete(name);
    const { cpu, memory } = this.next;
    const limits = base.resources?.limits;
    const requests = {
      ...base.resources?.requests,
      cpu: withinLimit('cpu', cpu, limits),
      memory: withinLimit('memory', memory, limits),
    };
    base.resources = { ...base.resources, requests };
    const taken = podRequests(pod);
    const inUnits = (resource: string) => Number(taken.get(resource) ?? 0n) / 1e9;
    this.#given.set(name, { cpu: inUnits('cpu'), memory: inUnits('memory') });
    return pod;
  };

  /** Reads no more; the hook goes on with what was read last. */
  stop(): void {
    this.#stop.abort(new Error('the cluster is not read any more'));
    this.#cancelTimer();
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return;
    this.#cancelTimer = this.#clock.schedule(this.#refreshMs, () => void this.#refresh());
  }

  async #refresh(): Promise<void> {
    const before = new Set(this.#given.keys());
    const { namespaces } = this.#options;
    try {
      this.#resources = await ClusterResources.read(this.#client, { namespaces, signal: this.#stop.signal });
      // What was given while the cluster was being read may not be in the reading.
      for (const name of before) this.#given.delete(name);
    } catch (error) {
      if (!this.#stop.signal.aborted)
        this.#logger.warn({ err: error }, 'what is free in the cluster could not be read');
    }
    this.#schedule();
  }
}
