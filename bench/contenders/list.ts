/** Who lists pods for the first time, and keeps what a watcher of theirs keeps. */
import { CoreV1Api, makeInformer, type V1Pod } from '@kubernetes/client-node';
import { ListWatcher, type Pod } from 'podwright';
import type { Job } from '../job.js';
import { type Measured, measured } from '../measure.js';
import { BENCH_LABEL, clientOf, NAMESPACE } from '../pods.js';
import { type Contender, rawRequests, textOf, theirConfig } from './raw.js';

const SELECTOR = `${BENCH_LABEL}=list`;
const PATH = `/api/v1/namespaces/${NAMESPACE}/pods`;
const PAGE = 500;

async function watched(job: Job, streamingList: boolean): Promise<Measured> {
  const client = await clientOf(job.kubeconfig);
  const watcher = new ListWatcher({ client, namespace: NAMESPACE, labelSelector: SELECTOR, streamingList });
  const stop = new AbortController();
  const events = watcher.watch(stop.signal)[Symbol.asyncIterator]();
  return measured(job.count, async () => {
    for (;;) {
      const { value } = await events.next();
      if (value?.type === 'init-done') return watcher;
    }
  });
}

/** The list that is taken beside a running stream, and told to the consumer as a whole. */
async function resynced(job: Job): Promise<Measured> {
  const client = await clientOf(job.kubeconfig);
  const watcher = new ListWatcher({ client, namespace: NAMESPACE, labelSelector: SELECTOR, resyncIntervalMs: 2_000 });
  const events = watcher.watch(new AbortController().signal)[Symbol.asyncIterator]();
  const listed = async () => {
    while ((await events.next()).value?.type !== 'init-done');
    return watcher;
  };
  await listed();
  return measured(job.count, listed);
}

/** By name. */
export const listContenders: Readonly<Record<string, Contender>> = {
  'raw pages': (job) => {
    const send = rawRequests(job);
    return measured(job.count, async () => {
      const versions = new Map<string, string>();
      for (let token = ''; ; ) {
        const query = new URLSearchParams({ limit: String(PAGE), labelSelector: SELECTOR, continue: token });
        const page = JSON.parse(await textOf(await send('GET', `${PATH}?${query}`))) as {
          items: Pod[];
          metadata: { continue?: string };
        };
        for (const { metadata } of page.items) versions.set(metadata?.uid ?? '', metadata?.resourceVersion ?? '');
        token = page.metadata.continue ?? '';
        if (token === '') return versions;
      }
    });
  },
  'podwright stream': (job) => watched(job, true),
  'podwright pages': (job) => watched(job, false),
  'podwright resync': resynced,
  'client-node informer': async (job) => {
    const config = theirConfig(job);
    const api = config.makeApiClient(CoreV1Api);
    const list = () => api.listNamespacedPod({ namespace: NAMESPACE, labelSelector: SELECTOR });
    const informer = makeInformer<V1Pod>(config, PATH, list, SELECTOR);
    return measured(job.count, async () => {
      await informer.start();
      return informer;
    });
  },
};
