import { describe, expect, it } from 'vitest';
import { ConfigError, type ConfigProblem } from '../../src/errors.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { resolveRetry } from '../../src/executors/kubernetes/retry-options.js';
import { FakeCluster } from '../../src/testing/index.js';

const fieldsOf = (options: unknown) => {
  const problems: ConfigProblem[] = [];
  resolveRetry(options as never, problems);
  return problems.map(({ field }) => field);
};

describe('options about launches', () => {
  it('have safe defaults', () => {
    expect(resolveRetry()).toMatchObject({
      budgets: { infra: 3, oom: 0, task: 0 },
      maxLaunches: 100,
      memory: { factor: 1.5, max: undefined },
      backoffs: { infra: { initialMs: 1_000, maxMs: 60_000, factor: 2 } },
    });
  });

  it.each([
    [{ infra: { max: -1 } }, 'retry.infra.max'],
    [{ task: { max: 1.5 } }, 'retry.task.max'],
    [{ infra: { backoff: { initial: 'soon' } } }, 'retry.infra.backoff.initial'],
    [{ infra: { backoff: { factor: 0.5 } } }, 'retry.infra.backoff.factor'],
    [{ oom: { memoryFactor: 0.5 } }, 'retry.oom.memoryFactor'],
    [{ oom: { maxMemory: 'lots' } }, 'retry.oom.maxMemory'],
    [{ maxLaunches: 0 }, 'retry.maxLaunches'],
    [{ afterInterruptions: { count: 0, overlay: {} } }, 'retry.afterInterruptions.count'],
    [{ afterInterruptions: { count: 1, overlay: [] } }, 'retry.afterInterruptions.overlay'],
    [{ rules: [{ action: 'retry' }] }, 'retry.rules[0]'],
    [{ rules: [{ action: 'again', onVerdicts: ['evicted'] }] }, 'retry.rules[0].action'],
    [{ rules: [{ action: 'fail', onExitCodes: { values: [0] } }] }, 'retry.rules[0].onExitCodes.values'],
    [
      { rules: [{ action: 'fail', onExitCodes: { values: [1], operator: 'in' } }] },
      'retry.rules[0].onExitCodes.operator',
    ],
    [{ rules: [{ action: 'fail', onVerdicts: ['evictd'] }] }, 'retry.rules[0].onVerdicts[0]'],
    [{ rules: [{ action: 'retry', onVerdicts: ['evicted'], budget: 'x' }] }, 'retry.rules[0].budget'],
  ])('%o is refused by its name', (options, field) => {
    expect(fieldsOf(options)).toEqual([field]);
  });

  it('are refused all at once, where the executor is built', async () => {
    const cluster = await FakeCluster.start({ clock: 'virtual', kubelet: 'scripted' });
    try {
      const build = () =>
        new KubernetesExecutor({
          kubeClient: cluster.kubeClient(),
          retry: { infra: { max: -1 } },
          sidecarFailure: 'no' as never,
          nodeLostFence: 'later',
          timeouts: { running: '1h' },
        });
      expect(build).toThrowError(ConfigError);
      expect(build).toThrowError(/retry\.infra\.max .*sidecarFailure .*nodeLostFence /);
      expect(
        () => new KubernetesExecutor({ kubeClient: cluster.kubeClient(), timeouts: { runing: 1 } as never }),
      ).toThrow(/timeouts\.runing is not a phase with a limit; known are queued, gated/);
    } finally {
      await cluster.stop();
    }
  });
});
