/**
 * What a cluster has, whether a pod finds room, and requests that depend on what is free. Run it: npx tsx examples/12-capacity.ts
 */
import { AdaptiveRequests, adaptiveAllocation, ClusterResources, KubernetesExecutor } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const cluster = await FakeCluster.start({
  kubelet: 'scripted',
  nodes: [
    { name: 'small', capacity: { cpu: '5', memory: '16Gi' } },
    { name: 'gpu', capacity: { cpu: '8', 'nvidia.com/gpu': '1' }, taints: [{ key: 'gpu', effect: 'NoSchedule' }] },
  ],
});
const client = cluster.kubeClient();

const resources = await ClusterResources.read(client);
console.log(
  `${resources.total.available.cpu} cores are free, ${resources.totalOf('tainted').available.cpu} more with taints`,
);
console.log('the usual tiers give', adaptiveAllocation()(resources));

const pod = (requests: Record<string, string>) => ({
  spec: { containers: [{ name: 'base', resources: { requests } }] },
});
for (const requests of [{ cpu: '2' }, { cpu: '6' }, { 'nvidia.com/gpu': '1' }]) {
  const { answer, reason } = resources.canRun(pod(requests));
  console.log(`${JSON.stringify(requests)}: ${answer}, ${reason}`);
}

const adaptive = await AdaptiveRequests.start(client);
const executor = await KubernetesExecutor.connect({
  kubeClient: client,
  config: { image: 'any' },
  mutatePod: adaptive.mutatePod,
});
const runs = ['first', 'second', 'third'].map((taskId) =>
  executor.queueTask({ key: { dagId: 'orders', taskId, runId: '42' }, command: ['work'] }),
);
const given = (await Promise.all(runs.map((run) => run.outcome))).map(({ requests }) => requests?.cpu);
console.log(`given: ${given.join(', ')}`);
adaptive.stop();
await executor.end();
await cluster.stop();
