/** Wrong configurations of every kind; each is refused with the key, the rule and the place, and nothing that may be a secret is shown. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadConfigOptions, loadConfig } from '../../src/config/load-config.js';
import { ConfigError, type ConfigProblem, InvalidWorkloadError } from '../../src/errors.js';
import { kubernetesConfigOf } from '../../src/pod/executor-config.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'broken-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(options: LoadConfigOptions): readonly ConfigProblem[] {
  try {
    loadConfig(options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe('ERR_PODWRIGHT_CONFIG');
    expect((error as Error).message).not.toContain('hunter2');
    return (error as ConfigError).problems;
  }
  throw new Error('it was accepted');
}
const inFile = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Key and value of [kubernetes_executor], and the field that the problem names; by default the key itself. */
const AIRFLOW: readonly (readonly [key: string, value: string, field?: string])[] = [
  ['namespace', 'No_Good', 'kubernetes.namespace'],
  ['namespace', 'a'.repeat(64), 'kubernetes.namespace'],
  ['namespace', 'a.b', 'kubernetes.namespace'],
  ['image_pull_policy', 'Sometimes', 'kubernetes.imagePullPolicy'],
  ['image_pull_policy', 'always', 'kubernetes.imagePullPolicy'],
  ['image_pull_secrets', 'Reg Cred', 'kubernetes.imagePullSecrets[0]'],
  ['image_pull_secrets', 'ok,Not_Ok', 'kubernetes.imagePullSecrets[1]'],
  ['worker_service_account_name', 'Not A Name', 'kubernetes.serviceAccountName'],
  ['env_from_secret_ref', 'UPPER', 'kubernetes.envFromSecrets[0]'],
  ['env_from_configmap_ref', 'a,b_c', 'kubernetes.envFromConfigMaps[1]'],
  ['worker_node_selector', "{'a': 'b'}"],
  ['worker_node_selector', '["a"]'],
  ['worker_node_selector', '{"a": 1}', 'kubernetes.nodeSelector.a'],
  ['worker_tolerations', '{"key": "a"}'],
  ['worker_tolerations', '[1]', 'kubernetes.tolerations[0]'],
  ['worker_tolerations', '[{"key": "a"}'],
  ['affinity', 'nodeAffinity'],
  ['affinity', '[]'],
  ['worker_annotations', '{"a": true}', 'kubernetes.annotations.a'],
  ['worker_annotations', 'a=b'],
  ['worker_labels', '{"a": null}', 'kubernetes.labels.a'],
  ['run_as_user', 'root'],
  ['run_as_user', '-1', 'kubernetes.runAsUser'],
  ['run_as_user', '1.5'],
  ['fs_group', 'staff'],
  ['delete_worker_pods', 'yes'],
  ['delete_worker_pods', '2'],
  ['delete_worker_pods', 'on'],
  ['delete_worker_pods_on_failure', 'never'],
  ['worker_pods_creation_batch_size', '0', 'kubernetes.podCreationConcurrency'],
  ['worker_pods_creation_batch_size', '100000', 'kubernetes.podCreationConcurrency'],
  ['worker_pods_creation_batch_size', 'many'],
  ['worker_pods_creation_batch_size', '1e3'],
  ['pod_creation_max_concurrency', '-3', 'kubernetes.podCreationConcurrency'],
  ['multi_namespace_mode', 'perhaps'],
  ['pod_creation_timeout', 'ten minutes'],
  ['pod_creation_timeout', '-5'],
  ['max_pod_pending_timeout', '10m'],
  ['worker_pods_pending_timeout', 'x'],
  ['termination_grace_period_seconds', '-1', 'kubernetes.terminationGracePeriodSeconds'],
  ['termination_grace_period_seconds', '0.5'],
  ['delete_option_kwargs', 'grace_period_seconds=10'],
  ['delete_option_kwargs', '{"grace_period_seconds": "10"}', 'kubernetes.terminationGracePeriodSeconds'],
  ['delete_option_kwargs', '{"graceperiod": 10}', 'delete_option_kwargs.graceperiod'],
  ['delete_option_kwargs', '[]'],
  ['kube_client_request_args', '{"_request_timeout": "60"}', 'kube_client_request_args._request_timeout'],
  ['kube_client_request_args', '{"_request_timeout": [60, "60"]}', 'kube_client_request_args._request_timeout'],
  ['kube_client_request_args', '{"_request_timeout": []}', 'kube_client_request_args._request_timeout'],
  ['kube_client_request_args', '{"_request_timeout": -1}', 'kube_client_request_args._request_timeout'],
  ['kube_client_request_args', '60'],
  ['api_client_retry_configuration', '{"total": "3"}', 'kubernetes.requestRetries'],
  ['api_client_retry_configuration', '{"total": 1.5}', 'kubernetes.requestRetries'],
  ['api_client_retry_configuration', '{"backoff_factor": "x"}', 'api_client_retry_configuration.backoff_factor'],
  ['api_client_retry_configuration', '{total: 3}'],
  ['task_publish_max_retries', '-2', 'kubernetes.taskPublishMaxRetries'],
  ['task_publish_max_retries', 'unlimited'],
  ['pod_launch_failure_retries', '-5', 'kubernetes.podLaunchFailureRetries'],
  ['enable_tcp_keepalive', 'maybe'],
  ['tcp_keep_idle', 'idle'],
  ['in_cluster', 'sometimes'],
  ['namespace', '100%'],
  ['namespace', '%(nope)s'],
  ['namespace', '%s'],
  ['namspace', 'x'],
  ['workers_container_tag', 'x'],
  ['pod_template', 'x'],
  ['namespace_cmd', 'hunter2'],
  ['config_file_cmd', 'cat /hunter2'],
];

