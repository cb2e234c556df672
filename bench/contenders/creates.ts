/** Who creates pods. */
import { CoreV1Api } from '@kubernetes/client-node';
import type { Pod } from 'podwright';
import type { Job } from '../job.js';
import { type Measured, measured } from '../measure.js';
import { clientOf, NAMESPACE } from '../pods.js';
import { inParallel } from '../server.js';
import { type Contender, rawRequests, textOf, theirConfig } from './raw.js';

const WARM_UP = 100;

const podNamed = (name: string): Pod => ({
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

async function timed({ count, concurrency, stamp }: Job, create: (pod: Pod) => Promise<unknown>): Promise<Measured> {
  const run = (part: string, some: number) =>
    inParallel(some, concurrency, async (index) => void (await create(podNamed(`b-${stamp}-${part}-${index}`))));
  await run('warm', Math.min(WARM_UP, count));
  return measured(count, () => run('run', count));
}

/** By name. */
export const createContenders: Readonly<Record<string, Contender>> = {
  raw: (job) => {
    const send = rawRequests(job);
    const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
    return timed(job, async (pod) => JSON.parse(await textOf(await send('POST', path, JSON.stringify(pod)))));
  },
  podwright: async (job) => {
    // Two places are always kept for deletes and leases.
    const client = await clientOf(job.kubeconfig, job.concurrency + 2);
    return timed(job, (pod) => client.createPod(NAMESPACE, pod));
  },
  'client-node': (job) => {
    const api = theirConfig(job).makeApiClient(CoreV1Api);
    return timed(job, (body) => api.createNamespacedPod({ namespace: NAMESPACE, body: body as never }));
  },
};
