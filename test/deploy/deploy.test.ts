import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/program.js';
import { diagnose } from '../../src/deploy/doctor.js';
import { DEPLOY_FEATURES } from '../../src/deploy/permissions.js';
import { rbacManifests } from '../../src/deploy/rbac.js';
import { ConfigError, KubeApiError } from '../../src/errors.js';
import type { KubeClient } from '../../src/kube/kube-client.js';
import { FakeCluster } from '../../src/testing/fake-cluster.js';
import { parseYaml } from '../../src/wire/yaml.js';

async function run(...args: string[]) {
  let [out, err] = ['', ''];
  const code = await main(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isErrTty: false,
    columns: 80,
    color: false,
    style: (_stream, _style, text) => text,
  });
  return { code, out, err };
}

describe('rbac', () => {
  it('grants no more than running pods with logs and events takes', () => {
    const [account, role, binding, ...rest] = rbacManifests({ namespaces: ['jobs'] });
    expect(rest).toEqual([]);
    expect(account).toMatchObject({ kind: 'ServiceAccount', metadata: { name: 'podwright', namespace: 'jobs' } });
    expect(role).toMatchObject({
      kind: 'Role',
      metadata: { namespace: 'jobs' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'get', 'list', 'patch', 'watch'] },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
        { apiGroups: [''], resources: ['events'], verbs: ['list'] },
      ],
    });
    expect(binding).toMatchObject({
      kind: 'RoleBinding',
      roleRef: { kind: 'Role', name: 'podwright' },
      subjects: [{ kind: 'ServiceAccount', name: 'podwright', namespace: 'jobs' }],
    });
  });

  it('gives a role per namespace, or one for the cluster', () => {
    const kinds = (options: Parameters<typeof rbacManifests>[0]) =>
      rbacManifests(options).map(({ kind, metadata }) => `${kind}/${metadata?.namespace ?? ''}`);
    expect(kinds({ namespaces: ['a', 'b'], accountNamespace: 'host' })).toEqual([
      'ServiceAccount/host',
      'Role/a',
      'RoleBinding/a',
      'Role/b',
      'RoleBinding/b',
    ]);
    expect(kinds({ namespaces: ['a'], allNamespaces: true })).toEqual([
      'ServiceAccount/a',
      'ClusterRole/',
      'ClusterRoleBinding/',
    ]);
  });

  it('grants each feature what it needs and names wrong ones', async () => {
    const rules = rbacManifests({ features: DEPLOY_FEATURES })[1]?.rules?.map(({ resources }) => resources[0]);
    expect(rules).toEqual(['pods', 'pods/log', 'events', 'secrets', 'leases', 'namespaces', 'resourcequotas']);
    expect(() => rbacManifests({ features: ['log' as never], namespaces: ['No Good'] })).toThrow(ConfigError);
    const { code, err } = await run('rbac', '--features', 'evnts');
    expect(code).toBe(3);
    expect(err).toContain('did you mean events?');
  });

  it('is printed as YAML or JSON', async () => {
    const { code, out } = await run('rbac', '-n', 'jobs', '--features', '', '--name', 'runner');
    expect(code).toBe(0);
    const documents = out
      .split('---\n')
      .slice(1)
      .map((text) => parseYaml(text).value);
    expect(documents).toEqual(rbacManifests({ namespaces: ['jobs'], features: [], name: 'runner' }));
    expect(JSON.parse((await run('rbac', '--json')).out)).toMatchObject({ kind: 'List', items: rbacManifests() });
  });
});