describe('airflow.cfg with a wrong value', () => {
  it.each(AIRFLOW)('%s = %s', (key, value, field = `[kubernetes_executor] ${key}`) => {
    const file = inFile('airflow.cfg', `[kubernetes_executor]\n# a comment\n${key} = ${value}\n`);
    const problems = problemsOf({ airflowCfg: file });
    expect(problems.map((problem) => [problem.field, problem.source])).toEqual([[field, `${file}:3`]]);
    expect(problems[0]?.rule).toMatch(/^(must|is|has|names|refers)/);
  });

  it.each([
    ['the core section', '[core]\nparallelism = many\n', '[core] parallelism', 2],
    ['parallelism below 1', '[core]\nparallelism = 0\n', 'parallelism', 2],
    [
      'the hybrid section',
      '[local_kubernetes_executor]\nkubernetes_que = x\n',
      '[local_kubernetes_executor] kubernetes_que',
      2,
    ],
    ['a secret of 1.10', '[kubernetes_secrets]\nA = just-a-name\n', '[kubernetes_secrets] A', 2],
    ['a line before a section', 'namespace = x\n', 'FILE', 1],
    ['a line without a value', '[kubernetes]\nnamespace\n', 'FILE', 2],
    ['a line without a key', '[kubernetes]\n= x\n', 'FILE', 2],
    ['a key twice', '[kubernetes]\nnamespace = a\nNAMESPACE = b\n', 'FILE', 3],
    ['a section twice', '[kubernetes]\n[core]\n[kubernetes]\n', 'FILE', 3],
    ['a reference that goes round', '[kubernetes]\nnamespace = %(namespace)s\n', '[kubernetes] namespace', 2],
  ])('%s', (_, text, field, line) => {
    const file = inFile('airflow.cfg', text);
    expect(problemsOf({ airflowCfg: file })[0]).toMatchObject({
      field: field === 'FILE' ? file : field,
      source: `${file}:${line}`,
    });
  });

  it('that is not there, or is a folder', () => {
    expect(problemsOf({ airflowCfg: join(folder, 'none.cfg') })[0]?.rule).toBe('cannot be read: ENOENT');
    expect(problemsOf({ airflowCfg: folder })[0]?.rule).toBe('cannot be read: EISDIR');
  });
});

