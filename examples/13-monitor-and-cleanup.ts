/**
 * Counts the pods of somebody else's workers and cleans up after them. Run it: npx tsx examples/13-monitor-and-cleanup.ts
 */
import { cleanupCompletedPods, PodMonitor } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const cluster = await FakeCluster.start({ kubelet: 'scripted' });
const kubeClient = cluster.kubeClient();
for (const [name, duration] of [
  ['first', '10ms'],
  ['second', '10ms'],
  ['third', '1h'],
] as const)
  await kubeClient.createPod('default', {
    metadata: { name, labels: { component: 'worker' }, annotations: { 'testing.podwright.dev/duration': duration } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'base', image: 'any' }] },
  });

const monitor = new PodMonitor({ kubeClient, labelSelector: 'component=worker' });
for await (const { running, succeeded } of monitor.watch({ interval: '50ms' }))
  if (running === 1 && succeeded === 2) break;
const status = await monitor.getPodStatus('third');
console.log(`third: ${status?.status} on ${status?.nodeName}`);

const { kept } = await monitor.cleanupOldPods({ maxAge: '12h' });
console.log(`older than twelve hours: none; ${kept.young} are young, ${kept.running} runs`);
const options = { completedAge: 0, labelSelector: 'component=worker' };
const dry = await cleanupCompletedPods(kubeClient, { ...options, dryRun: true });
console.log(`would go: ${dry.pods.map(({ pod }) => pod).join(', ')}`);
const { deleted, failures } = await cleanupCompletedPods(kubeClient, options);
console.log(`${deleted} deleted, ${failures.length} failed`);
await cluster.stop();
