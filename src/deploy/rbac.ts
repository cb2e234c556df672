/** The least service account, roles and bindings for the features that are switched on. */
import { nearest } from '../core/nearest.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import type { KubeObject } from '../wire/types.js';
import {
  DEFAULT_FEATURES,
  DEPLOY_FEATURES,
  type DeployFeature,
  FEATURE_PERMISSIONS,
  type Permission,
  REQUIRED,
} from './permissions.js';

/** Options of {@link rbacManifests}. */
export interface RbacOptions {
  /** Namespaces of the pods. @default ['default'] */
  readonly namespaces?: readonly string[] | undefined;
  /** Whether pods of all namespaces are watched, which takes a ClusterRole; so does the feature `capacity`. @default false */
  readonly allNamespaces?: boolean | undefined;
  /** What is to work besides running pods. @default ['logs', 'events'] */
  readonly features?: readonly DeployFeature[] | undefined;
  /** Name of the service account, the roles and the bindings. @default 'podwright' */
  readonly name?: string | undefined;
  /** Namespace of the service account, where the host runs. @default the first of `namespaces` */
  readonly accountNamespace?: string | undefined;
}

/** A rule of a Role. */
export interface PolicyRule {
  /** API groups; an empty text for core. */
  readonly apiGroups: readonly string[];
  /** Resources. */
  readonly resources: readonly string[];
  /** Verbs. */
  readonly verbs: readonly string[];
}

/** A ServiceAccount, Role, RoleBinding, ClusterRole or ClusterRoleBinding. */
export interface RbacObject extends KubeObject {
  /** Rules, of a role. */
  readonly rules?: readonly PolicyRule[];
  /** Role that is bound. */
  readonly roleRef?: object;
  /** Whom it is bound to. */
  readonly subjects?: readonly object[];
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

function problemsOf({ namespaces = [], features = [], name, accountNamespace }: RbacOptions): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const feature of features)
    if (!DEPLOY_FEATURES.includes(feature))
      problems.push({
        field: 'features',
        value: feature,
        rule: `must be among ${DEPLOY_FEATURES.join(', ')}`,
        hint: `did you mean ${nearest(String(feature), DEPLOY_FEATURES)}?`,
      });
  const names = [
    ...namespaces.map((one) => ['namespaces', one] as const),
    ['name', name],
    ['accountNamespace', accountNamespace],
  ] as const;
  for (const [field, value] of names)
    if (value !== undefined && !(NAME.test(value) && value.length <= 63))
      problems.push({
        field,
        value,
        rule: 'must be a name of Kubernetes: lower-case letters, digits and -, at most 63',
      });
  return problems;
}

/** One rule per resource, all verbs of it together, in a fixed order. */
function rulesOf(permissions: readonly Permission[]): PolicyRule[] {
  const byResource = new Map<string, { group: string; resource: string; verbs: Set<string> }>();
  for (const { group, resource, verbs } of permissions) {
    const id = `${group}/${resource}`;
    const known = byResource.get(id) ?? { group, resource, verbs: new Set<string>() };
    for (const verb of verbs) known.verbs.add(verb);
    byResource.set(id, known);
  }
  return [...byResource.values()].map(({ group, resource, verbs }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: [...verbs].sort(),
  }));
}

/**
 * The objects to apply, in order: the service account, then roles with their bindings. A Role per namespace,
 * or a ClusterRole where all namespaces are watched.
 * @throws ConfigError
 */
export function rbacManifests(options: RbacOptions = {}): RbacObject[] {
  const problems = problemsOf(options);
  if (problems.length > 0) throw new ConfigError(problems, { subject: 'options' });
  const { namespaces = ['default'], allNamespaces = false, features = DEFAULT_FEATURES, name = 'podwright' } = options;
  const accountNamespace = options.accountNamespace ?? namespaces[0] ?? 'default';
  const granted = (isClusterWide: boolean) =>
    features
      .map((feature) => FEATURE_PERMISSIONS[feature])
      .filter((feature) => (feature.isClusterWide ?? false) === isClusterWide)
      .flatMap(({ permissions }) => permissions);
  const all = [...REQUIRED, ...granted(false)];
  const wide = granted(true);
  const labels = { 'app.kubernetes.io/managed-by': 'podwright' };
  const apiGroup = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', name, namespace: accountNamespace }];
  const pair = (prefix: '' | 'Cluster', rules: PolicyRule[], namespace: string | undefined): RbacObject[] => {
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }), labels };
    const apiVersion = `${apiGroup}/v1`;
    return [
      { apiVersion, kind: `${prefix}Role`, metadata, rules },
      {
        apiVersion,
        kind: `${prefix}RoleBinding`,
        metadata,
        roleRef: { apiGroup, kind: `${prefix}Role`, name },
        subjects,
      },
    ];
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: accountNamespace, labels } },
    ...(allNamespaces
      ? pair('Cluster', rulesOf([...all, ...wide]), undefined)
      : [
          ...namespaces.flatMap((namespace) => pair('', rulesOf(all), namespace)),
          ...(wide.length === 0 ? [] : pair('Cluster', rulesOf(wide), undefined)),
        ]),
  ];
}
