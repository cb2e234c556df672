/** What admission plugins of a default API server add and refuse: namespaces that end, service accounts, priorities and quotas. */
import type { Namespace } from '../../wire/types.js';
import { type Core, nameSuffix } from './core.js';
import { isMap, type JsonMap } from './json.js';
import { allContainers } from './pod-defaults.js';
import { admitQuota } from './quota.js';
import type { ResourceRequest } from './request.js';
import { NAMESPACES, PODS, SERVICEACCOUNTS } from './resources.js';
import { forbidden, notFound } from './status.js';

const mapOf = (value: unknown): JsonMap => (isMap(value) ? value : {});

function checkNamespaceAlive(core: Core, request: ResourceRequest, name: string): void {
  const { namespace, def } = request;
  const found = core.store.get('namespaces', namespace) as Namespace | undefined;
  if (found === undefined) throw notFound(NAMESPACES, namespace);
  if (found.metadata?.deletionTimestamp === undefined) return;
  throw forbidden(def, name, `unable to create new content in namespace ${namespace} because it is being terminated`, [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ]);
}

/** Runs the admission of a creation: `mutate` before validation, `validate` after it. */
export function admitCreate(core: Core, request: ResourceRequest, object: JsonMap, stage: 'mutate' | 'validate'): void {
  const { def } = request;
  const metadata = object.metadata as JsonMap;
  const name = typeof metadata.name === 'string' ? metadata.name : '';
  if (stage === 'mutate') {
    if (def.namespaced) checkNamespaceAlive(core, request, name);
    if (def.resource === 'pods') {
      admitPriority(core, object);
      admitRuntimeClass(object);
      if (core.serviceAccounts) admitServiceAccount(core, request, object);
    }
    return;
  }
  if (core.store.count('resourcequotas') > 0) admitQuota(core, request, object, name);
}

const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

function admitPriority(core: Core, pod: JsonMap): void {
  const spec = mapOf(pod.spec);
  const className = spec.priorityClassName;
  const refuse = (why: string) => forbidden(PODS, String(mapOf(pod.metadata).name ?? ''), why);
  if (typeof className !== 'string' || className === '') {
    // What the plugin computes must not be contradicted; without a class that is 0 and the usual policy.
    if (spec.priority !== 0)
      throw refuse(
        `the integer value of priority (${String(spec.priority)}) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name`,
      );
    if (spec.preemptionPolicy !== 'PreemptLowerPriority')
      throw refuse(
        `the string value of PreemptionPolicy (${String(spec.preemptionPolicy)}) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name`,
      );
    return;
  }
  const stored = core.store.get('priorityclasses', className) as JsonMap | undefined;
  const value = stored?.value ?? SYSTEM_PRIORITIES[className];
  if (value === undefined)
    throw forbidden(PODS, String(mapOf(pod.metadata).name ?? ''), `no PriorityClass with name ${className} was found`);
  if (typeof spec.priority === 'number' && spec.priority !== 0 && spec.priority !== value)
    throw refuse(
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${String(value)} from the given PriorityClass name`,
    );
  spec.priority = value;
  if (stored?.preemptionPolicy !== undefined) spec.preemptionPolicy = stored.preemptionPolicy;
}

/** The server has no runtime classes, so that naming one is naming one that is missing. */
function admitRuntimeClass(pod: JsonMap): void {
  const spec = mapOf(pod.spec);
  const refuse = (why: string) => forbidden(PODS, String(mapOf(pod.metadata).name ?? ''), `pod rejected: ${why}`);
  if (spec.runtimeClassName !== undefined)
    throw refuse(`RuntimeClass ${JSON.stringify(spec.runtimeClassName)} not found`);
  if (spec.overhead !== undefined) throw refuse('Pod Overhead set without corresponding RuntimeClass defined Overhead');
}

function admitServiceAccount(core: Core, request: ResourceRequest, pod: JsonMap): void {
  const spec = mapOf(pod.spec);
  const account = typeof spec.serviceAccountName === 'string' ? spec.serviceAccountName : 'default';
  spec.serviceAccountName = account;
  spec.serviceAccount = account;
  const stored = core.store.get(SERVICEACCOUNTS.resource, `${request.namespace}/${account}`);
  if (stored === undefined)
    throw forbidden(
      PODS,
      String(mapOf(pod.metadata).name ?? ''),
      `error looking up service account ${request.namespace}/${account}: serviceaccount "${account}" not found`,
    );
  if ((spec.automountServiceAccountToken ?? (stored as JsonMap).automountServiceAccountToken) === false) return;
  const volume = `kube-api-access-${nameSuffix(core.random)}`;
  const mount = { name: volume, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  let isMounted = false;
  for (const container of allContainers(spec)) {
    const mounts = Array.isArray(container.volumeMounts) ? container.volumeMounts : [];
    if (mounts.some((item) => isMap(item) && item.mountPath === mount.mountPath)) continue;
    container.volumeMounts = [...mounts, mount];
    isMounted = true;
  }
  if (!isMounted) return;
  spec.volumes = [
    ...(Array.isArray(spec.volumes) ? spec.volumes : []),
    {
      name: volume,
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
          {
            downwardAPI: {
              items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }],
            },
          },
        ],
        defaultMode: 420,
      },
    },
  ];
}