/** A line of YAML below `kubernetes:`, and the field that the problem names. */
const YAML: readonly (readonly [text: string, field: string])[] = [
  ['namespace: 5', 'kubernetes.namespace'],
  ['namespace: ""', 'kubernetes.namespace'],
  ['namespace: [a]', 'kubernetes.namespace'],
  ['namespace: null', 'kubernetes.namespace'],
  ['namespace: yes', 'kubernetes.namespace'],
  ['Namespace: a', 'kubernetes.Namespace'],
  ['watchNamespaces: a', 'kubernetes.watchNamespaces'],
  ['watchNamespaces: [a, B]', 'kubernetes.watchNamespaces[1]'],
  ['podTemplateFile: ""', 'kubernetes.podTemplateFile'],
  ['podTemplateFile: {}', 'kubernetes.podTemplateFile'],
  ['image: 1.5', 'kubernetes.image'],
  ['workerContainerTag: 2', 'kubernetes.workerContainerTag'],
  ['imagePullPolicy: ifnotpresent', 'kubernetes.imagePullPolicy'],
  ['imagePullSecrets: reg', 'kubernetes.imagePullSecrets'],
  ['baseContainer: Base', 'kubernetes.baseContainer'],
  ['serviceAccountName: a_b', 'kubernetes.serviceAccountName'],
  ['resources: {request: {cpu: 1}}', 'kubernetes.resources.request'],
  ['resources: {requests: {cpu: true}}', 'kubernetes.resources.requests.cpu'],
  ['resources: 1', 'kubernetes.resources'],
  ['labels: {a: 1}', 'kubernetes.labels.a'],
  ['labels: [a]', 'kubernetes.labels'],
  ['annotations: {a: {b: c}}', 'kubernetes.annotations.a'],
  ['env: {A: 1}', 'kubernetes.env.A'],
  ['env: [{name: A, value: hunter2}]', 'kubernetes.env'],
  ['secrets: {a: b}', 'kubernetes.secrets'],
  ['envFromSecrets: [1]', 'kubernetes.envFromSecrets[0]'],
  ['nodeSelector: {a: true}', 'kubernetes.nodeSelector.a'],
  ['affinity: x', 'kubernetes.affinity'],
  ['tolerations: {}', 'kubernetes.tolerations'],
  ['runAsUser: "1000"', 'kubernetes.runAsUser'],
  ['fsGroup: -1', 'kubernetes.fsGroup'],
  ['deleteWorkerPods: "true"', 'kubernetes.deleteWorkerPods'],
  ['deleteWorkerPodsOnFailure: 1', 'kubernetes.deleteWorkerPodsOnFailure'],
  ['podCreationConcurrency: 0.5', 'kubernetes.podCreationConcurrency'],
  ['podCreationConcurrency: 257', 'kubernetes.podCreationConcurrency'],
  ['taskPublishMaxRetries: -2', 'kubernetes.taskPublishMaxRetries'],
  ['podLaunchFailureRetries: x', 'kubernetes.podLaunchFailureRetries'],
  ['fatalContainerReasons: ErrImagePull', 'kubernetes.fatalContainerReasons'],
  ['fatalContainerReasons: [""]', 'kubernetes.fatalContainerReasons[0]'],
  ['quotaTimeout: -1', 'kubernetes.quotaTimeout'],
  ['pendingTimeout: 10 minutes', 'kubernetes.pendingTimeout'],
  ['unschedulableTimeout: never', 'kubernetes.unschedulableTimeout'],
  ['startingTimeout: 10M', 'kubernetes.startingTimeout'],
  ['brokenTimeout: .inf', 'kubernetes.brokenTimeout'],
  ['runningTimeout: {}', 'kubernetes.runningTimeout'],
  ['terminatingTimeout: ""', 'kubernetes.terminatingTimeout'],
  ['terminationGracePeriodSeconds: 30s', 'kubernetes.terminationGracePeriodSeconds'],
  ['syncTimeout: [1]', 'kubernetes.syncTimeout'],
  ['inCluster: "no"', 'kubernetes.inCluster'],
  ['clusterContext: 1', 'kubernetes.clusterContext'],
  ['configFile: ""', 'kubernetes.configFile'],
  ['requestTimeout: 1w', 'kubernetes.requestTimeout'],
  ['requestRetries: -1', 'kubernetes.requestRetries'],
  ['requestBackoff: x', 'kubernetes.requestBackoff'],
  ['enableTcpKeepalive: 2', 'kubernetes.enableTcpKeepalive'],
  ['tcpKeepIdle: x', 'kubernetes.tcpKeepIdle'],
  ['worker_container_tag: x', 'kubernetes.worker_container_tag'],
  ['delete_worker_pods: true', 'kubernetes.delete_worker_pods'],
];

