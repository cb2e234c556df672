/** Pods that look like those of a busy cluster, and a quick way to have many of them. */
import { HttpKubeClient, type Pod } from 'podwright';
import { inParallel } from './server.js';

/** The namespace of all benchmarks. */
export const NAMESPACE = 'default';
/** Label that every pod of a benchmark carries, with the name of the benchmark. */
export const BENCH_LABEL = 'bench';

/** What a kubelet and a scheduler write by and by; a third of a real pod is such bookkeeping. */
const managedFields = ['podwright', 'kube-scheduler', 'kubelet'].map((manager) => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time: '2026-01-01T00:00:00Z',
  fieldsType: 'FieldsV1',
  fieldsV1: {
    'f:metadata': { 'f:labels': { '.': {}, 'f:bench': {} }, 'f:annotations': { '.': {}, 'f:filler': {} } },
    'f:spec': {
      'f:containers': {
        'k:{"name":"base"}': Object.fromEntries(
          ['command', 'env', 'image', 'imagePullPolicy', 'name', 'resources', 'terminationMessagePath'].map((field) => [
            `f:${field}`,
            {},
          ]),
        ),
      },
      'f:restartPolicy': {},
      'f:schedulerName': {},
    },
  },
}));

/** So many variables make a pod of 5.8 KB: fewer where the server keeps managed fields, which the embedded one does not. */
const VARIABLES = { real: 30, embedded: 84 } as const;

/** A pod that nobody schedules, of about 5.8 KB as the server sends it. */
function largePod(name: string, bench: string, variables: number): Pod {
  const metadata = {
    name,
    labels: { [BENCH_LABEL]: bench, 'app.kubernetes.io/name': 'worker' },
    annotations: { filler: 'x'.repeat(600) },
    managedFields,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadata as NonNullable<Pod['metadata']>,
    spec: {
      schedulerName: 'nobody',
      restartPolicy: 'Never',
      containers: [
        {
          name: 'base',
          image: 'registry.example.com/team/worker:1.2.3',
          command: ['sh', '-c', 'exec work --once'],
          env: Array.from({ length: variables }, (_, index) => ({
            name: `VARIABLE_${index}`,
            value: `value of ${index}`,
          })),
          resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '1Gi' } },
        },
      ],
    },
  };
}

const selectorOf = (bench: string) => `${BENCH_LABEL}=${bench}`;

/** Makes sure that there are as many pods of a benchmark. */
export async function havePods(
  client: HttpKubeClient,
  bench: string,
  count: number,
  isEmbedded: boolean,
): Promise<void> {
  const variables = isEmbedded ? VARIABLES.embedded : VARIABLES.real;
  await inParallel(count, 32, async (index) => {
    await client.createPod(NAMESPACE, largePod(`${bench}-${index}`, bench, variables));
  });
}

/** Removes all pods of a benchmark. */
export async function removePods(client: HttpKubeClient, bench: string): Promise<void> {
  for (;;) {
    const { items } = await client.listPods({ namespace: NAMESPACE, labelSelector: selectorOf(bench), limit: 500 });
    if (items.length === 0) return;
    await inParallel(items.length, 32, async (index) => {
      await client.deletePod(NAMESPACE, items[index]?.metadata?.name ?? '', { gracePeriodSeconds: 0 });
    });
  }
}

/** A client for a server under test. */
export function clientOf(kubeconfig: string, maxSockets = 32): Promise<HttpKubeClient> {
  return HttpKubeClient.connect({ kubeconfig, maxSockets, flowControl: { maxInFlight: maxSockets } });
}
