/** Who reads watches. Each watch begins with all pods as events, and is opened again until enough have come. */
import { Watch } from '@kubernetes/client-node';
import { ListWatcher } from 'podwright';
import type { Job } from '../job.js';
import { type Measured, measured } from '../measure.js';
import { BENCH_LABEL, clientOf, NAMESPACE } from '../pods.js';
import { type Contender, rawRequests, theirConfig } from './raw.js';

const SELECTOR = `${BENCH_LABEL}=watch`;
const PATH = `/api/v1/namespaces/${NAMESPACE}/pods`;

/** Reads by a tenth as many events first, so that what is measured is compiled code. */
async function warmed(job: Job, work: (job: Job) => Promise<void>): Promise<Measured> {
  await work({ ...job, count: Math.ceil(job.count / 10) });
  return measured(job.count, () => work(job));
}

/** Reads from one stream after the other. `read` opens one and calls back for each event; `true` ends it. */
async function untilEnough(
  { count }: Job,
  pods: number,
  read: (onEvent: () => boolean) => Promise<void>,
): Promise<void> {
  for (let seen = 0; seen < count; ) {
    let here = 0;
    await read(() => {
      seen += 1;
      here += 1;
      return seen >= count || here >= pods;
    });
  }
}

const podsOf = ({ count }: Job) => Math.min(count, POD_LIMIT);
/** So many pods are made for a watch. */
export const POD_LIMIT = 2_000;

/** By name. */
export const watchContenders: Readonly<Record<string, Contender>> = {
  raw: (job) => {
    const send = rawRequests(job);
    return warmed(job, (some) =>
      untilEnough(some, podsOf(job), async (onEvent) => {
        const response = await send('GET', `${PATH}?watch=true&labelSelector=${SELECTOR}`);
        response.setEncoding('utf8');
        let rest = '';
        for await (const chunk of response) {
          const lines = (rest + (chunk as string)).split('\n');
          rest = lines.pop() ?? '';
          if (lines.some((line) => JSON.parse(line) !== undefined && onEvent())) return;
        }
      }),
    );
  },
  podwright: async (job) => {
    const client = await clientOf(job.kubeconfig);
    return warmed(job, (some) =>
      untilEnough(some, podsOf(job), async (onEvent) => {
        const events = client.watchPods({ namespace: NAMESPACE, labelSelector: SELECTOR, omitManagedFields: true });
        for await (const _ of events) if (onEvent()) return;
      }),
    );
  },
  'podwright ListWatcher': async (job) => {
    const client = await clientOf(job.kubeconfig);
    return warmed(job, (some) =>
      untilEnough(some, podsOf(job), async (onEvent) => {
        const watcher = new ListWatcher({ client, namespace: NAMESPACE, labelSelector: SELECTOR });
        for await (const event of watcher.watch(new AbortController().signal)) if ('pod' in event && onEvent()) return;
      }),
    );
  },
  'client-node': async (job) => {
    const watch = new Watch(theirConfig(job));
    return warmed(job, (some) =>
      untilEnough(some, podsOf(job), async (onEvent) => {
        let isOver = false;
        const { promise, finish } = ending();
        const request = await watch.watch(
          PATH,
          { labelSelector: SELECTOR },
          () => {
            if (isOver || !onEvent()) return;
            isOver = true;
            finish();
          },
          finish,
        );
        await promise;
        request.abort();
      }),
    );
  },
};

function ending(): { readonly promise: Promise<void>; readonly finish: () => void } {
  let finish = () => {};
  const promise = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { promise, finish };
}
