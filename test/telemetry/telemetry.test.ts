import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { DIAGNOSTICS_CHANNELS, type ExecutorMessage } from '../../src/core/diagnostics.js';
import { traceExecutor } from '../../src/telemetry/opentelemetry.js';
import { ExecutorMetrics } from '../../src/telemetry/prometheus.js';
import { KubeKit, ours, work } from '../executors/kube-kit.js';

const kit = KubeKit.use();

describe('diagnostics channels', () => {
  it('carry every event of an executor, and every call', async () => {
    const seen: string[] = [];
    const calls: unknown[] = [];
    const onEvent = (message: unknown) => void seen.push((message as ExecutorMessage).event);
    const onCall = (message: unknown) => void calls.push(message);
    subscribe(DIAGNOSTICS_CHANNELS.executor, onEvent);
    subscribe(DIAGNOSTICS_CHANNELS.apiCall, onCall);
    try {
      const executor = await kit.connect();
      await kit.ended(executor.queueTask(work({ duration: '1s' })));
    } finally {
      unsubscribe(DIAGNOSTICS_CHANNELS.executor, onEvent);
      unsubscribe(DIAGNOSTICS_CHANNELS.apiCall, onCall);
    }
    expect(seen).toEqual(expect.arrayContaining(['task:queued', 'task:launched', 'task:running', 'outcome']));
    expect(calls).toContainEqual(
      expect.objectContaining({ method: 'POST', path: '/api/v1/namespaces/default/pods', status: 201 }),
    );
  });
});

describe('spans', () => {
  it('tell of each phase of a try, by the times of its outcome', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const executor = await kit.connect();
    const stop = traceExecutor(executor, provider.getTracer('test'));
    const run = executor.queueTask(work({ duration: '20s', 'start-delay': '5s', 'exit-code': '3' }));
    await kit.cluster.when(ours).evict();
    await kit.ended(run);
    stop();
    await kit.ended(executor.queueTask(work({ duration: '1s' }, 'later')));
    const spans = exporter.getFinishedSpans();
    const root = spans.find(({ name }) => name === 'task t');
    expect(root?.attributes).toMatchObject({
      'podwright.dag_id': 'd',
      'podwright.state': 'failed',
      'podwright.verdict': 'app_exit',
      'podwright.launches': 2,
      'process.exit.code': 3,
    });
    expect(root?.events.map(({ name }) => name)).toEqual(expect.arrayContaining(['pending', 'relaunch']));
    const children = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === root?.spanContext().spanId);
    expect(children.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['queued', 'launched', 'scheduled', 'pulled', 'running', 'collected']),
    );
    expect(children.find(({ name }) => name === 'running')?.duration[0]).toBe(20);
    expect(spans.filter(({ name }) => name.startsWith('task '))).toHaveLength(1);
  });
});

describe('metrics', () => {
  let metrics: ExecutorMetrics | undefined;
  afterEach(() => metrics?.close());

  it('count tasks, outcomes and calls, under names that do not grow with them', async () => {
    const registry = new Registry();
    metrics = new ExecutorMetrics(registry);
    const executor = await kit.connect({ parallelism: 2, name: 'k8s' });
    metrics.add(executor);
    metrics.add(executor);
    const first = executor.queueTask(work({ duration: '10s' }, 'a'));
    executor.queueTask(work({ duration: '10m' }, 'b'));
    const waiting = executor.queueTask(work({}, 'c'));
    await kit.cluster.clock.advance('5s');
    const value = async (name: string, labels: Record<string, string> = {}) => {
      const found = await registry.getSingleMetric(name)?.get();
      return found?.values.find((one) =>
        Object.entries(labels).every(([label, text]) => (one.labels as Record<string, unknown>)[label] === text),
      )?.value;
    };
    await registry.metrics();
    expect(await value('airflow_executor_running_tasks', { executor: 'k8s' })).toBe(2);
    expect(await value('airflow_executor_queued_tasks')).toBe(1);
    expect(await value('airflow_executor_open_slots')).toBe(0);
    await executor.revokeTask(waiting.key);
    await kit.ended(first);
    const text = await registry.metrics();
    expect(await value('airflow_executor_queued_tasks')).toBe(0);
    expect(await value('podwright_outcomes_total', { executor: 'k8s', state: 'success' })).toBe(1);
    expect(text).toContain('podwright_api_call_seconds_count{method="POST",resource="pods",status="201"} 2');
    expect(text).not.toMatch(/namespaces|d-a-/);
    metrics.remove(executor);
    executor.queueTask(work({}, 'e'));
    await registry.metrics();
    expect(await value('airflow_executor_queued_tasks')).toBe(0);
  });
});
