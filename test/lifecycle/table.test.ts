/** Holds the heart to the table in docs/lifecycle.md, over all combinations of what a pod can show. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { VerdictKind } from '../../src/core/verdict.js';
import { decide, FRESH_RECORD, type PodRecord } from '../../src/lifecycle/decide.js';
import { observe } from '../../src/lifecycle/observation.js';
import { DEFAULT_POLICY } from '../../src/lifecycle/policy.js';
import type { ContainerState, Pod } from '../../src/wire/types.js';
import { disrupted, exited, runs, waits } from './pods.js';

const DIMENSIONS = {
  phase: ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown', 'Paused'],
  deleting: [false, true],
  place: ['none', 'gated', 'unschedulable', 'node', 'sandbox'],
  base: [
    'none',
    'creating',
    'noSecret',
    'noImage',
    'slowImage',
    'badName',
    'crashing',
    'running',
    'ok',
    'okOom',
    'three',
    'oom',
    'kill',
    'start',
    'noProgram',
    'unknown',
  ],
  init: ['none', 'failed', 'done'],
  disruption: ['none', 'evicted', 'preempted'],
  companion: ['none', 'running', 'dead'],
  restarts: ['Never', 'OnFailure'],
} as const;
type Dimensions = typeof DIMENSIONS;
type Combination = { readonly [Name in keyof Dimensions]: Dimensions[Name][number] };

const BASE_STATES: Readonly<Record<Combination['base'], ContainerState | undefined>> = {
  none: undefined,
  creating: waits('ContainerCreating'),
  noSecret: waits('CreateContainerConfigError', 'secret "db" not found'),
  noImage: waits('ErrImagePull', 'manifest unknown'),
  slowImage: waits('ErrImagePull', 'dial tcp: i/o timeout'),
  badName: waits('InvalidImageName'),
  crashing: waits('CrashLoopBackOff'),
  running: runs,
  ok: exited(0),
  okOom: exited(0, 'OOMKilled'),
  three: exited(3),
  oom: exited(137, 'OOMKilled'),
  kill: exited(137),
  start: exited(128, 'StartError', { message: 'runc failed' }),
  unknown: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: null, finishedAt: null } },
  noProgram: exited(127, 'ContainerCannotRun', { message: 'exec: no such file or directory' }),
};

function podOf(combination: Combination): Pod {
  const { phase, deleting, place, base, init, disruption, companion, restarts } = combination;
  const state = BASE_STATES[base];
  const placed = place === 'node' || place === 'sandbox';
  return {
    metadata: {
      name: 'p',
      namespace: 'n',
      uid: 'u',
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      restartPolicy: restarts,
      containers: [{ name: 'base' }, { name: 'proxy' }],
      initContainers: [{ name: 'setup' }],
      ...(placed ? { nodeName: 'node-1' } : {}),
      ...(place === 'gated' ? { schedulingGates: [{ name: 'g' }] } : {}),
    },
    status: {
      phase,
      ...(disruption === 'evicted' ? { reason: 'Evicted', message: 'low on memory' } : {}),
      conditions: [
        ...(place === 'unschedulable'
          ? [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message: '0/1 nodes are available: 1 Insufficient cpu.',
              },
            ]
          : []),
        ...(place === 'sandbox' ? [{ type: 'PodReadyToStartContainers', status: 'True' }] : []),
        ...(disruption === 'preempted' ? [disrupted('PreemptionByScheduler')] : []),
      ],
      containerStatuses: [
        ...(state === undefined ? [] : [{ name: 'base', state }]),
        ...(companion === 'none' ? [] : [{ name: 'proxy', state: companion === 'dead' ? exited(1) : runs }]),
      ],
      initContainerStatuses:
        init === 'none' ? [] : [{ name: 'setup', state: init === 'failed' ? exited(1) : exited(0) }],
    },
  } as Pod;
}

type Expected =
  | { readonly end: VerdictKind | 'success' }
  | { readonly clock: keyof typeof DEFAULT_POLICY.clocks; readonly kind: VerdictKind }
  | { readonly atOnce: VerdictKind };

const TERMINATED = new Set(['ok', 'okOom', 'three', 'oom', 'kill', 'start', 'noProgram', 'unknown']);
const isOver = ({ phase }: Combination) => phase === 'Succeeded' || phase === 'Failed';
/** The base container has ended for good. */
const hasEnded = (c: Combination) => {
  if (!TERMINATED.has(c.base)) return false;
  const exitsWithZero = c.base === 'ok' || c.base === 'okOom';
  return isOver(c) || c.restarts === 'Never' || exitsWithZero;
};
const hasFailed = (c: Combination) => c.phase === 'Failed' || hasEnded(c);
/** Marked for deletion, and the container that decides ended two seconds later. */
const isDeletedFirst = ({ deleting, base, init }: Combination) =>
  deleting && (['three', 'kill', 'unknown'].includes(base) || (!TERMINATED.has(base) && init === 'failed'));
