/** How long it takes from the end of a pod being written until a watcher's consumer is told. */
import { ListWatcher } from 'podwright';
import { rawRequests, textOf } from './contenders/raw.js';
import { clientOf, havePods, NAMESPACE, removePods } from './pods.js';
import { type BenchRow, type BenchServer, quantile } from './server.js';

const BENCH = 'seen';
const PODS = 500;

const digits = (value: number) => Number(value.toFixed(2));

/** One pod after the other ends, each once the one before was seen. */
export async function benchSeen({ kubeconfig, isEmbedded }: BenchServer): Promise<BenchRow> {
  const client = await clientOf(kubeconfig);
  const send = rawRequests({ kubeconfig, isEmbedded });
  const stop = new AbortController();
  try {
    await havePods(client, BENCH, PODS, isEmbedded);
    const watcher = new ListWatcher({ client, namespace: NAMESPACE, labelSelector: `bench=${BENCH}` });
    let onSeen: (name: string, at: number) => void = () => {};
    const listed = new Promise<void>((resolve) => {
      void (async () => {
        for await (const event of watcher.watch(stop.signal)) {
          if (event.type === 'init-done') resolve();
          if (event.type === 'apply' && event.pod.status?.phase === 'Succeeded')
            onSeen(event.pod.metadata?.name ?? '', performance.now());
        }
      })();
    });
    await listed;
    const [fromRequest, fromAnswer]: [number[], number[]] = [[], []];
    const body = JSON.stringify({ status: { phase: 'Succeeded' } });
    const headers = { 'content-type': 'application/merge-patch+json' };
    for (let index = 0; index < PODS; index += 1) {
      const name = `${BENCH}-${index}`;
      const seen = new Promise<number>((resolve) => {
        onSeen = (which, at) => which === name && resolve(at);
      });
      const startedAt = performance.now();
      await textOf(await send('PATCH', `/api/v1/namespaces/${NAMESPACE}/pods/${name}/status`, body, headers));
      const answeredAt = performance.now();
      const seenAt = await seen;
      fromRequest.push(seenAt - startedAt);
      fromAnswer.push(Math.max(0, seenAt - answeredAt));
    }
    return {
      client: 'podwright ListWatcher, one pod at a time',
      'seen after the write was sent p50 ms': digits(quantile(fromRequest, 0.5)),
      'p99 ms': digits(quantile(fromRequest, 0.99)),
      'after it was answered p50 ms': digits(quantile(fromAnswer, 0.5)),
      'answered p99 ms': digits(quantile(fromAnswer, 0.99)),
    };
  } finally {
    stop.abort();
    await removePods(client, BENCH);
    await client.close();
  }
}
