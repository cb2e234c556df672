/** What `podwright manifests` and `podwright keda` print, judged by the real API server. */
import { describe, expect, it } from 'vitest';
import { deployManifests } from '../../src/deploy/manifests.js';
import type { KubeObject, Pod } from '../../src/wire/types.js';
import { REAL_KUBECONFIG, RealKit } from './real-kit.js';

const RESOURCES: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/NS/serviceaccounts',
  Service: '/api/v1/namespaces/NS/services',
  Deployment: '/apis/apps/v1/namespaces/NS/deployments',
  StatefulSet: '/apis/apps/v1/namespaces/NS/statefulsets',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  Namespace: '/api/v1/namespaces',
};

describe.skipIf(REAL_KUBECONFIG === undefined)('manifests on the real server', () => {
  const kit = RealKit.use();

  const dryRun = (object: KubeObject) =>
    kit.raw(
      'POST',
      `${RESOURCES[object.kind ?? '']?.replace('NS', kit.namespace)}?dryRun=All&fieldValidation=Strict`,
      object,
    );

  it('every object is taken, strictly, and its pods under the restricted level', async () => {
    const objects = deployManifests({
      image: 'example.com/host:1',
      name: `host-${kit.namespace.slice(-8)}`,
      namespace: kit.namespace,
      initArgs: ['db', 'migrate'],
      databaseSecret: 'db',
      withDatabase: true,
      features: ['logs', 'events', 'secrets', 'doctor', 'capacity', 'leases'],
      env: { MODE: 'batch' },
      envFromSecret: 'more',
    });
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await kit.raw(
      'PATCH',
      `/api/v1/namespaces/${kit.namespace}`,
      { metadata: { labels } },
      'application/merge-patch+json',
    );
    for (const object of objects) {
      // The namespace of the test is there already; another name shows that the object is right.
      const given =
        object.kind === 'Namespace'
          ? { ...object, metadata: { ...object.metadata, name: `${kit.namespace}-x` } }
          : object;
      const { status, text } = await dryRun(given);
      expect(status, `${object.kind}: ${text}`).toBe(201);
      const template = (object as { spec?: { template?: Pod } }).spec?.template;
      if (template === undefined) continue;
      const pod = { apiVersion: 'v1', kind: 'Pod', ...template, metadata: { ...template.metadata, name: 'p' } };
      const volumes = [
        ...(pod.spec?.volumes ?? []),
        ...(object.kind === 'StatefulSet' ? [{ name: 'data', emptyDir: {} }] : []),
      ];
      const judged = await kit.raw(
        'POST',
        `/api/v1/namespaces/${kit.namespace}/pods?dryRun=All&fieldValidation=Strict`,
        {
          ...pod,
          spec: { ...pod.spec, volumes },
        },
      );
      expect(judged.status, `${object.kind}'s pod: ${judged.text}`).toBe(201);
    }
  });

  it('a pod that is not restricted would be refused there', async () => {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await kit.raw(
      'PATCH',
      `/api/v1/namespaces/${kit.namespace}`,
      { metadata: { labels } },
      'application/merge-patch+json',
    );
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'a', image: 'x' }] },
    };
    const { status, text } = await kit.raw('POST', `/api/v1/namespaces/${kit.namespace}/pods?dryRun=All`, pod);
    expect([status, text]).toEqual([403, expect.stringContaining('violates PodSecurity')]);
  });
});
