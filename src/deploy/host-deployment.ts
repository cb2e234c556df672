/** The Deployment of a host. */
import type { Container, EnvVar, KubeObject } from '../wire/types.js';
import { labelsOf, type ResolvedManifests } from './manifests.js';

/** What a container may not do. */
export const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
};

/** As whom the containers of a pod run. */
export const restrictedPod = (user: number) => ({
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  seccompProfile: { type: 'RuntimeDefault' },
});

/** Splits `repository:tag`; a colon before a slash belongs to a port. */
function splitImage(image: string): { readonly repository: string; readonly tag: string | undefined } {
  const at = image.lastIndexOf(':');
  return at > image.lastIndexOf('/') && !image.includes('@')
    ? { repository: image.slice(0, at), tag: image.slice(at + 1) }
    : { repository: image, tag: undefined };
}

/** The variables that Airflow's hosts are given, by their names of today; podwright reads them with `loadConfig({ env })`. */
function airflowVariables(options: ResolvedManifests): EnvVar[] {
  const { image, workerImage = image, workerServiceAccount = 'default', podNamespaces, databaseSecret } = options;
  const { repository, tag } = splitImage(workerImage);
  const several = podNamespaces.length > 1;
  const given: Readonly<Record<string, string | undefined>> = {
    AIRFLOW__CORE__EXECUTOR: 'KubernetesExecutor',
    AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE: podNamespaces[0],
    AIRFLOW__KUBERNETES_EXECUTOR__MULTI_NAMESPACE_MODE: several ? 'True' : undefined,
    AIRFLOW__KUBERNETES_EXECUTOR__MULTI_NAMESPACE_MODE_NAMESPACE_LIST: several ? podNamespaces.join(',') : undefined,
    AIRFLOW__KUBERNETES_EXECUTOR__IN_CLUSTER: 'True',
    AIRFLOW__KUBERNETES_EXECUTOR__WORKER_SERVICE_ACCOUNT_NAME: workerServiceAccount,
    AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_REPOSITORY: tag === undefined ? undefined : repository,
    AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_TAG: tag,
    AIRFLOW__KUBERNETES_EXECUTOR__WORKER_CONTAINER_IMAGE: tag === undefined ? repository : undefined,
  };
  const plain = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  const secret = { secretKeyRef: { name: databaseSecret, key: 'connection' } };
  return databaseSecret === undefined
    ? plain
    : [...plain, { name: 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN', valueFrom: secret }];
}

const ownPod = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });

/** Probes by the host's endpoint: it is started, it is alive, it is ready. */
function probes(port: number): Partial<Container> {
  if (port === 0) return {};
  const httpGet = { path: '/healthz', port: 'metrics' };
  return {
    ports: [{ name: 'metrics', containerPort: port }],
    startupProbe: { httpGet, periodSeconds: 2, failureThreshold: 60 },
    livenessProbe: { httpGet, periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
    readinessProbe: { httpGet, periodSeconds: 5, timeoutSeconds: 5 },
  };
}

/** The host: one pod at a time unless several share the work by leases, with time to stop. */
export function hostDeployment(options: ResolvedManifests): KubeObject {
  const { name, namespace, image, command, args, initArgs, metricsPort, replicas, cpu, memory, envFromSecret } =
    options;
  const own = { ...options.env };
  const shared = {
    image,
    env: [
      ...airflowVariables(options).filter((variable) => !Object.hasOwn(own, variable.name)),
      ownPod('POD_NAME', 'metadata.name'),
      ownPod('POD_NAMESPACE', 'metadata.namespace'),
      ...Object.entries(own).map(([variable, value]) => ({ name: variable, value })),
    ],
    ...(envFromSecret === undefined ? {} : { envFrom: [{ secretRef: { name: envFromSecret } }] }),
    resources: { requests: { cpu, memory }, limits: { memory } },
    securityContext: RESTRICTED_CONTAINER,
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  };
  const host: Container = {
    name: 'host',
    ...shared,
    ...(command === undefined ? {} : { command: [...command] }),
    ...(args === undefined ? {} : { args: [...args] }),
    ...probes(metricsPort),
  };
  const bootstrap: Container = { name: 'bootstrap', ...shared, args: [...(initArgs ?? [])] };
  const labels = labelsOf(name, 'host');
  const selector = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'host' };
  const scrape = {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(metricsPort),
    'prometheus.io/path': '/metrics',
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      // Two hosts of one identity must not run side by side; several that share the work by leases may.
      strategy: { type: replicas > 1 ? 'RollingUpdate' : 'Recreate' },
      selector: { matchLabels: selector },
      template: {
        metadata: { labels, ...(metricsPort === 0 ? {} : { annotations: scrape }) },
        spec: {
          serviceAccountName: name,
          automountServiceAccountToken: true,
          terminationGracePeriodSeconds: options.terminationGracePeriodSeconds,
          securityContext: restrictedPod(options.runAsUser),
          ...(initArgs === undefined ? {} : { initContainers: [bootstrap] }),
          containers: [host],
          volumes: [{ name: 'tmp', emptyDir: {} }],
        },
      },
    },
  } as KubeObject;
}
