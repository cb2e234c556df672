import { describe, expect, it } from 'vitest';
import { VERDICT_KINDS } from '../../src/core/verdict.js';
import { endOf, vanishedVerdict } from '../../src/lifecycle/classify.js';
import { observe } from '../../src/lifecycle/observation.js';
import { KIND_FACTS } from '../../src/lifecycle/verdict-kinds.js';
import type { Pod, PodStatus } from '../../src/wire/types.js';
import { base, disrupted, exited, pod, runs, statuses, waits } from './pods.js';

const end = (status: PodStatus, parts: Partial<Pod> = {}) => endOf(observe(pod(status, parts)));
const failed = (...parts: Parameters<typeof end>) => {
  const result = end(...parts);
  if (result?.result !== 'failed') throw new Error(`expected a failure, got ${JSON.stringify(result)}`);
  return result.verdict;
};
const withSidecar = { spec: { restartPolicy: 'Never', containers: [{ name: 'base' }, { name: 'proxy' }] } };

describe('how a pod ended', () => {
  it.each([
    ['an exit code', { phase: 'Failed', containerStatuses: base(exited(3)) }, 'app_exit', 'task', true],
    [
      'out of memory',
      { phase: 'Failed', containerStatuses: base(exited(137, 'OOMKilled')) },
      'oom_killed',
      'task',
      true,
    ],
    [
      'exit 137 without a reason',
      { phase: 'Failed', containerStatuses: base(exited(137)) },
      'killed_signal',
      'task',
      true,
    ],
    ['SIGTERM', { phase: 'Failed', containerStatuses: base(exited(143)) }, 'killed_signal', 'task', true],
    [
      'an eviction by the kubelet',
      { phase: 'Failed', reason: 'Evicted', message: 'low on memory' },
      'evicted',
      'infra',
      false,
    ],
    ['a rejection by the kubelet', { phase: 'Failed', reason: 'OutOfcpu' }, 'kubelet_rejected', 'infra', false],
    ['another rejection', { phase: 'Failed', reason: 'NodeAffinity' }, 'kubelet_rejected', 'infra', false],
    [
      'a node that shut down',
      { phase: 'Failed', reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' },
      'node_shutdown',
      'infra',
      false,
    ],
    ['a lost node', { phase: 'Failed', reason: 'NodeLost' }, 'node_lost', 'infra', false],
    ["the pod's own deadline", { phase: 'Failed', reason: 'DeadlineExceeded' }, 'deadline.running', 'task', false],
    [
      'a preemption',
      { phase: 'Failed', conditions: [disrupted('PreemptionByScheduler')], containerStatuses: base(exited(143)) },
      'preempted',
      'infra',
      true,
    ],
    [
      'an eviction through the API',
      { phase: 'Failed', conditions: [disrupted('EvictionByEvictionAPI')], containerStatuses: base(exited(137)) },
      'api_eviction',
      'infra',
      true,
    ],
    [
      'a taint manager',
      { phase: 'Failed', conditions: [disrupted('DeletionByTaintManager')] },
      'node_lost',
      'infra',
      false,
    ],
    [
      'a kubelet under pressure',
      { phase: 'Failed', conditions: [disrupted('TerminationByKubelet', 'The node was low on resource: memory.')] },
      'evicted',
      'infra',
      false,
    ],
    [
      'a program that is not there',
      {
        phase: 'Failed',
        containerStatuses: base(
          exited(128, 'StartError', {
            message: 'exec: "x": executable file not found in $PATH',
            startedAt: '1970-01-01T00:00:00Z',
          }),
        ),
      },
      'spawn_failed',
      'config',
      false,
    ],
    [
      'a container that cannot start',
      { phase: 'Failed', containerStatuses: base(exited(128, 'ContainerCannotRun', { message: 'cgroup error' })) },
      'container_create_failed',
      'infra',
      false,
    ],
    ['nothing at all', { phase: 'Failed' }, 'unknown', 'infra', false],
  ])('by %s', (_, status, kind, blame, mainStarted) => {
    expect(failed(status as PodStatus)).toMatchObject({ kind, blame, mainStarted });
  });

  it('never explains a failure with null or undefined', () => {
    const bare = [
      { phase: 'Failed' },
      { phase: 'Failed', containerStatuses: base({ terminated: { exitCode: 1 } }) },
      { phase: 'Failed', containerStatuses: base({}) },
    ];
    for (const status of bare) expect(failed(status).message).not.toMatch(/null|undefined/);
  });

  it('names the init container that failed', () => {
    const spec = { containers: [{ name: 'base' }], initContainers: [{ name: 'fetch' }] };
    const verdict = failed(
      {
        phase: 'Failed',
        initContainerStatuses: statuses({ fetch: exited(2) }),
        containerStatuses: base(waits('PodInitializing')),
      },
      { spec },
    );
    expect(verdict).toMatchObject({
      kind: 'init_failed',
      mainStarted: false,
      evidence: { container: 'fetch', exitCode: 2 },
    });
  });

  it('carries the memory limit of a container that was killed for memory', () => {
    expect(failed({ phase: 'Failed', containerStatuses: base(exited(137, 'OOMKilled')) })).toMatchObject({
      message: 'Container base was killed for want of memory (limit 1Gi)',
      evidence: { memoryLimit: '1Gi' },
    });
  });

  it('is a failure where a process was killed for memory though the container exited with 0', () => {
    expect(failed({ phase: 'Succeeded', containerStatuses: base(exited(0, 'OOMKilled')) }).kind).toBe('oom_killed');
  });

  it('is a success where the work was done before the pod was evicted', () => {
    const result = end({ phase: 'Failed', reason: 'Evicted', containerStatuses: base(exited(0)) });
    expect(result).toMatchObject({ result: 'success', exitCode: 0, warnings: [expect.stringContaining('Evicted')] });
  });

  it('is decided by the base container while a sidecar lives on', () => {
    expect(
      end({ phase: 'Running', containerStatuses: statuses({ base: exited(0), proxy: runs }) }, withSidecar),
    ).toMatchObject({ result: 'success' });
    expect(
      end({ phase: 'Running', containerStatuses: statuses({ base: exited(4), proxy: runs }) }, withSidecar),
    ).toMatchObject({ result: 'failed', exitCode: 4 });
  });

  it('is a success with a warning where only a sidecar died', () => {
    const result = end(
      { phase: 'Failed', containerStatuses: statuses({ base: exited(0), proxy: exited(137, 'OOMKilled') }) },
      withSidecar,
    );
    expect(result).toMatchObject({
      result: 'success',
      warnings: ['Container proxy ended with OOMKilled (exit code 137)'],
    });
  });

  it('has not come where Kubernetes will start the container again', () => {
    const status = { phase: 'Running', containerStatuses: base(exited(1)) };
    expect(end(status, { spec: { restartPolicy: 'OnFailure', containers: [{ name: 'base' }] } })).toBeUndefined();
    expect(end(status, { spec: { restartPolicy: 'Always', containers: [{ name: 'base' }] } })).toBeUndefined();
    expect(end(status)).toBeDefined();
  });

  it('finds the base container by annotation, by name, or takes the first', () => {
    const two = { restartPolicy: 'Never', containers: [{ name: 'one' }, { name: 'two' }] };
    const status = { phase: 'Running', containerStatuses: statuses({ one: runs, two: exited(0) }) };
    expect(end(status, { spec: two })).toBeUndefined();
    expect(
      end(status, { spec: two, metadata: { annotations: { 'podwright.dev/base-container': 'two' } } }),
    ).toBeDefined();
    expect(
      end(status, { spec: two, metadata: { annotations: { 'kubectl.kubernetes.io/default-container': 'two' } } }),
    ).toBeDefined();
  });

  it.each(['Pending', 'Running', 'Unknown', 'SomethingNew', undefined])('has not come in phase %s', (phase) => {
    expect(end(phase === undefined ? {} : { phase })).toBeUndefined();
  });

  it('survives pods without anything', () => {
    for (const odd of [
      {},
      { metadata: {} },
      { status: {} },
      { spec: { containers: [] } },
      { status: { phase: 'Failed' } },
    ] as Pod[])
      expect(() => endOf(observe(odd))).not.toThrow();
  });
});

describe('a pod that is gone', () => {
  const verdict = (status: PodStatus) => vanishedVerdict(observe(pod(status)));

  it('was deleted by its caller where it ran, by infrastructure where it was pending', () => {
    expect(verdict({ phase: 'Running', containerStatuses: base(runs) })).toMatchObject({
      kind: 'deleted_externally',
      blame: 'caller',
      mainStarted: true,
    });
    expect(verdict({ phase: 'Pending' })).toMatchObject({
      kind: 'deleted_externally',
      blame: 'infra',
      mainStarted: false,
    });
  });

  it('was disrupted where it said so, and lost where its node had gone silent', () => {
    expect(verdict({ phase: 'Running', conditions: [disrupted('PreemptionByScheduler')] }).kind).toBe('preempted');
    expect(verdict({ phase: 'Unknown' }).kind).toBe('node_lost');
  });
});

it('has blame and a hint for every kind of verdict', () => {
  expect(Object.keys(KIND_FACTS).sort()).toEqual([...VERDICT_KINDS].sort());
});

describe('a pod that was deleted and failed', () => {
  /** Asked for at second 10, with 30 seconds of grace. */
  const asked = {
    metadata: {
      name: 'p',
      namespace: 'n',
      uid: 'u',
      deletionTimestamp: '2026-01-01T00:00:40Z',
      deletionGracePeriodSeconds: 30,
    },
  };
  const kindOf = (exitCode: number, second: number, reason = 'Error') => {
    const finishedAt = `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
    const state = exited(exitCode, reason, { finishedAt });
    const end = endOf(observe(pod({ phase: 'Failed', containerStatuses: base(state) }, asked)));
    return end?.result === 'failed' ? end.verdict.kind : end?.result;
  };

  it.each([
    ['exit 3 before the request', 3, 9, 'Error', 'app_exit'],
    ['exit 3 in the same second', 3, 10, 'Error', 'app_exit'],
    ['exit 3 after the request', 3, 11, 'Error', 'deleted_externally'],
    ['SIGTERM before the request', 143, 9, 'Error', 'killed_signal'],
    ['SIGTERM in the same second', 143, 10, 'Error', 'deleted_externally'],
    ['SIGKILL at the end of the grace', 137, 40, 'Error', 'deleted_externally'],
    ['out of memory after the request', 137, 12, 'OOMKilled', 'oom_killed'],
    ['exit 0 after the request', 0, 12, 'Completed', 'success'],
  ])('%s', (_, exitCode, second, reason, kind) => {
    expect(kindOf(exitCode, second, reason)).toBe(kind);
  });
});
