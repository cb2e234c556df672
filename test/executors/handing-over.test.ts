/** Pods that go to another executor, and come back. */
import { describe, expect, it } from 'vitest';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { LABELS } from '../../src/wire/names.js';
import { lasting, ProcessKit } from './process-kit.js';

const kit = ProcessKit.use();

async function giveTo(label: string): Promise<void> {
  const client = new HttpKubeClient({ transport: kit.cluster.transport(), clock: kit.cluster.clock });
  const { namespace = '', name = '' } = kit.cluster.pods()[0]?.metadata ?? {};
  await client.patchPod(namespace, name, { metadata: { labels: { [LABELS.executorId]: label } } });
  await kit.cluster.clock.advance('5s');
}

describe('a pod that is given to another executor', () => {
  it('is let go of without a word, and followed again when it comes back', async () => {
    const { executor, outcomes } = await kit.started('a');
    executor.queueTask(lasting('60s'));
    await kit.cluster.clock.advance('5s');
    await giveTo('z');
    expect(executor.slotsOccupied).toBe(0);
    await giveTo('a');
    expect(executor.slotsOccupied).toBe(1);
    await kit.cluster.clock.advance('60s');
    expect(outcomes).toMatchObject([{ state: 'success', launches: 1 }]);
    await kit.cluster.clock.advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });
});
