/** Lists pods page by page, one at a time. */
import type { KubeList, KubeObject, Pod } from '../wire/types.js';
import type { ListOptions, PodReader } from './kube-client.js';

/** Options of {@link eachPod}. */
export type EachPodOptions = Omit<ListOptions, 'continue'>;

const DEFAULT_PAGE_SIZE = 500;

/** The objects of a list, whichever it is, fetched by pages as they are asked for. */
export async function* eachItem<T extends KubeObject>(
  fetchPage: (token: string | undefined) => Promise<KubeList<T>>,
): AsyncGenerator<T, void, undefined> {
  let token: string | undefined;
  do {
    const page = await fetchPage(token);
    yield* page.items;
    token = page.metadata.continue;
  } while (token !== undefined && token !== '');
}

/**
 * The pods of a scope, fetched by pages as they are asked for; breaking off the iteration fetches no more. All pages are of one
 * snapshot. Pages have 500 pods unless `limit` says otherwise.
 * @throws KubeApiError with status 410 where whoever iterates took so long (some five minutes) that the server has forgotten the snapshot.
 * @example
 * for await (const pod of eachPod(client, { namespace: 'jobs', labelSelector: 'team=etl' })) console.log(pod.metadata?.name);
 */
export function eachPod(
  client: Pick<PodReader, 'listPods'>,
  options: EachPodOptions = {},
): AsyncGenerator<Pod, void, undefined> {
  return eachItem((token) => client.listPods({ limit: DEFAULT_PAGE_SIZE, ...options, continue: token }));
}

/** Where pods are looked for; `undefined` among them stands for all namespaces. */
export type Namespaces = readonly (string | undefined)[];

/** The pods of several namespaces, one namespace after the other. */
export async function* eachPodIn(
  client: Pick<PodReader, 'listPods'>,
  namespaces: Namespaces,
  selectors: Omit<EachPodOptions, 'namespace'>,
): AsyncGenerator<Pod, void, undefined> {
  for (const namespace of namespaces) yield* eachPod(client, { ...selectors, namespace });
}
