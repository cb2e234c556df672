import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/index.js';
import type { ClusterApi } from '../../src/testing/kubelet/cluster-api.js';
import { PodScheduler } from '../../src/testing/kubelet/pod-scheduler.js';
import type { Pod } from '../../src/wire/types.js';

describe('the scheduler between its decision and the binding', () => {
  let clock: VirtualClock;
  let scheduler: PodScheduler;
  let bound: string[];
  /** Answers of the server to bindings, in order; while there is none it does not answer. */
  let answers: boolean[];
  beforeEach(() => {
    clock = new VirtualClock();
    bound = [];
    answers = [];
    const api = {
      bind: ({ metadata }: Pod, node: string) => {
        bound.push(`${metadata?.name} ${node}`);
        const answer = answers.shift();
        return answer === undefined ? new Promise<boolean>(() => {}) : Promise.resolve(answer);
      },
      patchStatus: () => Promise.resolve(true),
    } as unknown as ClusterApi;
    const { signal } = new AbortController();
    scheduler = new PodScheduler({ api, clock, events: undefined, schedulerName: 'default-scheduler', signal });
    for (const name of ['one', 'two']) {
      const allocatable = { pods: '1', cpu: '1' };
      scheduler.onNode({ metadata: { name }, status: { allocatable } }, false);
    }
  });

  const pod = (name: string, nodeName?: string): Pod => ({
    metadata: { name, namespace: 'default', uid: name },
    spec: {
      ...(nodeName === undefined ? {} : { nodeName }),
      containers: [{ name: 'base', resources: { requests: { cpu: '1' } } }],
    },
  });

  it('decides once, however often it hears of the pod', () => {
    scheduler.onPod(pod('a'), false);
    scheduler.onPod(pod('a'), false);
    expect(bound).toEqual(['a one']);
    scheduler.onPod(pod('b'), false);
    expect(bound).toEqual(['a one', 'b two']);
  });

  it('gives the room of a pod that somebody else has bound elsewhere', () => {
    scheduler.onPod(pod('a'), false);
    scheduler.onPod(pod('a', 'two'), false);
    scheduler.onPod(pod('b'), false);
    expect(bound).toEqual(['a one', 'b one']);
  });

  it('gives the room of a pod that is gone before it was bound', () => {
    for (const name of ['a', 'b', 'c']) scheduler.onPod(pod(name), false);
    scheduler.onPod(pod('b'), true);
    expect(bound).toEqual(['a one', 'b two', 'c two']);
  });

  it('tries again, after a while, where the server refuses', async () => {
    answers = [false, true];
    scheduler.onPod(pod('a'), false);
    await clock.advance('4s');
    expect(bound).toEqual(['a one']);
    scheduler.onPod(pod('b'), false);
    expect(bound).toEqual(['a one', 'b one']);
    await clock.advance('1s');
    expect(bound).toEqual(['a one', 'b one', 'a two']);
  });

  it('tries one of many pods that are alike when room is given back, and each that is not', () => {
    const first = pod('first');
    scheduler.onPod(first, false);
    scheduler.onPod(pod('second'), false);
    let reads = 0;
    const counted = (name: string, cpu: string): Pod => {
      const { metadata } = pod(name);
      const spec = { containers: [{ name: 'base', resources: { requests: { cpu } } }] };
      return {
        metadata: metadata ?? {},
        get spec() {
          reads++;
          return spec;
        },
      };
    };
    for (let index = 0; index < 500; index++) scheduler.onPod(counted(`big-${index}`, '2'), false);
    scheduler.onPod(counted('small', '1'), false);
    bound = [];
    reads = 0;
    scheduler.onPod(first, true);
    expect(bound).toEqual(['small one']);
    expect(reads).toBeLessThan(100);
  });
});
