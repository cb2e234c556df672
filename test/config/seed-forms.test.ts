/** The forms that people know from Airflow's documentation and from what is written about it, taken literally. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import type { QueuedTask } from '../../src/core/outcome.js';
import { taskInstanceKey } from '../../src/core/task-key.js';
import { KubernetesExecutor } from '../../src/executors/kubernetes/kubernetes-executor.js';
import { kubernetesConfigOf } from '../../src/pod/executor-config.js';
import { TemplatePodGenerator } from '../../src/pod/pod-generator.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'forms-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const load = (text: string) => loadConfig({ airflowCfg: write('airflow.cfg', text), env: { HOME: '/home/me' } });
const queued = (executorConfig?: object, queue?: string): QueuedTask => ({
  key: taskInstanceKey({
    dagId: 'kubernetes_executor_example',
    taskId: 'kubernetes_task',
    runId: 'manual__2023-01-01',
  }),
  command: ['airflow', 'tasks', 'run'],
  queue,
  priority: 0,
  executorConfig,
});
const context = { launch: 1, spent: { infra: 0, oom: 0, task: 0 }, executorId: 'scheduler' };

describe('airflow.cfg', () => {
  it('of a single cluster', () => {
    const { config, notices } = load(`[kubernetes_executor]
# Kubernetes namespace for pods
namespace = default

# Pod template file (optional)
pod_template_file = /path/to/pod_template.yaml

# Worker container image
worker_container_repository = apache/airflow
worker_container_tag = 2.7.0

# Delete pods after completion
delete_worker_pods = True
delete_worker_pods_on_failure = False

# In-cluster configuration
in_cluster = True

# Cluster context (for out-of-cluster)
cluster_context = my-cluster

# Config file path (for out-of-cluster)
config_file = ~/.kube/config
# Enable multi-namespace mode
multi_namespace_mode = True

# Specific namespaces (when not using cluster role)
multi_namespace_mode_namespace_list = namespace1,namespace2,namespace3
# Number of pods to create per scheduler loop
worker_pods_creation_batch_size = 3

# Task publish retry configuration
task_publish_max_retries = 3

# API client retry configuration
api_client_retry_configuration = {"total": 3, "backoff_factor": 0.5}
# Pod termination grace period
termination_grace_period_seconds = 30
`);
    expect(notices).toEqual([]);
    expect(config.kubernetes).toMatchObject({
      namespace: 'default',
      podTemplateFile: '/path/to/pod_template.yaml',
      configFile: '/home/me/.kube/config',
      watchNamespaces: ['namespace1', 'namespace2', 'namespace3'],
      podCreationConcurrency: 3,
      taskPublishMaxRetries: 3,
      requestRetries: 3,
      terminationGracePeriodSeconds: 30,
    });
  });

  it('of the older section', () => {
    const { config } = load(`[core]
executor = KubernetesExecutor

[kubernetes]
# Namespace for worker pods
namespace = airflow
# Worker pod image
worker_container_image = apache/airflow:2.8.0
# Service account name
worker_service_account_name = airflow-worker
# Resource limits for worker pods
worker_resource_request_cpu = 500m
worker_resource_request_memory = 1Gi
worker_resource_limit_cpu = 1000m
worker_resource_limit_memory = 2Gi
# Pod template file
pod_template_file = /opt/airflow/pod_templates/default_template.yaml
delete_worker_pods = True
delete_worker_pods_on_failure = True
# Pod creation timeout (seconds)
pod_creation_timeout = 600
# Maximum number of pods per task
max_pod_pending_timeout = 600
# Image pull policy
image_pull_policy = IfNotPresent
# Node selector for worker pods
worker_node_selector = {"node-type": "worker"}
# Tolerations for worker pods
worker_tolerations = [{"key": "dedicated", "operator": "Equal", "value": "worker", "effect": "NoSchedule"}]
`);
    expect(config.kubernetes).toEqual({
      namespace: 'airflow',
      image: 'apache/airflow:2.8.0',
      serviceAccountName: 'airflow-worker',
      resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1000m', memory: '2Gi' } },
      podTemplateFile: '/opt/airflow/pod_templates/default_template.yaml',
      deleteWorkerPods: true,
      deleteWorkerPodsOnFailure: true,
      startingTimeout: '600s',
      pendingTimeout: '600s',
      imagePullPolicy: 'IfNotPresent',
      nodeSelector: { 'node-type': 'worker' },
      tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'worker', effect: 'NoSchedule' }],
    });
  });

  it('is what an executor is built from', async () => {
    const cluster = await FakeCluster.start({ listen: false, kubelet: 'none' });
    const { executorOptions } = load(`[core]
parallelism = 7
[kubernetes_executor]
namespace = default
worker_container_repository = my-registry/airflow
worker_container_tag = 2.7.0-custom
worker_service_account_name = airflow-worker
run_as_user = 50000
`);
    const executor = new KubernetesExecutor({ ...executorOptions, kubeClient: cluster.kubeClient() });
    expect(executor.slotsAvailable).toBe(7);
    const { manifest } = executor.render({ key: queued().key, command: ['a'] });
    expect(manifest.spec).toMatchObject({
      serviceAccountName: 'airflow-worker',
      securityContext: { runAsUser: 50000 },
      containers: [{ name: 'base', image: 'my-registry/airflow:2.7.0-custom' }],
    });
    await cluster.stop();
  });
});

const TEMPLATE = `
apiVersion: v1
kind: Pod
metadata:
  labels:
    app: airflow-worker
    component: worker
spec:
  serviceAccountName: airflow-worker
  containers:
    - name: base
      image: apache/airflow:2.8.0
      command:
        - "airflow"
        - "serve-logs"
      resources:
        requests:
          cpu: 500m
          memory: 1Gi
        limits:
          cpu: 1000m
          memory: 2Gi
      env:
        - name: AIRFLOW__CORE__EXECUTOR
          value: "KubernetesExecutor"
        - name: AIRFLOW__DATABASE__SQL_ALCHEMY_CONN
          valueFrom:
            secretKeyRef:
              name: airflow-secrets
              key: database-url
      volumeMounts:
        - name: airflow-config
          mountPath: /opt/airflow/airflow.cfg
          subPath: airflow.cfg
        - name: dags
          mountPath: /opt/airflow/dags
      securityContext:
        runAsUser: 50000
        runAsGroup: 0
  volumes:
    - name: airflow-config
      configMap:
        name: airflow-config
    - name: dags
      persistentVolumeClaim:
        claimName: airflow-dags-pvc
  nodeSelector:
    node-type: worker
  tolerations:
    - key: "dedicated"
      operator: "Equal"
      value: "worker"
      effect: "NoSchedule"
  restartPolicy: Never
`;

const FLAT = {
  namespace: 'custom-namespace',
  image: 'custom-image:latest',
  request_memory: '1Gi',
  request_cpu: '500m',
  limit_memory: '2Gi',
  limit_cpu: '1000m',
  labels: { team: 'data-engineering' },
  annotations: { monitoring: 'enabled' },
  env_vars: [{ name: 'CUSTOM_VAR', value: 'custom_value' }],
  secrets: [{ deploy_type: 'env', deploy_target: 'DB_PASSWORD', secret: 'database-secret', key: 'password' }],
  volumes: [{ name: 'data-volume', persistentVolumeClaim: { claimName: 'data-pvc' } }],
  volume_mounts: [{ name: 'data-volume', mountPath: '/data' }],
  node_selector: { disktype: 'ssd' },
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }] }],
      },
    },
  },
  tolerations: [{ key: 'compute-type', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' }],
};

describe('executor configs', () => {
  const generator = () => new TemplatePodGenerator({ template: write('pod.yaml', TEMPLATE) });

  it.each([
    ['below KubernetesExecutor', { KubernetesExecutor: FLAT }],
    ['flat', FLAT],
  ])('with everything in it, %s', (_, config) => {
    const pod = generator().generate(queued(config), context);
    expect(pod.metadata).toMatchObject({
      namespace: 'custom-namespace',
      labels: { app: 'airflow-worker', team: 'data-engineering' },
      annotations: { monitoring: 'enabled' },
    });
    expect(pod.spec).toMatchObject({
      nodeSelector: { 'node-type': 'worker', disktype: 'ssd' },
      tolerations: FLAT.tolerations,
      affinity: FLAT.affinity,
    });
    expect(pod.spec?.volumes?.map(({ name }) => name)).toEqual(['data-volume', 'airflow-config', 'dags']);
    const [base] = pod.spec?.containers ?? [];
    expect(base).toMatchObject({
      image: 'custom-image:latest',
      resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1000m', memory: '2Gi' } },
    });
    expect(base?.env).toEqual(
      expect.arrayContaining([
        { name: 'CUSTOM_VAR', value: 'custom_value' },
        { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'database-secret', key: 'password' } } },
        { name: 'AIRFLOW__CORE__EXECUTOR', value: 'KubernetesExecutor' },
      ]),
    );
    expect(base?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([
      '/data',
      '/opt/airflow/airflow.cfg',
      '/opt/airflow/dags',
    ]);
  });

  it('of a GPU queue', () => {
    const config = {
      KubernetesExecutor: {
        namespace: 'gpu-namespace',
        node_selector: { accelerator: 'nvidia-gpu' },
        tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
        resources: { limits: { 'nvidia.com/gpu': '1' } },
      },
    };
    const pod = generator().generate(queued(config, 'gpu-queue'), context);
    expect(pod.spec?.containers[0]?.resources?.limits).toEqual({ cpu: '1000m', memory: '2Gi', 'nvidia.com/gpu': '1' });
    expect(pod.spec?.tolerations).toEqual(config.KubernetesExecutor.tolerations);
  });

  it('as kubernetes_config with a template of its own', () => {
    const heavy = write('heavy_computation.yaml', TEMPLATE.replace('apache/airflow:2.8.0', 'heavy:1'));
    const config = {
      kubernetes_config: {
        pod_template_file: heavy,
        resources: { requests: { cpu: '2', memory: '4Gi' }, limits: { cpu: '4', memory: '8Gi' } },
      },
    };
    const [base] = generator().generate(queued(config), context).spec?.containers ?? [];
    expect(base).toMatchObject({ image: 'heavy:1', ...{ resources: config.kubernetes_config.resources } });
  });

  it('with labels and annotations for monitoring', () => {
    const annotations = { 'prometheus.io/scrape': 'true', 'logging.coreos.com/enabled': 'true' };
    const config = { KubernetesExecutor: { labels: { app: 'airflow', version: '2.7.0' }, annotations } };
    expect(generator().generate(queued(config), context).metadata).toMatchObject({
      labels: { app: 'airflow', component: 'worker', version: '2.7.0' },
      annotations,
    });
  });

  it('with what an adaptive allocation returns', () => {
    const config = { kubernetes_config: { resources: { cpu: '2', memory: '4Gi', priority: 'high' } } };
    expect(kubernetesConfigOf(config).resources).toEqual({ cpu: '2', memory: '4Gi', priority: 'high' });
    const small = new TemplatePodGenerator({ image: 'a:1' }).generate(queued(config), context);
    expect(small.spec?.containers[0]?.resources).toEqual({ requests: { cpu: '2', memory: '4Gi' } });
  });

  it('with resources from a template that stands for an object', () => {
    const filled = new TemplatePodGenerator({ image: 'a:1', templating: true });
    const config = { kubernetes_config: { resources: '{{ resources }}' } };
    const resources = { cpu: '500m', memory: '1Gi', priority: 'low' };
    const task = { ...queued(config), context: { resources } };
    expect(() => filled.validate(task)).not.toThrow();
    const pod = filled.generate(task, context);
    expect(pod.spec?.containers[0]?.resources).toEqual({ requests: { cpu: '500m', memory: '1Gi' } });
    expect(() => filled.validate({ ...task, context: {} })).toThrow(/executorConfig\.kubernetes_config\.resources/);
  });

  it('never fills in what a value looks like', () => {
    const filled = new TemplatePodGenerator({ image: 'a:1', templating: true });
    const task = { ...queued({ env: { A: '{{ text }}' } }), context: { text: '{{ dag_id }}' } };
    expect(filled.generate(task, context).spec?.containers[0]?.env).toContainEqual({
      name: 'A',
      value: '{{ dag_id }}',
    });
  });
});
