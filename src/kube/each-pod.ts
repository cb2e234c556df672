/** Lists pods page by page, one at a time. */
import type { Pod } from '../wire/types.js';
import type { ListOptions, PodReader } from './kube-client.js';

/** Options of {@link eachPod}. */
export type EachPodOptions = Omit<ListOptions, 'continue'>;

const DEFAULT_PAGE_SIZE = 500;

/**
 * The pods of a scope, fetched by pages as they are asked for; breaking off the iteration fetches no more. All pages are of one
 * snapshot. Pages have 500 pods unless `limit` says otherwise.
 * @throws KubeApiError with status 410 where whoever iterates took so long (some five minutes) that the server has forgotten the snapshot.
 * @example
 * for await (const pod of eachPod(client, { namespace: 'jobs', labelSelector: 'team=etl' })) console.log(pod.metadata?.name);
 */
export async function* eachPod(
  client: Pick<PodReader, 'listPods'>,
  options: EachPodOptions = {},
): AsyncGenerator<Pod, void, undefined> {
  let token: string | undefined;
  do {
    const page = await client.listPods({ limit: DEFAULT_PAGE_SIZE, ...options, continue: token });
    yield* page.items;
    token = page.metadata.continue;
  } while (token !== undefined && token !== '');
}
