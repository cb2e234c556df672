/** Fetches a list page by page. */
import { KubeApiError } from '../errors.js';
import type { Pod } from '../wire/types.js';
import type { PageFetcher, PageScope } from './page-size.js';

/** Which pods. */
export type ListPagesOptions = Omit<PageScope, 'resourceVersion' | 'resourceVersionMatch'>;

/** How often a list whose snapshot ran out under it is begun anew. */
const MAX_RESTARTS = 3;

/**
 * All pages of one snapshot. A snapshot that is lost in the middle (410) is never mixed with another: the list begins anew, at most
 * three times.
 * @throws KubeApiError
 */
export async function fetchAllPages(
  pages: Pick<PageFetcher, 'fetch'>,
  options: ListPagesOptions,
  transform: (pod: Pod) => Pod,
): Promise<{ readonly items: Pod[]; readonly resourceVersion: string }> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      const items: Pod[] = [];
      let token: string | undefined;
      for (;;) {
        const page = await pages.fetch(options, token);
        for (const item of page.items) items.push(transform(item));
        token = page.metadata.continue;
        if (token === undefined || token === '') return { items, resourceVersion: page.metadata.resourceVersion ?? '' };
      }
    } catch (error) {
      if (!(error instanceof KubeApiError) || error.status !== 410 || restarts >= MAX_RESTARTS) throw error;
    }
  }
}
