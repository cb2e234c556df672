/** What podwright asks of an API server's authorization, by feature. */

/** What may be switched on besides running pods. */
export const DEPLOY_FEATURES = ['logs', 'events', 'secrets', 'leases', 'doctor', 'capacity'] as const;

/** A feature that needs permissions of its own. */
export type DeployFeature = (typeof DEPLOY_FEATURES)[number];

/** What is granted where nothing is said. */
export const DEFAULT_FEATURES: readonly DeployFeature[] = ['logs', 'events'];

/** Verbs on one resource. */
export interface Permission {
  /** API group; empty for core. */
  readonly group: string;
  /** Resource, with its subresource behind a slash: `pods/log`. */
  readonly resource: string;
  /** Verbs, for example `create`. */
  readonly verbs: readonly string[];
}

const core = (resource: string, ...verbs: string[]): Permission => ({ group: '', resource, verbs });

/** Without these no pod runs. */
export const REQUIRED: readonly Permission[] = [core('pods', 'create', 'delete', 'get', 'list', 'patch', 'watch')];

/** What each feature needs, and what is lost without it. */
export const FEATURE_PERMISSIONS: Readonly<
  Record<
    DeployFeature,
    {
      readonly permissions: readonly Permission[];
      readonly lost: string;
      /** Whether a role of a namespace would not do. */
      readonly isClusterWide?: boolean;
    }
  >
> = {
  logs: {
    permissions: [core('pods/log', 'get')],
    lost: 'logs cannot be followed, and verdicts lack the last lines of a log',
  },
  events: {
    permissions: [core('events', 'list')],
    lost: 'verdicts and pending reasons lack what the scheduler and the kubelet say',
  },
  secrets: {
    permissions: [core('secrets', 'create', 'delete', 'list', 'patch')],
    lost: 'tasks whose values are secrets cannot be given them',
  },
  leases: {
    permissions: [
      { group: 'coordination.k8s.io', resource: 'leases', verbs: ['create', 'delete', 'get', 'list', 'update'] },
    ],
    lost: 'several hosts cannot share the work, and the pods of a dead one are not taken over',
  },
  doctor: {
    permissions: [core('namespaces', 'get'), core('resourcequotas', 'list')],
    lost: 'podwright doctor cannot see the state of the namespace and its quotas',
  },
  capacity: {
    permissions: [core('nodes', 'list'), core('pods', 'list'), core('resourcequotas', 'list')],
    isClusterWide: true,
    lost: 'what is free in the cluster cannot be read',
  },
};