describe('the doctor', () => {
  let cluster: FakeCluster;
  let folder: string;
  beforeEach(async () => {
    cluster = await FakeCluster.start({ listen: true, kubelet: 'none' });
    folder = mkdtempSync(join(tmpdir(), 'doctor-'));
    writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(cluster.kubeconfig));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await cluster.stop();
  });
  const doctor = async (...more: string[]) => {
    const result = await run('doctor', '--kubeconfig', join(folder, 'kubeconfig'), '--json', ...more);
    return { ...result, report: JSON.parse(result.out) as { ok: boolean; checks: Record<string, string>[] } };
  };

  it('finds nothing wrong where nothing is, and creates nothing', async () => {
    const { code, report } = await doctor();
    expect(report.checks.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    expect(new Set(report.checks.map(({ check }) => check))).toEqual(
      new Set(['connection', 'version', 'clock', 'namespace', 'permission', 'quota', 'admission']),
    );
    expect((await cluster.kubeClient().listPods({})).items).toEqual([]);
  });

  it('tells a permission that nothing works without from one that costs a feature', async () => {
    cluster.forbid({ verb: 'create', resource: 'pods' });
    cluster.forbid({ resource: 'pods/log' });
    const { code, report } = await doctor();
    expect(code).toBe(3);
    expect(report.checks).toContainEqual({
      check: 'permission',
      state: 'error',
      message: 'may not create pods: without it no task can run',
      hint: 'podwright rbac --namespace default --features logs,events,secrets,leases,doctor | kubectl apply -f -',
    });
    expect(report.checks).toContainEqual(
      expect.objectContaining({
        state: 'warning',
        message: expect.stringMatching(/^may not get pods\/log: without it logs/),
      }),
    );
    expect(report.checks).toContainEqual(expect.objectContaining({ check: 'admission', state: 'unknown' }));
  });

  it('goes on where it may not look', async () => {
    cluster.forbid({ resource: 'namespaces' });
    cluster.forbid({ resource: 'resourcequotas' });
    const { code, report } = await doctor();
    expect(code).toBe(0);
    expect(report.checks.filter(({ state }) => state === 'unknown').map(({ check }) => check)).toEqual([
      'namespace',
      'quota',
    ]);
  });

  it('says that a namespace is not there', async () => {
    const { code, report } = await doctor('-n', 'nowhere');
    expect(code).toBe(3);
    expect(report.checks).toContainEqual(
      expect.objectContaining({ check: 'namespace', state: 'error', message: 'there is no namespace nowhere' }),
    );
  });

  it('says that a pod cannot be made, or is refused', async () => {
    writeFileSync(join(folder, 'pod.yaml'), 'spec: {containers: [{name: base, imagee: x}]}\n');
    const { code, report } = await doctor('--template', join(folder, 'pod.yaml'), '--image', 'a:1');
    expect(code).toBe(3);
    expect(report.checks.at(-1)).toMatchObject({
      check: 'admission',
      state: 'error',
      message: expect.stringContaining('imagee'),
    });
  });

  it('says that the server cannot be reached, and looks no further', async () => {
    const config = cluster.kubeconfig;
    await cluster.stop();
    writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(config));
    const { code, report } = await doctor();
    expect(code).toBe(4);
    expect(report.checks.map(({ check, state }) => [check, state])).toEqual([['connection', 'error']]);
    cluster = await FakeCluster.start({ listen: true, kubelet: 'none' });
  });

  it('prints lines for people', async () => {
    const { out } = await run('doctor', '--kubeconfig', join(folder, 'kubeconfig'));
    expect(out).toMatch(/^ok {7}connection {2}the API server answers\n/);
    expect(out).toMatch(/\d+ ok, 0 warnings, 0 errors, 0 unknown\n$/);
  });
});

it('warns of a full quota and of clocks that differ', async () => {
  const client = {
    listPods: async () => ({ metadata: {}, items: [] }),
    serverTimeOffsetMs: () => 120_000,
    listQuotas: async () => ({
      metadata: {},
      items: [
        { metadata: { name: 'q' }, status: { hard: { pods: '10', cpu: '4' }, used: { pods: '10', cpu: '500m' } } },
      ],
    }),
    createPod: async () => {
      throw new KubeApiError('admission webhook "x" denied the request', { status: 403 } as never);
    },
  } as unknown as KubeClient;
  const checks = await diagnose({ client, namespace: 'jobs', pod: {} });
  expect(checks.map(({ check, state }) => `${check} ${state}`)).toEqual([
    'connection ok',
    'clock warning',
    'permission unknown',
    'quota warning',
    'quota ok',
    'admission error',
  ]);
  expect(checks[1]?.message).toBe("the clock of this host is 120 s behind the server's");
});
