/** Everything that a host needs in a cluster: namespace, account, roles, Deployment, Service; safe by default. */
import { ConfigError, type ConfigProblem } from '../errors.js';
import { parseQuantity } from '../wire/quantity.js';
import type { KubeObject } from '../wire/types.js';
import { databaseManifests } from './database-manifests.js';
import { hostDeployment } from './host-deployment.js';
import type { DeployFeature } from './permissions.js';
import { rbacManifests } from './rbac.js';

/** What the host reserves, as quantities. */
export interface HostResources {
  /** CPU request. */
  readonly cpu?: string | undefined;
  /** Memory request and limit. */
  readonly memory?: string | undefined;
}

/** Options of {@link deployManifests}. */
export interface ManifestOptions {
  /** Image of the host. */
  readonly image: string;
  /** Name of the Deployment, the account, the roles and the Service. @default 'podwright' */
  readonly name?: string | undefined;
  /** Namespace of the host. @default 'podwright' */
  readonly namespace?: string | undefined;
  /** Namespaces of the pods. @default the host's */
  readonly podNamespaces?: readonly string[] | undefined;
  /** Whether the Namespace is among the objects. @default true */
  readonly createNamespace?: boolean | undefined;
  /** Program of the host, instead of the image's entry point. */
  readonly command?: readonly string[] | undefined;
  /** Its arguments. */
  readonly args?: readonly string[] | undefined;
  /** Arguments of a container of the same image that runs before the host, such as `['db', 'migrate']`. @default none */
  readonly initArgs?: readonly string[] | undefined;
  /** Port of `serveMetrics` in the host: probes, Service and annotations for Prometheus go by it; 0 for none. @default 9100 */
  readonly metricsPort?: number | undefined;
  /** Hosts; several need leases (`features: [..., 'leases']`). @default 1 */
  readonly replicas?: number | undefined;
  /** User and group that it runs as; not 0. @default 50000 */
  readonly runAsUser?: number | undefined;
  /** Seconds that the host has on SIGTERM to finish what it does. @default 60 */
  readonly terminationGracePeriodSeconds?: number | undefined;
  /** Requests and a memory limit of the host. @default { cpu: '250m', memory: '512Mi' } */
  readonly resources?: HostResources | undefined;
  /** Image of the tasks' pods, as `repository:tag`. @default the host's */
  readonly workerImage?: string | undefined;
  /** Service account of the tasks' pods. @default 'default' */
  readonly workerServiceAccount?: string | undefined;
  /** Further variables of the host. Passwords belong into a Secret: see `envFromSecret`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Secret whose keys all become variables of the host and its bootstrap; it is not made here. */
  readonly envFromSecret?: string | undefined;
  /** Secret with the key `connection`, the address of the database; it is not made here. @default none */
  readonly databaseSecret?: string | undefined;
  /** Whether a PostgreSQL for trials is among the objects; it takes its password from the key `password` of `databaseSecret`. @default false */
  readonly withDatabase?: boolean | undefined;
  /** What is to work besides running pods. @default ['logs', 'events'] */
  readonly features?: readonly DeployFeature[] | undefined;
}

/** {@link ManifestOptions}, complete. */
export interface ResolvedManifests extends ManifestOptions {
  readonly name: string;
  readonly namespace: string;
  readonly podNamespaces: readonly string[];
  readonly metricsPort: number;
  readonly replicas: number;
  readonly runAsUser: number;
  readonly terminationGracePeriodSeconds: number;
  readonly cpu: string;
  readonly memory: string;
}

/** Labels of all objects. */
export const labelsOf = (name: string, component: string): Record<string, string> => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/managed-by': 'podwright',
});

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const isList = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string');
/** Names of variables that hold what nobody should read in a manifest. */
const SECRET_NAME = /password|passwd|secret|token|api_?key|credential|sql_alchemy_conn|fernet/i;

