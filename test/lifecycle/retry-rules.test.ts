import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/core/verdict.js';
import { endOf } from '../../src/lifecycle/classify.js';
import { observe } from '../../src/lifecycle/observation.js';
import { DEFAULT_POLICY, NOTHING_SPENT } from '../../src/lifecycle/policy.js';
import { nextLaunch, type RetryRule } from '../../src/lifecycle/retry-rules.js';
import { base, disrupted, exited, pod, statuses } from './pods.js';

const verdict = (kind: string, blame: string) => ({ kind, blame, evidence: {} }) as unknown as Verdict;
const budgets = { infra: 1, oom: 1, task: 0 };
const policyOf = (rules: readonly RetryRule[] = [], more = {}) => ({ ...DEFAULT_POLICY, budgets, rules, ...more });
const fresh = { launch: 1, spent: NOTHING_SPENT };
const next = (of: Verdict, policy = policyOf(), track = fresh) => nextLaunch(of, undefined, track, policy);

describe('budgets', () => {
  it('are three, and each is spent by its own kind', () => {
    expect(next(verdict('evicted', 'infra'))).toEqual({ infra: 1, oom: 0, task: 0 });
    expect(next(verdict('oom_killed', 'task'))).toEqual({ infra: 0, oom: 1, task: 0 });
    expect(next(verdict('app_exit', 'task'))).toBeUndefined();
    expect(
      next(verdict('evicted', 'infra'), policyOf(), { launch: 2, spent: { infra: 1, oom: 0, task: 0 } }),
    ).toBeUndefined();
  });

  it('are not for what a caller or a configuration has done, nor for what is final', () => {
    for (const [kind, blame] of [
      ['deleted_externally', 'caller'],
      ['image_pull.not_found', 'config'],
      ['cancelled', 'infra'],
      ['quota.impossible', 'infra'],
      ['unschedulable.resources', 'infra'],
    ] as const)
      expect(next(verdict(kind, blame), policyOf([], { budgets: { infra: 9, oom: 9, task: 9 } }))).toBeUndefined();
  });
});

describe('rules', () => {
  const ended = (exitCode: number, more = {}) => {
    const seen = observe(pod({ phase: 'Failed', containerStatuses: base(exited(exitCode)), ...more }));
    const end = endOf(seen);
    if (end?.result !== 'failed') throw new Error('it has not failed');
    return { seen, verdict: end.verdict };
  };
  const nextAfter = (exitCode: number, rules: readonly RetryRule[], more = {}, track = fresh) => {
    const { seen, verdict: why } = ended(exitCode, more);
    return nextLaunch(why, seen, track, policyOf(rules, { budgets: { infra: 1, oom: 0, task: 1 } }));
  };

  it('go by exit code, the first that fits', () => {
    const rules: RetryRule[] = [
      { action: 'fail', onExitCodes: { values: [2, 3] } },
      { action: 'ignore', onExitCodes: { operator: 'NotIn', values: [7] } },
    ];
    expect(nextAfter(3, rules)).toBeUndefined();
    expect(nextAfter(5, rules)).toEqual(NOTHING_SPENT);
    expect(nextAfter(7, rules)).toEqual({ infra: 0, oom: 0, task: 1 });
  });

  it('go by another container where one is named', () => {
    const rules: RetryRule[] = [{ action: 'ignore', onExitCodes: { values: [9], containerName: 'proxy' } }];
    const both = { containerStatuses: statuses({ base: exited(1), proxy: exited(9) }) };
    expect(nextAfter(1, rules, both)).toEqual(NOTHING_SPENT);
    expect(nextAfter(9, rules)).toEqual({ infra: 0, oom: 0, task: 1 });
  });

  it('go by kind, or group of kinds, and by condition; all criteria must fit', () => {
    const spot: RetryRule = { action: 'retry', budget: 'infra', onVerdicts: ['killed_signal'] };
    expect(nextAfter(137, [spot])).toEqual({ infra: 1, oom: 0, task: 0 });
    expect(nextAfter(137, [spot], {}, { launch: 2, spent: { infra: 1, oom: 0, task: 0 } })).toBeUndefined();
    const disruption: RetryRule = { action: 'ignore', onPodConditions: [{ type: 'DisruptionTarget' }] };
    expect(nextAfter(143, [disruption], { conditions: [disrupted('EvictionByEvictionAPI')] })).toEqual(NOTHING_SPENT);
    expect(nextAfter(1, [{ ...disruption, onExitCodes: { values: [2] } }])).toEqual({ infra: 0, oom: 0, task: 1 });
    const group: RetryRule = { action: 'retry', budget: 'infra', onVerdicts: ['image_pull.*'] };
    expect(next(verdict('image_pull.not_found', 'config'), policyOf([group]))).toEqual({ infra: 1, oom: 0, task: 0 });
    expect(next(verdict('init_failed', 'task'), policyOf([group]))).toBeUndefined();
  });

  it('count leaves it to the budgets, before a later rule', () => {
    const rules: RetryRule[] = [
      { action: 'count', onExitCodes: { values: [4] } },
      { action: 'fail', onExitCodes: { operator: 'NotIn', values: [99] } },
    ];
    expect(nextAfter(4, rules)).toEqual({ infra: 0, oom: 0, task: 1 });
    expect(nextAfter(5, rules)).toBeUndefined();
  });

  it('that cost nothing have an end all the same, and never bring back what was cancelled', () => {
    const always: RetryRule[] = [{ action: 'ignore', onVerdicts: ['app_exit', 'cancelled'] }];
    expect(next(verdict('app_exit', 'task'), policyOf(always), { launch: 99, spent: NOTHING_SPENT })).toBeDefined();
    expect(next(verdict('app_exit', 'task'), policyOf(always), { launch: 100, spent: NOTHING_SPENT })).toBeUndefined();
    expect(next(verdict('cancelled', 'caller'), policyOf(always))).toBeUndefined();
  });
});
