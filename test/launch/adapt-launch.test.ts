import { describe, expect, it } from 'vitest';
import { adaptLaunch, decodeTimeouts, encodeTimeouts, grownMemory } from '../../src/launch/adapt-launch.js';
import { NOTHING_SPENT } from '../../src/lifecycle/policy.js';
import type { Pod } from '../../src/wire/types.js';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'n', labels: { own: 'yes' }, annotations: { 'podwright.dev/key': '{}' } },
  spec: {
    containers: [
      { name: 'proxy', resources: { limits: { memory: '64Mi' } } },
      { name: 'base', resources: { limits: { memory: '1Gi', cpu: '1' }, requests: { memory: '512Mi' } } },
    ],
    nodeSelector: { pool: 'spot' },
  },
};
const adapt = (parts: object) =>
  adaptLaunch(pod, {
    spent: NOTHING_SPENT,
    timeouts: undefined,
    memory: { factor: 1.5, max: undefined },
    afterInterruptions: undefined,
    ...parts,
  });

describe('the pod of a launch', () => {
  it('is the generated one where nothing was spent', () => {
    expect(adapt({})).toBe(pod);
  });

  it('has more memory for the base container after each out-of-memory', () => {
    const grown = adapt({ spent: { infra: 0, oom: 2, task: 0 } });
    expect(grown.spec?.containers[1]?.resources).toEqual({
      limits: { memory: '2304Mi', cpu: '1' },
      requests: { memory: '1152Mi' },
    });
    expect(grown.spec?.containers[0]).toEqual(pod.spec?.containers[0]);
    expect(pod.spec?.containers[1]?.resources?.limits?.memory).toBe('1Gi');
  });

  it.each([
    ['1Gi', 1, { factor: 2, max: undefined }, '2Gi'],
    ['1Gi', 3, { factor: 2, max: '5Gi' }, '5Gi'],
    ['6Gi', 1, { factor: 2, max: '5Gi' }, '6Gi'],
    ['100M', 1, { factor: 1.5, max: undefined }, '144Mi'],
    ['1000', 1, { factor: 1.5, max: undefined }, '1500'],
    ['1Gi', 1, { factor: 1, max: undefined }, '1Gi'],
    ['lots', 1, { factor: 2, max: undefined }, 'lots'],
  ])('%s grown %s times by %o is %s', (quantity, times, growth, expected) => {
    expect(grownMemory(quantity, times, growth)).toBe(expected);
  });

  it('takes an overlay after so many interruptions, and keeps its identity', () => {
    const overlay = {
      metadata: { name: 'other', namespace: 'other', labels: { own: 'no', more: 'x' } },
      spec: { nodeSelector: { pool: 'on-demand' } },
    };
    const afterInterruptions = { count: 2, overlay };
    expect(adapt({ afterInterruptions, spent: { infra: 1, oom: 0, task: 0 } })).toBe(pod);
    const moved = adapt({ afterInterruptions, spent: { infra: 2, oom: 0, task: 0 } });
    expect(moved.spec?.nodeSelector).toEqual({ pool: 'on-demand' });
    expect(moved.metadata).toEqual({ ...pod.metadata, labels: { own: 'yes', more: 'x' } });
    expect(moved.spec?.containers).toEqual(pod.spec?.containers);
  });

  it('carries the limits of its task, so that whoever adopts it knows them', () => {
    const timeouts = { running: 60_000, queued: Number.POSITIVE_INFINITY };
    const annotations = adapt({ timeouts }).metadata?.annotations;
    expect(annotations).toEqual({ 'podwright.dev/key': '{}', 'podwright.dev/timeouts': 'running=60000,queued=inf' });
    expect(decodeTimeouts(encodeTimeouts(timeouts))).toEqual(timeouts);
    expect(decodeTimeouts('running=x,,broken=-1')).toEqual({});
    expect(decodeTimeouts(undefined)).toBeUndefined();
  });
});
