import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.js';
import type { PodUsage } from '../../src/kube/kube-client.js';
import { recordRun } from '../../src/report/recorder.js';
import { parseRunRecords, type RunRecord } from '../../src/report/run-record.js';
import { desiredPods, podUtilization, replicas } from '../../src/scaling/formulas.js';
import { clusterCost, DEFAULT_PRICES, pricePerHour } from '../../src/scaling/prices.js';
import { costOfRun } from '../../src/scaling/run-cost.js';
import { readUtilization } from '../../src/scaling/utilization.js';
import { KubeKit, work } from '../executors/kube-kit.js';
import { keyOf, tryRecords, verdictOf } from '../report/records.js';

const HOUR = 3_600_000;

describe('formulas', () => {
  test('one pod per waiting task, within the bounds', () => {
    expect([0, 3, 9].map((pending) => desiredPods(pending, { min: 2, max: 5 }))).toEqual([2, 3, 5]);
    expect(desiredPods(7)).toBe(7);
  });

  test('one worker for so many tasks, rounded up', () => {
    expect([0, 1, 4, 5, 400].map((tasks) => replicas(tasks, 4, { max: 10 }))).toEqual([0, 1, 1, 2, 10]);
  });

  test('use by request, in quantities of any form', () => {
    expect(podUtilization({ cpu: '250m', memory: '512Mi' }, { cpu: 0.5, memory: '2Gi' })).toEqual({
      cpu: 0.5,
      memory: 0.25,
    });
    expect(podUtilization({}, { cpu: '1', memory: '0' })).toEqual({ cpu: 0 });
  });

  test('the sum of price times hours', () => {
    expect(
      clusterCost([
        { costPerHour: 0.16, hours: 2 },
        { costPerHour: 1.5, hours: 0.5 },
      ]),
    ).toBeCloseTo(1.07);
  });

  test('wrong numbers are named', () => {
    for (const wrong of [
      () => desiredPods(-1),
      () => desiredPods(1, { min: 5, max: 2 }),
      () => desiredPods(Number.NaN),
      () => replicas(1, 0),
      () => podUtilization({ cpu: 'half' }, { cpu: '1' }),
      () => clusterCost([{ costPerHour: -1, hours: 1 }]),
    ])
      expect(wrong).toThrow(ConfigError);
  });
});

describe('prices', () => {
  const price = (requests: Record<string, string>) => pricePerHour(requests, DEFAULT_PRICES);

  test('a pod has the price of the first class that it fits into, or parts of the largest', () => {
    expect(price({ cpu: '250m', memory: '512Mi' })).toBe(0.02);
    expect(price({ cpu: '1', memory: '1Gi' })).toBe(0.08);
    expect(price({ memory: '4Gi' })).toBe(0.16);
    expect(price({ cpu: '2', memory: '8Gi', 'nvidia.com/gpu': '1' })).toBe(1.5);
    expect(price({ cpu: '8', memory: '4Gi' })).toBeCloseTo(0.64);
    expect(price({ cpu: '4', 'nvidia.com/gpu': '2' })).toBeCloseTo(3);
    expect(price({ 'example.com/fpga': '1' })).toBeUndefined();
  });

  test('or the price of what it has reserved', () => {
    const prices = { perHour: { cpu: 0.04, memory: 0.005 } };
    expect(pricePerHour({ cpu: '500m', memory: '2Gi', pods: '1' }, prices)).toBeCloseTo(0.03);
  });
});

describe('the cost of a run', () => {
  const requests = { cpu: '1', memory: '2Gi' };
  const priced = (records: RunRecord[], more: object = { requests, labels: { team: 'etl' } }): RunRecord[] =>
    records.map((record) => (record.type === 'outcome' ? ({ ...record, ...more } as RunRecord) : record));

  test('counts reserved hours, idle ones and those for nothing', () => {
    const good = priced(tryRecords(keyOf('good'), [0, HOUR, 1.5 * HOUR, 3 * HOUR]));
    const bad = priced(tryRecords(keyOf('bad'), [0, 0, 0, HOUR], verdictOf('x')), { requests });
    const local = tryRecords(keyOf('local'), [0, 0, 0, HOUR]);
    const cost = costOfRun([...good, ...bad, ...local], { label: 'team' });
    expect(cost).toMatchObject({ tries: 2, unpriced: 1, currency: '$' });
    expect([cost.total, cost.idle, cost.waste, cost.hours]).toEqual(
      [0.24, 0.04, 0.08, 3].map((n) => expect.closeTo(n)),
    );
    expect(Object.keys(cost.byTask)).toEqual(['orders/good', 'orders/bad']);
    expect(cost.byDag.orders?.total).toBeCloseTo(0.24);
    expect(cost.byQueue.kubernetes?.tries).toBe(2);
    expect(cost.byLabel.etl?.total).toBeCloseTo(0.16);
    expect(costOfRun(local, { assume: requests }).total).toBeCloseTo(0.08);
    expect(costOfRun(local, { assume: requests, prices: { perHour: { cpu: 1 } } }).total).toBeCloseTo(1);
  });

  test('wrong prices and records are named', () => {
    expect(() => costOfRun([{ type: 'x' }] as never)).toThrow(/records\[0\] must be a record of a run/);
    expect(() => costOfRun('x' as never)).toThrow(ConfigError);
    for (const prices of [{}, { classes: [] }, { perHour: { cpu: -1 } }, { classes: [{ name: 'x' }] }])
      expect(() => costOfRun([], { prices: prices as never })).toThrow(ConfigError);
  });

  describe('that an executor has recorded', () => {
    const kit = KubeKit.use();

    test('knows what its pods reserved, when, and what was lost on the way', async () => {
      const lines: string[] = [];
      const executor = await kit.connect({ retry: { infra: { max: 1 } } });
      recordRun(executor, { write: (line) => lines.push(line), startedAt: 0 });
      const { executorConfig, ...task } = work({ duration: '1h' });
      const config = { ...executorConfig, labels: { team: 'etl' }, resources: { requests, limits: { memory: '2Gi' } } };
      await kit.ended(executor.queueTask({ ...task, executorConfig: config }));
      const cost = costOfRun(parseRunRecords(lines.join('')).records, { label: 'team' });
      expect(cost.total).toBeCloseTo(0.08);
      expect(cost.byLabel.etl?.hours).toBeCloseTo(1);
      expect(cost.unpriced).toBe(0);
    });
  });
});

describe('utilization', () => {
  const kit = KubeKit.use();

  test('is told where metrics-server is there, and says so where it is not', async () => {
    const client = kit.cluster.kubeClient();
    const spec = { containers: [{ name: 'a', image: 'x', resources: { requests: { cpu: '500m', memory: '1Gi' } } }] };
    await client.createPod('default', {
      metadata: { name: 'p', annotations: { 'testing.podwright.dev/duration': '1h' } },
      spec,
    });
    await kit.cluster.waitFor(({ phase }) => phase === 'Running');
    const without = await readUtilization(client, { namespace: 'default' });
    expect(without).toMatchObject({ isMeasured: false, pods: [{ pod: 'default/p', requested: { cpu: 0.5 } }] });
    const items: PodUsage[] = [
      {
        metadata: { namespace: 'default', name: 'p' },
        containers: [{ name: 'a', usage: { cpu: '125m', memory: '256Mi' } }],
      },
    ];
    const measured = { listPods: client.listPods.bind(client), listPodUsage: async () => ({ metadata: {}, items }) };
    expect(await readUtilization(measured)).toMatchObject({
      isMeasured: true,
      utilization: { cpu: 0.25, memory: 0.25 },
    });
  });
});
