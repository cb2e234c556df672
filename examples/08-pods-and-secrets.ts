/**
 * Where a pod comes from: a template with names of the task filled in, a layer for its queue, what the task says itself, a policy for that,
 * and a secret that stands in no manifest. Run it: npx tsx examples/08-pods-and-secrets.ts
 */
import { InvalidPodError, KubernetesExecutor, secret, type Workload } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const cluster = await FakeCluster.start({ kubelet: 'scripted' });
const executor = await KubernetesExecutor.connect({
  kubeClient: cluster.kubeClient(),
  podTemplate: {
    metadata: { labels: { team: '{{ params.team | lower }}' } },
    spec: { containers: [{ name: 'base', image: 'registry.example.com/{{ dag_id }}:1.4' }] },
  },
  pods: {
    templating: true,
    queueLayers: { 'gpu-*': { requestCpu: '2', tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists' }] } },
    policy: { images: ['registry.example.com/*'], maxResources: { memory: '16Gi' } },
  },
});

const task: Workload = {
  key: { dagId: 'orders', taskId: 'train', runId: '42', tryNumber: 1 },
  command: ['train', '--fast'],
  queue: 'gpu-small',
  context: { params: { team: 'Sales' } },
  executorConfig: { requestMemory: '4Gi', env: { DB_PASSWORD: secret('hunter2') } },
};

// What will be sent, and who said so; nothing is created.
const { manifest, provenance } = executor.render(task, { explain: true });
console.log(manifest.spec?.containers[0]?.image, manifest.metadata?.labels?.team);
for (const path of [
  'spec.tolerations[0].key',
  'spec.containers[0].resources.requests.memory',
  'spec.containers[0].image',
])
  console.log(`${path}: ${provenance[path]}`);

// What goes beyond the policy is refused with its place.
try {
  executor.render({ ...task, executorConfig: { requestMemory: '64Gi', image: 'docker.io/miner' } });
} catch (error) {
  if (!(error instanceof InvalidPodError)) throw error;
  for (const { field, rule } of error.problems) console.log(`refused: ${field} ${rule}`);
}

const outcome = await executor.queueTask(task).outcome;
const seen = JSON.stringify([manifest, cluster.pods(), outcome]);
console.log(`${outcome.state}; the secret was ${seen.includes('hunter2') ? 'seen' : 'not seen'}`);

await executor.end();
await cluster.stop();
