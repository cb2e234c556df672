/** How many pods to ask for at a time: as many as the server sends in a second, and as fit into a few megabytes. */
import type { Clock } from '../core/clock.js';
import { KubeApiError } from '../errors.js';
import type { ListOptions, PodReader } from '../kube/kube-client.js';
import type { KubeList, Pod } from '../wire/types.js';

/** What a page has cost. */
export interface PageCost {
  /** How many were asked for. */
  readonly limit: number;
  /** How many came. */
  readonly items: number;
  /** Size of the page; 0 where the client does not tell. */
  readonly bytes: number;
  /** From the request to the last pod. */
  readonly tookMs: number;
}

/** So much is parsed and held at a time. */
const GOAL_BYTES = 4 * 1024 * 1024;
/** A page has to stay far below the limit of an attempt, else a slow line would never get through it. */
const GOAL_MS = 1_000;
/** One odd page changes the size by no more than this. */
const MOST_CHANGE = 4;
const SMALLEST = 10;

/** The size of the page after one that cost so much; never above `largest`. */
export function nextPageSize({ limit, items, bytes, tookMs }: PageCost, largest: number): number {
  // A page with a handful of pods says nothing about a full one.
  if (items < Math.min(limit, SMALLEST)) return limit;
  const share = items / limit;
  const ratio = share * Math.min(GOAL_BYTES / Math.max(1, bytes), GOAL_MS / Math.max(1, tookMs));
  const wanted = Math.floor(limit * Math.min(MOST_CHANGE, Math.max(1 / MOST_CHANGE, ratio)));
  return Math.min(largest, Math.max(SMALLEST, wanted));
}

/** Which pods. */
export type PageScope = Omit<ListOptions, 'limit' | 'continue' | 'onSize'>;

/** Fetches pages, each of the size that the one before has shown to be right. */
export class PageFetcher {
  readonly #client: Pick<PodReader, 'listPods'>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #largest: number;
  #limit: number;

  constructor(client: Pick<PodReader, 'listPods'>, clock: Pick<Clock, 'monotonic'>, largest: number) {
    this.#client = client;
    this.#clock = clock;
    this.#largest = largest;
    this.#limit = largest;
  }

  /** A page. @throws KubeApiError */
  async fetch(scope: PageScope, token: string | undefined): Promise<KubeList<Pod>> {
    const limit = this.#limit;
    const startedAt = this.#clock.monotonic();
    let bytes = 0;
    const onSize = (size: number) => {
      bytes = size;
    };
    try {
      const page = await this.#client.listPods({ ...scope, limit, continue: token, onSize });
      const tookMs = this.#clock.monotonic() - startedAt;
      this.#limit = nextPageSize({ limit, items: page.items.length, bytes, tookMs }, this.#largest);
      return page;
    } catch (error) {
      // No answer, or none in time: less of it may come through.
      if (error instanceof KubeApiError && error.status === 0)
        this.#limit = Math.min(limit, Math.max(SMALLEST, Math.floor(limit / MOST_CHANGE)));
      throw error;
    }
  }
}
