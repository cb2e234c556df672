import { describe, expect, it } from 'vitest';
import { explainPod } from '../../src/lifecycle/explain.js';
import type { Pod, PodStatus } from '../../src/wire/types.js';
import { base, exited, pod, runs, waits } from './pods.js';

const of = (status: PodStatus, parts: Partial<Pod> = {}) => explainPod(pod(status, parts));

describe('an explanation', () => {
  it.each([
    ['running', { phase: 'Running', containerStatuses: base(runs) }, 'It runs on node-1'],
    ['succeeded', { phase: 'Succeeded', containerStatuses: base(exited(0)) }, 'It has done its work'],
    ['failed', { phase: 'Failed', containerStatuses: base(exited(3)) }, 'Container base exited with code 3'],
  ])('of a pod that is %s', (state, status, summary) => {
    expect(of(status)).toMatchObject({ pod: 'n/p', state, summary });
  });

  it('of a pod that waits says what for, what to do, and how it would end', () => {
    expect(of({ containerStatuses: base(waits('CreateContainerConfigError', 'secret "db" not found')) })).toMatchObject(
      {
        state: 'waiting',
        summary: 'container base waits: CreateContainerConfigError: secret "db" not found',
        pending: 'config_error.secret',
        hint: expect.stringContaining('Create the secret'),
        verdict: undefined,
      },
    );
  });

  it('of a pod that is being deleted', () => {
    const metadata = { name: 'p', namespace: 'n', deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(of({ phase: 'Running', containerStatuses: base(runs) }, { metadata })).toMatchObject({ state: 'deleting' });
  });

  it('has the newest events last, and survives a pod of which nothing is known', () => {
    const events = [
      { reason: 'Started', message: 'two', lastTimestamp: '2026-01-01T00:00:02Z' },
      { reason: 'Pulled', message: 'one', eventTime: '2026-01-01T00:00:01.000000Z' },
    ];
    expect(explainPod({}, events)).toMatchObject({
      pod: '/',
      state: 'waiting',
      events: ['Pulled: one', 'Started: two'],
    });
  });
});
