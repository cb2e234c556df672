import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, decideGone, FRESH_RECORD, type PodRecord } from '../../src/lifecycle/decide.js';
import { observe } from '../../src/lifecycle/observation.js';
import { DEFAULT_POLICY } from '../../src/lifecycle/policy.js';
import { imagePullKind } from '../../src/lifecycle/waiting.js';
import type { ContainerState, Pod, PodStatus } from '../../src/wire/types.js';
import { base, disrupted, exited, pod, runs, statuses, waits } from './pods.js';

const policy = { ...DEFAULT_POLICY, clocks: { ...DEFAULT_POLICY.clocks, runningMs: 100_000 } };
const step = (record: PodRecord, status: PodStatus, now: number, parts: Partial<Pod> = {}) =>
  decide(record, observe(pod(status, parts)), policy, now);
const unscheduled = { spec: { restartPolicy: 'Never', containers: [{ name: 'base' }] } };
const unschedulable = (message: string): PodStatus => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
});

describe('what to do about a pod', () => {
  it('tells once why it waits while only counts change, and keeps its clock', () => {
    const first = step(
      FRESH_RECORD,
      unschedulable('0/46 nodes are available: 46 Insufficient memory.'),
      0,
      unscheduled,
    );
    expect(first.decision).toMatchObject({
      type: 'wait',
      until: 600_000,
      pending: 'unschedulable: of 46 nodes, 46 short of memory',
    });
    const second = step(
      first.record,
      unschedulable('0/47 nodes are available: 47 Insufficient memory.'),
      60_000,
      unscheduled,
    );
    expect(second.decision).toMatchObject({ type: 'wait', until: 600_000, pending: undefined });
    const third = step(
      second.record,
      unschedulable('0/47 nodes are available: 47 node(s) had untolerated taint.'),
      61_000,
      unscheduled,
    );
    expect(third.decision).toMatchObject({ type: 'wait', until: 600_000, pending: expect.stringContaining('taint') });
    const last = step(
      third.record,
      unschedulable('0/47 nodes are available: 47 Insufficient memory.'),
      600_000,
      unscheduled,
    );
    expect(last.decision).toMatchObject({
      type: 'expired',
      verdict: { kind: 'unschedulable.resources', mainStarted: false },
    });
  });

  it('gives a missing secret its grace, and forgets it when it heals', () => {
    const status = { containerStatuses: base(waits('CreateContainerConfigError', 'secret "db" not found')) };
    const first = step(FRESH_RECORD, status, 0);
    expect(first.decision).toMatchObject({ type: 'wait', until: 60_000 });
    const healed = step(first.record, { phase: 'Running', containerStatuses: base(runs) }, 30_000);
    expect(healed.decision).toMatchObject({ type: 'wait', isRunning: true });
    expect(healed.record.waiting).toBeUndefined();
    expect(step(first.record, status, 60_000).decision).toMatchObject({
      type: 'expired',
      verdict: { kind: 'config_error.secret', blame: 'config' },
    });
  });

  it('counts a pull and its back-off as one wait', () => {
    const first = step(FRESH_RECORD, { containerStatuses: base(waits('ErrImagePull', 'manifest unknown')) }, 0);
    const second = step(
      first.record,
      { containerStatuses: base(waits('ImagePullBackOff', 'Back-off pulling image: manifest unknown')) },
      20_000,
    );
    expect(second.decision).toMatchObject({ until: 60_000, pending: undefined });
  });

  it('keeps what an image pull said when its back-off says no more', () => {
    const first = step(FRESH_RECORD, { containerStatuses: base(waits('ErrImagePull', 'manifest unknown')) }, 0);
    const second = step(
      first.record,
      { containerStatuses: base(waits('ImagePullBackOff', 'Back-off pulling image "x"')) },
      20_000,
    );
    expect(second.decision).toMatchObject({ type: 'wait', until: 60_000, pending: undefined });
    expect(
      step(second.record, { containerStatuses: base(waits('ImagePullBackOff', 'Back-off pulling image "x"')) }, 60_000)
        .decision,
    ).toMatchObject({ type: 'expired', clock: 'broken', verdict: { kind: 'image_pull.not_found' } });
  });

  it('lets a program run whose companion cannot start, for which the kubelet calls the pod pending', () => {
    const proxy = { name: 'proxy', state: waits('ImagePullBackOff', 'manifest unknown') };
    const status = { phase: 'Pending', containerStatuses: [{ name: 'base', state: runs }, proxy] } as PodStatus;
    const first = step(FRESH_RECORD, status, 0);
    expect(first.decision).toMatchObject({ type: 'wait', until: 100_000, isRunning: true });
    expect(step(first.record, status, 99_999).decision).toMatchObject({ type: 'wait' });
  });

  it('tells of a dead companion once, or ends the task for it, as configured', () => {
    const beside = {
      spec: { nodeName: 'n', restartPolicy: 'Never', containers: [{ name: 'base' }, { name: 'proxy' }] },
    };
    const status = { phase: 'Running', containerStatuses: statuses({ base: runs, proxy: exited(137, 'OOMKilled') }) };
    const first = step(FRESH_RECORD, status, 0, beside);
    expect(first.decision).toMatchObject({
      type: 'wait',
      isRunning: true,
      warning: 'Container proxy has failed while the task runs: OOMKilled',
    });
    expect(step(first.record, status, 1, beside).decision).toMatchObject({ warning: undefined });
    const strict = { ...policy, sidecarFailure: 'fail' as const };
    expect(decide(FRESH_RECORD, observe(pod(status, beside)), strict, 0).decision).toMatchObject({
      type: 'expired',
      verdict: { kind: 'sidecar_failed', mainStarted: true, evidence: { container: 'proxy' } },
    });
  });

  it('lets a native sidecar come back, unless it never stops crashing', () => {
    const native = {
      spec: {
        nodeName: 'n',
        restartPolicy: 'Never',
        containers: [{ name: 'base' }],
        initContainers: [{ name: 'proxy', restartPolicy: 'Always' }],
      },
    };
    const strict = { ...policy, sidecarFailure: 'fail' as const };
    const beside = (state: ContainerState) =>
      decide(
        FRESH_RECORD,
        observe(
          pod(
            { phase: 'Running', containerStatuses: base(runs), initContainerStatuses: statuses({ proxy: state }) },
            native,
          ),
        ),
        strict,
        0,
      ).decision;
    expect(beside(exited(1)).type).toBe('wait');
    expect(beside(waits('CrashLoopBackOff'))).toMatchObject({ type: 'expired', verdict: { kind: 'sidecar_failed' } });
  });

  it('ends a pod that goes from one wait to another for ever', () => {
    const states = [
      waits('ContainerCreating'),
      waits('CreateContainerError', 'name is reserved'),
      waits('ErrImagePull', 'manifest unknown'),
      waits('ErrImagePull', 'i/o timeout'),
      waits('CreateContainerConfigError', 'secret "x" not found'),
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(states.length - 1), { minLength: 1, maxLength: 30 }), (order) => {
        let record: PodRecord = FRESH_RECORD;
        let ended = Number.POSITIVE_INFINITY;
        for (let now = 0, turn = 0; now <= 3_000_000 && ended > now; now += 30_000, turn += 1) {
          const state = states[order[turn % order.length] as number] as ContainerState;
          const decided = step(record, { containerStatuses: base(state) }, now);
          record = decided.record;
          if (decided.decision.type === 'expired') ended = now;
        }
        expect(ended).toBeLessThanOrEqual(600_000 * 3 + 60_000 + 300_000 + 30_000);
      }),
    );
  });

  it('fails at once on reasons that are configured as fatal', () => {
    const strict = { ...policy, fatalReasons: new Set(['CreateContainerConfigError']) };
    const seen = observe(pod({ containerStatuses: base(waits('CreateContainerConfigError', 'secret "x" not found')) }));
    expect(decide(FRESH_RECORD, seen, strict, 0).decision).toMatchObject({
      type: 'expired',
      verdict: { kind: 'config_error.secret' },
    });
  });

  it('fails at once on an image name that cannot be one', () => {
    expect(step(FRESH_RECORD, { containerStatuses: base(waits('InvalidImageName')) }, 0).decision).toMatchObject({
      type: 'expired',
      verdict: { kind: 'image_pull.not_found' },
    });
  });

  it('waits for ever on scheduling gates', () => {
    const gated = { spec: { containers: [{ name: 'base' }], schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }] } };
    expect(step(FRESH_RECORD, {}, 1e9, gated).decision).toEqual({
      type: 'wait',
      until: undefined,
      isRunning: false,
      pending: 'held back by its scheduling gates',
      warning: undefined,
    });
  });

  it('ends a task at its running limit, counted from when it was first seen to run', () => {
    const running = { phase: 'Running', containerStatuses: base(runs) };
    const first = step(FRESH_RECORD, running, 1_000);
    expect(first.decision).toMatchObject({ until: 101_000 });
    expect(step(first.record, running, 101_000).decision).toMatchObject({
      type: 'expired',
      verdict: { kind: 'deadline.running' },
    });
  });

  it('calls a node lost when a pod does not go away', () => {
    const going = { metadata: { name: 'p', namespace: 'n', uid: 'u', deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const first = step(FRESH_RECORD, { phase: 'Running', containerStatuses: base(runs) }, 0, going);
    expect(first.decision).toMatchObject({ type: 'wait', until: 300_000 });
    expect(
      step(first.record, { phase: 'Running', containerStatuses: base(runs) }, 300_000, going).decision,
    ).toMatchObject({ type: 'expired', verdict: { kind: 'node_lost' } });
  });

  it('takes the outcome of a finished pod that a finalizer keeps', () => {
    const kept = { metadata: { name: 'p', deletionTimestamp: 'x', finalizers: ['a.b/c'] } };
    expect(
      step(FRESH_RECORD, { phase: 'Succeeded', containerStatuses: base(exited(0)) }, 0, kept).decision,
    ).toMatchObject({ type: 'ended', end: { result: 'success' }, isDead: true });
  });

  it('decides about a pod that is gone from the last that was seen', () => {
    expect(decideGone(observe(pod({ phase: 'Succeeded', containerStatuses: base(exited(0)) })))).toMatchObject({
      end: { result: 'success' },
    });
    expect(decideGone(observe(pod({ phase: 'Pending' })))).toMatchObject({
      end: { verdict: { kind: 'deleted_externally' } },
    });
  });

  it('forgives a process that was killed inside a container that exits with 0, also where the pod is gone', () => {
    const gone = observe(pod({ phase: 'Succeeded', containerStatuses: base(exited(0, 'OOMKilled')) }));
    expect(decideGone(gone)).toMatchObject({ end: { verdict: { kind: 'oom_killed' } } });
    expect(decideGone(gone, { ...policy, isOomWithExitZeroSuccess: true })).toMatchObject({
      end: { result: 'success' },
    });
  });

  it('decides the same for the same pod, however often it is asked, and always names a deadline or a reason to have none', () => {
    const states = [
      runs,
      exited(0),
      exited(1),
      exited(137, 'OOMKilled'),
      waits('ContainerCreating'),
      waits('ImagePullBackOff', 'x'),
      {},
    ];
    const arbitrary = fc.record({
      phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown', 'New'),
      state: fc.constantFrom(...states),
      isDeleting: fc.boolean(),
      isDisrupted: fc.boolean(),
      restartPolicy: fc.constantFrom('Never', 'OnFailure', 'Always'),
    });
    fc.assert(
      fc.property(arbitrary, ({ phase, state, isDeleting, isDisrupted, restartPolicy }) => {
        const status: PodStatus = {
          phase,
          containerStatuses: base(state),
          conditions: isDisrupted ? [disrupted('PreemptionByScheduler')] : [],
        };
        const metadata = { name: 'p', namespace: 'n', uid: 'u', ...(isDeleting ? { deletionTimestamp: 'x' } : {}) };
        const parts = { metadata, spec: { nodeName: 'node', restartPolicy, containers: [{ name: 'base' }] } };
        const first = step(FRESH_RECORD, status, 0, parts);
        const second = step(first.record, status, 0, parts);
        expect(second.record).toEqual(first.record);
        expect(second.decision.type).toBe(first.decision.type);
        if (phase === 'Succeeded' || phase === 'Failed')
          expect(first.decision).toMatchObject({ type: 'ended', isDead: true });
        if (first.decision.type === 'wait') expect(first.decision.until).toBeTypeOf('number');
      }),
    );
  });
});

describe('images that cannot be pulled', () => {
  it.each([
    ['rpc error: manifest for x:y not found: manifest unknown', 'image_pull.not_found'],
    ['pull access denied, repository does not exist or may require authorization', 'image_pull.unauthorized'],
    ['toomanyrequests: You have reached your pull rate limit', 'image_pull.rate_limited'],
    ['pull QPS exceeded', 'image_pull.rate_limited'],
    ['dial tcp 10.0.0.1:443: i/o timeout', 'image_pull.network'],
    ['something else', 'image_pull.unknown'],
  ])('%s', (message, kind) => {
    expect(imagePullKind('ErrImagePull', message)).toBe(kind);
  });
});
