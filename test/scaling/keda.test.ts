import yaml from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.js';
import { renderScalingChart, renderScalingSvg } from '../../src/scaling/chart.js';
import { advertiseDeletionCost, DELETION_COST_ANNOTATION } from '../../src/scaling/deletion-cost.js';
import { scaledJob, scaledObject } from '../../src/scaling/keda.js';
import { metricsApiTrigger, postgresqlTrigger, prometheusTrigger } from '../../src/scaling/keda-triggers.js';
import { upgradeScaler } from '../../src/scaling/keda-upgrade.js';
import { serveMetrics } from '../../src/scaling/serve-metrics.js';
import { simulateScaling } from '../../src/scaling/simulate.js';
import { KubeKit, work } from '../executors/kube-kit.js';
import { keyOf, tryRecords } from '../report/records.js';

const problemsOf = (make: () => unknown): readonly string[] => {
  try {
    make();
  } catch (error) {
    return (error as ConfigError).problems.map(({ field }) => field);
  }
  return [];
};

const OLD = `
apiVersion: keda.k8s.io/v1alpha1
kind: ScaledObject
metadata:
  name: airflow-worker
spec:
  scaleTargetRef:
    deploymentName: airflow-worker
  pollingInterval: 10   # Optional. Default: 30 seconds
  cooldownPeriod: 30    # Optional. Default: 300 seconds
  maxReplicaCount: 10   # Optional. Default: 100
  triggers:
    - type: postgresql
      metadata:
        connection: AIRFLOW_CONN_AIRFLOW_DB
        query: "SELECT ceil(COUNT(*)::decimal / 4) FROM task_instance WHERE state='running' OR state='queued'"
        targetQueryValue: "1"
`;

describe('objects of KEDA', () => {
  const url = 'http://host:9100/scaling';

  test('are built from durations and numbers', () => {
    const triggers = [
      metricsApiTrigger({ url, targetValue: 4 }),
      postgresqlTrigger({ connectionFromEnv: 'DB', query: 'SELECT 1', targetQueryValue: 1 }),
      prometheusTrigger({
        serverAddress: 'http://p:9090',
        query: 'up',
        threshold: 2,
        authenticationRef: { name: 'p' },
      }),
    ];
    const object = scaledObject({
      name: 'w',
      target: 'w',
      pollingInterval: '10s',
      scaleDownStabilization: '1m',
      triggers,
    });
    expect(object).toMatchObject({
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      spec: {
        scaleTargetRef: { name: 'w' },
        pollingInterval: 10,
        advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } } },
        triggers: [
          { metadata: { url, valueLocation: 'tasks', targetValue: '4' } },
          {},
          { authenticationRef: { name: 'p' } },
        ],
      },
    });
    const job = scaledJob({ name: 'j', pod: { spec: { containers: [{ name: 'base', image: 'x' }] } }, triggers });
    expect(job).toMatchObject({
      kind: 'ScaledJob',
      spec: { jobTargetRef: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never' } } } },
    });
  });

  test('are refused with the place of every mistake', () => {
    const wrong = () =>
      scaledObject({
        name: 'No good',
        target: '',
        pollingInterval: '1.5s',
        minReplicaCount: 5,
        maxReplicaCount: 2,
        triggers: [
          metricsApiTrigger({ url: 'host', targetValue: 0 }),
          { type: 'postgresql', metadata: { qery: 'SELECT 1', targetQueryValue: 1 as never } },
          { type: 'postgresql', metadata: { connection: 'x', query: 'q', targetQueryValue: '1' } },
        ],
      });
    expect(problemsOf(wrong)).toEqual([
      'pollingInterval',
      'metadata.name',
      'spec.scaleTargetRef.name',
      'spec.pollingInterval',
      'spec.triggers[0].metadata.targetValue',
      'spec.triggers[0].metadata.url',
      'spec.triggers[1].metadata.targetQueryValue',
      'spec.triggers[1].metadata.query',
      'spec.triggers[1].metadata.targetQueryValue',
      'spec.triggers[1].metadata.qery',
      'spec.triggers[1].metadata.connectionFromEnv',
      'spec.triggers[2].metadata.connection',
      'spec.triggers[2].metadata.connectionFromEnv',
    ]);
    const secret = { connectionFromEnv: 'DB', query: 'q', targetQueryValue: '1', host: 'postgresql://a:S3CRET@db' };
    const leak = () => scaledObject({ name: 'w', target: 'w', triggers: [{ type: 'postgresql', metadata: secret }] });
    expect(leak).toThrow(/must not hold a connection or a password/);
    expect(leak).not.toThrow(/S3CRET/);
    expect(problemsOf(() => scaledObject({ name: 'w', target: 'w', triggers: [] }))).toEqual(['spec.triggers']);
    expect(
      problemsOf(() => scaledJob({ name: 'w', pod: {}, triggers: [metricsApiTrigger({ url, targetValue: 1 })] })),
    ).toEqual(['spec.jobTargetRef.template.spec.containers']);
  });

  test('of KEDA 1 are brought to today’s form, with a note for each change', () => {
    const { object, notes } = upgradeScaler(yaml.load(OLD, { schema: yaml.CORE_SCHEMA }));
    expect(object).toMatchObject({
      apiVersion: 'keda.sh/v1alpha1',
      spec: {
        scaleTargetRef: { name: 'airflow-worker' },
        cooldownPeriod: 30,
        triggers: [{ metadata: { connectionFromEnv: 'AIRFLOW_CONN_AIRFLOW_DB', targetQueryValue: '1' } }],
      },
    });
    expect(JSON.stringify(object)).not.toMatch(/deploymentName|"connection"/);
    expect(notes).toHaveLength(3);
    expect(upgradeScaler(object)).toEqual({ object, notes: [] });
    for (const wrong of [undefined, {}, { kind: 'Deployment', spec: {} }])
      expect(() => upgradeScaler(wrong)).toThrow(ConfigError);
  });
});