describe('YAML with a wrong value', () => {
  it.each(YAML)('%s', (text, field) => {
    const file = inFile('podwright.yaml', `# a comment\nkubernetes:\n\n  ${text}\n`);
    const problems = problemsOf({ file });
    expect(problems.map((problem) => problem.field)).toContain(field);
    expect(new Set(problems.map(({ source }) => source))).toEqual(new Set([`${file}:4`]));
  });

  it.each([
    ['a list', '- a\n', 1],
    ['text', 'namespace\n', 1],
    ['an open bracket', 'kubernetes: [\n', 2],
    ['a tab', 'kubernetes:\n\tnamespace: a\n', 2],
    ['a key twice', 'parallelism: 1\nparallelism: 2\n', 2],
    ['a tag', 'kubernetes: !!js/function "hunter2"\n', 1],
    ['an unknown alias', 'kubernetes: *none\n', 1],
  ])('%s', (_, text, line) => {
    const file = inFile('podwright.yaml', text);
    expect(problemsOf({ file })[0]).toMatchObject({ field: file, source: `${file}:${line}` });
  });

  it.each([
    ['kubernetes: 5\n', 'kubernetes'],
    ['kubernetes: [a]\n', 'kubernetes'],
    ['parallelism: "4"\n', 'parallelism'],
    ['parallelism: 0\n', 'parallelism'],
    ['kubernetesQueue: ""\n', 'kubernetesQueue'],
    ['namespace: a\n', 'namespace'],
  ])('%s', (text, field) => {
    const file = inFile('podwright.yaml', text);
    expect(problemsOf({ file })[0]).toMatchObject({ field, source: `${file}:1` });
  });

  it('that reaches into a prototype, or grows beyond measure', () => {
    for (const text of ['__proto__: {parallelism: 1}\n', 'kubernetes: {constructor: {prototype: {}}}\n'])
      expect(problemsOf({ file: inFile('podwright.yaml', text) })[0]?.rule).toMatch(/is not allowed/);
    const loop = 'kubernetes: &a {labels: *a}\n';
    expect(problemsOf({ file: inFile('podwright.yaml', loop) })[0]?.rule).toMatch(/within what it stands for/);
  });
});

describe('variables with a wrong value', () => {
  it.each([
    ['AIRFLOW__CORE__PARALLELISM', 'many'],
    ['AIRFLOW__CORE__PARALLELISM_CMD', 'hunter2'],
    ['AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE', 'A B'],
    ['AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACES', 'a'],
    ['AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE_CMD', 'hunter2'],
    ['AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE_FILE', '/none/hunter3'],
    ['AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE_SECRET', '/none/hunter3'],
    ['AIRFLOW__KUBERNETES__IN_CLUSTER', 'certainly'],
    ['AIRFLOW__KUBERNETES__TOLERATIONS', '{}'],
    ['AIRFLOW__LOCAL_KUBERNETES_EXECUTOR__QUEUE', 'a'],
  ])('%s=%s', (variable, value) => {
    expect(problemsOf({ env: { [variable]: value } }).map(({ source }) => source)).toEqual([variable]);
  });
});

