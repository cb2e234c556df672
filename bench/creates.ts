/** Creating pods: our client against a raw keep-alive client, and against @kubernetes/client-node as documented. */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { HttpKubeClient, type Pod } from 'podwright';
import { type BenchContext, type BenchRow, cpuMs, inParallel } from './server.js';

const NAMESPACE = 'default';
const pod = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { bench: 'creates' }, annotations: { filler: 'x'.repeat(1_500) } },
  // A scheduler that does not exist keeps the pods from being run, so that only the create is measured.
  spec: {
    schedulerName: 'nobody',
    restartPolicy: 'Never',
    containers: [{ name: 'base', image: 'none', command: ['true'] }],
  },
});

function rawClient(kubeconfig: string): (body: Pod) => Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const url = new URL(config.getCurrentCluster()?.server ?? '');
  const user = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  const material = (data: string | undefined, file: string | undefined) =>
    data !== undefined ? Buffer.from(data, 'base64') : file === undefined ? undefined : readFileSync(file);
  const isTls = url.protocol === 'https:';
  const agent = isTls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  const options = {
    host: url.hostname,
    port: url.port,
    agent,
    method: 'POST',
    path: `/api/v1/namespaces/${NAMESPACE}/pods`,
    ca: material(cluster?.caData, cluster?.caFile),
    cert: material(user?.certData, user?.certFile),
    key: material(user?.keyData, user?.keyFile),
  };
  const headers = {
    'content-type': 'application/json',
    ...(user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` }),
  };
  return (body) =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const request = (isTls ? https : http).request(
        { ...options, headers: { ...headers, 'content-length': Buffer.byteLength(text) } },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            answer += chunk;
          });
          response.on('end', () => {
            if (response.statusCode !== 201) return reject(new Error(`create answered ${response.statusCode}`));
            JSON.parse(answer);
            resolve();
          });
        },
      );
      request.on('error', reject);
      request.end(text);
    });
}

/** Measures creates per second and CPU per create of each client in turn, and the ratios. */
export async function benchCreates({ server, count, concurrency }: BenchContext): Promise<BenchRow[]> {
  const ours = await HttpKubeClient.connect({ kubeconfig: server.kubeconfig, maxSockets: concurrency });
  const theirs = new KubeConfig();
  theirs.loadFromFile(server.kubeconfig);
  // It refuses plain HTTP otherwise, which the embedded server on loopback speaks.
  if (server.isEmbedded) theirs.clusters = theirs.clusters.map((cluster) => ({ ...cluster, skipTLSVerify: true }));
  const api = theirs.makeApiClient(CoreV1Api);
  const raw = rawClient(server.kubeconfig);
  const clients: Record<string, (body: Pod) => Promise<unknown>> = {
    'raw keep-alive': raw,
    podwright: (body) => ours.createPod(NAMESPACE, body),
    '@kubernetes/client-node': (body) => api.createNamespacedPod({ namespace: NAMESPACE, body: body as never }),
  };
  const stamp = Date.now().toString(36);
  const results: { client: string; perSecond: number; cpuPerCreate: number }[] = [];
  for (const [client, create] of Object.entries(clients)) {
    const run = (part: string, from: number, to: number) =>
      inParallel(
        to - from,
        concurrency,
        async (index) => void (await create(pod(`b-${stamp}-${part}-${client.length}-${from + index}`))),
      );
    await run('warm', 0, Math.min(100, count));
    const [startedAt, cpu] = [performance.now(), cpuMs()];
    await run('run', 0, count);
    const seconds = (performance.now() - startedAt) / 1_000;
    results.push({ client, perSecond: count / seconds, cpuPerCreate: (cpuMs() - cpu) / count });
    const { items } = await ours.listPods({ namespace: NAMESPACE, labelSelector: 'bench=creates' });
    await inParallel(
      items.length,
      concurrency,
      async (index) =>
        void (await ours.deletePod(NAMESPACE, items[index]?.metadata?.name ?? '', { gracePeriodSeconds: 0 })),
    );
  }
  await ours.close();
  const base = results[0];
  return results.map(({ client, perSecond, cpuPerCreate }) => ({
    client,
    'creates/s': Math.round(perSecond),
    'CPU ms/create': Number(cpuPerCreate.toFixed(3)),
    'throughput to raw': Number((perSecond / (base?.perSecond ?? 1)).toFixed(2)),
    'creates per CPU second to client-node': Number(((results[2]?.cpuPerCreate ?? 0) / cpuPerCreate).toFixed(2)),
  }));
}
