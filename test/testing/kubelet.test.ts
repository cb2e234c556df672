import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { FakeCluster } from '../../src/testing/index.js';
import { ProcessRuntime } from '../../src/testing/kubelet/process-runtime.js';
import { ContainerLog } from '../../src/testing/server/container-log.js';
import { call, PODS, pod, running } from './call.js';

describe('the kubelet in process mode', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start({ kubelet: 'process', listen: false });
  });
  afterEach(() => cluster.stop());

  const create = (name: string, spec: object) => call(cluster.transport(), 'POST', PODS, pod(name, spec));
  const ended = () => cluster.waitFor((view) => view.phase === 'Failed' || view.phase === 'Succeeded');
  const node = (script: string) => ['node', '-e', script];

  it('runs init containers in order before the main one', async () => {
    const init = (name: string) => ({ name, image: 'x', command: node(`console.log("${name}")`) });
    await create('a', {
      initContainers: [init('one'), init('two')],
      containers: [{ name: 'base', image: 'x', command: node('console.log("main")') }],
    });
    const { status } = await ended();
    expect(status?.phase).toBe('Succeeded');
    const times = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
      (item) => item.state?.terminated?.startedAt ?? '',
    );
    expect(times).toEqual([...times].sort());
    expect((await call(cluster.transport(), 'GET', `${PODS}/a/log?container=two`)).text).toBe('two\n');
  });

  it.each([
    ['an empty command', { command: [''] }, 'exec: "": invalid argument'],
    ['a command with a zero byte', { command: ['echo', 'a\0b'] }, 'exec: "echo": invalid argument'],
    [
      'a variable that is too long',
      { command: ['true'], env: [{ name: 'BIG', value: 'x'.repeat(200_000) }] },
      'exec: "true": argument list too long',
    ],
  ])('does not start %s, and says why', async (_what, container, why) => {
    await create('a', { containers: [{ name: 'base', image: 'x', ...container }] });
    const { terminated } = (await ended()).status?.containerStatuses?.[0]?.state ?? {};
    expect(terminated).toMatchObject({ reason: 'StartError', exitCode: 128, message: expect.stringContaining(why) });
  });

  it('fails a pod whose init container fails', async () => {
    await create('a', { initContainers: [{ name: 'init', image: 'x', command: node('process.exit(5)') }] });
    const { status } = await ended();
    expect(status?.phase).toBe('Failed');
    expect(status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(5);
    expect(status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
  });

  it('ends a sidecar after the main container', async () => {
    const sidecar = { name: 'side', image: 'x', restartPolicy: 'Always', command: node('setInterval(() => {}, 1000)') };
    await create('a', { initContainers: [sidecar], ...running(...node('process.exit(0)')) });
    const { status } = await ended();
    expect(status?.phase).toBe('Succeeded');
    expect(status?.initContainerStatuses?.[0]?.state?.terminated).toBeDefined();
  });

  it('gives variables from config maps, secrets and limits', async () => {
    const post = (path: string, body: object) =>
      call(cluster.transport(), 'POST', `/api/v1/namespaces/default/${path}`, body);
    await post('configmaps', { metadata: { name: 'm' }, data: { x: 'from map' } });
    await post('secrets', { metadata: { name: 's' }, stringData: { k: 'hidden' } });
    await create('a', {
      containers: [
        {
          name: 'base',
          image: 'x',
          command: node('console.log([process.env.M_x, process.env.K, process.env.CPU, process.env.NONE].join("|"))'),
          resources: { limits: { cpu: '1500m' } },
          envFrom: [{ configMapRef: { name: 'm' }, prefix: 'M_' }, { secretRef: { name: 'gone', optional: true } }],
          env: [
            { name: 'K', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
            { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
            { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'm', key: 'none', optional: true } } },
          ],
        },
      ],
    });
    await ended();
    expect((await call(cluster.transport(), 'GET', `${PODS}/a/log`)).text).toBe('from map|hidden|2|\n');
  });

  const missing: readonly [string, object, string][] = [
    ['a secret', { envFrom: [{ secretRef: { name: 's' } }] }, 'secret "s" not found'],
    [
      'a config map',
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }] },
      'configmap "m" not found',
    ],
  ];
  for (const [what, fields, message] of missing)
    it(`waits for ${what} that is missing, and starts when it is there`, async () => {
      await create('a', { containers: [{ name: 'base', image: 'x', command: node(''), ...fields }] });
      const waiting = (state: { message?: string } | undefined) => state?.message === message;
      const held = await cluster.waitFor(({ pod: held }) =>
        waiting(held.status?.containerStatuses?.[0]?.state?.waiting),
      );
      expect(held.status?.phase).toBe('Pending');
      expect(held.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('CreateContainerConfigError');
      const [path, name, data] = what === 'a secret' ? ['secrets', 's', {}] : ['configmaps', 'm', { k: 'v' }];
      await call(cluster.transport(), 'POST', `/api/v1/namespaces/default/${path}`, { metadata: { name }, data });
      expect((await ended()).status?.phase).toBe('Succeeded');
    });

  it('gives variables, the directory, and takes the termination message', async () => {
    const script =
      'require("fs").writeFileSync(process.env.PODWRIGHT_TERMINATION_LOG, [process.env.A, process.env.NAME, process.argv[1], process.cwd()].join(" "))';
    const env = [
      { name: 'A', value: '1' },
      { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ];
    await create('a', {
      containers: [{ name: 'base', image: 'x', command: node(script), args: ['$(A)-$(NAME)'], env, workingDir: '/' }],
    });
    expect((await ended()).status?.containerStatuses?.[0]?.state?.terminated?.message).toBe('1 a 1-a /');
  });

  it('falls back to the log for the message of an error', async () => {
    const container = {
      name: 'base',
      image: 'x',
      terminationMessagePolicy: 'FallbackToLogsOnError',
      command: node('console.log("why"); process.exit(1)'),
    };
    await create('a', { containers: [container] });
    expect((await ended()).status?.containerStatuses?.[0]?.state?.terminated?.message).toBe('why\n');
  });

  it('reports a command that is not there', async () => {
    await create('a', running('no-such-command-anywhere'));
    expect((await ended()).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
    });
  });

  it('ends a deleted pod with SIGTERM, and removes it', async () => {
    await create(
      'a',
      running(...node('process.on("SIGTERM", () => process.exit(7)); console.log("up"); setInterval(() => {}, 1000)')),
    );
    await cluster.waitFor((view) => view.phase === 'Running');
    const transport = cluster.transport();
    const response = await transport.request({ method: 'GET', path: `${PODS}/a/log?follow=true` });
    for await (const piece of response.body) {
      if (Buffer.from(piece).toString().includes('up')) break;
    }
    const last = cluster.waitFor((view) => view.pod.status?.containerStatuses?.[0]?.state?.terminated !== undefined);
    await call(transport, 'DELETE', `${PODS}/a`);
    expect((await last).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 7 });
  });

  it('kills with SIGKILL when the grace has passed', async () => {
    await create('a', {
      terminationGracePeriodSeconds: 1,
      ...running(...node('process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)')),
    });
    await cluster.waitFor((view) => view.phase === 'Running');
    const response = await cluster.transport().request({ method: 'GET', path: `${PODS}/a/log?follow=true` });
    for await (const piece of response.body) {
      if (Buffer.from(piece).toString().includes('up')) break;
    }
    const last = cluster.waitFor((view) => view.pod.status?.containerStatuses?.[0]?.state?.terminated !== undefined);
    await call(cluster.transport(), 'DELETE', `${PODS}/a`);
    expect((await last).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 137 });
  });

  it('serves parts of a log', async () => {
    await create('a', running(...node('for (let i = 1; i < 6; i++) console.log("line " + i)')));
    await ended();
    const log = async (query: string) => (await call(cluster.transport(), 'GET', `${PODS}/a/log?${query}`)).text;
    expect(await log('tailLines=2')).toBe('line 4\nline 5\n');
    expect(await log('tailLines=0')).toBe('');
    expect(await log('limitBytes=9')).toBe('line 1\nli');
    expect(await log('tailLines=1&timestamps=true')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 5\n$/);
    expect(await log('previous=true')).toContain('previous terminated container');
  });
});

it('kills a process that is being started when the cluster stops, and leaves no folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
  vi.stubEnv('TMPDIR', folder);
  try {
    const runtime = new ProcessRuntime(systemClock, 0);
    const container = { name: 'base', image: 'x', command: ['node', '-e', 'setInterval(() => {}, 1000)'] };
    const starting = runtime.start({ metadata: { name: 'p' } }, container, new ContainerLog());
    runtime.killAll();
    expect(await (await starting).exited).toMatchObject({ exitCode: 137 });
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
});
