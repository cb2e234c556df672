/** What the server does not let be written though there is a right to it: a policy denies it, or a webhook changes what may not change. */
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS, FINALIZER, LABELS } from '../../src/wire/names.js';
import { call, PODS } from '../testing/call.js';
import { KubeKit, key, ours, work } from './kube-kit.js';

const kit = KubeKit.use();
const advance = (time: string) => kit.cluster.clock.advance(time);
/** As policies answer, and webhooks that name no code. */
const STATUSES = [422, 400];
const deny = (verb: 'delete' | 'patch', status: number) =>
  kit.cluster.faults.add({ verb, resource: 'pods', status, message: 'denied by a policy' });

describe.each(STATUSES)('what a policy denies with status %i', (status) => {
  it('is told, and made up for once it is allowed', async () => {
    const executor = await kit.connect({ trackWithFinalizer: true });
    const notices: string[] = [];
    executor.on('notice', ({ message }) => void notices.push(message));
    const allow = deny('patch', status);
    expect(await kit.ended(executor.queueTask(work({ duration: '5s' })))).toMatchObject({ state: 'success' });
    await advance('3m');
    expect(kit.cluster.pods()[0]?.metadata?.finalizers).toEqual([FINALIZER]);
    expect(notices).toEqual([expect.stringContaining('denied by a policy')]);
    allow();
    await advance('1m');
    expect(kit.cluster.pods()).toEqual([]);
  });

  it('does not make a program that runs one that nobody looks at', async () => {
    const executor = await kit.connect();
    executor.queueTask(work({ duration: '10h' }));
    await kit.cluster.when(ours).matched();
    const allow = deny('delete', status);
    const cancelling = executor.cancel(key());
    await advance('15m');
    expect(await cancelling).toMatchObject({ observed: 'unconfirmed' });
    expect(kit.cluster.pods()[0]?.metadata?.labels?.[LABELS.done]).toBeUndefined();
    allow();
    await advance('2m');
    expect(kit.cluster.pods()).toEqual([]);
  });
});

it.each(STATUSES)(
  'a relaunch that cannot have the name of its pod, denied with status %i, is told as failed',
  async (status) => {
    const executor = await kit.connectByClock({ lease: true });
    const run = executor.queueTask(work());
    await kit.cluster.when(ours).matched();
    const allow = deny('delete', status);
    await kit.cluster.when(ours).evict();
    await advance('1m');
    expect(await run.outcome).toMatchObject({ state: 'failed', launches: 1, verdict: { kind: 'evicted' } });
    allow();
    expect(kit.cluster.pods()[0]?.metadata?.labels).toMatchObject({ [LABELS.done]: 'true' });
  },
);

it('a relaunch that cannot have the name of its pod says on it what was told, for whoever comes next', async () => {
  const executor = await kit.connectByClock({ lease: true, acknowledge: 'manual' });
  const run = executor.queueTask(work());
  await kit.cluster.when(ours).matched();
  const allow = deny('delete', 422);
  await kit.cluster.when(ours).evict();
  await advance('1m');
  expect(await run.outcome).toMatchObject({ state: 'failed', verdict: { kind: 'evicted' } });
  expect(kit.cluster.pods()[0]?.metadata?.annotations).toMatchObject({ [ANNOTATIONS.verdict]: 'evicted' });
  allow();
});

describe('a pod that somebody keeps on its way out', () => {
  it('is not taken for the next launch, which has its name and waits for no longer than its time', async () => {
    const executor = await kit.connectByClock({ lease: true });
    const run = executor.queueTask(work());
    await kit.cluster.when(ours).matched();
    const path = `${PODS}/${kit.cluster.pods()[0]?.metadata?.name}`;
    const finalizers = [FINALIZER, 'example.com/keep'];
    await call(kit.cluster.transport(), 'PATCH', path, { metadata: { finalizers } }, 'application/merge-patch+json');
    await kit.cluster.when(ours).evict();
    await advance('30m');
    expect(executor.pending(key())).toMatchObject({ summary: expect.stringContaining('on its way out') });
    await advance('40m');
    expect(await run.outcome).toMatchObject({ state: 'failed', launches: 2, verdict: { kind: 'launch_failed' } });
    expect(kit.created()).toBe(1);
  });
});
