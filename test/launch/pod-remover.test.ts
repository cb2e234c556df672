import { expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.js';
import { seededRandom } from '../../src/core/random.js';
import { identityOf, PodRemover } from '../../src/launch/pod-remover.js';
import { FakeCluster } from '../../src/testing/index.js';
import { FINALIZER } from '../../src/wire/names.js';

it('leaves our finalizer on a pod that is not to go after all, since its end is still to be told', async () => {
  await using cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'none' });
  const client = cluster.kubeClient();
  const { clock } = cluster;
  const remover = new PodRemover({
    ...{ client, clock, random: seededRandom(1), logger: silentLogger, concurrency: 1 },
    onForbidden: () => {},
  });
  const spec = { containers: [{ name: 'base', image: 'x' }] };
  const seen = await client.createPod('default', { metadata: { name: 'a', finalizers: [FINALIZER] }, spec });
  await client.patchPod('default', 'a', { metadata: { annotations: { changed: 'since' } } });
  const asked: (string | undefined)[] = [];
  const isStillToGo = ({ metadata }: typeof seen) => {
    asked.push(metadata?.annotations?.changed);
    return false;
  };
  await remover.remove(identityOf(seen), { isStillToGo });
  expect(asked).toEqual(['since']);
  expect(cluster.pods()[0]?.metadata).toMatchObject({ finalizers: [FINALIZER] });
  expect(cluster.pods()[0]?.metadata?.deletionTimestamp).toBeUndefined();
  await remover.remove(identityOf(seen), { isStillToGo: () => true });
  expect(cluster.pods()).toEqual([]);
});