const BROKEN: Readonly<Record<string, Expected>> = {
  noSecret: { clock: 'brokenMs', kind: 'config_error.secret' },
  noImage: { clock: 'brokenMs', kind: 'image_pull.not_found' },
  badName: { atOnce: 'image_pull.not_found' },
  crashing: { clock: 'brokenMs', kind: 'app_exit' },
  slowImage: { clock: 'pullingMs', kind: 'image_pull.network' },
};
const waitsOnNode = ({ place }: Combination) => place === 'none' || place === 'unschedulable';

/** The rows of the table, in their order: when a row fits, and what it says. */
const ROWS: readonly { readonly fits: (c: Combination) => boolean; readonly says: (c: Combination) => Expected }[] = [
  { fits: (c) => c.base === 'okOom' && hasEnded(c), says: () => ({ end: 'oom_killed' }) },
  { fits: (c) => c.base === 'ok' && hasEnded(c), says: () => ({ end: 'success' }) },
  { fits: (c) => c.phase === 'Succeeded', says: () => ({ end: 'success' }) },
  {
    fits: (c) => hasFailed(c) && c.disruption !== 'none',
    says: (c) => ({ end: c.disruption === 'evicted' ? 'evicted' : 'preempted' }),
  },
  { fits: (c) => hasFailed(c) && isDeletedFirst(c), says: () => ({ end: 'deleted_externally' }) },
  { fits: (c) => hasFailed(c) && c.init === 'failed', says: () => ({ end: 'init_failed' }) },
  { fits: (c) => hasFailed(c) && c.base === 'oom', says: () => ({ end: 'oom_killed' }) },
  {
    fits: (c) => hasFailed(c) && ['start', 'noProgram', 'unknown'].includes(c.base),
    says: (c) => ({ end: c.base !== 'noProgram' ? 'container_create_failed' : 'spawn_failed' }),
  },
  { fits: (c) => hasFailed(c) && c.base === 'kill', says: () => ({ end: 'killed_signal' }) },
  { fits: (c) => hasFailed(c) && c.base === 'three', says: () => ({ end: 'app_exit' }) },
  { fits: hasFailed, says: () => ({ end: 'unknown' }) },
  {
    fits: (c) => c.deleting && c.phase === 'Pending' && !['node', 'sandbox'].includes(c.place),
    says: (c) => ({
      end: c.disruption === 'none' ? 'deleted_externally' : c.disruption === 'evicted' ? 'evicted' : 'preempted',
    }),
  },
  { fits: (c) => c.deleting, says: () => ({ clock: 'terminatingMs', kind: 'node_lost' }) },
  {
    fits: ({ phase }) => phase === 'Unknown' || phase === 'Paused',
    says: () => ({ clock: 'terminatingMs', kind: 'node_lost' }),
  },
  { fits: (c) => c.phase === 'Running' && c.base in BROKEN, says: (c) => BROKEN[c.base] as Expected },
  {
    fits: (c) => c.phase === 'Running' || c.base === 'running',
    says: () => ({ clock: 'runningMs', kind: 'deadline.running' }),
  },
  { fits: (c) => c.place === 'gated', says: () => ({ clock: 'gatedMs', kind: 'deadline.pending' }) },
  {
    fits: waitsOnNode,
    says: (c) => ({
      clock: 'unschedulableMs',
      kind: c.place === 'none' ? 'deadline.pending' : 'unschedulable.resources',
    }),
  },
  { fits: (c) => c.base === 'slowImage', says: () => BROKEN.slowImage as Expected },
  { fits: (c) => c.base in BROKEN, says: (c) => BROKEN[c.base] as Expected },
  {
    fits: (c) => c.place === 'sandbox' && ['none', 'creating'].includes(c.base),
    says: () => ({ clock: 'pullingMs', kind: 'deadline.pending' }),
  },
  { fits: () => true, says: () => ({ clock: 'startingMs', kind: 'deadline.pending' }) },
];

