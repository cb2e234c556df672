import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.js';
import { KubeApiError } from '../../src/errors.js';
import { PodLauncher } from '../../src/launch/pod-launcher.js';
import { VirtualClock } from '../../src/testing/index.js';
import { ANNOTATIONS } from '../../src/wire/names.js';
import type { Pod } from '../../src/wire/types.js';

const POD: Pod = {
  metadata: {
    namespace: 'jobs',
    name: 'a',
    annotations: { [ANNOTATIONS.key]: JSON.stringify({ dagId: 'd', taskId: 't', runId: 'r' }) },
  },
};
const LOST = new KubeApiError('no answer', { status: 0, retryable: true });

describe('PodLauncher', () => {
  let clock: VirtualClock;
  let stop: AbortController;
  let pods: Pod[];
  let creates: number;
  let onCreate: () => void;
  let launcher: PodLauncher;

  beforeEach(() => {
    clock = new VirtualClock();
    stop = new AbortController();
    pods = [];
    creates = 0;
    onCreate = () => {};
    const client = {
      async createPod(_namespace: string, pod: Pod) {
        creates += 1;
        pods.push(pod);
        onCreate();
        return pod;
      },
      readPod: async () => pods[0],
    };
    launcher = new PodLauncher({
      client: client as never,
      clock,
      random: seededRandom(1),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      concurrency: 1,
      maxRetries: 3,
      createTimeoutMs: undefined,
      quotaTimeoutMs: 60_000,
    });
  });

  const waits: string[] = [];
  const launch = (isStillWanted: () => boolean | Promise<boolean> = () => true) =>
    launcher.launch({ pod: POD, signal: stop.signal, isStillWanted, onWait: (reason) => waits.push(reason) });
  const losesAnswers = () => {
    onCreate = () => {
      throw LOST;
    };
  };

  it('finds the pod of a create that lost its answer, where the task is stopped while the next one waits for its turn', async () => {
    losesAnswers();
    const launched = launch(() => {
      if (creates === 1) stop.abort();
      return true;
    });
    await clock.advance('10s');
    expect(await launched).toEqual({ type: 'cancelled', pod: POD });
    expect(creates).toBe(1);
  });

  it('follows the pod of a create that lost its answer, where the task is not wanted any more', async () => {
    losesAnswers();
    const launched = launch(() => creates === 0);
    await clock.advance('10s');
    expect(await launched).toEqual({ type: 'existing', pod: POD });
    expect(creates).toBe(1);
  });

  it('asks again where the host cannot say whether a task is wanted', async () => {
    const answers = [
      () => Promise.reject(new Error('the database is away')),
      () => {
        throw new Error('still');
      },
    ];
    const launched = launch(() => answers.shift()?.() ?? true);
    await clock.advance('10s');
    expect(await launched).toMatchObject({ type: 'created' });
    expect(waits).toContain('isStillWanted did not answer: the database is away');
  });

  it('gives up in the end where the host never can', async () => {
    const launched = launch(() => Promise.reject(new Error('the database is away')));
    await clock.advance('10m');
    expect(await launched).toMatchObject({
      type: 'failed',
      verdict: {
        kind: 'launch_failed',
        message: expect.stringContaining('in 4 attempts: isStillWanted did not answer'),
      },
    });
    expect(creates).toBe(0);
  });

  it('waits for an answer no longer than 30 seconds, nor for that of a task that is stopped', async () => {
    const silent = new Promise<boolean>(() => {});
    let asked = 0;
    const slow = launch(() => {
      asked += 1;
      return asked === 1 ? silent : true;
    });
    await clock.advance('40s');
    expect(await slow).toMatchObject({ type: 'created' });
    const stopped = launch(() => silent);
    await clock.advance('1s');
    stop.abort();
    await clock.advance(0);
    expect(await stopped).toEqual({ type: 'cancelled', pod: undefined });
  });
});
