import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import { deployManifests } from '../../src/deploy/manifests.js';
import { ConfigError } from '../../src/errors.js';
import { checkPod } from '../../src/pod/check/pod-check.js';
import type { Container, KubeObject, Pod } from '../../src/wire/types.js';
import { runCli } from '../cli/run-cli.js';

/** The pod of a Deployment or StatefulSet. */
const templateOf = (object: KubeObject | undefined): Pod =>
  (object as { spec?: { template?: Pod } }).spec?.template ?? {};
const find = (objects: readonly KubeObject[], kind: string) => objects.find((one) => one.kind === kind);
const all = {
  image: 'example.com:5000/host:1.2',
  namespace: 'airflow-k8sexecutor',
  initArgs: ['db', 'migrate'],
  databaseSecret: 'airflow-secrets',
  withDatabase: true,
};

describe('deployManifests', () => {
  it('prints a namespace that enforces the restricted level, an account with roles, and a host', () => {
    const objects = deployManifests({ image: 'host:1' });
    expect(objects.map(({ kind }) => kind)).toEqual([
      ...['Namespace', 'ServiceAccount', 'Role', 'RoleBinding', 'Deployment', 'Service'],
    ]);
    expect(objects[0]?.metadata?.labels?.['pod-security.kubernetes.io/enforce']).toBe('restricted');
    expect(JSON.stringify(objects)).not.toContain('"0.0.0.0"');
  });

  it('gives the host health, time to stop, a bootstrap step and no rights on its machine', () => {
    const deployment = find(deployManifests(all), 'Deployment');
    expect(deployment).toMatchObject({ spec: { replicas: 1, strategy: { type: 'Recreate' } } });
    const { spec } = templateOf(deployment);
    expect(spec).toMatchObject({
      serviceAccountName: 'podwright',
      terminationGracePeriodSeconds: 60,
      securityContext: { runAsNonRoot: true, runAsUser: 50_000 },
      initContainers: [{ name: 'bootstrap', args: ['db', 'migrate'] }],
      containers: [{ livenessProbe: { httpGet: { path: '/healthz' } }, readinessProbe: {}, startupProbe: {} }],
    });
    for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])])
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
  });

  it('makes pods that the check of pods finds nothing wrong with', () => {
    const objects = deployManifests(all);
    for (const kind of ['Deployment', 'StatefulSet']) {
      const { metadata, spec } = templateOf(find(objects, kind));
      // The controller adds the volume of its claim.
      const volumes = [...(spec?.volumes ?? []), ...(kind === 'StatefulSet' ? [{ name: 'data', emptyDir: {} }] : [])];
      const pod = { metadata: { ...metadata, name: 'p', namespace: 'n' }, spec: { ...spec, volumes } } as Pod;
      expect(checkPod(pod)).toEqual([]);
    }
  });

  it('hands the host variables that podwright itself reads, and secrets by reference', () => {
    const host = templateOf(find(deployManifests(all), 'Deployment')).spec?.containers[0] as Container;
    const env = Object.fromEntries(
      (host.env ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
    );
    const { config } = loadConfig({ env });
    expect(config.kubernetes).toMatchObject({
      namespace: 'airflow-k8sexecutor',
      inCluster: true,
      serviceAccountName: 'default',
      workerContainerRepository: 'example.com:5000/host',
      workerContainerTag: '1.2',
    });
    expect(host.env).toContainEqual({
      name: 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN',
      valueFrom: { secretKeyRef: { name: 'airflow-secrets', key: 'connection' } },
    });
  });

  it('refuses wrong options with their places, and secrets without showing them', () => {
    const wrong = {
      image: '',
      namespace: 'No',
      runAsUser: 0,
      replicas: 2,
      args: 'run' as never,
      resources: { cpu: 'much' },
      env: { DB_PASSWORD: 'S3CRET', URL: 'postgresql://u:S3CRET@h' },
      withDatabase: true,
    };
    const error = (() => {
      try {
        return deployManifests(wrong);
      } catch (caught) {
        return caught;
      }
    })() as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.problems.map(({ field }) => field)).toEqual([
      ...['image', 'namespace', 'podNamespaces', 'runAsUser', 'args', 'resources.cpu', 'env.DB_PASSWORD', 'env.URL'],
      ...['databaseSecret', 'features'],
    ]);
    expect(error.message).not.toContain('S3CRET');
    expect(() => deployManifests(undefined as never)).toThrow(ConfigError);
  });

  it('is a command', async () => {
    const { code, stdout, stderr } = await runCli([
      'manifests',
      '--image',
      'host:1',
      '--database-secret',
      'db',
      '--env',
      'A=b=c',
      '--json',
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('the Secret db with connection is yours to make')]);
    expect(stdout).toContain('{"name":"A","value":"b=c"}');
    const wrong = await runCli(['manifests', '--metrics-port', 'x']);
    expect([wrong.code, wrong.stderr]).toEqual([3, expect.stringContaining('image is needed')]);
  });
});
