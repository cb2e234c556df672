/** What controllers do in every cluster and clients rely on: namespaces get their accounts and come to an end. */
import type { KubeObject } from '../../wire/types.js';
import { type Core, newUid, nowTime } from './core.js';
import { sweepNamespace } from './delete.js';
import { type JsonMap, sameJson } from './json.js';
import { syncQuotas } from './quota.js';
import {
  apiVersionOf,
  CONFIGMAPS,
  keyOf,
  NAMESPACES,
  RESOURCEQUOTAS,
  RESOURCES,
  type ResourceDef,
  SERVICEACCOUNTS,
} from './resources.js';

const NAMESPACES_AT_START = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

function put(core: Core, def: ResourceDef, namespace: string, name: string, rest: Record<string, unknown>): void {
  const key = keyOf(def, namespace, name);
  if (core.store.get(def.resource, key) !== undefined) return;
  const metadata = {
    name,
    ...(def.namespaced ? { namespace } : {}),
    uid: newUid(core.random),
    creationTimestamp: nowTime(core),
    ...(def === NAMESPACES ? { labels: { 'kubernetes.io/metadata.name': name } } : {}),
  };
  core.store.put(def.resource, key, { apiVersion: apiVersionOf(def), kind: def.kind, metadata, ...rest } as KubeObject);
}

/** Creates the namespaces that every cluster starts with. */
export function seedCluster(core: Core): void {
  for (const name of NAMESPACES_AT_START)
    put(core, NAMESPACES, '', name, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
}

function furnish(core: Core, namespace: string): void {
  put(core, SERVICEACCOUNTS, namespace, 'default', {});
  put(core, CONFIGMAPS, namespace, 'kube-root-ca.crt', { data: { 'ca.crt': '' } });
}

/** Whether a change gives back what a quota counts: the object is gone, or has come to its end. */
function isReleasing(after: KubeObject | undefined): boolean {
  const { phase } = (after as { status?: JsonMap } | undefined)?.status ?? {};
  return after === undefined || phase === 'Succeeded' || phase === 'Failed';
}

/** Starts the controllers; the returned function stops them. They act in the same turn as the change they answer to. */
export function startControllers(core: Core): () => void {
  const stops: (() => void)[] = [];
  stops.push(
    core.store.subscribe('namespaces', ({ after }) => {
      const name = after?.metadata?.name;
      if (name === undefined) return;
      if (after?.metadata?.deletionTimestamp === undefined) furnish(core, name);
      else queueMicrotask(() => sweepNamespace(core, name));
    }),
  );
  stops.push(
    core.store.subscribe(RESOURCEQUOTAS.resource, ({ after }) => {
      const { spec = {}, status = {} } = (after ?? {}) as { spec?: JsonMap; status?: JsonMap };
      const namespace = after?.metadata?.namespace;
      if (namespace !== undefined && !sameJson(spec.hard ?? {}, status.hard))
        queueMicrotask(() => syncQuotas(core, namespace));
    }),
  );
  for (const def of RESOURCES.filter((item) => item.namespaced)) {
    stops.push(
      core.store.subscribe(def.resource, ({ after, last }) => {
        const namespace = last.metadata?.namespace;
        if (namespace === undefined) return;
        if (core.store.count(RESOURCEQUOTAS.resource) > 0 && def !== RESOURCEQUOTAS && isReleasing(after))
          queueMicrotask(() => syncQuotas(core, namespace));
        if (after !== undefined) return;
        if (core.store.get('namespaces', namespace)?.metadata?.deletionTimestamp !== undefined)
          queueMicrotask(() => sweepNamespace(core, namespace));
      }),
    );
  }
  return () => {
    for (const stop of stops) stop();
  };
}
