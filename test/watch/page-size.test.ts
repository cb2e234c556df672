import { describe, expect, test } from 'vitest';
import { KubeApiError } from '../../src/errors.js';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import type { ListOptions } from '../../src/kube/kube-client.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { fetchAllPages } from '../../src/watch/list-pages.js';
import { nextPageSize, PageFetcher } from '../../src/watch/page-size.js';
import { pod } from './watch-kit.js';

const MB = 1024 * 1024;
const next = (cost: Partial<Parameters<typeof nextPageSize>[0]>, largest = 500) =>
  nextPageSize({ limit: 400, items: 400, bytes: 2 * MB, tookMs: 100, ...cost }, largest);

describe('the size of a page', () => {
  test('stays as large as it may be while pages are light and quick', () => {
    expect(next({ limit: 500, items: 500 })).toBe(500);
    expect(next({ limit: 100, items: 100, bytes: 0.5 * MB })).toBe(400);
  });

  test('falls to what fits into a few megabytes, and into a second', () => {
    expect(next({ bytes: 8 * MB })).toBe(200);
    expect(next({ tookMs: 2_000 })).toBe(200);
    expect(next({ bytes: 8 * MB, items: 200 })).toBe(100);
  });

  test('never changes by more than four times, nor below ten, and says nothing after a few pods', () => {
    expect(next({ bytes: 4_000 * MB })).toBe(100);
    expect(next({ limit: 12, items: 12, tookMs: 60_000 })).toBe(10);
    expect(next({ items: 3, tookMs: 60_000 })).toBe(400);
  });
});

describe('fetching pages', () => {
  function fetcher(answer: (options: ListOptions, count: number) => Promise<number>) {
    const clock = new VirtualClock();
    const asked: (number | undefined)[] = [];
    const listPods = async (options: ListOptions = {}) => {
      asked.push(options.limit);
      const bytes = await answer(options, asked.length);
      options.onSize?.(bytes);
      const items = Array.from({ length: options.limit ?? 0 }, (_, index) => pod(`p${index}`, 1));
      return { items, metadata: { resourceVersion: '9', continue: asked.length < 4 ? `t${asked.length}` : '' } };
    };
    return { clock, asked, pages: new PageFetcher({ listPods }, clock, 500) };
  }

  test('asks for fewer pods after a heavy page, and for more again after a light one', async () => {
    const weights = [16, 1, 1, 1];
    const { asked, pages } = fetcher(async (_, count) => (weights[count - 1] ?? 0) * MB);
    await fetchAllPages(pages, {}, (item) => item);
    expect(asked).toEqual([500, 125, 500, 500]);
  });

  test('asks for fewer after one that took long', async () => {
    const { clock, asked, pages } = fetcher(async (_, count) => {
      if (count === 1) await clock.advance(4_000);
      return 0;
    });
    await fetchAllPages(pages, {}, (item) => item);
    expect(asked).toEqual([500, 125, 500, 500]);
  });

  test('asks for fewer after one that did not come through, so that the next one may', async () => {
    const { asked, pages } = fetcher(async (_, count) => {
      if (count === 1) throw new KubeApiError('too slow', { status: 0, reason: 'Timeout' });
      if (count === 2) throw new KubeApiError('refused', { status: 403, reason: 'Forbidden' });
      return 4 * MB;
    });
    await expect(pages.fetch({}, undefined)).rejects.toThrow('too slow');
    await expect(pages.fetch({}, undefined)).rejects.toThrow('refused');
    await pages.fetch({}, undefined);
    expect(asked).toEqual([500, 125, 125]);
  });

  test('learns from the client what a page weighs', async () => {
    const cluster = await FakeCluster.start({ kubelet: 'none', listen: false });
    const client = new HttpKubeClient({ transport: cluster.transport() });
    const sizes: number[] = [];
    await client.listPods({ onSize: (bytes) => sizes.push(bytes) });
    const annotations = { filler: 'x'.repeat(10_000) };
    await client.createPod('default', {
      metadata: { name: 'a', annotations },
      spec: { containers: [{ name: 'base', image: 'x' }] },
    });
    await client.listPods({ onSize: (bytes) => sizes.push(bytes) });
    expect((sizes[1] ?? 0) - (sizes[0] ?? 0)).toBeGreaterThan(10_000);
    await client.close();
    await cluster.stop();
  });
});