describe('a simulated day', () => {
  const MINUTE = 60_000;
  /** `count` tasks of five minutes, all queued at once. */
  const burst = (count: number, atMinute = 0) =>
    Array.from({ length: count }, (_, index) => {
      const at = atMinute * MINUTE;
      return tryRecords(keyOf(`t${atMinute}-${index}`), [at, at, at, at + 5 * MINUTE]);
    }).flat();
  const setting = { perWorker: 4, pollingIntervalS: 10, cooldownPeriodS: 30, maxReplicaCount: 10 };

  test('goes up from none by what the autoscaler allows, not above the most, and down to none', () => {
    const { points, ...all } = simulateScaling(burst(100), setting);
    expect(all).toMatchObject({ tasks: 100, peakReplicas: 10 });
    const steps = points.map(({ replicas }) => replicas).filter((value, index, list) => value !== list[index - 1]);
    expect(steps.slice(0, 3)).toEqual([5, 10, 5]);
    expect(steps.at(-1)).toBe(0);
    // 100 tasks of five minutes on at most 40 places take at least fifteen minutes.
    expect(all.durationS).toBeGreaterThanOrEqual(900);
    expect(all.wait.maxS).toBeGreaterThan(all.wait.averageS);
    expect(all.replicaHours * 3_600 * 4 * all.utilization).toBeCloseTo(100 * 300, -1);
  });

  test('keeps the least, waits for the cooldown, and looks back before it scales down', () => {
    const calm = simulateScaling(burst(4), { ...setting, minReplicaCount: 2, workerStartS: 0 });
    expect(Math.min(...calm.points.map(({ replicas }) => replicas))).toBe(2);
    expect(calm.wait.maxS).toBe(0);
    const downAt = (more: object) =>
      simulateScaling(burst(4), { ...setting, workerStartS: 0, ...more }).points.at(-1)?.atS ?? 0;
    expect(downAt({ cooldownPeriodS: 600 }) - downAt({ cooldownPeriodS: 30 })).toBeGreaterThanOrEqual(540);
    const lessAt = (scaleDownStabilizationS: number) => {
      const load = [...burst(20), ...burst(4, 4)];
      const { points } = simulateScaling(load, { ...setting, workerStartS: 0, scaleDownStabilizationS });
      return points.find(({ replicas, atS }) => replicas < 5 && atS > 60)?.atS ?? 0;
    };
    expect(lessAt(300)).toBeGreaterThan(lessAt(0) + 200);
  });

  test('workers with tasks are not taken away before they are done', () => {
    const { points } = simulateScaling(burst(8), {
      ...setting,
      workerStartS: 0,
      cooldownPeriodS: 0,
      scaleDownStabilizationS: 0,
    });
    for (const { ready, running } of points) expect(ready * 4).toBeGreaterThanOrEqual(running);
  });

  test('is drawn, and wrong settings are named', () => {
    const simulation = simulateScaling(burst(40), setting);
    const chart = renderScalingChart(simulation, 40).split('\n');
    expect(chart.slice(0, 3).map((line) => line.slice(0, 7))).toEqual(['waiting', 'running', 'workers']);
    expect(chart.every((line) => line.length <= 56)).toBe(true);
    expect(renderScalingSvg(simulation)).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(problemsOf(() => simulateScaling(burst(1), { perWorker: 0, maxReplicaCount: 1.5 }))).toEqual([
      'perWorker',
      'maxReplicaCount',
    ]);
    expect(problemsOf(() => simulateScaling([], setting))).toEqual(['records']);
    expect(problemsOf(() => scaledObject(undefined as never))).toEqual(['options']);
  });
});

