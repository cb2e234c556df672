import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeCluster } from '../../src/testing/index.js';
import { call, PODS, pod } from '../testing/call.js';
import { runCli } from './run-cli.js';

let cluster: FakeCluster;
let folder: string;
let kubeconfig: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'podwright-test-'));
  kubeconfig = join(folder, 'config');
  cluster = await FakeCluster.start();
  await cluster.writeKubeconfig(kubeconfig);
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

describe('podwright explain', () => {
  it('tells why somebody’s pod has failed, with its log but without the secrets in it', async () => {
    const script = {
      'testing.podwright.dev/result': 'OOMKilled',
      'testing.podwright.dev/duration': '10ms',
      'testing.podwright.dev/log': 'connecting with password=hunter2',
    };
    await call(cluster.transport(), 'POST', PODS, pod('big', {}, script));
    await cluster.waitFor(({ phase }) => phase === 'Failed');
    const text = await runCli(['explain', 'big', '--kubeconfig', kubeconfig]);
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('default/big: failed, oom_killed (blame: task, certain)');
    expect(text.stdout).toContain('what to do');
    expect(text.stdout).toContain('password=[redacted]');
    expect(text.stdout).not.toContain('hunter2');
    const json = await runCli(['explain', 'big', '--kubeconfig', kubeconfig, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ state: 'failed', verdict: { kind: 'oom_killed' } });
  });

  it('says so where there is no such pod', async () => {
    const { code, stderr } = await runCli(['explain', 'nobody', '-n', 'default', '--kubeconfig', kubeconfig]);
    expect(code).toBe(1);
    expect(stderr).toContain('There is no pod default/nobody');
  });
});
