import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadConfigOptions, loadConfig } from '../../src/config/load-config.js';
import { ConfigError, type ConfigProblem } from '../../src/errors.js';

const LARGE = fileURLToPath(new URL('data/large.cfg', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
const problemsOf = (options: LoadConfigOptions): readonly ConfigProblem[] => {
  try {
    loadConfig(options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
};
const cfg = (text: string, env?: Record<string, string>) =>
  loadConfig({ airflowCfg: write('airflow.cfg', text), ...(env === undefined ? {} : { env }) });

describe('an airflow.cfg of a large installation', () => {
  const load = () => loadConfig({ airflowCfg: LARGE, env: { AIRFLOW_HOME: '/opt/airflow', HOME: '/home/me' } });

  it('becomes a configuration', () => {
    expect(load().config).toEqual({
      parallelism: 512,
      kubernetesQueue: 'k8s',
      kubernetes: {
        namespace: 'airflow-prod',
        watchNamespaces: ['airflow-prod', 'airflow-staging'],
        workerContainerRepository: 'registry.example.com/airflow',
        workerContainerTag: '2.7.0',
        serviceAccountName: 'airflow-worker',
        resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi' } },
        imagePullPolicy: 'IfNotPresent',
        tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'worker', effect: 'NoSchedule' }],
        nodeSelector: { 'node-type': 'worker' },
        pendingTimeout: '900s',
        runAsUser: 50000,
        podCreationConcurrency: 10,
        taskPublishMaxRetries: 5,
        podLaunchFailureRetries: -1,
        deleteWorkerPods: true,
        deleteWorkerPodsOnFailure: false,
        fatalContainerReasons: [
          'CreateContainerConfigError',
          'ErrImagePull',
          'CreateContainerError',
          'ImageInspectError',
          'InvalidImageName',
        ],
        enableTcpKeepalive: true,
        tcpKeepIdle: '120s',
        terminationGracePeriodSeconds: 30,
        requestTimeout: '120s',
        requestRetries: 3,
        requestBackoff: '0.5s',
        inCluster: false,
        clusterContext: 'my-cluster',
        configFile: '/home/me/.kube/config',
        verifySsl: true,
        sslCaCert: '/etc/ssl/certs/ca-certificates.crt',
        podTemplateFile: '/opt/airflow/pod_template.yaml',
        labels: { team: 'data' },
        secrets: [
          { deployType: 'env', deployTarget: 'SQL_ALCHEMY_CONN', secret: 'airflow-secrets', key: 'connection' },
        ],
      },
    });
  });

  it('says what is deprecated and what has no effect, with file and line', () => {
    const { notices } = load();
    const about = (kind: string) => notices.filter((notice) => notice.kind === kind).map(({ field }) => field);
    expect(about('ignored')).toEqual([
      '[kubernetes] worker_pods_pending_timeout_check_interval',
      '[kubernetes] dags_in_image',
      '[kubernetes_executor] tcp_keep_intvl',
      '[kubernetes_executor] tcp_keep_cnt',
      'delete_option_kwargs.propagation_policy',
    ]);
    expect(notices).toContainEqual({
      kind: 'deprecated',
      field: '[kubernetes] worker_pods_pending_timeout',
      message: 'is [kubernetes_executor] max_pod_pending_timeout now, and kubernetes.pendingTimeout here',
      source: `${LARGE}:34`,
    });
  });

  it('tells how to connect', () => {
    expect(load().connectOptions).toEqual({
      source: 'kubeconfig',
      kubeconfig: '/home/me/.kube/config',
      context: 'my-cluster',
      timeoutMs: 120_000,
      retry: { maxAttempts: 4, initialMs: 500, maxMs: 10_000 },
      enableTcpKeepAlive: true,
      tcpKeepIdleMs: 120_000,
      caFile: '/etc/ssl/certs/ca-certificates.crt',
    });
  });

  it('knows where each value came from', () => {
    const { sources } = load();
    expect(sources['kubernetes.namespace']).toBe(`${LARGE}:41`);
    expect(sources.parallelism).toBe(`${LARGE}:8`);
  });
});

describe('precedence', () => {
  it('is code, environment, YAML file, airflow.cfg', () => {
    const airflowCfg = write(
      'p.cfg',
      '[kubernetes_executor]\nnamespace = a\ncluster_context = a\nworker_container_image = a\nconfig_file = a\n',
    );
    const file = write('p.yaml', 'kubernetes:\n  namespace: b\n  clusterContext: b\n  image: b\n');
    const env = { AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE: 'c', AIRFLOW__KUBERNETES__CLUSTER_CONTEXT: 'c' };
    const object = { kubernetes: { namespace: 'd' } };
    const { config, sources } = loadConfig({ object, env, file, airflowCfg });
    expect(config.kubernetes).toEqual({ namespace: 'd', clusterContext: 'c', image: 'b', configFile: 'a' });
    expect(sources).toEqual({
      'kubernetes.namespace': 'code',
      'kubernetes.clusterContext': 'AIRFLOW__KUBERNETES__CLUSTER_CONTEXT',
      'kubernetes.image': `${file}:4`,
      'kubernetes.configFile': `${airflowCfg}:5`,
    });
  });

  it('lets the new section win over the old one, whichever comes first', () => {
    expect(
      cfg('[kubernetes_executor]\nnamespace = new\n[kubernetes]\nnamespace = old\n').config.kubernetes?.namespace,
    ).toBe('new');
  });
});

describe('the environment', () => {
  it('takes the names that the deployments of old have', () => {
    const env = {
      AIRFLOW__CORE__EXECUTOR: 'KubernetesExecutor',
      AIRFLOW__CORE__SQL_ALCHEMY_CONN: 'postgresql://x',
      AIRFLOW__KUBERNETES__NAMESPACE: 'airflow-k8sexecutor',
      AIRFLOW__KUBERNETES__WORKER_SERVICE_ACCOUNT_NAME: 'default',
      AIRFLOW__KUBERNETES__IN_CLUSTER: 'true',
      "AIRFLOW__KUBERNETES__DAG's_IN_IMAGE": 'true',
      AIRFLOW__KUBERNETES__WORKER_CONTAINER_REPOSITORY: 'apache/airflow',
      AIRFLOW__KUBERNETES__WORKER_CONTAINER_TAG: '1.10.10',
      AIRFLOW__KUBERNETES__RUN_AS_USER: '50000',
    };
    const { config, notices, connectOptions } = loadConfig({ env });
    expect(config.kubernetes).toEqual({
      namespace: 'airflow-k8sexecutor',
      serviceAccountName: 'default',
      inCluster: true,
      workerContainerRepository: 'apache/airflow',
      workerContainerTag: '1.10.10',
      runAsUser: 50000,
    });
    expect(connectOptions.source).toBe('in-cluster');
    expect(notices.some(({ kind, field }) => kind === 'ignored' && field.endsWith('dags_in_image'))).toBe(true);
  });

  it('reads a value from the file that a variable names', () => {
    const env = {
      AIRFLOW__KUBERNETES_EXECUTOR__CLUSTER_CONTEXT_FILE: write('context', 'prod\n'),
      AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE_SECRET: write('ns', 'jobs'),
    };
    expect(loadConfig({ env }).config.kubernetes).toEqual({ clusterContext: 'prod', namespace: 'jobs' });
  });

  it('never shows what came from such a file', () => {
    const [problem] = problemsOf({
      env: { AIRFLOW__KUBERNETES_EXECUTOR__IN_CLUSTER_FILE: write('bad', 'hunter2') },
    });
    expect(JSON.stringify(problem)).not.toContain('hunter2');
    expect(problem?.source).toBe('AIRFLOW__KUBERNETES_EXECUTOR__IN_CLUSTER_FILE');
  });

  it('runs no commands', () => {
    const [problem] = problemsOf({ env: { AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE_CMD: 'rm -rf /' } });
    expect(problem).toMatchObject({ source: 'AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE_CMD' });
    expect(problem?.rule).toContain('runs no programs');
    expect(problem?.hint).toContain('NAMESPACE_FILE');
  });

  it('is read only where it is given', () => {
    expect(loadConfig().config).toEqual({});
  });
});

it('reports the problems of all sources at once, each with its place and the nearest known key', () => {
  const airflowCfg = write(
    'bad.cfg',
    '[kubernetes_executor]\nnamespce = a\ndelete_worker_pods = maybe\nworker_container_repository = 100%\n',
  );
  const file = write('bad.yaml', 'kubernetes:\n  startingTimeout: soon\n  tolerations:\n    - 1\nkubernetesQeue: x\n');
  const env = { AIRFLOW__CORE__PARALLELISM: '0' };
  expect(problemsOf({ airflowCfg, file, env })).toEqual([
    expect.objectContaining({ field: '[kubernetes_executor] worker_container_repository', source: `${airflowCfg}:4` }),
    expect.objectContaining({
      field: '[kubernetes_executor] namespce',
      hint: 'did you mean namespace?',
      source: `${airflowCfg}:2`,
    }),
    expect.objectContaining({
      field: '[kubernetes_executor] delete_worker_pods',
      value: 'maybe',
      source: `${airflowCfg}:3`,
    }),
    expect.objectContaining({ field: 'kubernetesQeue', hint: 'did you mean kubernetesQueue?', source: `${file}:5` }),
    expect.objectContaining({ field: 'parallelism', value: 0, source: 'AIRFLOW__CORE__PARALLELISM' }),
    expect.objectContaining({ field: 'kubernetes.tolerations[0]', value: 1, source: `${file}:3` }),
    expect.objectContaining({ field: 'kubernetes.startingTimeout', value: 'soon', source: `${file}:2` }),
  ]);
});

it('says that a repository without a tag has no effect', () => {
  const { notices } = cfg('[kubernetes_executor]\nworker_container_repository = r/a\n');
  expect(notices).toEqual([
    expect.objectContaining({ kind: 'ignored', field: 'kubernetes.workerContainerRepository' }),
  ]);
});
