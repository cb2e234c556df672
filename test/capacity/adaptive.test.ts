import { describe, expect, test } from 'vitest';
import { adaptiveAllocation } from '../../src/capacity/adaptive-allocation.js';
import { AdaptiveRequests } from '../../src/capacity/adaptive-requests.js';
import { ConfigError } from '../../src/errors.js';
import type { Pod } from '../../src/wire/types.js';
import { KubeKit, work } from '../executors/kube-kit.js';

describe('adaptiveAllocation', () => {
  test('gives the tiers of the usual example by what is free', () => {
    const allocate = adaptiveAllocation();
    expect(allocate({ available_cpu: 5 })).toEqual({ cpu: '2', memory: '4Gi', priority: 'high' });
    expect(allocate({ availableCpu: 4 })).toEqual({ cpu: '1', memory: '2Gi', priority: 'medium' });
    expect(allocate({ total: { available: { cpu: 0, memory: 0 } } })).toEqual({
      cpu: '500m',
      memory: '1Gi',
      priority: 'low',
    });
  });

  test('takes tiers of one’s own, by memory too', () => {
    const allocate = adaptiveAllocation([
      { aboveCpu: 1, aboveMemory: '8Gi', cpu: '4', memory: '8Gi', priority: 'large' },
      { cpu: '1', memory: '1Gi', priority: 'small' },
    ]);
    expect(allocate({ availableCpu: 9, availableMemory: 2 ** 33 }).priority).toBe('small');
    expect(allocate({ availableCpu: 9, availableMemory: 2 ** 34 }).priority).toBe('large');
  });

  test('names every wrong field of a tier', () => {
    const tiers = [{ aboveCpu: -1, cpu: 'much', memory: '1Gi', priority: '' }];
    const error = (() => {
      try {
        adaptiveAllocation(tiers);
      } catch (caught) {
        return caught as ConfigError;
      }
    })();
    expect(error?.problems.map(({ field }) => field)).toEqual([
      'tiers[0].aboveCpu',
      'tiers[0].cpu',
      'tiers[0].priority',
    ]);
    expect(() => adaptiveAllocation([])).toThrow(ConfigError);
    expect(() => adaptiveAllocation([{ aboveCpu: 1, cpu: '1', memory: '1Gi', priority: 'x' }])).toThrow(/fit always/);
    expect(() => adaptiveAllocation()({} as never)).toThrow(/availableCpu/);
  });
});

describe('AdaptiveRequests', () => {
  const kit = KubeKit.use({ kubelet: 'scripted', nodes: [{ name: 'n', capacity: { cpu: '5' } }] });
  const requestsOf = (pod: Pod | undefined) => pod?.spec?.containers[0]?.resources?.requests;

  test('as an executor’s hook, each pod asks for what the ones before it have left', async () => {
    const { cluster } = kit;
    const adaptive = await AdaptiveRequests.start(cluster.kubeClient(), { clock: cluster.clock });
    const executor = await kit.connect({ mutatePod: adaptive.mutatePod });
    for (const taskId of ['a', 'b', 'c', 'd']) executor.queueTask(work({}, taskId));
    await cluster.clock.advanceUntil(() => cluster.pods().length === 4);
    expect(
      cluster
        .pods()
        .map((pod) => requestsOf(pod)?.cpu)
        .sort(),
    ).toEqual(['1', '2', '500m', '500m']);
    expect(kit.count('list', 'nodes')).toBe(1);
    adaptive.stop();
  });

  test('reads the cluster anew, and then counts from there', async () => {
    const { cluster } = kit;
    const adaptive = await AdaptiveRequests.start(cluster.kubeClient(), { clock: cluster.clock, refresh: '10s' });
    adaptive.mutatePod({ metadata: { name: 'p' }, spec: { containers: [{ name: 'base' }] } });
    expect(adaptive.next.priority).toBe('medium');
    await cluster.clock.advance('11s');
    expect(adaptive.next.priority).toBe('high');
    adaptive.stop();
    await cluster.clock.advance('1m');
    expect(kit.count('list', 'nodes')).toBe(2);
  });

  test('leaves pods alone that ask for something, unless told, and never goes above a limit', async () => {
    const { cluster } = kit;
    const pod = (): Pod => ({ spec: { containers: [{ name: 'base', resources: { limits: { cpu: '750m' } } }] } });
    const gentle = await AdaptiveRequests.start(cluster.kubeClient(), { clock: cluster.clock });
    expect(requestsOf(gentle.mutatePod(pod()))).toBeUndefined();
    const bold = await AdaptiveRequests.start(cluster.kubeClient(), { clock: cluster.clock, applies: () => true });
    expect(requestsOf(bold.mutatePod(pod()))).toEqual({ cpu: '750m', memory: '4Gi' });
    gentle.stop();
    bold.stop();
  });
});