function* combinations(names: readonly (keyof Dimensions)[]): Generator<Combination> {
  const [first, ...rest] = names;
  if (first === undefined) {
    yield {} as Combination;
    return;
  }
  for (const value of DIMENSIONS[first])
    for (const others of combinations(rest)) yield { ...others, [first]: value } as Combination;
}

const policy = { ...DEFAULT_POLICY, clocks: { ...DEFAULT_POLICY.clocks, gatedMs: 7_000_000, runningMs: 9_000_000 } };

/** What the heart says: at once, or when its own clock runs out. */
function decided(combination: Combination): Expected {
  const seen = observe(podOf(combination));
  const first = decide(FRESH_RECORD, seen, policy, 0);
  if (first.decision.type === 'ended') {
    const { end } = first.decision;
    return { end: end.result === 'success' ? 'success' : end.verdict.kind };
  }
  if (first.decision.type === 'expired') return { atOnce: first.decision.verdict.kind };
  const { until } = first.decision;
  if (until === undefined) throw new Error('it waits for ever');
  const before = decide(first.record, seen, policy, until - 1);
  if (before.decision.type !== 'wait') throw new Error('it did not wait to the end of its clock');
  const last = decide(before.record as PodRecord, seen, policy, until);
  if (last.decision.type !== 'expired') throw new Error('its clock ran out, and it waits on');
  const clock = (Object.entries(policy.clocks).find(([, ms]) => ms === until)?.[0] ??
    '?') as keyof typeof policy.clocks;
  return { clock, kind: last.decision.verdict.kind };
}

/** Clocks of the same length cannot be told apart by it. */
const lengthOf = (expected: Expected) =>
  'clock' in expected ? { ms: policy.clocks[expected.clock], kind: expected.kind } : expected;

describe('the table of decisions', () => {
  it('says what the code does, for every combination; each of its rows is needed', () => {
    const used = new Set<number>();
    let count = 0;
    for (const combination of combinations(Object.keys(DIMENSIONS) as (keyof Dimensions)[])) {
      const row = ROWS.findIndex(({ fits }) => fits(combination));
      const expected = lengthOf((ROWS[row] as (typeof ROWS)[number]).says(combination));
      const actual = lengthOf(decided(combination));
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        expect({ combination, row: row + 1, actual }).toEqual({ combination, row: row + 1, actual: expected });
      used.add(row);
      count += 1;
    }
    expect(count).toBe(Object.values(DIMENSIONS).reduce((product, values) => product * values.length, 1));
    expect([...used].sort((a, b) => a - b)).toEqual(ROWS.map((_, index) => index));
  });

  it('has as many rows in the document, in this order', () => {
    const text = readFileSync(new URL('../../docs/lifecycle.md', import.meta.url), 'utf8');
    const numbers = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(ROWS.map((_, index) => index + 1));
  });
});
