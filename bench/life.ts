/** Whole lives: workloads through KubernetesExecutor to their outcomes. */
import {
  HttpKubeClient,
  type KubeClient,
  KubernetesExecutor,
  KubernetesJobWatcher,
  type WatchEvent,
  type Watcher,
} from 'podwright';
import { type BenchContext, type BenchRow, cpuMs, quantile } from './server.js';

/** Counts calls by method, and notes when the last pod was created. */
function counting(client: KubeClient, calls: Map<string, number>, lastCreate: { at: number }): KubeClient {
  return new Proxy(client, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls.set(String(name), (calls.get(String(name)) ?? 0) + 1);
        if (name === 'createPod') lastCreate.at = performance.now();
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

/** Notes when the watch has delivered the success of each pod. */
function noting(watcher: Watcher, succeededAt: Map<string, number>): Watcher {
  return {
    async *watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
      for await (const event of watcher.watch(signal)) {
        if ('pod' in event && event.pod.status?.phase === 'Succeeded') {
          const { namespace, name } = event.pod.metadata ?? {};
          const id = `${namespace}/${name}`;
          if (!succeededAt.has(id)) succeededAt.set(id, performance.now());
        }
        yield event;
      }
    },
    status: () => watcher.status(),
  };
}

/** Measures creates and outcomes per second, CPU per pod, peak memory, latencies and API calls per pod. */
export async function benchLife({ server, count, concurrency }: BenchContext): Promise<BenchRow[]> {
  const calls = new Map<string, number>();
  const lastCreate = { at: 0 };
  const kubeClient = counting(
    await HttpKubeClient.connect({ kubeconfig: server.kubeconfig, maxSockets: concurrency }),
    calls,
    lastCreate,
  );
  const stamp = Date.now().toString(36);
  const executorId = `bench-${stamp}`;
  const succeededAt = new Map<string, number>();
  const watcher = new KubernetesJobWatcher({
    client: kubeClient,
    namespaces: ['default'],
    labelSelector: `podwright.dev/executor-id=${executorId},podwright.dev/done!=true`,
  });
  const executor = await KubernetesExecutor.connect({
    kubeClient,
    executorId,
    watcher: noting(watcher, succeededAt),
    parallelism: count,
    config: { image: 'none', podCreationConcurrency: concurrency },
  });
  const annotations = server.isEmbedded ? { 'testing.podwright.dev/duration': '200ms' } : undefined;
  const toOutcome: number[] = [];
  executor.on('outcome', ({ ranAs = '' }) => {
    const seen = succeededAt.get(ranAs);
    if (seen !== undefined) toOutcome.push(performance.now() - seen);
  });
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 100);
  const [startedAt, cpu] = [performance.now(), cpuMs()];
  const runs = Array.from({ length: count }, (_, index) =>
    executor.queueTask({
      key: { dagId: 'bench', taskId: `t${index}`, runId: stamp },
      command: ['true'],
      executorConfig: { annotations },
    }),
  );
  const outcomes = await Promise.all(runs.map((run) => run.outcome));
  const seconds = (performance.now() - startedAt) / 1_000;
  await executor.end();
  const cpuPerPod = (cpuMs() - cpu) / count;
  clearInterval(sampling);
  const creating = (lastCreate.at - startedAt) / 1_000;
  const total = outcomes.map(({ times }) => times.endedAt - times.queuedAt);
  const perPod = (name: string) => Number(((calls.get(name) ?? 0) / count).toFixed(3));
  return [
    {
      workloads: count,
      failed: outcomes.filter(({ state }) => state === 'failed').length,
      'creates/s': Math.round(count / creating),
      'outcomes/s': Math.round(count / seconds),
      'CPU ms/pod': Number(cpuPerPod.toFixed(2)),
      'peak MB': Math.round(peak / 1024 / 1024),
      'success seen to outcome p50 ms': Number(quantile(toOutcome, 0.5).toFixed(2)),
      'seen p99 ms': Number(quantile(toOutcome, 0.99).toFixed(2)),
      'queued to outcome p50 ms': Math.round(quantile(total, 0.5)),
      'p99 ms': Math.round(quantile(total, 0.99)),
      'creates/pod': perPod('createPod'),
      'deletes/pod': perPod('deletePod'),
      'patches/pod': perPod('patchPod'),
      'reads/pod': perPod('readPod'),
    },
  ];
}