/** An executor config and the field that the problem names. */
const EXECUTOR_CONFIGS: readonly (readonly [config: object, field: string])[] = [
  [{ image: '' }, 'image'],
  [{ image: 5 }, 'image'],
  [{ imagge: 'a' }, 'imagge'],
  [{ namespace: [] }, 'namespace'],
  [{ request_memory: 5 }, 'requestMemory'],
  [{ request_memory: '1GB' }, 'requestMemory'],
  [{ request_cpu: 'half' }, 'requestCpu'],
  [{ limitMemory: '' }, 'limitMemory'],
  [{ limitCpu: '1 core' }, 'limitCpu'],
  [{ limit_gpu: '0.5' }, 'limitGpu'],
  [{ image_pull_policy: 'always' }, 'imagePullPolicy'],
  [{ labels: { a: 1 } }, 'labels.a'],
  [{ labels: 'a=b' }, 'labels'],
  [{ annotations: { a: true } }, 'annotations.a'],
  [{ env_vars: [{ value: 'hunter2' }] }, 'env[0].name'],
  [{ env_vars: [{ name: 'A', value: 5 }] }, 'env[0].value'],
  [{ env_vars: [{ name: 'A', valueFrom: 'hunter2' }] }, 'env[0].valueFrom'],
  [{ env: { A: 1 } }, 'env.A'],
  [{ env: 'A=hunter2' }, 'env'],
  [{ secrets: {} }, 'secrets'],
  [{ secrets: ['db'] }, 'secrets[0]'],
  [{ secrets: [{ deploy_type: 'env', deploy_target: 'A', secret: 's' }] }, 'secrets[0].key'],
  [{ secrets: [{ deploy_type: 'file', secret: 's' }] }, 'secrets[0].deployType'],
  [{ secrets: [{ deploy_type: 'volume' }] }, 'secrets[0].secret'],
  [{ secrets: [{ deployType: 'env', secret: 's', key: 5 }] }, 'secrets[0].key'],
  [{ volumes: [{ emptyDir: {} }] }, 'volumes[0].name'],
  [{ volumes: {} }, 'volumes'],
  [{ volume_mounts: [{ mountPath: '/a' }] }, 'volumeMounts[0].name'],
  [{ volume_mounts: ['/a'] }, 'volumeMounts[0]'],
  [{ node_selector: ['a'] }, 'nodeSelector'],
  [{ node_selector: { a: 5 } }, 'nodeSelector.a'],
  [{ affinity: [] }, 'affinity'],
  [{ tolerations: {} }, 'tolerations'],
  [{ tolerations: ['a'] }, 'tolerations[0]'],
  [{ resources: { limit: { cpu: '1' } } }, 'resources.limit'],
  [{ resources: { limits: { cpu: 'x' } } }, 'resources.limits.cpu'],
  [{ resources: { limits: ['cpu'] } }, 'resources.limits'],
  [{ resources: '2 CPUs' }, 'resources'],
  [{ resources: { cpu: 'x' } }, 'resources.cpu'],
  [{ service_account_name: 5 }, 'serviceAccountName'],
  [{ pod_template_file: {} }, 'podTemplateFile'],
  [{ pod_override: 'spec' }, 'podOverride'],
  [{ KubernetesExecutor: { imagee: 'a' } }, 'imagee'],
  [{ kubernetes_config: { request_cpu: 1 } }, 'requestCpu'],
  [JSON.parse('{"__proto__": {"image": "a"}}'), '__proto__'],
  [{ constructor: 'a' }, 'constructor'],
];

describe('executor configs with a wrong value', () => {
  it.each(EXECUTOR_CONFIGS.map(([config, field]) => [JSON.stringify(config), field, config] as const))(
    '%s',
    (_, field, config) => {
      try {
        kubernetesConfigOf(config);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidWorkloadError);
        expect((error as Error).message).not.toContain('hunter2');
        expect((error as InvalidWorkloadError).problems.map((one) => one.field)).toEqual([`executorConfig.${field}`]);
        return;
      }
      throw new Error('it was accepted');
    },
  );
});