describe('the host’s endpoints', () => {
  const kit = KubeKit.use();

  test('serve numbers for KEDA and for Prometheus, on loopback', async () => {
    const executor = await kit.connect({ parallelism: 2 });
    await using metrics = await serveMetrics({ executors: [executor] });
    expect(metrics.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    for (const taskId of ['a', 'b', 'c']) executor.queueTask(work({ duration: '1h' }, taskId));
    await kit.cluster.clock.advance('5s');
    const scaling = await (await fetch(`${metrics.url}/scaling`)).json();
    expect(scaling).toEqual({ tasks: 3, queued: 1, running: 2, slots: 2, pending: {} });
    const text = await (await fetch(`${metrics.url}/metrics`)).text();
    expect(text).toContain('podwright_queued_tasks{executor="KubernetesExecutor"} 1');
    expect(text).toContain('podwright_launch_latency_seconds_count{executor="KubernetesExecutor"} 2');
    expect(text).toMatch(/podwright_api_calls_total\{method="POST",status="201"\} 2/);
    expect(text).toMatch(/podwright_watch_silence_seconds\{executor="KubernetesExecutor"\} \d/);
    expect((await fetch(`${metrics.url}/nothing`)).status).toBe(404);
    expect((await fetch(`${metrics.url}/metrics`, { method: 'POST' })).status).toBe(405);
    await expect(serveMetrics({ executors: [executor], port: Number(new URL(metrics.url).port) })).rejects.toThrow(
      /EADDRINUSE/,
    );
    await expect(serveMetrics({ executors: {} as never, port: -1 })).rejects.toMatchObject({
      problems: [{ field: 'executors' }, { field: 'port' }],
    });
  });

  test('tell what tasks wait for, in a few classes', async () => {
    const executor = await kit.connect();
    await using metrics = await serveMetrics({ executors: [executor] });
    const task = work({}, 'stuck');
    executor.queueTask({ ...task, executorConfig: { ...task.executorConfig, nodeSelector: { disk: 'none' } } });
    await kit.cluster.clock.advance('5s');
    expect(metrics.numbers()).toMatchObject({ running: 1, pending: { unschedulable: 1 } });
    await executor.cancel(task.key);
    expect(metrics.numbers()).toMatchObject({ tasks: 0, pending: {} });
  });

  test('a worker’s deletion cost follows its tasks, with one patch per change', async () => {
    const client = kit.cluster.kubeClient();
    await client.createPod('default', {
      metadata: { name: 'worker' },
      spec: { containers: [{ name: 'a', image: 'x' }] },
    });
    const worker = { slotsOccupied: 3 };
    const stop = advertiseDeletionCost(worker, {
      kubeClient: client,
      namespace: 'default',
      pod: 'worker',
      clock: kit.cluster.clock,
    });
    const cost = async () =>
      (await client.readPod('default', 'worker'))?.metadata?.annotations?.[DELETION_COST_ANNOTATION];
    await kit.cluster.clock.advance('1m');
    expect([await cost(), kit.count('patch', 'pods')]).toEqual(['300', 1]);
    worker.slotsOccupied = 0;
    await kit.cluster.clock.advance('20s');
    expect(await cost()).toBe('0');
    stop();
    worker.slotsOccupied = 1;
    await kit.cluster.clock.advance('1m');
    expect(kit.count('patch', 'pods')).toBe(2);
    expect(() => advertiseDeletionCost(worker, { kubeClient: client, namespace: '', pod: 'x' })).toThrow(ConfigError);
  });
});
