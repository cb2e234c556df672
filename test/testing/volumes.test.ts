import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeCluster } from '../../src/testing/index.js';
import type { KubeEvent } from '../../src/wire/types.js';
import { call, PODS, pod } from './call.js';

const NAMESPACE = '/api/v1/namespaces/default';

describe('volumes of processes', () => {
  let cluster: FakeCluster;
  let folder = '';
  beforeEach(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'podwright-test-')));
    vi.stubEnv('TMPDIR', folder);
    cluster = await FakeCluster.start({ kubelet: 'process', listen: false });
  });
  afterEach(async () => {
    await cluster.stop();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  const post = async (path: string, body: object) => {
    const { status, text } = await call(cluster.transport(), 'POST', `${NAMESPACE}/${path}`, body);
    expect(status, text).toBe(201);
  };
  const create = async (volumes: object[], script: string, more: object = {}, spec: object = {}, meta: object = {}) => {
    const volumeMounts = volumes.map((volume) => {
      const { name } = volume as { name: string };
      return { name, mountPath: `/mnt/${name}` };
    });
    const container = { name: 'base', image: 'x', command: ['node', '-e', script], volumeMounts, ...more };
    const made = pod('a', { volumes, containers: [container], ...spec });
    await post('pods', { ...made, metadata: { ...made.metadata, ...meta } });
  };
  const ended = () => cluster.waitFor((view) => view.phase === 'Failed' || view.phase === 'Succeeded');
  const said = async () => {
    await ended();
    return (await call(cluster.transport(), 'GET', `${PODS}/a/log`)).text;
  };
  /** Prints each file of the folder in a variable, with its mode. */
  const showAll = (variable: string) =>
    `const fs = require("fs"), { join } = require("path"), root = process.env.${variable};
     for (const name of fs.readdirSync(root, { recursive: true }).sort()) {
       const stat = fs.statSync(join(root, name));
       if (stat.isFile()) console.log(name, (stat.mode & 0o777).toString(8), fs.readFileSync(join(root, name), "latin1"));
     }`;

  it('has the keys of config maps and secrets as files', async () => {
    const binary = Buffer.from([0, 255]).toString('base64');
    await post('configmaps', { metadata: { name: 'm' }, data: { 'a.txt': 'one' }, binaryData: { 'b.bin': binary } });
    await post('secrets', { metadata: { name: 's' }, stringData: { key: 'hidden', other: 'no' } });
    const secret = { secretName: 's', items: [{ key: 'key', path: 'deep/name', mode: 0o600 }] };
    await create(
      [
        { name: 'my-map', configMap: { name: 'm', defaultMode: 0o640 } },
        { name: 'mine', secret },
      ],
      `${showAll('PODWRIGHT_MOUNT_MY_MAP')}; { ${showAll('PODWRIGHT_MOUNT_MINE')} }`,
    );
    expect(await said()).toBe('a.txt 640 one\nb.bin 640 \0ÿ\ndeep/name 600 hidden\n');
  });

  it('has a container wait whose mount cannot be made', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await create([{ name: 'host', hostPath: { path: join(file, 'below') } }], '');
    const { status } = await cluster.waitFor((view) => {
      const { waiting } = view.pod.status?.containerStatuses?.[0]?.state ?? {};
      return waiting?.reason === 'CreateContainerConfigError';
    });
    expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('failed to mkdir');
  });

  it('has fields of the pod as files, and all sources of a projected volume together', async () => {
    await post('configmaps', { metadata: { name: 'm' }, data: { name: 'from map', map: 'm' } });
    const items = [
      { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
      { path: 'notes', fieldRef: { fieldPath: 'metadata.annotations' } },
      { path: 'cpu', resourceFieldRef: { containerName: 'base', resource: 'limits.cpu' } },
    ];
    const sources = [
      { configMap: { name: 'm' } },
      { downwardAPI: { items } },
      { secret: { name: 'gone', optional: true } },
    ];
    await create(
      [{ name: 'all', projected: { sources, defaultMode: 0o444 } }],
      showAll('PODWRIGHT_MOUNT_ALL'),
      { resources: { limits: { cpu: '1500m' } } },
      {},
      { annotations: { b: 'two', a: '"one"' } },
    );
    expect(await said()).toBe('cpu 444 2\nmap 444 m\nname 444 a\nnotes 444 a="\\"one\\""\nb="two"\n');
  });

  it('shares an empty folder between containers, and parts of it by path', async () => {
    const write = 'require("fs").writeFileSync(process.env.PODWRIGHT_MOUNT_SHARED + "/file", "from init")';
    const mount = { name: 'shared', mountPath: '/init', subPathExpr: 'parts/$(PART)' };
    const init = { name: 'init', image: 'x', command: ['node', '-e', write], volumeMounts: [mount] };
    await create(
      [{ name: 'shared', emptyDir: {} }],
      'console.log(require("fs").readFileSync(process.argv[1], "utf8"), Object.keys(JSON.parse(process.env.PODWRIGHT_MOUNTS)).join())',
      {
        volumeMounts: [
          { name: 'shared', mountPath: '/whole' },
          { name: 'shared', mountPath: '/part', subPath: 'parts/one' },
        ],
        args: ['$(PODWRIGHT_MOUNT_SHARED)/parts/one/file'],
      },
      { initContainers: [{ ...init, env: [{ name: 'PART', value: 'one' }] }] },
    );
    expect(await said()).toBe('from init /whole,/part\n');
  });

  it('mounts a file of a config map alone, and a folder of this machine', async () => {
    await post('configmaps', { metadata: { name: 'm' }, data: { key: 'text' } });
    writeFileSync(join(folder, 'host'), 'of the host');
    await create(
      [
        { name: 'map', configMap: { name: 'm' } },
        { name: 'host', hostPath: { path: folder } },
      ],
      `const { readFileSync } = require("fs"), paths = JSON.parse(process.env.PODWRIGHT_MOUNTS);
       console.log(readFileSync(paths["/etc/key"], "utf8"), readFileSync(paths["/host"] + "/host", "utf8"))`,
      {
        volumeMounts: [
          { name: 'map', mountPath: '/etc/key', subPath: 'key' },
          { name: 'host', mountPath: '/host' },
        ],
      },
    );
    expect(await said()).toBe('text of the host\n');
    expect(existsSync(join(folder, 'host'))).toBe(true);
  });

  const missing: readonly [string, object, string][] = [
    ['a config map', { configMap: { name: 'late' } }, 'configmap "late" not found'],
    ['a secret', { secret: { secretName: 'late' } }, 'secret "late" not found'],
    [
      'several parts of a projected volume',
      { projected: { sources: [{ secret: { name: 'late' } }, { configMap: { name: 'late' } }] } },
      '[secret "late" not found, configmap "late" not found]',
    ],
  ];
  for (const [what, source, why] of missing)
    it(`waits for ${what} that is missing, and starts when it is there`, async () => {
      await create([{ name: 'data', ...source }], '');
      const failed = async () => {
        const { json } = await call(cluster.transport(), 'GET', `${NAMESPACE}/events`);
        return (json.items as KubeEvent[]).find(({ reason }) => reason === 'FailedMount');
      };
      await vi.waitFor(async () => expect(await failed()).toBeDefined());
      expect(await failed()).toMatchObject({
        type: 'Warning',
        message: `MountVolume.SetUp failed for volume "data" : ${why}`,
        source: { component: 'kubelet' },
      });
      const [held] = cluster.pods();
      expect(held?.status).toMatchObject({
        phase: 'Pending',
        containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }],
      });
      await post('secrets', { metadata: { name: 'late' } });
      await post('configmaps', { metadata: { name: 'late' } });
      expect((await ended()).status?.phase).toBe('Succeeded');
    });

  it('tells of a key that is missing', async () => {
    await post('configmaps', { metadata: { name: 'm' }, data: {} });
    await create([{ name: 'data', configMap: { name: 'm', items: [{ key: 'k', path: 'p' }] } }], '');
    await vi.waitFor(async () => {
      const { json } = await call(cluster.transport(), 'GET', `${NAMESPACE}/events`);
      expect(json.items).toContainEqual(
        expect.objectContaining({
          message: 'MountVolume.SetUp failed for volume "data" : configmap references non-existent config key: k',
        }),
      );
    });
    await call(cluster.transport(), 'DELETE', `${PODS}/a`);
    await vi.waitFor(() => expect(cluster.pods()).toEqual([]));
  });

  it('leaves nothing behind, whether the pod ends, is deleted, or the cluster stops', async () => {
    const volumes = [{ name: 'data', emptyDir: {} }];
    await create(volumes, '');
    await ended();
    await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]));
    await call(cluster.transport(), 'DELETE', `${PODS}/a`, { gracePeriodSeconds: 0 });
    for (const isDeleted of [true, false]) {
      await create(volumes, 'setInterval(() => {}, 1000)', {}, { terminationGracePeriodSeconds: 1 });
      await cluster.waitFor((view) => view.phase === 'Running');
      expect(readdirSync(folder).some((name) => name.startsWith('podwright-volumes-'))).toBe(true);
      if (isDeleted) await call(cluster.transport(), 'DELETE', `${PODS}/a`);
      else await cluster.stop();
      await vi.waitFor(() => expect(readdirSync(folder)).toEqual([]), { timeout: 5000 });
    }
  });
});
