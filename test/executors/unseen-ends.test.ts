/** Pods that go while nobody watches. */
import { expect, it } from 'vitest';
import { KubeKit, key, work } from './kube-kit.js';

const kit = KubeKit.use({ kubelet: 'none' });
const advance = (time: string) => kit.cluster.clock.advance(time);

/** What happens while the watch is away, and its history is gone afterwards. */
async function unseen(change: () => Promise<unknown>): Promise<void> {
  const lists = kit.cluster.faults.add({ verb: 'list', resource: 'pods', status: 503 });
  const watches = kit.cluster.faults.add({ verb: 'watch', resource: 'pods', status: 503 });
  kit.cluster.dropWatches();
  await advance('5s');
  await change();
  kit.cluster.compact();
  lists();
  watches();
}
const remove = async () => {
  const { name = '' } = (await kit.onlyPod()).metadata ?? {};
  return kit.cluster.kubeClient().deletePod('default', name, { gracePeriodSeconds: 0 });
};

it('what was about to start on its node may have run, and is not run again', async () => {
  const run = (await kit.connect()).queueTask(work());
  await kit.play({ phase: 'Pending' }, 'n');
  await unseen(remove);
  const outcome = await kit.ended(run);
  expect(outcome).toMatchObject({
    state: 'failed',
    verdict: { kind: 'deleted_externally', blame: 'caller', mainStarted: undefined, confidence: 'guess' },
  });
  expect(kit.created()).toBe(1);
});

it('what had no node cannot have run, and is launched again', async () => {
  const executor = await kit.connect();
  executor.queueTask(work());
  await kit.onlyPod();
  await unseen(remove);
  await advance('2m');
  expect(executor.hasTask(key())).toBe(true);
  expect(kit.created()).toBe(2);
});