function problemsOf(options: ResolvedManifests): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { image, name, namespace, podNamespaces, databaseSecret, withDatabase, envFromSecret } = options;
  if (typeof image !== 'string' || image === '')
    problems.push({ field: 'image', value: image, rule: 'is needed: the image of the host' });
  const names: [string, unknown][] = [
    ['name', name],
    ['namespace', namespace],
    ['databaseSecret', databaseSecret],
    ['envFromSecret', envFromSecret],
    ...podNamespaces.map((one): [string, unknown] => ['podNamespaces', one]),
  ];
  for (const [field, value] of names)
    if (value !== undefined && !(typeof value === 'string' && NAME.test(value) && value.length <= 63))
      problems.push({
        field,
        value,
        rule: 'must be a name of Kubernetes: lower-case letters, digits and -, at most 63',
      });
  const numbers: [keyof ResolvedManifests, number, number][] = [
    ['metricsPort', 0, 65_535],
    ['replicas', 0, 100],
    ['runAsUser', 1, 2 ** 31 - 1],
    ['terminationGracePeriodSeconds', 0, 86_400],
  ];
  for (const [field, least, most] of numbers) {
    const value = options[field];
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
      problems.push({ field, value, rule: `must be an integer from ${least} to ${most}` });
  }
  for (const field of ['command', 'args', 'initArgs'] as const)
    if (options[field] !== undefined && !isList(options[field]))
      problems.push({ field, value: options[field], rule: 'must be a list of strings' });
  for (const field of ['cpu', 'memory'] as const)
    if (parseQuantity(options[field]) === undefined)
      problems.push({
        field: `resources.${field}`,
        value: options[field],
        rule: 'must be a quantity, such as "500m" or "1Gi"',
      });
  for (const [variable, value] of Object.entries(options.env ?? {}))
    if (typeof value !== 'string') problems.push({ field: `env.${variable}`, rule: 'must be a string' });
    else if (SECRET_NAME.test(variable) || /:\/\/[^\s:/@]*:[^\s/@]+@/.test(value))
      problems.push({
        field: `env.${variable}`,
        rule: 'must not hold a secret',
        hint: 'put it into a Secret and name that as envFromSecret or databaseSecret',
      });
  if (withDatabase === true && databaseSecret === undefined)
    problems.push({
      field: 'databaseSecret',
      rule: 'is needed for the database',
      hint: 'a Secret with the keys connection and password',
    });
  if (Number(options.replicas) > 1 && options.features?.includes('leases') !== true)
    problems.push({ field: 'features', rule: 'must have leases where there are several hosts' });
  return problems;
}

function serviceOf({ name, namespace, metricsPort }: ResolvedManifests): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: labelsOf(name, 'host') },
    spec: {
      selector: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'host' },
      ports: [{ name: 'metrics', port: metricsPort, targetPort: 'metrics' }],
    },
  } as KubeObject;
}

const namespaceOf = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/warn': 'restricted',
      'app.kubernetes.io/managed-by': 'podwright',
    },
  },
});

/**
 * The objects to apply, in order. Every pod runs as a user that is not root, under the restricted Pod Security level, which the Namespace enforces; no
 * Secret is printed.
 * @throws ConfigError with every problem.
 */
export function deployManifests(options: ManifestOptions): KubeObject[] {
  const { name = 'podwright', namespace = 'podwright', createNamespace = true } = options ?? {};
  const resolved: ResolvedManifests = {
    ...options,
    name,
    namespace,
    podNamespaces: options?.podNamespaces ?? [namespace],
    metricsPort: options?.metricsPort ?? 9_100,
    replicas: options?.replicas ?? 1,
    runAsUser: options?.runAsUser ?? 50_000,
    terminationGracePeriodSeconds: options?.terminationGracePeriodSeconds ?? 60,
    cpu: options?.resources?.cpu ?? '250m',
    memory: options?.resources?.memory ?? '512Mi',
  };
  const problems = problemsOf(resolved);
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'options' });
  return [
    ...(createNamespace ? [...new Set([namespace, ...resolved.podNamespaces])].map(namespaceOf) : []),
    ...rbacManifests({
      name,
      namespaces: resolved.podNamespaces,
      accountNamespace: namespace,
      features: options.features,
    }),
    ...(options.withDatabase === true ? databaseManifests(resolved) : []),
    hostDeployment(resolved),
    ...(resolved.metricsPort === 0 ? [] : [serviceOf(resolved)]),
  ];
}
