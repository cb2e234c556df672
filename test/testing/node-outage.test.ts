import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster, PodPlayer, type VirtualClock } from '../../src/testing/index.js';
import type { Node, Pod } from '../../src/wire/types.js';
import { call, HANG, PODS, pod } from './call.js';

describe('a node that is lost and comes back', () => {
  let cluster: FakeCluster<VirtualClock>;
  let player: PodPlayer;
  beforeEach(async () => {
    cluster = await FakeCluster.start({ seed: 1, clock: 'virtual', kubelet: 'none' });
    player = await PodPlayer.start({ transport: cluster.transport(), clock: cluster.clock });
  });
  afterEach(async () => {
    player.stop();
    await cluster.stop();
  });

  const send = (method: 'POST' | 'DELETE', path: string, body?: object) =>
    call(cluster.transport(), method, path, body);
  const names = () => cluster.pods().map(({ metadata }) => metadata?.name);
  const ready = async () => {
    const node = (await call(cluster.transport(), 'GET', '/api/v1/nodes/node-1')).json as Node;
    return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  };
  /** A pod that takes its time to end. */
  const begin = async () => {
    await send('POST', PODS, pod('a', {}, { ...HANG, 'testing.podwright.dev/stop-delay': '10s' }));
    await cluster.clock.advance('2s');
    expect((cluster.pods()[0] as Pod).status?.phase).toBe('Running');
  };

  it('goes on removing a pod whose end it had begun before it was lost', async () => {
    await begin();
    await send('DELETE', `${PODS}/a`);
    await cluster.clock.advance('5s');
    player.loseNode('node-1');
    await cluster.clock.advance('20s');
    expect(names()).toEqual(['a']);
    await player.recoverNode('node-1');
    await cluster.clock.advance('20s');
    expect(names()).toEqual([]);
  });

  it('is silent for the whole time before it counts as lost, however lately it was lost before', async () => {
    player.loseNode('node-1');
    await cluster.clock.advance('30s');
    await player.recoverNode('node-1');
    player.loseNode('node-1');
    await cluster.clock.advance('35s');
    expect(await ready()).toBe('True');
    await cluster.clock.advance('5s');
    expect(await ready()).toBe('Unknown');
  });

  it('keeps its pods for their whole time, however lately it was lost before', async () => {
    await begin();
    player.loseNode('node-1');
    await cluster.clock.advance('5m');
    await player.recoverNode('node-1');
    player.loseNode('node-1');
    await cluster.clock.advance('60s');
    expect((cluster.pods()[0] as Pod).metadata?.deletionTimestamp).toBeUndefined();
  });
});
