import { expect, it } from 'vitest';
import { HttpKubeClient } from '../../src/kube/http-kube-client.js';
import { FakeCluster } from '../../src/testing/index.js';

it('answers a patch with the metadata alone where no more is asked for', async () => {
  const cluster = await FakeCluster.start({ kubelet: 'none', listen: false });
  const client = new HttpKubeClient({ transport: cluster.transport() });
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'base', image: 'x' }] } };
  const made = await client.createPod('default', pod);
  const patch = { metadata: { labels: { owner: 'me' } } };
  const answer = await client.patchPod('default', 'p', patch, { answer: 'metadata' });
  expect(answer).toMatchObject({
    kind: 'PartialObjectMetadata',
    metadata: { uid: made.metadata?.uid, ...patch.metadata },
  });
  expect(answer.metadata?.resourceVersion).not.toBe(made.metadata?.resourceVersion);
  expect(answer.spec).toBeUndefined();
  expect((await client.patchPod('default', 'p', patch)).spec?.containers).toHaveLength(1);
  await client.close();
  await cluster.stop();
});
