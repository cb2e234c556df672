/**
 * Records a run, tells what it cost, and what KEDA would have done with it. Run it: npx tsx examples/14-scaling-and-cost.ts
 */
import {
  costOfRun,
  desiredPods,
  KubernetesExecutor,
  metricsApiTrigger,
  parseRunRecords,
  recordRun,
  renderScalingChart,
  scaledObject,
  serveMetrics,
  simulateScaling,
} from 'podwright';
import { FakeCluster } from 'podwright/testing';

// An hour of pods takes no time on a virtual clock.
const cluster = await FakeCluster.start({ kubelet: 'scripted', clock: 'virtual' });
const starting = KubernetesExecutor.connect({
  kubeClient: cluster.kubeClient(),
  clock: cluster.clock,
  config: { image: 'any', resources: { requests: { cpu: '1', memory: '2Gi' } } },
});
await cluster.clock.settle();
const executor = await starting;
let record = '';
recordRun(executor, { write: (line) => (record += line) });
const metrics = await serveMetrics({ executors: [executor] });

const annotations = { 'testing.podwright.dev/duration': '20m' };
const runs = Array.from({ length: desiredPods(40, { max: 30 }) }, (_, index) =>
  executor.queueTask({
    key: { dagId: 'orders', taskId: `load-${index}`, runId: '42' },
    command: ['load'],
    executorConfig: { annotations, labels: { team: index % 2 ? 'etl' : 'web' } },
  }),
);
console.log(`KEDA reads ${metrics.url}/scaling: ${JSON.stringify(metrics.numbers())}`);
await cluster.clock.advance('30m');
await Promise.all(runs.map((run) => run.outcome));

const { records } = parseRunRecords(record);
const { total, hours, byLabel } = costOfRun(records, { label: 'team' });
console.log(
  `${hours.toFixed(1)} pod hours for $${total.toFixed(2)}, of it $${byLabel.etl?.total.toFixed(2)} for team etl`,
);
console.log(renderScalingChart(simulateScaling(records, { perWorker: 4, maxReplicaCount: 5 }), 40));
const triggers = [metricsApiTrigger({ url: 'http://host:9100/scaling', targetValue: 4 })];
console.log(`${scaledObject({ name: 'worker', target: 'worker', maxReplicaCount: 5, triggers }).kind} is right`);
const ending = executor.end();
await cluster.clock.advance('10s');
await ending;
await metrics.close();
await cluster.stop();
