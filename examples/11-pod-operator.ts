/**
 * Two pods as two steps, one after the other: the first keeps its pod, the second leaves a result. The cluster is the embedded one; on
 * a real one leave `kubeClient` out, and `inCluster: true` takes the host's service account. Run it: npx tsx examples/11-pod-operator.ts
 */
import { KubernetesPodOperator } from 'podwright';
import { FakeCluster } from 'podwright/testing';

const cluster = await FakeCluster.start({ kubelet: 'process' });
const namespace = 'airflow-k8spodoperator';
await fetch(`${cluster.url}/api/v1/namespaces`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
});

const shared = { image: 'ubuntu:16.04', namespace, labels: { foo: 'bar' }, kubeClient: cluster.kubeClient() };
const task1 = new KubernetesPodOperator({
  ...shared,
  cmds: ['bash', '-cx'],
  arguments: ['echo 10'],
  name: 'test-using-k8spodoperator-task-1',
  task_id: 'task-1-echo',
  is_delete_operator_pod: false,
  onLog: ({ text }) => console.log(`log: ${text}`),
});
const task2 = new KubernetesPodOperator({
  ...shared,
  cmds: ['bash', '-c'],
  arguments: ['sleep 0.3; echo \'{"slept": true}\' > "$PODWRIGHT_TERMINATION_LOG"'],
  name: 'test-using-k8spodoperator-task-2',
  task_id: 'task-2-sleep',
  result: { schema: { type: 'object', required: ['slept'] } },
});

const context = { dagId: 'example_using_k8s_pod_operator', runId: '2020-08-07' };
const echo = await task1.execute({ context });
console.log(`task-1-echo: ${echo.state}, exit code ${echo.exitCode}`);
const sleep = await task2.execute({ context, signal: AbortSignal.timeout(60_000) });
console.log(`its result: ${JSON.stringify(sleep.result)}`);
const left = cluster.pods(namespace).filter(({ metadata }) => `${namespace}/${metadata?.name}` !== echo.pod);
console.log(`task-2-sleep: ${sleep.state}, ${left.length} pods are left besides task-1-echo's`);
await cluster.stop();
