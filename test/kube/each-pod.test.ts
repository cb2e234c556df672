import { expect, test } from 'vitest';
import { eachPod } from '../../src/kube/each-pod.js';
import type { ListOptions } from '../../src/kube/kube-client.js';

const asked: ListOptions[] = [];
const client = {
  async listPods(options: ListOptions = {}) {
    asked.push(options);
    const page = Number(options.continue ?? '0');
    return {
      metadata: { continue: page < 2 ? String(page + 1) : '' },
      items: [{ metadata: { name: `a${page}` } }, { metadata: { name: `b${page}` } }],
    };
  },
};

test('gives pods page by page, and fetches no page that nobody asks for', async () => {
  const names: (string | undefined)[] = [];
  for await (const { metadata } of eachPod(client, { namespace: 'ns' })) names.push(metadata?.name);
  expect(names).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2']);
  expect(asked).toHaveLength(3);
  expect(asked[1]).toMatchObject({ namespace: 'ns', limit: 500, continue: '1' });
  for await (const { metadata } of eachPod(client, { limit: 2 })) if (metadata?.name === 'b0') break;
  expect(asked).toHaveLength(4);
});
